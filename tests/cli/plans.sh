#!/usr/bin/env bash
# --dry-run: the plan says what a real run then does, and about how long it takes, on every kind
# of route; what cannot hold is refused before the target is touched.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
need jq

data_of() { tail -n 1 "$1" | jq -c .data; }
sum='[.read_us, .erase_us, .program_us, .verify_us] | add'
# near WHAT ESTIMATE MEASURED BEFOREHAND, in microseconds: the estimate, with what it takes to
# get to the target, is within a tenth of what it took.
near() {
  awk "BEGIN { off = ($2 + $4) / $3 - 1; if (off < 0) off = -off; exit !(off < 0.1) }" ||
    fail "$1: $2 us planned, $3 us taken, $4 of them to get there"
}
took() { jq .time_us device.json; }

# 256 KiB, as good as random.
run 0 -p generic_bk7231n -a sim -O save=start.bin info
cp start.bin flash.bin
head -c $((0x40000)) < <(seq 1 200000 | gzip -n -9) >new.bin
for route in spi uart; do
  board=(-p generic_bk7231n -a sim -O "transport=$route" -O image=flash.bin -O save=flash.bin -O report=device.json)
  cp start.bin flash.bin
  tail -c +$((0x130001)) start.bin | head -c $((0x40000)) >same.bin
  head -c 4096 same.bin >sector.bin
  run 0 "${board[@]}" verify --at 0x130000 sector.bin
  entry=$(took)

  # verify
  run 0 "${board[@]}" verify --dry-run --at 0x130000 same.bin && has err "nothing was compared"
  case $route in
  spi) [ "$(cat out)" = "compare 0x130000..0x170000 by reading" ] || fail "plan: $(cat out)" ;;
  uart) [ "$(cat out)" = "compare 0x130000..0x170000 by device CRC" ] || fail "plan: $(cat out)" ;;
  esac
  [ "$(jq .read_bytes device.json)" -lt 65536 ] || [ $route = uart ] || fail "the dry run read it all"
  run 0 --json "${board[@]}" verify -n --at 0x130000 same.bin
  data_of out >plan.json
  json plan.json '.kind == "verify" and .outcome == "planned" and .flash.size == 2097152'
  us=$(jq .plan.compare_us plan.json)
  run 0 --json "${board[@]}" verify --at 0x130000 same.bin
  data_of out >real.json
  jq -s '.[0].range == .[1].range and .[1].equal' plan.json real.json | grep -q true || fail "another range"
  case $route in
  spi) json real.json '.bytes_by_read == 262144' ;;
  uart) json real.json '.bytes_by_device_crc == 262144' ;;
  esac
  near "$route verify" "$us" "$(took)" "$entry"

  # write: the same steps, and none of them in the dry run
  run 0 --json "${board[@]}" write -n --at 0x130000 new.bin
  data_of out >plan.json
  [ "$(jq '.programs + .erases + .status_writes' device.json)" = 0 ] || fail "$route: a dry run has written"
  same start.bin flash.bin
  run 0 --json "${board[@]}" write --at 0x130000 new.bin
  data_of out >real.json
  jq -s '.[0].plan.steps == .[1].plan.steps and (.[0].plan.steps | length > 4)' plan.json real.json | grep -q true ||
    fail "$route: other steps than planned"
  near "$route write" "$(jq ".plan | $sum" plan.json)" "$(took)" "$entry"
  run 0 "${board[@]}" verify --at 0x130000 new.bin
done

# Before any I/O: no reset.
cp start.bin flash.bin
refuse() {
  local code=$1
  shift
  rm -f device.json
  run "$code" "${board[@]}" "$@"
  [ ! -e device.json ] || [ "$(jq .resets device.json)" = 0 ] || fail "the target was reset before: $*"
}
refuse 40 verify --range 0..0x2000 new.bin && has err "--range"
refuse 40 verify new.bin && has err "262144 bytes"
refuse 2 verify --at 0x1F0000 new.bin && has err "not inside the flash"
refuse 50 verify -n --at 0 nosuch.bin
refuse 2 write --at 0x130800 new.bin && has err "0x130000"
: >empty.bin
refuse 40 verify --at 0 empty.bin && has err "is empty"
# The profile does not say how large the flash is.
board=(-p generic_bk7252 -a sim -O report=device.json)
refuse 40 verify --at 0x11000 empty.bin && has err "is empty"
refuse 40 verify --range 0..0x2000 new.bin && has err "262144 bytes"
refuse 50 verify nosuch.bin
refuse 50 restore nosuch.bin && has err "nosuch.bin.json"
refuse 50 write --at 0x11000 nosuch.bin
refuse 2 write --at 0x130800 new.bin && has err "0x130000"
refuse 30 erase --range 0..0x2000 && has err "--allow-protected bootloader"
finish
