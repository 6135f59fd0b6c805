"""U47 - softirqs may handle too few packets at a time, and packets wait."""
from machine import Machine
from usecase import clock

BUDGET = 64


class U47(Machine):
    title = "Softnet budget too small"
    sensor = "softnet (squeezed, dropped, cpu.softirq), sysctl"
    agent = "softnet-budget"
    action = "sysctl.set"
    finding, entity = "softnet-squeezed", "all"
    pulse = "softnet/all.processed"
    numbers = ("net.core.netdev_budget=%d" % BUDGET, "net.core.netdev_max_backlog=1000")
    programs = ("ethtool",)
    packages = ("ethtool",)
    readings = 12
    detect_within = 60.0
    repair_within = 60.0
    end_within = 90.0
    config = """
policy "machine" revision 1
agent softnet-budget { most 4800 }
budget numbers = 6 per 10m
invariant "numbers stay sane" { require sysctl net.core.netdev_budget in 64..4800 }
permit "let softirqs handle more" {
    agent   softnet-budget
    action  sysctl.set
    level   auto
    budget  numbers
    verify  within 30s
    confirm after 1s
}
"""

    def wires(self):
        # Segmented before the wire, as a burst arrives from a real one.
        self.net.do("client", "ethtool", "-K", "eth0", "tx-udp-segmentation", "off", check=False)
        self.net.do("client", "ethtool", "-K", "eth0", "gso", "off")

    def healthy(self, a):
        """bursts of 24 packets, forty times a second: each is handled in one go"""
        self.crowd("client", "burst", "10.1.0.2", 24, 40)

    def lookalike(self, a):
        """one CPU is busy with a program, and a backlog that is too short drops packets"""
        self.net.sysctl("router", "net.core.netdev_max_backlog=10")
        self.hog = self.net.start("router", "sh", "-c", "while :; do :; done")
        self.crowd("client", "burst", "10.1.0.2", 24, 40)

    def lookalike_end(self, a):
        self.disperse()
        self.hog.kill()
        self.net.sysctl("router", *self.numbers[1:])

    def fault(self, a):
        """bursts of 64 packets, forty times a second: a softirq may not handle more"""
        now = clock()
        self.crowd("client", "burst", "10.1.0.2", 64, 40)
        return now
