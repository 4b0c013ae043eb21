#!/usr/bin/env bash
# static.sh SOURCE_DIR: with BKFLASH_STATIC_PLUGINS every shipped plugin is in the program,
# and a dump of the simulated doorbell works without a single plugin file.
set -euo pipefail
source_dir=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset "${!BKFLASH_@}"
export HOME=$work
cmake -S "$source_dir" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DBKFLASH_STATIC_PLUGINS=ON \
  -DBUILD_TESTING=OFF >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
cmake --build "$work/build" --target bkflash >"$work/log" 2>&1 || { tail -n 30 "$work/log"; exit 1; }
[ -z "$(find "$work/build" -name 'bkf-*.so')" ] || { echo "there are plugin files"; exit 1; }
"$work/build/bkflash" plugins >"$work/plugins"
for dir in "$source_dir"/plugins/adapters/*/CMakeLists.txt "$source_dir"/plugins/chips/bk7*/CMakeLists.txt; do
  grep -q bkflash_add_plugin "$dir" || continue # a library that plugins compile in
  name=$(basename "$(dirname "$dir")")
  grep -qE "classes:.* $name( |\$)" "$work/plugins" || { echo "$name is missing:"; cat "$work/plugins"; exit 1; }
done
{ seq 1000000 2000000 || true; } 2>/dev/null | head -c 4194304 >"$work/flash.bin"
"$work/build/bkflash" -p doorbell_mlt1t.ini -a sim -O image="$work/flash.bin" dump "$work/out.bin" >"$work/log" 2>&1 ||
  { cat "$work/log"; exit 1; }
cmp "$work/flash.bin" "$work/out.bin"
echo "static build: passed"
