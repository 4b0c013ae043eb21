# bkflash_add_plugin(NAME SOURCES a.c ... [LIBRARIES lib ...])
#
# Builds bkf-NAME.so: a module with hidden symbols and one export, bkf_plugin_query.
# Plugins see include/bkflash only.  In-tree they land in <build>/plugins-1, where a
# program run from its build tree finds them.
function(bkflash_add_plugin name)
  cmake_parse_arguments(arg "" "" "SOURCES;LIBRARIES" ${ARGN})
  set(target bkf-${name})
  add_library(${target} MODULE ${arg_SOURCES})
  set_target_properties(${target} PROPERTIES
    PREFIX "" OUTPUT_NAME bkf-${name} C_VISIBILITY_PRESET hidden
    LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/plugins-1)
  target_link_libraries(${target} PRIVATE bkf_flags ${arg_LIBRARIES})
  if(NOT BKFLASH_SANITIZE)
    target_link_options(${target} PRIVATE -Wl,-z,defs)
  endif()
  set_property(GLOBAL APPEND PROPERTY BKFLASH_PLUGINS ${target})
endfunction()
