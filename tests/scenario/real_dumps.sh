#!/usr/bin/env bash
# Every published dump that is at hand comes out of the simulated flash as it went in, and goes
# over another one: the automatic backup proves all that changes, and undo brings it back.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/../cli/lib.sh"
need jq

if [ ! -d "$data/dumps" ]; then
  echo "skipped: no published dumps in $data/dumps (set BKFLASH_TEST_DATA)"
  exit 77
fi
# What FILE is made for, by its bootloader: BK7231N, BK7231S.
made_for() {
  "$bkflash" --json inspect "$1" | tail -n 1 | jq -r '[.data.claims[] | select(.what == "chip")][0].value'
}
write_over() { # PROFILE OLD NEW
  cp --no-preserve=mode "$2" flash.bin
  code=0
  "$bkflash" --json -p "$1" -a sim -O image=flash.bin -O save=flash.bin write --at 0 "$3" \
    --allow-protected bootloader --preserve-keep >report.json 2>err || code=$?
}
refused() { # OLD NEW CAUSE
  { [ $code = 40 ] && grep -q "$3" report.json; } || fail "$2 over $1: exit $code, not $3: $(tail -n 1 report.json)"
  same "$1" flash.bin
}
# over OLD NEW: as a whole, but for the sectors a board keeps; never onto another chip
over() {
  local right=generic_bk7231t wrong=generic_bk7231n
  [ "$(made_for "$2")" != BK7231N ] || { right=generic_bk7231n && wrong=generic_bk7231t; }
  write_over $right "$1" "$2"
  if grep -q '"image":"wrapped-dump"' <("$bkflash" --json inspect "$2"); then
    refused "$1" "$2" 'begins with flash offset 0x11000 and wraps'
    return
  fi
  [ $code = 0 ] || fail "$2 over $1: exit $code: $(tail -n 1 report.json)"
  cmp -s -n $((0x1d0000)) "$2" flash.bin || fail "$2 over $1: wrong bytes"
  tail -n 1 report.json >last.json
  json last.json '.data | .backup_read_once == 0 and .proven_bytes > 0'
  json last.json '.data.boots.verdict == "yes"'
  run 0 -p $right -a sim -O image=flash.bin -O save=flash.bin undo && same "$1" flash.bin
  write_over $wrong "$1" "$2"
  refused "$1" "$2" 'would not boot: chip: it is made for'
  written=$((written + 1))
}
n=0 written=0 small=()
while read -r -d '' image; do
  size=$(stat -c %s "$image")
  case $size in
  2097152) profiles=(generic_bk7231t generic_bk7231n) ;;
  4194304) profiles=(doorbell_mlt1t generic_bk7252) ;;
  *) continue ;;
  esac
  for p in "${profiles[@]}"; do
    rm -f o.bin*
    run 0 -p "$p" -a sim -O "image=$image" dump o.bin && same "$image" o.bin
    json o.bin.json ".sha256 == \"$(sha256sum "$image" | cut -d' ' -f1)\""
    while read -r start end want; do
      got=$(tail -c +$((start + 1)) "$image" | head -c $((end - start)) | sha256sum | cut -d' ' -f1)
      [ "$got" = "$want" ] || fail "$image: partition hash"
    done < <(jq -r '.partitions[] | "\(.start) \(.end) \(.sha256)"' o.bin.json)
    n=$((n + 1))
  done
  [ "$size" != 2097152 ] || small+=("$image")
done < <(find "$data/dumps" -name '*.bin' -print0)
for old in "${small[@]}"; do
  for new in "${small[@]}"; do
    [ "$old" = "$new" ] || over "$old" "$new"
  done
done
echo "$n dumps compared, $written written over another"
[ $n -gt 0 ] || fail "nothing was compared"
finish
