#!/usr/bin/env bash
# A test program against an adapter plugin on an emulated adapter, strictly.
# usage: test_plugin.sh BKFLASH-USB ADAPTER PLUGIN PROGRAM [KEY=VALUE...]
set -euo pipefail
usb=$1 adapter=$2 plugin=$3 program=$4
shift 4
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# 4 MiB that differ everywhere; 00 01 .. FF at 012300, blank pages at the start.
image=$dir/image.bin
head -c 4194304 < <(seq 1 900000) >"$image"
for i in {0..255}; do printf '%b' "\\x$(printf %02x "$i")"; done |
  dd of="$image" bs=1 seek=$((0x12300)) conv=notrunc status=none
head -c 65536 /dev/zero | tr '\0' '\377' | dd of="$image" conv=notrunc status=none

export USB_TEST_PLUGIN=$plugin USB_TEST_LOG=$dir/log USB_TEST_IMAGE=$image
status=0
"$usb" strict=1 "report=$dir/report" "log=$dir/log" "adapter=$adapter" gate=no jedec=0B4016 \
  "image=$image" "$@" -- "$program" || status=$?
cat "$dir/report"
exit "$status"
