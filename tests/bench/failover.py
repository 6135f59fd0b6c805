"""failover - carrier loss of the first uplink to a working way over the second one.

Two works share it: "failover" counts the time from the kernel's link event to the route in force,
"outage" the time in which no packet of a 50 us stream was delivered. Contenders take turns in
rounds, each time in a lab of its own, so that a slow minute of the machine hits all of them.

"limit-sync" is "limit" with a durable record before the route, as anod must write one; and
"anod-agent-tmpfs" is anod with its state folder in memory: what the disk costs is the difference.
"""
import os
import subprocess
import tempfile
import time

import lab as labs
import peers

ROUNDS = 3
PACKET_US = 50
# A permit with verification and confirmation as in earnest; only the times are short, so that the
# next trial can begin, and the budget is no hindrance.
CONFIG = """policy "bench" revision 1
damping off
brake off

link wan0 { role uplink }
link wan1 { role uplink }
set uplinks = link where role == uplink
budget plenty = 1000 per 5s

agent uplink { uplinks wan0, wan1  clean 100ms }

invariant "a way out" {
    require count(uplinks up) >= 1
    require new blackhole == 0
    if broken now  allow when not worse
}
permit "steer" {
    agent   uplink
    action  route.replace, route.del
    on      uplinks
    level   auto
    budget  plenty
    verify  within 2s
    confirm after 50ms
}
"""


def neighbours(lab):
    """Permanent entries, so that address resolution is never a part of an outage."""
    def mac(ns, dev):
        return lab.do(ns, "cat", "/sys/class/net/%s/address" % dev).strip()

    for n, wan in ((1, "wan0"), (2, "wan1")):
        isp = "isp%d" % n
        lab.ip("router", "neigh", "replace", "10.%d.0.1" % n, "lladdr", mac(isp, "r"), "dev", wan,
               "nud", "permanent")
    lab.ip("client", "neigh", "replace", "10.0.0.1", "lladdr", mac("router", "lan0"),
           "dev", "eth0", "nud", "permanent")
    lab.ip("router", "neigh", "replace", "10.0.0.2", "lladdr", mac("client", "eth0"),
           "dev", "lan0", "nud", "permanent")


def _defaults_gone(lab, metrics):
    for m in metrics:
        lab.ip("router", "route", "del", "default", "metric", str(m))


def begin(lab, who, memory):
    """Start a contender; how it goes back to the first uplink, and the pause it needs then.
    'memory' is an empty folder in memory."""
    if who in ("limit", "limit-sync", "libnl"):
        file = [os.path.join(lab.dir, "record")] if who == "limit-sync" else []
        lab.start("router", os.path.join(labs.BUILD, "tests/bench_contender"), who.split("-")[0],
                  "wan0", "wan1", "10.2.0.1", *file)
        time.sleep(0.3)
        return "self", 60
    if who.startswith("anod-agent"):
        if who == "anod-agent-tmpfs":
            os.symlink(memory, os.path.join(lab.dir, "anod.state"))
        a = lab.anod(CONFIG)
        labs.wait("the uplinks are healthy", lambda: a.ask("status")["incidents_open"] == 0)
        return "auto", 150
    # keepalived withdraws its own route, so that ours of metric 200 is left; the others own both.
    _defaults_gone(lab, (100,) if who == "keepalived" else (100, 200))
    peers.start(lab, who)
    labs.wait("%s has set its route" % who, lambda: lab.way() == "wan0", 20)
    time.sleep(1)
    return "auto", 60


def trials(who, n, packet_us):
    """n trials: a list of (link to route, outage) in us, None where there was none."""
    with tempfile.TemporaryDirectory(prefix="anod-bench-", dir="/dev/shm") as memory, \
            labs.Lab() as lab:
        try:
            neighbours(lab)
            restore, settle_ms = begin(lab, who, memory)
            out = subprocess.run(
                [os.path.join(labs.BUILD, "tests/bench_failover"), lab.ns("router"),
                 lab.ns("isp1"), lab.ns("isp2"), lab.ns("client"), str(n), str(packet_us),
                 str(settle_ms), restore],
                text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60 + 2 * n)
        finally:
            peers.clean(lab)
    rows = [[None if w == "-" else float(w) for w in l.split()] for l in out.stdout.splitlines()]
    return [(r[0], r[2]) for r in rows if len(r) == 3], out.stderr.strip()


def run(report, work, n_trials, with_peers):
    """Both works: 'work' is "failover" or "outage"."""
    packet_us = PACKET_US if work == "outage" else 0
    who = ["limit", "limit-sync", "libnl", "anod-agent", "anod-agent-tmpfs"]
    if with_peers:
        who += peers.available(["bird", "keepalived", "zebra"], report)
    found = {w: [] for w in who}
    done = {w: 0 for w in who}
    for r in range(ROUNDS):
        n = n_trials // ROUNDS + (r < n_trials % ROUNDS)
        for w in who[r % len(who):] + who[:r % len(who)]:
            if not n:
                continue
            try:
                rows, error = trials(w, n, packet_us)
            except (RuntimeError, subprocess.TimeoutExpired) as e:
                rows, error = [], str(e)
            if error:
                report.note("%s, %s, round %d: %s" % (work, w, r + 1, error))
            done[w] += len(rows)
            found[w] += [x[work == "outage"] for x in rows if x[work == "outage"] is not None]
    for w in who:
        if found[w]:
            report.add(work, "veth", w, "us", found[w])
        if len(found[w]) < n_trials:
            report.note("%s, %s: %d of %d trials gave a figure" %
                        (work, w, len(found[w]), n_trials))
