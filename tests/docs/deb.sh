#!/usr/bin/env bash
# deb.sh SOURCE SCRATCH: builds the Debian packages from a release build, unpacks them into a
# folder of any name and works from there; lintian finds nothing that is not argued.
set -u
src=$1 build=$2 fails=0
for tool in cpack dpkg-deb dpkg-shlibdeps strip gzip; do
  command -v "$tool" >/dev/null || {
    echo "skipped: $tool is not installed"
    exit 77
  }
done
fail() {
  echo "FAIL: $*"
  fails=$((fails + 1))
}
unset "${!BKFLASH_@}" "${!XDG_@}" DESTDIR
umask 022
generator=()
command -v ninja >/dev/null && generator=(-G Ninja)
mkdir -p "$build"
rm -f "$build"/*.deb
{
  cmake "${generator[@]}" -S "$src" -B "$build" -DCMAKE_BUILD_TYPE=Release -DBUILD_TESTING=OFF \
    -DCMAKE_INSTALL_PREFIX=/usr && cmake --build "$build" && (cd "$build" && cpack -G DEB)
} >"$build/log" 2>&1 || {
  tail -n 30 "$build/log"
  echo "FAIL: the packages do not build"
  exit 1
}
[ "$(find "$build" -maxdepth 1 -name '*.deb' | wc -l)" -eq 3 ] || fail "not three packages"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
root="$scratch/some where" # a blank in the name, too
mkdir -p "$root" "$scratch/home"
for name in bkflash libbkflash1; do
  dpkg-deb -x "$build/${name}"_[0-9]*.deb "$root" || fail "$name does not unpack"
done
for want in usr/lib/udev/rules.d/60-bkflash.rules usr/share/bkflash/conf/doctor/usb.ini \
  usr/share/bkflash/conf/log/beken.ini usr/share/bkflash/conf/wiring/beken.ini \
  usr/share/bkflash/conf/layouts/bk7252-sdk-4m.ini usr/share/man/man1/bkflash.1.gz \
  usr/share/man/man5/bkflash-profile.5.gz usr/share/bash-completion/completions/bkflash \
  usr/share/zsh/vendor-completions/_bkflash usr/share/fish/vendor_completions.d/bkflash.fish; do
  [ -s "$root/$want" ] || fail "$want is missing"
done
dpkg-deb -c "$build"/libbkflash-dev_*.deb >"$scratch/dev"
for want in include/bkflash/bkflash.h pkgconfig/bkflash.pc pkgconfig/bkflash-plugin.pc \
  share/doc/libbkflash-dev/examples/dump.c bin/bkflash-plugin-check share/man/man7/bkflash-plugin.7.gz; do
  grep -q "/$want$" "$scratch/dev" || fail "libbkflash-dev lacks $want"
done
dpkg-deb -f "$build"/bkflash_*.deb Depends | grep -q 'libbkflash1 (= ' || fail "bkflash needs no libbkflash1"
dpkg-deb -f "$build"/bkflash_*.deb Depends | grep -q 'libusb-1.0-0' || fail "bkflash needs no libusb"
dpkg-deb -f "$build"/libbkflash1_*.deb Depends | grep -q 'libjansson4' || fail "libbkflash1 needs no jansson"

# As an ordinary user where the test runs as root, from a folder of his own.
as_user=()
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
  as_user=(setpriv --reuid=65534 --regid=65534 --clear-groups)
  chmod 755 "$scratch"
  chown -R 65534:65534 "$scratch/home"
fi
cd "$scratch/home" || exit 1
export HOME=$scratch/home LC_ALL=C
"${as_user[@]}" "$root/usr/bin/bkflash" -p doorbell_mlt1t.ini -a sim dump out.bin >out 2>&1 || {
  cat out
  fail "dump"
}
[ "$(stat -c %s out.bin)" = 4194304 ] || fail "the dump is no 4 MiB"
"${as_user[@]}" "$root/usr/bin/bkflash" plugins >out 2>&1 || fail "plugins"
grep -q "$root/usr/lib/.*/bkf-sim.so" out || fail "the plugin is not the unpacked one: $(cat out)"
"${as_user[@]}" "$root/usr/bin/bkflash" inspect out.bin >out 2>&1 || fail "inspect"
# The library is the unpacked one as well: without it nothing runs.
mv "$root"/usr/lib/*/libbkflash.so.1.0.0 "$scratch/away"
"${as_user[@]}" "$root/usr/bin/bkflash" version >out 2>&1 && fail "runs without the unpacked library"

if command -v lintian >/dev/null; then
  lintian --fail-on error,warning --allow-root "$build"/*.deb >"$scratch/lintian" 2>&1 || {
    cat "$scratch/lintian"
    fail "lintian"
  }
  lintian --display-info --allow-root "$build"/*.deb 2>&1 | grep 'unused-override' && fail "an override that argues about nothing"
else
  echo "lintian is not installed: not run"
fi
[ "$fails" -eq 0 ] && echo ok
exit $((fails > 0))
