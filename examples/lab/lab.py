"""lab - a router with two providers, made of network namespaces.

    client --- lan0 [router] wan0 --- isp1        192.0.2.1, 198.51.100.1 and 203.0.113.1
                             wan1 --- isp2        exist behind either provider

Used by the demo, the lab tests and anybody who wants to try a policy. Needs root, iproute2 and
Python 3. Everything carries a tag of its own, so labs can run side by side; close() (or leaving
the with-block, or the end of the program) removes what was made and ends what was started.
"""
import atexit
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get("BUILD") or os.path.join(TOP, "build")
if not os.path.isabs(BUILD):
    BUILD = os.path.join(TOP, BUILD)
TARGETS = ["192.0.2.1", "198.51.100.1"]
SERVER = "203.0.113.1"
SLOW = 1  # times that conditions may take longer, on an emulated processor


def run(*cmd, check=True, stdin=None):
    """Run a command to its end; its output as text."""
    p = subprocess.run([str(c) for c in cmd], input=stdin, text=True, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT)
    if check and p.returncode:
        raise RuntimeError("%s: %s" % (" ".join(str(c) for c in cmd), p.stdout.strip()))
    return p.stdout


def wait(what, condition, timeout=20.0, step=0.02):
    """Wait until condition() is true and return its value; RuntimeError after 'timeout' seconds."""
    end = time.monotonic() + timeout * SLOW
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise RuntimeError("waited %g s in vain: %s" % (timeout, what))
        time.sleep(step)


class Lab:
    """The namespaces and what runs in them."""

    names = ("client", "router", "isp1", "isp2")

    def __init__(self, tag=None):
        self.tag = tag or "an%d" % os.getpid()
        self.dir = tempfile.mkdtemp(prefix="anod-lab-")
        self.procs = []
        self.closed = False
        atexit.register(self.close)
        try:
            self._build()
        except BaseException:
            self.close()
            raise

    @classmethod
    def of(cls, tag):
        """A lab that another process has made, and will remove."""
        made = cls.__new__(cls)
        made.tag, made.dir, made.procs, made.closed = tag, None, [], True
        return made

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # ---- namespaces ----

    def ns(self, name):
        return "%s-%s" % (self.tag, name)

    def ip(self, ns, *args, **kw):
        return run("ip", "-n", self.ns(ns), *args, **kw)

    def do(self, ns, *cmd, **kw):
        return run("ip", "netns", "exec", self.ns(ns), *cmd, **kw)

    def start(self, ns, *cmd, **kw):
        """Start a program in a namespace; it ends with the lab at the latest."""
        p = subprocess.Popen(["ip", "netns", "exec", self.ns(ns)] + [str(c) for c in cmd], **kw)
        self.procs.append(p)
        return p

    def _veth(self, ns1, dev1, ns2, dev2):
        run("ip", "-n", self.ns(ns1), "link", "add", dev1, "type", "veth", "peer", "name", dev2,
            "netns", self.ns(ns2))
        for ns, dev in ((ns1, dev1), (ns2, dev2)):
            self.ip(ns, "link", "set", dev, "up")

    def _build(self):
        for name in self.names:
            run("ip", "netns", "add", self.ns(name))
            self.ip(name, "link", "set", "lo", "up")
            self.do(name, "sysctl", "-qw", "net.ipv4.conf.all.rp_filter=0",
                    "net.ipv4.conf.default.rp_filter=0", "net.ipv4.ip_forward=1",
                    "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1")
        self._veth("router", "lan0", "client", "eth0")
        self._veth("router", "wan0", "isp1", "r")
        self._veth("router", "wan1", "isp2", "r")
        self.ip("client", "addr", "add", "10.0.0.2/24", "dev", "eth0")
        self.ip("client", "route", "add", "default", "via", "10.0.0.1")
        self.ip("router", "addr", "add", "10.0.0.1/24", "dev", "lan0")
        for n, isp in ((1, "isp1"), (2, "isp2")):
            wan = "wan%d" % (n - 1)
            self.ip("router", "addr", "add", "10.%d.0.2/30" % n, "dev", wan)
            self.ip(isp, "addr", "add", "10.%d.0.1/30" % n, "dev", "r")
            self.ip(isp, "route", "add", "10.0.0.0/24", "via", "10.%d.0.2" % n)
            for a in TARGETS + [SERVER]:
                self.ip(isp, "addr", "add", a + "/32", "dev", "lo")
            self.ip("router", "route", "add", "default", "via", "10.%d.0.1" % n, "dev", wan,
                    "metric", str(100 * n))

    # ---- faults; each returns what undoes it ----

    def carrier(self, wan, up):
        """Pull or plug the far end of wan0 or wan1: the router sees its carrier."""
        self.ip("isp1" if wan == "wan0" else "isp2", "link", "set", "r", "up" if up else "down")
        if up:  # the far end lost its route with the link
            n = 1 if wan == "wan0" else 2
            self.ip("isp%d" % n, "route", "replace", "10.0.0.0/24", "via", "10.%d.0.2" % n)

    def loss(self, isp, percent):
        """Lose a share of all packets that a provider gets from the router; 0 ends it."""
        self.do(isp, "nft", "delete", "table", "ip", "gray", check=False)
        if percent:
            some = "numgen random mod 1000 < %d" % int(percent * 10) if percent < 100 else ""
            self.do(isp, "nft", "-f", "-", stdin="""table ip gray {
  chain pre {
    type filter hook prerouting priority -300;
    iifname "r" %s counter drop
  }
}
""" % some)

    # ---- anod ----

    def anod(self, config=None, name="anod", **kw):
        return Anod(self, config, name, **kw)

    def close(self):
        if self.closed:
            return
        self.closed = True
        for p in reversed(self.procs):
            if p.poll() is None:
                p.terminate()
        for p in self.procs:
            try:
                p.wait(5)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()
        for name in self.names:
            # What was left behind by a killed daemon (its guardian ends by itself, soon).
            out = run("ip", "netns", "pids", self.ns(name), check=False)
            for pid in out.split():
                if pid.isdigit():
                    try:
                        os.kill(int(pid), signal.SIGKILL)
                    except ProcessLookupError:
                        pass
            run("ip", "netns", "del", self.ns(name), check=False)
        shutil.rmtree(self.dir, ignore_errors=True)

    # ---- what the kernel says ----

    def routes(self, ns="router", *more):
        return self.ip(ns, "-4", "route", "show", *more)

    def way(self, dst=SERVER, ns="router"):
        """The interface that the router would use for 'dst'."""
        words = self.ip(ns, "route", "get", dst, check=False).split()
        return words[words.index("dev") + 1] if "dev" in words else None


class Anod:
    """A daemon in the router's namespace, or in another one."""

    def __init__(self, lab, config=None, name="anod", args=(), agents=True, under=(), ns="router"):
        """'under': the words of a program that runs it, such as valgrind."""
        self.lab, self.name, self.under, self.ns = lab, name, list(under), ns
        self.agents = agents  # wait for them: not for those that are meant to crash
        self.state = os.path.join(lab.dir, name + ".state")
        self.rundir = os.path.join(lab.dir, name + ".run")
        self.log = os.path.join(lab.dir, name + ".log")
        self.config = None
        self.args = list(args)
        if config is not None:
            self.config = os.path.join(lab.dir, name + ".conf")
            self.write(config)
        self.proc = None
        self.up()

    def write(self, config):
        with open(self.config, "w") as f:
            f.write(config)

    def spawn(self):
        """Start the daemon, and do not wait for it."""
        cmd = self.under + [os.path.join(BUILD, "anod"), "run", "--state", self.state,
                            "--run", self.rundir]
        cmd += ["-c", self.config] if self.config else []
        with open(self.log, "a") as log:
            self.proc = self.lab.start(self.ns, *cmd, *self.args, stdout=log, stderr=log,
                                       stdin=subprocess.DEVNULL)

    def up(self):
        self.spawn()
        try:
            wait("anod answers", self._ready, 60 if self.under else 20)
        except RuntimeError as e:
            raise RuntimeError("%s\n%s" % (e, self.tail()))
        return self

    def _ready(self):
        if self.proc.poll() is not None:
            raise RuntimeError("anod ended with status %s" % self.proc.returncode)
        try:
            agents = self.ask("agents")["agents"]
        except (OSError, ValueError):
            return False
        return not self.agents or all(a["state"] in ("running", "failed") for a in agents)

    def tail(self, n=30):
        with open(self.log) as f:
            return "".join(f.readlines()[-n:])

    def ask(self, command, **args):
        """Ask over the control socket; the data, or ValueError with the daemon's words."""
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(10)
        with s:
            s.connect(os.path.join(self.rundir, "anod.sock"))
            s.sendall(json.dumps({"id": 1, "command": command, "args": args}).encode() + b"\n")
            answer = b""
            while not answer.endswith(b"\n"):
                part = s.recv(65536)
                if not part:
                    raise OSError("closed")
                answer += part
        answer = json.loads(answer)
        if not answer["ok"]:
            raise ValueError(answer["error"])
        return answer["data"]

    def ctl(self, *args, check=True):
        """Run anodctl as a person would; its text."""
        return self.lab.do(self.ns, os.path.join(BUILD, "anodctl"), "--socket",
                           os.path.join(self.rundir, "anod.sock"), *args, check=check)

    def code(self, tx):
        """The code of the plan that transaction 'tx' waits to have signed, or None: there is none."""
        plan = self.ask("show", id="T%d" % tx)["transaction"].get("plan")
        return plan and plan.get("code")

    def approve(self, tx, check=True):
        """Look at the plan and sign it, as a person would; the text of anodctl."""
        return self.ctl("approve", "T%d" % tx, self.code(tx) or "", check=check)

    def pids(self):
        """Process ids by name; a cell also as "cell AGENT", the last one as "cell"."""
        out = {}
        for p in self.ask("status")["processes"]:
            out[p["name"]] = p["pid"]
            if "agent" in p:
                out["cell " + p["agent"]] = p["pid"]
        return out

    def agent(self, name):
        return [a for a in self.ask("agents")["agents"] if a["name"] == name][0]

    def logged(self, *words):
        """Is there a line in the log that has all of the words?"""
        with open(self.log) as f:
            return any(all(w in line for w in words) for line in f)

    def states(self, tx=None):
        """The states that a transaction (or any) was said to be in, in order."""
        return [o["state"] for o in self.ledger("tx") if tx in (None, o["tx"])]

    def fact(self, path):
        kind, rest = path.split("/", 1)
        entity, attr = rest.rsplit(".", 1)
        for f in self.ask("facts", pattern=path)["facts"]:
            if (f["kind"], f["entity"], f["attr"]) == (kind, entity, attr):
                return f["raw"]
        return None

    def incidents(self, all=True):
        return self.ask("incidents", all=all)["incidents"]

    def ledger(self, kind=None):
        """The ledger's lines, oldest first."""
        out = []
        path = os.path.join(self.state, "ledger.jsonl")
        if os.path.exists(path):
            with open(path) as f:
                text = f.read()
            # A line may be on its way: what is behind the last end of line does not count yet.
            for line in text[:text.rfind("\n") + 1].split("\n")[:-1]:
                o = json.loads(line)
                if kind is None or o["kind"] == kind:
                    out.append(o)
        return out

    def final(self, agent=None):
        """Final states of transactions from the ledger: {number: line}."""
        return {o["tx"]: o for o in self.ledger("tx")
                if "transaction" in o and (agent is None or o["agent"] == agent)}

    def stop(self):
        if self.proc.poll() is None:
            # The namespace wrapper execs, so this is the daemon itself.
            self.proc.terminate()
            self.proc.wait(60 if self.under else 10)
        return self.proc.returncode

    def kill(self):
        self.proc.kill()
        self.proc.wait()


class Stream:
    """Packets from the client to the server, one a millisecond, echoed by whichever provider."""

    def __init__(self, lab, period=0.001):
        self.lab = lab
        script = os.path.join(HERE, "traffic.py")
        self.echoes = [lab.start(isp, sys.executable, script, "echo", SERVER, "7000",
                                 stdin=subprocess.DEVNULL) for isp in ("isp1", "isp2")]
        self.sender = lab.start("client", sys.executable, script, "send", SERVER, "7000",
                                str(period), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                text=True)
        wait("traffic flows", lambda: self.stats()["got"] > 50)

    def _say(self, word):
        self.sender.stdin.write(word + "\n")
        self.sender.stdin.flush()
        return json.loads(self.sender.stdout.readline())

    def stats(self):
        """{"sent", "got", "lost", "gap_ms": longest time without an answer, "dark_ms": longest
        time in which what was sent was lost} since the last mark."""
        return self._say("stats")

    def mark(self):
        """Forget the past: the next stats() count from here."""
        return self._say("mark")
