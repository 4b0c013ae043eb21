#!/usr/bin/env bash
# SIGINT, SIGTERM, SIGHUP, SIGQUIT: exit 130, target released, no half file; twice is no worse.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/../cli/lib.sh"
need jq

# interrupted SIGNAL TIMES: while the program waits for a target that never answers.
interrupted() {
  local pid code i
  rm -f report n.bin*
  "$bkflash" "${sim[@]}" -O entry=100000000 -O report=report dump n.bin >out 2>err &
  pid=$!
  for ((i = 0; i < 200; i++)); do
    [ -e n.bin.part ] && grep -q "^reset" err && break
    sleep 0.05
  done
  for ((i = 0; i < $2; i++)); do kill "-$1" $pid 2>/dev/null; done
  wait $pid
  code=$?
  [ $code -eq 130 ] || fail "$1 x $2: exit $code"
  absent n.bin n.bin.part n.bin.json
  empty out
  has err "bkflash: error:"
  json report '.violations == 0'
}
# Background jobs of a shell ignore SIGINT unless it is reset.
trap - INT QUIT
set -m
interrupted INT 1
interrupted INT 3
interrupted TERM 1
interrupted HUP 2
interrupted QUIT 1
interrupted QUIT 2
finish
