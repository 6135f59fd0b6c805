"""ecmp - a router with two ways to the same servers, shared by a next-hop group.

    [router] wan0 --- isp1 --- core     core has the servers and what probes aim at; the
             wan1 --- isp2 --- core     router's own connections (a proxy's) come from an address
                                        of its lo, probes from that of the link: they come back by it
"""
from usecase import Meter, Net, UseCase, wait

SERVERS = ["203.0.113.1", "198.18.0.1"]
TARGETS = ["192.0.2.1", "198.51.100.1"]
ROUTER = "10.255.0.1"
GROUP, HOPS = 20, (10, 11)


class Ecmp(UseCase):
    """Topology and traffic; what goes wrong is the use case's."""

    pulse = "tcp/wan0.segs"
    flows = 8  # to each server

    def build(self):
        net = self.net = Net("router", "isp1", "isp2", "core")
        for n in 1, 2:
            net.wire("router", "wan%d" % (n - 1), "isp%d" % n, "r")
            net.wire("isp%d" % n, "c", "core", "p%d" % n)
            net.lines("isp%d" % n, """addr add 10.%d.0.1/30 dev r
                addr add 10.%d.1.1/30 dev c
                route add %s via 10.%d.0.2
                route add default via 10.%d.1.2""" % (n, n, ROUTER, n, n))
            net.lines("core", "addr add 10.%d.1.2/30 dev p%d" % (n, n))
        net.lines("core", "\n".join("addr add %s/32 dev lo" % a for a in SERVERS + TARGETS) + """
            route add 10.1.0.0/30 via 10.1.1.1
            route add 10.2.0.0/30 via 10.2.1.1
            route add default nexthop via 10.1.1.1 nexthop via 10.2.1.1""")
        net.lines("router", """addr add %s/32 dev lo
            addr add 10.1.0.2/30 dev wan0
            addr add 10.2.0.2/30 dev wan1
            nexthop add id 10 via 10.1.0.1 dev wan0
            nexthop add id 11 via 10.2.0.1 dev wan1
            nexthop add id 20 group 10,64/11,64
            route add default nhid 20""" % ROUTER)
        net.sysctl("router", "net.ipv4.fib_multipath_hash_policy=1")
        net.sysctl("core", "net.ipv4.fib_multipath_hash_policy=1")
        self.traffic()

    def traffic(self):
        self.meter = Meter(
            self.net, "router", "core", "0.0.0.0",
            *[{"kind": "tcp", "name": "s%d-%d" % (s, i), "to": SERVERS[s], "period": 0.01, "source": ROUTER,
               "slow": 1.0, "patience": 2.0} for s in (0, 1) for i in range(self.flows)])

    def settle(self, a):
        for wan in "wan0", "wan1":
            for t in TARGETS:
                wait("%s is probed over %s" % (t, wan),
                     lambda: a.fact("probe/%s/%s.up" % (wan, t)) is True)
        self.learned(a)

    def learned(self, a):
        """lossy() learns what is healthy here: until it has seen enough, loss may be that."""
        self.count_readings(a, 70)

    @staticmethod
    def lossy(a, wan):
        """What lossy() says of the connections over a link."""
        for f in a.ask("facts", pattern="tcp/%s.*" % wan)["facts"]:
            if f["attr"].startswith("lossy("):
                return f["raw"]
        return None
