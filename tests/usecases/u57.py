"""U57 - another daemon loses the kernel's events, and believes routes that are no more."""
import threading

from machine import Machine
from usecase import clock, wait

ROUTES = 500
SMALL = 106496


class U57(Machine):
    title = "Lost netlink events of another daemon"
    sensor = "sockets (nlsock.drops), sysctl"
    agent = "netlink-loss"
    action = "sysctl.set"
    finding, entity = "netlink-loss", "routed/ROUTE"
    pulse = "nlsock/routed/ROUTE.drops"
    numbers = ("net.core.rmem_default=%d" % SMALL, "net.core.rmem_max=%d" % SMALL)
    churning = None  # what makes routes come and go
    readings = 12
    detect_within = 60.0
    repair_within = 60.0
    end_within = 90.0
    config = """
policy "machine" revision 1
agent netlink-loss { }
budget numbers = 6 per 10m
invariant "numbers stay sane" { require sysctl net.core.rmem_max in 65536..33554432 }
permit "larger buffers for daemons" {
    agent   netlink-loss
    action  sysctl.set
    level   auto
    budget  numbers
    verify  within 30s
    confirm after 1s
}
"""

    def wires(self):
        # It reads an event in a millisecond, and asks for 4 MiB when it has lost some.
        self.crowd("router", "miss", "routed", 0.001, 4 << 20)
        self.crowds.clear()  # it stays

    def clean(self):
        self.net.lines("router", "route flush table 77")
        super().clean()

    def churn(self, n, period):
        """n routes of a table that nobody uses come, and go, every period."""
        stop = threading.Event()
        add = "\n".join("route add 172.20.%d.%d/32 dev lan0 table 77" % (k // 250, k % 250)
                        for k in range(n))
        gone = add.replace("route add", "route del")

        def run():
            while not stop.is_set():
                self.net.lines("router", add)
                self.net.lines("router", gone)
                stop.wait(period)

        t = threading.Thread(target=run, daemon=True)
        t.start()
        self.churning = (stop, t)

    def quiet(self):
        if self.churning:
            self.churning[0].set()
            self.churning[1].join()
        self.churning = None

    def healthy(self, a):
        """routes come and go by the dozen; the daemon keeps up"""
        self.churn(30, 1)

    def healthy_end(self, a):
        self.quiet()

    def lookalike(self, a):
        """another daemon stood still for a moment and has lost events, once; anod's own are busy"""
        self.sleepy = self.crowd("router", "miss", "oldspeak", 0, 4 << 20)
        wait("it is seen", lambda: a.fact("nlsock/oldspeak/ROUTE.drops") == 0, 30)
        self.sleepy.send_signal(19)  # SIGSTOP
        try:
            self.churn(ROUTES, 60)
            wait("it has lost events",
                 lambda: a.fact("nlsock/oldspeak/ROUTE.drops") > 0, 60)
        finally:
            self.quiet()
            self.sleepy.send_signal(18)  # SIGCONT

    def lookalike_end(self, a):
        self.quiet()
        self.disperse()

    def fault(self, a):
        """a flapping neighbour makes five hundred routes come and go, again and again"""
        now = clock()
        self.churn(ROUTES, 3)
        return now

    def fault_end(self, a):
        self.quiet()

    def leave(self):
        self.quiet()
