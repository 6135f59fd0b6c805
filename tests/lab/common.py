"""Configurations and helpers of the lab tests."""
import datetime
import json
import os
import subprocess

from lab import BUILD, TARGETS, wait

PLUGINS = ["--plugins", "%s:%s" % (os.path.join(BUILD, "plugins"),
                                   os.path.join(BUILD, "tests", "plugins"))]

LINKS = """
policy "lab" revision 1
link wan0 { role uplink }
link wan1 { role uplink }
link lan0 { role lan }
group operators { root }
set uplinks = link where role == uplink
"""
A_WAY_OUT = """
invariant "a way out" {
    require count(uplinks up) >= 1
    if broken now  allow when not worse
}
"""
STEER = """
permit "steer" {
    agent   uplink
    action  route.replace, route.del
    on      uplinks
    level   auto
    verify  within 2s that link.carrier == true
    confirm after 200ms
}
"""


def uplink(options="clean 500ms"):
    return "agent uplink { uplinks wan0, wan1  probe %s every 50ms  %s }\n" % (
        ", ".join(TARGETS), options)


def quote(text):
    return '"%s"' % text


def puppet(kind=None, *args, **options):
    """The agent block of a puppet that proposes one action (kind2, args2: and a second)."""
    words = ["agent %s plugin puppet {" % options.pop("name", "puppet")]
    if kind:
        options["kind"] = kind
        options["args"] = args
    for name, value in options.items():
        values = value if isinstance(value, (list, tuple)) else [value]
        if values:
            words.append("    %s %s" % (name, ", ".join(quote(v) for v in values)))
    return "\n".join(words) + "\n}\n"


def permit(action, *clauses, agent="puppet", level="auto"):
    """A permit; verified at once and committed soon, unless the clauses say otherwise."""
    clauses = list(clauses)
    if not any(c.startswith("verify") for c in clauses):
        clauses.append("verify within 1s")
    if not any(c.startswith("confirm") for c in clauses):
        clauses.append("confirm after 50ms")
    return 'permit "the test" {\n    agent %s\n    action %s\n    level %s\n    %s\n}\n' % (
        agent, action, level, "\n    ".join(clauses))


def probed(a, *wans):
    """Wait until all targets answer over these uplinks."""
    for wan in wans or ("wan0", "wan1"):
        wait("%s is probed" % wan, lambda: a.fact("path/%s.targets_up" % wan) == len(TARGETS))


def ended(a, tx=1, timeout=10.0):
    """Wait until a transaction has ended; what the ledger says of it."""
    return wait("T%d ends" % tx, lambda: a.final().get(tx), timeout)["transaction"]


def is_in(a, state, tx=1):
    """Wait until a transaction was said to be in a state."""
    wait("T%d is %s" % (tx, state), lambda: state in a.states(tx))


def kernel(lab):
    """All of the router's state that anod may change, as ip(8) prints it."""
    what = ["-4", "-d", "route", "show", "table", "all"], ["rule"], ["nexthop"], \
        ["-d", "link", "show"], ["addr"]
    # ip(8) complains of peers whose namespace another lab has just taken away.
    return "\n".join(line for w in what for line in lab.ip("router", *w).splitlines()
                     if not line.startswith("Error: Peer netns"))


def findings(a, code=None):
    return [f["raw"] for f in a.ask("facts", pattern="finding/*.code")["facts"]
            if code in (None, f["raw"])]


def stamp(t):
    """Seconds of a time of the ledger."""
    return datetime.datetime.fromisoformat(t.replace("Z", "+00:00")).timestamp()


class Lines:
    """A program whose lines are read as they come."""

    def __init__(self, lab, *cmd):
        self.path = os.path.join(lab.dir, "lines.%d" % len(lab.procs))
        self.file = open(self.path, "w")
        self.proc = lab.start("router", *cmd, stdout=self.file, stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL)

    def all(self):
        with open(self.path) as f:
            return f.read().splitlines()

    def json(self):
        return [json.loads(x) for x in self.all() if x.startswith("{") and x.endswith("}")]

    def stop(self):
        self.proc.terminate()
        self.proc.wait(5)
        self.file.close()
        return self.all()
