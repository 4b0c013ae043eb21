#!/usr/bin/env python3
"""make_man.py: man pages from Markdown, and the command table.

usage: make_man.py --title NAME --section N --about TEXT [--spec spec.json] -o OUT SOURCE.md...

Understood: headings, paragraphs, lists, code (fenced or indented), tables, `code`, **bold**,
links.  With --spec the lines @verbs@, @options@ and @exits@ are replaced by the program's own
tables.  Tables become tagged paragraphs: the first cell is the tag."""
import argparse
import re
import sys

from spec import Spec


def escape(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    text = text.replace("'", "\\(aq").replace("^", "\\(ha").replace("~", "\\(ti")
    return text.replace("`", "\\(ga")


def guard(line):
    """A line that starts with a control character is text all the same."""
    return "\\&" + line if line[:1] in (".", "'") else line


def inline(text):
    out = []
    for part in re.split(r"(`[^`]+`|\*\*[^*]+\*\*|\[[^\]]+\]\([^)]+\))", text):
        if part.startswith("`"):
            out.append("\\fB" + escape(part[1:-1]) + "\\fR")
        elif part.startswith("**") and len(part) > 4:
            out.append("\\fB" + escape(part[2:-2]) + "\\fR")
        elif re.match(r"\[[^\]]+\]\(", part):
            label, url = re.match(r"\[([^\]]+)\]\(([^)]+)\)", part).groups()
            out.append(escape(label if label == url or "://" not in url
                              else "%s (%s)" % (label, url)))
        else:
            out.append(escape(part))
    return guard("".join(out))


def code(lines):
    while lines and not lines[-1].strip():
        lines.pop()
    return [".PP", ".RS 4", ".nf"] + [guard(escape(x)) for x in lines] + [".fi", ".RE"]


def cells(row):
    return [c.strip().replace("\0", "|") for c in
            row.strip().strip("|").replace("\\|", "\0").split("|")]


def table(rows):
    head, out = cells(rows[0]), []
    for row in rows[2:]:
        row = cells(row)
        out += [".TP", inline(row[0]) or "\\&"]
        rest = []
        for name, value in zip(head[1:], row[1:]):
            if value:
                last = name == head[-1]
                rest.append(value if last or not name else "%s: %s" % (name.lower(), value))
        out.append(inline("; ".join(rest)) if rest else "\\&")
    return out


def flags(o):
    names = (["-" + o["letter"]] if "letter" in o else []) + ["--" + o["name"]]
    text = ", ".join("\\fB" + escape(n) + "\\fR" for n in names)
    return text + (" \\fI" + escape(o["arg"]) + "\\fR" if "arg" in o else "")


def options(list_):
    out = []
    for o in list_:
        out += [".TP", flags(o), guard(escape(o["help"]))]
    return out


def verbs(spec):
    out = []
    for v in spec.verbs:
        args = " \\fI" + escape(v["args"]) + "\\fR" if v["args"] else ""
        out += [".SS \\fB" + escape(v["name"]) + "\\fR" + args]
        out.append(guard(escape(v["summary"][0].upper() + v["summary"][1:] + ".")))
        if "details" in v:
            out += [guard(escape(x)) for x in re.sub(r" {2,}", " ", v["details"]).split("\n") if x]
        out += options(v["options"])
    return out


def exits(spec):
    out = []
    for e in spec.exits:
        out += [".TP", "\\fB%d\\fR" % e["code"], escape(e["text"])]
    return out


TABLES = {"@verbs@": verbs, "@options@": lambda s: options(s.options), "@exits@": exits}


def convert(lines, spec, first):
    out, para, i = [], [], 0

    def flush():
        if para:
            out.extend([".PP"] if not out or not out[-1].startswith((".SH", ".SS")) else [])
            out.append(inline(" ".join(para)))
            para.clear()

    while i < len(lines):
        line = lines[i].rstrip("\n")
        i += 1
        item = re.match(r"(?:[-*]|(\d+)\.)\s+(.*)", line)
        if line.strip() in TABLES:
            flush()
            out += TABLES[line.strip()](spec)
        elif line.startswith("```"):
            flush()
            block = []
            while i < len(lines) and not lines[i].startswith("```"):
                block.append(lines[i].rstrip("\n"))
                i += 1
            i += 1
            out += code(block)
        elif line.startswith("    ") and not para:
            block = [line[4:]]
            while i < len(lines) and (lines[i].startswith("    ") or not lines[i].strip()):
                block.append(lines[i].rstrip("\n")[4:])
                i += 1
            out += code(block)
        elif line.startswith("# "):
            flush()
            own = not first or line[2:] == "Synopsis"
            out.append(".SH " + escape(line[2:] if own else first).upper())
        elif line.startswith("## "):
            flush()
            out.append(".SH " + escape(line[3:].replace("`", "")).upper())
        elif line.startswith("### "):
            flush()
            out.append(".SS " + inline(line[4:]))
        elif line.startswith("|") and i < len(lines) and re.match(r"\|[-| :]+$", lines[i].strip()):
            flush()
            rows = [line]
            while i < len(lines) and lines[i].startswith("|"):
                rows.append(lines[i])
                i += 1
            out += table(rows)
        elif item and not para:
            text = [item.group(2)]
            while i < len(lines) and lines[i].startswith("  ") and lines[i].strip():
                text.append(lines[i].strip())
                i += 1
            out += [".IP \\(bu 3" if not item.group(1) else ".IP %s. 4" % item.group(1),
                    inline(" ".join(text))]
        elif not line.strip():
            flush()
        else:
            para.append(line.strip())
            # a list may follow a paragraph without a blank line
            if i < len(lines) and re.match(r"(?:[-*]|\d+\.)\s", lines[i]):
                flush()
    flush()
    return out


def main():
    p = argparse.ArgumentParser()
    for name in ("title", "section", "about", "version"):
        p.add_argument("--" + name, required=True)
    p.add_argument("--spec")
    p.add_argument("--see", default="")
    p.add_argument("-o", "--output", required=True)
    p.add_argument("sources", nargs="+")
    a = p.parse_args()
    spec = Spec(a.spec) if a.spec else None
    out = ['.\\" Made by scripts/make_man.py; do not edit.',
           '.TH %s %s "" "bkflash %s" "bkflash"' % (a.title.upper().replace("-", "\\-"), a.section,
                                                   a.version),
           ".SH NAME", "%s \\- %s" % (a.title.replace("-", "\\-"), escape(a.about))]
    for n, source in enumerate(a.sources):
        with open(source, encoding="utf-8") as f:
            out += convert(f.readlines(), spec, "Description" if n == 0 else "")
    if a.see:
        refs = ["\\fB%s\\fR(%s)" % (x.split("(")[0].replace("-", "\\-"), x.split("(")[1][:-1])
                for x in a.see.split(",")]
        out += [".SH SEE ALSO", ",\n".join(refs)]
    text = "\n".join(out) + "\n"
    for c in sorted(set(text)):
        if ord(c) > 126:
            text = text.replace(c, "\\[u%04X]" % ord(c))
    with open(a.output, "w", encoding="ascii") as f:
        f.write(text)


if __name__ == "__main__":
    sys.exit(main())
