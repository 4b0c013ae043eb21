#!/usr/bin/env bash
# What the emulated CH341A calls a violation, and what it does not: CEN (D2) may be pulled low for
# a reset and released at the very end, and nowhere else.
# usage: test_strict.sh BKFLASH-USB PROGRAM
set -euo pipefail
usb=$1 program=$2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
head -c 4194304 /dev/zero >"$dir/image.bin"

run() { # run STATUS WORDS PACKET...
  local want=$1 words=$2 status=0
  shift 2
  rm -f "$dir/report"
  "$usb" strict=1 "report=$dir/report" adapter=ch341a gate=no jedec=0B4016 "image=$dir/image.bin" -- \
    "$program" "$@" || status=$?
  if [ "$status" -ne "$want" ] || ! grep -q "$words" "$dir/report"; then
    echo "FAILED: $*: exit $status, not $want with '$words'"
    cat "$dir/report"
    exit 1
  fi
}

idle='AB B7 7F 20' select='AB B6 20' data='A8 F9 00 00 00'
run 0 '"violations":\[\]' "$idle" "$select" "$data" in "$idle" 'AB B3 20' ms=100 "$idle" 'AB B7 40 20'
# an OUT byte without bit 2, alone or in the middle of a select
run 97 'CEN was low for only' "$idle" 'AB B3 B7 20' 'AB B7 40 20'
run 97 'CEN was low for only' "$idle" 'AB B7 B2 B6 20' "$data" in 'AB B7 40 20'
run 97 'CEN pulled low while CS is low' "$idle" "$select" 'AB B2 20' ms=100 "$idle" 'AB B7 40 20'
run 97 'while CEN is low' "$idle" 'AB B3 20' ms=100 'AB B2 20' "$data" in "$idle" 'AB B7 40 20'
# a DIR byte without bit 2: for a moment, or with data behind it
run 97 'CEN was released at' "$idle" 'AB 7B 7F 20' 'AB B7 40 20'
run 97 'CEN was released at' "$idle" 'AB B7 7B 20' ms=5 "$idle" 'AB B7 40 20'
run 97 'while CEN floats' "$idle" 'AB B6 7B 20' "$data" in 'AB B7 40 20'
# the rest of the grammar
run 97 'with CS high' "$idle" "$data" in 'AB B7 40 20'
run 97 'without END' 'AB B7 7F' 'AB B7 40 20'
run 97 'left unread' "$idle" "$select" "$data" "$idle" 'AB B7 40 20'
echo "strict: 10 violations noticed, 1 clean run let through"
