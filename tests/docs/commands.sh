#!/usr/bin/env bash
# commands.sh BKFLASH SOURCE BUILD: every command of README.md and docs/add-a-chip.md, word for
# word and in their order, in a scratch home.  Where a page has a board on the desk there is the
# simulator, which keeps its flash from one command to the next.  A command of a kind that is
# not known here fails, so that nobody adds one that nothing tries.
# (docs/add-an-adapter.md is followed by tests/sdk/outside.sh.)
set -u
bkflash=$(realpath "$1") src=$2 build=$3 fails=0 ran=0
unset "${!BKFLASH_@}" "${!XDG_@}" NO_COLOR
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HOME=$work/home LC_ALL=C
mkdir -p "$work/bin" "$work/root/etc/udev/rules.d" "$HOME"
fail() {
  printf 'FAIL: %s\n' "$*"
  [ ! -s "$work/out" ] || tail -n 15 "$work/out"
  fails=$((fails + 1))
}

# What the pages call, with the simulator as the device and $work/root as the system.
shim() { # NAME, script on standard input
  { echo '#!/usr/bin/env bash' && cat; } >"$work/bin/$1"
  chmod +x "$work/bin/$1"
}
shim bkflash <<END_OF_SHIM
real=$bkflash
END_OF_SHIM
cat >>"$work/bin/bkflash" <<'END_OF_SHIM'
words=() profile='' verb='' sim='' route=sim
while [ $# -gt 0 ]; do
  case $1 in
  -p) profile=$2 && words+=("$1" "$2") && shift ;;
  -a) [ "$2" = sim ] && sim=yes || route=sim:$2
    shift ;;
  -[OoP]) words+=("$1" "$2") && shift ;;
  -*) words+=("$1") ;;
  *) verb=${verb:-$1} && words+=("$1") ;;
  esac
  shift
done
case $verb in
info | dump | verify | bench | write | undo | resume | restore)
  [ -n "$sim" ] || words=(-O "save=$HOME/$profile.img" "${words[@]}")
  words=(-a "$route" "${words[@]}")
  ;;
esac
exec "$real" "${words[@]}"
END_OF_SHIM
shim sudo <<<'exec "$@"'
shim cp <<<"if [[ \${!#} = /etc/* ]]; then exec /bin/cp \"\${@:1:\$#-1}\" '$work/root'\"\${!#}\"; fi; exec /bin/cp \"\$@\""
shim udevadm <<<'[ "$*" = "control --reload" ]'
shim cmake <<<"[ \"\$*\" = '--install build/release' ] && DESTDIR='$work/root' exec $(command -v cmake) --install '$build'"
for compiler in cc gcc c99 clang g++ make ninja ld; do
  shim "$compiler" <<<"echo $compiler >>'$work/compiled'; exit 1"
done
export PATH=$work/bin:$PATH

# "LINE command" for each command of a page: indented blocks, and "$ " in fenced ones.
commands() {
  awk '/^```/ { fence = !fence; next }
    fence && /^\$ / { print NR, substr($0, 3); next }
    !fence && /^    / && (blank || block) { block = 1; sub(/^ +/, ""); print NR, $0; next }
    { blank = /^$/; block = 0 }' "$1"
}
try() { # PAGE:LINE COMMAND
  ran=$((ran + 1))
  (cd "$HOME" && bash -c "$2") >"$work/out" 2>&1 </dev/null || fail "$1: exit $?: $2"
}
in_source() { (cd "$src" && bash -c "$2") >"$work/out" 2>&1 </dev/null || fail "$1: exit $?: $2"; ran=$((ran + 1)); }

# README.md: the state that a reader has who reaches the command.
before() {
  case $1 in
  *' write -P app1 app.bin') # a program that boots there; a block behind it is new
    dd if="$HOME/backup.bin" of="$HOME/app.bin" bs=4096 skip=$((0x11000 / 4096)) count=$((0x1A9000 / 4096)) status=none
    dd if="$HOME/app.bin" of="$HOME/app.bin" bs=34 count=1 seek=$((0x1A9000 / 34 - 1)) conv=notrunc status=none ;;
  esac
}
after() {
  case $1 in
  *' undo')
    bkflash -p doorbell_mlt1t.ini verify "$HOME/backup.bin" >"$work/out" 2>&1 || fail "undo: the old contents are not back" ;;
  *' write -P app1 app.bin')
    bkflash -p doorbell_mlt1t.ini verify -P app1 "$HOME/app.bin" >"$work/out" 2>&1 || fail "write: app1 is not app.bin" ;;
  'sudo cmake --install'*)
    [ -x "$(find "$work/root" -path '*/bin/bkflash')" ] || fail "cmake --install installs no bkflash" ;;
  'sudo cp conf/udev'*) [ -s "$work/root/etc/udev/rules.d/60-bkflash.rules" ] || fail "no udev rules" ;;
  esac
}
readme_command() { # LINE COMMAND
  local text=${2%%  #*}
  text=${text%"${text##*[! ]}"}
  before "$text"
  case $text in
  'bkflash '*) try "README.md:$1" "$text" ;;
  'sudo cmake --install build/release' | 'sudo cp conf/udev/'*) in_source "README.md:$1" "$text" ;;
  # These build and install packages: the stages and CI themselves run them.
  './bootstrap.sh test') grep -qxF "exec $text" "$src/.ci/run" || fail "README.md:$1: CI does not run $text" ;;
  ./bootstrap.sh*) grep -qF "run_twice $text" "$src/tests/run_all.sh" || fail "README.md:$1: tests/run_all.sh does not run $text" ;;
  *) fail "README.md:$1: what is this? Say in tests/docs/commands.sh how it is tried: $text" ;;
  esac
  after "$text"
}
# Shown output is what comes out.
shown() {
  awk '/^```/ { on = 0 } on { print } /^\$ bkflash .* dump doorbell.bin/ { on = 1 }' "$src/README.md" >"$work/shown"
  [ "$(wc -l <"$work/shown")" -ge 6 ] || fail "README.md shows no output of its first command"
  (mkdir "$work/shown.d" && cd "$work/shown.d" && bkflash -p doorbell_mlt1t.ini -a sim dump doorbell.bin) >"$work/out" 2>&1
  # the page breaks long lines
  diff <(xargs -n 1 <"$work/shown") <(xargs -n 1 <"$work/out") || fail "README.md shows another output of its first command"
}
# Commands in the text.
spans() {
  local span tick='`'
  while read -r span; do
    case $span in
    'bkflash -p '*' wiring') try "README.md" "$span" ;;
    'bkflash doctor')
      (cd "$HOME" && bkflash doctor) >"$work/out" 2>&1
      case $? in 0 | 1[0-4]) ran=$((ran + 1)) ;; *) fail "bkflash doctor" ;; esac ;;
    'bkflash help VERB')
      "$bkflash" --spec-json | jq -r '.verbs[].name' | while read -r verb; do bkflash help "$verb" || exit 1; done >"$work/out" 2>&1 ||
        fail "bkflash help does not know every verb" ;;
    'bkflash undo') ;; # a line of the blocks
    'bkflash resume')
      bkflash -p doorbell_mlt1t.ini -O fault=unplug@100 dump "$HOME/cut.bin" >"$work/out" 2>&1 && fail "resume: nothing was interrupted"
      [ -e "$HOME/cut.bin.part" ] || fail "resume: no cut.bin.part"
      try README.md "bkflash -p doorbell_mlt1t.ini resume"
      cmp -s "$HOME/cut.bin" "$HOME/backup.bin" || fail "resume: another dump" ;;
    *) fail "README.md: what is this? Say in tests/docs/commands.sh how it is tried: $span" ;;
    esac
  done < <(tr '\n' ' ' <"$src/README.md" | grep -oE "$tick"'bkflash [^`]*' | tr -d "$tick" | sort -u)
}
shown
"$build/tests/image/make_image" doorbell "$HOME/doorbell_mlt1t.ini.img" || fail "no flash to begin with"
while read -r line command; do readme_command "$line" "$command"; done < <(commands "$src/README.md")
spans

# docs/add-a-chip.md: its two files, under the names in their headings, then its commands.
page=$src/docs/add-a-chip.md
cp -r "$src/conf" "$HOME/conf"
export BKFLASH_PROFILE_PATH=$HOME/conf
awk -v home="$HOME" '/^## / { file = match($0, /conf\/.*\.ini/) ? home "/" substr($0, RSTART, RLENGTH) : "" }
  /^```/ { on = /^```ini$/; next } on && file { print >file }' "$page"
for file in chips/mychip.ini boards/generic_mychip.ini; do
  [ -s "$HOME/conf/$file" ] || fail "add-a-chip.md has no $file"
done
(cd "$HOME" && bkflash -p generic_bk7231n.ini -a sim dump some-dump.bin) >"$work/out" 2>&1 || fail "no dump to begin with"
chip_commands=0
while read -r line command; do
  case $command in
  'bkflash '*) try "docs/add-a-chip.md:$line" "$command" ;;
  *) fail "docs/add-a-chip.md:$line: not a command of bkflash: $command" ;;
  esac
  chip_commands=$((chip_commands + 1))
done < <(commands "$page")
[ "$chip_commands" -ge 8 ] || fail "add-a-chip.md has only $chip_commands commands"
cmp -s "$HOME/some-dump.bin" "$HOME/out.bin" || fail "add-a-chip.md does not end with a dump of the new chip"
jq -e '.profile == "generic_mychip" or ([.. | strings] | index("generic_mychip"))' "$HOME/out.bin.json" >/dev/null ||
  fail "the dump is not one of the new chip"
[ ! -e "$work/compiled" ] || fail "a page needs a compiler: $(cat "$work/compiled")"
[ "$fails" -eq 0 ] && echo "ok: $ran commands"
exit $((fails > 0))
