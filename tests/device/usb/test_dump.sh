#!/usr/bin/env bash
# bkflash over the real USB libraries against emulated adapters with a Beken chip behind
# them: dumps equal the image, hard entries work, time is bounded, faults end cleanly.
# usage: test_dump.sh BKFLASH-USB BKFLASH SOURCE-DIR PART   (PART: dump entry bench unplug interrupt)
set -euo pipefail
usb=$1 bkflash=$2 source=$3 part=$4
profile=$source/conf/boards/doorbell_mlt1t.ini
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
machine=() # more keys of the emulated machine
export HOME=$dir XDG_CACHE_HOME=$dir/.cache XDG_STATE_HOME=$dir/.local XDG_CONFIG_HOME=$dir/.config
head -c 4194304 < <(seq 1 900000) >image.bin

fail() {
  echo "FAILED: $*"
  cat out.log report.json 2>/dev/null || true
  exit 1
}
# on ADAPTER [KEY=VALUE...] -- COMMAND...: strictly, exit status in $status
on() {
  local adapter=$1 keys=()
  shift
  while [ "$1" != -- ]; do keys+=("$1") && shift; done
  shift
  rm -f report.json
  status=0
  "$usb" strict=1 report=report.json "${machine[@]}" "adapter=$adapter" chip=bk7252 jedec=0B4016 \
    "image=$dir/image.bin" "${keys[@]}" -- "$@" >out.log 2>&1 || status=$?
}
field() { grep -o "\"$1\":[0-9]*" report.json | head -n 1 | cut -d: -f2; }
row() { # row NAME: of the table
  printf '%-26s %9d ms %8d submissions %8d packets %6d turnarounds\n' "$1" $(($(field time_us) / 1000)) \
    $(($(field out_urbs) + $(field in_urbs))) $(($(field out_packets) + $(field in_packets))) \
    "$(field turnarounds)"
}
dump() { # dump NAME ADAPTER [KEY=VALUE...] -- bkflash options
  local name=$1
  shift
  rm -f dump.bin dump.bin.json
  local keys=()
  while [ "$1" != -- ]; do keys+=("$1") && shift; done
  shift
  local route=()
  [ "${keys[0]}" = ch341a ] || route=(-a "${keys[0]}")
  on "${keys[@]}" -- "$bkflash" -p "$profile" "${route[@]}" "$@" dump -o dump.bin
  [ "$status" -eq 0 ] || fail "$name: exit $status"
  cmp dump.bin image.bin || fail "$name: wrong data"
  [ "${keys[0]}" != ch341a ] || [ "$(field in_flight)" -ge 32 ] || fail "$name: too few answers posted"
}
# both NAME ADAPTER LIMIT-US PERCENT -- OPTIONS: one pass, then with verification.  The second
# pass is a read of 4 MiB and nothing else, so it is what the limit of the wire is held against;
# the first run also resets (100 ms, twice), enters, and identifies.
at_most() { # NAME MICROSECONDS
  local us
  us=$(field time_us)
  [ "$us" -le "$2" ] || fail "$1: $us us, allowed are $2"
}
forget() { rm -rf .local .cache .config; }
both() {
  local name=$1 adapter=$2 limit=$3 percent=$4
  shift 5
  forget
  dump "$name" "$adapter" -- --verify=none "$@"
  row "bkflash $name"
  once=$(field time_us)
  forget # the clock, which a second run would take at once
  dump "$name" "$adapter" -- "$@"
  row "bkflash $name, verified"
  local pass=$(($(field time_us) - once))
  [ "$pass" -le $((limit * percent / 100)) ] || fail "$name: a pass takes $pass us, limit $limit"
  [ $((once - pass)) -le 700000 ] || fail "$name: $((once - pass)) us around a pass of $pass us"
  [ "$pass" -le "$once" ] || fail "$name: the second pass costs more than the first"
}
part_dump() {
  flashrom_row() { # ADAPTER PROGRAMMER
    rm -f report.json
    "$usb" report=report.json "adapter=$1" gate=no jedec=EF4016 "image=$dir/image.bin" -- \
      flashrom -p "$2" -r read.bin >out.log 2>&1 || fail "flashrom -p $2"
    row "flashrom $1"
  }
  flashrom_row ch341a ch341a_spi
  local theirs once
  theirs=$(field time_us)
  both 'ch341a' ch341a 31500000 101 --
  # the whole run, resets and identification included, is within 1.01 of the wire's limit
  [ "$once" -le $((31500000 * 101 / 100)) ] || fail "CH341A: $once us for the whole dump"
  [ "$once" -lt "$theirs" ] || fail "CH341A: $once us, not below flashrom's $theirs us"
  flashrom_row ft232h ft2232_spi:type=232H
  both 'ft232h 6 MHz' ft232h 5592411 101 --
  # 6 MHz is remembered now; a higher limit must not be held back by it
  dump 'ft232h raised' ft232h -- --verify=none -O spi_clock=30MHz
  at_most 'ft232h raised' 2000000
  both 'ft232h 30 MHz' ft232h 1118482 103 -- -O spi_clock=30MHz
}
part_entry() {
  local cases=(
    t_open=8ms t_open=100us t_close=20ms n_accept=1 n_accept=2 init_miso=zero
    t_init=40ms t_init=150ms entry=3 boot=spi mode3=no app_pins=toggle
    f_handshake=60kHz # by hand on the CH341A, which has no such clock
  )
  for adapter in ch341a ft232h; do
    for c in "${cases[@]}"; do
      local route=()
      [ "$adapter" = ch341a ] || route=(-a "$adapter")
      on "$adapter" "$c" -- "$bkflash" -p "$profile" "${route[@]}" info
      [ "$status" -eq 0 ] || fail "$adapter $c: exit $status"
      echo "$adapter $c: ok, $(grep -o '"resets":[0-9]*' report.json)"
    done
  done
}
part_two() { # two adapters of a kind: told apart by path, never guessed
  tac image.bin >other.bin
  for adapter in ch341a ft232h; do
    local route=() target=(chip=bk7252 jedec=0B4016)
    [ "$adapter" = ch341a ] || route=(-a "$adapter")
    pair() { # pair BKFLASH-OPTIONS
      rm -f two.bin* report.json
      status=0
      "$usb" strict=1 report=report.json "adapter=$adapter" "${target[@]}" "image=$dir/image.bin" \
        "adapter=$adapter" port=1-4.2 "${target[@]}" "image=$dir/other.bin" -- \
        "$bkflash" -p "$profile" "${route[@]}" "$@" read --range 0x1000+4K -o two.bin >out.log 2>&1 ||
        status=$?
    }
    pair
    [ "$status" -eq 2 ] || fail "$adapter, two of them: exit $status"
    if ! { grep -q 'usb:1-1[,)]' out.log && grep -q 'usb:1-4.2.*choose one with -u' out.log; }; then
      fail "$adapter: the message names no units"
    fi
    pair -u usb:1-4.2
    [ "$status" -eq 0 ] || fail "$adapter -u usb:1-4.2: exit $status"
    cmp -n 4096 two.bin other.bin 0 0x1000 || fail "$adapter: not the second one"
    pair -u usb:1-1
    [ "$status" -eq 0 ] || fail "$adapter -u usb:1-1: exit $status"
    cmp -n 4096 two.bin image.bin 0 0x1000 || fail "$adapter: not the first one"
    echo "$adapter: two at once, chosen by path"
  done
}
part_bench() { # the wires measured through the real libraries: one clock here, seven there
  on ch341a -- "$bkflash" -p "$profile" bench
  [ "$status" -eq 0 ] || fail "ch341a: exit $status"
  grep -q "no errors up to 1.5 MHz; 1.5 MHz is in use" out.log || fail "ch341a: $(cat out.log)"
  [ "$(grep -c 'Hz .* KiB/s' out.log)" -eq 1 ] || fail "ch341a has one clock"
  on ft232h f_data=12MHz -- "$bkflash" -p "$profile" -a ft232h -O spi_clock=30MHz bench
  [ "$status" -eq 97 ] || fail "ft232h: exit $status, not 97 for clocks above what the die takes"
  grep -q "no errors up to 10 MHz; 6 MHz is in use" out.log || fail "ft232h: $(cat out.log)"
  echo "bench: one clock on the CH341A, 10 MHz of 30 on wires that carry 12 MHz"
}
# small ADAPTER [KEY=VALUE...]: read 4 KiB
small() {
  local adapter=$1 route=()
  shift
  [ "$adapter" = ch341a ] || route=(-a "$adapter")
  rm -f small.bin*
  on "$adapter" "$@" -- "$bkflash" -p "$profile" "${route[@]}" read --verify=none \
    --range 0x1000+4K -o small.bin
}
part_unplug() { # ADAPTER STEP: at every STEPth call of a small read
  local adapter=$1 step=$2 n=0 late=0
  while :; do
    n=$((n + step))
    small "$adapter" "unplug=$n"
    [ "$(field calls)" -ge "$n" ] || break
    case $status in
    0) late=$((late + 1)) ;; # the target runs again, only closing was left
    21) [ "$late" -eq 0 ] || fail "$adapter: lost at call $n, but not earlier" ;;
    *) fail "$adapter: unplugged at call $n: exit $status" ;;
    esac
    # a file under its final name is complete, also when only leaving the target failed
    [ "$status" -ne 0 ] || [ -e small.bin ] || fail "$adapter: call $n: no file"
    [ ! -e small.bin ] || cmp -n 4096 small.bin image.bin 0 0x1000 ||
      fail "$adapter: call $n: wrong data"
  done
  [ $((late * step)) -le $((20 + step)) ] || fail "$adapter: $late runs did not notice"
  echo "$adapter: unplugged at every call ($step) of $((n - 1)), $late times only closing was left"
}
part_interrupt() { # ADAPTER RUNS: Ctrl-C at random calls; what is left behind hurts nobody
  local adapter=$1 runs=$2 total stopped=0
  RANDOM=20
  machine=(state=adapter.state) # unread answers and pins survive the program
  small "$adapter"
  total=$(field calls)
  for ((i = 0; i < runs; i++)); do
    n=$(((RANDOM * 32768 + RANDOM) % total + 1))
    small "$adapter" "sigint=$n" # also the run after the one before
    case $status in
    0) ;; # too late to matter
    130) stopped=$((stopped + 1)) ;;
    *) fail "$adapter: Ctrl-C at call $n: exit $status" ;;
    esac
  done
  small "$adapter"
  [ "$status" -eq 0 ] || fail "$adapter: the run after: exit $status"
  [ "$stopped" -gt $((runs / 2)) ] || fail "$adapter: only $stopped of $runs runs stopped"
  echo "$adapter: $runs times Ctrl-C, $stopped stopped, each next run worked"
}
"part_$part" "${@:5}"
