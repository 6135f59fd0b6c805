"""Verification beside control links, and changes that end when their reason has recovered."""
from common import LINKS, PLUGINS, ended, is_in, kernel, permit, puppet
from lab import wait

SETS = LINKS + "set alone = link { wan1 }\n"
MTU = puppet("link.set", "dev=wan1", "mtu=1401bytes")
ROUTE = puppet("route.replace", "dst=203.0.113.0/24", "dev=wan1", "via=10.2.0.1", "metric=7")


def mtu(lab, dev, n):
    lab.ip("router", "link", "set", dev, "mtu", str(n))


def held(a, tx):
    """Wait until it stands and may be taken back; its recovery."""
    def look():
        t = a.ask("show", id="T%d" % tx)["transaction"]
        return t["state"] == "commit" and t["recovery"]

    return wait("T%d stands" % tx, look)


def test_a_control_link_that_changes_as_well_makes_it_inconclusive(lab):
    before = kernel(lab)
    text = SETS + permit("link.set", "verify within 2s that link.mtu >= 1000 against uplinks",
                         "confirm after 1s")
    a = lab.anod(text + MTU, args=PLUGINS)
    is_in(a, "soak", 1)
    mtu(lab, "wan0", 900)
    t = ended(a, 1)
    assert t["state"] == "rolled back", t
    assert "inconclusive: control link wan0 met the condition before and does not now" in t["why"]
    mtu(lab, "wan0", 1500)
    assert kernel(lab) == before


def test_control_links_that_stay_as_they_are_prove_it(lab):
    text = SETS + permit("link.set", "verify within 2s that link.mtu >= 1000 against uplinks",
                         "confirm after 200ms")
    a = lab.anod(text + MTU, args=PLUGINS)
    assert ended(a, 1)["state"] == "done"


def test_without_a_control_link_nothing_is_proven(lab):
    before = kernel(lab)
    text = SETS + permit("link.set", "verify within 500ms that link.mtu >= 1000 against alone")
    a = lab.anod(text + MTU, args=PLUGINS)
    t = ended(a, 1)
    assert t["state"] == "rolled back", t
    assert "no control link of alone could be measured" in t["why"]
    assert kernel(lab) == before


def test_a_change_ends_when_its_reason_has_recovered(lab):
    before = kernel(lab)
    text = SETS + permit("route.replace", "verify within 1s that link.admin_up",
                         "undo after 1h", "recover when link.mtu == 1450 probation 2s")
    a = lab.anod(text + ROUTE, args=PLUGINS)
    assert held(a, 1)["hold_us"] == 0
    mtu(lab, "wan1", 1450)
    t = ended(a, 1)
    assert t["state"] == "rolled back" and "recovered: link.mtu == 1450" in t["why"], t
    mtu(lab, "wan1", 1500)
    assert kernel(lab) == before

    # Again within its probation: the next return takes so long.
    a.write(text + ROUTE.replace("metric=7", "metric=8"))
    a.ctl("reload")
    tx = wait("it acts again", lambda: max(o.get("tx", 0) for o in a.ledger() if o.get("tx") != 1))
    assert held(a, tx)["hold_us"] == 2000000
    mtu(lab, "wan1", 1450)
    wait("it is true", lambda: held(a, tx).get("since_us"))
    t = ended(a, tx)
    assert t["state"] == "rolled back", t
