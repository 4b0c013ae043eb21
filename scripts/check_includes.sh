#!/usr/bin/env bash
# check_includes.sh: the include rule.  A file may include its own folder, lower layers and
# include/bkflash; core/cli only <bkflash/bkflash.h>; plugins only <bkflash/plugin.h> and
# <bkflash/nor.h>; bus libraries are for plugins alone.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck disable=SC2016 # awk's own variables
git ls-files -co --exclude-standard 'core/*.[ch]' 'plugins/*.[ch]' | xargs awk '
BEGIN {
  # Layers, lowest first; folders of one number may not include each other.
  split("base=0 image=1 nor=2 link=2 plugin=2 profile=3 session=4 api=5 cli=6", rows, " ")
  for (i in rows) { split(rows[i], r, "="); level[r[1]] = r[2] }
}
function complain(why) { printf "%s:%d: %s: %s\n", FILENAME, FNR, why, $0; bad = 1 }
/^[ \t]*#[ \t]*include/ {
  if (!match($0, /["<][^">]+[">]/)) next
  quoted = substr($0, RSTART, 1) == "\""
  what = substr($0, RSTART + 1, RLENGTH - 2)
  split(FILENAME, part, "/")
  if (part[1] == "core") {
    folder = part[2]
    if (!(folder in level)) { complain("folder core/" folder " has no layer in scripts/check_includes.sh"); next }
    if (what ~ /libusb|libserialport|ftdi/) { complain("bus libraries are for plugins"); next }
    if (folder == "cli") {
      if (what ~ /^bkflash\// && what != "bkflash/bkflash.h") complain("core/cli may include only <bkflash/bkflash.h>")
      if (quoted && what ~ /\//) complain("core/cli may include only its own folder")
      next
    }
    if (!quoted) next
    n = split(what, w, "/")
    if (n == 1) next
    target = w[n - 1]
    if (what ~ /^\.\.\// && target in level) {
      if (target != folder && level[target] >= level[folder]) complain("core/" folder " may not include core/" target)
    } else complain("write it as \"../FOLDER/FILE.h\"")
  } else {
    own = part[2] "/" part[3]
    if (what ~ /^bkflash\// && what != "bkflash/plugin.h" && what != "bkflash/nor.h") complain("plugins may include only <bkflash/plugin.h> and <bkflash/nor.h>")
    if (what ~ /(^|\/)core\//) complain("plugins may not see core")
    if (quoted && what ~ /\//) {
      ok = (part[2] == "chips" && what ~ /^(\.\.\/)?bekenlib\/[^\/]+$/) || (own == "adapters/sim" && what ~ /(^|\/)device\//)
      if (!ok) complain("plugins include their own folder only")
    }
  }
}
END { exit bad }' || {
  echo "check_includes: the include rule is broken (see above)" >&2
  exit 1
}
echo "includes go downward only"
