# shellcheck shell=bash disable=SC2154 # sourced by guest.sh
# Sessions of an ordinary user, who has nothing but what the udev rules give: Debian's udev runs
# with our rules.  Nobody is logged in, so what its tag uaccess grants (devices belong to whoever
# sits there) is done by grant(), for all that have the tag and nothing else.
user=65534 # nobody
installed=/run/installed

as_user() { HOME=/run/user-home setpriv --reuid=$user --regid=$user --clear-groups -- "$@"; }
# until_true SECONDS COMMAND...
until_true() {
  local n=$(($1 * 10))
  shift
  while ! "$@" >/dev/null 2>&1; do
    [ $((n--)) -gt 0 ] || return 1
    sleep 0.1
  done
}
gone() { [ ! -e "/sys/bus/usb/devices/$1" ]; }
there() { [ -e "/sys/bus/usb/devices/$1/devnum" ]; }
# plug_in NAME PORT: out before, if it is in
plug_in() {
  echo "@unplug $1"
  until_true 20 gone "$2" || fail "$1: still there after it was pulled out"
  echo "@plug $1"
  until_true 20 there "$2" || fail "$1: not there again"
  udev settle --timeout=30
}
# udev_run PROGRAM ARGUMENTS...: of what udev.sh unpacked; it would do nothing in a chroot
udev_root=/run/udev-root
udev_run() {
  SYSTEMD_IGNORE_CHROOT=1 LD_LIBRARY_PATH=$udev_root/lib/x86_64-linux-gnu "$udev_root/bin/$1" "${@:2}"
}
udev() { udev_run udevadm "$@"; }
tagged() {
  udev info --export-db | awk -v RS= '/\nE: CURRENT_TAGS=[^\n]*:uaccess:/' | sed -n 's/^E: DEVNAME=//p'
}
grant() {
  local name
  tagged | while read -r name; do chown $user "$name"; done
}

session_udev() {
  local port=usb:1-3 tty
  mkdir -p /run/udev/rules.d $udev_root
  tar -C "$project/build/qemu/udev" -c bin lib | tar -C $udev_root -x
  cp $udev_root/lib/udev/rules.d/50-udev-default.rules /run/udev/rules.d/
  cp -r "$share/install" $installed
  chmod -R a+rX $installed
  install -d -o $user /run/user-home
  cp $installed/lib/udev/rules.d/60-bkflash.rules /run/udev/rules.d/
  ln -sf udevadm $udev_root/bin/systemd-udevd
  udev_run systemd-udevd --daemon >out.log 2>&1 || fail "udevd does not start"
  udev trigger --action=add --subsystem-match=usb --subsystem-match=tty
  udev settle --timeout=60
  plug_in wired "${port#usb:}"
  tty=$(basename /sys/bus/usb/devices/"${port#usb:}":1.0/ttyUSB*)
  [ "$(timer "${tty#ttyUSB}")" = 1 ] || fail "udev: the rule leaves the latency timer at $(timer "${tty#ttyUSB}") ms"
  tagged >out.log
  says "/dev/$tty\$"
  [ "$(grep -c /dev/bus/usb/ out.log)" -ge 4 ] || fail "udev: not every adapter has the tag uaccess"
  note "ok: udev (rules applied: nodes tagged, latency timer of a fresh FT232R is 1 ms)"
  run 11 access-spi as_user $installed/bin/bkflash -p doorbell_mlt1t.ini info
  says 'no permission for CH341A usb:1-1 .*60-bkflash.rules'
  run 11 access-uart as_user $installed/bin/bkflash -p generic_bk7231n.ini -a uart -u WIRED2 info
  says "/dev/$tty may be used by members of the group dialout"
  grant
  run 0 doctor as_user $installed/bin/bkflash doctor
}

# Ctrl-C in the middle of a dump: the next run works, without replugging.
spi_user=("$installed/bin/bkflash" -p doorbell_mlt1t.ini)
session_user() {
  cd /run/user-home || return
  run 130 user-interrupt timeout --preserve-status -s INT 4 \
    setpriv --reuid=$user --regid=$user --clear-groups -- env HOME=/run/user-home "${spi_user[@]}" dump -o cut.bin
  [ ! -e cut.bin ] || fail "an interrupted dump left a complete-looking file"
  run 0 user-after-interrupt as_user "${spi_user[@]}" info
  cd /run/home || return
}

# What was pulled out (session unplug) is plugged in again, and the next run works.
session_replug() {
  cd /run/user-home || return
  plug_in doorbell 1-1
  plug_in mpsse 1-4
  grant
  run 0 replugged-ch341a as_user "${spi_user[@]}" info
  run 0 replugged-ft232h as_user "${spi_user[@]}" -a ft232h info
  cd /run/home || return
}
