#!/usr/bin/env bash
# boots.sh BKFLASH SOURCE MAKE_IMAGE: what would not boot is refused, and every change ends with one
# line that says what was proven and whether the device boots.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/../cli/lib.sh"
make_image=$3
for what in lamp doorbell qio-zero; do "$make_image" $what $what.bin || exit 1; done
head -c $((0x11000)) lamp.bin >n-boot.bin
head -c $((0x11000)) doorbell.bin >bell-boot.bin
tail -c +$((0x11001)) qio-zero.bin >zero.bin
tail -c +$((0x11001)) lamp.bin | head -c $((0x118f70)) >app.bin
head -c 8192 /dev/zero | tr '\0' Z >zzz.bin
allow=(--allow-protected bootloader --allow-protected ota_meta --allow-protected boot_tail --preserve-keep)
lamp=(-p generic_bk7231n -a sim -O image=flash.bin -O save=flash.bin -O report=device.json)
bell=(-p doorbell_mlt1t -a sim -O image=bell.bin -O save=bell.bin)
last() { tail -n 1 err | grep -qF -- "$1" || fail "the last line is not '$1' but: $(tail -n 1 err)"; }
silent() { [[ $(tail -n 1 err) == *"as before" ]] || fail "no code was changed, but: $(tail -n 1 err)"; }
fresh() { cp lamp.bin flash.bin && cp doorbell.bin bell.bin; }

# -- made for another chip: by the names in the profile, not by what is in the flash now --------
fresh
lamp_as_t=(-p generic_bk7231t "${lamp[@]:2}")
run 40 "${lamp_as_t[@]}" write --at 0 "${allow[@]}" n-boot.bin
has err "made for BK7231N (bootloader version text BK7231N_1.0.1" && has err "the chip of the profile is bk7231t"
[ ! -e device.json ] || grep -q '"resets": *0' device.json || fail "the target was reset before"
run 0 "${lamp_as_t[@]}" write --at 0 "${allow[@]}" --anyway n-boot.bin && last "it will not boot: chip: it is made for BK7231N"
run 0 "${bell[@]}" write --at 0 "${allow[@]}" --anyway n-boot.bin && last "it will not boot: chip"
run 0 "${bell[@]}" write --at 0 "${allow[@]}" bell-boot.bin && last "as before; boots as far as the image tells"
run 40 "${lamp[@]}" write --at 0x11000 --pad zero.bin && has err "made for BK7252 (text in the program, OpenBK7252_1.18)"
run 40 "${lamp[@]}" write --at 0 "${allow[@]}" bell-boot.bin && has err "chip: it is made for BK7252"
{ tail -c +$((0x11001)) lamp.bin && cat n-boot.bin; } >turned.bin
run 40 "${lamp[@]}" write --at 0 "${allow[@]}" turned.bin && has err "begins with flash offset 0x11000 and wraps"
same lamp.bin flash.bin

# -- a profile without a place for programs: the layouts of its chip know it --------------------
# it may be another one, so what they say is remarked on and nothing is refused
run 0 "${lamp[@]}" write --at 0x11000 zzz.bin && last "not known if it boots: app (layout bk7231n-tuya-2m) holds code, and this is none"
run 0 "${lamp[@]}" undo && same lamp.bin flash.bin && last "as before; not known if it boots: app (layout bk7231n-tuya-2m) goes on"
run 0 "${lamp[@]}" write --at 0x12000 zzz.bin && last "not known if it boots: part of app (layout bk7231n-tuya-2m) was changed"
run 0 "${lamp[@]}" undo && last "not known if it boots: part of app (layout bk7231n-tuya-2m) was put back"
run 0 "${lamp[@]}" write --at 0x1f8000 zzz.bin && silent
run 0 "${lamp[@]}" erase --range 0x1f8000+8K && silent
head -c 8192 app.bin >cut.bin
run 0 "${lamp[@]}" write --at 0x11000 zzz.bin
run 0 "${lamp[@]}" write --at 0x11000 cut.bin && last "not known if it boots: app (layout bk7231n-tuya-2m) goes on behind what was written"
# of this size only: app2 is in a layout of 4 MiB; with the size unknown what all layouts say is early
any=(-p generic_bk7252 -a sim -O image=any.bin -O save=any.bin -O report=device.json)
cp doorbell.bin any.bin
run 0 "${any[@]}" write --at 0x11000 zzz.bin && last "holds code, and this is none"
run 0 "${any[@]}" write --at 0x1ba000 zzz.bin && last "not known if it boots: app2 (layout bk7252-tuya-4m-pingpong) holds code"
head -c $((0x200000)) doorbell.bin >any.bin
run 0 "${any[@]}" -O size=2M write --at 0x1ba000 zzz.bin
fresh
run 0 "${lamp[@]}" erase --range 0x11000..0x14000 && last "not known if it boots: part of app (layout bk7231n-tuya-2m) was erased"
run 0 "${lamp[@]}" erase --range 0x11000..0x14000
[[ $(tail -n 1 err) == *"nothing was changed" ]] || fail "nothing was changed, but: $(tail -n 1 err)"
run 0 "${lamp[@]}" write --at 0x11000 --pad app.bin && has err "plan: the last sector is filled up with 144 erased bytes" && last "boots as far as the image tells"
run 0 "${lamp[@]}" write --at 0x11000 --pad app.bin && last "nothing was changed; boots as far as the image tells"
run 0 --json "${lamp[@]}" write -n --at 0x11000 --pad app.bin && has out '"filled_bytes":144'

# what is refused by what the device runs keeps no backup: nothing changes
run 40 "${bell[@]}" write --at 0x11000 --pad --backup-dir refused zero.bin && has err "would not boot: program key"
absent refused/*.bin
# -- back and on: judged, not refused ----------------------------------------------------------
fresh
run 0 "${lamp[@]}" dump d.bin
run 0 "${lamp[@]}" erase --range 0x11000..0x1d0000 && run 0 "${lamp[@]}" undo && same lamp.bin flash.bin
last "boots as far as the image tells"
run 0 "${lamp[@]}" erase --range 0x11000..0x14000
run 0 "${lamp[@]}" restore d.bin && same lamp.bin flash.bin && last "as before; boots as far as the image tells"
run 137 "${bell[@]}" -O fault=kill@150 write --at 0x11000 --pad --anyway zero.bin
run 0 "${bell[@]}" write --at 0x11000 --pad zero.bin && last "it will not boot: program key"
run 0 "${bell[@]}" undo && same doorbell.bin bell.bin
run 137 "${bell[@]}" -O fault=kill@150 write --at 0x11000 --pad --anyway zero.bin
run 0 "${bell[@]}" resume && last "it will not boot: program key"

# -- the proof is the last line ----------------------------------------------------------------
fresh
{ head -c $((0x1d0000)) lamp.bin && head -c $((0x30000)) /dev/zero; } >most.bin
run 0 "${lamp[@]}" write --at 0 "${allow[@]}" most.bin && has err "kept: 0x1d0000" && last "write done in"
run 0 "${bell[@]}" dump e.bin
run 0 "${bell[@]}" erase -P app2
run 0 "${bell[@]}" -O transport=uart restore e.bin && has err "left alone: 0x000000" && last "restore done in"
finish
