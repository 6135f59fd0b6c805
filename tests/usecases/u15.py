"""U15 - a member of a bond: its link is up, and the partner has taken it out of the group."""
from usecase import Meter, Net, UseCase, wait

SERVER = "203.0.113.1"


class U15(UseCase):
    """client --- lan0 [router] m0, m1 of b0 === w0, w1 of c0 (the switch, with the server)"""

    title = "LACP bond member degraded"
    sensor = "bond (bond_member.carries, spare)"
    agent = "lacp-member"
    action = "link.down"
    kernel, why = "full", "no bonding"
    modules = ["bonding"]
    finding, entity = "lacp-member-out", "m1"
    kinds = ["link.down"]
    pulse = "bond/b0.members_carrying"
    readings = 12
    detect_within = 60.0
    repair_within = 60.0
    end_within = 90.0
    config = """
anod { observe 100% }  # here everything takes ten times as long
policy "branch" revision 1
link m0 { capacity 10Gbps }
link m1 { capacity 10Gbps }
set members = link where master == b0
sensor bond { period 500ms }
agent lacp-member { room 1Gbps }
permit "pull a member that the partner does not take" {
    agent   lacp-member
    action  link.down, link.up
    on      members
    level   auto
    verify  within 20s that link.admin_up == false or link.carrier == true
    confirm after 1s
}
"""

    def build(self):
        net = self.net = Net("client", "router", "switch")
        net.wire("router", "lan0", "client", "eth0")
        for n in 0, 1:
            net.wire("router", "m%d" % n, "switch", "w%d" % n)
        for ns, bond, dev, address in (("router", "b0", "m", 1), ("switch", "c0", "w", 2)):
            net.lines(ns, """link add %s type bond mode 802.3ad miimon 50 lacp_rate fast \
                xmit_hash_policy layer3+4
                link set %s0 down
                link set %s1 down
                link set %s0 master %s
                link set %s1 master %s
                link set %s up
                addr add 10.1.0.%d/24 dev %s""" % (bond, dev, dev, dev, bond, dev, bond, bond,
                                                   address, bond))
        net.lines("client", """addr add 10.0.0.2/24 dev eth0
            route add default via 10.0.0.1""")
        net.lines("router", """addr add 10.0.0.1/24 dev lan0
            route add default via 10.1.0.2""")
        net.lines("switch", """addr add %s/32 dev lo
            route add default via 10.1.0.1""" % SERVER)
        flows = [{"name": "flow%d" % n, "period": 0.1, "patience": 2.0} for n in range(4)]
        self.meter = Meter(net, "client", "switch", SERVER, *flows)
        self.good = 20

    def settle(self, a):
        wait("both members carry", lambda: a.fact(self.pulse) == 2, 60, 0.2)

    def out(self, *members):
        """The switch takes members out of the group; their links stay up."""
        self.net.lines("switch", "\n".join(
            "link set %s nomaster\nlink set %s up" % (m, m) for m in members))

    def back(self, *members):
        self.net.lines("switch", "\n".join(
            "link set %s down\nlink set %s master c0" % (m, m) for m in members))

    def healthy(self, a):
        """an operator shuts a member at the other end, and opens it again"""
        self.net.ip("switch", "link", "set", "w1", "down")
        wait("one member carries", lambda: a.fact(self.pulse) == 1, 30, 0.2)
        self.net.ip("switch", "link", "set", "w1", "up")

    def healthy_end(self, a):
        wait("both members carry", lambda: a.fact(self.pulse) == 2, 60, 0.2)
        wait("traffic is well", lambda: self.well() is not None, 30, 0.2)

    def lookalike(self, a):
        """the switch speaks no LACP any more, on none of them: there is no member to be spared"""
        self.out("w0", "w1")
        wait("the bond has no partner", lambda: a.fact("bond/b0.partnered") is False, 60, 0.2)

    def lookalike_end(self, a):
        self.back("w0", "w1")
        wait("both members carry", lambda: a.fact(self.pulse) == 2, 60, 0.2)

    def fault(self, a):
        """the switch takes one port out of the group and leaves its link up"""
        self.out("w1")

    def fault_end(self, a):
        self.back("w1")

    def state(self):
        """Who is up and belongs to what; the bond's own counters are not compared."""
        lines = self.net.ip(self.router, "-br", "link", "show").splitlines()
        return "\n".join(sorted([x for x in lines if x] + self.net.ip(
            self.router, "route").splitlines()))
