"""The uplink agent on a router with two providers: what it sees, leaves, and comes back to."""
import os
import time

import pytest

from common import (A_WAY_OUT, LINKS, STEER, Lines, ended, findings, kernel, probed, stamp, uplink)
from lab import BUILD, TARGETS, wait

GRAY = uplink("clean 500ms  alarm-every 1e6")


def watch(lab, agent=None, **kw):
    a = lab.anod(LINKS + A_WAY_OUT + STEER + (agent or uplink()), **kw)
    probed(a)
    return a


def no_proposal(a):
    """What would have been proposed is so by the time that everything else was said."""
    return not a.ledger("decision") and not a.ledger("tx")


def blackhole(lab, isp):
    """The provider's link and gateway are well; nothing behind them answers."""
    for t in TARGETS:
        lab.ip(isp, "addr", "del", t + "/32", "dev", "lo")
        lab.ip(isp, "route", "add", "blackhole", t + "/32")


@pytest.mark.parametrize("args", [[], ["--single"]], ids=["processes", "single"])
def test_carrier_loss_is_left_at_once_and_returned_from_after_the_clean_time(lab, args):
    before = lab.routes()
    a = watch(lab, args=args)
    lab.carrier("wan0", False)
    wait("traffic leaves by wan1", lambda: lab.way() == "wan1")
    assert ended(a, 1)["state"] == "done"
    assert findings(a) == ["uplink-down"]
    plugged = time.time()
    lab.carrier("wan0", True)
    wait("the way back", lambda: lab.way() == "wan0")
    assert ended(a, 2)["state"] == "done"
    back = [o for o in a.ledger("decision") if o["tx"] == 2][0]
    assert stamp(back["t"]) - plugged >= 0.499
    wait("the finding is cleared", lambda: not findings(a))
    assert sorted(lab.routes().splitlines()) == sorted(before.splitlines())


def test_a_gateway_that_answers_no_arp_is_dead(lab):
    a = watch(lab)
    lab.ip("isp1", "link", "set", "r", "arp", "off")
    lab.ip("router", "neigh", "flush", "dev", "wan0")
    wait("traffic leaves by wan1", lambda: lab.way() == "wan1")
    wait("the gateway is named", lambda: findings(a) == ["gateway-dead"])
    assert a.fact("link/wan0.carrier") is True


def test_a_flush_of_the_neighbours_is_no_dead_gateway(lab):
    """The kernel says FAILED of each entry that 'ip neigh flush' takes."""
    a = watch(lab)
    monitor = Lines(lab, os.path.join(BUILD, "anodctl"), "--socket", a.rundir + "/anod.sock", "--json",
                    "facts", "neigh/wan0/10.1.0.1.state", "--watch")
    wait("the watch is there", lambda: monitor.all())
    for _ in range(3):
        seen = len(monitor.all())
        lab.ip("router", "neigh", "flush", "dev", "wan0")
        wait("the sensor has seen it", lambda: len(monitor.all()) > seen)
    probed(a)
    assert lab.way() == "wan0" and not findings(a) and no_proposal(a)


def test_a_provider_without_a_world_behind_it_is_dead_by_quorum(lab):
    a = watch(lab)
    blackhole(lab, "isp1")
    wait("traffic leaves by wan1", lambda: lab.way() == "wan1")
    assert findings(a) == ["uplink-dead"]
    assert ended(a)["state"] == "done"


def test_one_dead_target_of_two_is_not_a_dead_uplink(lab):
    a = watch(lab)
    lab.ip("isp1", "addr", "del", TARGETS[0] + "/32", "dev", "lo")
    lab.ip("isp1", "route", "add", "blackhole", TARGETS[0] + "/32")
    wait("it is seen", lambda: a.fact("path/wan0.targets_up") == 1)
    assert lab.way() == "wan0" and not findings(a, "uplink-dead") and no_proposal(a)


def test_gray_loss_is_left_although_every_target_answers(lab):
    a = watch(lab, GRAY)
    lab.loss("isp1", 25)
    wait("traffic leaves by wan1", lambda: lab.way() == "wan1")
    assert "uplink-gray-loss" in findings(a)
    assert a.fact("link/wan0.carrier") is True
    assert ended(a)["state"] == "done"


def test_loss_that_both_uplinks_see_is_nobodys_reason_to_steer(lab):
    a = watch(lab, GRAY)
    lab.loss("isp2", 25)  # first, so that it is known of wan1 by the time that wan0 shows it
    wait("wan1 is found lossy", lambda: findings(a, "uplink-gray-loss"))
    lab.loss("isp1", 25)
    wait("both are found lossy", lambda: len(findings(a, "uplink-gray-loss")) == 2)
    assert lab.way() == "wan0"
    assert not [t for t in a.final().values() if t["state"] == "done"]


def test_without_a_healthy_uplink_nothing_is_proposed(lab):
    lab.carrier("wan1", False)
    a = lab.anod(LINKS + A_WAY_OUT + STEER + uplink())
    wait("wan1 is down", lambda: findings(a) == ["uplink-down"])
    probed(a, "wan0")
    before = kernel(lab)
    blackhole(lab, "isp1")
    wait("both are found", lambda: sorted(findings(a)) == ["uplink-dead", "uplink-down"])
    assert no_proposal(a)
    assert kernel(lab) == before


def test_balance_shares_by_weight_and_leaves_the_sick_out(lab):
    a = watch(lab, uplink("clean 500ms  mode balance  weights 3, 1"))
    wait("both share", lambda: "weight 3" in lab.routes() and "weight 1" in lab.routes())
    assert ended(a, 1)["state"] == "done"
    lab.carrier("wan0", False)
    wait("wan1 alone", lambda: lab.way() == "wan1")
    assert ended(a, 2)["state"] == "done"


def test_a_healthy_router_is_left_alone(lab):
    before = kernel(lab)
    a = watch(lab)
    sent = a.fact("probe/wan0/%s.sent" % TARGETS[0])
    wait("a second of probes", lambda: a.fact("probe/wan0/%s.sent" % TARGETS[0]) >= sent + 20)
    assert not findings(a) and not a.incidents() and no_proposal(a)
    assert kernel(lab) == before
