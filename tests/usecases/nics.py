"""nics - a branch whose uplinks are test NICs (tests/vm/nic), for use cases about bad cables.

    client --- lan0 [router] wan0 = nic0 --- nic1 = r [isp1]     the server exists behind either
                             wan1 = nic2 --- nic3 = r [isp2]     provider

Each provider pings the router all the time, so that frames arrive on a link that was
drained as well: without any, nothing would say whether it is good again. In the VM only. The
devices are there once, so labs come one after the other.
"""
import os

from usecase import Meter, Net, Skip, UseCase, in_vm, wait

SERVER = "203.0.113.1"
DEBUG = "/sys/kernel/debug"
KNOBS = os.path.join(DEBUG, "anodnic")
PAIRS = (("wan0", 1), ("wan1", 2))

CONFIG = """
anod { observe 100% }    # an emulated processor is slow
policy "branch" revision 1
link wan0 { role uplink }
link wan1 { role uplink }
link lan0 { role lan }
set uplinks = link where role == uplink
budget steering = 10 per 10m
invariant "a way out" {
    require count(uplinks up) >= 1
    if broken now  allow when not worse
}
"""


class Nics(UseCase):
    kernel, why = "full", "a network card of our own, whose errors are real ones"
    drivers, modules = ["tests/vm/nic"], ["anodnic"]
    undo = "operator"
    good = 150
    period = 0.02   # seconds between two requests of the traffic, and two pings
    detect_within, repair_within, end_within = 40.0, 40.0, 40.0

    def knob(self, nic, **values):
        """Set knobs of a device (0: nic0)."""
        for name, value in values.items():
            with open(os.path.join(KNOBS, str(nic), name), "w") as f:
                f.write(str(value))

    def build(self):
        if not in_vm():
            raise Skip("its devices would appear on this machine")
        # Anew for each lab: devices whose namespace went come back under other names.
        os.system("mount -t debugfs none %s 2>/dev/null; modprobe -r anodnic; modprobe anodnic" % DEBUG)
        if not os.path.isdir(os.path.join(KNOBS, "3")):
            raise Skip("no test NIC: tests/vm/module build/vm tests/vm/nic")
        net = self.net = Net("client", "router", "isp1", "isp2")
        net.wire("router", "lan0", "client", "eth0")
        lines = []
        for n, (wan, isp) in enumerate(PAIRS):
            lines += ["link set nic%d netns %s name %s" % (2 * n, net.ns("router"), wan),
                      "link set nic%d netns %s name r" % (2 * n + 1, net.ns("isp%d" % isp))]
        self.first(lines)
        net.lines("client", """addr add 10.0.0.2/24 dev eth0
            route add default via 10.0.0.1""")
        net.lines("router", """addr add 10.0.0.1/24 dev lan0
            addr add 10.1.0.2/30 dev wan0
            addr add 10.2.0.2/30 dev wan1
            link set wan0 up
            link set wan1 up""")
        for wan, n in PAIRS:
            net.lines("isp%d" % n, """addr add 10.%d.0.1/30 dev r
                link set r up
                route add 10.0.0.0/24 via 10.%d.0.2
                addr add %s/32 dev lo""" % (n, n, SERVER))
        net.lines("router", """route add default via 10.1.0.1 dev wan0 metric 100
            route add default via 10.2.0.1 dev wan1 metric 200""")
        for n in 1, 2:
            net.start("isp%d" % n, "ping", "-q", "-i", str(self.period), "10.%d.0.2" % n,
                      stdout=open(os.devnull, "w"))
        self.meter = Meter(net, "client", ["isp1", "isp2"], SERVER, {"period": self.period})

    @staticmethod
    def first(lines):
        """ip -batch in the first namespace, where the devices are."""
        import lab
        lab.run("ip", "-batch", "-", stdin="\n".join(lines) + "\n")

    def settle(self, a):
        for wan in "wan0", "wan1":
            wait("%s is read" % wan, lambda: a.fact("link/%s.fec" % wan) == "rs" and
                 a.fact("link/%s.rx_packets" % wan) is not None, 40)
