#!/usr/bin/env bash
# check_names.sh: no chip, adapter, board or flash part is named in core/ (comments may give
# examples).  The names come from plugins/ and conf/, so a new device is covered at once.
set -euo pipefail
cd "$(dirname "$0")/.."
# File formats carry device names inside: tables of facts, on which no code branches.
formats='^core/image/(bootloader|uf2)\.c$'
# Words that are also plain English, or no device.
plain='^(serial|usb|sim|template|bekenlib|usblib|generic|all|adapter|chip)$'
names=$({
  find plugins/adapters plugins/chips -mindepth 1 -maxdepth 1 -type d -printf '%f\n'
  find conf -name '*.ini' -printf '%f\n' | sed 's/\.ini$//'
} 2>/dev/null | grep -Ev "$plain" | sort -u)
[ -n "$names" ] || {
  echo "check_names: no names found in plugins/ and conf/" >&2
  exit 1
}
bad=0
while IFS= read -r file; do
  # The preprocessor takes comments out and keeps line numbers.
  hits=$(gcc -fpreprocessed -dD -E -w -x c "$file" 2>/dev/null |
    awk '/^# [0-9]+ /{ line = $2 - 1; next } { line++; print line ": " $0 }' |
    grep -iwFf <(printf '%s\n' "$names") || true)
  [ -z "$hits" ] && continue
  bad=1
  while IFS= read -r hit; do printf '%s:%s\n' "$file" "$hit"; done <<<"$hits"
done < <(git ls-files -co --exclude-standard 'core/*.[ch]' | grep -Ev "$formats")
[ $bad -eq 0 ] || {
  echo "check_names: core/ names a device (see above); make it data or a plugin's business" >&2
  exit 1
}
echo "$(wc -l <<<"$names") names, none in core/"
