#!/usr/bin/env bash
# Start within 10 ms and 8 MiB; a 4 MiB dump within 4 + 8 MiB (release builds only).
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/../cli/lib.sh"

# best NAME COMMAND...: least wall time in ms of ten runs, into $ms
best() {
  local i t0 t1
  ms=1000000
  for ((i = 0; i < 10; i++)); do
    t0=${EPOCHREALTIME/[.,]/}
    "$@" >/dev/null 2>&1
    t1=${EPOCHREALTIME/[.,]/}
    [ $((t1 - t0)) -lt $ms ] && ms=$((t1 - t0))
  done
}
# peak COMMAND...: highest resident set in KiB, into $kib
peak() { kib=$(/usr/bin/time -f %M "$@" 2>&1 >/dev/null | tail -n 1); }
need /usr/bin/time

best "$bkflash" --version
echo "--version: $ms us"
[ "$ms" -lt 10000 ] || fail "--version takes $ms us"
peak "$bkflash" --version
echo "--version: $kib KiB"
[ "$kib" -lt 8192 ] || fail "--version needs $kib KiB"
peak "$bkflash" "${sim[@]}" -q dump big.bin
echo "dump of 4 MiB: $kib KiB"
[ "$kib" -lt $((12 * 1024)) ] || fail "a dump of 4 MiB needs $kib KiB"
[ "$kib" -gt 1024 ] || fail "no measurement"
finish
