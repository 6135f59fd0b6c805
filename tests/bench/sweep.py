"""sweep - CPU time of reading all link counters once, by the bare kernel interface and by daemons.

The bare contenders and the sensor alone take turns in one program (bench_sweep.c). The daemons come
after it in the same namespace: anod as it ships reads every 100 ms here, node-exporter is asked by
HTTP, collectd reads every second; CPU time is the scheduler's count of all their threads.
"""
import os
import subprocess
import time

import lab as labs
import peers
import upkeep

SIZES = (100, 1000, 5000)
SECONDS = 8
SWEEPS = 20
CONFIG = """policy "bench" revision 1
link wan0 { role uplink }
sensor counters { period %s  idle-period %s }
"""
PORT = 9177


def _program(lab, out, case, rounds):
    p = lab.do("router", os.path.join(labs.BUILD, "tests", "bench_sweep"), case, str(rounds))
    out.take(p)


def _daemon(lab, out, case, period, name):
    """CPU time of the host process for each sweep, and in permille of a core at one a second."""
    a = lab.anod(CONFIG % (period, period), name=name)
    try:
        pid = a.pids()["host"]
        time.sleep(6 if "5000" in case else 4)
        before, start = upkeep.cpu_ns([pid]), time.monotonic()
        time.sleep(SECONDS)
        used, passed = upkeep.cpu_ns([pid]) - before, time.monotonic() - start
        if period == "1s":
            out.add("sweep", case + "-1hz", "anod-host", "permille of a core",
                    used / passed / 1e6)
            with open("/proc/%d/status" % pid) as f:
                kib = [int(x.split()[1]) for x in f if x.startswith("VmRSS")][0]
            out.add("sweep", case + "-rss", "anod-host", "KiB", kib)
        else:
            out.add("sweep", case, "anod-daemon", "us", used / 1000 / (passed / 0.1))
    finally:
        a.stop()


def _exporter(lab, out, case):
    """One scrape after the other; the body is read and thrown away."""
    cmd = [peers.PROGRAM["node-exporter"], "--collector.disable-defaults", "--collector.netdev",
           "--web.listen-address=127.0.0.1:%d" % PORT]
    p = lab.start("router", *cmd, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                  stderr=subprocess.DEVNULL)
    script = ("import urllib.request,sys\nfor i in range(%d):\n"
              " urllib.request.urlopen('http://127.0.0.1:%d/metrics', timeout=60).read()\n")
    try:
        time.sleep(2)
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
        time.sleep(SECONDS)
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
            _daemon(lab, out, case, "100ms", "often")
            if n == max(SIZES):
                _daemon(lab, out, case, "1s", "usual")
            if "node-exporter" in others:
                _exporter(lab, out, case)
            if "collectd" in others:
                _collectd(lab, out, case)
