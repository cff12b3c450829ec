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
# What ccache takes for the header's content. The file itself differs from one
# build directory to the next, because it holds paths.
file(SHA256 ${NARAE_SOURCE_DIR}/cmake/Precompiled.h narae_pch_hash)
file(WRITE ${CMAKE_BINARY_DIR}/CMakeFiles/narae_pch.dir/cmake_pch.hxx.pch.sum
  "${narae_pch_hash} ${LLVM_VERSION} ${CMAKE_CXX_COMPILER_VERSION} ${CMAKE_BUILD_TYPE} ${NARAE_SANITIZE}\n")
set_property(DIRECTORY ${NARAE_SOURCE_DIR} APPEND PROPERTY
  CMAKE_CONFIGURE_DEPENDS ${NARAE_SOURCE_DIR}/cmake/Precompiled.h)

# narae_use_pch(TARGET): target_precompile_headers(... REUSE_FROM) would name
# the header a second time, by a path that ccache cannot make relative. The
# objects depend on the header once all sources of the folder are known.
set(narae_pch_file ${CMAKE_BINARY_DIR}/CMakeFiles/narae_pch.dir/cmake_pch.hxx.pch)
function(narae_use_pch name)
  target_compile_options(${name} PRIVATE "SHELL:-include-pch ${narae_pch_file}")
  cmake_language(EVAL CODE "cmake_language(DEFER CALL narae_depend_on_pch ${name})")
endfunction()
function(narae_depend_on_pch name)
  get_target_property(sources ${name} SOURCES)
  set_property(SOURCE ${sources} TARGET_DIRECTORY ${name}
    APPEND PROPERTY OBJECT_DEPENDS ${narae_pch_file})
endfunction()

# narae_mlir_library(NAME SOURCES... [DEPENDS ...])
function(narae_mlir_library name)
  cmake_parse_arguments(ARG "" "" "DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PUBLIC narae_mlir ${ARG_DEPENDS})
  narae_use_pch(${name})
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
