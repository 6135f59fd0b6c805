"""where - where the time of one failover goes, process by process (strace).

Tracing makes every system call some 20 us longer, so the shares count, not the sum. The stages
are what docs/architecture.md follows: fact, finding and proposal, decision, PREPARE, INTENT,
guardian, APPLY.
"""
import re
import shutil
import subprocess
import time

import failover
import lab as labs

TRIALS = 9
# Each stage ends with the first such system call after the stage before: process, a pattern of
# the call, and whether its end counts (or its begin).
STAGES = (
    ("host: reads the link event", "host", r"recvfrom\(.*nlmsg_type=(0x10|RTM_NEWLINK)", True),
    ("host: link, model and facts; tells the cell", "host", r"sendmsg\(", False),
    ("cell: wakes and reads the fact", "cell", r"recvfrom\(", True),
    ("cell: judges, sends finding and proposal", "cell", r"recvfrom\(.*EAGAIN", False),
    ("host: incident, what-if, decision, ledger", "exec", r"recvfrom\(", False),
    ("exec: plans on what the kernel shows", "exec", r"sendmsg\(", True),
    ("host: budget, INTENT written", "guardian", r"recvfrom\(|recvmsg\(", False),
    ("guardian: takes the undo, says so", "guardian", r"sendto\(|sendmsg\(", True),
    ("host: sends APPLY", "exec", r"recvfrom\(", True),
    ("exec: looks again, sets the route", "exec", r"NLM_F_ACK", True),
)


def _calls(text, names):
    """(process, call, begin, end) of a strace log with -f -ttt -T, in order of their ends."""
    open_calls, calls = {}, []
    for line in text.splitlines():
        m = re.match(r"(\d+) +([\d.]+) (.*)", line)
        if not m or m[1] not in names:
            continue
        pid, now, rest = m[1], float(m[2]), m[3]
        if rest.endswith("<unfinished ...>"):
            open_calls[pid] = (now, rest)
            continue
        begin = now
        if rest.startswith("<..."):
            begin, head = open_calls.pop(pid, (now, ""))
            rest = head.replace("<unfinished ...>", "") + rest
            end = now
        else:
            took = re.search(r"<([\d.]+)>$", rest)
            end = now + (float(took[1]) if took else 0)
        calls.append((names[pid], rest, begin, end))
    return sorted(calls, key=lambda c: c[3])


def _flip(lab):
    """One failover and the way back; when it began."""
    begin = time.time()
    lab.carrier("wan0", False)
    labs.wait("the route", lambda: lab.way() == "wan1")
    time.sleep(0.3)
    lab.carrier("wan0", True)
    labs.wait("the return", lambda: lab.way() == "wan0")
    time.sleep(0.3)
    return begin


def run(report):
    """TRIALS traced failovers after two that warm up."""
    if not shutil.which("strace"):
        report.note("where: no strace here (package strace)")
        return
    with labs.Lab() as lab:
        failover.neighbours(lab)
        a = lab.anod(failover.CONFIG)
        labs.wait("the uplinks are healthy", lambda: a.ask("status")["incidents_open"] == 0)
        _flip(lab)
        _flip(lab)
        pids = {name: pid for name, pid in a.pids().items() if " " not in name}
        log = lab.dir + "/strace.log"
        tracer = lab.start("router", "strace", "-f", "-ttt", "-T", "-s", "16", "-o", log,
                           *sum([["-p", p] for p in pids.values()], []),
                           stderr=subprocess.DEVNULL)
        time.sleep(1)
        begins = [_flip(lab) for _ in range(TRIALS)]
        tracer.terminate()
        tracer.wait()
        with open(log) as f:
            calls = _calls(f.read(), {str(pid): name for name, pid in pids.items()})
    took = {what: [] for what, *_ in STAGES[1:]}
    for begin, end in zip(begins, begins[1:] + [float("inf")]):
        _stages([c for c in calls if begin <= c[2] < end], took)
    for what, us in took.items():
        if us:
            report.add("where", what, "anod-agent", "us, traced", us)
        if len(us) < TRIALS:
            report.note("where: %s: seen in %d of %d" % (what, len(us), TRIALS))


def _stages(calls, took):
    """Add the stages of one failover to 'took', as far as they are seen."""
    last = None
    for what, process, pattern, at_end in STAGES:
        # A look into an empty socket is no stage, unless the pattern says so.
        times = [c[3] if at_end else c[2] for c in calls if c[0] == process and
                 re.search(pattern, c[1]) and ("EAGAIN" in pattern or "EAGAIN" not in c[1])]
        now = next((t for t in times if last is None or t >= last), None)
        if now is None:
            return
        if last is not None:
            took[what].append(round((now - last) * 1e6, 1))
        last = now
