#!/usr/bin/env bash
# The channels of FT2232H and FT4232H: the plugin alone, then a whole dump over each of them.
# usage: test_channels.sh BKFLASH-USB PLUGIN PROGRAM VECTORS BKFLASH SOURCE-DIR
set -euo pipefail
usb=$1 plugin=$2 program=$3 vectors=$4 bkflash=$5 source=$6
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export HOME=$dir XDG_CACHE_HOME=$dir/.cache XDG_STATE_HOME=$dir/.local XDG_CONFIG_HOME=$dir/.config
head -c 4194304 < <(seq 1 900000) >image.bin
export USB_TEST_PLUGIN=$plugin USB_TEST_LOG=$dir/log USB_TEST_IMAGE=$dir/image.bin
: >log

fail() {
  echo "FAILED: $*"
  cat out.log report.json 2>/dev/null || true
  exit 1
}
try() { # try CASE CHANNEL ADAPTER [KEY=VALUE...]
  local name=$1 channel=$2 adapter=$3
  shift 3
  rm -f report.json
  USB_TEST_OPTS=channel=$channel${options:+,$options} "$usb" "strict=${strict:-1}" report=report.json "log=$dir/log" \
    "adapter=$adapter" gate=no jedec=0B4016 "image=$dir/image.bin" "$@" -- "$program" "$name" \
    >out.log 2>&1 || fail "$name $channel $adapter $*"
  grep -E "^[a-z-]+: [0-9]+:" out.log || true
}
drivers() { grep -o '"driver":"[^"]*"' report.json; }

try one-channel B ft232h
try two-channels C ft2232h
try four-channels D ft4232h
try no-such E ft2232h
try two-letters AB ft2232h
try busy B ft2232h in_use=2 driver=none
try not-wired B ft2232h in_use=1 driver=none # somebody else has A: no matter
try not-wired A ft2232h channel=1
try older A ft2232h release=0500
# libftdi does not know that release either, and sends its baud rate to no channel in particular
strict=0 options=usb_id=1234:abcd try no-engine C ft4232h usb_id=1234:ABCD release=1234
try both A ft2232h
[ "$(drivers)" = '"driver":"ftdi_sio,ftdi_sio"' ] || fail "a kernel driver was not given back"
try low-port A ft4232h
grep -q '^CTL 8: 40 0B 00 02 01 00' log || fail "no MPSSE mode on channel A"
: >log
try low-port B ft4232h channel=1
grep -q '^CTL 8: 40 0B 00 02 02 00' log || fail "no MPSSE mode on channel B"
! grep -q '^CTL 8: 40 .. .. .. 01' log || fail "channel A was touched"

# Every vector of the FT232H, 4 MiB included, on either channel of its bigger brother.
for channel in 0 1; do
  letter=$([ $channel = 0 ] && echo A || echo B)
  USB_TEST_CHANNEL=$((channel + 1)) USB_TEST_OPTS=channel=$letter \
    "$(dirname "$0")/test_plugin.sh" "$usb" ft2232h "$plugin" "$vectors" channel=$channel ||
    fail "vectors on channel $letter"
done

# The whole program; the FT4232H has no AC0, so CEN hangs on AD4 there.
mkdir boards
cp -r "$source/conf/." conf
sed '/^\[pads:ft232h\]/,/^$/s/@ AC0/@ AD4/' conf/boards/doorbell_mlt1t.ini >conf/boards/four.ini
read_with() { # ADAPTER PROFILE CHANNEL [KEY=VALUE...]
  local adapter=$1 profile=$2 channel=$3
  shift 3
  rm -f got.bin* report.json
  status=0
  "$usb" strict=1 report=report.json "adapter=$adapter" chip=bk7252 jedec=0B4016 \
    "image=$dir/image.bin" "$@" -- "$bkflash" -p "conf/boards/$profile.ini" -a ft232h \
    -O "channel=$channel" read --attempts 4 --verify=none --range 0x1000+64K -o got.bin >out.log 2>&1 || status=$?
}
good() {
  [ "$status" -eq 0 ] || fail "$*: exit $status"
  cmp -n 65536 got.bin image.bin 0 0x1000 || fail "$*: wrong data"
  echo "$*: read"
}
for run in "ft2232h doorbell_mlt1t A 0" "ft2232h doorbell_mlt1t B 1" "ft4232h four A 0" "ft4232h four B 1"; do
  read -r adapter profile channel number <<<"$run"
  read_with "$adapter" "$profile" "$channel" "channel=$number"
  good "$run"
done
read_with ft4232h doorbell_mlt1t A
[ "$status" -eq 2 ] || [ "$status" -eq 3 ] || fail "AC0 on an FT4232H: exit $status"
grep -q "FT4232H channel A has no line 'AC0'.*AD4 to AD7" out.log || fail "AC0 on an FT4232H: not said"
read_with ft2232h doorbell_mlt1t D
grep -q 'MPSSE on channels A and B only, not on channel D' out.log || fail "channel D: not said"
read_with ft2232h doorbell_mlt1t B channel=0
[ "$status" -eq 20 ] || fail "nothing on channel B: exit $status"
echo "channels: ok"
