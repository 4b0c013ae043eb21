# Man pages and shell completions, made at build time from the program's own table
# (bkflash --spec-json) and from docs/*.md, and where they and the udev rules are installed.
set(docs_dir ${PROJECT_BINARY_DIR}/docs)
find_program(gzip gzip)
set(zsh_dir ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
if(CMAKE_INSTALL_PREFIX STREQUAL "/usr") # Debian's place for packages
  set(zsh_dir ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
endif()
set(BKFLASH_ZSHDIR ${zsh_dir} CACHE STRING "Where the zsh completion goes")
set(BKFLASH_UDEVDIR lib/udev/rules.d CACHE STRING "Where the udev rules go")
install(FILES conf/udev/60-bkflash.rules DESTINATION ${BKFLASH_UDEVDIR} COMPONENT program)

find_package(Python3 QUIET COMPONENTS Interpreter)
if(NOT TARGET bkflash OR NOT Python3_Interpreter_FOUND)
  message(STATUS "No man pages and completions: they need python3")
  return()
endif()
file(MAKE_DIRECTORY ${docs_dir})
set(spec ${docs_dir}/spec.json)
add_custom_command(OUTPUT ${spec} COMMAND bkflash --spec-json > ${spec}.new
  COMMAND ${CMAKE_COMMAND} -E rename ${spec}.new ${spec} DEPENDS bkflash VERBATIM)

# bkflash_man(NAME SECTION "about" "see also" source.md ...)
function(bkflash_man name section about see)
  list(TRANSFORM ARGN PREPEND ${PROJECT_SOURCE_DIR}/docs/)
  add_custom_command(OUTPUT ${docs_dir}/${name}.${section}
    COMMAND ${Python3_EXECUTABLE} -B ${PROJECT_SOURCE_DIR}/scripts/make_man.py --title ${name}
      --section ${section} --about ${about} --see ${see} --version ${PROJECT_VERSION} --spec ${spec}
      -o ${docs_dir}/${name}.${section} ${ARGN}
    DEPENDS ${spec} ${ARGN} ${PROJECT_SOURCE_DIR}/scripts/make_man.py
      ${PROJECT_SOURCE_DIR}/scripts/spec.py VERBATIM)
  set(page ${docs_dir}/${name}.${section})
  if(gzip) # the same bytes whenever it is built
    add_custom_command(OUTPUT ${page}.gz COMMAND ${gzip} -9nc ${page} > ${page}.gz
      DEPENDS ${page} VERBATIM)
    set_property(GLOBAL APPEND PROPERTY BKFLASH_DOCS ${page}.gz)
    set(page ${page}.gz)
  endif()
  set(component program)
  if(section EQUAL 7)
    set(component sdk)
  endif()
  install(FILES ${page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section} COMPONENT ${component})
  set_property(GLOBAL APPEND PROPERTY BKFLASH_DOCS ${docs_dir}/${name}.${section})
endfunction()
bkflash_man(bkflash 1 "read and write the flash of Beken Wi-Fi chips"
  "bkflash-profile(5),bkflash-plugin(7)" man/bkflash.md)
bkflash_man(bkflash-profile 5 "profiles of boards, chips and flash parts"
  "bkflash(1),bkflash-plugin(7)" profiles.md)
bkflash_man(bkflash-plugin 7 "adapters and chips for bkflash"
  "bkflash(1),bkflash-profile(5)" write-a-plugin.md abi.md)

# bkflash_completion(TEMPLATE FILE DESTINATION)
function(bkflash_completion template file destination)
  set(source ${PROJECT_SOURCE_DIR}/docs/completions/${template})
  add_custom_command(OUTPUT ${docs_dir}/${file}
    COMMAND ${Python3_EXECUTABLE} -B ${PROJECT_SOURCE_DIR}/scripts/make_completions.py ${spec}
      ${source} ${docs_dir}/${file}
    DEPENDS ${spec} ${source} ${PROJECT_SOURCE_DIR}/scripts/make_completions.py
      ${PROJECT_SOURCE_DIR}/scripts/spec.py VERBATIM)
  set_property(GLOBAL APPEND PROPERTY BKFLASH_DOCS ${docs_dir}/${file})
  install(FILES ${docs_dir}/${file} DESTINATION ${destination} COMPONENT program ${ARGN})
endfunction()
bkflash_completion(bkflash.bash.in bkflash.bash
  ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME bkflash)
bkflash_completion(_bkflash.in _bkflash ${BKFLASH_ZSHDIR})
bkflash_completion(bkflash.fish.in bkflash.fish ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)

get_property(docs_files GLOBAL PROPERTY BKFLASH_DOCS)
add_custom_target(docs ALL DEPENDS ${docs_files})
