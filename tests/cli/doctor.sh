#!/usr/bin/env bash
# doctor, where it needs no USB: plugins that were refused, profiles that have errors.  What it
# finds about adapters is provoked in tests/doctor.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
need jq

sim_so=$(dirname "$bkflash")/plugins-1/bkf-sim.so
[ -e "$sim_so" ] || {
  echo "skipped: no $sim_so (plugins are built in)"
  exit 77
}
mkdir plugins profiles profiles/boards
head -c 3000 "$sim_so" >plugins/bkf-cut.so
printf '[profile]\nschema = 1\nkind = board\nname = mine\ninclude = chips/bk7252.ini\n[flash]\nsize = 4Q\n' \
  >profiles/boards/mine.ini

# finding FILE LEVEL WHAT: it is there, with evidence and a next step
finding() {
  jq -e --arg level "$2" --arg what "$3" \
    '.data.findings[] | select(.level == $level and .what == $what) | .evidence != "" and .next != ""' \
    "$1" >/dev/null || {
    fail "no $2 '$3'"
    cat "$1"
  }
}
"$bkflash" --json doctor >out 2>err
tail -n 1 out >plain.json
jq -e '[.data.findings[] | select(.what == "a plugin was refused" or .what == "a profile has errors")] == []' \
  plain.json >/dev/null || fail "findings without a cause"
BKFLASH_PLUGIN_PATH=$work/plugins BKFLASH_PROFILE_PATH=$work/profiles \
  "$bkflash" --allow-user-plugins --json doctor >out 2>err
tail -n 1 out >bad.json
finding bad.json problem "a plugin was refused"
finding bad.json problem "a profile has errors"
grep -q 'bkf-cut.so' bad.json || fail "which plugin?"
grep -q 'mine.ini:7' bad.json || fail "which line?"
finish
