"""Reflexes over groups with many routes, of which the kernel tells more than any buffer holds."""
import time

from lab import wait
from test_reflexes import armed, conf, did, reflex

ROUTES = 3000


def many_behind_a_group(lab):
    """Of a daemon that has its next hops from elsewhere: protocol static."""
    lab.ip("router", "route", "flush", "root", "0.0.0.0/0", "exact", "0.0.0.0/0")
    lab.ip("router", "nexthop", "add", "id", "11", "via", "10.1.0.1", "dev", "wan0")
    lab.ip("router", "nexthop", "add", "id", "77", "group", "11", "protocol", "static")
    lab.ip("router", "-batch", "-", stdin="route add default nhid 77\n" + "".join(
        "route add 20.0.%d.%d/32 nhid 77\n" % (i // 250, i % 250) for i in range(ROUTES)))


def test_a_group_whose_routes_overrun_the_buffer_stays_armed(lab):
    many_behind_a_group(lab)
    a = lab.anod("sensor rtnl { event-buffer 2048 }\n" + conf(terms="foreign objects"))
    r = armed(a, "kernel")
    wait("events were lost by that", lambda: a.fact("sensor/rtnl.overruns"), 10)
    time.sleep(2)  # as long as arming anew would take several times over
    assert did(a) == ["armed"], reflex(a)
    assert reflex(a)["tx"] == r["tx"]
    assert "id 77 group 11,255/" in lab.ip("router", "nexthop")
    lab.carrier("wan0", False)
    wait("the kernel has switched", lambda: lab.way("20.0.3.3") == "wan1", 5)
    lab.carrier("wan0", True)
    wait("the primary is put back", lambda: "put back" in did(a), 20)
    armed(a, "kernel")
