"""syscalls - kill -9 of executor and guardian before each of their system calls.

A first run under strace tells which calls the two make from the approval of a transaction to its end.
Then, for every one of them, a daemon of its own whose process is killed by strace at the entry of
just that call (inject=CALL:signal=KILL:when=N): the router ends before or after the transaction, and
the journal has one terminal record.  All of them in check-long, a part that fits BUDGET seconds in
check.  SEED=N repeats the choice.
"""
import collections
import os
import random
import re
import shutil
import subprocess
import time

import pytest

from common import LINKS, PLUGINS, ended, is_in, kernel, permit, puppet
from lab import wait
from test_chaos import Journal

BUDGET = 40.0
TWO = puppet("route.add", "dst=10.60.0.0/24", "via=10.2.0.1", "dev=wan1", "metric=7",
             kind2="route.add",
             args2=["dst=10.61.0.0/24", "via=10.2.0.1", "dev=wan1", "metric=7"])
CONF = LINKS + TWO + permit("route.add", level="approve")
DONE, ROUTES = 16, ("10.60.0.0/24", "10.61.0.0/24")


class Tracer:
    """strace on one process, from now on."""

    def __init__(self, pid, out, *words):
        self.out = out
        self.proc = subprocess.Popen(["strace", "-qq", "-f", "-o", out, "-p", str(pid), *words],
                                     stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                     stderr=subprocess.PIPE, text=True)
        wait("strace follows", lambda: self.proc.poll() is not None or self.follows(pid))
        # It may have met its call at once: the one that it was waiting in.
        if self.proc.poll() is not None and not self.killed():
            pytest.skip("strace cannot follow a process here: " + self.proc.stderr.read().strip())

    @staticmethod
    def follows(pid):
        try:
            with open("/proc/%d/status" % pid) as f:
                return not re.search(r"TracerPid:\t0\n", f.read())
        except OSError:
            return False

    def calls(self):
        """What was called, in order."""
        with open(self.out) as f:
            return re.findall(r"^\d+ +(\w+)\(", f.read(), re.M)

    def killed(self):
        with open(self.out) as f:
            return "+++ killed by SIGKILL +++" in f.read()

    def stop(self):
        self.proc.terminate()
        self.proc.wait()
        self.proc.stderr.close()


def waiting(lab, n):
    a = lab.anod(CONF, name="anod%d" % n, args=PLUGINS)
    is_in(a, "waiting")
    return a


def cleared(lab):
    for dst in ROUTES:
        lab.ip("router", "route", "del", dst, check=False)


def points(lab):
    """(process, call, which one of that name) of an undisturbed transaction."""
    out = []
    for n, name in enumerate(("exec", "guardian")):
        a = waiting(lab, n)
        t = Tracer(a.pids()[name], os.path.join(lab.dir, name + ".trace"))
        a.approve(1)
        assert ended(a)["state"] == "done"
        t.stop()
        a.stop()
        cleared(lab)
        seen = collections.Counter()
        for call in t.calls():
            seen[call] += 1
            out.append((name, call, seen[call]))
    return out


def trial(lab, n, before, name, call, nth):
    """What became of the transaction; None: the call was not made this time."""
    a = waiting(lab, n)
    t = Tracer(a.pids()[name], os.path.join(lab.dir, "trace"),
               "-e", "inject=%s:signal=KILL:when=%d" % (call, nth))
    what = "%s killed at %s number %d" % (name, call, nth)
    a.approve(1)
    state = ended(a, timeout=30)["state"]
    killed = t.killed()
    t.stop()
    a.stop()

    after = [dst for dst in ROUTES if dst in lab.routes()]
    assert len(after) == (2 if state == "done" else 0), "%s: %s, with %s" % (what, state, after)
    cleared(lab)
    assert kernel(lab) == before, what
    j = Journal(a.state)
    j.read()
    kinds = j.kinds()[1]
    terminal = [k for k in kinds if k >= Journal.TERMINAL]
    assert len(terminal) == (1 if kinds else 0), "%s: %s" % (what, kinds)
    assert (terminal == [DONE]) == (state == "done"), "%s: %s, %s" % (what, kinds, state)
    shutil.rmtree(a.state)
    return state if killed else None


def run(lab, budget):
    if not shutil.which("strace"):
        pytest.skip("no strace here")
    seed = int(os.environ.get("SEED", time.time_ns() & 0xffffffff))
    before = kernel(lab)
    todo = points(lab)
    assert len(todo) > 20, todo
    assert {"sendmsg", "sendto", "send"} & {call for _, call, _ in todo}, todo
    print("\nsyscalls: %d of exec and guardian, SEED=%d" % (len(todo), seed))
    random.Random(seed).shuffle(todo)

    count = collections.Counter()
    start = time.monotonic()
    for n, point in enumerate(todo):
        count[trial(lab, n + 10, before, *point) or "not met"] += 1
        if budget and time.monotonic() - start > budget:
            break
    print("syscalls: %d tried: %s" % (sum(count.values()), dict(count)))
    assert count["not met"] <= sum(count.values()) // 4, count
    return count


def test_a_kill_at_a_system_call_leaves_before_or_after(lab):
    run(lab, BUDGET)


@pytest.mark.long
def test_a_kill_at_every_system_call_leaves_before_or_after(lab):
    count = run(lab, None)
    assert count["done"] > 0 and sum(count.values()) > count["done"]
