#!/usr/bin/env bash
# examples.sh BUILD_DIR CC SANITIZERS: install to a scratch prefix, move it, and build the
# examples that are in it with what bkflash.pc says; then run them on the simulator.
set -euo pipefail
build=$1 cc=$2 sanitize=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset "${!BKFLASH_@}" "${!XDG_@}" LD_LIBRARY_PATH
export HOME=$work/home
mkdir "$HOME"
die() {
  printf 'FAILED: %s\n' "$*" >&2
  exit 1
}

cmake --install "$build" --prefix "$work/first" >"$work/log"
mv "$work/first" "$work/prefix"
prefix=$work/prefix
PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name bkflash.pc)")
export PKG_CONFIG_PATH
libdir=$(realpath "$(pkg-config --variable=libdir bkflash)")
cp -r "$(pkg-config --variable=exampledir bkflash)" "$HOME/examples"
cd "$HOME/examples"
make CC="$cc" CFLAGS="-std=c99 -O2 -Wall -Wextra -Wpedantic -Werror ${sanitize:+-fsanitize=$sanitize}" \
  LDFLAGS="-Wl,-rpath,$libdir" >"$work/log" 2>&1 || die "$(cat "$work/log")"
ldd dump >"$work/libraries" # grep -q would leave ldd with a broken pipe
grep -q "libbkflash.so.1 => $libdir/" "$work/libraries" || die "another library: $(cat "$work/libraries")"
[ "$(pkg-config --modversion bkflash)" = "$("$prefix/bin/bkflash" version | grep -oE '[0-9]+\.[0-9]+\.[0-9]+' | head -n 1)" ] ||
  die "bkflash.pc has another version than bkflash"

fails_with() { # CODE TEXT COMMAND...: exit code and message
  local code=$1 text=$2 status=0
  shift 2
  "$@" >"$work/out" 2>&1 || status=$?
  [ "$status" -eq "$code" ] || die "$*: exit $status, not $code: $(cat "$work/out")"
  grep -qF -- "$text" "$work/out" || die "$*: does not say '$text': $(cat "$work/out")"
}
cd "$HOME"
examples/list profiles adapters units >list.json || die "list"
jq -se 'map(.kind) == ["profiles", "adapters", "units"] and all(.api == 1) and
  (.[0].items | any(.name == "doorbell_mlt1t")) and (.[1].items | any(.name == "sim"))' list.json >/dev/null ||
  die "list: $(cat list.json)"
fails_with 2 "nonsense" examples/list nonsense

examples/dump doorbell_mlt1t.ini sim out.bin >report.json 2>progress || die "dump: $(cat progress)"
grep -q 'prove 100%' progress || die "no progress: $(cat progress)"
"$prefix/bin/bkflash" -p doorbell_mlt1t.ini -a sim dump theirs.bin >"$work/out" 2>&1 || die "bkflash dump: $(cat "$work/out")"
cmp out.bin theirs.bin || die "the example reads something else than the program"
jq -e --arg sum "$(sha256sum <out.bin | cut -d' ' -f1)" '.api == 1 and ([.. | strings] | index($sum))' report.json >/dev/null ||
  die "the report does not have the sum of the file: $(cat report.json)"
fails_with "$(status=0; "$prefix/bin/bkflash" -p doorbell_mlt1t.ini -a sim dump out.bin >"$work/out" 2>&1 || status=$?; echo $status)" \
  "exists" examples/dump doorbell_mlt1t.ini sim out.bin
fails_with 3 "no_such_board" examples/dump no_such_board sim other.bin
[ ! -e other.bin ] || die "a failed dump leaves a file"
echo "examples: passed"
