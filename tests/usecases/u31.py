"""U31 - the gateway answers ARP and forwards nothing: only probes beyond it can tell."""
from branch import CONFIG, STEER, TARGETS, Branch


class U31(Branch):
    title = "Gateway answers, and does not forward"
    sensor = "probe (probe.up, by quorum)"
    agent = "uplink"
    action = "route.replace"
    finding, entity = "uplink-dead", "wan0"
    kinds = ["route.replace"]
    fresh = True  # or the fault would be told in the look-alike's incident
    config = CONFIG + STEER

    def healthy(self, a):
        """a burst of loss takes two packets of a target, one after the other"""
        self.net.drop("isp1", "ip daddr %s icmp type echo-request quota 160 bytes" % TARGETS[0])

    def healthy_end(self, a):
        self.net.drop("isp1", None)

    def lookalike(self, a):
        """one target is gone for the whole world, and both providers are well"""
        for isp in "isp1", "isp2":
            self.net.drop(isp, "ip daddr %s" % TARGETS[0])

    def lookalike_end(self, a):
        for isp in "isp1", "isp2":
            self.net.drop(isp, None)

    def fault(self, a):
        """the provider's core drops all that does not end at the gateway itself"""
        self.net.drop("isp1", "iifname r ip daddr != 10.1.0.1")

    def fault_end(self, a):
        self.net.drop("isp1", None)
