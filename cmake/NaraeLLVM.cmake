# LLVM and MLIR 19, the shared libraries of the distribution, and the helper
# for libraries that include their headers.
find_package(MLIR REQUIRED CONFIG HINTS /usr/lib/llvm-19/lib/cmake/mlir)
list(APPEND CMAKE_MODULE_PATH ${MLIR_CMAKE_DIR} ${LLVM_CMAKE_DIR})
include(TableGen)
include(AddLLVM)
include(AddMLIR)

add_library(narae_mlir INTERFACE)
target_include_directories(narae_mlir SYSTEM INTERFACE ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
target_compile_definitions(narae_mlir INTERFACE ${LLVM_DEFINITIONS_LIST})
target_compile_options(narae_mlir INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fno-rtti -fno-exceptions>)
target_link_libraries(narae_mlir INTERFACE narae_options MLIR LLVM)

# One precompiled header for all files that include MLIR.
file(WRITE ${CMAKE_BINARY_DIR}/pch.cpp "// owner of the precompiled header\n")
add_library(narae_pch STATIC ${CMAKE_BINARY_DIR}/pch.cpp)
target_link_libraries(narae_pch PUBLIC narae_mlir)
target_precompile_headers(narae_pch PRIVATE ${NARAE_SOURCE_DIR}/cmake/Precompiled.h)

# narae_mlir_library(NAME SOURCES... [DEPENDS ...])
function(narae_mlir_library name)
  cmake_parse_arguments(ARG "" "" "DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PUBLIC narae_mlir ${ARG_DEPENDS})
  target_precompile_headers(${name} REUSE_FROM narae_pch)
endfunction()

# narae_tablegen(TARGET TD -gen... OUT ...): pairs of output and generator.
function(narae_tablegen target td)
  set(LLVM_TARGET_DEFINITIONS ${td})
  set(args ${ARGN})
  while(args)
    list(POP_FRONT args out gen)
    separate_arguments(gen)
    mlir_tablegen(${out} ${gen} -I${NARAE_SOURCE_DIR} -I${MLIR_INCLUDE_DIRS})
  endwhile()
  add_public_tablegen_target(${target})
endfunction()
