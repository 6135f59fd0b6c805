"""sensors - what sensors say of a full kernel's devices, next to what its own tools say.

usage: sensors.py            in the guest: plays all checks, a line "@@check NAME passed|failed|skipped"
       sensors.py --list     the names

Checks are functions check_NAME(r) in files tests/vm/check_*.py; 'r' is the Router below, one for all
of them: a bond (LACP) of two ports, a VLAN, a VRF, a WireGuard tunnel, a netdevsim device with FEC
and devlink, qdiscs fq_codel, cake and htb, each with a neighbour at the other end, and a daemon
that reads them. A check waits for facts (r.fact, r.wait), compares them with tools (r.net.do), and
leaves the router as it was. raise Skip("reason") where something is not there.

    def check_fq_codel_drops_are_those_that_tc_counts(r):
        r.wait("...", lambda: r.a.fact("qdisc/...") == r.tc("eth0")["drops"])
"""
import glob
import importlib.util
import json
import os
import sys
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "usecases"))
from net import Net, Skip, in_vm  # noqa: E402
from lab import wait  # noqa: E402

# An emulated processor is ten times slower, so sensors may take ten times their share.
CONFIG = """
policy "full kernel" revision 1
anod { observe 30% }
history { keep qdisc.drops, wg_peer.rx_bytes, bond.members, bond_member.failures }
link bond0  { role uplink }
link swan.7 { role uplink }
"""


class Router:
    """The namespaces "router" and "far", and the daemon."""

    def __init__(self):
        self.net = Net("router", "far")
        self.a = None
        self.missing = {}

    def build(self):
        n = self.net
        for dev in ("eth0", "eth1", "swan", "qcodel", "qcake", "qhtb"):
            n.wire("router", dev, "far", dev)
        n.lines("router", """addr add 10.20.0.1/24 dev qcodel
            addr add 10.21.0.1/24 dev qcake
            addr add 10.22.0.1/24 dev qhtb""")
        n.lines("far", """addr add 10.20.0.2/24 dev qcodel
            addr add 10.21.0.2/24 dev qcake
            addr add 10.22.0.2/24 dev qhtb""")
        for part in self.bond, self.vlan, self.vrf, self.wireguard, self.netdevsim, self.qdiscs:
            try:
                part()
            except (RuntimeError, OSError) as e:
                self.missing[part.__name__] = str(e)
        self.a = n.anod(CONFIG)

    def has(self, part):
        """Raise Skip unless build() could make this part ("bond", "wireguard" ...)."""
        if part in self.missing:
            raise Skip(self.missing[part])

    def bond(self):
        for ns, address in (("router", "10.23.0.1/24"), ("far", "10.23.0.2/24")):
            self.net.lines(ns, """link add bond0 type bond mode 802.3ad miimon 100 lacp_rate fast
                link set eth0 down
                link set eth1 down
                link set eth0 master bond0
                link set eth1 master bond0
                addr add %s dev bond0
                link set bond0 up
                link set eth0 up
                link set eth1 up""" % address)

    def vlan(self):
        for ns, address in (("router", "10.24.0.1/24"), ("far", "10.24.0.2/24")):
            self.net.lines(ns, """link add link swan name swan.7 type vlan id 7
                addr add %s dev swan.7
                link set swan.7 up""" % address)

    def vrf(self):
        self.net.lines("router", """link add vrf0 type vrf table 100
            link set vrf0 up""")

    def wireguard(self):
        n = self.net
        keys = {}
        for ns in "router", "far":
            private = n.do(ns, "wg", "genkey").strip()
            keys[ns] = (private, n.do(ns, "sh", "-c", "echo %s | wg pubkey" % private).strip())
        for ns, peer, own, other in (("router", "far", "10.25.0.1", "10.20.0.2"),
                                     ("far", "router", "10.25.0.2", "10.20.0.1")):
            n.ip(ns, "link", "add", "wg0", "type", "wireguard")
            n.do(ns, "sh", "-c", "echo %s > /tmp/wg.%s; wg set wg0 listen-port 51820 "
                 "private-key /tmp/wg.%s peer %s allowed-ips 10.25.0.0/24 endpoint %s:51820" % (
                     keys[ns][0], ns, ns, keys[peer][1], other))
            n.lines(ns, "addr add %s/24 dev wg0\nlink set wg0 up" % own)
        self.wg_peer = keys["far"][1]

    def netdevsim(self):
        with open("/sys/bus/netdevsim/new_device", "w") as f:
            f.write("10 2")
        wait("netdevsim is there", lambda: os.path.isdir(
            "/sys/bus/netdevsim/devices/netdevsim10/net"), 10)
        # A devlink instance moves as a whole, with its ports.
        self.net.do("router", "true")
        os.system("devlink dev reload netdevsim/netdevsim10 netns %s" % self.net.ns("router"))

    def qdiscs(self):
        self.net.lines("router", """qdisc add dev qcodel root fq_codel
            qdisc add dev qcake root cake bandwidth 10mbit
            qdisc add dev qhtb root handle 1: htb default 1
            class add dev qhtb parent 1: classid 1:1 htb rate 5mbit
            qdisc add dev qhtb parent 1:1 fq_codel limit 20""", tool="tc")

    # ---- for checks ----

    def fact(self, path):
        return self.a.fact(path)

    def facts(self, pattern):
        """{KIND/ENTITY.ATTR: value} of all facts that match."""
        return {"%s/%s.%s" % (f["kind"], f["entity"], f["attr"]): f["raw"]
                for f in self.a.ask("facts", pattern=pattern)["facts"]}

    def wait(self, what, condition, timeout=20):
        return wait(what, condition, timeout, 0.1)

    def tool(self, ns, *cmd):
        """JSON that a tool prints: tool("router", "tc", "-s", "-j", "qdisc", "show")."""
        return json.loads(self.net.do(ns, *cmd) or "[]")


def checks():
    """(name, function) of all checks, by file and place in it."""
    for path in sorted(glob.glob(os.path.join(HERE, "check_*.py"))):
        name = os.path.basename(path)[:-3]
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        for f in vars(module).values():
            if callable(f) and getattr(f, "__module__", "") == name and \
                    f.__name__.startswith("check_"):
                yield f.__name__[6:], f


def say(name, what, text=""):
    print("@@check " + json.dumps({"name": name, "what": what, "text": text}), flush=True)


def main():
    if sys.argv[1:] == ["--list"]:
        print("\n".join(name for name, _ in checks()))
        return
    if not in_vm():
        sys.exit("in the VM only")
    r = Router()
    try:
        r.build()
        for part, why in r.missing.items():
            print("not made: %s: %s" % (part, why), flush=True)
        for name, f in checks():
            begin = time.monotonic()
            try:
                f(r)
                say(name, "passed", "%.1f s" % (time.monotonic() - begin))
            except Skip as e:
                say(name, "skipped", str(e))
            except Exception:
                say(name, "failed", traceback.format_exc() + r.a.tail(10))
    finally:
        r.net.close()


if __name__ == "__main__":
    main()
