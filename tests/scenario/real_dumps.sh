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
# over OLD NEW: as a whole, but for the sectors a board keeps
over() {
  cp --no-preserve=mode "$1" flash.bin
  code=0
  "$bkflash" --json -p generic_bk7231t -a sim -O image=flash.bin -O save=flash.bin write --at 0 "$2" \
    --allow-protected bootloader --preserve-keep >report.json 2>err || code=$?
  if [ $code = 40 ]; then # made for another chip
    grep -q 'would not boot: marker' report.json || fail "$2 over $1: $(tail -n 1 report.json)"
    same "$1" flash.bin
    return
  fi
  [ $code = 0 ] || fail "$2 over $1: exit $code: $(tail -n 1 report.json)"
  cmp -s -n $((0x1e0000)) "$2" flash.bin || fail "$2 over $1: wrong bytes"
  tail -n 1 report.json >last.json
  json last.json '.data | .backup_read_once == 0 and .proven_bytes > 0'
  run 0 -p generic_bk7231t -a sim -O image=flash.bin -O save=flash.bin undo && same "$1" flash.bin
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
