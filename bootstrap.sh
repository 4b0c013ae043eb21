#!/usr/bin/env bash
# bootstrap.sh - from a fresh clone on Debian 12 to a working bkflash.
#
#   ./bootstrap.sh          install what is missing, configure, build
#   ./bootstrap.sh demo     ... then dump a simulated doorbell and show what happened
#   ./bootstrap.sh test     ... then run every test (what CI runs)
#
# Each is safe to run twice.  Root is asked for only when a package is missing.
set -euo pipefail
cd "$(dirname "$0")"

build_packages=(gcc libc6-dev cmake ninja-build pkg-config libusb-1.0-0-dev libserialport-dev
  libftdi1-dev libinih-dev libjansson-dev nettle-dev zlib1g-dev libcmocka-dev python3)
test_packages=(clang clang-tidy clang-format libclang-rt-14-dev g++ binutils valgrind shellcheck
  flashrom umockdev socat jq abigail-tools lintian dpkg-dev man-db zsh fish
  bash-completion file git time chromium
  qemu-system-x86 busybox-static cpio libusbredirparser-dev)

say() { printf 'bootstrap: %s\n' "$*"; }
die() {
  printf 'bootstrap: FAILED: %s\n' "$*" >&2
  exit 1
}

missing_packages() {
  local p
  for p in "$@"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || printf '%s ' "$p"
  done
}

# install PACKAGE...: only what is missing, as root or through sudo.
install() {
  command -v dpkg-query >/dev/null || die "this is not Debian; install these yourself, then run cmake: $*"
  local want as_root=()
  want=$(missing_packages "$@")
  [ -n "$want" ] || return 0
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die "packages are missing and there is no sudo; as root run: apt-get install $want"
    as_root=(sudo)
    say "asking for root to install: $want"
  fi
  say "installing: $want"
  local log
  log=$(mktemp)
  # shellcheck disable=SC2086 # a list of words
  if ! { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $want; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    die "apt-get could not install the packages (output above, all of it in $log)"
  fi
  rm -f "$log"
}

# build PRESET: configure once, build what changed.
build() {
  say "building ($1)"
  mkdir -p "build/$1"
  local log="build/$1/bootstrap.log"
  if ! { cmake --preset "$1" && cmake --build --preset "$1"; } >"$log" 2>&1; then
    grep -nE 'error|warning|FAILED|CMake Error' "$log" | head -n 30 >&2 || true
    tail -n 15 "$log" >&2
    die "the $1 build failed (all of its output: $log)"
  fi
}

demo() {
  local dir=build/demo
  mkdir -p "$dir"
  rm -f "$dir"/doorbell.bin "$dir"/doorbell.bin.json
  say "a simulated doorbell (BK7252 and an XT25F32B flash), dumped like a real one:"
  local cmd=(build/release/bkflash -p doorbell_mlt1t.ini -a sim dump "$dir/doorbell.bin")
  printf '\n$ %s\n' "${cmd[*]}"
  "${cmd[@]}" || die "the demo dump failed"
  cmd=(build/release/bkflash -p doorbell_mlt1t.ini -a sim verify "$dir/doorbell.bin")
  printf '\n$ %s\n' "${cmd[*]}"
  "${cmd[@]}" || die "the dump does not match the simulated flash"
  printf '\n'
  say "the dump is $dir/doorbell.bin, what is known about it is in $dir/doorbell.bin.json:"
  head -c 700 "$dir/doorbell.bin.json"
  printf '\n...\n'
  say "demo done"
}

case "${1:-build}" in
build)
  install "${build_packages[@]}"
  build release
  say "done: build/release/bkflash"
  ;;
demo)
  install "${build_packages[@]}"
  build release
  demo
  ;;
test)
  install "${build_packages[@]}" "${test_packages[@]}"
  exec tests/run_all.sh
  ;;
*)
  printf 'usage: ./bootstrap.sh [build|demo|test]\n' >&2
  exit 2
  ;;
esac
