"""U30 - the default gateway is unreachable: the neighbour's entry fails, its link stays up."""
from branch import CONFIG, STEER, Branch


class U30(Branch):
    title = "Default gateway unreachable"
    sensor = "rtnl (neigh.state), probe (probe.up)"
    agent = "uplink"
    action = "route.replace"
    finding, entity = "gateway-dead", "wan0"
    also = ["uplink-dead"]  # by the probes, while the kernel still asks for the address
    kinds = ["route.replace"]
    config = CONFIG + STEER

    def healthy(self, a):
        """the gateway answers no ping to itself, as many do, and forwards all"""
        self.net.drop("isp1", "ip daddr 10.1.0.1 icmp type echo-request")

    def healthy_end(self, a):
        self.net.drop("isp1", None)

    def lookalike(self, a):
        """an operator flushes the neighbours: the kernel says FAILED of each, and all is well"""
        for _ in range(3):
            self.net.ip("router", "neigh", "flush", "dev", "wan0")

    def fault(self, a):
        """the gateway answers no ARP any more; the carrier stays"""
        self.net.ip("isp1", "link", "set", "r", "arp", "off")
        self.net.ip("router", "neigh", "flush", "dev", "wan0")

    def fault_end(self, a):
        self.net.ip("isp1", "link", "set", "r", "arp", "on")
