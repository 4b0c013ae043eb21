#!/usr/bin/env bash
# tests/fuzz/run.sh [SECONDS [NAME...]]: runs the libFuzzer targets of build/fuzz (preset
# "fuzz") for SECONDS each (default 30), all of them or the named ones.
#
# Start: tests/fuzz/corpus/NAME, the folders in tests/fuzz/NAME.dirs, what earlier runs found
# (build/fuzz/corpus/NAME), and the words in tests/fuzz/NAME.dict.  A crash leaves its input
# in build/fuzz/crashes and makes the result 1.  KEEP=1 adds new, minimised inputs to the
# corpus in the tree.
set -u
seconds=${1:-30}
shift || true
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=${BUILD:-$root/build/fuzz}
programs=$build/tests/fuzz
[ -d "$programs" ] || { echo "no $programs: cmake --preset fuzz && cmake --build --preset fuzz" >&2; exit 2; }
mkdir -p "$build/crashes"

names=("$@")
if [ ${#names[@]} -eq 0 ]; then
  for source in "$here"/fuzz_*.c; do
    name=$(basename "$source" .c)
    names+=("${name#fuzz_}")
  done
fi

failed=()
for name in "${names[@]}"; do
  program=$programs/fuzz_$name
  [ -x "$program" ] || { echo "fuzz_$name: not built" >&2; failed+=("$name"); continue; }
  found=$build/corpus/$name
  mkdir -p "$found"
  folders=("$found")
  [ -d "$here/corpus/$name" ] && folders+=("$here/corpus/$name")
  if [ -f "$here/$name.dirs" ]; then
    while read -r folder; do
      [ -z "$folder" ] || folders+=("$root/$folder")
    done <"$here/$name.dirs"
  fi
  options=(-max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=16384
    -print_final_stats=1 -verbosity=0 -artifact_prefix="$build/crashes/$name-")
  [ -f "$here/$name.dict" ] && options+=(-dict="$here/$name.dict")
  log=$build/corpus/$name.log
  if "$program" "${options[@]}" "${folders[@]}" >"$log" 2>&1; then
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    echo "fuzz_$name: clean, ${runs:-?} runs in $seconds s, $(find "$found" -type f | wc -l) inputs kept"
    if [ "${KEEP:-0}" = 1 ]; then
      mkdir -p "$here/corpus/$name"
      "$program" -merge=1 -verbosity=0 "$here/corpus/$name" "${folders[@]}" >>"$log" 2>&1
    fi
  else
    echo "fuzz_$name: FAILED, see $log" >&2
    tail -n 40 "$log" >&2
    failed+=("$name")
  fi
done
[ ${#failed[@]} -eq 0 ] || { echo "fuzz: failed: ${failed[*]}" >&2; exit 1; }
