"""bridge - the act of the demo that has a real routing daemon with 100,000 prefixes.

BIRD has every prefix over either provider, and takes them off a link that has lost its carrier.
That takes it a second, in which nothing arrives. The same is shown once more with anod, which has
the answer ready in a table of its own and switches it on with one rule.
"""
import os
import subprocess
import textwrap
import time

import lab

HERE = os.path.dirname(os.path.abspath(__file__))
PREFIXES = 100000
BIRD = "/usr/sbin/bird"
CONF = """router id 10.0.0.1;
protocol device { }
protocol kernel { ipv4 { export all; }; metric 10; }
"""


def install():
    """None, or why there is no BIRD here."""
    if not os.path.exists(BIRD):
        p = subprocess.run([os.path.join(lab.TOP, "tests", "deps"), "bird2"], text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if not os.path.exists(BIRD):
            words = p.stdout.strip().splitlines() or ["no package bird2"]
            return words[-1]
    return None


def _conf():
    """Static routes: 20.0.0.0/32 and on, and the server in the middle of them."""
    prefixes = ["20.%d.%d.%d" % (i >> 16, i >> 8 & 255, i & 255) for i in range(PREFIXES - 1)]
    prefixes.insert(PREFIXES // 2, lab.SERVER)
    text = [CONF]
    for name, preference, gateway in (("over_wan0", 210, "10.1.0.1"), ("over_wan1", 200, "10.2.0.1")):
        text.append("protocol static %s { ipv4 { preference %d; }; check link;" %
                    (name, preference))
        text += ["route %s/32 via %s;" % (p, gateway) for p in prefixes]
        text.append("}")
    return "\n".join(text) + "\n"


class Router:
    """The lab with BIRD in it."""

    def __init__(self, l):
        self.l = l
        for metric in ("100", "200"):
            l.ip("router", "route", "del", "default", "metric", metric)
        conf = os.path.join(l.dir, "bird.conf")
        with open(conf, "w") as f:
            f.write(_conf())
        self.log = os.path.join(l.dir, "bird.log")
        with open(self.log, "w") as f:
            self.bird = l.start("router", BIRD, "-f", "-c", conf, "-s",
                                os.path.join(l.dir, "bird.ctl"), stdin=subprocess.DEVNULL,
                                stdout=f, stderr=f)
        self.settled("wan0")
        self.stream = lab.Stream(l)

    def over(self, dev):
        """Routes of BIRD over a link."""
        return self.l.routes("router", "table", "main", "dev", dev, "proto", "bird").count("\n")

    def settled(self, dev):
        """Wait until BIRD has all of its routes over a link."""
        lab.wait("BIRD has moved all to %s" % dev, lambda: self._over_all(dev), 60, 0.25)

    def _over_all(self, dev):
        if self.bird.poll() is not None:
            with open(self.log) as f:
                raise RuntimeError("BIRD ended: %s" % f.read().strip())
        return self.over(dev) >= PREFIXES

    def rules(self):
        """Beside the three that every kernel has."""
        return len(self.l.ip("router", "rule", "show").splitlines()) - 3

    def lose(self):
        """The first uplink fails; what arrived, and how long BIRD was at it."""
        self.stream.mark()
        begin = time.monotonic()
        self.l.carrier("wan0", False)
        self.settled("wan1")
        took = time.monotonic() - begin
        lab.wait("no rule is left", lambda: self.rules() == 0, 60, 0.05)
        time.sleep(0.6)  # so long a packet may wait for its answer
        return self.stream.stats(), took

    def back(self):
        self.l.carrier("wan0", True)
        self.settled("wan0")

    def foreign(self):
        """Routes of the main table that are neither BIRD's nor the kernel's."""
        return [r for r in self.l.routes("router", "table", "main").splitlines()
                if " proto bird" not in r and " proto kernel" not in r]


def page(a):
    """anodctl reflexes, no wider than a page."""
    return "\n".join(textwrap.fill(line, 100, subsequent_indent=" " * 12)
                     for line in a.ctl("reflexes").splitlines())


def armed(a):
    r = a.ask("reflexes")["reflexes"]
    return r and r[0]["state"] == "armed"


def told(s):
    if not s["lost"]:
        return "less than a millisecond without a way: none of %d packets lost" % s["sent"]
    return "%.0f ms without a way: %d of %d packets lost" % (s["dark_ms"], s["lost"], s["sent"])


def act(say, show, paint):
    """The act; RuntimeError when it does not go as it should."""
    why = install()
    if why:
        say("skipped: there is no BIRD here, and it cannot be installed (%s)" % why)
        return
    version = lab.run(BIRD, "--version").split()[-1]
    with lab.Lab("%sb" % os.getpid()) as l:
        say("a router of its own: BIRD %s, %d prefixes over wan0, the same over wan1 in reserve" %
            (version, PREFIXES))
        r = Router(l)
        say("BIRD has written them; packets flow, one a millisecond")
        say("wan0 loses its carrier, and nobody but BIRD is there ...")
        s, took = r.lose()
        alone = s
        say(paint("31", "BIRD alone: " + told(s)))
        say("BIRD had moved all of them after %.1f s" % took)
        r.back()
        with open(os.path.join(HERE, "bridge.conf")) as f:
            a = l.anod(f.read())
        lab.wait("the bridge is armed", lambda: armed(a), 30)
        say("wan0 is back and so is BIRD; anod is here now, and ready:")
        show(page(a))
        say("wan0 loses its carrier again ...")
        s, took = r.lose()
        say(paint("32", "BIRD and anod: " + told(s)))
        say("BIRD had moved all of them after %.1f s; since then no rule leads to anod's table" %
            took)
        foreign = r.foreign()
        if foreign:
            raise RuntimeError("left in the main table: %s" % foreign[0])
        say("the main table: %d routes of BIRD's, and none of anod's" % r.over("wan1"))
        show(page(a))
        say(paint("32", "%d packets lost without anod, %d with it" % (alone["lost"], s["lost"])))
