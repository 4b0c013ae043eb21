#!/usr/bin/env bash
# check_statics.sh BUILD_DIR: no mutable static data in any object file of core and plugins.
# Two sessions, two hosts and two threads must never meet in a variable.  Constant tables
# with pointers land in .data.rel.ro, which is fine.
set -euo pipefail
build=$1
mapfile -d '' objects < <(find "$build/core" "$build/plugins" -name '*.o' -print0)
[ ${#objects[@]} -gt 0 ] || {
  echo "check_statics: no object files below $build" >&2
  exit 1
}
bad=0
for object in "${objects[@]}"; do
  found=$(size -A "$object" | awk '
    $1 ~ /^\.(data|bss|tdata|tbss)(\.|$)/ && $1 !~ /^\.data\.rel\.ro/ && $2 > 0 { printf " %s=%s", $1, $2 }')
  [ -z "$found" ] && continue
  bad=1
  printf '%s:%s\n' "${object#"$build"/}" "$found"
  nm "$object" | awk '$2 ~ /^[bBdD]$/ { print "    " $3 }'
done
[ $bad -eq 0 ] || {
  echo "check_statics: mutable static data (see above); move it into the context or session" >&2
  exit 1
}
echo "${#objects[@]} object files, no mutable static data"
