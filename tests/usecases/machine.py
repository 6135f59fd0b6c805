"""machine - a router that is a whole machine, for use cases about what there is once in a machine.

    client --- lan0 [router] wan0 --- server

The router is the first network namespace of the guest: only there the numbers of the machine
(gc_thresh, nf_conntrack_max, netdev_budget, rmem_max) may be written.
"""
import os
import subprocess
import sys

from usecase import HERE, Meter, Net, UseCase, check, wait

CROWD = os.path.join(HERE, "crowd.py")
WHY = "numbers of the machine are written in its first network namespace only"


class Machine(UseCase):
    """Topology, traffic and numbers; what goes wrong is the use case's."""

    kernel, why = "full", WHY
    kinds = ["sysctl.set"]
    undo = "operator"
    numbers = ()  # NAME=VALUE as the machine has them when the lab begins
    more = ()     # further namespaces

    def build(self):
        net = self.net = Net("client", "router", "server", *self.more, root="router")
        # The machine outlives the lab.
        self.clean()
        net.sysctl("router", *self.numbers)
        net.wire("router", "lan0", "client", "eth0")
        net.wire("router", "wan0", "server", "eth0")
        net.lines("client", """addr add 10.0.0.2/24 dev eth0
            route add default via 10.0.0.1""")
        net.lines("server", """addr add 10.1.0.2/24 dev eth0
            route add default via 10.1.0.1""")
        net.lines("router", """addr add 10.0.0.1/24 dev lan0
            addr add 10.1.0.1/24 dev wan0""")
        self.crowds = []
        self.wires()
        self.meter = Meter(net, "client", "server", "10.1.0.2", {"period": 0.05})

    def clean(self):
        for dev in "lan0", "wan0", "lan1":
            self.net.ip("router", "link", "del", dev, check=False)

    def wires(self):
        pass

    def crowd(self, ns, *words):
        p = self.net.start(ns, sys.executable, "-B", CROWD, *map(str, words), stdin=subprocess.PIPE,
                           stdout=subprocess.PIPE, text=True)
        check(p.stdout.readline() == "ready\n", "the crowd does not come: %s" % (words,))
        self.crowds.append(p)
        return p

    def disperse(self):
        while self.crowds:
            p = self.crowds.pop()
            p.stdin.close()
            p.wait(10)

    def healthy_end(self, a):
        self.disperse()

    def lookalike_end(self, a):
        self.disperse()

    def fault_end(self, a):
        self.disperse()

    def state(self):
        names = [n.split("=")[0] for n in self.numbers]
        return super().state() + "\n" + self.net.do("router", "sysctl", *names)

    def settle(self, a):
        super().settle(a)
        for n in self.numbers:
            name = 'sysctl/%s.value' % n.split("=")[0]
            wait("%s is known" % name, lambda: a.fact(name) is not None, 30)
