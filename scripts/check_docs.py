#!/usr/bin/env python3
"""check_docs.py SPEC.json PLUGIN-CHECK SOURCE: README.md and docs/*.md against the program.

In code (fenced, indented or between backquotes) every "bkflash ... VERB ..." must name a verb
and options that it takes, every "--option" of its own must exist, and every exit code in text
must be one of the program's.  docs/troubleshooting.md must list every exit code, and each
message that is a heading there must be in the sources."""
import glob
import os
import re
import shlex
import subprocess
import sys

from spec import Spec


def flags_of(options):
    """{flag: takes a value}"""
    found = {}
    for o in options:
        found["--" + o["name"]] = "arg" in o
        if "letter" in o:
            found["-" + o["letter"]] = "arg" in o
    return found


def check_command(spec, text):
    """Problems of one command line that starts with bkflash."""
    text = re.split(r"\s#|[|;>]|&&", text)[0]
    try:
        words = shlex.split(text.replace("'", "") if text.count("'") % 2 else text)[1:]
    except ValueError:
        return ["cannot be split into words"]
    everywhere, verb, problems, given = flags_of(spec.options), None, [], []
    values = dict(everywhere)
    for v in spec.verbs:
        values.update(flags_of(v["options"]))
    i = 0
    while i < len(words):
        w = words[i].strip("[],.")
        i += 1
        if w == "--":
            break
        if w.startswith("-") and w != "-":
            name = w.split("=")[0] if w.startswith("--") else w[:2]
            given.append(name)
            if values.get(name) and "=" not in w and (w.startswith("--") or len(w) == 2):
                i += 1
        elif verb is None and re.fullmatch(r"[a-z][a-z-]*", w):
            verb = spec.verb(w)
            if not verb:
                return ["there is no verb '%s'" % w]
    allowed = dict(everywhere)
    if verb:
        allowed.update(flags_of(verb["options"]))
    for name in given:
        if name not in (allowed if verb else values) and name != "--spec-json":
            problems.append("%s is no option%s" % (name, " of " + verb["name"] if verb else ""))
    return problems


def code_lines(text):
    """(line number, text) of commands and spans that are code; (number, text) of prose."""
    code, prose, fence, indented = [], [], False, True
    for n, line in enumerate(text.split("\n"), 1):
        if line.startswith("```"):
            fence = not fence
            continue
        if fence or (line.startswith("    ") and indented):
            code.append((n, line.strip().lstrip("$ ")))
            continue
        indented = not line.strip() or (indented and line.startswith("    "))
        prose.append((n, line))
    return code, prose


def check_file(spec, other, path):
    problems = []
    with open(path, encoding="utf-8") as f:
        text = f.read()
    known = {f for o in spec.all_options().values() for f in flags_of([o])}
    codes = {e["code"] for e in spec.exits}
    code, prose = code_lines(text)
    commands = [(n, x) for n, x in code if re.match(r"(sudo )?(\./|\S*/)?bkflash\s", x)]
    # spans may go on in the next line
    joined = "\n".join(x for _, x in prose)
    for m in re.finditer(r"`([^`]+)`", joined):
        n = prose[joined.count("\n", 0, m.start())][0]
        span = m.group(1).replace("\n", " ")
        if re.match(r"bkflash\s", span):
            commands.append((n, span))
        elif re.match(r"--?[A-Za-z]", span):
            flag = re.match(r"--?[A-Za-z-]+", span).group(0)
            flag = flag if flag.startswith("--") else flag[:2]
            if flag not in known and flag not in other:
                problems.append((n, "'%s' is no option" % flag))
    for n, x in commands:
        problems += [(n, "%s: '%s'" % (p, x)) for p in check_command(spec, re.sub(r"^sudo ", "", x))]
    for n, line in prose:
        for m in re.finditer(r"\bexit(?:s with)?(?: code| status)? (\d+)", line, re.I):
            if int(m.group(1)) not in codes:
                problems.append((n, "exit code %s does not exist" % m.group(1)))
    if os.path.basename(path) == "troubleshooting.md":
        listed = {int(x) for x in re.findall(r"^\|\s*`?(\d+)`?\s*\|", text, re.M)}
        problems += [(1, "exit code %d is missing" % c) for c in sorted(codes - listed)]
        problems += [(1, "exit code %d does not exist" % c) for c in sorted(listed - codes)]
    return problems, len(commands)


def source_text(source):
    """The C sources, with adjacent string literals joined."""
    text = []
    for top in ("core", "plugins"):
        for path in glob.glob("%s/%s/**/*.c" % (source, top), recursive=True):
            with open(path, encoding="utf-8") as f:
                text.append(re.sub(r'"\s*\n\s*"', "", f.read()))
    return "\n".join(text)


def check_messages(source, path):
    """Headings in quotation marks are messages; each must exist."""
    sources, problems = source_text(source), []
    with open(path, encoding="utf-8") as f:
        for n, line in enumerate(f, 1):
            m = re.match(r'### "(.*)"$', line)
            if m and m.group(1) not in sources:
                problems.append((n, "no message has '%s'" % m.group(1)))
    return problems


def main():
    spec_file, kit, source = sys.argv[1:4]
    spec = Spec(spec_file)
    usage = subprocess.run([kit, "--help"], capture_output=True, text=True, check=False)
    other = set(re.findall(r"--?[A-Za-z][a-z-]*", usage.stdout + usage.stderr))
    files = [f for f in [source + "/README.md"] + sorted(glob.glob(source + "/docs/*.md") +
                                                         glob.glob(source + "/docs/man/*.md"))
             if os.path.exists(f)]
    bad = total = 0
    for path in files:
        problems, count = check_file(spec, other, path)
        total += count
        if os.path.basename(path) == "troubleshooting.md":
            problems += check_messages(source, path)
        for n, p in problems:
            print("%s:%d: %s" % (os.path.relpath(path, source), n, p))
            bad += 1
    print("%d commands in %d documents, %d problems" % (total, len(files), bad))
    return 1 if bad or not total else 0


if __name__ == "__main__":
    sys.exit(main())
