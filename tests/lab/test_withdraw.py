"""A proposal that waits for signatures is withdrawn when its cause is gone."""
from common import A_WAY_OUT, LINKS, STEER, permit, probed, uplink
from lab import wait


def waiting(a):
    last = {o["tx"]: o["state"] for o in a.ledger("tx")}
    return [n for n, state in last.items() if state == "waiting"]


def test_the_daemon_outlives_what_is_withdrawn(lab):
    steer = STEER.replace("route.replace, route.del", "route.replace")
    a = lab.anod(LINKS + A_WAY_OUT + steer + uplink() + permit(
        "route.del", agent="uplink", level="approve by 1 of operators within 10m"))
    probed(a)
    for _ in range(3):
        lab.carrier("wan0", False)
        wait("it goes over wan1", lambda: lab.way() == "wan1")
        lab.carrier("wan0", True)
        n = wait("going back waits", lambda: waiting(a))[0]
        lab.carrier("wan0", False)
        end = wait("T%d has ended" % n, lambda: a.final().get(n))["transaction"]
        assert end["state"] == "expired" and "withdrawn" in end["why"], end
        lab.carrier("wan0", True)
        n = wait("going back waits again", lambda: waiting(a))[0]
        a.ctl("deny", "T%d" % n)
        a.ctl("resume")
        lab.ip("router", "route", "del", "default", "metric", "5")
        wait("all is well", lambda: not a.incidents(all=False))
    assert a.proc.poll() is None
