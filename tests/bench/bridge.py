"""bridge - a daemon with 100,000 prefixes loses its uplink: how long it is dark, alone and bridged.

"bird-100k": BIRD with static routes, "check link". "frr-100k": FRR with two BGP neighbours that
announce the same prefixes (BIRD, at either provider). Contenders: the daemon alone; limit, a rule
over a shadow table that was made by hand; anod, which finds out by itself.

Packets go on until the daemon has moved every prefix and the bridge is gone again, so that the
figure is all time without delivery, at both edges. Then the main table is looked through: "left"
counts routes there that are not the daemon's or the kernel's, and rules that nobody had before.
"""
import collections

import contenders
import failover
import lab as labs
import peers

Case = collections.namedtuple("Case", "name daemon protocols prefixes tun hogs slow")
CASES = [Case("bird-100k", "bird", {"bird"}, 100000, False, False, True),
         Case("frr-100k", "frr", {"bgp", "zebra"}, 100000, False, False, True)]
ROUNDS = 2
RULES = 3  # of a namespace where nobody has made any: local, main, default


class Bridged(contenders.Contender):
    """The daemon, with one of the bridges or with none."""
    left = None

    def begin(self):
        lab, n = self.lab, self.case.prefixes
        for metric in ("100", "200"):
            lab.ip("router", "route", "del", "default", "metric", metric)
        peers.start(lab, self.case.daemon, prefixes=list(contenders.prefixes(n)))
        self._wait("wan0")
        if self.name == "limit":
            contenders.fill(lab, n, "via 10.2.0.1 dev wan1 table %d" % contenders.TABLE)
            contenders.part_tables(lab)
            lab.start("router", "chrt", "-f", "50", contenders.CONTENDER, "rule", "wan0",
                      contenders.TABLE)
        elif self.name == "anod":
            self.anod = lab.anod(contenders.reflex_config(contenders.STANDBY, "rule.add"))

    def _wait(self, dev):
        labs.wait("%s has moved all to %s" % (self.case.daemon, dev), lambda: contenders.over(
            self.lab, dev) > self.case.prefixes, 90, 0.5)

    def again(self):
        self._wait("wan0")
        if self.name == "anod":
            contenders.armed(self.anod, "bridge")

    def _rules(self):
        return len(self.lab.ip("router", "rule", "show").splitlines()) - RULES

    def converged(self):
        self._wait("wan1")
        if self.name == "limit":
            self.lab.ip("router", "rule", "del", "pref", "100")
        elif self.name == "anod":
            labs.wait("the bridge is gone again", lambda: self._rules() == 0, 90, 0.1)
        self.left = (self.left or 0) + self._rules() + self._foreign()

    def _foreign(self):
        """Routes of the main table that are neither the daemon's nor the kernel's."""
        mine = self.case.protocols | {"kernel"}
        count = 0
        for line in self.lab.ip("router", "-4", "route", "show").splitlines():
            word = line.split()
            count += "proto" not in word or word[word.index("proto") + 1] not in mine
        return count

    def end(self):
        peers.clean(self.lab)


def _trials(who, case, n):
    """n trials in a lab: rows, what was left, what went wrong."""
    with labs.Lab() as lab:
        failover.neighbours(lab)
        c = Bridged(who, lab, case, None)
        try:
            rows, error = failover.run_trials(failover.driver(
                lab, case, n, failover.PACKET_US, c.settle_ms, hold=True), c)
        finally:
            c.end()
    return rows, c.left, error


def _run_case(report, case, n_trials):
    names = [case.daemon, "limit", "anod"]
    found, left = {w: [] for w in names}, {}
    for r in range(ROUNDS):
        n = n_trials // ROUNDS + (r < n_trials % ROUNDS)
        shift = r % len(names)
        for w in names[shift:] + names[:shift]:
            if not n:
                continue
            rows, more, error = _trials(w, case, n)
            if error:
                report.note("bridge, %s, %s, round %d: %s" % (case.name, w, r + 1, error))
            found[w] += [x.outage for x in rows if x.outage is not None]
            if more is not None:
                left[w] = left.get(w, 0) + more
    for w in names:
        if found[w]:
            report.add("bridge", case.name, w, "us without delivery", found[w])
        if w in left:
            report.add("bridge", case.name + "-left", w, "routes and rules", left[w])
        if len(found[w]) < n_trials:
            report.note("bridge, %s, %s: %d of %d trials gave a figure" %
                        (case.name, w, len(found[w]), n_trials))


def run(report, n_trials, with_peers, only=None):
    if not with_peers:
        report.note("bridge: it is about BIRD and FRR, which PEERS=1 installs: left out")
        return
    for case in CASES:
        if only and case.name not in only:
            continue
        needed = sorted({case.daemon, "bird"})
        if peers.available(needed, report) == needed:
            _run_case(report, case, max(1, n_trials // 15))
