#!/usr/bin/env bash
# man.sh BKFLASH DOCS: the man pages format without a warning, and bkflash(1) has every verb,
# option and exit code that the program has.
set -u
bkflash=$1 docs=$2 fails=0
for tool in man groff; do
  command -v "$tool" >/dev/null || {
    echo "skipped: $tool is not installed"
    exit 77
  }
done
export MANROFFSEQ='' MANWIDTH=80 MAN_KEEP_FORMATTING='' LC_ALL=C.UTF-8
fail() {
  echo "FAIL: $*"
  fails=$((fails + 1))
}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for page in bkflash.1 bkflash-profile.5 bkflash-plugin.7; do
  man --warnings -E UTF-8 -l -Tutf8 -Z "$docs/$page" >/dev/null 2>"$scratch/warnings" || fail "$page: man fails"
  groff -ww -man -Tutf8 -Z "$docs/$page" 2>>"$scratch/warnings" >/dev/null || fail "$page: groff fails"
  [ ! -s "$scratch/warnings" ] || fail "$page: $(head -n 5 "$scratch/warnings")"
  [ "$(groff -man -Tutf8 -P-cbou "$docs/$page" | wc -l)" -gt 60 ] || fail "$page is nearly empty"
done
# A page that is wrong is noticed.
{
  cat "$docs/bkflash.1"
  printf '.nosuchmacro\n'
} >"$scratch/bad.1"
man --warnings -E UTF-8 -l -Tutf8 -Z "$scratch/bad.1" 2>&1 >/dev/null | grep -q nosuchmacro ||
  fail "man --warnings says nothing about a broken page"

groff -man -Tutf8 -P-cbou "$docs/bkflash.1" | sed 's/[‐−]/-/g' >"$scratch/text"
"$bkflash" --spec-json >"$scratch/spec.json" || fail "--spec-json"
while read -r verb; do
  grep -qE "^   $verb( |$)" "$scratch/text" || fail "bkflash(1) lacks the verb $verb"
done < <(python3 -c 'import json,sys
for v in json.load(open(sys.argv[1]))["verbs"]: print(v["name"])' "$scratch/spec.json")
while read -r option; do
  grep -qE -- "^       (-., )?$option( |$)" "$scratch/text" || fail "bkflash(1) lacks $option"
done < <(python3 -c 'import json,sys
d = json.load(open(sys.argv[1]))
for o in d["options"] + [o for v in d["verbs"] for o in v["options"]]: print("--" + o["name"])' "$scratch/spec.json")
while read -r code; do
  grep -qE "^       $code( |$)" "$scratch/text" || fail "bkflash(1) lacks exit code $code"
done < <(python3 -c 'import json,sys
for e in json.load(open(sys.argv[1]))["exit_codes"]: print(e["code"])' "$scratch/spec.json")
[ "$fails" -eq 0 ] && echo ok
exit $((fails > 0))
