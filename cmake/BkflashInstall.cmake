install(FILES include/bkflash/version.h include/bkflash/types.h include/bkflash/plugin.h
  include/bkflash/nor.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/bkflash)
install(DIRECTORY conf/chips conf/boards conf/flash conf/wiring conf/layouts DESTINATION ${CMAKE_INSTALL_DATADIR}/bkflash/conf
  FILES_MATCHING PATTERN "*.ini")
get_property(bkflash_plugins GLOBAL PROPERTY BKFLASH_PLUGINS)
if(bkflash_plugins)
  install(TARGETS ${bkflash_plugins} DESTINATION ${CMAKE_INSTALL_LIBDIR}/bkflash/plugins-1)
endif()
