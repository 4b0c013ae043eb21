#!/usr/bin/env bash
# Command line: verbs, options, places of options, environment, help, streams.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
need jq

run 0 --version && has out "bkflash " && empty err
run 0 version && has out "bkflash "
run 0 help && has out "usage: bkflash" && empty err
run 0 --help
cp out help.txt
run 0 help && same out help.txt
run 0 help dump && has out "--allow-holes"
run 0 dump --help && has out "--allow-holes"
run 2 help nosuch && has err "no verb 'nosuch'"
run 2 dmup && has err "did you mean 'dump'"
run 2 dump --verfy=none && has err "did you mean --verify" && has err "bkflash help dump"

# Every verb, option and exit code of the table is in the help, and none is missing there.
run 0 --spec-json && cp out spec.json
json spec.json '.verbs | length > 8'
while read -r verb; do
  grep -q "^  $verb " help.txt || fail "help lacks verb $verb"
  run 0 help "$verb" && has out "usage: bkflash"
done < <(jq -r '.verbs[].name' spec.json)
while read -r opt; do has help.txt "--$opt"; done < <(jq -r '.options[].name' spec.json)
while read -r code; do grep -q "^  *$code  " help.txt || fail "help lacks exit code $code"; done \
  < <(jq -r '.exit_codes[].code' spec.json)

# Usage errors: exit 2, nothing on stdout, a next step on stderr.
for bad in "" "frobnicate" "dump --nosuch" "dump -Z" "dump a b" "verify" "dump --verify=maybe -p x" \
  "--color=blue list" "--json=1 list" "-p" "--profile" "read --range"; do
  # shellcheck disable=SC2086 # words
  run 2 $bad && empty out && has err "bkflash: error:"
done
run 2 dump --range 0..1 && has err "option of 'read'"
run 2 dump && has err "-p NAME"
run 2 "${sim[@]}" read && has err "read needs -P"
run 2 "${sim[@]}" read -P app1 --range 0..1 f.bin && has err "exclude"
run 2 "${sim[@]}" dump a.bin -o b.bin && has err "named twice"
run 2 "${sim[@]}" --attempts -3 info
run 2 "${sim[@]}" -O novalue info && has err "KEY=VALUE"
run 2 "${sim[@]}" -O sed=1 info && has err "did you mean 'seed'"
[ "$(grep -c "did you mean" err)" = 1 ] || fail "said twice"
run 2 "${sim[@]}" -O transport=can info && has err "spi or uart"

# Twice is a mistake, not the last one's turn; what may be repeated may.
run 2 "${sim[@]}" -p other info && has err "--profile is given twice, as 'doorbell_mlt1t.ini' and as 'other'"
run 2 "${sim[@]}" read -P app1 --partition=app2 f.bin && has err "--partition is given twice, as 'app1' and as 'app2'"
run 2 --json "${sim[@]}" -a sim info && has out "--adapter is given twice"
run 0 "${sim[@]}" -O seed=1 -O size=4M -v -v --json --json version
head -c 4096 /dev/zero >zero.bin
run 0 "${sim[@]}" write -n --allow-protected bootloader --allow-protected ota_meta --at 0x200000 zero.bin
# A backup and none.
run 2 "${sim[@]}" --trace t.trace write --backup zero.bin --no-backup --at 0x200000 zero.bin && has err "--backup and --no-backup exclude"
run 2 "${sim[@]}" --trace t.trace erase --no-backup --backup-verify --range 0x200000+4K && has err "--backup-verify and --no-backup exclude"
absent t.trace
run 0 "${sim[@]}" -q write -n --no-backup --at 0x200000 zero.bin && has err "warning: without a backup there is no way back"

# Ranges and addresses.
run 2 "${sim[@]}" read --range 5..5 f.bin && has err "empty"
run 2 "${sim[@]}" read --range 0..8M f.bin && has err "past the flash"
run 2 "${sim[@]}" read --range ap1..end f.bin && has err "did you mean app1"
run 2 "${sim[@]}" read -P nothing f.bin && has err "it has bootloader, ota_meta"
run 2 "${sim[@]}" read --range 12x..20 f.bin
run 2 "${sim[@]}" read --range -5..20 f.bin
run 2 "${sim[@]}" read --range 0x100000000..end f.bin && has err "larger than any flash"
absent f.bin f.bin.part
run 0 "${sim[@]}" read --range 68K..0x11010 a.bin
run 0 "${sim[@]}" read --range app1..app1+16 b.bin && same a.bin b.bin
run 0 "${sim[@]}" read --range app1+0x10 c.bin && same a.bin c.bin
run 0 "${sim[@]}" read --range 69632..69648 d.bin && same a.bin d.bin
run 0 "${sim[@]}" read -P ota_meta e.bin
[ "$(stat -c %s e.bin)" = 4096 ] || fail "size of a partition"
json e.bin.json '.range.start == 61440 and .label == "ota_meta" and .complete_backup == false'

# Global options before and after the verb, glued and apart.
run 0 -q info -pdoorbell_mlt1t.ini --adapter=sim && cp out info.txt && empty err
run 0 --quiet -p doorbell_mlt1t.ini -a sim info && same out info.txt
run 0 info -qp doorbell_mlt1t.ini -a sim && same out info.txt
# Environment; the command line wins.
export BKFLASH_PROFILE=doorbell_mlt1t.ini BKFLASH_ADAPTER=sim BKFLASH_QUIET=1
run 0 info && same out info.txt && empty err
run 3 -p nosuch info && has err "no profile 'nosuch'"
BKFLASH_OPTION=$'jedec=C84015\nseed=3' run 22 info && has err "C84015"
BKFLASH_OPTION='jedec=C84015' run 0 info -O jedec=0B4016 && has out "0B4016"
BKFLASH_JSON=1 run 0 info && head -n 1 out >hello && json hello '.api == 1'
unset BKFLASH_PROFILE BKFLASH_ADAPTER BKFLASH_QUIET
# A file called like an option.
run 50 "${sim[@]}" verify -- -q && has err "-q"

# Colour: never off a terminal, unless asked for.
esc=$(printf '\033')
run 2 frobnicate && hasnt err "$esc"
run 2 frobnicate --color=always && has err "${esc}[31m"
NO_COLOR=1 run 2 --color=auto frobnicate && hasnt err "$esc"

# Results on a full disk are not a success.
if [ -e /dev/full ]; then
  "$bkflash" list profiles >/dev/full 2>err
  [ $? -eq 50 ] || fail "list to /dev/full"
  "$bkflash" --json "${sim[@]}" info >/dev/full 2>err
  [ $? -eq 50 ] || fail "--json to /dev/full"
  has err "cannot write to standard output: No space left on device"
  "$bkflash" --spec-json >/dev/full 2>err # more than fits into a buffer
  [ $? -eq 50 ] || fail "--spec-json to /dev/full"
  has err "cannot write to standard output: No space left on device"
  "$bkflash" -p doorbell_mlt1t.ini wiring -a ft232h --svg - >/dev/full 2>err
  [ $? -eq 50 ] || fail "--svg - to /dev/full"
  has err "No space left on device"
fi
# A reader who leaves is no failure.
mkfifo pipe
for words in "list profiles" "--json list"; do
  # shellcheck disable=SC2086 # words
  (exec 3>pipe && sleep 0.2 && "$bkflash" $words >&3 2>err && echo "none" >left) &
  : <pipe
  wait $!
  [ -e left ] || fail "a failure when the reader left: $words"
  empty err
  rm -f left
done
finish
