"""chaos - kill -9 of any process at any moment, under continuous faults.

Each round changes a fault, kills one or several of the daemon's processes at a random moment (or
stops them for a while, or restarts the daemon on purpose, which hands its guardian over), and checks
what must hold whatever happened.  Two reflexes are armed and fire meanwhile: the kernel itself passes
over routes without carrier, and ready bytes add a route of their own when wan0 is lost.

  - the router has its own routes, at most one steering route via a known gateway and the one of the
    reflex, nothing else;
  - with no transaction open, these and the kernel's switch are exactly what the committed ones left;
  - every INTENT of the journal gets exactly one terminal record, the ledger tells at most one end;
  - the budget is charged once for each transaction, never less;
  - the ledger's chain is whole;
  - no process of a dead daemon stays, no descriptor and no memory is lost in a living one.

SEED=N repeats the choices of a run (the moments are the machine's).  ROUNDS=N sets the length of the
long one, JOBS=N how many labs it runs side by side; by hand: test_chaos.py ROUNDS [SEED].
"""
import collections
import json
import os
import random
import signal
import struct
import subprocess
import sys
import time

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "examples", "lab"))
import lab  # noqa: E402

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")
SLOW = 4 if "san" in lab.BUILD else 1

CONF = """policy "chaos" revision 1
damping off
brake off
link wan0 { role uplink }
link wan1 { role uplink }
set uplinks = link where role == uplink
budget steering = 4000 per 30d
agent uplink { uplinks wan0, wan1  probe 192.0.2.1, 198.51.100.1 every 50ms  clean 400ms }
agent triage { }
endpoint adviser { provider openai  url "http://127.0.0.1:18090/v1"  model "none"
                   tier small  timeout 2s }
permit "steer" {
    agent   uplink
    action  route.replace, route.del
    on      uplinks
    level   auto
    budget  steering
    verify  within 2s
    confirm after 100ms
}
"""
REFLEXES = """
permit "kernel" {
    agent   reflex
    action  link.set
    level   auto
    budget  steering
    verify  within 2s that link.wan1.admin_up == true
    confirm after 100ms
    reflex  { trigger link wan0  standby wan1 via 10.2.0.1  refractory 200ms }
}
permit "ready" {
    agent   reflex
    action  route.replace, route.del
    level   auto
    budget  steering
    verify  within 2s that link.wan1.admin_up == true
    confirm after 100ms
    reflex  { trigger link wan0  refractory 200ms
              do "route.replace dst 198.18.9.0/24 via 10.2.0.1 dev wan1 metric 7" }
}
"""
READY = "198.18.9.0/24"
GATEWAYS = {"wan0": "10.1.0.1", "wan1": "10.2.0.1"}
VICTIMS = ["host", "exec", "guardian", "cell uplink", "cell triage", "infer"]
Route = collections.namedtuple("Route", "dst via dev metric")


def alive(pid):
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Journal:
    """What the journal said in all its files, by the records' sequence numbers."""

    MAGIC, SLOT, TERMINAL, INTENT, COMMIT, ROLLBACK, DONE = 0x4a444e41, 512, 16, 1, 4, 5, 16

    def __init__(self, folder):
        self.path = os.path.join(folder, "journal")
        self.seen = {}  # seq: (tx, type)
        self.lowest = 0
        self.turned_over = False

    def read(self):
        """Take in what is there; the records as a tuple, to compare two readings."""
        with open(self.path, "rb") as f:
            f.seek(2 * self.SLOT)
            now = {}
            empty = 0
            while empty < 256:
                slot = f.read(self.SLOT)
                if len(slot) < self.SLOT:
                    break
                magic, _, seq, _, _, part, parts, _ = struct.unpack_from("<IIQIIHHI", slot)
                empty = empty + 1 if magic != self.MAGIC else 0
                if magic == self.MAGIC and part == 0:
                    kind, _, tx = struct.unpack_from("<IIQ", slot, 32)
                    now[seq] = (tx, kind)
                    f.seek((parts - 1) * self.SLOT, os.SEEK_CUR)
        if now and min(now) > self.lowest:
            self.turned_over = self.turned_over or self.lowest > 0
            self.lowest = min(now)
        self.seen.update(now)
        return tuple(sorted(now.items()))

    def kinds(self):
        """{transaction: its record types in order}"""
        out = collections.defaultdict(list)
        for _, (tx, kind) in sorted(self.seen.items()):
            out[tx].append(kind)
        return out

    def open(self):
        return [tx for tx, k in self.kinds().items() if all(t < self.TERMINAL for t in k)]

    def stands(self, tx):
        """Its changes are in force, as far as it says."""
        k = self.kinds()[tx]
        return self.COMMIT in k and self.ROLLBACK not in k and k[-1] in (self.COMMIT, self.DONE)

    def committed(self):
        """Transactions in the order of their COMMIT."""
        out = []
        for _, (tx, kind) in sorted(self.seen.items()):
            if kind == self.COMMIT and tx not in out:
                out.append(tx)
        return out

    def size(self):
        """Cheap: changes with every record."""
        with open(self.path, "rb") as f:
            data = f.read(1 << 20)
        return len(data.rstrip(b"\0"))


class Chaos:
    def __init__(self, l, seed):
        self.l = l
        self.rng = random.Random(seed)
        self.seed = seed
        self.down = set()
        self.deaf = {"isp1": 0, "isp2": 0}
        self.count = collections.Counter()
        # Somebody else's: neither may ever change.
        l.ip("router", "route", "add", "203.0.114.0/24", "via", "10.0.0.2", "proto", "static")
        l.ip("router", "rule", "add", "pref", "700", "to", "203.0.115.0/24", "lookup", "70")
        l.ip("router", "route", "add", "blackhole", "default", "table", "70")
        self.base, steering = self.routes()
        assert not steering
        self.others = self.foreign()
        l.start("router", sys.executable, os.path.join(HERE, "..", "..", "examples", "adviser",
                "bad-adviser.py"), "--port", "18090", "--say", "hang", "--link", "wan1",
                stdout=open(os.devnull, "w"), stderr=open(os.devnull, "w"))
        self.watched = os.path.join(l.dir, "monitor")
        self.monitor = l.start("router", "ip", "-4", "-o", "monitor", "route",
                               stdout=open(self.watched, "w"))
        self.a = l.anod(CONF + REFLEXES)
        self.j = Journal(self.a.state)
        self.actions = {}  # transaction: its actions
        self.deleted = 0  # the last transaction whose reflex's route we have deleted
        self.ready = None
        self.host_deaths = 0
        self.pids = {}
        self.fds = self.rss = None
        self.grown = 0
        self.rss_max = self.rss_first = 0
        self.settle()

    # ---- what the kernel has ----

    def json(self, *what):
        """ip -j; ip(8) may complain of namespaces of others that vanish while it looks."""
        out = self.l.ip("router", "-4", "-N", "-j", *what)
        return json.loads(out[out.index("["):] if "[" in out else "[]")

    def routes(self):
        """(the router's own, anod's), of the main table."""
        own, ours = [], []
        for r in self.json("route", "show"):
            route = Route(r["dst"], r.get("gateway"), r["dev"], r.get("metric", 0))
            if route.dst == READY:
                self.ready = route
            else:
                (ours if str(r.get("protocol")) == "173" else own).append(route)
        return sorted(own, key=str), ours

    def switch(self):
        """Does the kernel pass over routes of wan0 without carrier?"""
        return self.l.do("router", "cat",
                         "/proc/sys/net/ipv4/conf/wan0/ignore_routes_with_linkdown").strip() == "1"

    def foreign(self):
        links = [[a["local"] for a in x["addr_info"]] for x in self.json("addr", "show")
                 if x.get("addr_info")]
        return (self.json("rule", "show"), self.json("route", "show", "table", "70"), links)

    def check_routes(self):
        self.ready = None
        own, ours = self.routes()
        assert self.ready in (None, Route(READY, "10.2.0.1", "wan1", 7)), self.ready
        assert own == self.base, "the router's own routes have changed"
        assert len(ours) <= 1, "two steering routes: %s" % ours
        for r in ours:
            assert r.dst == "default" and GATEWAYS[r.dev] == r.via, "strange route: %s" % (r,)
        return ours[0] if ours else None

    # ---- what the daemon did ----

    def learn(self):
        for o in self.a.ledger("decision"):
            self.actions[o["tx"]] = o["actions"]

    def expected(self):
        """The steering route that the committed transactions leave."""
        route = None
        for tx in self.j.committed():
            for text in self.actions[tx]:
                w = text.split()
                arg = dict(zip(w[1::2], w[2::2]))
                if arg.get("dst") == READY:
                    continue
                if w[0] == "route.replace":
                    route = Route("default", arg["via"], arg["dev"], int(arg["metric"]))
                elif w[0] == "route.del":
                    route = None
        return route

    def last(self, word):
        """The last transaction with this word in its actions, or None."""
        them = [tx for tx in self.j.kinds() if any(word in t for t in self.actions.get(tx, ()))]
        return max(them) if them else None

    def armed(self):
        """Transactions of reflexes that wait for their trigger, or have had it."""
        return {r["tx"] for r in self.a.ask("reflexes")["reflexes"]
                if r.get("tx") and r["state"] in ("armed", "refractory")}

    def check_reflexes(self, switch):
        tx = self.last("link.set")
        assert switch == bool(tx and self.j.stands(tx)), "the kernel's switch is %s, T%s: %s" % (
            switch, tx, tx and self.j.kinds()[tx])
        tx = self.last(READY)
        there = bool(tx and self.j.stands(tx) and tx > self.deleted)
        assert there == bool(self.ready), "the route of the reflex is %s, T%s: %s" % (
            self.ready, tx, tx and self.j.kinds()[tx])

    def quiet(self):
        """No transaction is open, and journal and kernel were read at one moment."""
        try:
            armed = self.armed() if self.a.proc.poll() is None else set()
        except (OSError, ValueError):
            return False
        before = self.j.read()
        route = self.check_routes()
        switch = self.switch()
        if self.j.read() != before or set(self.j.open()) - armed:
            return False
        self.learn()
        self.check_reflexes(switch)
        assert route == self.expected(), "the kernel has %s, the journal says %s" % (
            route, self.expected())
        return True

    # ---- rounds ----

    def fault(self):
        """Mostly such that the agent has to act: the way in use dies while the other lives."""
        what = self.rng.choice(["way"] * 4 + ["heal"] * 3 +
                               ["wan0", "wan1", "isp1", "isp2", "loss"])
        if what == "heal":
            self.heal()
        elif what == "way":
            way = self.l.way() or "wan0"
            self.heal()
            if self.rng.random() < 0.7:
                self.l.carrier(way, False)
                self.down.add(way)
                what = "%s down" % way
            else:
                isp = "isp1" if way == "wan0" else "isp2"
                self.deaf[isp] = 100
                self.l.loss(isp, 100)
                what = "%s deaf" % isp
        elif what.startswith("wan"):
            up = what in self.down
            self.l.carrier(what, up)
            (self.down.discard if up else self.down.add)(what)
            what += " up" if up else " down"
        else:
            isp = what if what != "loss" else self.rng.choice(["isp1", "isp2"])
            self.deaf[isp] = 0 if self.deaf[isp] else 100 if what != "loss" else 25
            self.l.loss(isp, self.deaf[isp])
            what = "%s loses %d %%" % (isp, self.deaf[isp])
        return what

    def heal(self):
        for wan in sorted(self.down):
            self.l.carrier(wan, True)
        self.down.clear()
        for isp in self.deaf:
            self.deaf[isp] = 0
            self.l.loss(isp, 0)

    def moment(self):
        """Wait for the moment of a kill: often shortly after something was written down."""
        if self.rng.random() < 0.25:
            time.sleep(self.rng.random() ** 2 * 0.8)
            return
        size, end = self.j.size(), time.monotonic() + 1.2
        records = self.rng.choice([1, 1, 2, 3, 4, 5])
        for _ in range(records):
            while self.j.size() == size and time.monotonic() < end:
                time.sleep(0.0002)
            size = self.j.size()
        time.sleep(self.rng.random() * 0.004)

    def stop(self, names):
        """SIGSTOP to some; the pids of those."""
        pids = [self.pids[n] for n in names if self.pids.get(n) and alive(self.pids[n])]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(self.rng.random() ** 2 * 0.3)
        return pids

    def go_on(self, pids):
        for pid in pids:
            try:
                os.kill(pid, signal.SIGCONT)
            except ProcessLookupError:
                pass

    def kill(self, names):
        """SIGKILL to each that runs; the names of those."""
        hit = []
        for n in names:
            pid = self.pids.get(n)
            if n == "infer" and not pid:
                continue
            if pid and alive(pid):
                os.kill(pid, signal.SIGKILL)
                hit.append(n)
        lab.wait("they are dead", lambda: not [n for n in hit if alive(self.pids[n])], 10, 0.001)
        return hit

    def settle(self):
        """Wait until the daemon is whole and quiet."""
        a = self.a

        def whole():
            a._ready()
            p = a.pids()
            return all(n in p and alive(p[n]) for n in VICTIMS[:-1]) and p
        self.pids = lab.wait("all processes run", whole, 20 * SLOW)
        lab.wait("no transaction is open", self.quiet, 30 * SLOW)

    def measure(self, fresh):
        """Descriptors come back to what they were; memory stays in bounds."""
        host = self.pids["host"]

        def held():
            n = 0
            for fd in os.listdir("/proc/%d/fd" % host):
                try:
                    name = os.readlink("/proc/%d/fd/%s" % (host, fd))
                except OSError:
                    continue
                # Sensors keep the files that they have read once, a fixed list.
                n += not name.startswith(("/proc/", "/sys/"))
            return n

        def fds():
            # Inference holds a channel and a pidfd while it runs.
            more = 2 if "infer" in self.a.pids() else 0
            n = []
            for _ in range(5):  # our own question's connection is still being closed
                n.append(held())
                time.sleep(0.005)
            return min(n) - more

        # Some are opened only when the first probes are sent and the first question is asked.
        self.grown = 2 if fresh or self.fds is None else self.grown - 1
        if self.grown >= 0:
            self.fds = max(0 if fresh else self.fds or 0, fds())
        try:
            lab.wait("descriptors are given back", lambda: fds() <= self.fds, 10 * SLOW)
        except RuntimeError as e:
            names = [os.readlink("/proc/%d/fd/%s" % (host, f))
                     for f in os.listdir("/proc/%d/fd" % host)]
            raise AssertionError("%s: had %d, now %s" % (e, self.fds, sorted(names)))
        with open("/proc/%d/status" % host) as f:
            kib = int([x for x in f if x.startswith("VmRSS")][0].split()[1])
        self.rss_first = self.rss_first or kib
        self.rss_max = max(self.rss_max, kib)
        assert SLOW > 1 or kib < self.rss_first + 8192, "the host grew from %d to %d KiB" % (
            self.rss_first, kib)

    def round(self, n, host_too=True):
        pool = VICTIMS if host_too else VICTIMS[1:]
        names = self.rng.sample(pool, self.rng.choice([1, 1, 1, 2, 3]))
        if host_too and self.rng.random() < 0.2:
            names = list(dict.fromkeys(names + ["host"]))
        self.pids = self.a.pids()  # inference comes and goes
        what = self.fault()
        self.moment()
        stopped = []
        if self.rng.random() < 0.25:
            who = self.rng.sample(VICTIMS[:3], self.rng.choice([1, 1, 2]))
            stopped = self.stop(who)
            self.count["stopped"] += len(stopped)
            if self.rng.random() < 0.5:
                self.go_on(stopped)  # and die a moment later
        if host_too and "host" in names and self.rng.random() < 0.25:
            self.go_on(stopped)
            names.remove("host")
            hit = self.kill(names) + ["restart"]
            self.a.proc.send_signal(signal.SIGTERM)
            self.a.proc.wait(20 * SLOW)
        else:
            hit = self.kill(names)
            self.go_on(stopped)
        self.j.read()
        open_then = len(self.j.open())
        old = dict(self.pids)
        dead = "host" in hit or "restart" in hit
        self.host_deaths += dead
        if dead:
            self.a.proc.wait()
            if "guardian" in old and "host" in hit and "guardian" not in hit and \
                    self.rng.random() < 0.5:
                # Alone, the guardian puts everything back before the next host is there.
                lab.wait("the guardian ends", lambda: not alive(old["guardian"]), 15 * SLOW)
                self.check_routes()
            while self.rng.random() < 0.3:  # again, while it starts and recovers
                self.a.spawn()
                time.sleep(self.rng.random() * 0.12 * SLOW)
                self.a.kill()
                self.host_deaths += 1
                hit.append("start")
            self.a.up()
        self.settle()
        if dead:
            lab.wait("nothing of the dead daemon runs", self.alone, 15 * SLOW)
        assert self.foreign() == self.others, "objects of others have changed"
        self.measure(dead)
        if self.ready:  # as an operator would, so that the reflex is armed again
            self.deleted = self.last(READY)
            self.l.ip("router", "route", "del", READY, "metric", "7")
        for h in hit:
            self.count[h] += 1
        self.count["in a transaction"] += bool(open_then)
        print("%4d  %-20s kill %-30s open %d  %s" % (
            n, what, ",".join(hit) or "-", open_then, self.check_routes() or "no steering"),
            flush=True)

    def check_records(self, last=False):
        """'last': nothing may be open any more."""
        self.j.read()
        ends = collections.Counter(o["tx"] for o in self.a.ledger("tx") if "transaction" in o)
        twice = [tx for tx, n in ends.items() if n > 1]
        assert not twice, "the ledger tells two ends of %s" % twice
        for tx, kinds in self.j.kinds().items():
            n = sum(k >= Journal.TERMINAL for k in kinds)
            if n == 0 and self.j.turned_over and tx in ends:
                continue  # ended between our last look and the new file
            assert n == 1 or (n == 0 and not last), "T%d has %d terminal records: %s" % (
                tx, n, kinds)
        self.check_budget()
        self.count["transactions"] = len(self.j.kinds())
        self.count["end not told"] = len([tx for tx in self.j.kinds() if tx not in ends])
        out = self.a.ctl("ledger", "verify", "--state", self.a.state)
        assert "good" in out, out

    def check_budget(self):
        """Charged before INTENT; of ready bytes when they fire.  A death may come in between."""
        with open(os.path.join(self.a.state, "budgets.json")) as f:
            uses = [u for u in json.load(f)["uses"] if u["use"] == "charge"]
        self.learn()
        ready = [tx for tx in self.j.kinds() if any(READY in t for t in self.actions.get(tx, ()))]
        fired = [tx for tx in ready if 2 in self.j.kinds()[tx]]
        plain = len(self.j.kinds()) - len(ready)
        low, high = plain, plain + len(fired) + self.host_deaths
        assert low <= len(uses) <= high, "%d charges for %d transactions, %d fired, %d deaths" % (
            len(uses), plain, len(fired), self.host_deaths)
        self.count["charges"], self.count["fired"] = len(uses), len(fired)

    def check_monitor(self):
        """Every route that ever came or went was a steering route."""
        with open(self.watched) as f:
            for line in f:
                words = line.split()
                assert ("default" in words[:2] or READY in words[:2]) and (
                    "proto 173" in line or "proto anod" in line), "seen: " + line

    def end(self):
        self.heal()
        self.settle()
        # So that the guardian is not handed over to nobody.
        self.a.write(CONF)
        self.a.ctl("reload")
        lab.wait("the reflexes are disarmed", lambda: not self.armed() and self.quiet(), 20 * SLOW)
        pids = self.a.pids()
        assert self.a.stop() == 0
        lab.wait("all processes have ended", lambda: not self.daemons() and not [
            p for p in pids.values() if alive(p)], 15 * SLOW)
        assert self.quiet()
        self.check_records(last=True)
        self.check_monitor()

    def daemons(self):
        """Pids of all that anod has in the router's namespace."""
        out = set()
        for pid in self.l.ip("router", "netns", "pids", self.l.ns("router")).split():
            try:
                with open("/proc/%s/cmdline" % pid) as f:
                    name = os.path.basename(f.read().split("\0")[0])
            except OSError:
                continue
            if name.startswith("anod") and alive(int(pid)):
                out.add(int(pid))
        return out

    def alone(self):
        return self.daemons() <= set(self.a.pids().values())


def chaos(rounds, seed, calm):
    """'calm': so many of the rounds, at the end, let the host live and watch it grow."""
    seed = int(os.environ.get("SEED") or seed or time.time_ns() % 10**9)
    with lab.Lab() as l:
        c = Chaos(l, seed)
        print("\nseed %d, %d rounds" % (seed, rounds))
        start = time.monotonic()
        try:
            for n in range(1, rounds + 1):
                c.round(n, n <= rounds - calm)
                if n % 50 == 0:
                    c.check_records()
            c.end()
        except BaseException:
            print("seed %d failed; the daemon's last lines:\n%s" % (seed, c.a.tail(60)))
            keep = os.environ.get("KEEP")
            if keep:
                lab.run("cp", "-a", l.dir, keep)
            raise
        print("%d rounds in %.0f s, seed %d: %s; host %d KiB at first, %d at most" % (
            rounds, time.monotonic() - start, seed,
            ", ".join("%s %d" % x for x in sorted(c.count.items())), c.rss_first, c.rss_max))
        print("count " + json.dumps(c.count))
        tag = l.tag
    assert tag + "-" not in lab.run("ip", "netns", "list")


def side_by_side(rounds, jobs, chunk=250):
    """Many labs, so many at a time; each of 'chunk' rounds with a seed of its own."""
    seed = int(os.environ.get("SEED") or time.time_ns() % 10**9)
    left = [(min(chunk, rounds - at), seed + at) for at in range(0, rounds, chunk)]
    running, failed, start = [], [], time.monotonic()
    total = collections.Counter()
    while left or running:
        while left and len(running) < jobs:
            n, s = left.pop(0)
            running.append((n, s, subprocess.Popen(
                [sys.executable, "-B", os.path.abspath(__file__), str(n), str(s)],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                env={k: v for k, v in os.environ.items() if k != "JOBS"})))
        n, s, p = running.pop(0)
        out = p.communicate()[0]
        lines = [x for x in out.splitlines() if x.startswith("count ")]
        if p.returncode or not lines:
            failed.append(s)
            print(out)
        else:
            total.update(json.loads(lines[-1][6:]))
        total["rounds"] += n
        print("%d rounds in %.0f s, %.0f a minute, failed seeds %s: %s" % (
            total["rounds"], time.monotonic() - start,
            total["rounds"] * 60 / (time.monotonic() - start), failed or "none",
            ", ".join("%s %d" % x for x in sorted(total.items()))), flush=True)
    assert not failed, failed


def test_a_kill_at_any_moment_leaves_before_or_after():
    chaos(10, 11, 0)


@pytest.mark.long
def test_five_hundred_kills():
    chaos(500, None, 40)


@pytest.mark.long
@pytest.mark.skipif(not os.environ.get("ROUNDS"), reason="ROUNDS=10000 JOBS=4")
def test_kills_side_by_side():
    side_by_side(int(os.environ["ROUNDS"]), int(os.environ.get("JOBS") or 2))


if __name__ == "__main__":
    if os.environ.get("JOBS"):
        side_by_side(int(sys.argv[1]), int(os.environ["JOBS"]))
    else:
        os.environ.pop("ROUNDS", None)
        os.environ["SEED"] = sys.argv[2] if len(sys.argv) > 2 else ""
        chaos(int(sys.argv[1]), None, 0)
