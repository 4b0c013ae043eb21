#!/usr/bin/env bash
# Debian's udev for the guest: udev.sh DIR unpacks it there.  Nothing is installed.
# Exit 77: it cannot be had here.
set -euo pipefail
mkdir -p "$1"
cd "$1"
[ ! -x bin/udevadm ] || exit 0
for package in udev libkmod2; do
  if ! ls "$package"_*.deb >/dev/null 2>&1; then
    apt-get download "$package" >download.log 2>&1 || {
      echo "skipped: $package cannot be downloaded, see $PWD/download.log"
      exit 77
    }
  fi
done
for deb in libkmod2_*.deb udev_*.deb; do dpkg-deb -x "$deb" .; done
