# cpack -G DEB: bkflash (program, plugins, profiles), libbkflash1, libbkflash-dev.
# Configure with -DCMAKE_INSTALL_PREFIX=/usr, so that files go where Debian wants them.
set(BKFLASH_CONTACT "The bkflash authors <bkflash@users.noreply.github.com>" CACHE STRING
  "Maintainer of the packages")
set(package_dir ${PROJECT_BINARY_DIR}/package)
configure_file(cmake/debian/changelog.in ${package_dir}/changelog @ONLY)
if(gzip)
  execute_process(COMMAND ${gzip} -9nc ${package_dir}/changelog OUTPUT_FILE ${package_dir}/changelog.gz
    COMMAND_ERROR_IS_FATAL ANY)
endif()
set(packages program:bkflash library:libbkflash1 sdk:libbkflash-dev)
foreach(pair ${packages})
  string(REPLACE ":" ";" pair ${pair})
  list(GET pair 0 component)
  list(GET pair 1 name)
  install(FILES cmake/debian/copyright DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${name}
    COMPONENT ${component} EXCLUDE_FROM_ALL)
  install(FILES ${package_dir}/changelog.gz DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${name}
    COMPONENT ${component} EXCLUDE_FROM_ALL)
  if(EXISTS ${PROJECT_SOURCE_DIR}/cmake/debian/${name}.lintian-overrides)
    install(FILES cmake/debian/${name}.lintian-overrides RENAME ${name}
      DESTINATION ${CMAKE_INSTALL_DATADIR}/lintian/overrides COMPONENT ${component} EXCLUDE_FROM_ALL)
  endif()
  string(TOUPPER ${component} upper)
  set(CPACK_DEBIAN_${upper}_PACKAGE_NAME ${name})
endforeach()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME bkflash)
set(CPACK_PACKAGE_CONTACT ${BKFLASH_CONTACT})
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL program library sdk)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING IGNORE)
# Files in the packages are as old as the changelog's first entry, unless SOURCE_DATE_EPOCH is set.
file(STRINGS ${package_dir}/changelog date REGEX "^ -- " LIMIT_COUNT 1)
string(REGEX REPLACE "^.*>  " "" date ${date})
execute_process(COMMAND date -u -d ${date} +%s OUTPUT_VARIABLE CPACK_BKFLASH_EPOCH
  OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/cmake/debian/stage.cmake)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${PROJECT_BINARY_DIR}/core)
file(WRITE ${package_dir}/shlibs "libbkflash 1 libbkflash1 (>= ${PROJECT_VERSION})\n")
file(WRITE ${package_dir}/triggers "activate-noawait ldconfig\n")
set(CPACK_DEBIAN_LIBRARY_PACKAGE_CONTROL_EXTRA "${package_dir}/shlibs;${package_dir}/triggers")
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SECTION electronics)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_SDK_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_DEPENDS "libbkflash1 (= ${PROJECT_VERSION})")
set(CPACK_DEBIAN_SDK_PACKAGE_DEPENDS "libbkflash1 (= ${PROJECT_VERSION})")
set(CPACK_DEBIAN_LIBRARY_PACKAGE_RECOMMENDS "bkflash (= ${PROJECT_VERSION})")
set(about "Reads, checks and writes the flash of BK7231, BK7252 and related chips in
place, over SPI adapters (CH341A, FT232H, serprog) or a serial port.
")
set(CPACK_DEBIAN_PROGRAM_DESCRIPTION "flasher for Beken Wi-Fi chips
${about}
This package has the program, its plugins, profiles and udev rules.")
set(CPACK_DEBIAN_LIBRARY_DESCRIPTION "flasher for Beken Wi-Fi chips, library
${about}
This package has the library. Plugins and profiles are in bkflash.")
set(CPACK_DEBIAN_SDK_DESCRIPTION "flasher for Beken Wi-Fi chips, development files
${about}
This package has what programs and plugins are built with: headers, CMake and
pkg-config files, templates, the conformance kit and the virtual device.")
include(CPack)
