"""branch - the router of a branch with two providers, for use cases about uplinks.

    client --- lan0 [router] wan0 --- isp1       the server and the targets of probes exist
                             wan1 --- isp2       behind either provider
"""
from usecase import Meter, Net, UseCase, wait

SERVER = "203.0.113.1"
TARGETS = ["192.0.2.1", "198.51.100.1"]

CONFIG = """
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
STEER = """
agent uplink { uplinks wan0, wan1  probe 192.0.2.1, 198.51.100.1 every 100ms  clean 1s }
permit "steer to the other uplink" {
    agent   uplink
    action  route.replace, route.del
    on      uplinks
    level   auto
    budget  steering
    verify  within 5s that path.targets_up >= 1
    confirm after 1s
}
"""


class Branch(UseCase):
    """Topology and traffic; what goes wrong is the use case's."""

    pulse = "path/wan0.loss"

    def build(self):
        net = self.net = Net("client", "router", "isp1", "isp2")
        net.wire("router", "lan0", "client", "eth0")
        net.wire("router", "wan0", "isp1", "r")
        net.wire("router", "wan1", "isp2", "r")
        net.lines("client", """addr add 10.0.0.2/24 dev eth0
            route add default via 10.0.0.1""")
        net.lines("router", """addr add 10.0.0.1/24 dev lan0
            addr add 10.1.0.2/30 dev wan0
            addr add 10.2.0.2/30 dev wan1
            route add default via 10.1.0.1 dev wan0 metric 100
            route add default via 10.2.0.1 dev wan1 metric 200""")
        for n in 1, 2:
            net.lines("isp%d" % n, "\n".join(
                ["addr add 10.%d.0.1/30 dev r" % n, "route add 10.0.0.0/24 via 10.%d.0.2" % n] +
                ["addr add %s/32 dev lo" % t for t in TARGETS + [SERVER]]))
        self.meter = Meter(net, "client", ["isp1", "isp2"], SERVER, {"period": 0.02})

    def settle(self, a):
        for wan in "wan0", "wan1":
            wait("%s is probed" % wan, lambda: a.fact("path/%s.targets_up" % wan) == len(TARGETS))
