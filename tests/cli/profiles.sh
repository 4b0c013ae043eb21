#!/usr/bin/env bash
# check, profile show, list, plugins; where profiles and plugins are looked for.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

run 0 check doorbell_mlt1t.ini && empty out && has err "doorbell_mlt1t.ini: ok"
run 0 check "$src"/conf/boards/*.ini
cp "$src/conf/boards/doorbell_mlt1t.ini" mine.ini
sed -i 's/^size *= *4M/size = 4Q/; s/^driver *= *ch341a/drvier = ch341a/' mine.ini
run 3 check mine.ini && has err "mine.ini:" && has err "error: [flash] size:" && has err "did you mean"
run 3 check doorbell_mlt1t.ini mine.ini nosuch.ini && has err "doorbell_mlt1t.ini: ok" && has err "no profile 'nosuch.ini'"
# Lines and options against the plugins that are there.
printf '[profile]\nschema = 1\nkind = board\nname = x\ninclude = chips/bk7252.ini\n[adapter]\ndriver = serial\ntransport = uart\nopt.bogus = 1\n[pads]\nP10 = rx @ TDX\nP11 = tx @ TXD\n[flash]\nsize = 2M\n' >lines.ini
run 3 check lines.ini && has err "lines.ini:9: error: [adapter] opt.bogus: serial has no option 'bogus'" && has err "lines.ini:11: error: [pads] P10: serial has no line 'TDX', did you mean 'TXD'?" && has err "lines.ini:12: error: [pads] P11: line TXD of serial is no receiver (tx is the chip's output); use RXD"
run 3 -p lines.ini info && has err "lines.ini:9: error:"

run 0 profile show -p doorbell_mlt1t.ini && has out "jedec = 0B4016" && has out "[partition:app2]" && hasnt out "doorbell_mlt1t.ini:"
run 0 profile show doorbell_mlt1t --origins
grep -q "jedec = 0B4016 .*boards/doorbell_mlt1t.ini:[0-9]" out || fail "origins"
run 2 profile frob && has err "profile show"
# What is shown is a profile itself.
run 0 profile show doorbell_mlt1t && cp out shown.ini
head -n 1 shown.ini | grep -qx '\[profile\]' || fail "identity does not come first"
run 0 check shown.ini
run 0 profile show doorbell_mlt1t --json && need jq
tail -n 1 out >result
json result '.data.kind == "profile" and .data.flash.size == 4194304 and .data.chip == "bk7252"'
json result '.data.routes | map(.name) | . == ["","ft232h","uart","log"]'
json result '.data.partitions | map(select(.name == "app2"))[0].start == 1810432'
json result '.data.values | map(select(.section == "flash" and .key == "sector"))[0].origins[0].file | endswith("chips/bk7252.ini")'
# All findings are counted, the first 20 are printed; --json has all of them.
{ printf '[profile]\nschema = 1\nkind = chip\nname = x\n[chip]\ndriver = bk7252\n'; for i in $(seq 30); do echo "k$i = 1"; done; } >many.ini
run 3 check many.ini && has err "many.ini:26: error: [chip] k20: no such key" && hasnt err "k21" && has err "... and 10 more" && has err "30 errors"
run 3 check many.ini --json
jq -se 'map(select(.type == "diagnostic")) | length == 30 and all(.line > 6 and .section == "chip")' out >/dev/null || fail "json findings"
# Every shipped profile of every kind.
run 0 check "$src"/conf/{boards,chips,flash,layouts,wiring}/*.ini
run 0 list profiles && has out "doorbell_mlt1t"
# An unknown name: what was meant, and how to see all; every file counts as an error.
run 3 -p doorbell info && has err "did you mean 'doorbell_mlt1t'" && has err "list profiles"
run 3 check nosuch.ini other.ini && has err "nosuch.ini: error:" && has err "2 errors"
# One class with its lines and options, for -O.
run 0 list adapters sim && has out "  seed  uint" && has out "lines, for"
run 0 list chips bk7252 && has out "spi_entry" && hasnt out "lines, for"
run 0 --json list adapters sim && tail -n 1 out >one.json && json one.json '(.data.items | length) == 1 and .data.items[0].name == "sim"'
run 2 list adapters sm && has err "did you mean 'sim'"
run 2 list units x && has err "takes no name"
run 0 list chips && has out "bk7252"
run 0 list parts && has out "XT25F32B"
run 0 list units && has out "sim"
run 0 list && has out "adapters:"
run 2 list nosuch && has err "profiles, adapters"
run 0 plugins && has out "bkf-sim.so"

# A user's folder comes before the shipped one; a path before both; then the environment's.
mkdir -p "$HOME/.local/share/bkflash/conf/boards"
sed 's/^title.*/title = mine/' "$src/conf/boards/doorbell_mlt1t.ini" >"$HOME/.local/share/bkflash/conf/boards/doorbell_mlt1t.ini"
run 0 profile show -p doorbell_mlt1t && has out "title = mine"
mkdir -p other/boards
sed 's/^title.*/title = other/' "$src/conf/boards/doorbell_mlt1t.ini" >other/boards/doorbell_mlt1t.ini
BKFLASH_PROFILE_PATH=$PWD/other run 0 profile show -p doorbell_mlt1t && has out "title = other"
sed 's/^title.*/title = here/' "$src/conf/boards/doorbell_mlt1t.ini" >doorbell_mlt1t.ini
BKFLASH_PROFILE_PATH=$PWD/other run 0 profile show -p doorbell_mlt1t.ini && has out "title = here"
finish
