# For backends of Narae's tree that are built by themselves: the functions that
# their CMake files call, on the libraries of an installed Narae.

# narae_standalone_backend(ROOT): what the whole directory needs; ROOT is the
# folder above `backends`.
macro(narae_standalone_backend root)
  set(CMAKE_CXX_STANDARD 17)
  set(CMAKE_CXX_EXTENSIONS OFF)
  set(CMAKE_POSITION_INDEPENDENT_CODE ON)
  set(CMAKE_CXX_VISIBILITY_PRESET hidden)
  set(CMAKE_C_VISIBILITY_PRESET hidden)
  set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
  if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE Release)
  endif()
  foreach(name narae_options narae_mlir ${Narae_BACKEND_LIBRARIES})
    if(NOT TARGET ${name})
      add_library(${name} ALIAS Narae::${name})
    endif()
  endforeach()
  # Installed headers come first; of ROOT only the backend's own are left.
  include_directories(AFTER ${root})
endmacro()

# narae_library(NAME SOURCES... [DEPENDS ...]): a library without MLIR.
function(narae_library name)
  cmake_parse_arguments(ARG "" "" "DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PUBLIC narae_options ${ARG_DEPENDS})
endfunction()

# narae_mlir_library(NAME SOURCES... [DEPENDS ...]): one with MLIR's headers.
function(narae_mlir_library name)
  cmake_parse_arguments(ARG "" "" "DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PUBLIC narae_mlir ${ARG_DEPENDS})
endfunction()
