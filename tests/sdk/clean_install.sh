#!/usr/bin/env bash
# clean_install.sh DEB_FOLDER [BASE.tar]: the packages on a clean Debian 12.
#
# debootstrap makes a minimal root in a scratch folder; root installs the three packages there
# with apt, an ordinary user dumps the simulated doorbell, root purges, and the file system is
# compared with what it was before.  BASE.tar keeps the root that debootstrap made for the next
# run.  Needs root, debootstrap and a package mirror ($DEBIAN_MIRROR, or debootstrap's own
# choice); nothing outside the scratch folder is touched, mounts live in a namespace of their own.
set -euo pipefail
debs=$(realpath "$1")
base=${2:+$(realpath -m "$2")}
skip() {
  echo "skipped: $*"
  exit 77
}
die() {
  printf 'FAILED: %s\n' "$*" >&2
  exit 1
}
step() { printf '== %s (%d s)\n' "$*" "$SECONDS"; }

[ "$(id -u)" -eq 0 ] || skip "only root can make a root file system; run it as root"
for tool in debootstrap unshare chroot; do
  command -v "$tool" >/dev/null || skip "$tool is not installed; apt-get install debootstrap util-linux coreutils"
done
ls "$debs"/libbkflash-dev_*.deb "$debs"/libbkflash1_*.deb "$debs"/bkflash_*.deb >/dev/null ||
  die "the three packages are not in $debs: make them with cpack -G DEB"
if [ -z "${IN_NAMESPACE-}" ]; then
  unshare --mount --pid --fork true 2>/dev/null || skip "no mount namespaces here"
  IN_NAMESPACE=1 exec unshare --mount --pid --fork --kill-child "$0" "$@"
fi
export LC_ALL=C DEBIAN_FRONTEND=noninteractive HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin

work=$(mktemp -d)
root=$work/root
finish() {
  umount "$root/proc" "$root/sys" 2>/dev/null || true
  rm -rf --one-file-system "$work"
}
trap finish EXIT
chmod 755 "$work"
mkdir "$root"

make_base() {
  debootstrap --variant=minbase bookworm "$root" ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"} >"$work/log" 2>&1 || {
    tail -n 5 "$work/log"
    grep -qE 'Unable to|Invalid Release|Cannot install into target|nodev' "$work/log" && skip "debootstrap cannot work here (above)"
    die "debootstrap"
  }
  [ -z "$base" ] || { tar -C "$root" -cf "$base.new" . && mv "$base.new" "$base"; }
}
if [ -n "$base" ] && [ -s "$base" ]; then
  step "a Debian 12 from $base"
  tar -C "$root" -xpf "$base"
else
  step "a Debian 12 by debootstrap"
  make_base
fi
cp /etc/resolv.conf "$root/etc/resolv.conf"
mountpoint -q "$root/proc" || mount -t proc proc "$root/proc"
mountpoint -q "$root/sys" || mount -t sysfs -o ro sysfs "$root/sys"
inside() { chroot "$root" "$@"; }
apt() { inside apt-get -qq -o Dpkg::Use-Pty=0 --no-install-recommends "$@" >"$work/log" 2>&1 || die "apt-get $*: $(tail -n 30 "$work/log")"; }
grep -q '^12' "$root/etc/debian_version" || die "this is no Debian 12: $(cat "$root/etc/debian_version")"

# Every file with kind, mode, owner, link target and contents, but for what apt and dpkg keep
# about themselves, and caches that a next run of ldconfig makes anew.
snapshot() {
  (
    cd "$root"
    find . -xdev \( -path ./proc -o -path ./sys -o -path ./var/lib/apt -o -path ./var/cache/apt \
      -o -path ./var/log/apt -o -path ./root/debs -o -path ./home/bench \) -prune -o ! -path ./var/log/dpkg.log \
      ! -path './var/lib/dpkg/status*' ! -path './var/lib/dpkg/available*' ! -path './var/lib/dpkg/triggers/*' \
      ! -path ./var/cache/ldconfig/aux-cache ! -path ./etc/ld.so.cache \
      -printf '%y %m %U:%G %p -> %l\n' | sort
    find . -xdev \( -path ./proc -o -path ./sys -o -path ./var/lib/apt -o -path ./var/cache/apt \
      -o -path ./var/log -o -path ./root/debs -o -path ./home/bench -o -path ./var/cache/ldconfig \) -prune -o -type f \
      ! -path './var/lib/dpkg/status*' ! -path './var/lib/dpkg/available*' ! -path './var/lib/dpkg/triggers/*' \
      ! -path ./etc/ld.so.cache -print0 | sort -z | xargs -0 sha256sum
  ) >"$work/$1"
  # shellcheck disable=SC2016 # dpkg's words
  inside dpkg-query -W -f '${Package} ${Version} ${db:Status-Status}\n' >>"$work/$1"
}

step "before"
apt update
inside useradd -m bench
mkdir "$root/root/debs"
cp "$debs"/bkflash_*.deb "$debs"/libbkflash1_*.deb "$debs"/libbkflash-dev_*.deb "$root/root/debs/"
snapshot before
[ "$(wc -l <"$work/before")" -gt 5000 ] || die "the comparison sees nearly nothing"

step "install, by apt as root"
(cd "$root/root/debs" && printf "/root/debs/%s\n" *.deb) >"$work/files"
mapfile -t files <"$work/files"
apt install -y "${files[@]}"
snapshot installed
cmp -s "$work/before" "$work/installed" && die "the comparison does not see three installed packages"

step "dump, as an ordinary user, from any folder"
as_user() { # FOLDER COMMAND...: output in $work/out, exit code in $status
  local folder=$1
  shift
  status=0
  # shellcheck disable=SC2016 # the inner shell's words
  chroot --userspec=bench:bench --groups=bench "$root" /usr/bin/env -i HOME=/home/bench USER=bench \
    PATH=/usr/local/bin:/usr/bin:/bin /bin/sh -c 'cd "$0" && exec "$@"' "$folder" "$@" >"$work/out" 2>&1 || status=$?
}
inside install -d -o bench -g bench /home/bench/empty '/home/bench/some where'
for folder in /home/bench /home/bench/empty '/home/bench/some where'; do
  as_user "$folder" bkflash -p doorbell_mlt1t.ini -a sim dump
  [ "$status" -eq 0 ] || die "dump in $folder: exit $status: $(cat "$work/out")"
  dump=$(find "$root$folder" -maxdepth 1 -name '*.bin')
  [ "$(stat -c %s "$dump")" = 4194304 ] || die "dump in $folder: not one file of 4 MiB"
  sha256sum <"$dump" >>"$work/sums"
done
[ "$(sort -u "$work/sums" | wc -l)" -eq 1 ] || die "the dumps differ"
as_user / bkflash -p doorbell_mlt1t.ini -a sim dump -o /home/bench/from-root.bin
[ "$status" -eq 0 ] || die "dump in /: exit $status: $(cat "$work/out")"
sha256sum <"$root/home/bench/from-root.bin" | cmp -s - <(sort -u "$work/sums") || die "the dump in / differs"
as_user / bkflash doctor
[ "$status" -eq 0 ] || grep -q '^problem' "$work/out" || die "doctor: exit $status: $(cat "$work/out")"
as_user / sh -c 'exec bkflash-plugin-check -O gate=no /usr/lib/*/bkflash/plugins-1/bkf-sim.so'
[ "$status" -eq 0 ] || die "the kit: $(cat "$work/out")"

step "purge, and look what is left"
apt purge -y bkflash libbkflash1 libbkflash-dev
apt autoremove -y --purge
snapshot after # what the user made in his home is his
diff "$work/before" "$work/after" >"$work/left" || die "left behind (>) or changed: $(head -n 40 "$work/left")"
inside ldconfig -p | grep bkflash && die "the loader's cache still has the library"
step "passed: $(wc -l <"$work/before") entries as before"
