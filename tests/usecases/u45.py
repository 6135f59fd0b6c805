"""U45 - bufferbloat: the queue of a box beyond the uplink is too long, so every packet waits."""
import subprocess
import sys

from usecase import Meter, Net, UseCase, wait

SERVER, TARGET = "203.0.113.1", "192.0.2.1"
RATE = 8  # Mbit/s of the far box
# Packets of 1200 bytes to the server's discard port, half as fast again as the far box lets through.
FLOOD = """
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(("%s", 9))
at = time.monotonic()
while True:
    try:
        s.send(bytes(1200))
    except OSError:
        pass
    at += 1200 * 8 / %e
    time.sleep(max(0, at - time.monotonic()))
""" % (SERVER, 1.5e6 * RATE)


class U45(UseCase):
    """client --- lan0 [router] wan0 --- isp (the far box) --- server; other --- isp"""

    title = "Bufferbloat"
    sensor = "probe (path.rtt), counters (link.tx_bps), tc (qdisc)"
    agent = "bufferbloat"
    action = "qdisc.replace"
    finding, entity = "bufferbloat", "wan0"
    kinds = ["qdisc.replace", "qdisc.rate"]
    long = True
    pulse = "path/wan0.rtt"
    readings = 40
    judged = ["voice"]
    detect_within = 60.0
    end_within = 60.0
    config = """
policy "branch" revision 1
link wan0 { role uplink  capacity 8Mbps }
link lan0 { role lan }
set uplinks = link where role == uplink
budget shaping = 6 per 10m
sensor counters { period 500ms }
agent bufferbloat {
    uplinks wan0  towards %s/32  target 120ms  discipline tbf  hold 10s  again 20s
}
permit "shape an uplink whose far queue is too long" {
    agent   bufferbloat
    action  qdisc.replace, qdisc.rate, qdisc.del
    on      uplinks
    level   auto
    budget  shaping
    verify  within 20s that path.rtt < 120ms or link.tx_bps < 1Mbps
    confirm after 1s
}
""" % TARGET

    def build(self):
        net = self.net = Net("client", "router", "isp", "server", "other")
        net.wire("router", "lan0", "client", "eth0")
        net.wire("router", "wan0", "isp", "r")
        net.wire("isp", "x", "server", "eth0")
        net.wire("isp", "o", "other", "eth0")
        net.lines("client", """addr add 10.0.0.2/24 dev eth0
            route add default via 10.0.0.1""")
        net.lines("router", """addr add 10.0.0.1/24 dev lan0
            addr add 10.1.0.2/30 dev wan0
            route add default via 10.1.0.1""")
        net.lines("isp", """addr add 10.1.0.1/30 dev r
            addr add 10.2.0.1/30 dev x
            addr add 10.3.0.1/30 dev o
            route add 10.0.0.0/24 via 10.1.0.2
            route add %s via 10.2.0.2
            route add %s via 10.2.0.2""" % (SERVER, TARGET))
        net.lines("server", """addr add 10.2.0.2/30 dev eth0
            addr add %s/32 dev lo
            addr add %s/32 dev lo
            route add default via 10.2.0.1""" % (SERVER, TARGET))
        net.lines("other", """addr add 10.3.0.2/30 dev eth0
            route add default via 10.3.0.1""")
        self.buffer(40)
        # It fills what there is; some kernels leave a namespace what the machine has, which is
        # gentler and still too much.
        net.do("client", "sysctl", "-qw", "net.ipv4.tcp_congestion_control=cubic", check=False)
        self.meter = Meter(net, "client", "server", SERVER,
                           {"name": "voice", "period": 0.02, "size": 160, "slow": 0.15,
                            "patience": 1.0},
                           *[{"kind": "tcp", "name": "upload%d" % n, "period": 0, "size": 8000,
                              "window": 60, "patience": 20.0} for n in range(6)])

    def buffer(self, ms):
        """The far box sends 8 Mbit/s and holds so many milliseconds of it."""
        self.net.do("isp", "tc", "qdisc", "replace", "dev", "x", "root", "tbf", "rate",
                    "%dmbit" % RATE, "burst", "16k", "limit", "%d" % (RATE * 125 * ms))

    def settle(self, a):
        wait("the round trip is known", lambda: a.fact(self.pulse) is not None, 30)
        wait("the load is known", lambda: (a.fact("link/wan0.tx_bps") or 0) > 4e6, 30)

    def healthy(self, a):
        """the same upload fills the uplink, and the far box holds 40 ms"""

    def lookalike(self, a):
        """somebody else floods the far box, whose queue is long: it is not ours to shape"""
        self.flood = self.net.start("other", sys.executable, "-c", FLOOD,
                                    stdin=subprocess.DEVNULL)
        wait("the others' load is there", lambda: (a.fact("link/wan0.tx_bps") or 9e9) < 3e6, 30)
        self.buffer(600)
        wait("round trips are long", lambda: (a.fact(self.pulse) or 0) > 200e3, 30)

    def lookalike_end(self, a):
        self.buffer(40)
        self.flood.terminate()
        self.flood.wait(5)

    def fault(self, a):
        """the far box gets a buffer for a second: all that is sent waits in it"""
        self.buffer(1000)

    def fault_end(self, a):
        """the far box is mended, and the upload is over"""
        self.buffer(40)
        self.net.drop("client", "oifname \"eth0\" tcp dport 7000", name="over", hook="output")

    def state(self):
        """The queueing disciplines as well."""
        return super().state() + "\n" + self.net.do("router", "tc", "qdisc", "show")
