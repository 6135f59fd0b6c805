"""U34 - an MTU black hole: a hop with a small MTU, and the ICMP that would say so is filtered."""
from usecase import Meter, Net, UseCase, wait

SERVER, OTHER = "203.0.113.1", "198.18.0.1"
STUCK = "tcp_prefix/wan0/203.0.113.0/24.stuck"


class U34(UseCase):
    title = "MTU black hole behind the provider"
    sensor = "tcpinfo (tcp_prefix.stuck, stuck_alive), probe with size"
    agent = "blackhole"
    action = "route.replace"
    finding, entity = "mtu-black-hole", "wan0/203.0.113.0/24"
    kinds = ["route.replace"]
    pulse = "tcp/wan0.segs"
    detect_within = 40.0
    repair_within = 60.0
    end_within = 60.0
    config = """
policy "one way out" revision 1
link wan0 { role uplink }
sensor tcpinfo { period 200ms }
agent blackhole { clean 2s }
budget routes = 6 per 10m
permit "smaller packets where large ones vanish" {
    agent   blackhole
    action  route.replace, route.del
    level   auto
    budget  routes
    verify  within 30s
    confirm after 1s
}
"""

    def build(self):
        net = self.net = Net("router", "isp", "core")
        net.wire("router", "wan0", "isp", "r")
        net.wire("isp", "c", "core", "p")
        net.lines("router", """addr add 10.1.0.2/30 dev wan0
            route add default via 10.1.0.1""")
        net.lines("isp", """addr add 10.1.0.1/30 dev r
            addr add 10.1.1.1/30 dev c
            route add default via 10.1.1.2""")
        net.lines("core", """addr add 10.1.1.2/30 dev p
            addr add %s/32 dev lo
            addr add %s/32 dev lo
            route add default via 10.1.1.1""" % (SERVER, OTHER))
        self.meter = Meter(net, "router", "core", "0.0.0.0", *[
            dict({"kind": "tcp", "period": 0.05, "patience": 2.0, "slow": 2.0}, **f) for f in (
                {"name": "large", "to": SERVER, "size": 6000},
                {"name": "small", "to": SERVER, "size": 100},
                {"name": "other", "to": OTHER, "size": 1000})])

    def settle(self, a):
        wait("connections are seen", lambda: (a.fact("tcp/wan0.segs") or 0) > 100)

    def healthy(self, a):
        """the same small MTU, and its hop says so: path MTU discovery works"""
        self.net.ip("isp", "link", "set", "c", "mtu", "1400")

    def healthy_end(self, a):
        self.net.ip("isp", "link", "set", "c", "mtu", "1500")
        self.net.ip("router", "route", "flush", "cache")
        wait("full segments again", lambda: a.fact("tcp/wan0.pmtu") == 1500)

    def lookalike(self, a):
        """the peer is gone: its connections are stuck on full segments as well"""
        self.net.drop("isp", "ip daddr %s" % SERVER)
        wait("they are stuck", lambda: (a.fact(STUCK) or 0) > 0)

    def lookalike_end(self, a):
        self.net.drop("isp", None)
        wait("they go on", lambda: a.fact(STUCK) == 0, 60)

    def fault(self, a):
        """a tunnel is put into the way: 1400 bytes, and ICMP is filtered"""
        self.net.drop("isp", "icmp type destination-unreachable", hook="output")
        self.net.ip("isp", "link", "set", "c", "mtu", "1400")

    def fault_end(self, a):
        self.net.ip("isp", "link", "set", "c", "mtu", "1500")
        self.net.drop("isp", None)
