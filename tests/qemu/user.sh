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
# replug NAME PORT
replug() {
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
  replug wired "${port#usb:}"
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

# A dump that ends by Ctrl-C, then one that ends by the cable.
session_user() {
  local spi=("$installed/bin/bkflash" -p doorbell_mlt1t.ini) t rc=0 program
  cd /run/user-home || return
  run 130 user-interrupt timeout --preserve-status -s INT 4 \
    setpriv --reuid=$user --regid=$user --clear-groups -- env HOME=/run/user-home "${spi[@]}" dump -o cut.bin
  [ ! -e cut.bin ] || fail "an interrupted dump left a complete-looking file"
  run 0 user-after-interrupt as_user "${spi[@]}" info
  as_user "${spi[@]}" dump -o gone.bin >long.log 2>&1 &
  program=$!
  until_true 20 grep -q 'RDID' long.log || fail "user-unplug: the dump did not begin"
  sleep 1
  echo "@unplug doorbell"
  until_true 20 gone 1-1
  t=$EPOCHREALTIME
  wait $program || rc=$?
  t=$(awk "BEGIN{printf \"%.2f\", $EPOCHREALTIME-$t}")
  cp long.log out.log
  if [ "$rc" -eq 21 ]; then note "ok: user-unplug ($t s after)"; else fail "user-unplug: exit $rc, expected 21"; fi
  awk "BEGIN{exit !($t < 1)}" || fail "user-unplug: $t s from the disconnect to the end"
  [ ! -e gone.bin ] || fail "an unplugged dump left a complete-looking file"
  echo "@plug doorbell"
  until_true 20 there 1-1 || fail "the CH341A is not there again"
  udev settle --timeout=30
  grant
  run 0 user-replugged as_user "${spi[@]}" info
  cd /run/home || return
}
