#!/usr/bin/env bash
# The doorbell dump from end to end, on the simulator, through the program.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/../cli/lib.sh"
need jq

# The default image, twice: the same bytes, stdout clean.
run 0 "${sim[@]}" dump a.bin && empty out
has err "complete backup: yes, because all 4194304 bytes were read and proven by a second pass"
has err "1 reset,"
run 0 "${sim[@]}" dump -o b.bin && same a.bin b.bin
run 0 "${sim[@]}" verify a.bin && has err "equal"
run 0 "${sim[@]}" -q dump c.bin && empty out && empty err
"$bkflash" "${sim[@]}" -q dump -o - >d.bin || fail "dump to stdout"
same a.bin d.bin
absent a.bin.part

# Any image: byte n of the file is byte n of the flash.
seq 1 1000000 | head -c 4194304 >image.bin
run 0 "${sim[@]}" -O image=image.bin dump e.bin && same image.bin e.bin
# a saved device goes on where it was; image= starts it anew
run 0 "${sim[@]}" -O image=image.bin -O save=board.bin erase --range 0x380000..0x390000
run 0 "${sim[@]}" -O save=board.bin dump saved.bin && same board.bin saved.bin
cmp -s image.bin board.bin && fail "the saved device forgot the erase"
run 0 "${sim[@]}" -O save=board.bin undo
run 0 "${sim[@]}" -O save=board.bin verify image.bin
json e.bin.json ".sha256 == \"$(sha256sum image.bin | cut -d' ' -f1)\""

# Without a name: one made of profile, ids and date, and said.
mkdir named
if ! (cd named && "$bkflash" "${sim[@]}" dump 2>err); then fail "dump without a name"; fi
name=$(cd named && echo doorbell_mlt1t-0B4016-*.bin)
has named/err "writing to $name"
same a.bin "named/$name"

# verify takes what write takes: a file that is shorter than its partition, at its place.
head -c $((0x11000 + 5000)) a.bin | tail -c 5000 >head.bin
run 0 "${sim[@]}" verify -P app1 head.bin && has err "equal: 5000 bytes" && has err "of app1 were not compared"
run 0 "${sim[@]}" verify --at 0x11000 head.bin && has err "equal: 5000 bytes" && hasnt err "not compared"
run 0 "${sim[@]}" -O transport=uart verify --at 0x11000 head.bin && has err "equal: 5000 bytes"
run 31 "${sim[@]}" verify --at 0x12000 head.bin && has err "differs: 0x012000"
run 31 "${sim[@]}" -O transport=uart verify --at 0x12000 head.bin
run 2 "${sim[@]}" verify -P app1 --at 0x12000 head.bin && has err "excludes"
run 2 "${sim[@]}" verify --at nowhere head.bin && has err "it has bootloader"
run 50 "${sim[@]}" verify -P app1 missing.bin && has err "missing.bin"

# A first look at what is in the flash.
run 0 "${sim[@]}" info && has out "program    app2         0x1ba000  code, zero key" && has out "OTA        metadata 0x5a5a5a01, the known magic" && has out "a first look at 80 KiB"
run 0 "${sim[@]}" -O blank=yes info && has out "bootloader none" && has out "app1         0x011000  erased"
run 0 "${sim[@]}" --json info && tail -n 1 out >info.json && json info.json '.data.content | .bytes_read == 81920 and .boot.key.name == "zero" and (.code | length) == 2 and .ota.magic_ok'
run 0 "${sim[@]}" -O transport=uart info && has out "app1         0x011000  code, zero key"

# A target that needs 398 resets.
run 0 "${sim[@]}" -O entry=398 dump f.bin && same a.bin f.bin
has err "398 resets"
json f.bin.json '.resets == 398'

# One received bit in 10^5 is wrong.
for seed in 1 2 3; do
  run 0 "${sim[@]}" -O fault=flip=1e-5 -O fault_seed=$seed dump g$seed.bin && same a.bin g$seed.bin
  json g$seed.bin.json '.rereads > 0 and .complete_backup'
done

# Never an answer: the diagnosis, and nothing left behind.
run 20 "${sim[@]}" -O miso=open --attempts 10 dump n.bin && has err "10 resets" && has err "MISO (TDO"
run 20 "${sim[@]}" -O miso=stuck0 --attempts 10 dump n.bin && has err "low"
run 20 "${sim[@]}" -O entry=1000 --attempts 10 dump n.bin && has err "10 resets"
# Another flash, a smaller one in disguise, a constant one.
run 22 "${sim[@]}" -O jedec=C84015 dump n.bin && has err "C84015"
run 33 "${sim[@]}" -O size=2M -O sfdp=no -O partitions=bootloader:0:0x11000:crc34 dump n.bin
absent n.bin n.bin.part n.bin.json
run 0 "${sim[@]}" -O blank=yes dump blank.bin && has err "warning: every byte reads 0xFF" && has err "complete backup: no"
json blank.bin.json '.constant == 255 and .complete_backup == false'

# A trace of a dump answers like the device did.
run 0 "${sim[@]}" --trace t.trace -O fault=flip=1e-6 read -P ota_meta h.bin
run 0 -p doorbell_mlt1t.ini -a replay -O trace=t.trace read -P ota_meta i.bin && same h.bin i.bin

# A full disk: said, and nothing that looks complete.
(
  ulimit -f 1000
  "$bkflash" "${sim[@]}" dump full.bin 2>err
  [ $? -eq 50 ]
) || fail "full disk"
has err "no room for 4194304 bytes"
absent full.bin full.bin.part full.bin.json

# Two at once into one file: the second is refused.
(
  flock -x 9
  run 12 "${sim[@]}" dump locked.bin && has err "another bkflash"
  exit $fails
) 9>locked.bin.part || fail "two into one file"
finish
