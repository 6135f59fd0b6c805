"""U01 - a link flaps: held down until it has been quiet, while another uplink is there."""
from branch import CONFIG, Branch
from usecase import clock, wait

FLAPS = 5


class U01(Branch):
    title = "Link flap"
    sensor = "rtnl (link.carrier_down)"
    agent = "flap"
    action = "link.down"
    finding, entity = "link-flapping", "wan0"
    kinds = ["link.down"]
    undo = "operator"
    fresh = True  # what an administrator did lately costs a link nothing, so it would count
    pulse = "link/lan0.rx_packets"
    config = CONFIG + """
sensor counters { period 200ms }
agent flap { suppress 3000  reuse 2000  half-life 3s  max-suppress 60s  hold down }
permit "hold a flapping uplink down" {
    agent   flap
    action  link.down, link.up
    on      uplinks
    level   auto
    budget  steering
    verify  within 5s that link.admin_up == false or link.carrier == true
    confirm after 200ms
}
"""

    def settle(self, a):
        wait("the links are known", lambda: a.fact("link/wan0.carrier") is True and
             a.fact("link/lan0.rx_packets") is not None, 30)

    def flap(self, times):
        for _ in range(times):
            self.net.carrier("wan0", False)
            self.net.carrier("wan0", True)

    def healthy(self, a):
        """the other end is rebooted: its carrier goes and comes twice"""
        self.flap(2)

    def lookalike(self, a):
        """an operator sets the link down and up again and again"""
        for _ in range(FLAPS):
            self.net.lines("router", "link set wan0 down\nlink set wan0 up")
        self.net.lines("router", "route replace default via 10.1.0.1 dev wan0 metric 100")

    def fault(self, a):
        """a marginal cable: the carrier comes and goes"""
        now = clock()
        self.flap(FLAPS)
        return now
