#!/usr/bin/env bash
# How long a proven 2 MiB dump over UART takes in the model: 921600 baud, 1 ms adapter latency.
# With BK7231TOOLS set to its command ("python3 -m bk7231tools") that program is measured on
# the same device, behind a pseudo-terminal that needs no time of its own.
# usage: dump_time.sh BUILD_DIR SOURCE_DIR
set -eu
bin=$1/bkflash device=$1/bkflash-device source=$2
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$work"' EXIT
cd "$work"
head -c 2097152 /dev/urandom >full.bin
for i in $(seq 0 31); do
  if [ $((i % 2)) = 1 ]; then head -c 65536 /dev/zero | tr '\000' '\377'; else
    dd if=full.bin bs=65536 skip="$i" count=1 status=none; fi
done >half.bin
profile() {
  printf '[profile]\nschema = 1\nkind = board\nname = bench\ntitle = bench\n'
  printf 'include = %s/conf/chips/%s.ini, %s/conf/wiring/beken.ini\n' "$source" "$1" "$source"
  printf '[adapter:uart]\nbaud = 921600\n[flash]\nsize = 2M\n'
}
echo 'least possible: 28.15 s (wire 22.90, proof 5.24); bkflash without its 0.3 s for the link'
printf '%-9s %-11s %9s %9s\n' chip image bkflash other
for chip in bk7231n bk7231t; do
  mkdir -p $chip
  profile $chip | sed "s#$source/conf/##g" >$chip/bench.ini
  cp -r "$source/conf/chips" "$source/conf/wiring" $chip/
  for image in full half; do
    "$bin" --json -p $chip/bench.ini -a sim -O transport=uart -O firmware=yes -O uart_fault=latency:1 \
      -O image=$image.bin dump --force out.bin >out.json
    cmp -s $image.bin out.bin
    ours=$(grep -o '"modelled_s":[0-9.]*\|"elapsed_us": *[0-9]*\|"read_us": *[0-9]*' out.bin.json | head -1 | grep -o '[0-9.]*$')
    other=-
    if [ -n "${BK7231TOOLS:-}" ]; then
      rm -f tty
      "$device" --pace=fast --link="$work/tty" chip=$chip image=$image.bin size=2M jedec=EB6015 \
        firmware=yes uart_fault=latency:1 report=report.json >/dev/null &
      server=$!
      while [ ! -e tty ]; do sleep 0.05; done
      $BK7231TOOLS read_flash -d "$work/tty" -b 921600 -s 0 -l 0x200000 other.bin >/dev/null 2>&1 || true
      kill $server
      wait $server || true
      server=
      cmp -s $image.bin other.bin &&
        other=$(grep -o '"time_us":[0-9]*' report.json | grep -o '[0-9]*' | awk '{printf "%.2f s", $1 / 1e6}')
    fi
    printf '%-9s %-11s %9s %9s\n' $chip $image "$(awk "BEGIN{printf \"%.2f s\", $ours / 1e6}")" "$other"
  done
done
