"""chaos - kill -9 of any process at any moment, under continuous faults.

Each round changes a fault, kills one or several of the daemon's processes at a random moment,
and checks what must hold whatever happened:

  - the router has its own routes, at most one steering route via a known gateway, nothing else;
  - with no transaction open, that steering route is exactly what the committed ones left;
  - every INTENT of the journal gets exactly one terminal record, the ledger tells at most one end;
  - the ledger's chain is whole;
  - no process of a dead daemon stays, no descriptor and no memory is lost in a living one.

SEED=N repeats the choices of a run (the moments are the machine's).  ROUNDS=N sets the length.
"""
import collections
import json
import os
import random
import signal
import struct
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
agent uplink { uplinks wan0, wan1  probe 192.0.2.1, 198.51.100.1 every 50ms  clean 600ms }
agent triage { }
endpoint adviser { provider openai  url "http://127.0.0.1:18090/v1"  model "none"
                   tier small  timeout 2s }
permit "steer" {
    agent   uplink
    action  route.replace, route.del
    on      uplinks
    level   auto
    verify  within 2s
    confirm after 300ms
}
"""
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

    MAGIC, SLOT, TERMINAL, INTENT, COMMIT = 0x4a444e41, 512, 16, 1, 4

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
        self.a = l.anod(CONF)
        self.j = Journal(self.a.state)
        self.actions = {}  # transaction: its actions
        self.pids = {}
        self.fds = self.rss = None
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
            (ours if str(r.get("protocol")) == "173" else own).append(route)
        return sorted(own, key=str), ours

    def foreign(self):
        links = [[a["local"] for a in x["addr_info"]] for x in self.json("addr", "show")
                 if x.get("addr_info")]
        return (self.json("rule", "show"), self.json("route", "show", "table", "70"), links)

    def check_routes(self):
        own, ours = self.routes()
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
                if w[0] == "route.replace":
                    route = Route("default", arg["via"], arg["dev"], int(arg["metric"]))
                elif w[0] == "route.del":
                    route = None
        return route

    def quiet(self):
        """No transaction is open, and journal and kernel were read at one moment."""
        before = self.j.read()
        route = self.check_routes()
        if self.j.read() != before or self.j.open():
            return False
        self.learn()
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

        def fds():
            # Inference holds a channel and a pidfd while it runs.
            more = 2 if "infer" in self.a.pids() else 0
            n = []
            for _ in range(5):  # our own question's connection is still being closed
                n.append(len(os.listdir("/proc/%d/fd" % host)))
                time.sleep(0.005)
            return min(n) - more

        if fresh or self.fds is None:
            self.fds = fds()
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
        hit = self.kill(names)
        self.j.read()
        open_then = len(self.j.open())
        old = dict(self.pids)
        if "host" in hit:
            self.a.proc.wait()
            if "guardian" in old and "guardian" not in hit and self.rng.random() < 0.5:
                # Alone, the guardian puts everything back before the next host is there.
                lab.wait("the guardian ends", lambda: not alive(old["guardian"]), 15 * SLOW)
                self.check_routes()
            while self.rng.random() < 0.3:  # again, while it starts and recovers
                self.a.spawn()
                time.sleep(self.rng.random() * 0.12 * SLOW)
                self.a.kill()
                hit.append("start")
            self.a.up()
        self.settle()
        if "host" in hit:
            lab.wait("nothing of the dead daemon runs", self.alone, 15 * SLOW)
        assert self.foreign() == self.others, "objects of others have changed"
        self.measure("host" in hit)
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
        self.count["transactions"] = len(self.j.kinds())
        self.count["end not told"] = len([tx for tx in self.j.kinds() if tx not in ends])
        out = self.a.ctl("ledger", "verify", "--state", self.a.state)
        assert "good" in out, out

    def check_monitor(self):
        """Every route that ever came or went was a steering route."""
        with open(self.watched) as f:
            for line in f:
                words = line.split()
                assert "default" in words[:2] and (
                    "proto 173" in line or "proto anod" in line), "seen: " + line

    def end(self):
        self.heal()
        self.settle()
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
    rounds = int(os.environ.get("ROUNDS") or rounds)
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
        tag = l.tag
    assert tag + "-" not in lab.run("ip", "netns", "list")


def test_a_kill_at_any_moment_leaves_before_or_after():
    chaos(10, 11, 0)


@pytest.mark.long
def test_five_hundred_kills():
    chaos(500, None, 40)
