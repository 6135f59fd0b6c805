"""sensors - what all sensors together cost on a router with 64 ports: CPU time and memory of the host.

Three daemons watch the same router at the same time, so that all find the same caches and the same
other work on the machine:

    anod-before     with the plugins that there were before these sensors (BEFORE)
    anod-idle       with all plugins, and nobody who uses what the new ones read
    anod-all        with all plugins, and an agent for each kind of fact that reads all its numbers

Figures are of the host process, which is where sensors run: CPU time by the scheduler's count of
all its threads over SECONDS; memory as the pages that it alone has written (private) and as all
that is resident. The history of facts has a budget of its own, which is the same in all three.
"more" is against anod-before. The router has PORTS ports (veth pairs with an address, a queue and
four neighbours each), CONNECTIONS TCP connections, as many flows in the connection table, BIRD with
ROUTES routes, and light traffic. The shares of sensors are what the daemon says of itself
(sensor.share). PEERS=1: node_exporter and collectd with their default plugins, read each second.
"""
import os
import shutil
import subprocess
import sys
import time

import lab as labs
import peers
import upkeep

PORTS, CONNECTIONS, ROUTES = 64, 200, 500
SECONDS = float(os.environ.get("SECONDS") or 60)
SETTLE = 15
BEFORE = ("act_rtnl", "counters", "flap", "openai", "probe", "rtnl", "triage", "uplink")
TARGET_PERMILLE, TARGET_KIB = 10, 2048
BASE = """policy "bench" revision 1
damping off
brake off
link p0 { role uplink }
link p1 { role uplink }
history { memory 1MiB }
sensor bird { socket "%s" }
"""
BIRD = """router id 10.100.0.1;
protocol device { scan time 10; }
protocol kernel { ipv4 { export all; }; metric 50; }
protocol static { ipv4;
%s
}
"""
TCP = """
import socket, sys, time
n, listen = int(sys.argv[1]), sys.argv[2] == "listen"
if listen:
    s = socket.create_server(("0.0.0.0", 7001), backlog=1000)
    held = []
    print("ready", flush=True)
    while True:
        held.append(s.accept()[0])
else:
    held = [socket.create_connection(("10.100.%d.2" % (i % 64), 7001)) for i in range(n)]
    print("ready", flush=True)
    while True:
        for c in held:
            c.send(b"x" * 200)
        time.sleep(1)
"""
TRACK = """table ip bench {
  chain c {
    type filter hook prerouting priority 0;
    ct state new counter
  }
}
"""


class Router(labs.Lab):
    """Ports p0... of "router", each wired to "far"."""

    names = ("router", "far")

    def _build(self):
        for name in self.names:
            labs.run("ip", "netns", "add", self.ns(name))
            self.ip(name, "link", "set", "lo", "up")
            self.do(name, "sysctl", "-qw", "net.ipv4.ip_forward=1")
        router, far = [], []
        for i in range(PORTS):
            router += ["link add p%d type veth peer name f%d netns %s" % (i, i, self.ns("far")),
                       "addr add 10.100.%d.1/24 dev p%d" % (i, i), "link set p%d up" % i]
            router += ["neigh add 10.100.%d.%d lladdr 02:00:00:00:%02x:%02x dev p%d" %
                       (i, 10 + k, i, k, i) for k in range(4)]
            far += ["addr add 10.100.%d.2/24 dev f%d" % (i, i), "link set f%d up" % i]
        self.ip("router", "-batch", "-", stdin="\n".join(router) + "\n")
        self.ip("far", "-batch", "-", stdin="\n".join(far) + "\n")
        queues = []
        for i in range(PORTS):
            queues += ["qdisc add dev p%d root handle 1: htb default 1" % i,
                       "class add dev p%d parent 1: classid 1:1 htb rate 100mbit" % i]
        labs.run("tc", "-n", self.ns("router"), "-batch", "-", stdin="\n".join(queues) + "\n")
        self.do("router", "nft", "-f", "-", stdin=TRACK)

    def busy(self):
        """Connections, and BIRD; its socket, or None."""
        for ns, word in (("far", "listen"), ("router", "connect")):
            p = self.start(ns, sys.executable, "-c", TCP, CONNECTIONS, word, text=True,
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
            if p.stdout.readline() != "ready\n":
                raise RuntimeError("no connections")
        path = os.path.join(self.dir, "bird.ctl")
        if os.path.exists(peers.PROGRAM["bird"]):
            conf = os.path.join(self.dir, "bird.conf")
            with open(conf, "w") as f:
                f.write(BIRD % "\n".join("    route 10.%d.%d.0/24 via 10.100.%d.2;" % (
                    150 + i // 250, i % 250, i % PORTS) for i in range(ROUTES)))
            self.start("router", peers.PROGRAM["bird"], "-f", "-c", conf, "-s", path,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
            labs.wait("BIRD listens", lambda: os.path.exists(path))
        return path


def few_plugins(lab):
    """A folder with the plugins of before; its name."""
    folder = os.path.join(lab.dir, "before")
    os.mkdir(folder)
    for name in BEFORE:
        source, copy = (os.path.join(x, name + ".so") for x in (
            os.path.join(labs.BUILD, "plugins"), folder))
        try:
            os.link(source, copy)  # a symbolic link is refused, and a copy shares no pages
        except OSError:
            shutil.copy(source, copy)
    return folder


def everything(a, folder):
    """Configuration of readers: one for each kind of a sensor, that looks at all its numbers."""
    keep = []
    for kind in a.ask("schema")["kinds"]:
        for attr in kind["attrs"]:
            if attr["type"] in ("int", "bool", "real") and attr["source"] != "core":
                keep.append("%s.%s" % (kind["kind"], attr["attr"]))
    return "history { memory 1MiB  keep %s }\n" % ", ".join(keep)


def private_kib(pid):
    """Memory that is its own (dirty), and all that is resident, code and libraries, too; KiB."""
    private = rss = 0
    with open("/proc/%d/smaps_rollup" % pid) as f:
        for line in f:
            word = line.split()
            if word[0] == "Private_Dirty:":
                private += int(word[1])
            elif word[0] == "Rss:":
                rss += int(word[1])
    return private, rss


def shares(a, out, case):
    """What the daemon says of its own sensors."""
    for f in a.ask("facts", pattern="sensor/*.share")["facts"]:
        if f["raw"] is not None and f["raw"] >= 0.00001:
            out.add("sensors", case, f["entity"], "permille of a core", f["raw"] * 1000)


def daemons(lab, out, socket):
    whos = ("anod-before", "anod-idle", "anod-all")
    base = BASE % socket
    started = [lab.anod(base.split("sensor bird")[0], name=whos[0],
                        args=["--plugins", few_plugins(lab)]),
               lab.anod(base, name=whos[1])]
    started.append(lab.anod(base.replace("history { memory 1MiB }", "") + everything(started[1], lab.dir), name=whos[2]))
    pids = [a.pids()["host"] for a in started]
    time.sleep(SETTLE)
    before, start = [upkeep.cpu_ns([p]) for p in pids], time.monotonic()
    time.sleep(SECONDS)
    passed = time.monotonic() - start
    cpu = [(upkeep.cpu_ns([p]) - b) / passed / 1e6 for p, b in zip(pids, before)]
    try:
        kib = [private_kib(p) for p in pids]
    except OSError:
        raise RuntimeError("\n".join(a.tail(8) for a in started))
    for who, c, (private, rss) in zip(whos, cpu, kib):
        out.add("sensors", "cpu", who, "permille of a core", c)
        out.add("sensors", "private", who, "KiB", private)
        out.add("sensors", "resident", who, "KiB", rss)
    shares(started[1], out, "share-idle")
    shares(started[2], out, "share-all")
    for who, c, (private, _) in list(zip(whos, cpu, kib))[1:]:
        more, kb = c - cpu[0], private - kib[0][0]
        out.add("sensors", "cpu-more", who, "permille of a core", more)
        out.add("sensors", "private-more", who, "KiB", kb)
        out.note("sensors, %s: %+.2f permille of a core (target %d: %s), %+d KiB (target %d: %s)" % (
            who, more, TARGET_PERMILLE, "kept" if more <= TARGET_PERMILLE else "MISSED", kb,
            TARGET_KIB, "kept" if kb <= TARGET_KIB else "MISSED"))
    for a in started:
        a.stop()


def exporter(lab, out):
    """node_exporter with its default collectors, asked each second."""
    p = lab.start("router", peers.PROGRAM["node-exporter"], "--web.listen-address=127.0.0.1:9178",
                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    labs.wait("node_exporter listens",
              lambda: ":9178 " in lab.do("router", "ss", "-ltnH") + " ")
    reader = lab.start("router", sys.executable, "-c", """
import time, urllib.request
while True:
    urllib.request.urlopen("http://127.0.0.1:9178/metrics", timeout=60).read()
    time.sleep(1)
""", stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    measured(out, "node-exporter", upkeep.children(p.pid))
    for q in (reader, p):
        q.terminate()
        q.wait(10)


def measured(out, who, pids):
    time.sleep(5)
    before, start = upkeep.cpu_ns(pids), time.monotonic()
    time.sleep(min(SECONDS, 20))
    out.add("sensors", "cpu", who, "permille of a core",
            (upkeep.cpu_ns(pids) - before) / (time.monotonic() - start) / 1e6)
    out.add("sensors", "private", who, "KiB", sum(private_kib(p)[0] for p in pids))


def run(out, with_peers):
    others = peers.available(["node-exporter", "collectd"], out) if with_peers else []
    peers.available(["bird"], out)
    with Router() as lab:
        socket = lab.busy()
        daemons(lab, out, socket)
        if "node-exporter" in others:
            exporter(lab, out)
        if "collectd" in others:
            procs = peers.start(lab, "collectd", idle=True)
            measured(out, "collectd", [q for p in procs for q in upkeep.children(p.pid)])
