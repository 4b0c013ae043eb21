#!/usr/bin/env bash
# cli.sh BKFLASH MAKE_IMAGE OUT_DIR: the verbs about images, end to end on made-up files.
set -u
bk=$1 make_image=$2 out=$3
rm -rf "$out" && mkdir -p "$out" && cd "$out" || exit 1
failures=0
fail() { echo "FAIL: $*"; failures=$((failures + 1)); }
# expect CODE TEXT COMMAND...: exit code and a piece of the output (stdout and stderr)
expect() {
  local code=$1 text=$2
  shift 2
  local got
  got=$("$@" 2>&1 </dev/null)
  local rc=$?
  [ $rc -eq "$code" ] || fail "$* gave $rc, not $code: $got"
  case $got in *"$text"*) ;; *) fail "$* does not say '$text' but: $got" ;; esac
}
for what in lamp doorbell doorbell-app2 qio-zero; do "$make_image" $what $what.bin || exit 1; done
secret="correct horse battery"

expect 0 "bk7252-tuya-4m-pingpong" "$bk" inspect doorbell.bin
expect 0 "bk7231n-tuya-2m" "$bk" inspect lamp.bin
expect 0 '"image":"full-dump"' "$bk" --json inspect lamp.bin
"$bk" inspect lamp.bin | grep -q "$secret" && fail "inspect shows a secret"
"$bk" inspect --show-secrets lamp.bin | grep -q "$secret" || fail "--show-secrets does not show it"
"$bk" inspect - <lamp.bin | grep -q "whole flash dump" || fail "inspect - does not read standard input"
expect 50 "nothing.bin" "$bk" inspect nothing.bin
expect 2 "which FILE" "$bk" inspect

for what in lamp doorbell; do
  expect 0 "files" "$bk" extract $what.bin -o $what.d
  expect 0 "byte for byte" "$bk" pack $what.d -o $what.again
  cmp $what.bin $what.again || fail "$what: pack differs"
done
expect 50 "exists already" "$bk" extract lamp.bin -o lamp.d
expect 50 "exists already" "$bk" pack lamp.d -o lamp.again
expect 0 "byte for byte" "$bk" pack lamp.d -f -o lamp.again
grep -q "$secret" lamp.d/storage.json && fail "storage.json shows a secret"

expect 0 "places changed" "$bk" redact lamp.bin -o share.bin
[ "$(stat -c %s share.bin)" = "$(stat -c %s lamp.bin)" ] || fail "redact changes the size"
expect 0 "bk7231n-tuya-2m" "$bk" inspect share.bin
"$bk" inspect --show-secrets share.bin | grep -q "$secret" && fail "a secret survives redact"
expect 31 "kv_data" "$bk" diff lamp.bin share.bin
expect 0 "are the same" "$bk" diff lamp.bin lamp.again
expect 31 '"storage_keys":[{' "$bk" --json diff lamp.bin share.bin

expect 0 "open it in a browser" "$bk" report doorbell.bin --against doorbell-app2.bin -o r.html
grep -q "Compared with doorbell-app2.bin" r.html || fail "the report compares nothing"
grep -q "<script" r.html && fail "the report has a script"

head -c $((34 * 512)) <(tail -c +$((0x11001)) lamp.bin) >ua.bin
expect 0 "16384 bytes" "$bk" convert crc-strip,decrypt --key tuya --address 0x10000 ua.bin -o plain.bin
expect 0 "17408 bytes" "$bk" convert encrypt,crc-add --key tuya --address 0x10000 plain.bin -o ua2.bin
cmp ua.bin ua2.bin || fail "encrypt after decrypt differs"
expect 0 "bytes made of" "$bk" convert rbl-pack plain.bin -o plain.rbl
expect 0 "RBL OTA container" "$bk" inspect plain.rbl
"$bk" convert hex-write --address 0x11000 ua.bin -o - | "$bk" convert hex-read - -o - | cmp - ua.bin ||
  fail "HEX through pipes differs"
expect 40 "bad CRC" "$bk" convert crc-strip plain.bin -o x.bin
[ -e x.bin ] && fail "a failed conversion leaves a file"
expect 2 "there are crc-add" "$bk" convert frobnicate plain.bin -o x.bin

expect 0 "app2 0x1ba000..0x363000 verifies" "$bk" ota show doorbell.bin
expect 30 "no two program slots" "$bk" ota show lamp.bin
expect 30 "not publicly known" "$bk" ota select app2 doorbell.bin -o meta.bin
expect 0 "4096 bytes of metadata for 0xf000" "$bk" ota select app2 doorbell.bin --meta doorbell-app2.bin -o meta.bin
cmp meta.bin <(head -c $((0x10000)) doorbell-app2.bin | tail -c 4096) || fail "select: wrong bytes"
cp doorbell.bin broken.bin
printf 'x' | dd of=broken.bin bs=1 seek=$((0x1BA100)) conv=notrunc status=none
expect 30 "bad CRC" "$bk" ota select app2 broken.bin --meta doorbell-app2.bin -o meta2.bin
expect 0 "4096 bytes of metadata" "$bk" ota select app2 doorbell.bin --meta meta.bin -o meta3.bin
cmp meta.bin meta3.bin || fail "select: the sector alone gives other bytes"
cp doorbell-app2.bin never.bin
printf 'x' | dd of=never.bin bs=1 seek=$((0x1BA100)) conv=notrunc status=none
expect 40 "cannot have been seen booting" "$bk" ota select app2 doorbell.bin --meta never.bin -o meta4.bin
[ -e meta4.bin ] && fail "a refused selection leaves a file"

expect 0 "this boots" "$bk" splice ua.bin --boot doorbell.bin -o spliced.bin
expect 0 "this boots" "$bk" splice plain.rbl --boot doorbell.bin -f -o spliced.bin
cmp <(head -c $((0x11000)) spliced.bin) <(head -c $((0x11000)) doorbell.bin) || fail "splice changes the bootloader"
expect 40 "would not boot" "$bk" splice qio-zero.bin --boot qio-zero.bin --device doorbell.bin -o no.bin
expect 40 "garbage" "$bk" splice qio-zero.bin --boot qio-zero.bin --key tuya -o no.bin
expect 40 "made for BK7252 (text in the program, OpenBK7252_1.18), and the chip of the device is BK7231N_1.0.1" "$bk" splice qio-zero.bin --boot lamp.bin -o no.bin
expect 40 "made for BK7231N (bootloader version text" "$bk" splice lamp.bin --boot lamp.bin --device doorbell.bin -o no.bin
[ -e no.bin ] && fail "an image that would not boot was written"

# bad input: the file to blame is named, nothing is left behind
: >empty.bin
printf x >one.bin
mkdir folder
printf x >"plain file"
expect 0 "the file is empty" "$bk" inspect empty.bin
expect 50 "folder: cannot read: Is a directory" "$bk" inspect folder
truncate -s 3G huge.bin
expect 50 "huge.bin: larger than" "$bk" inspect huge.bin
rm huge.bin
expect 40 "empty.bin is empty" "$bk" extract empty.bin -o new.d
[ -e new.d ] && fail "a failed extract leaves a folder"
expect 40 "empty.bin: the file is empty" "$bk" redact empty.bin -o new.bin
expect 0 "open it in a browser" "$bk" report one.bin -o one.html
expect 40 "empty.bin is empty" "$bk" convert crc-add empty.bin -o new.bin
expect 40 "one.bin: crc-strip: the last block is cut" "$bk" convert crc-strip one.bin -o new.bin
expect 40 "one.bin: nothing known: there is no program" "$bk" splice one.bin --boot doorbell.bin -o new.bin
expect 40 "one.bin: nothing known: there is no readable bootloader" "$bk" splice ua.bin --boot one.bin -o new.bin
expect 2 "whose bootloader" "$bk" splice ua.bin -o new.bin
expect 2 "which FILE" "$bk" ota show
expect 2 "one file only" "$bk" diff - -
expect 2 "one file only" "$bk" report - --against - -o new.bin
"$bk" diff - lamp.bin <lamp.again | grep -q "are the same" || fail "diff - does not read standard input"
expect 50 "plain file: exists and is not a folder" "$bk" extract lamp.bin -o "plain file"
expect 50 "folder: exists and is not a plain file" "$bk" report lamp.bin -o folder
expect 50 "nowhere/new.bin: cannot create: No such file or directory" "$bk" redact lamp.bin -o nowhere/new.bin
expect 50 "folder/manifest.json" "$bk" pack folder -o new.bin
expect 2 "both want standard output" "$bk" --json redact lamp.bin -o -
"$bk" convert crc-add lamp.bin -o - >/dev/full 2>err
[ $? -eq 50 ] || fail "a full standard output has another exit code"
grep -q "No space left" err || fail "a full standard output is not said"
[ -e new.bin ] && fail "a failed verb leaves a file"

# secrets: in no output of any verb, nor in what it says when it fails
mkdir said
say() { # NAME COMMAND...
  local name=$1
  shift
  "$@" >"said/$name.out" 2>"said/$name.err"
}
for image in lamp doorbell; do
  for flags in "" --json; do
    # shellcheck disable=SC2086
    {
      say "$image.inspect$flags" "$bk" $flags inspect $image.bin
      say "$image.diff$flags" "$bk" $flags diff $image.bin qio-zero.bin
      say "$image.redact$flags" "$bk" $flags redact $image.bin -f -o said/$image.redacted
      say "$image.extract$flags" "$bk" $flags extract $image.bin -f -o $image.d
      say "$image.pack$flags" "$bk" $flags pack $image.d -f -o $image.again
      say "$image.ota$flags" "$bk" $flags ota show $image.bin
      say "$image.splice$flags" "$bk" $flags splice $image.bin --boot $image.bin -f -o spliced.bin
      say "$image.convert$flags" "$bk" $flags convert rbl-unpack $image.bin -o none.bin
      say "$image.report$flags" "$bk" $flags report $image.bin --against qio-zero.bin -f -o said/$image.html
    }
  done
  cp $image.d/manifest.json said/$image.manifest.json
  cp $image.d/storage.json said/$image.storage.json
done
for flags in "" --json; do
  # shellcheck disable=SC2086
  {
    say "device.info$flags" "$bk" $flags -vvv -p doorbell_mlt1t -a sim -O image=doorbell.bin info
    say "device.inspect$flags" "$bk" $flags -vvv -p doorbell_mlt1t -a sim -O image=doorbell.bin inspect
  }
done
find said -type f -size +0 | wc -l | grep -qE '^[3-9][0-9]$' || fail "the search for secrets has nothing to look at"
# what tests/support/synth.h plants, and the owner's half of the MAC in lamp
for planted in "$secret" MyHomeNetwork-7731 f4e1a0b2c3d45566 s3cr3tAuthKeyValueThatIsLongEnough 9f8e7d6c5b4a3921; do
  for form in "$planted" "$(printf %s "$planted" | od -An -tx1 | tr -d ' \n')" "$(printf %s "$planted" | base64)"; do
    grep -rlF -- "$form" said && fail "a secret is shown by these"
  done
  "$bk" --json inspect --show-secrets lamp.bin | grep -qF -- "$planted" || fail "$planted is not in the lamp: the search proves nothing"
done
grep -rliE "11:?22:?33" said && fail "a whole MAC is shown by these"
"$bk" inspect --show-secrets lamp.bin | grep -qi "50:8a:06:11:22:33" || fail "the lamp has another MAC"

# without a file the device is read
sim=(-p doorbell_mlt1t -a sim -O image=doorbell.bin)
expect 0 "metadata at 0xf000: 0x5a5a5a01, the known magic" "$bk" "${sim[@]}" inspect
expect 0 "app2 0x1ba000..0x363000 verifies" "$bk" "${sim[@]}" ota show
expect 0 "files" "$bk" "${sim[@]}" extract -o device.d
expect 0 "byte for byte" "$bk" pack device.d -o device.again
cmp device.again doorbell.bin || fail "the device, extracted and packed, differs"
expect 0 "are the same" "$bk" "${sim[@]}" diff doorbell.bin

# write refuses what would not boot, before the flash changes
head -c $((34 * 500)) qio-zero.bin >zero-boot.bin
tail -c +$((0x11001)) qio-zero.bin >zero-ua.bin
sim=(-p doorbell_mlt1t -a sim -O image=doorbell.bin --state-dir state)
write=(write --pad --preserve-keep --allow-protected bootloader --backup-dir backups)
expect 40 "would not boot" "$bk" "${sim[@]}" "${write[@]}" --at 0x11000 zero-ua.bin
[ -z "$(ls backups 2>/dev/null)" ] || fail "a backup stays of a write that was refused"
expect 40 "made for 0x11000, not for 0x1ba000" "$bk" "${sim[@]}" "${write[@]}" --at 0x1BA000 ua.bin
expect 40 "packed code only" "$bk" "${sim[@]}" "${write[@]}" --at 0x11000 plain.rbl
expect 40 "made for 0x11000, not for 0x0" "$bk" "${sim[@]}" "${write[@]}" --allow-protected ota_meta --allow-protected boot_tail --at 0x0 ua.bin
expect 40 "silent" "$bk" "${sim[@]}" "${write[@]}" --at 0x0 zero-boot.bin
expect 0 "protection as before; boots as far as the image tells" "$bk" "${sim[@]}" "${write[@]}" --at 0x11000 ua.bin
# with the device's own bootloader and key it is written: the whole image, where it belongs
expect 0 "" "$bk" "${sim[@]}" "${write[@]}" --allow-protected ota_meta --allow-protected boot_tail --at 0x0 spliced.bin
expect 40 "the chip deciphers with 'tuya'" "$bk" "${sim[@]}" "${write[@]}" --allow-protected ota_meta --allow-protected boot_tail --at 0x0 qio-zero.bin
expect 0 "written on request" "$bk" "${sim[@]}" "${write[@]}" --anyway --at 0x11000 zero-ua.bin
expect 0 "it will not boot: program key" "$bk" "${sim[@]}" "${write[@]}" --anyway --at 0x11000 zero-ua.bin
expect 0 "not known if it boots: app2 is erased" "$bk" "${sim[@]}" erase -P app2 --backup-dir backups
expect 0 '"boots":null' "$bk" --json "${sim[@]}" erase --range 0x370000+64K --backup-dir backups

# the other slot, end to end: judged on the device, written as a change like any other, undone
board=(-p doorbell_mlt1t -a sim -O save=board.bin --state-dir state)
cp doorbell.bin board.bin
expect 30 "not publicly known" "$bk" "${board[@]}" ota select app2 -o sel.bin
expect 0 "that selected app2" "$bk" "${board[@]}" ota select app2 --meta doorbell-app2.bin -o sel.bin
cmp -s board.bin doorbell.bin || fail "ota select -o changed the flash"
expect 30 "marked keep" "$bk" "${board[@]}" write --at 0xf000 --allow-protected ota_meta --allow-protected bootloader sel.bin
expect 0 "nothing was changed" "$bk" "${board[@]}" ota select app2 --meta doorbell-app2.bin --dry-run --backup-dir backups
cmp -s board.bin doorbell.bin || fail "a dry run changed the flash"
expect 30 "not publicly known" "$bk" "${board[@]}" ota select app2 --backup-dir backups
expect 40 "magic" "$bk" "${board[@]}" ota select app2 --meta lamp.bin --backup-dir backups
expect 0 "4 KiB proven by reading back" "$bk" "${board[@]}" ota select app2 --meta doorbell-app2.bin --backup-dir backups
cmp <(head -c $((0x10000)) board.bin | tail -c 4096) sel.bin || fail "the metadata was not written"
cmp <(tail -c +$((0x10001)) board.bin) <(tail -c +$((0x10001)) doorbell.bin) || fail "more than the metadata changed"
cmp <(head -c $((0xF000)) board.bin) <(head -c $((0xF000)) doorbell.bin) || fail "more than the metadata changed"
expect 2 "already holds" "$bk" "${board[@]}" ota select app2 --meta doorbell-app2.bin --backup-dir backups
expect 0 "" "$bk" "${board[@]}" undo
cmp board.bin doorbell.bin || fail "undo does not bring the metadata back"
cp broken.bin board.bin
expect 30 "bad CRC" "$bk" "${board[@]}" ota select app2 --meta doorbell-app2.bin --backup-dir backups
cmp -s board.bin broken.bin || fail "a refused selection changed the flash"

if [ $failures -ne 0 ]; then
  echo "$failures failures"
  exit 1
fi
echo "all right"
