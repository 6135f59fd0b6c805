"""An undo that the kernel refuses: stuck, and what the safe profile then does."""
from common import LINKS, PLUGINS, ended, is_in, permit, puppet
from lab import wait

SAFE = """
anod { safe "link.up dev wan0", "route.replace dst 192.0.2.0/24 via 10.2.0.1 dev wan1" }
permit "safe profile" {
    agent   safe
    action  link.up%s
    level   auto
    verify  within 5s
}
"""
ROUTE = puppet("route.replace", "dst=203.0.113.0/24", "dev=wan1", "via=10.2.0.1", "metric=7")


def stuck(lab, config):
    lab.ip("router", "route", "add", "203.0.113.0/24", "via", "10.1.0.1", "dev", "wan0",
           "metric", "7", "proto", "173")
    a = lab.anod(LINKS + permit("route.replace", "confirm after 30s") + config + ROUTE,
                 args=PLUGINS)
    is_in(a, "soak", 1)
    lab.ip("router", "link", "set", "wan0", "down")
    a.ctl("rollback", "T1")
    t = ended(a, 1)
    assert t["state"] == "stuck" and "could not be undone" in t["why"], t
    return a


def proposals(a):
    """{reason of an action: its state} of the agent safe, when all have ended."""
    def look():
        found = {o["tx"]: o for o in a.ledger() if o["kind"] == "decision" and o["agent"] == "safe"}
        done = {tx: t["transaction"] for tx, t in a.final().items() if tx in found}
        return len(found) == 2 and len(done) == 2 and done

    return wait("the safe profile has ended", look)


def test_the_safe_profile_sets_the_uplink_up_and_leaves_out_what_no_rule_allows(lab):
    a = stuck(lab, SAFE % "")
    done = proposals(a)
    by_kind = {t["actions"][0].split()[0]: t for t in done.values()}
    assert by_kind["link.up"]["state"] == "done"
    assert by_kind["link.up"]["reason"] == "safe profile, because T1 is stuck"
    assert by_kind["route.replace"]["state"] == "denied"
    assert "state UP" in lab.ip("router", "link", "show", "wan0")
    assert "192.0.2.0/24" not in lab.ip("router", "route", "show")


def test_with_a_permit_the_known_way_is_set_too(lab):
    a = stuck(lab, SAFE % ", route.replace")
    assert {t["state"] for t in proposals(a).values()} == {"done"}
    assert "192.0.2.0/24 via 10.2.0.1" in lab.ip("router", "route", "show")
