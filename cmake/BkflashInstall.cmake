# What "cmake --install" gives.  Everything is relocatable: the program finds its data next
# to itself, the SDK files compute their prefix.
include(CMakePackageConfigHelpers)
set(BKFLASH_PLUGINDIR ${CMAKE_INSTALL_LIBDIR}/bkflash/plugins-1)
set(BKFLASH_TEMPLATEDIR ${CMAKE_INSTALL_DATADIR}/bkflash/template)
set(BKFLASH_CHECK ${CMAKE_INSTALL_BINDIR}/bkflash-plugin-check)
file(STRINGS ${PROJECT_SOURCE_DIR}/include/bkflash/version.h abi_lines REGEX "^#define BKF_ABI_(MAJOR|MINOR) ")
string(REGEX REPLACE "[^0-9;]" "" abi_numbers "${abi_lines}")
list(JOIN abi_numbers "." BKFLASH_ABI)

# Three components, a Debian package each (cmake/BkflashPackage.cmake): program, library, sdk.
set(CMAKE_INSTALL_DEFAULT_COMPONENT_NAME sdk)

# The program, the library, the data.
file(RELATIVE_PATH bkflash_bin_to_lib /p/${CMAKE_INSTALL_BINDIR} /p/${CMAKE_INSTALL_LIBDIR})
if(TARGET bkflash)
  set_target_properties(bkflash PROPERTIES INSTALL_RPATH "$ORIGIN/${bkflash_bin_to_lib}")
  install(TARGETS bkflash RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT program)
  install(TARGETS libbkflash LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT library
    NAMELINK_COMPONENT sdk)
endif()
install(DIRECTORY conf/chips conf/boards conf/flash conf/wiring conf/layouts conf/log conf/doctor
  DESTINATION ${CMAKE_INSTALL_DATADIR}/bkflash/conf COMPONENT program FILES_MATCHING PATTERN "*.ini")
get_property(bkflash_plugins GLOBAL PROPERTY BKFLASH_PLUGINS)
if(bkflash_plugins AND NOT BKFLASH_STATIC_PLUGINS)
  install(TARGETS ${bkflash_plugins} LIBRARY DESTINATION ${BKFLASH_PLUGINDIR} COMPONENT program)
endif()

# The plugin SDK: headers, pkg-config, CMake package, templates, conformance kit.
install(FILES include/bkflash/version.h include/bkflash/types.h include/bkflash/plugin.h
  include/bkflash/nor.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/bkflash)
install(TARGETS bkflash-plugin-check RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY plugins/template/ DESTINATION ${BKFLASH_TEMPLATEDIR})
file(RELATIVE_PATH BKFLASH_PC_TO_PREFIX /p/${CMAKE_INSTALL_LIBDIR}/pkgconfig /p)
string(REGEX REPLACE "/$" "" BKFLASH_PC_TO_PREFIX "${BKFLASH_PC_TO_PREFIX}")
configure_file(cmake/bkflash-plugin.pc.in bkflash-plugin.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/bkflash-plugin.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
if(TARGET libbkflash) # for front ends: header, pkg-config, examples
  set(BKFLASH_EXAMPLEDIR ${CMAKE_INSTALL_DATADIR}/doc/libbkflash-dev/examples)
  configure_file(cmake/bkflash.pc.in bkflash.pc @ONLY)
  install(FILES include/bkflash/bkflash.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/bkflash)
  install(FILES ${PROJECT_BINARY_DIR}/bkflash.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
  install(FILES examples/Makefile examples/dump.c examples/list.c DESTINATION ${BKFLASH_EXAMPLEDIR})
endif()
configure_package_config_file(cmake/BkflashPluginConfig.cmake.in BkflashPluginConfig.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/BkflashPlugin
  PATH_VARS CMAKE_INSTALL_INCLUDEDIR BKFLASH_PLUGINDIR BKFLASH_CHECK)
write_basic_package_version_file(BkflashPluginConfigVersion.cmake
  VERSION ${BKFLASH_ABI} COMPATIBILITY SameMajorVersion ARCH_INDEPENDENT)
install(FILES ${PROJECT_BINARY_DIR}/BkflashPluginConfig.cmake
  ${PROJECT_BINARY_DIR}/BkflashPluginConfigVersion.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/BkflashPlugin)
