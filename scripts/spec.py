"""spec.py: the command table of bkflash (bkflash --spec-json), as the generators need it."""
import json
import re

# What the argument of an option is.  An option with an argument that is not here stops the
# build, so that completions cannot fall behind.
KINDS = {
    "profile": "profile", "adapter": "adapter", "unit": "unit", "option": "option",
    "partition": "partition", "allow-protected": "partition", "range": "range", "at": "free",
    "attempts": "free", "trace": "file", "plugin": "file", "state-dir": "dir", "backup": "file",
    "backup-dir": "dir", "svg": "file", "key": "words", "verify": "words", "color": "words",
    "rbl-algo": "words", "address": "free", "rbl-name": "free", "rbl-version": "free",
    "meta": "file", "boot": "file", "device": "file", "against": "file", "baud": "free",
    "duration": "free",
}
# Words an option takes; each must stand in the option's own help.
WORDS = {
    "color": ["auto", "always", "never"], "verify": ["full", "sample", "none"],
    "key": ["tuya", "uascent", "zero"], "rbl-algo": ["0", "0x2", "0x100", "0x102"],
}
FILE_ARGS = {"FILE": "file", "FIRMWARE": "file", "A": "file", "B": "file", "DIR": "dir",
             "VERB": "verb", "CLASS": "adapter"}


class SpecError(Exception):
    pass


def option_kind(o):
    """None for a flag; else one of the kinds above."""
    if "arg" not in o:
        return None
    name = o["name"]
    if name == "output":
        return "dir" if o["arg"] == "DIR" else "file"
    if name not in KINDS:
        raise SpecError("option --%s has an argument of unknown kind: add it to KINDS" % name)
    for w in WORDS.get(name, []):
        if not re.search(r"(?<!\w)" + re.escape(w) + r"(?!\w)", o["help"]):
            raise SpecError("--%s: '%s' is not in its help" % (name, w))
    return KINDS[name]


def positionals(verb):
    """Kinds of a verb's arguments: 'file', 'dir', 'verb', 'steps' or a list of words; the
    last one stands for all that follow if the verb takes many."""
    kinds = []
    for token in verb["args"].split():
        many = token.endswith("...")
        token = token.rstrip(".").strip("[]")
        if token in FILE_ARGS:
            kinds.append(FILE_ARGS[token])
        elif token == "STEPS":
            names = re.search(r":\s*(.*?)\.", verb["details"], re.S).group(1)
            kinds.append(("steps", [w.strip() for w in names.split(",")]))
        elif re.fullmatch(r"[a-z0-9|]+", token):
            kinds.append(("words", token.split("|")))
        else:
            raise SpecError("%s: argument '%s' is of unknown kind" % (verb["name"], token))
        if many:
            kinds.append("...")
    return kinds


class Spec:
    def __init__(self, path):
        with open(path, encoding="utf-8") as f:
            doc = json.load(f)
        self.version = doc["version"]
        self.options = doc["options"]
        self.verbs = doc["verbs"]
        self.exits = doc["exit_codes"]
        for v in self.verbs:
            positionals(v)
            for o in v["options"]:
                option_kind(o)
        for o in self.options:
            option_kind(o)

    def verb(self, name):
        return next((v for v in self.verbs if v["name"] == name), None)

    def all_options(self):
        """Every option once, by name: {name: option}."""
        found = {o["name"]: o for o in self.options}
        for v in self.verbs:
            for o in v["options"]:
                found.setdefault(o["name"], o)
        return found
