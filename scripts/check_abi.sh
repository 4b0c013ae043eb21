#!/usr/bin/env bash
# check_abi.sh BUILD_DIR: libbkflash.so against the last release (the newest tag v*), by
# abidiff; before the first release, against the commit in tests/abi/baseline.  Skipped (77)
# without abidiff, or in a copy of the sources that has no such history.
set -euo pipefail
build=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."
command -v abidiff >/dev/null || {
  echo "skipped: abidiff is not installed (abigail-tools)"
  exit 77
}
tag=$(git describe --tags --match 'v*' --abbrev=0 2>/dev/null) || tag=$(cat tests/abi/baseline)
git cat-file -e "$tag^{commit}" 2>/dev/null || {
  echo "skipped: $tag is not in the history here (a shallow clone, or no git checkout)"
  exit 77
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/src"
git archive "$tag" | tar -x -C "$work/src"
cmake -S "$work/src" -B "$work/build" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DBUILD_TESTING=OFF >/dev/null
cmake --build "$work/build" --target libbkflash >/dev/null
new=$(find "$build" -name 'libbkflash.so.1' | head -n 1)
old=$(find "$work/build" -name 'libbkflash.so.1' | head -n 1)
if [ -z "$new" ] || [ -z "$old" ]; then
  echo "check_abi: libbkflash.so.1 is missing in $build or in the build of $tag" >&2
  exit 1
fi
# New functions and members at the end of a struct are fine; everything else that abidiff
# sees is not.
abidiff --no-added-syms --suppressions tests/abi/appended.abignore \
  --headers-dir1 "$work/src/include" --headers-dir2 include "$old" "$new" || {
  echo "check_abi: the library differs incompatibly from $tag" >&2
  exit 1
}
echo "libbkflash.so is compatible with $tag"
