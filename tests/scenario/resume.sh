#!/usr/bin/env bash
# Interrupted jobs as a user sees them, through the program: what is said, what is left, and what
# finishes it.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/../cli/lib.sh"
need jq
need flock

board=("${sim[@]}" -O save=board.bin)
run 0 "${board[@]}" -q info
cp board.bin before.bin

# -- dumps -------------------------------------------------------------------------------------
# Ctrl-C after something was read; then 'resume' on the same device, in another folder.
trap - INT
set -m
"$bkflash" "${sim[@]}" -O image=board.bin -v dump a.bin >out 2>err &
pid=$!
for ((i = 0; i < 400; i++)); do
  [ -e a.bin.part.log ] && break
  kill -0 $pid 2>/dev/null || break
  sleep 0.01
done
kill -INT $pid 2>/dev/null
wait $pid
code=$?
if [ $code -eq 130 ]; then # else it was too fast to be stopped
  has err "kept as resumable in a.bin.part: 'bkflash resume'"
  mkdir elsewhere
  (cd elsewhere && run 0 "${sim[@]}" -O image=../board.bin resume && exit $fails) || fail "resume elsewhere"
  same a.bin before.bin
  json a.bin.json '.resumed.bytes_held > 0 and .complete_backup'
elif [ $code -ne 0 ]; then
  fail "Ctrl-C: exit $code"
fi
absent a.bin.part a.bin.part.log

# Unplugged; another device and another file are kept apart; the same command goes on.
run 21 "${board[@]}" -O fault=unplug@100 dump b.bin && has err "kept as resumable in b.bin.part"
run 22 "${board[@]}" -O seed=9 dump b.bin && has err "begun on another device" && has err "unique id"
run 22 "${board[@]}" -O seed=9 resume && has err "begun on another device"
run 0 "${board[@]}" dump b.bin && same b.bin before.bin && has err "are from an earlier run"
json b.bin.json '.flash.status == {"sr1":"04","sr2":"40"}'
run 2 "${board[@]}" resume && has err "nothing to resume"

# Without a name, the same command finds the name that it made.
mkdir named
(
  cd named || exit 1
  run 21 "${sim[@]}" -O save=../board.bin -O fault=unplug@100 dump
  run 0 "${sim[@]}" -O save=../board.bin dump
  [ "$(find . -name '*.bin' | wc -l)" -eq 1 ] || fail "more than one dump"
  same ./*.bin ../before.bin
  exit $fails
) || fail "dump without a name"

# -- writes ------------------------------------------------------------------------------------
run 0 "${board[@]}" -O seed=3 -O save=other.bin -q info
dd if=other.bin of=app.bin bs=4096 skip=17 count=64 status=none
run 137 "${board[@]}" -O fault=kill@150 write -P app1 --anyway app.bin
run 12 "${board[@]}" erase --range 0x200000+64K && has err "'bkflash resume'" && explained
# while another one is at it
exec 9<"$(find "$HOME" -name '*.journal')"
flock -n 9 || fail "the journal is locked though nobody is at work"
run 12 "${board[@]}" resume && has err "another bkflash is at work" && explained
exec 9<&-
# over another adapter, whose loader tells no unique id
run 0 "${board[@]}" -O transport=uart resume && has err "as the loader sets it"
run 0 "${board[@]}" verify --range 0x11000+256K app.bin
run 0 "${board[@]}" undo && same board.bin before.bin
run 50 "${board[@]}" undo && has err "the last change was an undo"
run 2 "${board[@]}" resume && has err "nothing to resume"

# -- a journal that cannot be used: the way on that docs/troubleshooting.md gives ----------------
damaged() { # FILE: the journal, or the copy of what was to be written
  rm -rf journals backups
  run 137 "${board[@]}" --state-dir journals -O fault=kill@150 write -P app1 --anyway --backup-dir backups app.bin
  [ "$(find journals -name "$1" | wc -l)" -eq 1 ] || fail "no $1"
  find journals -name "$1" -exec sh -c 'printf x | dd of="$1" bs=1 seek=20 conv=notrunc status=none' sh {} \;
}
damaged '*.journal'
cmp -s board.bin before.bin && fail "nothing was changed"
for verb in resume undo "erase --range 0x200000+64K"; do
  # shellcheck disable=SC2086 # words
  run 50 "${board[@]}" --state-dir journals $verb && has err "journals/journal/" && explained
done
find journals -name '*.journal' -delete
run 0 "${board[@]}" --state-dir journals restore backups/*.bin --backup-dir other && same board.bin before.bin
damaged '*.target'
run 50 "${board[@]}" --state-dir journals resume && explained
run 0 "${board[@]}" --state-dir journals undo && same board.bin before.bin

# -- what is refused before anything changes ---------------------------------------------------
seq 1 4000 | head -c 8192 >text.bin
run 40 "${board[@]}" write -P app1 text.bin && has err "app1 holds code, and this is none"
run 2 "${board[@]}" write --at 0x11800 app.bin && has err "0x11000 and 0x12000"
run 50 "${board[@]}" --state-dir /proc/none write -P app1 --anyway app.bin && has err "/proc/none"
run 50 "${board[@]}" write -P app1 --anyway --backup-dir /proc/none app.bin && has err "/proc/none"
(
  ulimit -f 100
  run 50 "${board[@]}" write -P app1 --anyway app.bin && has err "no room for"
  exit $fails
) || fail "no room for the backup"
mkdir folder
run 50 "${board[@]}" dump folder && has err "is a folder"
run 50 "${board[@]}" write -P app1 folder && has err "folder"
same board.bin before.bin

# A dry run shows the order, and does nothing.
run 0 "${board[@]}" --dry-run write -P app1 --anyway app.bin
[ "$(cut -d' ' -f1 out | uniq | head -n 2 | tr '\n' ' ')" = "read erase " ] || fail "order of the plan"
[ "$(tail -n 1 out | cut -d' ' -f1)" = verify ] || fail "end of the plan"
same board.bin before.bin
finish
