#!/usr/bin/env bash
# bkflash on a real kernel's USB stack: a guest with emulated adapters on its bus, see README.md.
# usage: run.sh [BUILD-DIR [SESSION...]]   (default build/release, all)
# Exit 77: something it needs is not here.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
project=$(cd "$here/../.." && pwd)
build=$(cd "${1:-$project/build/release}" && pwd)
shift $(($# > 0))
sessions=${*:-units ch341a ft232h uart modem udev user unplug replug flashrom}
work=$project/build/qemu
redir=$build/tests/qemu/bkflash-redir

skip() {
  echo "skipped: $*"
  exit 77
}
qemu=$(command -v qemu-system-x86_64) || skip "qemu-system-x86 is not installed"
[ -x "$redir" ] || skip "$redir is not built: is libusbredirparser-dev installed?"
"$here/kernel.sh" "$work/kernel" || exit $?
"$here/udev.sh" "$work/udev" || exit $?

sockets=$(mktemp -d) # a socket's path may have 107 characters
share=$work/share
rm -rf "$share"
mkdir -p "$share"
cmake --install "$build" --prefix "$share/install" >"$share/install.log"
# Read by init and guest.sh; lines, because paths may hold spaces.
printf '%s\n' "$here/guest.sh" "$build" "$sessions" >"$share/guest.conf"
declare -A pid
usb=() guest=
# shellcheck disable=SC2317 # reached through the trap
end() {
  [ ${#pid[@]} -eq 0 ] || kill "${pid[@]}" 2>/dev/null || true
  [ -z "$guest" ] || kill "$guest" 2>/dev/null || true
  wait
  rm -rf "$sockets"
}
trap end EXIT
trap "exit 130" INT TERM

# adapter NAME OPTION... KEY=VALUE...: NAME is what the guest asks for with @plug NAME.
adapter() {
  local name=$1
  shift
  "$redir" --socket="$sockets/$name" "$@" 2>"$share/$name.log" &
  pid[$name]=$!
  usb+=(-chardev "socket,id=$name,path=$sockets/$name" -device "usb-redir,chardev=$name,bus=usb.0")
  for _ in {1..50}; do
    [ ! -S "$sockets/$name" ] || return 0
    sleep 0.1
  done
  cat "$share/$name.log"
  exit 1
}
# shellcheck source=tests/qemu/machine.sh
. "$here/machine.sh"

start=$SECONDS
command=("$qemu" -accel 'tcg,thread=multi' -cpu max -M q35 -m 384 -smp 1 -nodefaults -no-user-config
  -display none -no-reboot -kernel "$work/kernel/vmlinuz" -initrd "$work/kernel/initrd"
  -append "console=ttyS0 loglevel=7 mitigations=off panic=-1"
  -serial "file:$share/console.log" -serial stdio
  -fsdev 'local,id=host,path=/,security_model=none,readonly=on,multidevs=remap'
  -device 'virtio-9p-pci,fsdev=host,mount_tag=host'
  -fsdev "local,id=share,path=$share,security_model=none,multidevs=remap"
  -device 'virtio-9p-pci,fsdev=share,mount_tag=share'
  -device 'qemu-xhci,id=usb,p2=8,p3=1' "${usb[@]}")
status=1
exec {screen}< <(exec timeout --kill-after=5 "${QEMU_SECONDS:-420}" "${command[@]}" </dev/null 2>"$share/qemu.log")
guest=$!
while IFS= read -r -u "$screen" line; do
  line=${line%$'\r'}
  case $line in
  '@plug '*) kill -USR2 "${pid[${line#* }]}" ;;
  '@unplug '*) kill -USR1 "${pid[${line#* }]}" ;;
  '@end '*) status=${line#* } ;;
  *) printf '%s\n' "$line" ;;
  esac
done
guest=
echo "the guest ran $((SECONDS - start)) s"
if [ "$status" -ne 0 ]; then
  echo "FAILED in the guest; its kernel said (all of it: $share/console.log):"
  tail -n 25 "$share/console.log" "$share/qemu.log"
  exit 1
fi
for name in "${!pid[@]}"; do
  rc=0
  wait "${pid[$name]}" || rc=$?
  [ "$rc" -eq 0 ] || { echo "FAILED: $name: exit $rc of its server, see $share/$name.log and .json" && status=1; }
done
pid=()
exit "$status"
