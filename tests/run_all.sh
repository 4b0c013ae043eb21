#!/usr/bin/env bash
# run_all.sh - every test, in stages; a stage that fails is named and does not hide the others.
#
#   tests/run_all.sh                 all stages
#   tests/run_all.sh dev lint        just these
#
# Stages: lint dev release valgrind clang tsan tidy fuzz qemu
# and one that only runs when it is named, as it needs root, debootstrap and minutes: debian
set -uo pipefail
cd "$(dirname "$0")/.." || exit
unset "${!BKFLASH_@}" # a user's settings must not reach the tests

jobs=$(nproc)
fuzz_seconds=${FUZZ_SECONDS:-30}
failed=()

stage() { printf '\n== %s\n' "$*"; }

# build PRESET [TARGET...]: quiet unless it fails.
build() {
  mkdir -p "build/$1"
  local log="build/$1/run_all.log"
  if ! { cmake --preset "$1" && cmake --build --preset "$1" ${2:+--target "${@:2}"}; } >"$log" 2>&1; then
    grep -nE 'error|warning|FAILED|CMake Error' "$log" | head -n 30
    tail -n 15 "$log"
    echo "the $1 build failed; all of its output: $log"
    return 1
  fi
}

run_ctest() { ctest --test-dir "build/$1" --output-on-failure -j "$jobs" "${@:2}"; }

stage_lint() {
  local ok=0
  git ls-files -z '*.c' '*.h' | xargs -0 clang-format --dry-run --Werror || ok=1
  git ls-files -z '*.sh' .ci/run | xargs -0 shellcheck || ok=1
  return $ok
}
stage_dev() { build dev && run_ctest dev; }
# The long counts (a million plans) are: ctest --test-dir build/release -L release
stage_release() {
  build release && run_ctest release -L "release|bench" -E "plan_million|change_random_full" || return 1
  run_twice ./bootstrap.sh && run_twice ./bootstrap.sh demo
}
# The README's promise.
run_twice() {
  local log=build/release/run_twice.log
  if ! "$@" >"$log" 2>&1 || ! "$@" >"$log" 2>&1; then
    tail -n 20 "$log"
    echo "failed: $*"
    return 1
  fi
}
# The sanitizers do not see reads of uninitialised memory; valgrind does.
stage_valgrind() {
  build release && run_ctest release -L unit -T memcheck --overwrite \
    "MemoryCheckCommandOptions=-q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite"
}
stage_clang() { build clang; }
stage_tsan() { build tsan test_gang bkf-sim bkf-bk7252 && run_ctest tsan -L threads; }
stage_tidy() {
  build dev || return 1
  # The product; the tests are covered by the compilers' warnings and the sanitizers.
  git ls-files 'core/*.c' 'plugins/*.c' | grep -v '/test_' | tr '\n' '\0' |
    xargs -0 -n 8 -P "$jobs" clang-tidy --quiet --extra-arg=-Wno-unknown-warning-option -p build/dev 2>/dev/null
}
# Two targets at a time; the 10-minute runs are tests/fuzz/run.sh 600.
stage_fuzz() {
  local source name targets=() first=() second=() ok=0
  for source in tests/fuzz/fuzz_*.c; do
    name=$(basename "$source" .c)
    targets+=("$name")
    if [ ${#first[@]} -le ${#second[@]} ]; then first+=("${name#fuzz_}"); else second+=("${name#fuzz_}"); fi
  done
  build fuzz "${targets[@]}" || return 1
  tests/fuzz/run.sh "$fuzz_seconds" "${second[@]}" &
  local other=$!
  tests/fuzz/run.sh "$fuzz_seconds" "${first[@]}" || ok=1
  wait "$other" || ok=1
  return $ok
}

# Packages built, installed, used and purged on a Debian 12 made for it.
stage_debian() {
  local packages=$PWD/build/package-test code=0
  bash tests/docs/deb.sh "$PWD" "$packages" || return 1
  tests/sdk/clean_install.sh "$packages" "$packages/base.tar" || code=$?
  [ $code -eq 77 ] || return $code # it has said why it was skipped
}

# A real kernel drives the emulated adapters; without qemu or a kernel package it says so and is passed.
stage_qemu() {
  build release || return 1
  local rc=0
  tests/qemu/run.sh build/release || rc=$?
  [ "$rc" -ne 77 ] || return 0
  return "$rc"
}

stages=("$@")
[ ${#stages[@]} -gt 0 ] || stages=(lint dev release valgrind clang tsan tidy fuzz qemu)
for s in "${stages[@]}"; do
  case $s in
  lint | dev | release | valgrind | clang | tsan | tidy | fuzz | qemu | debian) ;;
  *)
    echo "run_all.sh: no stage named '$s'" >&2
    exit 2
    ;;
  esac
  start=$SECONDS
  stage "$s"
  "stage_$s" || failed+=("$s")
  printf '== %s took %d s\n' "$s" $((SECONDS - start))
done

printf '\n'
if [ ${#failed[@]} -gt 0 ]; then
  echo "FAILED stages: ${failed[*]}"
  exit 1
fi
echo "all stages passed: ${stages[*]}"
