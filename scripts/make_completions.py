#!/usr/bin/env python3
"""make_completions.py: completions for bash, zsh and fish from bkflash --spec-json.

usage: make_completions.py SPEC.json TEMPLATE OUT

The templates hold the logic (docs/completions); @NAME@ lines are replaced by tables of
verbs, options and words.  Profiles, adapters, units and partitions are asked of the program
when the user presses the key."""
import sys

from spec import Spec, option_kind, positionals


def flags(o):
    return (["-" + o["letter"]] if "letter" in o else []) + ["--" + o["name"]]


def sh(text):
    return "'" + text.replace("'", "'\\''") + "'"


def kind_words(o):
    """(kind, words) of an option's argument."""
    from spec import WORDS
    return option_kind(o), WORDS.get(o["name"], [])


def case_values(spec):
    """case arms: what completes the value of VERB:OPTION."""
    arms, seen = [], {}
    for verb, options in [("*", spec.options)] + [(v["name"], v["options"]) for v in spec.verbs]:
        for o in options:
            if "arg" not in o:
                continue
            kind, words = kind_words(o)
            for f in flags(o):
                arms.append(("%s:%s" % (verb, f), " ".join([kind] + words)))
    out = []
    for key, value in arms:
        seen.setdefault(value, []).append(key)
    for value, keys in seen.items():
        out.append("  %s) echo %s ;;" % (" | ".join(keys), sh(value)))
    return out


def case_args(spec):
    """case arms: what completes argument N of VERB."""
    out = []
    for v in spec.verbs:
        kinds = positionals(v)
        for n, k in enumerate(kinds):
            if k == "...":
                continue
            pattern = "%s:%s" % (v["name"], "*" if kinds[n + 1:n + 2] == ["..."] else n + 1)
            text = k if isinstance(k, str) else " ".join([k[0]] + k[1])
            out.append("  %s) echo %s ;;" % (pattern, sh(text)))
    return out


def case_options(spec):
    out = []
    for v in spec.verbs:
        if v["options"]:
            words = " ".join(f for o in v["options"] for f in flags(o))
            out.append("  %s) echo %s ;;" % (v["name"], sh(words)))
    return out


def zsh_item(name, text):
    return sh(name.replace(":", "\\:") + ":" + text.replace("\n", " "))


def zsh_options(spec):
    out = []
    for v in spec.verbs:
        if v["options"]:
            items = " ".join(zsh_item(f, o["help"]) for o in v["options"] for f in flags(o))
            out.append("  %s) reply=(%s) ;;" % (v["name"], items))
    return out


def takes_value(spec):
    """Options whose value is the next word: 'VERB:OPTION', '*' for every verb."""
    found = sorted({f for o in spec.options if "arg" in o for f in flags(o)})
    own = sorted({f for v in spec.verbs for o in v["options"] if "arg" in o for f in flags(o)})
    return found, own


def fish_value(o):
    kind, words = kind_words(o)
    if kind == "file":
        return "-r -F"
    return "-x" + {
        "words": " -a %s" % sh(" ".join(words)), "profile": " -a '(__bkflash_profiles)'",
        "adapter": " -a '(__bkflash_adapters)'", "unit": " -a '(__bkflash_units)'",
        "partition": " -a '(__bkflash_partitions)'",
        "range": " -a '(__bkflash_partitions)'", "dir": " -a '(__fish_complete_directories)'",
    }.get(kind, "")


def fish_option(o, condition):
    line = "complete -c bkflash"
    if condition:
        line += " -n " + sh(condition)
    if "letter" in o:
        line += " -s " + o["letter"]
    line += " -l " + o["name"]
    if "arg" in o:
        line += " " + fish_value(o)
    return line + " -d " + sh(o["help"])


def fish_lines(spec):
    out = [fish_option(o, "") for o in spec.options]
    for v in spec.verbs:
        name = v["name"]
        out.append("complete -c bkflash -n '__bkflash_at 0' -a %s -d %s" % (name, sh(v["summary"])))
        out += [fish_option(o, "__bkflash_verb_is " + name) for o in v["options"]]
        kinds = positionals(v)
        for n, k in enumerate(kinds):
            if k == "...":
                continue
            many = kinds[n + 1:n + 2] == ["..."]
            cond = "__bkflash_verb_is %s" % name if many else "__bkflash_at %d %s" % (n + 1, name)
            if k == "file":
                value = "-F"
            elif k == "dir":
                value = "-a '(__fish_complete_directories)'"
            elif k == "verb":
                value = "-a %s" % sh(" ".join(x["name"] for x in spec.verbs))
            elif k == "adapter":
                value = "-a '(__bkflash_list adapters)'"
            elif k[0] == "steps":
                value = "-a '(__bkflash_steps %s)'" % " ".join(k[1])
            else:
                value = "-a %s" % sh(" ".join(k[1]))
            out.append("complete -c bkflash -n %s %s" % (sh(cond), value))
    return out


def main():
    spec_file, template, output = sys.argv[1:]
    spec = Spec(spec_file)
    everywhere, own = takes_value(spec)
    tables = {
        "@verbs@": [" ".join(v["name"] for v in spec.verbs)],
        "@globals@": [" ".join(f for o in spec.options for f in flags(o))],
        "@takes-value@": ["  %s) return 0 ;;" % " | ".join(sorted(set(everywhere + own)))],
        "@verb-options@": case_options(spec),
        "@values@": case_values(spec),
        "@arguments@": case_args(spec),
        "@zsh-verbs@": ["  " + zsh_item(v["name"], v["summary"]) for v in spec.verbs],
        "@zsh-globals@": ["  " + zsh_item(f, o["help"]) for o in spec.options for f in flags(o)],
        "@zsh-verb-options@": zsh_options(spec),
        "@fish@": fish_lines(spec),
        "@fish-takes-value@": ["    set -l valued " + " ".join(sorted(set(everywhere + own)))],
    }
    out = []
    with open(template, encoding="utf-8") as f:
        for line in f.read().split("\n"):
            out += tables[line.strip()] if line.strip() in tables else [line]
    with open(output, "w", encoding="utf-8") as f:
        f.write("\n".join(out))


if __name__ == "__main__":
    sys.exit(main())
