# The device library (lib/codegen/device), functions that kernels call, as
# LLVM bitcode for one kind of target.
find_program(NARAE_CLANGXX NAMES clang++-19 clang++
             HINTS ${LLVM_TOOLS_BINARY_DIR} REQUIRED)
find_program(NARAE_LLVM_LINK NAMES llvm-link-19 llvm-link
             HINTS ${LLVM_TOOLS_BINARY_DIR} REQUIRED)

set(narae_device_flags -std=c++17 -O2
  -ffreestanding -fno-builtin -fno-exceptions -fno-rtti -fno-math-errno
  -ffp-contract=off -fno-trapping-math -fno-vectorize -fno-slp-vectorize
  -fno-unroll-loops -fno-asynchronous-unwind-tables
  -fno-ident -fvisibility=hidden -Wall -Wextra -Wno-psabi
  # Templates of vectors are for inlining; none may stay a call.
  -mllvm -inline-threshold=100000)

# narae_device_bitcode(OUTPUT SOURCE FLAGS ...): one source for a target.
function(narae_device_bitcode output source)
  cmake_parse_arguments(ARG "" "" "FLAGS" ${ARGN})
  get_filename_component(folder ${source} DIRECTORY)
  get_filename_component(name ${source} NAME)
  file(GLOB headers CONFIGURE_DEPENDS ${folder}/*.h)
  add_custom_command(OUTPUT ${output}
    COMMAND ${NARAE_CLANGXX} ${narae_device_flags} ${ARG_FLAGS} -emit-llvm -c
            ${source} -o ${output}
    DEPENDS ${source} ${headers} COMMENT "Device bitcode ${name}" VERBATIM)
endfunction()

# narae_device_library(OUTPUT FLAGS ...): the math functions in one file.
function(narae_device_library output)
  cmake_parse_arguments(ARG "" "" "FLAGS" ${ARGN})
  set(parts)
  foreach(name ArcTrig Erf Exp Log Pow Trig)
    set(part ${CMAKE_CURRENT_BINARY_DIR}/${name}.bc)
    narae_device_bitcode(${part} ${NARAE_SOURCE_DIR}/lib/codegen/device/${name}.cpp
      FLAGS ${ARG_FLAGS})
    list(APPEND parts ${part})
  endforeach()
  add_custom_command(OUTPUT ${output}
    COMMAND ${NARAE_LLVM_LINK} ${parts} -o ${output}
    DEPENDS ${parts} COMMENT "Device bitcode" VERBATIM)
endfunction()
