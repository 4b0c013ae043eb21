#!/usr/bin/env python3
"""complete.py SHELL BKFLASH DOCS: the completion, driven in a real interactive shell.

Types a beginning and Tab on a terminal, then goes to the start of the line (Ctrl-A), puts an
echo in front and presses Enter: what the shell prints is what it completed to."""
import os
import pty
import re
import select
import shutil
import sys
import tempfile
import time

SHELL, PROGRAM, DOCS = sys.argv[1], os.path.abspath(sys.argv[2]), os.path.abspath(sys.argv[3])
P = "-p doorbell_mlt1t"
# What is typed -> what stands there after Tab.
CASES = [
    ("bkflash dum", "bkflash dump"),
    ("bkflash inspe", "bkflash inspect"),
    ("bkflash dump --allow-h", "bkflash dump --allow-holes"),
    ("bkflash --state-d", "bkflash --state-dir"),
    ("bkflash dump --state-d", "bkflash dump --state-dir"),
    ("bkflash --color alw", "bkflash --color always"),
    ("bkflash dump --verify sam", "bkflash dump --verify sample"),
    ("bkflash list prof", "bkflash list profiles"),
    ("bkflash list adapters ch3", "bkflash list adapters ch341a"),
    ("bkflash -p doorb", "bkflash -p doorbell_mlt1t"),
    ("bkflash --profile=doorb", "bkflash --profile=doorbell_mlt1t"),
    ("bkflash -p my_own", "bkflash -p my_own_board.ini"),
    ("bkflash -a repl", "bkflash -a replay"),
    ("bkflash %s -a sim read -P ota_m" % P, "bkflash %s -a sim read -P ota_meta" % P),
    ("bkflash read --profile=doorbell_mlt1t --partition stor",
     "bkflash read --profile=doorbell_mlt1t --partition storage"),
    ("bkflash %s write --allow-protected bootl" % P,
     "bkflash %s write --allow-protected bootloader" % P),
    ("bkflash %s -a uar" % P, "bkflash %s -a uart" % P),
    ("bkflash -u virt", "bkflash -u virtual"),
    ("bkflash -q %s verify some_d" % P, "bkflash -q %s verify some_dump.bin" % P),
    ("bkflash protect sho", "bkflash protect show"),
    ("bkflash ota select app2 some_d", "bkflash ota select app2 some_dump.bin"),
    ("bkflash convert crc-strip,hex-r", "bkflash convert crc-strip,hex-read"),
    ("bkflash pack a_fol", "bkflash pack a_folder/"),
    ("bkflash help wiri", "bkflash help wiring"),
    # Not the option of another verb, and no second argument where there is one only.
    ("bkflash info --allow-h", "bkflash info --allow-h"),
    ("bkflash dump some_dump.bin dum", "bkflash dump some_dump.bin dum"),
]
START = {
    "bash": (["bash", "--norc", "--noprofile", "-i"],
             "bind 'set enable-bracketed-paste off'; bind 'set bell-style none'; . %s/bkflash.bash"),
    "zsh": (["zsh", "-f", "-i"],
            "unsetopt beep auto_remove_slash; PROMPT_EOL_MARK=; fpath=(%s $fpath); autoload -U compinit; compinit -D -u"),
    "fish": (["fish", "--no-config", "-i"], "source %s/bkflash.fish"),
}


class Terminal:
    def __init__(self, argv, env, cwd):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(cwd)
            os.execvpe(argv[0], argv, env)
        import fcntl
        import struct
        import termios
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 250, 0, 0))
        self.text = ""

    def send(self, text):
        os.write(self.fd, text.encode())

    def wait(self, pattern, seconds=30):
        """Until pattern is seen; the text before is dropped."""
        end = time.monotonic() + seconds
        while True:
            found = re.search(pattern, self.text)
            if found:
                self.text = self.text[found.end():]
                return found
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                raise SystemExit("FAIL: %s shows no /%s/; it shows:\n%r"
                                 % (SHELL, pattern, self.text[-1500:]))
            self.text += os.read(self.fd, 65536).decode("utf-8", "replace")

    def close(self):
        os.close(self.fd)
        os.waitpid(self.pid, 0)


def main():
    if not shutil.which(SHELL):
        print("skipped: %s is not installed" % SHELL)
        return 77
    work = tempfile.mkdtemp()
    try:
        return drive(work)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def drive(work):
    os.makedirs(work + "/here/a_folder")
    for name in ("my_own_board.ini", "some_dump.bin"):
        open(work + "/here/" + name, "w").close()
    env = {k: v for k, v in os.environ.items() if not k.startswith(("BKFLASH", "XDG_"))}
    env.update(HOME=work, TERM="xterm", LC_ALL="C.UTF-8", HISTFILE="",
               PATH=os.path.dirname(PROGRAM) + ":" + env["PATH"])
    argv, setup = START[SHELL]
    t, failed = Terminal(argv, env, work + "/here"), 0
    # The answer is computed, so that the echo of what is typed is not taken for it.
    t.send(setup % DOCS + "; echo read''y\r")
    t.wait(r"(?:^|[\r\n])\x1b?[^\r\n]*?ready")
    for n, (typed, want) in enumerate(CASES):
        t.send(typed + "\t")
        t.send("\x01echo '<'%d'<' \x05 '>'%d'>'\r" % (n, n))
        got = t.wait(r"<%d< (.*?) >%d>" % (n, n)).group(1).strip()
        if got != want:
            print("FAIL: %s: '%s' + Tab gives '%s', not '%s'" % (SHELL, typed, got, want))
            failed += 1
    t.close()
    print("%s: %d of %d completions right" % (SHELL, len(CASES) - failed, len(CASES)))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
