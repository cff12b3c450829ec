# Warnings, sanitizers and the helper every library uses.
add_library(narae_options INTERFACE)
# The roots of include paths: public headers, the tree's, generated ones. An
# install has the latter two, for code generators, in a folder of their own.
target_include_directories(narae_options INTERFACE
  "$<BUILD_INTERFACE:${NARAE_SOURCE_DIR}/include;${NARAE_SOURCE_DIR};${CMAKE_BINARY_DIR}>"
  "$<INSTALL_INTERFACE:include;include/narae-codegen>")
# What plugins are compared by, beside their version.
include(NaraeBackendSchema)
set(narae_schema_inputs ${NARAE_SOURCE_DIR}/include/narae/backend.h
  ${NARAE_SOURCE_DIR}/lib/artifact/Artifact.fbs)
narae_backend_schema(${narae_schema_inputs} ${CMAKE_BINARY_DIR}/narae/backend_schema.h)
set_property(DIRECTORY ${NARAE_SOURCE_DIR} APPEND PROPERTY
  CMAKE_CONFIGURE_DEPENDS ${narae_schema_inputs})
target_compile_options(narae_options INTERFACE
  $<BUILD_INTERFACE:-Wall> $<BUILD_INTERFACE:-Wextra> $<BUILD_INTERFACE:-Wno-unused-parameter>)
if(NARAE_SANITIZE)
  target_compile_options(narae_options INTERFACE
    -fsanitize=${NARAE_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  target_link_options(narae_options INTERFACE -fsanitize=${NARAE_SANITIZE})
endif()
find_program(NARAE_LLD NAMES ld.lld-19 ld.lld)
if(NARAE_LLD AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_link_options(-fuse-ld=lld)
endif()

# narae_library(NAME SOURCES... [DEPENDS ...]): a static library of the project.
function(narae_library name)
  cmake_parse_arguments(ARG "" "" "DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PUBLIC narae_options ${ARG_DEPENDS})
endfunction()
