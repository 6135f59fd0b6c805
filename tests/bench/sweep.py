"""sweep - CPU time of reading all link counters once, by the bare kernel interface and by daemons.

The bare contenders and the sensor alone take turns in one program (bench_sweep.c). The daemons come
after it in the same namespace. anod as it ships runs twice at once: what a reading costs is
the difference between one that reads and one that does not, next to a bare dump at the same pace.
What the host does besides, once a second, is told on its own. node-exporter is asked by HTTP,
collectd reads every second; CPU time is the scheduler's count of all their threads.
"""
import os
import subprocess
import time

import lab as labs
import peers
import upkeep

SIZES = (100, 1000, 5000)
SECONDS = 3
ROUNDS = 6  # they end before the idle daemon reads again
SWEEPS = 20
CONFIG = """policy "bench" revision 1
damping off
brake off
link wan0 { role uplink }
sensor counters { period %s  idle-period %s }
"""
PORT = 9177


def _program(lab, out, case, rounds):
    p = lab.do("router", os.path.join(labs.BUILD, "tests", "bench_sweep"), case, str(rounds))
    out.take(p)


def _differences(lab, out, case, ms):
    """Two daemons and the bare dump at the same time, so that all find the same caches: one reads
    every 'ms', the other (its first reading is over, the next far away) not at all."""
    name = "%d-links-%dhz" % (case, 1000 // ms)
    bare = lab.start("router", os.path.join(labs.BUILD, "tests", "bench_sweep"), "every", str(ms))
    daemons = [lab.anod(CONFIG % (p, p), name="%s-%s" % (name, p)) for p in ("%dms" % ms, "30s")]
    pids = [bare.pid] + [a.pids()["host"] for a in daemons]
    limit, sweep, whole, beat = [], [], [], []
    try:
        time.sleep(10)
        for _ in range(ROUNDS):
            before, start = [upkeep.cpu_ns([p]) for p in pids], time.monotonic()
            time.sleep(SECONDS)
            passed = time.monotonic() - start
            dump, host, idle = ((upkeep.cpu_ns([p]) - b) / passed / 1e3
                                for p, b in zip(pids, before))
            limit.append(dump * ms / 1000)
            sweep.append((host - idle) * ms / 1000)
            whole.append(host / 1e3)
            beat.append(idle / 1e3)
        with open("/proc/%d/status" % pids[1]) as f:
            kib = [int(x.split()[1]) for x in f if x.startswith("VmRSS")][0]
    finally:
        bare.terminate()
        bare.wait(10)
        for a in daemons:
            a.stop()
    out.add("sweep", name, "limit", "us", limit)
    out.add("sweep", name, "anod-daemon", "us", sweep)
    out.add("sweep", name + "-all", "anod-host", "permille of a core", whole)
    out.add("sweep", name + "-all", "anod-no-sweeps", "permille of a core", beat)
    out.add("sweep", name + "-rss", "anod-host", "KiB", kib)


def _exporter(lab, out, case):
    """One scrape after the other; the body is read and thrown away."""
    cmd = [peers.PROGRAM["node-exporter"], "--collector.disable-defaults", "--collector.netdev",
           "--web.listen-address=127.0.0.1:%d" % PORT]
    p = lab.start("router", *cmd, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                  stderr=subprocess.DEVNULL)
    script = ("import urllib.request,sys\nfor i in range(%d):\n"
              " urllib.request.urlopen('http://127.0.0.1:%d/metrics', timeout=60).read()\n")
    try:
        labs.wait("node_exporter listens",
                  lambda: ":%d " % PORT in lab.do("router", "ss", "-ltnH") + " ")
        lab.do("router", "python3", "-c", script % (3, PORT))
        pids = upkeep.children(p.pid)
        before = upkeep.cpu_ns(pids)
        lab.do("router", "python3", "-c", script % (SWEEPS, PORT))
        out.add("sweep", case, "node-exporter", "us",
                (upkeep.cpu_ns(pids) - before) / 1000 / SWEEPS)
    except RuntimeError as e:
        out.note("sweep, %s, node-exporter: %s" % (case, e))
    finally:
        p.terminate()
        p.wait(10)


def _collectd(lab, out, case):
    procs = peers.start(lab, "collectd", idle=True)
    try:
        time.sleep(4)
        pids = [q for p in procs for q in upkeep.children(p.pid)]
        before, start = upkeep.cpu_ns(pids), time.monotonic()
        time.sleep(8)
        out.add("sweep", case, "collectd", "us",
                (upkeep.cpu_ns(pids) - before) / 1000 / (time.monotonic() - start))
    finally:
        for p in procs:
            p.terminate()
            p.wait(10)


def run(out, with_peers):
    others = peers.available(["node-exporter", "collectd"], out) if with_peers else []
    for n in SIZES:
        case = "%d-links" % n
        with labs.Lab() as lab:
            upkeep.add_links(lab, n)
            _program(lab, out, case, 20)
            _differences(lab, out, n, 100)
            _differences(lab, out, n, 1000)
            if "node-exporter" in others:
                _exporter(lab, out, case)
            if "collectd" in others:
                _collectd(lab, out, case)
