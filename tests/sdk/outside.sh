#!/usr/bin/env bash
# outside.sh BUILD_DIR SOURCE_DIR: install to a scratch prefix, move the prefix (it must be
# relocatable), and build plugins outside the tree from it: both templates and a complete
# third-party adapter, with pkg-config alone and with CMake.  Each passes the conformance kit
# and is loaded by the installed program.  Then the page add-an-adapter.md, word for word.
set -euo pipefail
build=$1
source_dir=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset "${!BKFLASH_@}"
export HOME=$work/home
mkdir -p "$HOME"

step() { printf '== %s\n' "$*"; }
die() {
  printf 'FAILED: %s\n' "$*" >&2
  exit 1
}

step "install, then move"
cmake --install "$build" --prefix "$work/first" >"$work/install.log"
mv "$work/first" "$work/prefix"
prefix=$work/prefix
PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name bkflash-plugin.pc)")
export PKG_CONFIG_PATH CMAKE_PREFIX_PATH=$prefix PATH=$prefix/bin:$PATH
[ "$(pkg-config --variable=abi bkflash-plugin)" = "$(sed -n 's/^#define BKF_ABI_MAJOR \([0-9]*\)u/\1/p' "$source_dir/include/bkflash/version.h").$(sed -n 's/^#define BKF_ABI_MINOR \([0-9]*\)u/\1/p' "$source_dir/include/bkflash/version.h")" ] ||
  die "pkg-config says another ABI than version.h"
plugindir=$(pkg-config --variable=plugindir bkflash-plugin)
[ -d "$plugindir" ] || die "plugindir $plugindir does not exist"
grep -rlF "$source_dir/include" "$prefix/lib" "$prefix/share" --include='*.cmake' --include='*.pc' &&
  die "an SDK file names the source tree"
templates=$(pkg-config --variable=templatedir bkflash-plugin)

loads() { # DIR CLASS: the installed program sees the plugin in DIR and takes it
  local out
  out=$(BKFLASH_PLUGIN_PATH=$1 bkflash --allow-user-plugins plugins --json)
  jq -e --arg c "$2" 'select(.type == "result") | .data.items[] |
    select(.refused == null and ((.adapters + .chips) | index($c)))' <<<"$out" >/dev/null ||
    die "bkflash does not load class $2 from $1: $out"
}

for kind in adapter chip; do
  step "template $kind with pkg-config alone"
  cp -r "$templates/$kind" "$work/$kind-make"
  make -s -C "$work/$kind-make" CFLAGS='-O2 -Wall -Wextra -Werror' check >"$work/$kind-make.tap" ||
    die "$(cat "$work/$kind-make.tap")"
  loads "$work/$kind-make" "my$kind"
  step "template $kind with CMake"
  cp -r "$templates/$kind" "$work/$kind-cmake"
  cmake -S "$work/$kind-cmake" -B "$work/$kind-cmake/build" >"$work/log" 2>&1 || die "$(cat "$work/log")"
  cmake --build "$work/$kind-cmake/build" >"$work/log" 2>&1 || die "$(cat "$work/log")"
  ctest --test-dir "$work/$kind-cmake/build" --output-on-failure >"$work/log" 2>&1 || die "$(cat "$work/log")"
  grep -q '1 tests passed\|100% tests passed' "$work/log" || die "ctest ran nothing: $(cat "$work/log")"
  loads "$work/$kind-cmake/build" "my$kind"
done

third=$source_dir/plugins/adapters/serprog
if [ -d "$third" ]; then
  step "third-party adapter with pkg-config alone"
  mkdir "$work/third"
  # shellcheck disable=SC2046 # flags are words
  cc -O2 -Wall -Wextra -Werror -D_GNU_SOURCE -fPIC -shared -fvisibility=hidden -Wl,-z,defs \
    $(pkg-config --cflags bkflash-plugin) -o "$work/third/bkf-serprog.so" "$third"/*.c
  bkflash-plugin-check --unit no-such-unit "$work/third/bkf-serprog.so" >"$work/log" || die "$(cat "$work/log")"
  loads "$work/third" serprog
  step "third-party adapter with CMake"
  mkdir "$work/third-cmake"
  cp "$third"/*.[ch] "$work/third-cmake"
  cat >"$work/third-cmake/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.25)
project(serprog LANGUAGES C)
include(CTest)
find_package(BkflashPlugin 1 REQUIRED)
file(GLOB sources *.c)
bkflash_add_plugin(serprog SOURCES ${sources})
target_compile_definitions(bkf-serprog PRIVATE _GNU_SOURCE)
bkflash_add_plugin_test(serprog UNIT no-such-unit)
END
  cmake -S "$work/third-cmake" -B "$work/third-cmake/build" >"$work/log" 2>&1 || die "$(cat "$work/log")"
  cmake --build "$work/third-cmake/build" >"$work/log" 2>&1 || die "$(cat "$work/log")"
  ctest --test-dir "$work/third-cmake/build" --output-on-failure >"$work/log" 2>&1 || die "$(cat "$work/log")"
  loads "$work/third-cmake/build" serprog
fi

step "refusals by the installed program"
bad=$work/bad
mkdir "$bad"
cp "$work/adapter-make/bkf-myadapter.so" "$bad/"
refused() { # TEXT
  BKFLASH_PLUGIN_PATH=$bad bkflash --allow-user-plugins plugins --json |
    jq -e --arg t "$1" 'select(.type == "result") | .data.items[] | select((.refused // "") | contains($t))' >/dev/null ||
    die "no refusal says '$1': $(BKFLASH_PLUGIN_PATH=$bad bkflash --allow-user-plugins plugins 2>&1)"
}
chmod 666 "$bad/bkf-myadapter.so"
refused "writable by everyone"
chmod 644 "$bad/bkf-myadapter.so"
head -c 6000 "$work/adapter-make/bkf-myadapter.so" >"$bad/bkf-cut.so"
refused "truncated"
sed 's/BKF_ABI_MAJOR,$/2,/' "$templates/adapter/myadapter.c" >"$work/two.c"
# shellcheck disable=SC2046
cc -fPIC -shared -fvisibility=hidden $(pkg-config --cflags bkflash-plugin) -o "$bad/bkf-two.so" "$work/two.c"
refused "plugin ABI 2.0, this bkflash has 1.0"
if [ "$(id -u)" -eq 0 ]; then
  chown 65534 "$bad"
  refused "folder belongs to"
fi

step "docs/add-an-adapter.md, word for word"
mkdir "$work/page"
awk '/^```sh$/ { on = 1; next } /^```$/ { on = 0 } on' "$source_dir/docs/add-an-adapter.md" >"$work/page.sh"
[ "$(grep -c . "$work/page.sh")" -ge 8 ] || die "the page has no commands"
(cd "$work/page" && bash -euxo pipefail "$work/page.sh") >"$work/log" 2>&1 || die "$(tail -n 40 "$work/log")"
grep -q '^# .* 0 failed' "$work/log" || die "the page does not end with a clean run of the kit: $(tail -n 20 "$work/log")"
echo "all outside builds passed"
