"""U58 - a stale WireGuard tunnel: the peer has another address now, and cannot say so."""
from net import Skip
from usecase import Meter, Net, UseCase, run, wait

OLD, NEW = "203.0.113.1", "203.0.113.2"

CONFIG = """
policy "a tunnel" revision 1
anod { observe 100%% }   # an emulated processor is slow
link wan0 { role uplink }
link wg0  { role overlay }
sensor wireguard { period 500ms }
agent tunnel {
    dev       wg0
    peer      "%(key)s"
    endpoints %(old)s, %(new)s
    silent    10s
    stale     10s
}
budget moves = 6 per 10m
permit "send to where the peer is now" {
    agent   tunnel
    action  wg.endpoint
    foreign objects
    level   auto
    budget  moves
    verify  within 20s
    confirm after 1s
}
"""


class U58(UseCase):
    title = "WireGuard tunnel whose peer has moved"
    sensor = "wireguard (wg_peer.handshake_age, rx_bytes, tx_bytes)"
    agent = "tunnel"
    action = "wg.endpoint"
    kernel, why = "full", "this kernel has no WireGuard"
    packages, programs, modules = ["wireguard-tools"], ["wg"], ["wireguard"]
    finding = "tunnel-stale"
    kinds = ["wg.endpoint"]
    good = 20
    readings = 12
    detect_within = 90.0
    repair_within = 90.0
    end_within = 60.0

    def wg(self, ns, private, public, address, endpoint=None):
        n = self.net
        try:
            n.ip(ns, "link", "add", "wg0", "type", "wireguard")
        except RuntimeError as e:
            raise Skip("no WireGuard here: %s" % e) from e
        more = ["endpoint", endpoint + ":51820"] if endpoint else []
        n.do(ns, "wg", "set", "wg0", "listen-port", "51820", "private-key", "/proc/self/fd/0", "peer",
             public, "allowed-ips", "10.99.0.0/24", *more, stdin=private)
        n.lines(ns, "addr add %s/24 dev wg0\nlink set wg0 up" % address)

    def build(self):
        net = self.net = Net("router", "isp", "peer")
        net.wire("router", "wan0", "isp", "r")
        net.wire("isp", "p", "peer", "eth0")
        net.lines("router", "addr add 10.1.0.2/30 dev wan0\nroute add default via 10.1.0.1")
        net.lines("isp", """addr add 10.1.0.1/30 dev r
            addr add 10.1.1.1/30 dev p
            route add 203.0.113.0/24 via 10.1.1.2""")
        net.lines("peer", """addr add 10.1.1.2/30 dev eth0
            addr add %s/32 dev lo
            route add default via 10.1.1.1""" % OLD)
        # As behind a NAT: nobody outside speaks first.
        net.drop("isp", "iifname p ct state new", hook="forward", name="nat")
        keys = []
        for _ in range(2):
            private = run("wg", "genkey").strip()
            keys.append((private, run("wg", "pubkey", stdin=private).strip()))
        (mine, me), (its, it) = keys
        self.wg("peer", its, me, "10.99.0.2")
        self.wg("router", mine, it, "10.99.0.1", OLD)
        self.peer = "wg_peer/wg0/" + it
        self.entity = "wg0/" + it
        self.pulse = self.peer + ".handshake_age"
        self.config = CONFIG % {"key": it, "old": OLD, "new": NEW}
        self.meter = Meter(net, "router", "peer", "10.99.0.2",
                           {"period": 0.1, "patience": 1.0, "slow": 1.0})

    def state(self):
        return super().state() + self.net.do(self.router, "wg", "show", "wg0", "endpoints")

    def healthy(self, a):
        """a handshake that is long ago, while packets come and go"""
        wait("the handshake is old", lambda: (a.fact(self.pulse) or 0) > 10e6, 60)

    def lookalike(self, a):
        """nobody uses the tunnel: nothing is received, and nothing is sent"""
        self.net.drop("router", "oifname wg0", hook="output", name="idle")

    def lookalike_end(self, a):
        self.net.drop("router", None, name="idle")

    def fault(self, a):
        """the peer's host has a new address, and cannot reach us from there"""
        self.net.lines("peer", "addr del %s/32 dev lo\naddr add %s/32 dev lo" % (OLD, NEW))

    def fault_end(self, a):
        """it moves back, and is followed"""
        self.net.lines("peer", "addr del %s/32 dev lo\naddr add %s/32 dev lo" % (NEW, OLD))
