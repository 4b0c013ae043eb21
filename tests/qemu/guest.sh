#!/usr/bin/env bash
# What is done in the guest: root is the host's, read-only; /run/share is the run's folder.
# shellcheck disable=SC2317 # the sessions are called by name
set -uo pipefail
{ read -r _ && read -r build && read -r sessions; } </run/share/guest.conf
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

spi=("$build/bkflash" -p "$boards/doorbell_mlt1t.ini")
uart=("$build/bkflash" -p "$boards/generic_bk7231n.ini" -a uart)
timer() { cat "/sys/bus/usb-serial/devices/ttyUSB$1/latency_timer"; }

session_units() {
  run 0 list "$build/bkflash" list units
  says 'usb:1-1 *CH341A'
  says 'ttyUSB0 .*serial BENCH1, usb:1-2'
  run 2 uart-ambiguous "${uart[@]}" info
  says 'ttyUSB1 (serial WIRED2)'
  run 10 uart-missing "${uart[@]}" -u NOSUCH info
}

session_ch341a() {
  run 0 ch341a-dump "${spi[@]}" dump -o ch341a.bin
  same ch341a.bin "$share/image.bin"
}

session_ft232h() {
  run 0 ft232h-dump "${spi[@]}" -a ft232h dump -f -o ft232h.bin
  same ft232h.bin "$share/image.bin"
}

session_uart() {
  run 0 uart-read "${uart[@]}" -u BENCH1 read --range 0x20000+128K -o part.bin
  same -n 131072 part.bin "$share/image2.bin" 0 0x20000
  [ "$(timer 0)" = 1 ] || fail "the latency timer is $(timer 0) ms"
  head -c 8192 /dev/urandom >new.bin
  run 0 uart-write "${uart[@]}" -u usb:1-2 write --no-backup --at 0x30000 new.bin
  run 0 uart-verify "${uart[@]}" -u BENCH1 verify --range 0x30000+8K new.bin
}

# RTS# carries CEN, so nobody has to press reset; and the other family of loaders.
session_modem() {
  cat >wired.ini <<END
[profile]
schema  = 1
kind    = board
name    = wired
title   = CEN on RTS#
include = chips/bk7252.ini, wiring/beken.ini

[pads:uart]
CEN = cen @ RTS#
END
  # Who may not write the timer's file still gets 1 ms, through ASYNC_LOW_LATENCY: root without
  # capabilities is held to the file's mode.
  chmod 444 /sys/bus/usb-serial/devices/ttyUSB1/latency_timer
  [ "$(timer 1)" = 16 ] || fail "the latency timer is $(timer 1) ms before"
  run 0 uart-modem setpriv --bounding-set=-all --inh-caps=-all "$build/bkflash" -p "$PWD/wired.ini" \
    -a uart -u WIRED2 read --range 0x20000+64K -o modem.bin
  same -n 65536 modem.bin "$share/image.bin" 0 0x20000
  [ "$(timer 1)" = 1 ] || fail "the latency timer is $(timer 1) ms"
}

session_flashrom() {
  echo "@unplug doorbell"
  echo "@plug nor"
  for _ in {1..50}; do
    dmesg | tail -n 4 | grep -q 'Product: USB UART-LPT' && break
    sleep 0.1
  done
  run 0 flashrom flashrom -p ch341a_spi -r nor.bin
  same nor.bin "$share/image1.bin"
}

# pulled NAME ADAPTER COMMAND...: pulled out while it reads into NAME.bin, it ends with exit 21, at once
pulled() {
  local name=$1 adapter=$2 rc=0 t program
  shift 2
  "$@" -o "$name.bin" >pulled.log 2>&1 &
  program=$!
  for _ in {1..300}; do
    [ "$(wc -l 2>/dev/null <"$name.bin.part.log" || echo 0)" -lt 4 ] || break
    sleep 0.1
  done
  $meanwhile
  t=$EPOCHREALTIME
  echo "@unplug $adapter"
  wait "$program" || rc=$?
  t=$(awk "BEGIN{printf \"%.2f\", $EPOCHREALTIME-$t}")
  cp pulled.log "$share/$name.out"
  cp pulled.log out.log
  awk "BEGIN{exit !($t < 2)}" || fail "$name: $t s from unplugging to the end"
  if [ "$rc" -eq 21 ]; then note "ok: $name ($t s after)"; else fail "$name: exit $rc, expected 21"; fi
  says 'are kept as resumable'
}

# While one program has the port, another is told who that is.
second_program() {
  run 12 uart-busy "${uart[@]}" -u BENCH1 info
  says "in use by bkflash (process $program)"
}

session_unplug() {
  local meanwhile=
  pulled ch341a-unplug doorbell "${spi[@]}" dump
  pulled ft232h-unplug mpsse "${spi[@]}" -a ft232h dump
  meanwhile=second_program
  pulled uart-unplug bench "${uart[@]}" -u BENCH1 read --range 0..end
  says vanished
}

# shellcheck source=tests/qemu/user.sh
. "$project/tests/qemu/user.sh"

note "up: $(uname -r)"
for s in $sessions; do "session_$s"; done
exit "$failed"
