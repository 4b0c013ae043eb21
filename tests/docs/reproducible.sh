#!/usr/bin/env bash
# reproducible.sh SOURCE FIRST: a second release build, of a copy of the source in another
# folder, at another time, in another time zone, gives the bytes of the first: FIRST is the
# build folder that deb.sh leaves behind.
set -euo pipefail
src=$1 first=$2 fails=0
unset "${!BKFLASH_@}" DESTDIR SOURCE_DATE_EPOCH
umask 022
ls "$first"/*.deb >/dev/null 2>&1 || {
  echo "skipped: no packages in $first to compare with; deb.sh makes them"
  exit 77
}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
copy="$scratch/a copy of it"
build=$scratch/b
mkdir "$copy"
tar -C "$src" --exclude=./build --exclude=./.git -cf - . | tar -C "$copy" -xmf -
generator=()
command -v ninja >/dev/null && generator=(-G Ninja)
export CCACHE_DISABLE=1 TZ=Pacific/Auckland # a cache would compare the first build with itself
pack() { (cd "$build" && cpack -G DEB) >"$scratch/log" 2>&1; }
if ! {
  cmake "${generator[@]}" -S "$copy" -B "$build" -DCMAKE_BUILD_TYPE=Release -DBUILD_TESTING=OFF \
    -DCMAKE_INSTALL_PREFIX=/usr && cmake --build "$build"
} >"$scratch/log" 2>&1 || ! pack; then
  tail -n 30 "$scratch/log"
  echo "FAIL: the second build does not build"
  exit 1
fi

differ() { # FILE: what differs, as far as it can be told cheaply
  echo "FAIL: $1 differs"
  fails=$((fails + 1))
  case $1 in
  *.deb)
    for side in "$first" "$build"; do
      { dpkg-deb -c "$side/$1" && dpkg-deb -R "$side/$1" "$scratch/u" &&
        (cd "$scratch/u" && find . -type f -exec sha256sum {} + | sort -k2); } >"$scratch/$(basename "$side").list"
      rm -rf "$scratch/u"
    done
    diff "$scratch/$(basename "$first").list" "$scratch/b.list" | head -n 10
    ;;
  *) cmp "$first/$1" "$build/$1" || true ;;
  esac
}
count=0
for file in "$build"/bkflash "$build"/bkflash-* "$build"/core/libbkflash.so.*.* "$build"/plugins-1/*.so "$build"/*.deb; do
  name=${file#"$build/"}
  [ "$name" != bkflash-build-tree ] || continue # says where this tree is; not installed
  case $name in *.pc) continue ;; esac
  cmp -s "$first/$name" "$file" || differ "$name"
  count=$((count + 1))
done
[ "$count" -ge 15 ] || {
  echo "FAIL: only $count files to compare"
  fails=$((fails + 1))
}

# A strict umask reaches no folder of a package.
umask 077
pack
for deb in "$build"/*.deb; do
  dpkg-deb -c "$deb" | grep '^d' | grep -v '^drwxr-xr-x' && echo "FAIL: closed folders in $deb" && fails=$((fails + 1))
done
[ "$fails" -eq 0 ] && echo "ok: $count files are the same"
exit $((fails > 0))
