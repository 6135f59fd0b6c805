"""upkeep - what a daemon costs while nothing happens: memory ("rss") and CPU time ("idle").

Memory is told three ways, because processes share libraries. "idle" counts every resident page
of the processes together once, by its frame number (/proc/PID/pagemap), as if nobody else in the
system used libc: the figure to compare. "idle-pss" shares each page out among all who map it,
"idle-rss" is the sum of VmRSS, which counts a shared page once for every process.
CPU time is the scheduler's own count of all threads (/proc/PID/task/*/schedstat), not ticks.
"""
import os
import struct
import subprocess
import time

import failover
import lab as labs
import peers

SECONDS = 8  # of watching the CPU time
PAGE = os.sysconf("SC_PAGE_SIZE")


def children(pid):
    """The process and all that it has started, oldest first."""
    found = [pid]
    for p in found:
        try:
            for task in os.listdir("/proc/%d/task" % p):
                with open("/proc/%d/task/%s/children" % (p, task)) as f:
                    found += [int(c) for c in f.read().split()]
        except OSError:
            pass
    return found


def frames(pid):
    """Numbers of the page frames that a process has in memory."""
    found = set()
    with open("/proc/%d/maps" % pid) as maps, open("/proc/%d/pagemap" % pid, "rb", 0) as table:
        for line in maps:
            if "[vsyscall]" in line:
                continue
            start, end = (int(x, 16) // PAGE for x in line.split()[0].split("-"))
            table.seek(start * 8)
            for entry, in struct.iter_unpack("<Q", table.read((end - start) * 8)):
                if entry >> 63:
                    found.add(entry & ((1 << 55) - 1))
    return found


def memory(pids):
    """KiB of some processes together: each page once, PSS, sum of RSS."""
    once, pss, rss = set(), 0, 0
    for pid in pids:
        once |= frames(pid)
        with open("/proc/%d/smaps_rollup" % pid) as f:
            for line in f:
                word = line.split()
                if word[0] == "Pss:":
                    pss += int(word[1])
                elif word[0] == "Rss:":
                    rss += int(word[1])
    return len(once) * PAGE // 1024, pss, rss


def cpu_ns(pids):
    """Time on a CPU of all threads so far."""
    total = 0
    for pid in pids:
        try:
            for task in os.listdir("/proc/%d/task" % pid):
                with open("/proc/%d/task/%s/schedstat" % (pid, task)) as f:
                    total += int(f.read().split()[0])
        except OSError:
            pass
    return total


def _add_memory(report, who, pids):
    for case, kib in zip(("idle", "idle-pss", "idle-rss"), memory(pids)):
        report.add("rss", case, who, "KiB", kib)


def _peer_pids(lab, procs):
    pids = []
    for p in procs:
        if p.poll() is not None:
            raise RuntimeError("it ended with status %s" % p.returncode)
        pids += children(p.pid)
    return pids


def rss(report, with_peers):
    """The lab's router, five seconds after the start."""
    with labs.Lab() as lab:
        a = lab.anod(failover.CONFIG)
        time.sleep(5)
        pids = a.pids()
        _add_memory(report, "anod-total", pids.values())
        for name, pid in sorted(pids.items()):
            _add_memory(report, "anod-" + name, [pid])
    if not with_peers:
        return
    for name in peers.available(["bird", "keepalived", "zebra"], report):
        with labs.Lab() as lab:
            try:
                procs = peers.start(lab, name, idle=True)
                time.sleep(5)
                _add_memory(report, name, _peer_pids(lab, procs))
            except RuntimeError as e:
                report.note("rss, %s: %s" % (name, e))
            finally:
                peers.clean(lab)


def add_links(lab, n):
    """Veth pairs, one end of each in a bridge, 500 to a bridge; all of them up."""
    batch = []
    lab.do("router", "sysctl", "-qw", "net.ipv6.conf.default.addr_gen_mode=1")
    for i in range(n // 2):
        if i % 500 == 0:
            batch.append("link add name br%d up type bridge" % (i // 500))
        batch.append("link add name v%d up type veth peer name w%d" % (i, i))
        batch.append("link set dev w%d up master br%d" % (i, i // 500))
    lab.ip("router", "-batch", "-", stdin="\n".join(batch) + "\n")


def _permille(pids):
    before, start = cpu_ns(pids), time.monotonic()
    time.sleep(SECONDS)
    return (cpu_ns(pids) - before) / (time.monotonic() - start) / 1e6


def idle(report, with_peers):
    """4 links (lo and three) and 1000; after five seconds for the start."""
    who = ["anod"]
    if with_peers:
        who += peers.available(["keepalived", "collectd"], report)
    for case, more in (("4-links", 0), ("1000-links", 1000)):
        with labs.Lab() as lab:
            if more:
                add_links(lab, more)
            for name in who:
                try:
                    if name == "anod":
                        a = lab.anod(failover.CONFIG)
                        procs, pids = [a.proc], list(a.pids().values())
                    else:
                        procs = peers.start(lab, name, idle=True)
                        pids = None
                    time.sleep(5)
                    report.add("idle", case, name, "permille of a core",
                               _permille(pids or _peer_pids(lab, procs)))
                except RuntimeError as e:
                    report.note("idle, %s, %s: %s" % (case, name, e))
                for p in procs:
                    p.terminate()
                    try:
                        p.wait(10)
                    except subprocess.TimeoutExpired:
                        p.kill()
