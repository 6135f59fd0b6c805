"""walk - runs the examples of a page of documentation, in order, as a reader would.

    ```sh              lines "$ command" and what they say; "..." alone is any number of lines, inside
                       a line any text; times, hashes, codes and numbers T1, I1 may be others
    ```policy FILE     is written to the file; "+FILE": added to its end
    ```test FILE       the same

usage: walk.py PAGE            run it
       walk.py --write PAGE    ... and put what was really said into the page, under each command
"""
import os
import re
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SHELL = os.path.join(TOP, "examples", "lab", "shell")
END = "-- said "
# What only looks: asked again until it says what is expected, since things take their time.
LOOKS = re.compile(r"(anodctl (--json )?(status|show|why|incidents|facts|standing|objectives|overrides|"
                   r"whatif|agents|doctor|reflexes)|ip )\b")
PATIENCE = 12.0


class Block:
    def __init__(self, line, info, text):
        self.line, self.info, self.text = line, info.split(), text


def blocks(page):
    """The fenced blocks of a page: [Block]."""
    out, begin, info, body = [], None, None, []
    with open(page) as f:
        for n, line in enumerate(f.read().split("\n"), 1):
            if line.startswith("```") and begin is None:
                begin, info, body = n, line[3:], []
            elif line.startswith("```"):
                out.append(Block(begin, info, body))
                begin = None
            elif begin is not None:
                body.append(line)
    if begin is not None:
        raise ValueError("%s:%d: the block has no end" % (page, begin))
    return out


def steps(block):
    """The commands of a block: [(line, command, [expected])]."""
    out = []
    for n, line in enumerate(block.text, block.line + 1):
        if line.startswith("$ "):
            out.append((n, line[2:], []))
        elif not out:
            raise ValueError("line %d: expected '$ command'" % n)
        elif out[-1][1].endswith("\\"):
            out[-1] = (out[-1][0], out[-1][1] + "\n" + line, [])
        else:
            out[-1][2].append(line)
    return out


class Same:
    """Compares what is said with what is expected; remembers what stands for what."""

    VARIES = [(re.compile(p), to) for p, to in (
        (r"\b\d\d:\d\d:\d\d(\.\d+)?\b", "TIME"),
        (r"\b[0-9a-f]{8,}\b", "HASH"),
        (r"\b\d+(\.\d+)?(us|ms)\b", "AGE"),
        (r"\b\d[\d.a-z]* old\b", "AGE old"),
        (r"\(age [\d.a-z]*\)", "(age AGE)"),
        (r" +", " "),
    )]
    NAMES = re.compile(r"\b([TI]\d+|[0-9A-Z]{4}-[0-9A-Z]{4})\b")

    def __init__(self):
        self.known = {}

    def command(self, text):
        return self.NAMES.sub(lambda m: self.known.get(m.group(), m.group()), text)

    def plain(self, text):
        lead = len(text) - len(text.lstrip())
        for pattern, to in self.VARIES:
            text = pattern.sub(to, text)
        return " " * lead + text.strip()

    def line(self, want, got, known):
        names = self.NAMES.findall(want)
        parts = [re.escape(self.NAMES.sub("\0", self.plain(p))) for p in want.split("...")]
        if len(parts) > 1:  # spaces beside "..." belong to it
            parts = [p.strip("\\ ") if i else p.rstrip("\\ ") for i, p in enumerate(parts)]
        pattern = r"\s*.*\s*".join(parts).replace(re.escape("\0"), r"([TI]\d+|[0-9A-Z]{4}-[0-9A-Z]{4})")
        m = re.fullmatch(pattern, self.plain(got))
        if not m:
            return False
        for name, real in zip(names, m.groups()):
            if known.setdefault(name, real) != real:
                return False
        return True

    def lines(self, want, got, known=None):
        """The same?  What is then known is kept."""
        known = dict(self.known) if known is None else known
        if not want:
            same = not got
        elif want[0].strip() == "...":
            same = any(self.lines(want[1:], got[i:], dict(known)) for i in range(len(got) + 1))
            return same
        else:
            same = bool(got) and self.line(want[0], got[0], known) and \
                self.lines(want[1:], got[1:], known)
        if same and not want:
            self.known = known
        return same


class Walk:
    """A shell on the router of a lab, and what was said in it."""

    def __init__(self, words=(SHELL,)):
        env = dict(os.environ, COLUMNS="80", LC_ALL="C.UTF-8", TZ="UTC", NO_COLOR="1")
        self.p = subprocess.Popen(list(words) + ["bash", "--norc", "--noprofile"], env=env, text=True,
                                  bufsize=1, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT)
        self.same = Same()
        self.say("true")
        self.dir = self.say("pwd")[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.p.stdin.close()
        self.p.stdout.read()
        self.p.wait(30)

    def say(self, command):
        """Run a command; its lines."""
        self.p.stdin.write("{ %s\n} 2>&1 </dev/null\necho; echo '%s'\n" % (command, END))
        out = []
        while True:
            line = self.p.stdout.readline()
            if not line:
                raise RuntimeError("the shell has ended: %s\n%s" % (command, "\n".join(out)))
            if line.rstrip("\n") == END:
                break
            out.append(line.rstrip("\n").rstrip())
        while out and not out[-1]:
            out.pop()
        return out

    def write(self, block):
        name, body = block.info[1], "\n".join(block.text) + "\n"
        with open(os.path.join(self.dir, name.lstrip("+")), "a" if name[0] == "+" else "w") as f:
            f.write(body)

    def run(self, command, want, patience=PATIENCE):
        """Until it says what is wanted: (the same?, its lines)."""
        end = time.monotonic() + (patience if LOOKS.match(command) else 0)
        while True:
            got = self.say(self.same.command(command))
            same = self.same.lines([x.rstrip() for x in want], got)
            if same or time.monotonic() >= end:
                return same, got
            time.sleep(0.1)


def walk(page, write=False):
    """Run a page; what was not as it says: [text]."""
    wrong, said = [], {}
    all_ = blocks(page)
    with Walk() as w:
        for b in all_:
            kind = b.info[0] if b.info else ""
            if kind in ("policy", "test"):
                w.write(b)
            elif kind == "sh" and b.info[1:] != ["host"]:
                for n, command, want in steps(b):
                    if write:
                        time.sleep(2.0 if LOOKS.match(command) and not want else 0)
                    same, got = w.run(command, want, 4 if write else PATIENCE)
                    said[n] = (command, want, want if same else got)
                    if not same:
                        wrong.append("%s:%d: $ %s\n%s" % (os.path.relpath(page, TOP), n, command, diff(
                            want, got)))
                        if not write:
                            return wrong
            elif kind not in ("sh", "text"):
                raise ValueError("%s:%d: nothing is known of ```%s" % (page, b.line, kind))
    if write:
        rewrite(page, said)
    return wrong


def diff(want, got):
    import difflib
    return "\n".join(difflib.unified_diff(want, got, "the page", "really", lineterm=""))


def rewrite(page, said):
    with open(page) as f:
        lines = f.read().split("\n")
    out, n = [], 1
    while n <= len(lines):
        if n in said:
            command, want, got = said[n]
            out += ("$ " + command).split("\n") + got
            n += command.count("\n") + 1 + len(want)
        else:
            out.append(lines[n - 1])
            n += 1
    with open(page, "w") as f:
        f.write("\n".join(out))


if __name__ == "__main__":
    wrong_ = walk(sys.argv[-1], sys.argv[1] == "--write")
    print("\n".join(wrong_))
    sys.exit(bool(wrong_))
