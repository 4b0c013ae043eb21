#!/usr/bin/env bash
# usage: test_unplug.sh BKFLASH-USB PROGRAM PROFILE ADAPTER
set -euo pipefail
usb=$1 program=$2 profile=$3 adapter=$4
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export HOME=$dir XDG_CACHE_HOME=$dir/.cache XDG_STATE_HOME=$dir/.local XDG_CONFIG_HOME=$dir/.config
head -c 4194304 < <(seq 1 900000) >image.bin
route=$adapter
[ "$adapter" != ch341a ] || route= # the profile's default
"$usb" strict=1 "adapter=$adapter" chip=bk7252 jedec=0B4016 "image=$dir/image.bin" -- \
  "$program" "$profile" "$route" "$dir/image.bin"
