# Language, warnings, sanitizers: one interface target that everything links.
option(BKFLASH_WERROR "Treat warnings as errors" ON)
option(BKFLASH_STATIC_PLUGINS "Link the shipped plugins into the program" OFF)
set(BKFLASH_SANITIZE "" CACHE STRING "Sanitizers: address,undefined or thread; empty = none")
option(BKFLASH_COVERAGE "Instrument for gcov" OFF)
option(BKFLASH_FUZZ "Build the libFuzzer targets (clang)" OFF)

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
# The build folder's name must not reach the binaries.
set(CMAKE_BUILD_RPATH_USE_ORIGIN ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()

add_library(bkf_flags INTERFACE)
target_compile_definitions(bkf_flags INTERFACE _GNU_SOURCE)
target_include_directories(bkf_flags INTERFACE ${PROJECT_SOURCE_DIR}/include)
target_compile_options(bkf_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
  -Wstrict-prototypes -Wmissing-prototypes -Wvla -fno-common)
# Messages are cut to their buffers on purpose; gcc has no other way to be told.
target_compile_options(bkf_flags INTERFACE $<$<C_COMPILER_ID:GNU>:-Wno-format-truncation>)
# No path of the building machine in the binaries: builds are reproducible.
target_compile_options(bkf_flags INTERFACE -ffile-prefix-map=${PROJECT_SOURCE_DIR}=. 
  -ffile-prefix-map=${PROJECT_BINARY_DIR}=build)
if(BKFLASH_WERROR)
  target_compile_options(bkf_flags INTERFACE -Werror)
endif()
if(BKFLASH_SANITIZE)
  target_compile_options(bkf_flags INTERFACE -fsanitize=${BKFLASH_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  target_link_options(bkf_flags INTERFACE -fsanitize=${BKFLASH_SANITIZE})
endif()
if(BKFLASH_FUZZ)
  # Coverage for libFuzzer in all of our code; the main function comes with each target.
  target_compile_options(bkf_flags INTERFACE -fsanitize=fuzzer-no-link)
  target_link_options(bkf_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(BKFLASH_COVERAGE)
  target_compile_options(bkf_flags INTERFACE --coverage)
  target_link_options(bkf_flags INTERFACE --coverage)
endif()
