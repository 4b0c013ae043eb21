#!/usr/bin/env bash
# How long writes take in the model, with flashrom -w beside them: the same 4 MiB die (W25Q32,
# default busy times), the same emulated adapter, the same run.  Prints the table, fails above a
# bound.  The ideals are the sums of erase, program and verify (and read) at the adapter's limit.
# usage: test_write.sh BKFLASH-USB BKFLASH SOURCE-DIR PART   (PART: ch341a ft232h uart all)
set -euo pipefail
usb=$1 bkflash=$2 source=$3 part=$4
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export HOME=$dir/home XDG_STATE_HOME=$dir/state XDG_DATA_HOME=$dir/data BKFLASH_PROFILE_PATH=$source/conf
unset XDG_CACHE_HOME XDG_CONFIG_HOME
mkdir -p home

# A board with this die, without partitions: their rules are not what is measured.
for chip in bk7252 bk7231n; do
  sed '/^\[partition/,$d' "$source/conf/chips/$chip.ini" >$chip.ini
done
cat >board.ini <<'INI'
[profile]
schema = 1
kind = board
name = bench
include = bk7252.ini
[adapter]
driver = ch341a
transport = spi
[pads]
CE = cen @ D2
TCK = sck @ SCK
TMS = cs0 @ CS0
TDI = mosi @ MOSI
TDO = miso @ MISO
[adapter:ft232h]
driver = ft232h
transport = spi
[pads:ft232h]
CE = cen @ AC0
TCK = sck @ AD0
TDI = mosi @ AD1
TDO = miso @ AD2
TMS = cs0 @ AD3
[flash]
part = W25Q32
jedec = EF4016
size = 4M
INI
# As good as random, and the same every time.
random() { head -c 4194304 < <(seq "$1" "$2" | gzip -n -9); }
random 1 4000000 >old.bin
random 5000000 8000000 >new.bin
cp old.bin one.bin # one sector differs
dd if=new.bin of=one.bin bs=4096 skip=700 seek=700 count=1 conv=notrunc status=none

fail() {
  echo "FAILED: $*"
  tail -n 20 out.log report.json 2>/dev/null || true
  exit 1
}
field() { grep -o "\"$1\":[0-9]*" report.json | head -n 1 | cut -d: -f2; }
took() { time_us=$(field time_us); }
row() { printf '%-46s %8.2f s %9d packets %7d turnarounds\n' "$1" "$(awk "BEGIN{print $time_us / 1e6}")" \
  $(($(field out_packets) + $(field in_packets))) "$(field turnarounds)"; }
at_most() { [ "$2" -le "$3" ] || fail "$1: $2 us, at most $3 us are allowed"; }
faster() { # NAME THEIRS OURS HUNDREDTHS
  printf '%-46s %8.2f x\n' "$1" "$(awk "BEGIN{print $2 / $3}")"
  [ $(($2 * 100)) -ge $(($3 * $4)) ] || fail "$1: $2 us against $3 us is less than $4/100 x"
}
flashrom_write() { # NAME ADAPTER PROGRAMMER
  rm -f report.json
  "$usb" report=report.json "adapter=$2" gate=no jedec=EF4016 image=old.bin save=after.bin \
    tolerate=opcode -- flashrom -p "$3" -w new.bin >out.log 2>&1 || fail "$1"
  cmp -s after.bin new.bin || fail "$1: wrong bytes"
  took
  row "$1"
}
# on ADAPTER IMAGE -- OPTIONS VERB...: on a board that holds IMAGE
on() {
  local adapter=$1 image=$2
  shift 3
  rm -f report.json after.bin
  local route=()
  [ "$adapter" = ch341a ] || route=(-a "$adapter")
  "$usb" strict=1 report=report.json "adapter=$adapter" chip=bk7252 jedec=EF4016 "image=$image" \
    save=after.bin -- "$bkflash" -p ./board.ini "${route[@]}" "$@" >out.log 2>&1 || fail "$adapter: $*"
  took
}
write() { # NAME ADAPTER FILE [OPTIONS]: over old.bin, with a fresh account
  local name=$1 adapter=$2 file=$3
  shift 3
  rm -rf state data
  on "$adapter" old.bin -- write --at 0 "$file" "$@"
  cmp -s after.bin "$file" || fail "$name: wrong bytes"
  grep -q 'reading back' out.log || fail "$name: nothing is said of proof"
  row "$name"
}
backup() { # ADAPTER: what --trust-backup goes by
  rm -f backup.bin*
  rm -rf state
  on "$1" old.bin -- dump backup.bin
  cmp -s backup.bin old.bin || fail "$1: backup"
}
# both NAME ADAPTER PROGRAMMER IDEAL IDEAL-TRUSTED RATIO RATIO-TRUSTED
both() {
  local name=$1 adapter=$2 theirs
  flashrom_write "flashrom -w, $name" "$adapter" "$3"
  theirs=$time_us
  write "$name, with a backup in the same run" "$adapter" new.bin
  at_most "$name" "$time_us" $(($4 * 105 / 100))
  faster "  flashrom takes" "$theirs" "$time_us" "$6"
  backup "$adapter"
  write "$name, --trust-backup" "$adapter" new.bin --backup backup.bin --trust-backup
  at_most "$name, trusted" "$time_us" $(($5 * 105 / 100))
  faster "  flashrom takes" "$theirs" "$time_us" "$7"
}
part_ch341a() {
  # erase 64 x 0.25, program 16384 x 2.82 ms, verify 31.5; the backup reads once more
  both CH341A ch341a ch341a_spi 125200000 93700000 165 220
  write 'CH341A, one sector differs' ch341a one.bin
  at_most 'one sector' "$time_us" $((31500000 * 110 / 100))
  write 'CH341A, one sector differs, --trust-backup' ch341a one.bin --backup backup.bin --trust-backup
  at_most 'one sector, trusted' "$time_us" 2000000
}
part_ft232h() {
  both 'FT232H 6 MHz' ft232h ft2232_spi:type=232H,divisor=10 42000000 36000000 320 370
}
# Over UART the sector is found by the device's own CRC.
part_uart() {
  local chip at
  for chip in bk7252 bk7231n; do
    at=0
    [ "$chip" = bk7231n ] || at=$((0x11000)) # the loader itself lies below
    tail -c +$((at + 1)) one.bin >tail.bin
    sed "s/bk7252/$chip/; s/^driver = ch341a/driver = sim/; s/^transport = spi/transport = uart/" board.ini |
      sed '/^\[pads\]/,/^\[adapter:ft232h\]/{/^\[adapter:ft232h\]/!d}' |
      sed '/^\[adapter:ft232h\]/,/^\[flash\]/{/^\[flash\]/!d}' |
      sed 's/^transport = uart/&\nbaud = 921600\n[pads]\nP10 = rx @ rx\nP11 = tx @ tx/' >uart.ini
    rm -rf state data report.json
    cp old.bin after.bin
    "$bkflash" -p ./uart.ini -O uart_fault=latency:1 -O image=after.bin -O save=after.bin -O firmware=yes \
      -O report=report.json write --at $at tail.bin >out.log 2>&1 || fail "$chip over UART"
    cmp -s after.bin one.bin || fail "$chip over UART: wrong bytes"
    took
    printf '%-46s %8.2f s\n' "$chip over UART at 921600, one sector differs" "$(awk "BEGIN{print $time_us / 1e6}")"
    at_most "$chip over UART" "$time_us" 12000000
  done
}
if [ "$part" = all ]; then
  part_ch341a
  part_ft232h
  part_uart
else
  "part_$part"
fi
