"""failover - carrier loss of the first uplink to a working way over the second one.

Two works share it: "failover" counts the time from the kernel's link event to the route in force,
"outage" the time in which no packet of a 50 us stream was delivered. Contenders take turns in
rounds, each time in a lab of its own, so that a slow minute of the machine hits all of them.

Cases: "veth"; "veth-hogs" with a busy process on every processor; "veth-100k" with 100,000
prefixes behind the link; "tun-100ms", where wan0 is a tun and another link event was 100 ms ago,
so that the kernel tells this one 0.9 s late: there "failover" counts from the loss itself. Of the
last two both works come from the same trials, which last seconds each.
"""
import collections
import subprocess
import tempfile

import contenders
import lab as labs
import peers

ROUNDS = 3
PACKET_US = 50
CONFIG = contenders.AGENT  # for the other works
# share: of the trials; slow: both works from the same trials.
Case = collections.namedtuple("Case", "name who peers share hogs prefixes tun slow")
REFLEXES = ["anod-reflex-kernel", "anod-reflex-ready"]
CASES = [
    Case("veth", ["limit", "limit-fifo", "limit-sync", "libnl", "kernel", "kernel-linkdown",
                  "anod-agent", "anod-agent-tmpfs"] + REFLEXES, ["bird", "keepalived", "zebra"],
         1, False, 0, False, False),
    Case("veth-hogs", ["limit", "limit-fifo", "kernel"] + REFLEXES, ["bird"],
         1, True, 0, False, False),
    Case("veth-100k", ["limit", "kernel", "anod-reflex-kernel"], ["bird"],
         1 / 5, False, 100000, False, True),
    Case("tun-100ms", ["limit", "limit-events", "kernel", "kernel-sentinel"] + REFLEXES,
         ["bird", "zebra"], 1 / 5, False, 0, True, True),
]
_kept = {}  # of slow cases: (case, who) -> rows


def neighbours(lab, tun=False):
    """Permanent entries, so that address resolution is never a part of an outage."""
    def mac(ns, dev):
        return lab.do(ns, "cat", "/sys/class/net/%s/address" % dev).strip()

    for n, wan in ((1, "wan0"), (2, "wan1")):
        if not (tun and n == 1):
            lab.ip("router", "neigh", "replace", "10.%d.0.1" % n, "lladdr", mac("isp%d" % n, "r"),
                   "dev", wan, "nud", "permanent")
    lab.ip("client", "neigh", "replace", "10.0.0.1", "lladdr", mac("router", "lan0"),
           "dev", "eth0", "nud", "permanent")
    lab.ip("router", "neigh", "replace", "10.0.0.2", "lladdr", mac("client", "eth0"),
           "dev", "lan0", "nud", "permanent")


def make_tun(lab):
    """wan0 becomes a tun, whose far end is the driver."""
    lab.ip("router", "link", "del", "wan0")
    lab.ip("router", "tuntap", "add", "wan0", "mode", "tun")
    lab.ip("router", "link", "set", "wan0", "up", "txqueuelen", "50000")
    lab.ip("router", "addr", "add", "10.1.0.2/30", "dev", "wan0")
    lab.ip("router", "route", "add", "default", "via", "10.1.0.1", "dev", "wan0", "metric", "100")


class Driver:
    """A program that asks us before each trial, such as bench_failover."""

    def __init__(self, name, *words):
        self.proc = subprocess.Popen([labs.BUILD + "/tests/" + name] + [str(w) for w in words],
                                     text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     stderr=subprocess.PIPE)

    def line(self):
        return self.proc.stdout.readline().split()

    def go(self):
        self.proc.stdin.write("\n")
        self.proc.stdin.flush()

    def close(self):
        """What it complained about."""
        self.proc.stdin.close()
        error = self.proc.stderr.read().strip()
        self.proc.wait()
        return error


def driver(lab, case, n, packet_us, settle_ms, hold=False):
    return Driver("bench_failover", lab.ns("router"), "tun" if case.tun else lab.ns("isp1"),
                  lab.ns("isp2"), lab.ns("client"), n, packet_us, settle_ms, *["hold"] * hold)


Row = collections.namedtuple("Row", "link start outage lost")


def run_trials(driver, contender, row=Row):
    """Rows of the driver; and its words, or the contender's when that does not get ready again."""
    rows, begun, error = [], False, ""
    try:
        for word in iter(driver.line, []):
            if word[0] == "=":
                rows.append(row(*(None if w == "-" else float(w) for w in word[1:])))
                continue
            if word[0] == "lost":
                contender.converged()
            elif begun:
                contender.again()
            else:
                contender.begin()
                contender.again()
                begun = True
            driver.go()
    except (RuntimeError, ValueError, OSError) as e:
        error = str(e)
    return rows, driver.close() or error


def trials(who, case, n, packet_us):
    """n trials: rows, and what went wrong."""
    with tempfile.TemporaryDirectory(prefix="anod-bench-", dir="/dev/shm") as memory, \
            labs.Lab() as lab, contenders.Hogs(case.hogs):
        if case.tun:
            make_tun(lab)
        neighbours(lab, case.tun)
        c = contenders.make(who, lab, case, memory)
        try:
            return run_trials(driver(lab, case, n, packet_us, c.settle_ms), c)
        finally:
            c.end()


def rounds(report, work, case, names, n_trials, packet_us):
    """Rows by contender, who take turns."""
    found = {w: [] for w in names}
    for r in range(ROUNDS):
        n = n_trials // ROUNDS + (r < n_trials % ROUNDS)
        shift = r % len(names)
        for w in names[shift:] + names[:shift]:
            if not n:
                continue
            rows, error = trials(w, case, n, packet_us)
            if error:
                report.note("%s, %s, %s, round %d: %s" % (work, case.name, w, r + 1, error))
            found[w] += rows
    return found


def run_case(report, work, case, n_trials, with_peers):
    names = list(case.who)
    if with_peers:
        names += peers.available(case.peers, report)
    n = max(min(ROUNDS, n_trials), round(n_trials * case.share))
    if case.slow and case.name in _kept:
        found = _kept[case.name]
    else:
        packet_us = PACKET_US if work == "outage" or case.slow else 0
        found = rounds(report, work, case, names, n, packet_us)
        _kept[case.name] = found
    for w in names:
        values = [r.outage if work == "outage" else r.start if case.tun else r.link
                  for r in found[w]]
        values = [v for v in values if v is not None]
        if values:
            report.add(work, case.name, w, "us", values)
        if len(values) < n:
            report.note("%s, %s, %s: %d of %d trials gave a figure" %
                        (work, case.name, w, len(values), n))


def run(report, work, n_trials, with_peers, only=None):
    """Both works: 'work' is "failover" or "outage"; 'only': names of cases."""
    for case in CASES:
        if not only or case.name in only:
            run_case(report, work, case, n_trials, with_peers)
