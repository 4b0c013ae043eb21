#!/usr/bin/env bash
# run.sh PART BUILD_DIR: the serprog adapter and an emulated programmer.
#   kit       the conformance kit, over TCP and over a tty, with old firmware as well
#   bkflash   a dump through the program, over both, identical to the image
#   flashrom  flashrom reads, writes and verifies through the same programmer
set -euo pipefail
part=$1
build=$2
work=$(mktemp -d)
server=
stop() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  [ -z "$server" ] || wait "$server" 2>/dev/null || true
  server=
}
trap 'stop; rm -rf "$work"' EXIT
unset "${!BKFLASH_@}"
export HOME=$work

start() { # server arguments; sets $unit
  rm -f "$work/where"
  "$build/bkflash-serprog" "$@" >"$work/where" 2>"$work/violations" &
  server=$!
  for _ in $(seq 300); do
    [ -s "$work/where" ] && break
    sleep 0.02
  done
  unit=$(sed 's/^listening on //' "$work/where")
  [ -n "$unit" ] || {
    echo "the programmer did not start: $(cat "$work/violations")"
    exit 1
  }
}

image() { # FILE BYTES: data that repeats nowhere
  { seq 1000000 2000000 || true; } 2>/dev/null | head -c "$2" >"$1"
}

case $part in
kit)
  for how in "--tcp=0" "" "--tcp=0 --old"; do
    # shellcheck disable=SC2086 # words
    start $how gate=no jedec=EF4016 size=4M
    flash=--flash
    case $how in *old) flash= ;; esac
    # shellcheck disable=SC2086
    if ! "$build/bkflash-plugin-check" $flash --unit "$unit" "$build/plugins-1/bkf-serprog.so" >"$work/tap"; then
      # Firmware of the first version cannot do full duplex; just that may fail.
      if [ -n "$flash" ] || grep '^not ok' "$work/tap" | grep -qv 'spi\.lengths\|spi\.keeps-lines'; then
        cat "$work/tap"
        exit 1
      fi
    fi
    stop
    if [ -n "$flash" ] && [ -s "$work/violations" ]; then
      cat "$work/violations"
      exit 1
    fi
  done
  ;;
bkflash)
  [ -x "$build/bkflash" ] || {
    echo "skipped: the program is not built"
    exit 77
  }
  image "$work/flash.bin" 2097152
  cat >"$work/board.ini" <<'END'
[profile]
schema = 1
kind = board
name = board
title = Serprog test board
include = chips/bk7252.ini
[adapter]
driver = serprog
transport = spi
[pads]
TCK = sck @ SCK
TMS = cs0 @ CS
TDI = mosi @ MOSI
TDO = miso @ MISO
[flash]
jedec = EF4015
size = 2M
END
  for how in "--tcp=0" "" "--tcp=0 --old"; do
    rm -f "$work"/out.bin*
    # The board was put into download mode by hand before: its flash is on the pins.
    # shellcheck disable=SC2086
    start $how boot=spi jedec=EF4015 size=2M image="$work/flash.bin"
    code=0
    "$build/bkflash" -p "$work/board.ini" -u "$unit" --attempts 3 dump "$work/out.bin" >"$work/log" 2>&1 || code=$?
    case $how in
    *old) # the handshake needs full duplex: refused with the reason, and no file
      if [ $code -eq 0 ] || [ -e "$work/out.bin" ] || ! grep -q 'lacks full duplex.*update it' "$work/log"; then
        echo "old firmware: exit code $code"
        cat "$work/log"
        exit 1
      fi
      stop
      continue
      ;;
    esac
    [ $code -eq 0 ] || {
      cat "$work/log"
      exit 1
    }
    cmp "$work/flash.bin" "$work/out.bin"
    stop
  done
  ;;
flashrom)
  PATH=$PATH:/usr/sbin
  command -v flashrom >/dev/null || {
    echo "skipped: flashrom is not installed"
    exit 77
  }
  image "$work/flash.bin" 4194304
  image "$work/new.bin" 4194304
  printf 'changed by flashrom' | dd of="$work/new.bin" bs=1 seek=70000 conv=notrunc 2>/dev/null
  start --tcp=0 gate=no jedec=EF4016 size=4M image="$work/flash.bin"
  fr() { flashrom -p "serprog:ip=$unit" -c W25Q32.V "$@" >"$work/log" 2>&1 || {
    tail -n 20 "$work/log"
    exit 1
  }; }
  fr -r "$work/read.bin"
  cmp "$work/flash.bin" "$work/read.bin"
  fr -w "$work/new.bin"
  fr -r "$work/read.bin"
  cmp "$work/new.bin" "$work/read.bin"
  ;;
*)
  echo "run.sh: no part '$part'" >&2
  exit 2
  ;;
esac
echo "serprog $part: passed"
