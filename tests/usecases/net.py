"""net - namespaces, wires and daemons of a use case, as its file draws them.

    net = Net("router", "client", "isp")            namespaces with loopback up, forwarding on
    net.wire("router", "lan0", "client", "eth0")    a veth pair, both ends up
    net.lines("router", '''addr add 10.0.0.1/24 dev lan0
    route add default via 10.1.0.1''')              ip -batch: one process for many lines
    net.ip("router", ...)  net.do("router", ...)  net.start("router", ...)  net.sysctl("router", ...)
    a = net.anod(config)                            the daemon, in "router"

Everything of examples/lab/lab.py is there: do, start, anod, close. A Net is made for each run
and removed by the runner; names carry a tag, so labs run side by side.

Settings that exist once in a machine (gc_thresh of neighbours, nf_conntrack_max, devices that
stay in the first namespace) need the router to *be* the machine: Net("router", ..., root="router")
puts that one into the initial namespace. It works in the VM only; here it raises Skip.
"""
import itertools
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "examples", "lab"))
import lab  # noqa: E402

COUNT = itertools.count()


class Skip(Exception):
    """This cannot be shown here; the text says why."""


def in_vm():
    """Are we in the guest of tests/vm/run, where the machine is ours?"""
    return os.path.exists("/run/vm/command")


class Net(lab.Lab):
    """Namespaces of a use case."""

    def __init__(self, *names, root=None, ipv6=False):
        if root and not in_vm():
            raise Skip("the router has to be a whole machine")
        self.names = [n for n in names if n != root]
        self.root, self.ipv6 = root, ipv6
        super().__init__("uc%d-%d" % (os.getpid(), next(COUNT)))

    def _build(self):
        settings = ["net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0",
                    "net.ipv4.ip_forward=1"]
        if not self.ipv6:
            settings += ["net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1"]
        for name in list(self.names) + [self.root] * bool(self.root):
            if name != self.root:
                lab.run("ip", "netns", "add", self.ns(name))
            self.ip(name, "link", "set", "lo", "up")
            self.sysctl(name, *settings)

    def _words(self, ns):
        return [] if ns == self.root else ["ip", "netns", "exec", self.ns(ns)]

    def ip(self, ns, *args, **kw):
        where = [] if ns == self.root else ["-n", self.ns(ns)]
        return lab.run("ip", *where, *args, **kw)

    def lines(self, ns, text, tool="ip"):
        """Many lines for ip (or tool="tc") by one process; an error names the line."""
        where = [] if ns == self.root else ["-n", self.ns(ns)]
        text = "\n".join(x.strip() for x in text.splitlines() if x.strip())
        return lab.run(tool, *where, "-batch", "-", stdin=text + "\n")

    def do(self, ns, *cmd, **kw):
        return lab.run(*self._words(ns), *cmd, **kw)

    def start(self, ns, *cmd, **kw):
        p = subprocess.Popen(self._words(ns) + [str(c) for c in cmd], **kw)
        self.procs.append(p)
        return p

    def anod(self, config, *args, **kw):
        # The guest is emulated: the same readings take ten times as long as on a router.
        if in_vm() and "observe" not in config:
            config += "\nanod { observe 50% }\n"
        return super().anod(config, *args, **kw)

    def sysctl(self, ns, *settings):
        """NAME=VALUE ..., in one process."""
        self.do(ns, "sysctl", "-qw", *settings)

    def wire(self, ns1, dev1, ns2, dev2, *more):
        """A veth pair with both ends up; 'more': words behind the first end's name."""
        far = "1" if ns2 == self.root else self.ns(ns2)
        self.ip(ns1, "link", "add", dev1, *more, "type", "veth", "peer", "name", dev2, "netns", far)
        self.ip(ns1, "link", "set", dev1, "up")
        self.ip(ns2, "link", "set", dev2, "up")

    def drop(self, ns, rule, name="lossy", hook="prerouting", priority=-300):
        """Drop packets by an nft rule ('iifname "r" udp dport 7000 numgen random mod 100 < 2');
        None ends it."""
        self.do(ns, "nft", "delete", "table", "ip", name, check=False)
        if rule is not None:
            self.do(ns, "nft", "-f", "-", stdin="""table ip %s {
  chain c {
    type filter hook %s priority %d;
    %s counter drop
  }
}
""" % (name, hook, priority, rule))


def clock():
    """The clock of the meter: seconds, the same in all processes of the machine."""
    return time.monotonic()
