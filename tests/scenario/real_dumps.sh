#!/usr/bin/env bash
# Every published dump that is at hand comes out of the simulated flash as it went in.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/../cli/lib.sh"
need jq

if [ ! -d "$data/dumps" ]; then
  echo "skipped: no published dumps in $data/dumps (set BKFLASH_TEST_DATA)"
  exit 77
fi
n=0
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
done < <(find "$data/dumps" -name '*.bin' -print0)
echo "$n dumps compared"
[ $n -gt 0 ] || fail "nothing was compared"
finish
