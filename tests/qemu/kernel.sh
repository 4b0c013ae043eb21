#!/usr/bin/env bash
# Debian's kernel and an initrd for the guest: kernel.sh DIR makes DIR/vmlinuz and DIR/initrd.
# The package is downloaded and unpacked, never installed.  Exit 77: it cannot be had here.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
cd "$1"

skip() {
  echo "skipped: $*"
  exit 77
}
command -v busybox >/dev/null || skip "busybox-static is not installed"
command -v cpio >/dev/null || skip "cpio is not installed"
command -v apt-get >/dev/null || skip "this is not Debian: there is no apt-get to download a kernel with"

# What the guest loads; their dependencies come along.
modules=(virtio_pci 9p 9pnet_virtio xhci_pci ftdi_sio)

if ! ls linux-image-*.deb >/dev/null 2>&1; then
  package=$(apt-cache depends linux-image-amd64 2>/dev/null | sed -n 's/ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
  [ -n "$package" ] || skip "apt knows no linux-image-amd64 (apt-get update?)"
  apt-get download "$package" >download.log 2>&1 || skip "$package cannot be downloaded, see $PWD/download.log"
fi
deb=$(printf '%s\n' linux-image-*.deb | head -n 1)
# As long as neither has changed, what is there is good.
stamp=$(cat "$here/kernel.sh" "$here/init" <(echo "$deb") | sha256sum)
if [ -s initrd ] && [ "$(cat stamp 2>/dev/null)" = "$stamp" ]; then exit 0; fi

rm -rf root initrd tree
mkdir root
dpkg-deb --fsys-tarfile "$deb" | tar -x -C root --wildcards './boot/vmlinuz-*' \
  './lib/modules/*/modules.*' './lib/modules/*/kernel/drivers/virtio/*' './lib/modules/*/kernel/drivers/usb/*' \
  './lib/modules/*/kernel/fs/*' './lib/modules/*/kernel/net/9p/*' './lib/modules/*/kernel/lib/*' \
  './lib/modules/*/kernel/crypto/*'
mv root/boot/vmlinuz-* vmlinuz
release=$(basename root/lib/modules/*)
busybox depmod -b "$PWD/root" "$release"

# add MODULE: it and what it needs
add() {
  local line word
  line=$(grep -m 1 "/${1//_/[-_]}\.ko:" "root/lib/modules/$release/modules.dep") || {
    echo "$deb has no module $1" >&2
    exit 1
  }
  for word in ${line/:/ }; do
    mkdir -p "tree/lib/modules/$release/$(dirname "$word")"
    cp "root/lib/modules/$release/$word" "tree/lib/modules/$release/$word"
  done
}
for m in "${modules[@]}"; do add "$m"; done
cp root/lib/modules/"$release"/modules.{builtin,order} "tree/lib/modules/$release/"
busybox depmod -b "$PWD/tree" "$release"
mkdir -p tree/{bin,dev,proc,sys,host}
cp "$(command -v busybox)" tree/bin/busybox
cp "$here/init" tree/init
chmod 755 tree/init
(cd tree && find . | cpio -o -H newc --quiet | gzip -1) >initrd
rm -rf root tree
echo "$stamp" >stamp
