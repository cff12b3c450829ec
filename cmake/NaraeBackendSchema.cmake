# Writes narae/backend_schema.h: the hash that a plugin and the Narae that
# loads it compare. It covers the declarations of backend.h without comments,
# spaces and optional members, and the artifact's schema.
#   cmake -DHEADER=backend.h -DSCHEMA=Artifact.fbs -DOUTPUT=... -P THIS
# or, in the tree, narae_backend_schema(HEADER SCHEMA OUTPUT).
if(CMAKE_SCRIPT_MODE_FILE)
  cmake_minimum_required(VERSION 3.25)
endif()

function(narae_backend_schema header schema output)
  set(all "")
  foreach(file ${header} ${schema})
    file(READ ${file} text)
    # The part of a table that `struct_size` may cut off.
    string(REGEX REPLACE "// -+ optional from here -+[^}]*}" "}" text "${text}")
    string(REGEX REPLACE "//[^\n]*" "" text "${text}")
    string(REGEX REPLACE "/\\*([^*]|\\*+[^*/])*\\*+/" "" text "${text}")
    # Space counts only between two words.
    string(REGEX REPLACE "[ \t\r\n\\\\]+" " " text "${text}")
    string(REGEX REPLACE " ?([][(){}<>,;:*&|=+-]) ?" "\\1" text "${text}")
    string(APPEND all "${text}")
  endforeach()
  string(SHA256 hash "${all}")
  string(SUBSTRING ${hash} 0 16 hash)
  file(CONFIGURE OUTPUT ${output} CONTENT
"/* Made by cmake/NaraeBackendSchema.cmake. */
#ifndef NARAE_BACKEND_SCHEMA_H
#define NARAE_BACKEND_SCHEMA_H

/// Hash of the declarations of narae/backend.h and of the artifact's schema.
#define NARAE_BACKEND_SCHEMA_HASH 0x${hash}ull

#endif
")
endfunction()

if(CMAKE_SCRIPT_MODE_FILE STREQUAL CMAKE_CURRENT_LIST_FILE)
  narae_backend_schema(${HEADER} ${SCHEMA} ${OUTPUT})
endif()
