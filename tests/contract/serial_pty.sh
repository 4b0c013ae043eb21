#!/usr/bin/env bash
# serial_pty.sh CHECK PLUGIN: the serial adapter on a pseudo-terminal whose far end sends
# everything back.
set -euo pipefail
check=$1
plugin=$2
command -v socat >/dev/null || {
  echo "skipped: socat is not installed"
  exit 77
}
dir=$(mktemp -d)
socat "PTY,link=$dir/tty,raw,echo=0" EXEC:cat &
far_end=$!
trap 'kill $far_end 2>/dev/null || true; rm -rf "$dir"' EXIT
for _ in $(seq 200); do
  [ -e "$dir/tty" ] && break
  sleep 0.02
done
"$check" --class serial --unit "$dir/tty" --loopback "$plugin"
