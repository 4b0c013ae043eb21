#!/usr/bin/env bash
# flashrom, as the distribution ships it, against an emulated adapter with a 4 MiB W25Q32:
# an independent client that identifies, reads, erases, writes and verifies.
# usage: test_flashrom.sh BKFLASH-USB ADAPTER FLASHROM-PROGRAMMER
set -euo pipefail
usb=$1 adapter=$2 programmer=$3
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

# Deterministic contents that differ in every sector, with runs of FF and 00 in between.
head -c 4194304 < <(seq 1 900000) >old.bin
head -c 4194304 < <(seq 3000000 3900000) >new.bin
dd if=/dev/zero of=new.bin bs=4096 seek=10 count=20 conv=notrunc status=none
head -c 4194304 /dev/zero | tr '\0' '\377' >blank.bin
dd if=blank.bin of=new.bin bs=4096 seek=100 count=50 conv=notrunc status=none

run() { # run NAME IMAGE KEY=VALUE... -- flashrom arguments
  local name=$1 image=$2 keys=() status=0
  shift 2
  while [ "$1" != -- ]; do keys+=("$1") && shift; done
  shift
  rm -f report.json
  # flashrom probes with commands of other makers' dies, and has no chip select to spare
  "$usb" strict=1 report=report.json "adapter=$adapter" gate=no jedec=EF4016 "image=$image" \
    save=after.bin tolerate=opcode "${keys[@]}" -- \
    flashrom -p "$programmer" "$@" >flashrom.log 2>&1 || status=$?
  if [ "$status" -ne 0 ]; then
    echo "$name: exit $status"
    cat flashrom.log report.json
    exit 1
  fi
  local time_us
  time_us=$(grep -o '"time_us":[0-9]*' report.json | head -n 1 | cut -d: -f2)
  echo "$name: ok, modelled time $((time_us / 1000)) ms"
}

run identify old.bin --
grep -q 'Found Winbond flash chip "W25Q32' flashrom.log
run "full read" old.bin -- -r read.bin
cmp read.bin old.bin
run erase old.bin -- -E
cmp after.bin blank.bin
run 'write and verify' old.bin -- -w new.bin
grep -q VERIFIED flashrom.log
cmp after.bin new.bin
if [ "$adapter" = ch341a ]; then # reply packets the chip can hold
  run 'read, 1 packet' old.bin fifo=1 -- -r read.bin
  cmp read.bin old.bin
  run 'read, 8 packets' old.bin fifo=8 -- -r read.bin
  cmp read.bin old.bin
fi
# A die that lies must not pass: the model is not just echoing the client.
if "$usb" "adapter=$adapter" gate=no jedec=EF4016 image=old.bin lie=noprogram:7 -- \
  flashrom -p "$programmer" -w new.bin >flashrom.log 2>&1; then
  echo "flashrom verified a die that does not program"
  exit 1
fi
grep -q 'FAILED' flashrom.log
echo "lying die: found out"
