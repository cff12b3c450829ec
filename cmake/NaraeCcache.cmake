# ccache, where it is installed. It has to be told at build time, not only
# when configuring: to accept the precompiled header (by the checksum beside
# it, which NaraeLLVM.cmake writes), and to find the same object again from
# another checkout.
find_program(NARAE_CCACHE ccache)
if(NARAE_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(narae_launcher
    /usr/bin/env
    CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
    CCACHE_PCH_EXTSUM=true
    CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}
    ${NARAE_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${narae_launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${narae_launcher})
endif()
