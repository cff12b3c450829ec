# What `find_package(Narae)` needs: the public headers, the runtime's shared
# library (installed beside its target) and the targets that name both.
include(CMakePackageConfigHelpers)

install(DIRECTORY ${CMAKE_SOURCE_DIR}/include/narae
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(FILES ${CMAKE_BINARY_DIR}/narae/backend_schema.h
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/narae)
install(FILES ${CMAKE_SOURCE_DIR}/LICENSE
  DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/narae)

# Libraries that a backend of this tree may link, also by itself.
set(NARAE_BACKEND_LIBRARIES NaraeCodegen NaraeRt NaraeHbm NaraeFm NaraePlanner
  NaraeArtifact NaraeDram NaraeTargetFiles)
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/Narae)
configure_package_config_file(${CMAKE_SOURCE_DIR}/cmake/NaraeConfig.cmake.in
  ${CMAKE_BINARY_DIR}/NaraeConfig.cmake
  INSTALL_DESTINATION ${package_folder}
  PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR CMAKE_INSTALL_BINDIR)
write_basic_package_version_file(
  ${CMAKE_BINARY_DIR}/NaraeConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/NaraeConfig.cmake
              ${CMAKE_BINARY_DIR}/NaraeConfigVersion.cmake
  DESTINATION ${package_folder})

# Narae::codegen: how every op is computed, and the dialects, for the compiler
# side of a plugin.
if(NARAE_BUILD_COMPILER)
  set(codegen_includes ${CMAKE_INSTALL_INCLUDEDIR}/narae-codegen)
  install(TARGETS ${NARAE_BACKEND_LIBRARIES} narae_mlir narae_options
    EXPORT NaraeCodegen ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(EXPORT NaraeCodegen NAMESPACE Narae:: DESTINATION ${package_folder})
  foreach(root ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR})
    install(DIRECTORY ${root}/dialects DESTINATION ${codegen_includes}
      FILES_MATCHING PATTERN "*.h" PATTERN "*.h.inc" PATTERN "*.td"
      PATTERN "CMakeFiles" EXCLUDE)
  endforeach()
  # What headers of these two include of other folders.
  install(DIRECTORY ${CMAKE_SOURCE_DIR}/lib/codegen ${CMAKE_SOURCE_DIR}/lib/support
    DESTINATION ${codegen_includes}/lib FILES_MATCHING PATTERN "*.h")
  install(DIRECTORY ${CMAKE_SOURCE_DIR}/lib/memory/planner ${CMAKE_SOURCE_DIR}/lib/memory/dram
    DESTINATION ${codegen_includes}/lib/memory FILES_MATCHING PATTERN "*.h")
  install(DIRECTORY ${CMAKE_SOURCE_DIR}/lib/artifact
    DESTINATION ${codegen_includes}/lib FILES_MATCHING PATTERN "*.h")
  install(DIRECTORY ${CMAKE_SOURCE_DIR}/backends/targets
    DESTINATION ${codegen_includes}/backends FILES_MATCHING PATTERN "*.h")
  install(FILES ${CMAKE_SOURCE_DIR}/cmake/NaraeStandaloneBackend.cmake
    DESTINATION ${package_folder})
endif()
