# shellcheck shell=bash disable=SC2034
# lib.sh - sourced by the shell tests: a scratch folder, a clean environment, expectations.
# Arguments of every test: the program, the source folder.
set -u
bkflash=$1
src=$2
data=${BKFLASH_TEST_DATA:-$src/../shared/data}
unset "${!BKFLASH_@}" XDG_DATA_HOME XDG_CONFIG_HOME XDG_STATE_HOME NO_COLOR
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
export HOME=$work/home LC_ALL=C
mkdir -p "$HOME"
fails=0

fail() {
  printf 'FAIL: %s\n' "$*"
  fails=$((fails + 1))
}

# run CODE ARGUMENTS...: the program must end with CODE; output in out and err.
run() {
  local want=$1 got
  shift
  "$bkflash" "$@" >out 2>err
  got=$?
  [ "$got" -eq "$want" ] && return 0
  fail "exit $got, expected $want: bkflash $*"
  head -c 2000 err
  return 1
}

# has FILE TEXT: fixed text
has() { grep -qF -- "$2" "$1" || {
  fail "$1 lacks '$2'"
  head -c 2000 "$1"
}; }
hasnt() { ! grep -qF -- "$2" "$1" || fail "$1 has '$2'"; }
empty() { [ ! -s "$1" ] || {
  fail "$1 is not empty"
  head -c 1000 "$1"
}; }
absent() {
  local f
  for f in "$@"; do [ ! -e "$f" ] || fail "$f exists"; done
}
same() { cmp -s "$1" "$2" || fail "$1 and $2 differ"; }
# json FILE JQ-EXPRESSION: must be true
json() { jq -e "$2" "$1" >/dev/null 2>&1 || {
  fail "$1: not true: $2"
  head -c 1500 "$1"
}; }
# explained: the message in err has an entry in docs/troubleshooting.md.
explained() {
  local words
  while IFS= read -r words; do
    grep -q -- "$words" err && return 0
  done < <(sed -n '/^### "/{s/^### "\(.*\)"$/\1/; s/[][\\.*^$]/\\&/g; s/%[su]/.*/g; p}' "$src/docs/troubleshooting.md")
  fail "docs/troubleshooting.md has no entry for: $(tail -n 1 err)"
}
need() {
  command -v "$1" >/dev/null || {
    echo "skipped: $1 is not installed"
    exit 77
  }
}
finish() {
  [ "$fails" -eq 0 ] && echo "ok"
  exit $((fails > 0))
}
sim=(-p doorbell_mlt1t.ini -a sim)
