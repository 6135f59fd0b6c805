"""U51 - the neighbour table is too small for the neighbours that are there."""
import json

from machine import Machine
from usecase import clock

LIMIT = 256


class U51(Machine):
    title = "Neighbour table overflow"
    sensor = "tables (neigh_table.table_fulls, res_failed), sysctl"
    agent = "neigh-full"
    action = "sysctl.set"
    finding, entity = "neighbour-table-full", "arp_cache"
    lookalike_finding = "neighbour-scan"
    pulse = "neigh_table/arp_cache.entries"
    more = ("hosts",)
    numbers = ("net.ipv4.neigh.default.gc_thresh1=64", "net.ipv4.neigh.default.gc_thresh2=128",
               "net.ipv4.neigh.default.gc_thresh3=%d" % LIMIT)
    fresh = True  # so that the incident tells of the fault alone
    readings = 12
    detect_within = 60.0
    repair_within = 60.0
    end_within = 90.0
    config = """
policy "machine" revision 1
agent neigh-full { }
agent neigh-scan { }
budget numbers = 6 per 10m
invariant "numbers stay sane" { require sysctl net.ipv4.neigh.default.* in 64..65536 }
permit "make room for neighbours" {
    agent   neigh-full
    action  sysctl.set
    level   auto
    budget  numbers
    verify  within 30s
    confirm after 1s
}
"""

    def wires(self):
        self.net.wire("router", "lan1", "hosts", "eth0")
        self.net.lines("router", "addr add 10.16.0.1/12 dev lan1")
        # All of 10.16.1.0/24 and 10.16.2.0/23 is one machine that answers for each of its addresses.
        # The kernel has one table for all namespaces, and who has no entry for the router does not
        # answer its requests: neighbours elsewhere have tables of their own, so this one knows the
        # router, whose own address must not be among those that are local here (a martian source).
        of = json.loads(self.net.ip("router", "-j", "link", "show", "lan1"))[0]["address"]
        self.net.lines("hosts", """addr add 10.16.255.254/12 dev eth0
            neigh add 10.16.0.1 lladdr %s nud permanent dev eth0
            route add local 10.16.1.0/24 dev lo
            route add local 10.16.2.0/23 dev lo
            route add default via 10.16.0.1""" % of)

    def healthy(self, a):
        """three quarters of the table are neighbours that talk all the time"""
        self.crowd("client", "hosts", "10.16.1.1", LIMIT * 3 // 4, 1)

    def lookalike(self, a):
        """somebody scans a part of the prefix where nobody is: the table is full of nothing"""
        self.crowd("client", "hosts", "10.20.0.1", LIMIT * 4, 1)

    def fault(self, a):
        """there are half as many neighbours again as the table has room for, and all talk"""
        now = clock()
        self.crowd("client", "hosts", "10.16.1.1", LIMIT * 3 // 2, 1)
        return now
