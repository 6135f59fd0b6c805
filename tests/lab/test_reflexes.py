"""Reflexes of a real daemon: armed, fired by a lost carrier, verified, put back, disarmed."""
import pytest
from common import LINKS, kernel, uplink
from lab import SERVER, wait

PERMIT = """
permit "standby" {
    agent   reflex
    action  %s
    level   auto
    when    %s
    verify  within 2s that link.wan1.carrier == true
    confirm after 100ms
    %s
    reflex { trigger link wan0
             standby wan1 via 10.2.0.1
             refractory 500ms  %s }
}
"""


def conf(action="route.*, link.set, nexthop.*", when="link.wan1.admin_up == true", terms="",
         more=""):
    return LINKS + PERMIT % (action, when, terms, more)


def reflex(a):
    return a.ask("reflexes")["reflexes"][0]


def state(a, *want):
    r = reflex(a)
    return r if r["state"] in want else None


def armed(a, kind):
    try:
        r = wait("it is armed", lambda: state(a, "armed"), 10)
    except RuntimeError as e:
        raise RuntimeError("%s: %s" % (e, reflex(a)))
    assert r["kind"] == kind, r
    return r


def settled(a, n=1):
    """The account of the n-th firing, when it is closed."""
    def closed():
        f = reflex(a)["firings"]
        return len(f) >= n and f[0]["end"] != "open" and f[0]
    return wait("firing %d is accounted" % n, closed, 10)


def did(a):
    return [o["did"] for o in a.ledger("reflex")]


def test_the_kernel_is_armed_with_a_second_metric(lab):
    lab.ip("router", "route", "del", "default", "via", "10.2.0.1", "dev", "wan1")
    before = kernel(lab)
    a = lab.anod(conf())
    r = armed(a, "kernel")
    assert "second route" in r["chosen"]
    assert "default via 10.2.0.1 dev wan1" in lab.routes()
    assert r["effect"]["mended"] >= 1 and r["effect"]["lost"] == 0
    d = [o for o in a.ledger("decision") if o["tx"] == r["tx"]][-1]
    assert "link wan0 loses its carrier" in d["decision"]["assuming"]
    lab.carrier("wan0", False)
    wait("the kernel has switched", lambda: lab.way() == "wan1", 5)
    assert settled(a)["end"] == "verified"
    lab.carrier("wan0", True)
    wait("the kernel goes back", lambda: lab.way() == "wan0", 5)
    armed(a, "kernel")
    assert did(a)[:3] == ["armed", "fired", "verified"]
    # It is not wanted any more: what it made goes with it.
    a.write(LINKS)
    a.ctl("reload")
    wait("it is disarmed", lambda: kernel(lab) == before, 5)


def test_the_incident_of_the_link_tells_of_the_firing(lab):
    """Also when the kernel was done before an agent has found the loss."""
    a = lab.anod(conf() + uplink())
    armed(a, "kernel")
    lab.carrier("wan0", False)
    wait("it is told", lambda: any(
        "uplink-down" in text and 'reflex "standby" fired, by the kernel itself: verified' in text
        for text in [a.ctl("show", "I%d" % i["id"]) for i in a.incidents()]), 5)


def nexthops(lab):
    """The default route by a next-hop group of anod's own, with one member."""
    lab.ip("router", "route", "flush", "root", "0.0.0.0/0", "exact", "0.0.0.0/0")
    lab.ip("router", "nexthop", "add", "id", "11", "via", "10.1.0.1", "dev", "wan0", "protocol", "173")
    lab.ip("router", "nexthop", "add", "id", "77", "group", "11", "protocol", "173")
    lab.ip("router", "route", "add", "default", "nhid", "77", "metric", "50", "protocol", "173")


def test_a_group_gets_a_standby_and_its_primary_back(lab):
    nexthops(lab)
    before = kernel(lab)
    a = lab.anod(conf())
    r = armed(a, "kernel")
    assert "by next-hop groups" in r["chosen"]
    assert "group 11,255/" in lab.ip("router", "nexthop")
    lab.carrier("wan0", False)
    wait("the kernel has switched", lambda: lab.way() == "wan1", 5)
    f = settled(a)
    assert f["end"] == "verified", f
    assert reflex(a)["state"] == "refractory"
    assert "id 11 " not in lab.ip("router", "nexthop"), "the kernel has deleted it"
    lab.carrier("wan0", True)
    wait("the primary is put back", lambda: "put back" in did(a), 10)
    armed(a, "kernel")
    assert "group 11,255/" in lab.ip("router", "nexthop")
    assert lab.way() in ("wan0", "wan1")  # one flow of 256 goes over the standby
    back = [o for o in a.ledger("tx") if o["state"] == "done"]
    assert back, "it was a transaction of its own"
    # A second time, then the policy asks no more.
    lab.carrier("wan0", False)
    assert settled(a, 2)["end"] == "verified"
    lab.carrier("wan0", True)
    wait("it is put back again", lambda: did(a).count("put back") == 2, 10)
    armed(a, "kernel")
    a.write(LINKS)
    a.ctl("reload")
    # The next hop that it made for the first firing stays, unused.
    wait("it is disarmed", lambda: [w for w in kernel(lab).splitlines() if "id 173010" not in w]
         == before.splitlines(), 5)
    wait("the ledger says so", lambda: did(a)[-1] == "disarmed", 5)


def test_ready_bytes_fire_are_verified_and_taken_back(lab):
    lab.ip("router", "route", "del", "default", "via", "10.2.0.1", "dev", "wan1")
    before = kernel(lab)
    a = lab.anod(conf(action="route.replace, route.del"))
    r = armed(a, "ready")
    assert "does not allow link.set" in r["chosen"]
    assert kernel(lab) == before, "nothing is applied yet"
    lab.carrier("wan0", False)
    wait("the guardian has fired", lambda: lab.way() == "wan1", 5)
    f = settled(a)
    assert f["end"] == "verified", f
    assert f["cause"] == "the kernel told" and 0 < f["took_us"] < 100000, f
    assert "fired" in did(a)
    lab.carrier("wan0", True)
    wait("its route goes", lambda: "metric 99" not in lab.routes(), 10)
    armed(a, "ready")
    assert lab.way() == "wan0"


def test_it_is_disarmed_when_a_fact_is_not_so_any_more(lab):
    a = lab.anod(conf(action="route.replace, route.del", when="link.lan0.carrier == true"))
    armed(a, "ready")
    lab.ip("client", "link", "set", "eth0", "down")
    r = wait("it is disarmed", lambda: state(a, "waiting"), 5)
    assert "link.lan0.carrier" in r["why"], r
    assert did(a)[-1] == "disarmed"
    lab.carrier("wan0", False)
    wait("the loss is seen", lambda: a.fact("link/wan0.carrier") is False, 5)
    assert lab.way() != "wan1" or "metric 99" not in lab.routes()
    lab.carrier("wan0", True)
    lab.ip("client", "link", "set", "eth0", "up")
    armed(a, "ready")


def test_it_is_disarmed_when_the_standby_goes_and_armed_when_it_is_back(lab):
    a = lab.anod(conf(action="route.replace, route.del"))
    armed(a, "ready")
    lab.carrier("wan1", False)
    r = wait("it is disarmed", lambda: state(a, "waiting"), 5)
    assert "standby wan1 has no carrier" in r["why"], r
    lab.carrier("wan1", True)
    armed(a, "ready")


def test_an_invariant_of_the_state_after_the_trigger_is_asked(lab):
    broken = "invariant \"two\" { require count(uplinks up) >= 2 %s }\n"
    a = lab.anod(conf() + broken % "")
    r = wait("it is not armed, and says why",
             lambda: state(a, "waiting") and "assuming" in reflex(a)["why"] and reflex(a), 10)
    assert "assuming link wan0 has lost its carrier" in r["why"], r
    a.write(conf() + broken % "\n if broken now allow when not worse\n")
    a.ctl("reload")
    armed(a, "kernel")


def test_a_condition_triggers_actions_of_the_policy(lab):
    a = lab.anod(LINKS + """
permit "own" {
    agent reflex  action route.replace  level auto
    verify within 2s that link.lan0.carrier == false
    confirm after 100ms
    reflex { trigger when link.lan0.carrier == false  refractory 200ms
             do "route.replace dst 203.0.113.0/24 via 10.2.0.1 dev wan1" }
}
""")
    armed(a, "ready")
    assert "203.0.113.0/24" not in lab.routes()
    lab.ip("client", "link", "set", "eth0", "down")
    wait("it has fired", lambda: "203.0.113.0/24 via 10.2.0.1" in lab.routes(), 5)
    f = settled(a)
    assert f["end"] == "verified" and f["cause"] == "its condition became true", f


def test_what_does_not_verify_is_undone(lab):
    a = lab.anod(conf(action="route.replace, route.del").replace(
        "that link.wan1.carrier == true", "that link.lan0.carrier == false"))
    armed(a, "ready")
    lab.carrier("wan0", False)
    f = settled(a)
    assert f["end"] == "undone", f
    assert "metric 99" not in lab.routes()
    assert reflex(a)["undone"] == 1


def test_the_account_outlives_a_restart_and_nothing_is_left_armed_twice(lab):
    nexthops(lab)
    a = lab.anod(conf())
    armed(a, "kernel")
    lab.carrier("wan0", False)
    settled(a)
    a.kill()
    a.up()
    r = wait("it waits for its link", lambda: state(a, "refractory"), 10)
    assert r["fired"] == 1 and r["firings"][0]["end"] == "verified", r
    lab.carrier("wan0", True)
    wait("the primary is put back by the next run", lambda: "put back" in did(a), 10)
    r = armed(a, "kernel")
    tx = r["tx"]
    a.kill()
    a.up()
    r = armed(a, "kernel")
    assert "group 11,255/" in lab.ip("router", "nexthop")
    assert r["tx"] == tx, "it was adopted, not armed again"
    assert did(a)[-1] == "adopted"


@pytest.mark.parametrize("who", ["guardian", "exec"])
def test_it_is_armed_again_when_a_process_dies(lab, who):
    import os
    import signal
    a = lab.anod(conf(action="route.replace, route.del"))
    armed(a, "ready")
    old = a.pids()[who]
    os.kill(old, signal.SIGKILL)
    wait("a new one is there", lambda: a.pids().get(who) not in (None, 0, old), 10)
    armed(a, "ready")
    lab.carrier("wan0", False)
    wait("it fires", lambda: "metric 99" in lab.routes(), 5)
    assert settled(a)["end"] == "verified"
    assert lab.way(SERVER) == "wan1"


def test_it_is_disarmed_when_a_fact_is_unknown(lab):
    lab.ip("router", "link", "add", "d0", "type", "veth", "peer", "name", "d1")
    for dev in ("d0", "d1"):
        lab.ip("router", "link", "set", dev, "up")
    a = lab.anod(conf(when="link.d0.carrier == true"))
    armed(a, "kernel")
    before = kernel(lab)
    lab.ip("router", "link", "del", "d0")
    r = wait("it is disarmed", lambda: state(a, "waiting"), 5)
    assert "link.d0.carrier unknown" in r["why"], r
    assert did(a)[-1] == "disarmed"
    assert kernel(lab) != before, "what was armed is taken back"


def test_another_clause_disarms_and_arms_anew(lab):
    a = lab.anod(conf(action="route.replace, route.del"))
    old = armed(a, "ready")
    a.write(conf(action="route.replace, route.del", more="sentinel 5ms"))
    a.ctl("reload")
    r = wait("another one is armed",
             lambda: state(a, "armed") and reflex(a)["tx"] != old["tx"] and reflex(a), 10)
    assert r["kind"] == "ready"
    assert "disarmed" in did(a)


def test_nothing_is_armed_during_a_pause(lab):
    a = lab.anod(conf(action="route.replace, route.del"))
    armed(a, "ready")
    a.ctl("pause")
    r = wait("it is disarmed", lambda: state(a, "waiting"), 5)
    lab.carrier("wan0", False)
    wait("the loss is seen", lambda: a.fact("link/wan0.carrier") is False, 5)
    assert "metric 99" not in lab.routes()
    lab.carrier("wan0", True)
    a.ctl("resume")
    armed(a, "ready")
    assert "paused" in r["why"], r


def bird(lab, n=50):
    """Routes of somebody else's over wan0: protocol 12 is BIRD's."""
    for i in range(n):
        lab.ip("router", "route", "add", "172.16.%d.0/24" % i, "via", "10.1.0.1", "dev", "wan0",
               "metric", "32", "proto", "12")


def test_a_bridge_with_a_scope_ends_when_its_own_routes_have_moved(lab):
    bird(lab)
    nets = "set nets = prefix { 172.16.0.0/12 }\n"
    a = lab.anod(nets + conf(action="rule.add", more="for nets"))
    r = armed(a, "bridge")
    assert "default" not in lab.ip("router", "route", "show", "table", str(r["bridge"]["table"]))
    lab.carrier("wan0", False)
    wait("it leads around", lambda: lab.way("172.16.7.1") == "wan1", 5)
    for i in range(50):
        lab.ip("router", "route", "replace", "172.16.%d.0/24" % i, "via", "10.2.0.1", "dev",
               "wan1", "metric", "32", "proto", "12")
    f = settled(a)  # though the default stays on the lost link for ever
    assert f["end"] == "verified" and "converged" in f["why"], f
    assert "lookup %d" % r["bridge"]["table"] not in lab.ip("router", "rule")


def test_a_bridge_leads_around_the_routes_of_a_daemon(lab):
    bird(lab)
    # What does not move away would have to be waited for.
    lab.ip("router", "route", "del", "default", "via", "10.1.0.1", "dev", "wan0")
    lab.ip("router", "route", "del", "default", "via", "10.2.0.1", "dev", "wan1")
    a = lab.anod(conf(action="rule.add"))
    r = armed(a, "bridge")
    assert "routing daemon's" in r["chosen"]
    table = lab.ip("router", "route", "show", "table", str(r["bridge"]["table"]))
    assert "172.16.7.0/24 via 10.2.0.1 dev wan1" in table, table
    assert "lookup %d" % r["bridge"]["table"] not in lab.ip("router", "rule")
    # The table follows the daemon.
    lab.ip("router", "route", "add", "172.17.0.0/24", "via", "10.1.0.1", "dev", "wan0", "metric",
           "32", "proto", "12")
    wait("the table has it", lambda: "172.17.0.0/24" in lab.ip(
        "router", "route", "show", "table", str(r["bridge"]["table"])), 5)
    assert reflex(a)["state"] == "armed" and reflex(a)["tx"] == r["tx"]
    lab.carrier("wan0", False)
    wait("it leads around", lambda: lab.way("172.16.7.1") == "wan1", 5)
    assert lab.way("172.17.0.1") == "wan1"
    wait("it is told of", lambda: "fired" in did(a), 5)
    # The daemon converges: its routes go another way.
    for i in range(50):
        lab.ip("router", "route", "replace", "172.16.%d.0/24" % i, "via", "10.2.0.1", "dev",
               "wan1", "metric", "32", "proto", "12")
    lab.ip("router", "route", "replace", "172.17.0.0/24", "via", "10.2.0.1", "dev", "wan1",
           "metric", "32", "proto", "12")
    f = settled(a)
    assert f["end"] == "verified" and "converged" in f["why"], f
    assert "lookup %d" % r["bridge"]["table"] not in lab.ip("router", "rule")
    assert lab.way("172.16.7.1") == "wan1"
