# shellcheck shell=bash disable=SC2154 # sourced by run.sh, which has adapter() and $share
# The adapters of the guest, in the order of their ports.
head -c 4194304 < <(seq 1 900000) >"$share/image.bin"
head -c 2097152 "$share/image.bin" >"$share/image2.bin"
head -c 1048576 "$share/image.bin" >"$share/image1.bin"

adapter doorbell --pace=fast "report=$share/doorbell.json" strict=1 adapter=ch341a chip=bk7252 \
  jedec=0B4016 "image=$share/image.bin"

# Somebody presses the reset button of this one (user_reset=); on the other RTS# is wired to CEN.
adapter bench --pace=real "report=$share/bench.json" "log=$share/bench.usb" strict=1 adapter=ft232r fifo=65536 \
  serial=BENCH1 wire_cen=none chip=bk7231n jedec=0B4015 "image=$share/image2.bin" "save=$share/bench.bin"
adapter wired --pace=real "report=$share/wired.json" "log=$share/wired.usb" strict=1 adapter=ft232r fifo=65536 \
  serial=WIRED2 wire_cen=RTS# user_reset=0 chip=bk7252 jedec=0B4016 "image=$share/image.bin"

adapter mpsse --pace=real "report=$share/mpsse.json" "log=$share/mpsse.usb" strict=1 adapter=ft232h serial=MPSSE3 chip=bk7252 \
  jedec=0B4016 "image=$share/image.bin"

# A plain chip for flashrom, which takes the first CH341A there is: plugged in when the other is out.
adapter nor --pace=fast --unplugged "report=$share/nor.json" adapter=ch341a gate=no jedec=EF4014 \
  "image=$share/image1.bin"
