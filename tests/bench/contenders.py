"""contenders - who answers the loss of wan0 in the works failover and outage, and how it is reset.

A contender is prepared before its trials and asked before each one whether it is ready again:
the return to the first uplink, of its own accord or by our hand, is never a part of a figure.
"""
import os
import subprocess
import time

import lab as labs
import peers

CONTENDER = os.path.join(labs.BUILD, "tests/bench_contender")
SENTINEL_US = 250   # period of the carrier sentinel, ours and anod's
BIG = "20.0.0.0"    # where the prefixes behind the link begin
TABLE = 500         # of the shadow prepared by hand
# A permit with verification and confirmation as in earnest; only the times are short, so that the
# next trial can begin, and the budget is no hindrance.
CONFIG = """policy "bench" revision 1
damping off
brake off

link wan0 { role uplink }
link wan1 { role uplink }
set uplinks = link where role == uplink
budget plenty = 1000 per 5s

%s
invariant "a way out" {
    require count(uplinks up) >= 1
    require new blackhole == 0
    if broken now  allow when not worse
}
permit "steer" {
    agent   %s
    action  %s
    level   auto
    budget  plenty
    verify  within 2s
    confirm after 50ms%s
}
"""
AGENT = CONFIG % ("agent uplink { uplinks wan0, wan1  clean 100ms }\n", "uplink",
                  "route.replace, route.del", "")
STANDBY = "standby wan1 via 10.2.0.1"
DO = 'do "route.replace dst 0.0.0.0/0 via 10.2.0.1 dev wan1 metric 5"'


def reflex_config(what, actions="nexthop.replace, route.replace, rule.add, link.set"):
    return CONFIG % ("", "reflex", actions, """
    foreign objects
    reflex { trigger link wan0  %s  sentinel %dus  refractory 100ms }""" % (what, SENTINEL_US))


def prefixes(n):
    """The watched address stands in the middle of them."""
    a, b, c, d = (int(x) for x in BIG.split("."))
    base = (a << 24) + (b << 16) + (c << 8) + d
    for i in range(n):
        x = base + i
        yield "%d.%d.%d.%d" % (x >> 24, x >> 16 & 255, x >> 8 & 255, x & 255)
        if i == n // 2:
            yield labs.SERVER


def fill(lab, n, tail):
    """n /32 routes and the one to the watched address."""
    lab.ip("router", "-batch", "-", stdin="".join(
        "route replace %s %s\n" % (p, tail) for p in prefixes(n)))


def part_tables(lab):
    """The first rule of a namespace parts the tables "local" and "main", which copies all routes:
    better not while packets are lost."""
    lab.ip("router", "rule", "add", "pref", "100", "table", str(TABLE))
    lab.ip("router", "rule", "del", "pref", "100")


def over(lab, dev):
    """How many routes go over a link."""
    return lab.ip("router", "-4", "route", "show", "dev", dev).count("\n")


class Contender:
    """Does nothing, which is nobody's way; the others say what differs."""
    settle_ms = 60
    hand = True  # the default routes of the lab stay

    def __init__(self, name, lab, case, memory):
        """'memory' is an empty folder in memory."""
        self.name, self.lab, self.case, self.memory = name, lab, case, memory

    def begin(self):
        """Before the first trial; the uplinks are up."""

    def again(self):
        """Before every trial: back to the first uplink, if that is ours to do."""

    def converged(self):
        """After a loss, while packets still go: wait until all is as it will stay."""

    def end(self):
        """The lab is about to go."""


class Bare(Contender):
    """bench_contender, and the kernel's own tables as it needs them."""

    def begin(self):
        words = {"limit": ["limit"], "limit-fifo": ["limit"], "limit-events": ["limit"],
                 "limit-sync": ["limit"], "libnl": ["libnl"]}.get(self.name)
        after = []
        if self.case.tun and self.name == "limit":
            words, after = ["sentinel"], [SENTINEL_US]
        elif self.name == "limit-sync":
            after = [os.path.join(self.lab.dir, "record")]
        cmd = [CONTENDER] + words + ["wan0", "wan1", "10.2.0.1"] + after
        if self.case.prefixes:
            fill(self.lab, self.case.prefixes, "via 10.1.0.1 dev wan0")
            fill(self.lab, self.case.prefixes, "via 10.2.0.1 dev wan1 table %d" % TABLE)
            cmd = [CONTENDER, "rule", "wan0", TABLE]
            part_tables(self.lab)
        if self.name == "limit-fifo" or (self.name == "limit" and self.case.slow):
            cmd = ["chrt", "-f", "50"] + cmd
        self.lab.start("router", *cmd)
        time.sleep(0.3)

    def again(self):
        self.lab.ip("router", "rule", "del", "pref", "100", check=False)
        self.lab.ip("router", "route", "del", "default", "metric", "5", check=False)


class Kernel(Contender):
    """A next-hop group with a standby, or two metrics; armed by hand, nobody awake."""

    def begin(self):
        ip = self.lab.ip
        if self.name == "kernel-linkdown":
            self.lab.do("router", "sysctl", "-qw",
                        "net.ipv4.conf.wan0.ignore_routes_with_linkdown=1")
            return
        ip("router", "nexthop", "add", "id", "2", "via", "10.2.0.1", "dev", "wan1")
        self._member()
        for metric in ("100", "200"):
            ip("router", "route", "del", "default", "metric", metric)
        ip("router", "route", "add", "default", "nhid", "10")
        if self.case.prefixes:
            fill(self.lab, self.case.prefixes, "nhid 10")
        if self.name == "kernel-sentinel":
            self.lab.start("router", "chrt", "-f", "50", CONTENDER, "watch", "wan0", SENTINEL_US)
            time.sleep(0.3)

    def _member(self):
        """The kernel drops a member whose link is lost; it is made again when the link is up."""
        ip = self.lab.ip
        ip("router", "nexthop", "add", "id", "1", "via", "10.1.0.1", "dev", "wan0")
        ip("router", "nexthop", "replace", "id", "10", "group", "1,255/2,1")

    def again(self):
        if self.name != "kernel-linkdown":
            labs.wait("wan0 is up", lambda: "LOWER_UP" in self.lab.ip(
                "router", "link", "show", "wan0"), 10)
            if not self.lab.ip("router", "nexthop", "show", "id", "1", check=False).strip() \
                    .startswith("id 1 "):
                self._member()


class Agent(Contender):
    """anod as it ships, with the agent uplink."""
    settle_ms = 150

    def begin(self):
        if self.name.endswith("-tmpfs"):
            os.symlink(self.memory, os.path.join(self.lab.dir, "anod.state"))
        a = self.lab.anod(AGENT)
        labs.wait("the uplinks are healthy", lambda: a.ask("status")["incidents_open"] == 0)


class Reflex(Contender):
    """anod with a reflex and no agent."""
    settle_ms = 150

    def begin(self):
        kernel = self.name.endswith("-kernel")
        if self.case.prefixes:
            ip = self.lab.ip
            ip("router", "nexthop", "add", "id", "1", "via", "10.1.0.1", "dev", "wan0")
            ip("router", "nexthop", "add", "id", "10", "group", "1")
            ip("router", "route", "add", "default", "nhid", "10", "metric", "50")
            fill(self.lab, self.case.prefixes, "nhid 10")
        self.anod = self.lab.anod(reflex_config(STANDBY if kernel else DO))

    def again(self):
        if self.name.endswith("-ready"):
            # It was asked to do that for good.  By our hand, but not while it still looks at it.
            labs.wait("the reflex is settled", lambda: state(self.anod) != "fired", 30)
            self.lab.ip("router", "route", "del", "default", "metric", "5", check=False)
        armed(self.anod, "kernel" if self.name.endswith("-kernel") else "ready")


def state(a):
    return a.ask("reflexes")["reflexes"][0]["state"]


def armed(a, kind):
    """Wait until the reflex is armed, in the way that is meant."""
    def is_armed():
        r = a.ask("reflexes")["reflexes"][0]
        return r["state"] == "armed" and r["kind"] == kind
    try:
        labs.wait("the reflex is armed (%s)" % kind, is_armed, 60)
    except RuntimeError as e:
        raise RuntimeError("%s\n%s\n%s" % (e, a.ctl("reflexes", check=False), a.tail(5)))


class Peer(Contender):
    """Another daemon. keepalived withdraws its own route, so that ours of metric 200 is left; the
    others own both."""

    def begin(self):
        for metric in ("100",) if self.name == "keepalived" else ("100", "200"):
            self.lab.ip("router", "route", "del", "default", "metric", metric)
        peers.start(self.lab, self.name, prefixes=list(prefixes(self.case.prefixes))
                    if self.case.prefixes else [])
        labs.wait("%s has set its route" % self.name, lambda: self.lab.way() == "wan0", 60)
        time.sleep(1)

    def again(self):
        labs.wait("%s has gone back" % self.name, lambda: self.lab.way() == "wan0", 60, 0.05)
        if self.case.prefixes:
            labs.wait("%s has moved all of them" % self.name, lambda: over(
                self.lab, "wan0") > self.case.prefixes, 60, 0.2)

    def end(self):
        peers.clean(self.lab)


def make(name, lab, case, memory):
    for prefix, cls in (("limit", Bare), ("libnl", Bare), ("kernel", Kernel),
                        ("anod-agent", Agent), ("anod-reflex", Reflex)):
        if name.startswith(prefix):
            return cls(name, lab, case, memory)
    return Peer(name, lab, case, memory)


class Hogs:
    """As many processes as there are processors that do nothing but run."""

    def __init__(self, wanted):
        self.procs = [subprocess.Popen(["sh", "-c", "while :; do :; done"])
                      for _ in range(os.cpu_count() if wanted else 0)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for p in self.procs:
            p.kill()
            p.wait()
