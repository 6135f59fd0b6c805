"""Reflexes of a real daemon: armed, fired by a lost carrier, verified, put back, disarmed."""
import pytest
from common import LINKS, kernel
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
