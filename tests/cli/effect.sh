#!/usr/bin/env bash
# "effect" of the result record: what a job did to the device, and never "none" after it was changed.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
need jq

board=("${sim[@]}" -O save=board.bin -O save_sr=board.sr)
effect() { # WORD EXIT ARGUMENTS...
  local want=$1 code=$2
  shift 2
  run "$code" --json "${board[@]}" "$@" && empty err
  [ "$(tail -n 1 out | jq -r '.type, .exit, .effect' | xargs)" = "result $code $want" ] ||
    fail "$(tail -n 1 out | jq -c '[.exit, .effect, .message]'), expected $want: $*"
}
seq 1 2000 | head -c 4096 >new.bin
at=(--at 0x200000 new.bin)
effect none 0 info
effect none 0 write --dry-run "${at[@]}"
effect complete 0 write "${at[@]}"
effect none 0 write "${at[@]}"
effect complete 0 undo
effect none 50 undo
effect complete 0 erase --range 0x200000+4K
effect none 0 erase --range 0x200000+4K
effect none 2 write --at 0x200800 new.bin
"$bkflash" --json "${board[@]}" -O fault=kill@100 write "${at[@]}" >out
[ $? -eq 137 ] || fail "not killed"
effect complete 0 resume
# The protection: only a register that changed is a change.  Running programs set it again.
effect none 0 protect show --no-run
effect complete 0 protect off --no-run
effect none 0 protect off --no-run
effect complete 0 protect on --no-run
effect none 0 protect on --no-run
run 30 --json "${sim[@]}" -O sr=0x419C protect off # locked until the supply is cut
json <(tail -n 1 out) '.effect == "unknown"'
# Written and proven, and then only letting go of the target fails.
last=
calls() { grep -c '^[0-9]' run.trace; }
effect complete 0 undo --trace run.trace
for ((n = $(calls); n > 0 && ${#last} == 0; n--)); do
  cp board.bin try.bin
  "$bkflash" --json "${sim[@]}" --state-dir state -O image=try.bin -O "fault=unplug@$n" write "${at[@]}" >out
  tail -n 1 out | jq -e '.exit == 21' >/dev/null && last=$n
done
json <(tail -n 1 out) '.effect == "partial" and .data.outcome == "done" and (.message | startswith("letting go"))'

finish
