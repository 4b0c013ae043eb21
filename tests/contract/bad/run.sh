#!/usr/bin/env bash
# run.sh CHECK DIR: every bad plugin of DIR/list.txt fails the kit, and the kit names the point.
set -uo pipefail
check=$1
dir=$2
failed=0
count=0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# expect FILE POINT [kit arguments...]
expect() {
  local file=$1 point=$2 out code
  shift 2
  count=$((count + 1))
  out=$("$check" "$@" "$file")
  code=$?
  if [ $code -ne 1 ] || ! grep -qE "^not ok [0-9]+ - ${point//./\\.}( \(|$)" <<<"$out"; then
    printf '%s: expected "not ok - %s" and exit code 1, got %s:\n%s\n' "$file" "$point" "$code" \
      "$(grep -A3 '^not ok' <<<"$out")"
    failed=1
  fi
}

while read -r name point; do
  case $name in
  chip_*) expect "$dir/bkf-$name.so" "$point" -D gate=no --limit 20 ;;
  list_hangs) expect "$dir/bkf-$name.so" "$point" --loopback --limit 1 ;;
  *) expect "$dir/bkf-$name.so" "$point" --loopback --limit 20 ;;
  esac
done <"$dir/list.txt"

# Two that no compiler makes.
cp "$dir/bkf-magic.so" "$tmp/plugin.so"
expect "$tmp/plugin.so" file.name
head -c 5000 "$dir/bkf-magic.so" >"$tmp/bkf-cut.so"
expect "$tmp/bkf-cut.so" file.elf

# The same in JSON.
json=$("$check" --json "$dir/bkf-magic.so" | tr -d '\n ')
grep -q '"point":"descriptor.magic","result":"fail"' <<<"$json" || {
  echo "JSON output does not name the point"
  failed=1
}
echo "$count bad plugins"
[ "$count" -ge 25 ] && exit $failed
exit 1
