"""usecase - what a use case is, and how its three acts are played.

A use case is a file tests/usecases/uNN.py with one class. tests/usecases/u30.py is the example to
copy from. `make lab U=30` plays it and prints what happened; `make lab U=02,03` plays two,
`make lab` all of them, and writes docs/use-cases.md. `tests/usecases/run --act fault 30` plays
one act (for whoever writes one), `--keep` leaves the daemon's log behind when it fails.

    from usecase import UseCase, Meter, Net, wait

    class U30(UseCase):
        title, sensor, agent, action    what the table says
        kernel   "here", or "full" with 'why': what this kernel lacks. Those run in the VM
        packages Debian packages that it needs, programs what has to be in the PATH
        modules  more kernel modules of the full kernel; drivers: those that are built for it,
                 "netdevsim" or a folder with a Kbuild file ("tests/vm/nic"), see tests/vm/module
        config   the configuration that an engineer would write, with verify, confirm, budget

        build()         namespaces and traffic: self.net (a Net), self.meter (a Meter). The
                        traffic, load and noise of the fault run from here on, in all acts
        settle(a)       waits until the daemon 'a' has seen the router as it is
        healthy(a)      stress that looks bad and is not (optional); its docstring says what
        lookalike(a)    another fault that resembles it; lookalike_end(a) takes it away
        fault(a)        the fault; fault_end(a) takes it away. Docstrings of these are printed
        state()         the router's state that must be the same after the undo as before the
                        fault [routes, rules, next hops, links, addresses of self.router]

What happens in the acts, each against time limits and never by sleeping:

 healthy     self.readings new readings of the fact self.pulse are counted, while healthy(a) is
             in force: no finding, no proposal. "Nothing happens" is so many readings in which it
             could have.
 look-alike  lookalike(a); when self.lookalike_finding is set, that code has to come. Then again so
             many readings: no finding self.finding, and nobody has proposed anything whose kind is
             in self.never [self.kinds]. lookalike_end(a); then all findings have to be cleared.
 fault       fault(a): the finding self.finding (a code, or one of self.also; of self.entity, if
             set) has to come within self.detect_within: time to detect. fault() may return the
             clock() of the moment itself, when preparing it took a while. The agent's proposal has to be of the kinds
             self.kinds, decided at self.level, applied, verified and kept ("done"); the traffic
             has to say that it is well within self.repair_within: time to repair, packets lost,
             seconds stalled. The incident's own words (anodctl show, why) are kept.
             level "approve": the runner signs as a person would. level "propose": nothing is
             applied; repair is what self.by_hand(a) does, if there is one.
 undo        self.undo says how:
             "agent"     fault_end(a), then the agent itself puts back what it did
             "after"     the permit's "undo after D" (or recover) puts it back by itself
             "operator"  the lab is made anew, the permit's "confirm after" becomes an hour, the
                         fault comes again, and `anodctl rollback` is said while it is watched
             "restore"   as "operator", without the lab anew: restore(a) is called by the runner
                         after the fault has ended, for a use case that knows better
             ""          nothing was changed (level "propose"): state() is the same all along
             After it state() has to be what it was before the fault.

healthy, look-alike and fault run one after the other on one lab and one daemon (fresh = True: a
new one for each, when an act leaves something behind). A use case that cannot run where it is
raises Skip("reason") in build(): it is reported as skipped, never as passed.

Traffic's own word: Meter.well() is the time since when self.good requests in a row of each flow
were answered in time. What "in time" is, the flow says ("slow", "patience", see meter.py).

In the VM a process costs 70 ms and C is three times slower: use net.lines(), one Meter with several
flows, periods of 20 ms and more, and limits in seconds, not in milliseconds. self.vm tells.
"""
import json
import os
import re
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(TOP, "examples", "lab"), os.path.join(TOP, "tests", "lab")]
import common  # noqa: E402
import lab  # noqa: E402
from lab import BUILD, run, wait  # noqa: E402,F401 (for use cases)
from net import Net, Skip, clock, in_vm  # noqa: E402,F401

if in_vm():
    lab.SLOW = 3  # nothing is asserted to be quick; it only must not wait for ever

METER = os.path.join(HERE, "meter.py")
OVER = ("done", "undone", "rolled-back", "failed", "stuck", "superseded", "expired", "denied")


class Failed(Exception):
    """A use case did not do what it promises."""


def check(true, words):
    """As assert, with words for people."""
    if not true:
        raise Failed(words() if callable(words) else words)


class Meter:
    """Traffic between namespaces that says how it fares; flows as meter.py describes them.

    'servers' is one namespace or several: then whichever has the way answers (its address has to
    be on each)."""

    def __init__(self, net, client, servers, address, *flows, port=7000):
        self.net = net
        for ns in [servers] if isinstance(servers, str) else servers:
            p = net.start(ns, sys.executable, "-B", METER, "serve", address, port,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
            check(p.stdout.readline() == "ready\n", "the meter's server does not start in " + ns)
        flows = [dict({"to": address, "port": port}, **f) for f in flows or ({},)]
        self.names = [f.get("name", f.get("kind", "udp")) for f in flows]
        self.sender = net.start(client, sys.executable, "-B", METER, "send", json.dumps(flows),
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def _say(self, word):
        self.sender.stdin.write(word + "\n")
        self.sender.stdin.flush()
        line = self.sender.stdout.readline()
        check(line, "the meter has ended")
        return json.loads(line)

    def stats(self):
        """{flow: {...}} since the last mark."""
        return self._say("stats")

    def mark(self):
        """Forget the past; what was counted until now."""
        return self._say("mark")

    def well(self, good=50, flows=None):
        """Since when (monotonic seconds) all is well with these flows, or None: it is not."""
        of = self.stats()
        some = [of[n] for n in flows or self.names]
        if any(s["good"] < good for s in some):
            return None
        return max(s["well_since"] for s in some)

    def flows(self, good=50, timeout=30.0):
        """Wait until the traffic flows, then forget the past."""
        wait("traffic flows", lambda: self.well(good) is not None, timeout, 0.1)
        self.mark()


class UseCase:
    """See the top of this file. What is None has to be set by the use case."""

    number = None        # set by the runner from the file's name
    title = sensor = agent = action = None
    kernel, why = "here", ""
    packages, modules, programs, drivers = (), (), (), ()
    config = ""
    anod_args = ()       # more arguments of the daemon
    router = "router"    # the namespace of the daemon
    finding, entity = None, None
    also = ()            # other codes that name the same fault rightly, perhaps earlier
    kinds = ()           # kinds of action: "route.replace"; a trailing ".*" fits all of a family
    never = None         # kinds that a look-alike must not bring [kinds]
    lookalike_finding = None
    pulse = None         # "KIND/ENTITY.ATTR": a fact that each reading publishes anew
    readings = 20
    level = "auto"
    undo = "agent"
    fresh = False
    long = False         # takes minutes: not in make check, but in make check-long and make lab
    good = 50
    judged = None        # names of the flows whose word counts [all]
    detect_within = 20.0
    repair_within = 30.0
    end_within = 30.0    # of clearing, ending, undoing

    def __init__(self):
        self.net = self.meter = None
        self.vm = in_vm()

    # ---- what a use case says ----

    def build(self):
        raise NotImplementedError

    def settle(self, a):
        if self.pulse:
            wait("%s is known" % self.pulse, lambda: a.fact(self.pulse) is not None, 30)

    def healthy(self, a):
        """the same traffic, and nothing wrong"""

    def healthy_end(self, a):
        pass

    def lookalike(self, a):
        raise NotImplementedError

    def lookalike_end(self, a):
        pass

    def fault(self, a):
        raise NotImplementedError

    def fault_end(self, a):
        pass

    def leave(self):
        """Called before the lab is closed, however its acts ended: threads of one's own end here."""

    def by_hand(self, a):
        """level "propose": what a person would do; None when that is not in the lab."""

    def restore(self, a):
        raise NotImplementedError

    def state(self):
        """The router's own state, without what counts or ages."""
        what = ["-4", "route", "show", "table", "all"], ["rule"], ["nexthop"], \
            ["-d", "link", "show"], ["addr"]
        text = "\n".join(sorted(
            line for w in what for line in self.net.ip(self.router, *w).splitlines()
            if not line.startswith("Error: Peer netns")))
        return re.sub(r"(valid_lft|preferred_lft) \d+sec", r"\1 Nsec", text)

    def well(self):
        """Since when all is well for the traffic (monotonic seconds), or None."""
        return self.meter.well(self.good, self.judged)

    # ---- what the runner and use cases ask ----

    def count_readings(self, a, n=None, pulse=None, timeout=300.0, each=None):
        """Wait until 'n' new readings of 'pulse' have come; each() is called at each one."""
        n, pulse = n or self.readings, pulse or self.pulse
        kind, rest = pulse.split("/", 1)
        entity, attr = rest.rsplit(".", 1)
        end, last, seen = time.monotonic() + timeout, None, 0
        while seen < n:
            for f in a.ask("facts", pattern=pulse)["facts"]:
                if (f["kind"], f["entity"], f["attr"]) != (kind, entity, attr):
                    continue
                if f.get("age_us") is None:
                    continue
                at = time.monotonic() - f["age_us"] / 1e6
                # Asking takes a moment, so the same reading is never dated twice alike.
                if last is None or at > last + 0.004:
                    seen += last is not None
                    last = at
                    if each:
                        each()
            check(time.monotonic() < end,
                  "%d of %d readings of %s in %g s" % (seen, n, pulse, timeout))
            time.sleep(0.01 if not self.vm else 0.05)
        return seen

    def codes(self):
        """The codes that name the fault."""
        return (self.finding, *self.also)

    def open_findings(self, a):
        """(code, entity) of all findings that are open."""
        facts = a.ask("facts", pattern="finding/*")["facts"]
        of = {}
        for f in facts:
            of.setdefault(f["entity"], {})[f["attr"]] = f["raw"]
        return [(f.get("code"), f.get("entity")) for f in of.values() if f.get("code")]

    def is_found(self, a):
        return [f for f in self.open_findings(a)
                if f[0] in self.codes() and self.entity in (None, f[1])]

    @staticmethod
    def is_kind(action, kinds):
        word = action.split()[0]
        return any(word == k or k.endswith(".*") and word.startswith(k[:-1]) for k in kinds)

    def decisions(self, a, kinds=None, since=0):
        """Lines of the ledger for proposals of these kinds of action, whatever was decided."""
        return [o for o in a.ledger("decision") if o["n"] > since and
                any(self.is_kind(x, kinds or self.kinds) for x in o["actions"])]

    @staticmethod
    def head(a):
        lines = a.ledger()
        return lines[-1]["n"] if lines else 0

    def found_at(self, a, since):
        """Wall clock seconds at which the finding was recorded, or None."""
        for o in a.ledger("incident"):
            line = o.get("line", {})
            if o["n"] > since and line.get("kind") == "finding" and \
                    line["text"].split(" on ")[0] in self.codes() and \
                    (self.entity is None or " %s:" % self.entity in line["text"]):
                return common.stamp(o["t"])
        return None


def sentence(method):
    """What a method's docstring says in one line."""
    return " ".join((method.__doc__ or "").split())
