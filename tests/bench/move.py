"""move - 100, 10,000 and 100,000 prefixes of our own go over another link.

A link without traffic is shut, and the contender moves the prefixes of wan0 to wan1: limit by one
next-hop replace, each by one route replace for every prefix, anod by a reflex that replaces the
next hop, with policy, journal, ledger and verification. Timed from the event of that link until
the kernel is done, which takes longer than until traffic moves ("-in-force"): it tells everybody
about every route.
"""
import time

import contenders
import failover
import lab as labs

NUMBERS = (100, 10000, 100000)
ROUNDS = 3
DO = 'do "nexthop.replace id 10 via 10.2.0.1 dev wan1"'
# As the reflexes of failover, with another trigger.
CONFIG = contenders.reflex_config(DO, "nexthop.replace").replace(
    "trigger link wan0", "trigger link gate0").replace(
        "link wan1 {", "link gate0 { role gate }\nlink wan1 {")


class Mover:
    def __init__(self, who, lab, n):
        self.who, self.lab, self.n = who, lab, n

    def begin(self):
        lab = self.lab
        for dev, gateway in (("wan0", "10.1.0.1"), ("wan1", "10.2.0.1")):
            lab.ip("router", "neigh", "replace", gateway, "lladdr", "02:00:00:00:00:01", "dev",
                   dev, "nud", "permanent")
        if self.who != "each":
            lab.ip("router", "nexthop", "add", "id", "10", "via", "10.1.0.1", "dev", "wan0",
                   "proto", "173")
            contenders.fill(lab, self.n, "nhid 10 proto 173")
        word = {"limit": ["nexthop", "gate0", "wan1", "10.2.0.1", "10"],
                "each": ["each", "gate0", "wan1", "10.2.0.1", contenders.BIG, self.n]}
        if self.who in word:
            lab.start("router", "chrt", "-f", "50", contenders.CONTENDER, *word[self.who])
            time.sleep(0.5)

    def again(self):
        lab = self.lab
        lab.ip("router", "link", "set", "gate0", "up")
        if self.who == "limit":
            lab.ip("router", "nexthop", "replace", "id", "10", "via", "10.1.0.1", "dev", "wan0",
                   "proto", "173")
        elif self.who == "each":
            contenders.fill(lab, self.n, "via 10.1.0.1 dev wan0")
        else:
            self._anod()
        labs.wait("the prefixes are back", lambda: lab.way(self.last()) == "wan0", 60)
        time.sleep(0.1)

    def _anod(self):
        """The way back is not what is timed: it is set by hand, with a fresh daemon."""
        if hasattr(self, "anod"):
            self.anod.stop()
        self.lab.ip("router", "nexthop", "replace", "id", "10", "via", "10.1.0.1", "dev", "wan0",
                    "proto", "173")
        self.anod = self.lab.anod(CONFIG)
        contenders.armed(self.anod, "ready")

    def last(self):
        return list(contenders.prefixes(self.n))[-1]


def _trials(who, n, n_trials):
    with labs.Lab() as lab:
        lab.ip("router", "link", "add", "gate0", "type", "veth", "peer", "name", "gate1")
        lab.ip("router", "link", "set", "gate1", "up")
        lab.ip("router", "link", "set", "gate0", "up")
        m = Mover(who, lab, n)
        driver = failover.Driver("bench_move", lab.ns("router"), "gate0", "wan1", m.last(),
                                 n_trials)
        return failover.run_trials(driver, m, lambda *f: f)


def run(report, n_trials, only=None):
    names = ["limit", "each", "anod"]
    for n in NUMBERS:
        case = str(n)
        if only and case not in only:
            continue
        found = {w: [] for w in names}
        for r in range(min(ROUNDS, n_trials)):
            for w in names[r:] + names[:r]:
                rows, error = _trials(w, n, n_trials // ROUNDS or 1)
                found[w] += rows
                if error:
                    report.note("move, %s, %s, round %d: %s" % (case, w, r + 1, error))
        for which, name in ((1, case), (0, case + "-in-force")):
            for w in names:
                if found[w]:
                    report.add("move", name, w, "us", [x[which] for x in found[w]])
