#!/usr/bin/env bash
# headers.sh INCLUDE_DIR: each public header alone, in every language it promises, without a
# warning.  Compilers that are not installed are named and left out; gcc must be there.
set -uo pipefail
include=$1
failed=0
checked=0

try() { # COMPILER LANGUAGE STANDARD HEADER
  local out
  command -v "$1" >/dev/null || {
    echo "skip: $1 is not installed"
    return
  }
  checked=$((checked + 1))
  if ! out=$(printf '#include <bkflash/%s>\n#include <bkflash/%s>\nint unused_symbol;\n' "$4" "$4" |
    "$1" -x "$2" "-std=$3" -Wall -Wextra -Wpedantic -Wconversion -Werror -fsyntax-only -I "$include" - 2>&1); then
    printf 'FAILED: %s -std=%s <bkflash/%s>\n%s\n' "$1" "$3" "$4" "$out"
    failed=1
  fi
}

for path in "$include"/bkflash/*.h; do
  header=${path##*/}
  for std in c99 c11 c17; do
    try gcc c "$std" "$header"
    try clang c "$std" "$header"
  done
  for std in c++11 c++17 c++20; do
    try g++ c++ "$std" "$header"
    try clang++ c++ "$std" "$header"
  done
done
echo "$checked combinations compiled"
[ "$checked" -gt 0 ] && exit $failed
exit 1
