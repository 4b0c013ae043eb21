#!/usr/bin/env bash
# The UART path through the command line: every chip on the simulator, real images where they
# are at hand, and the virtual device behind a pseudo-terminal.
# usage: cli.sh BUILD_DIR SOURCE_DIR
set -u
bin=$1/bkflash device=$1/bkflash-device source=$2
work=$(mktemp -d) || exit 1
pids=()
p=
trap 'for p in "${pids[@]}"; do kill "$p" 2>/dev/null; done; rm -rf "$work"' EXIT
export XDG_STATE_HOME=$work/state
cd "$work" || exit 1
failed=0 checks=0
fail() { echo "FAIL: $*"; failed=$((failed + 1)); }
ok() { checks=$((checks + 1)); }

run() { # expected exit code, then the command
  local want=$1 got
  shift
  "$bin" "$@" >out.txt 2>err.txt
  got=$?
  ok
  [ "$got" = "$want" ] && return 0
  fail "exit $got instead of $want: bkflash $*"
  sed 's/^/  | /' err.txt
  return 1
}
no_violation() { grep -q violation err.txt && { fail "protocol violated: $*"; cat err.txt; }; }
same() { ok; cmp -s "$1" "$2" || fail "$3: $1 and $2 differ"; }

sim=(-a sim -O transport=uart)

# every chip, the size it has
for chip in bk7231t bk7231n bk7231u bk7231q bk7231m bl2028n bk7238 bk7252n; do
  rm -f flash.bin
  run 0 -p "generic_$chip.ini" "${sim[@]}" -O save=flash.bin dump $chip.bin && same flash.bin $chip.bin $chip
  no_violation $chip
done
for part in 15:2 16:4; do
  rm -f flash.bin
  run 0 -p generic_bk7252.ini "${sim[@]}" -O jedec=0B40${part%:*} -O size=${part#*:}M -O save=flash.bin \
    dump --force bk7252.bin && same flash.bin bk7252.bin bk7252
  no_violation bk7252
done

# 495 sectors of a 2 MiB part, as the first BK7252 tools read it
rm -f flash.bin
run 0 -p generic_bk7252.ini "${sim[@]}" -O jedec=0B4015 -O size=2M -O save=flash.bin read --range 0x11000..end ua.bin
ok; [ "$(stat -c %s ua.bin)" = 2027520 ] || fail "UA dump has $(stat -c %s ua.bin) bytes"
ok; cmp -s -i 69632:0 flash.bin ua.bin || fail "UA dump differs"

# the wrong chip stops the run, with both names
run 22 -p generic_bk7231n.ini "${sim[@]}" -O chip=bk7238 dump wrong.bin
ok; { grep -qi bk7231n err.txt && grep -q BK7238 err.txt; } || fail "wrong chip: $(cat err.txt)"
ok; [ ! -e wrong.bin ] || fail "wrong chip left a file"
run 22 -p generic_bk7231t.ini "${sim[@]}" -O chip=bk7238 dump wrong.bin
run 22 -p generic_bk7238.ini "${sim[@]}" -O chip=bk7252 dump wrong.bin

# nobody there
run 20 -p generic_bk7231n.ini "${sim[@]}" -O uart_fault=deadtx -O uart_timeout=2s info
ok; grep -q "P10" err.txt || fail "no pads in: $(cat err.txt)"
run 20 -p generic_bk7231n.ini "${sim[@]}" -O uart_fault=echo,deadtx -O uart_timeout=2s info
ok; grep -q "joined" err.txt || fail "echo not recognised: $(cat err.txt)"

# erase and write; the rest of the flash stays
for chip in bk7231n bk7231t bk7252; do
  rm -f before.bin
  run 0 -p "generic_$chip.ini" "${sim[@]}" -O save=before.bin -O size=2M -O jedec=0B4015 dump --force a.bin
  head -c 40960 /dev/urandom >new.bin
  run 0 -p "generic_$chip.ini" "${sim[@]}" -O image=before.bin -O save=after.bin -O size=2M -O jedec=0B4015 \
    write --range 0x40000..0x4A000 new.bin
  no_violation "$chip write"
  cp before.bin want.bin
  dd if=new.bin of=want.bin bs=4096 seek=64 conv=notrunc status=none
  same want.bin after.bin "$chip write"
  run 0 -p "generic_$chip.ini" "${sim[@]}" -O image=after.bin -O size=2M -O jedec=0B4015 verify want.bin
  run 31 -p "generic_$chip.ini" "${sim[@]}" -O image=before.bin -O size=2M -O jedec=0B4015 verify want.bin
done
# flash that takes longer for a page than its bytes are on the wire: the ring in front of it never fills
for chip in bk7231n bk7231t bk7252; do
  for t_pp in 2ms 3ms; do
    run 0 -p "generic_$chip.ini" "${sim[@]}" -O image=before.bin -O save=after.bin -O size=2M -O jedec=0B4015 -O t_pp=$t_pp \
      --attempts 1 write --range 0x40000..0x4A000 new.bin
    no_violation "$chip write, pages of $t_pp"
    grep -q 'linking again' err.txt && fail "$chip, pages of $t_pp: the link was lost"
  done
done
# nobody erases the loader that answers, whatever is allowed
head -c 4096 new.bin >sector.bin
run 30 -p generic_bk7252.ini "${sim[@]}" -O size=2M -O jedec=0B4015 write --allow-protected bootloader \
  --range 0x0..0x1000 sector.bin

# real images
dumps=${BKFLASH_TEST_DATA:-$source/../shared/data}/dumps
if [ -d "$dumps" ]; then
  while read -r chip file; do
    [ -e "$dumps/$file" ] || continue
    run 0 -p "generic_$chip.ini" "${sim[@]}" -O image="$dumps/$file" dump --force real.bin &&
      same "$dumps/$file" real.bin "$file"
    no_violation "$file"
  done <<'LIST'
bk7231n emulator/BK7231N_Tuya_BEOK_TOL47WIFI_Thermostat_TuyaMCU_TuyaOS_3.11.12.bin
bk7231t emulator/BK7231T_QIO_Woox_R5111_2023-14-10-23-46-06.bin
bk7231n easyflasher/LED_Moon_18W_CCT_Kobi.bin
bk7231n easyflasher/SmartLED_8044_1_Gange_Smart_Switch.bin
LIST
else
  echo "real images: not here ($dumps), skipped"
fi

# a pseudo-terminal: the serial adapter, poll and termios for real
pty() { # chip, more options of the device
  local chip=$1
  shift
  "$device" --pace=fast --link="$work/tty" chip="$chip" "$@" >device.txt 2>&1 &
  pids+=($!)
  for _ in $(seq 100); do
    [ -e "$work/tty" ] && return 0
    sleep 0.05
  done
  fail "bkflash-device did not start: $(cat device.txt)"
}
# over_pty CHIP IMAGE: the same bytes come out, and nothing was violated
over_pty() {
  local chip=$1 image=$2 size part=15
  size=$(($(stat -c %s "$image") / 1048576))
  [ "$size" = 2 ] || part=16
  pty "$chip" image="$image" size=${size}M jedec=0B40$part report=report.json
  run 0 -p "generic_$chip.ini" -a uart -u "$work/tty" dump --force tty.bin && same "$image" tty.bin "$chip on a pty"
  kill "${pids[-1]}" 2>/dev/null
  wait "${pids[-1]}" 2>/dev/null
  # a terminal does not keep data and changes of the rate in order, so rates are not judged here
  ok; grep -q '"by_kind":{\("uart-baud":[0-9]*\)\?}' report.json || fail "$chip on a pty: $(cat report.json)"
  unset 'pids[-1]'
  rm -f "$work/tty"
}
for chip in bk7231t bk7231n bk7231u bk7231q bk7231m bl2028n bk7238 bk7252n bk7252; do
  over_pty $chip $chip.bin # as the simulator gave it, above
done
rm -f flash.bin
run 0 -p generic_bk7252.ini "${sim[@]}" -O jedec=0B4015 -O size=2M -O save=flash.bin dump --force small.bin
over_pty bk7252 small.bin
if [ -d "$dumps" ]; then
  for file in "$dumps"/*/*.bin; do
    case $file in
    *BK7231T*) over_pty bk7231t "$file" ;;
    *) over_pty bk7231n "$file" ;;
    esac
  done
fi

echo "$checks checks, $failed failed"
[ $failed = 0 ]
