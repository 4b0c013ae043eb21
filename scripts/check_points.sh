#!/usr/bin/env bash
# check_points.sh: every point of the conformance kit is in docs/write-a-plugin.md, and every
# point named there exists.
set -euo pipefail
cd "$(dirname "$0")/.."
in_code=$({
  grep -hoE 'kit_point\(k, "[a-z0-9.-]+"' tests/kit/*.c
  # Rules of the descriptor; the call may be broken over two lines.
  tr -d '\n' <core/plugin/descriptor.c | grep -oE 'bad\( *&?c, *"[a-z0-9.-]+"'
} | grep -oE '"[a-z0-9.-]+"' | tr -d '"' | sort -u)
# shellcheck disable=SC2016 # backquotes of Markdown
in_docs=$(grep -E '^\| `' docs/write-a-plugin.md | cut -d'|' -f2 | grep -oE '`[a-z0-9-]+\.[a-z0-9-]+`' | tr -d '`' | sort -u)
if ! diff <(printf '%s\n' "$in_code") <(printf '%s\n' "$in_docs"); then
  echo "check_points: '<' is missing in docs/write-a-plugin.md, '>' does not exist in the kit" >&2
  exit 1
fi
echo "$(wc -l <<<"$in_code") points"
