#!/usr/bin/env bash
# Every shipped board on the simulator, over SPI and over the UART; chips that are not the
# profile's.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

for file in "$src"/conf/boards/*.ini; do
  board=$(basename "$file" .ini)
  run 0 -p "$board" -a sim info && has out "partition  bootloader"
  run 0 -p "$board" -a sim -O transport=uart info && has out "partition  bootloader"
done
# Same chip id, told apart by the key of the code cipher.
run 22 -p generic_bk7231n -a sim -O transport=uart -O chip=bk7231m info && has err "the profile is for bk7231n"
run 0 -p generic_bk7231n -a sim -O transport=uart -O chip=bk7231m -O uart_key_check=no info && has err "flash key is not the one"
run 0 -p generic_bk7231m -a sim -O transport=uart -O chip=bk7231n info && has err "flash key is not the one"
# Another chip id, another loader.
run 22 -p generic_bk7238 -a sim -O transport=uart -O chip=bk7252n info
run 22 -p generic_bk7252 -a sim -O transport=uart -O chip=bk7231t info
run 22 -p generic_bk7231u -a sim -O transport=uart -O chip=bk7231n info
# Without a size in the profile it is found; "end" is the end of what was found.
for size in 2M 4M; do
  bytes=$((${size%M} * 1048576))
  for transport in spi uart; do
    run 0 -p generic_bk7252 -a sim -O transport="$transport" -O size=$size read --verify=none --range 0x1FF000..end "$transport$size.bin"
    [ "$(stat -c %s "$transport$size.bin")" = $((bytes - 0x1FF000)) ] || fail "end of $size over $transport"
  done
done
finish
