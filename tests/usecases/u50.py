"""U50 - the connection table is full of connections that are used."""
import socket
import struct

from machine import Machine
from usecase import clock

LIMIT = 1200  # of entries; the least that may be set again is 1024
PORT = 7001


class U50(Machine):
    title = "Conntrack table full"
    sensor = "conntrack (used, drop, top_share, unreplied), sysctl, machine"
    agent = "conntrack-full"
    action = "sysctl.set"
    finding, entity = "conntrack-full", "table"
    lookalike_finding = "conntrack-scan"
    pulse = "conntrack/table.entries"
    modules = ("nf_conntrack", "nf_conntrack_netlink", "nft_ct")
    numbers = ("net.netfilter.nf_conntrack_max=%d" % LIMIT,
               "net.netfilter.nf_conntrack_udp_timeout=30",
               "net.netfilter.nf_conntrack_udp_timeout_stream=60",
               "net.netfilter.nf_conntrack_tcp_timeout_syn_sent=10")
    readings = 12
    detect_within = 60.0
    repair_within = 60.0
    end_within = 90.0
    config = """
policy "machine" revision 1
agent conntrack-full { }
agent conntrack-scan { }
budget numbers = 6 per 10m
invariant "numbers stay sane" {
    require sysctl net.netfilter.nf_conntrack_max in 1024..1048576
    require sysctl net.netfilter.nf_conntrack_udp_timeout_stream in 30..180
}
permit "make room for connections" {
    agent   conntrack-full
    action  sysctl.set
    level   auto
    budget  numbers
    verify  within 30s
    confirm after 1s
}
"""

    def wires(self):
        self.net.do("router", "nft", "delete", "table", "ip", "track", check=False)
        # A rule that looks at the connection's state is what makes the kernel track them.
        self.net.do("router", "nft", "-f", "-", stdin="""table ip track {
  chain c {
    type filter hook forward priority 0;
    ct state established accept
  }
}
""")
        self.net.lines("router", "route add 10.8.0.0/16 via 10.1.0.2 dev wan0")
        self.net.lines("server", "route add blackhole 10.8.0.0/16")
        self.net.lines("client", "\n".join("addr add 10.0.0.%d/24 dev eth0" % (k + 10)
                                           for k in range(40)))
        self.crowd("server", "answer", PORT)
        self.crowds.clear()  # it stays

    def clean(self):
        super().clean()
        # The table outlives a lab, too: IPCTNL_MSG_CT_DELETE of no entry in particular is all.
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12) as s:  # NETLINK_NETFILTER
            s.send(struct.pack("=IHHIIBBH", 20, 1 << 8 | 2, 5, 1, 0, 0, 0, 0))
            s.recv(4096)
        self.net.do("router", "nft", "delete", "table", "ip", "track", check=False)

    def users(self, n):
        """n connections of 40 hosts, all of them used and answered."""
        self.crowd("client", "flows", "10.1.0.2", n, 5, PORT,
                   *("10.0.0.%d" % (k + 10) for k in range(40)))

    def healthy(self, a):
        """two thirds of the table are connections of forty hosts that talk"""
        self.users(LIMIT * 2 // 3)

    def lookalike(self, a):
        """one host scans a prefix where nobody answers: half-open entries take all that the others
        left free"""
        self.crowd("client", "scan", "10.8.0.1", 200, 300)

    def fault(self, a):
        """forty hosts have more connections than the table has room for, all of them used"""
        now = clock()
        self.users(LIMIT * 3 // 2)
        return now
