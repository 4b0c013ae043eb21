#!/usr/bin/env bash
# What is done in the guest: root is the host's, read-only; /run/share is the run's folder.
set -uo pipefail
read -r line </proc/cmdline
build=${line##*bkflash.build=}
build=${build%% *}
project=$(cd "$(dirname "$0")/../.." && pwd)
share=/run/share
cd /run/home || exit 1
failed=0
boards=$project/conf/boards

note() { printf '%6.1f s  %s\n' "$(cut -d' ' -f1 /proc/uptime)" "$*"; }
fail() {
  note "FAILED: $*"
  tail -n 15 out.log
  failed=1
}
# run EXIT NAME COMMAND...: its output is in out.log
run() {
  local want=$1 name=$2 rc=0 t=$EPOCHREALTIME
  shift 2
  "$@" >out.log 2>&1 || rc=$?
  cp out.log "$share/$name.out"
  took=$(awk "BEGIN{printf \"%.1f\", $EPOCHREALTIME-$t}")
  if [ "$rc" -eq "$want" ]; then note "ok: $name ($took s)"; else fail "$name: exit $rc, expected $want ($took s)"; fi
}
same() { cmp "$@" >cmp.log 2>&1 || fail "$1 is not what is in the flash: $(cat cmp.log)"; }
says() { grep -q -- "$1" out.log || fail "the output does not say '$1'"; }

note "up: $(uname -r)"
for f in /sys/bus/usb/devices/*/product; do note "$f $(cat "$f")"; done
run 0 list "$build/bkflash" list units
says 'usb:1-1 *CH341A'; says 'ttyUSB0 .*serial BENCH1, usb:1-2'

run 0 ch341a-dump "$build/bkflash" -p "$boards/doorbell_mlt1t.ini" dump -o dump.bin
same dump.bin "$share/image.bin"

uart=("$build/bkflash" -p "$boards/generic_bk7231n.ini" -a uart)
timer() { echo "/sys/bus/usb-serial/devices/ttyUSB$1/latency_timer"; }

run 2 uart-ambiguous "${uart[@]}" info
says ttyUSB1
run 10 uart-missing "${uart[@]}" -u NOSUCH info

run 0 uart-read "${uart[@]}" -u BENCH1 read --range 0x20000+128K -o part.bin
same -n 131072 part.bin "$share/image2.bin" 0 0x20000
[ "$(cat "$(timer 0)")" = 1 ] || fail "the latency timer is $(cat "$(timer 0)") ms"

head -c 8192 /dev/urandom >new.bin
run 0 uart-write "${uart[@]}" -u usb:1-2 write --no-backup --at 0x30000 new.bin
run 0 uart-verify "${uart[@]}" -u BENCH1 verify --range 0x30000+8K new.bin

"${uart[@]}" -u BENCH1 read --range 0..end -o long.bin >long.log 2>&1 &
bkflash=$!
sleep 4
run 12 uart-busy "${uart[@]}" -u BENCH1 info
says bkflash
sleep 2
t=$EPOCHREALTIME
echo "@unplug bench"
rc=0
wait $bkflash || rc=$?
cp long.log out.log
awk "BEGIN{exit !($EPOCHREALTIME-$t < 2)}" || fail "$(awk "BEGIN{print $EPOCHREALTIME-$t}") s from unplugging to the end"
if [ "$rc" -eq 21 ]; then note "ok: uart-unplug"; else fail "uart-unplug: exit $rc, expected 21"; fi
says vanished
exit "$failed"
