#!/usr/bin/env python3
"""check_notices.py SOURCE SPEC.json PLUGIN-CHECK: check_docs.py names what is wrong in a
document, and is silent about what is right."""
import os
import subprocess
import sys
import tempfile

SOURCE, SPEC, KIT = sys.argv[1:4]
RIGHT = "    bkflash -p x.ini dump --verify=full a.bin   # --nonsense behind a comment\n" \
        "`bkflash list units`, `--allow-holes`, `-P app1`, exit code 31\n"
WRONG = {
    "    bkflash frobnicate\n": "no verb 'frobnicate'",
    "```\nbkflash -p x dump --frob a.bin\n```\n": "--frob is no option of dump",
    "text `bkflash -p x info --allow-holes` text\n": "--allow-holes is no option of info",
    "see `--frobnicate`\n": "'--frobnicate' is no option",
    "see `-Z`\n": "'-Z' is no option",
    "it ends with exit code 77\n": "exit code 77 does not exist",
}


def check(text, name="page.md"):
    with tempfile.TemporaryDirectory() as tree:
        os.mkdir(tree + "/docs")
        with open(tree + "/docs/" + name, "w", encoding="utf-8") as f:
            f.write(RIGHT + "\n" + text)
        r = subprocess.run([sys.executable, "-B", SOURCE + "/scripts/check_docs.py", SPEC, KIT, tree],
                           capture_output=True, text=True, check=False)
        return r.returncode, r.stdout + r.stderr


failed = 0
code, out = check("")
if code != 0:
    print("FAIL: a right page is refused:\n" + out)
    failed = 1
for wrong, want in WRONG.items():
    code, out = check(wrong)
    if code != 1 or want not in out:
        print("FAIL: %r gives %d, %s" % (wrong, code, out))
        failed = 1
code, out = check('| 0 | done |\n| 99 | what |\n### "never said"\n', "troubleshooting.md")
for want in ("no message has 'never said'", "exit code 10 is missing", "exit code 99 does not exist"):
    if want not in out:
        print("FAIL: troubleshooting.md: no '%s' in %s" % (want, out))
        failed = 1
print("ok" if not failed else "failed")
sys.exit(failed)
