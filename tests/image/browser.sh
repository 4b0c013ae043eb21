#!/usr/bin/env bash
# browser.sh MAKE_REPORT OUT_DIR: renders the report page headless, in light and dark, and on
# paper.  77 = skipped.
set -u
make_report=$1 out=$2
chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
if [ -z "$chromium" ]; then
  echo "skipped: no chromium installed (Debian: apt install chromium)"
  exit 77
fi
mkdir -p "$out" && rm -rf "$out"/*.png "$out"/*.pdf "$out"/profile
"$make_report" "$out/report.html" || exit 1
shot() { # NAME FLAGS...
  local name=$1
  shift
  timeout 120 "$chromium" --headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking \
    --disable-component-update --disable-sync --disable-dev-shm-usage --user-data-dir="$out/profile" \
    --hide-scrollbars "$@" "file://$out/report.html" >"$out/$name.log" 2>&1
}
shot light --window-size=1100,2200 --blink-settings=preferredColorScheme=1 --screenshot="$out/light.png"
shot dark --window-size=1100,2200 --blink-settings=preferredColorScheme=0 --screenshot="$out/dark.png"
shot narrow --window-size=500,2600 --blink-settings=preferredColorScheme=1 --screenshot="$out/narrow.png"
shot print --print-to-pdf="$out/print.pdf"
fail() { echo "browser.sh: $1"; tail -5 "$out"/*.log; exit 1; }
for name in light dark narrow; do
  [ "$(head -c 8 "$out/$name.png" 2>/dev/null | od -An -tx1 | tr -d ' \n')" = 89504e470d0a1a0a ] || fail "no $name.png"
  [ "$(stat -c %s "$out/$name.png")" -gt 20000 ] || fail "$name.png is nearly empty"
done
cmp -s "$out/light.png" "$out/dark.png" && fail "light and dark look the same"
[ "$(head -c 5 "$out/print.pdf" 2>/dev/null)" = "%PDF-" ] || fail "no print.pdf"
echo "rendered: $out/light.png dark.png narrow.png print.pdf"
