"""U32 - gray loss: one member of a next-hop group loses a little of what is sent over it."""
from ecmp import SERVERS, TARGETS, Ecmp
from usecase import wait


class U32(Ecmp):
    title = "Gray loss of one member of a next-hop group"
    sensor = "tcpinfo (tcp.retrans, tcp.segs), probe"
    agent = "gray"
    action = "nexthop.weight"
    finding, entity = "gray-loss", "wan0"
    kinds = ["nexthop.weight"]
    long = True
    lookalike_finding = "destination-loss"
    fresh = True
    detect_within = 60.0
    repair_within = 60.0
    end_within = 90.0
    readings = 60
    config = """
policy "two ways" revision 1
link wan0 { role uplink }
link wan1 { role uplink }
sensor tcpinfo { period 200ms }
agent gray { probe %s every 50ms  clean 3s }
budget weights = 6 per 10m
permit "take weight from a lossy member" {
    agent   gray
    action  nexthop.weight
    foreign objects
    level   auto
    budget  weights
    verify  within 20s
    confirm after 1s
}
""" % ", ".join(TARGETS)

    def healthy(self, a):
        """our own queue on wan0 overflows: a bulk transfer fills 20 Mbit/s, and drops"""
        self.net.do("router", "tc", "qdisc", "replace", "dev", "wan0", "root", "tbf", "rate",
                    "4mbit", "burst", "10kb", "latency", "40ms")

    def healthy_end(self, a):
        self.net.do("router", "tc", "qdisc", "del", "dev", "wan0", "root")
        wait("connections are well", lambda: self.lossy(a, "wan0") is False, 60)

    def lookalike(self, a):
        """3 % is lost behind the provider, on the way to one of the servers only"""
        self.net.drop("isp1", "ip daddr %s numgen random mod 1000 < 30" % SERVERS[0])

    def lookalike_end(self, a):
        self.net.drop("isp1", None)

    def fault(self, a):
        """3 % of what the router sends over wan0 is lost, whatever it is"""
        self.net.drop("isp1", "iifname r numgen random mod 1000 < 30")

    def fault_end(self, a):
        self.net.drop("isp1", None)
