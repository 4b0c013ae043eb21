#!/usr/bin/env bash
# Every exit code that the program can be brought to without hardware, and its message.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

quick=(read --range 0..4K x.bin --force)
run 0 "${sim[@]}" "${quick[@]}"
run 2 dump
printf '[profile]\nschema = 1\nkind = board\nname = broken\n[flash\nsize = 4M\n' >broken.ini
run 3 -p broken.ini -a sim dump x2.bin && has err "broken.ini:5: error:"
run 3 -p nosuch.ini dump x2.bin && has err "nosuch.ini"
run 4 "${sim[@]/sim/smi}" dump x2.bin && has err "did you mean 'sim'"
printf '[profile]\nschema = 1\nkind = board\nname = b\ninclude = chips/bk7252.ini\n[adapter]\ndriver = serial\ntransport = uart\npath = /dev/nosuchtty\n[pads]\nP10 = rx @ TXD\nP11 = tx @ RXD\n[flash]\nsize = 4M\n' >tty.ini
run 10 -p tty.ini dump x2.bin && has err "/dev/nosuchtty"
run 20 "${sim[@]}" -O miso=open --attempts 3 dump x2.bin && has err "MISO"
run 21 "${sim[@]}" -O fault=unplug@120 dump x3.bin && has err "kept as resumable in x3.bin.part"
run 22 "${sim[@]}" -O jedec=C84015 dump x2.bin && has err "C84015" && has err "doorbell_mlt1t.ini:" && has err "0B4016"
run 2 -p doorbell_mlt1t.ini -a log info && has err "only listens"
head -c 4096 /dev/zero >zero.bin
run 31 "${sim[@]}" verify --range 0..4K zero.bin && has err "first at 0x000000" && has err "differs in partition: bootloader"
run 33 "${sim[@]}" -O size=2M -O sfdp=no -O partitions=bootloader:0:0x11000:crc34 dump x2.bin && has err "2M" && has err "repeat"
run 40 "${sim[@]}" verify zero.bin && has err "4096 bytes" && has err "--range"
run 50 "${sim[@]}" verify nosuch.bin && has err "nosuch.bin"
run 50 "${sim[@]}" dump nosuchdir/x.bin && has err "nosuchdir"
run 50 "${sim[@]}" dump x.bin && has err "--force"
run 50 "${sim[@]}" dump /dev/null && has err "/dev/null"
absent x2.bin x2.bin.part x2.bin.json
# Without a home the folders are asked for by their options.
home=$HOME
unset HOME
run 50 "${sim[@]}" write --at 0x200000 zero.bin && has err "no folder for the journal" && has err "--state-dir"
run 50 "${sim[@]}" --state-dir state write --at 0x200000 zero.bin && has err "--backup-dir"
run 0 "${sim[@]}" --state-dir state write --backup-dir backups --at 0x200000 zero.bin
export HOME=$home
# Refusals about files come before anything is opened.
run 50 "${sim[@]}" --trace t.trace dump x.bin
absent t.trace
finish
