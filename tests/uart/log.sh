#!/usr/bin/env bash
# The log verb on a pseudo-terminal that prints what boards print.
# usage: log.sh BUILD_DIR SOURCE_DIR
set -u
bin=$1/bkflash
command -v socat >/dev/null || { echo "socat is not here, skipped"; exit 77; }
work=$(mktemp -d) || exit 1
trap 'kill $socat 2>/dev/null; rm -rf "$work"' EXIT
cd "$work" || exit 1
failed=0
expect() { grep -qF -- "$2" "$1" || { echo "FAIL: '$2' is not in $1:"; cat "$1"; failed=1; }; }
refuse() { ! grep -qF -- "$2" "$1" || { echo "FAIL: '$2' is in $1:"; cat "$1"; failed=1; }; }

tr @ '\033' >boot.log <<'LOG'
V:BK7231N_1.0.1
J 0x10000
@[32m[I/FAL] Fal(V0.4.0)success@[0m
[Flash]id:0x16400b
--write status reg:800,2--
cmd8 noresp, voltage mismatch or Ver1.X SD or not SD
Partition table NOT found on flash: beken_onchip_crc (len: 24) from offset: 0x0000e000
mac:c8 47 8c 12 34 56
get key: 0123456789abcdef
LOG
printf 'get key: %0450dTAIL\n' 0 >>boot.log # longer than a line may be: it comes in two
printf 'msh />' >>boot.log

serve() {
  rm -f tty
  socat "PTY,rawer,link=$work/tty" "SYSTEM:sleep 1; cat $work/boot.log; sleep 4" &
  socat=$!
  for _ in $(seq 100); do [ -e tty ] && return; sleep 0.02; done
}

serve
"$bin" -p doorbell_mlt1t.ini -u "$work/tty" log --explain --duration 3s copy.log >out.txt 2>err.txt || { echo "FAIL: exit $?"; cat err.txt; failed=1; }
kill $socat 2>/dev/null
for f in out.txt copy.log; do
  expect $f "V:BK7231N_1.0.1"
  expect $f "start of the bootloader"
  expect $f "[I/FAL] Fal(V0.4.0)success"
  expect $f "the flash partition table was found"
  expect $f "no partition table before"
  expect $f "no answer of an SD card to CMD8"
  expect $f "status register write"
  expect $f "mac: [redacted]"
  expect $f "get key: [redacted]"
  expect $f "msh />"
  refuse $f "0123456789abcdef"
  refuse $f "12 34 56"
  refuse $f "TAIL"
  refuse $f $'\x1b[32m'
done

# without --explain nothing is added; JSON has one record a line; what is private stays hidden
serve
"$bin" --json -p doorbell_mlt1t.ini -a serial -u "$work/tty" log --baud 115200 --duration 3 >out.json 2>err.txt || { echo "FAIL: exit $?"; cat err.txt; failed=1; }
kill $socat 2>/dev/null
expect out.json '"line":"get key: [redacted]"'
refuse out.json "0123456789abcdef"
refuse out.json "12 34 56"
refuse out.json "TAIL"
refuse out.json '"meaning"'

# unless it is asked for
serve
"$bin" -p doorbell_mlt1t.ini -a serial -u "$work/tty" log --show-secrets --baud 115200 --duration 3 >out.txt 2>err.txt || { echo "FAIL: exit $?"; cat err.txt; failed=1; }
kill $socat 2>/dev/null
expect out.txt "get key: 0123456789abcdef"
expect out.txt "TAIL"
expect out.txt "mac:c8 47 8c 12 34 56"

# nowhere to put it: the cause is named
if [ -e /dev/full ]; then
  serve
  "$bin" -p doorbell_mlt1t.ini -u "$work/tty" log --duration 1.5 >/dev/full 2>err.txt
  [ $? = 50 ] || { echo "FAIL: a log to /dev/full"; failed=1; }
  kill $socat 2>/dev/null
  expect err.txt "standard output: No space left on device"
fi
"$bin" -p doorbell_mlt1t.ini log nosuchdir/copy.log 2>err.txt; [ $? = 50 ] || { echo "FAIL: no folder for the copy"; failed=1; }
expect err.txt "nosuchdir/copy.log: cannot be written: No such file or directory"

# a profile without a log route, and no port
"$bin" -p generic_bk7231n.ini log --duration 1 >out.txt 2>err.txt; [ $? = 3 ] || { echo "FAIL: no log route: exit $?"; failed=1; }
expect err.txt "[adapter:log]"
"$bin" -p doorbell_mlt1t.ini -u /dev/ttyNOPE log --duration 1 >out.txt 2>err.txt; [ $? = 10 ] || { echo "FAIL: no port"; cat err.txt; failed=1; }
"$bin" -p doorbell_mlt1t.ini -u /dev/ttyNOPE log --duration -3 >out.txt 2>err.txt; [ $? = 2 ] || { echo "FAIL: bad duration"; failed=1; }
[ $failed = 0 ] && echo "log: all as expected"
exit $failed
