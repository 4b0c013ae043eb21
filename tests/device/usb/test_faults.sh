#!/usr/bin/env bash
# An adapter plugin and everything that can go wrong on USB, one program run per case.
# usage: test_faults.sh BKFLASH-USB ADAPTER PLUGIN PROGRAM
set -euo pipefail
usb=$1 adapter=$2 plugin=$3 program=$4
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
image=$dir/image.bin
head -c 4194304 < <(seq 1 900000) >"$image"
export USB_TEST_PLUGIN=$plugin USB_TEST_IMAGE=$image USB_TEST_LOG=/dev/null
target=(gate=no jedec=0B4016 "image=$image")

try() { # try CASE [KEY=VALUE...]: the keys are those of the emulated machine
  local name=$1 status=0
  shift
  rm -f "$dir/report"
  "$usb" strict=1 "report=$dir/report" "$@" -- "$program" "$name" >"$dir/out" 2>&1 || status=$?
  if [ "$status" -ne 0 ]; then
    echo "$name $*: exit $status"
    cat "$dir/out"
    [ ! -e "$dir/report" ] || cat "$dir/report"
    exit 1
  fi
  grep -E "^($name|list):" "$dir/out" || true
}

a=("adapter=$adapter" "${target[@]}")
try absent
try no-access "${a[@]}" no_access=1
try in-use "${a[@]}" in_use=1
two=("${a[@]}" serial=A1 "adapter=$adapter" port=1-4.2 serial=B2 "${target[@]}")
for which in '' -wrong -first -second -address; do try "two$which" "${two[@]}"; done
USB_TEST_OPTS=usb_id=1234:abcd try clone "${a[@]}" usb_id=1234:ABCD
try stale "${a[@]}" stale=3
if [ "$adapter" = ft232h ]; then
  try two-serial "${two[@]}"
  try driver "${a[@]}"
  grep -q '"driver":"ftdi_sio"' "$dir/report" # given back
fi
if [ "$adapter" = ch341a ]; then
  try uart-mode adapter=ch341a-uart "${target[@]}"
  try printer-mode adapter=ch341a-uart "${target[@]}" usb_id=1a86:5584
  try driver "${a[@]}" driver=spi-ch341
  grep -q '"driver":"spi-ch341"' "$dir/report" # given back
  try stale "${a[@]}" fifo=2 stale=2
  try driver "${a[@]}" version=0x20
fi
[ "$adapter" = ch341a ] && late=700 || late=150 # of the packets of one read
for n in 12 100 $late; do
  try recover-stall-in "${a[@]}" stall_in="$n"
  try recover-short "${a[@]}" shorten="$n"
  try recover-hang-in "${a[@]}" hang_in="$n"
  [ "$adapter" = ft232h ] || try recover-stall-out "${a[@]}" stall_out="$n"
  [ "$adapter" = ft232h ] || try recover-hang-out "${a[@]}" hang_out="$n"
done
calls=0
while :; do
  calls=$((calls + 1))
  try unplug "${a[@]}" unplug=$calls
  done_calls=$(grep -o '"calls":[0-9]*' "$dir/report" | cut -d: -f2)
  [ "$done_calls" -ge "$calls" ] || break
  # closing makes fewer calls after an unplug, so the count stops growing at the end
  [ "$calls" -lt 2000 ] || { echo "no end of calls"; exit 1; }
done
echo "unplugged at each of $((calls - 1)) calls"
