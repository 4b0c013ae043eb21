#!/usr/bin/env bash
# adapters.sh BKFLASH SOURCE: what a person needs to know about an adapter for hardware is where it is
# looked for: the headings and lines of its README, and its warnings in 'bkflash wiring'.
set -euo pipefail
bkflash=$1 source=$2
profile=$source/conf/boards/doorbell_mlt1t.ini
fail() { echo "FAILED: $*" && exit 1; }

for name in ch341a ft232h serial serprog; do
  readme=$source/plugins/adapters/$name/README.md
  for heading in 'What it drives' 'Lines and roles' 'Options' 'Limits and quirks' 'How it was tested'; do
    grep -qx "## $heading" "$readme" || fail "$readme has no heading '$heading'"
  done
done
# Each option that the program accepts, and each line it has, stands in the README.
for name in ch341a ft232h; do
  readme=$source/plugins/adapters/$name/README.md
  json=$("$bkflash" list adapters "$name" --json)
  mapfile -t words < <(
    grep -oE '"key": ?"[A-Za-z0-9_]+"' <<<"$json" | cut -d'"' -f4
    grep -oE '"lines": ?\[[^]]*\]' <<<"$json" | grep -oE '[A-Z]+[0-9]'
  )
  [ ${#words[@]} -gt 5 ] || fail "list adapters $name shows only: ${words[*]}"
  for word in "${words[@]}"; do
    case $word in
    AD[567] | AC[1-6]) continue ;; # inside a range
    esac
    grep -qw "$word" "$readme" || fail "$readme does not know $word"
  done
done
warns() { # warns ROUTE WORDS
  "$bkflash" -p "$profile" wiring | awk -v route="route $1:" 'index($0, route) { on = 1; next } /route / { on = 0 } on' |
    grep -q "^ *! .*$2" || fail "wiring of route $1 does not warn of: $2"
}
warns '(default)' '5 V on CS'
warns '(default)' 'jumper must be in the I2C/SPI position'
warns ft232h 'I2C switch'
echo "adapters: READMEs and warnings are in place"
