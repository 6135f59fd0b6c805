"""The flap agent: penalties of a link that comes and goes."""
from common import A_WAY_OUT, LINKS, PLUGINS, ended, findings, permit, puppet
from lab import wait

FLAP = "agent flap { suppress 3000  reuse 2000  half-life 2s  max-suppress 60s %s }\n"


def flap(lab, times):
    for _ in range(times):
        lab.carrier("wan1", False)
        lab.carrier("wan1", True)


def test_a_flapping_link_is_found_and_forgiven(lab):
    a = lab.anod(LINKS + A_WAY_OUT + FLAP % "")
    flap(lab, 4)
    wait("it is found", lambda: findings(a) == ["link-flapping"])
    assert "wan1" in a.ctl("show", "I1")
    wait("it is forgiven", lambda: not findings(a))
    wait("the incident is closed", lambda: not a.incidents(all=False))


def test_a_few_flaps_are_no_finding(lab):
    a = lab.anod(LINKS + A_WAY_OUT + FLAP % "")
    flap(lab, 2)
    wait("they are counted", lambda: a.fact("link/wan1.carrier_down") >= 2)
    assert not findings(a) and not a.incidents()


def test_a_flapping_uplink_is_held_down_while_another_is_there(lab):
    a = lab.anod(LINKS + A_WAY_OUT + FLAP % "hold down" +
                 permit("link.down, link.up", agent="flap"))
    flap(lab, 5)
    t = ended(a)
    assert t["state"] == "done" and t["actions"] == ["link.down dev wan1"], t
    assert ",UP" not in lab.ip("router", "link", "show", "wan1")
    assert ended(a, 2)["actions"] == ["link.up dev wan1"]
    assert ",UP" in lab.ip("router", "link", "show", "wan1")


def test_the_last_uplink_is_not_held_down(lab):
    lab.carrier("wan0", False)
    a = lab.anod(LINKS + A_WAY_OUT + FLAP % "hold down" +
                 permit("link.down, link.up", agent="flap"))
    flap(lab, 5)
    wait("it is found", lambda: findings(a) == ["link-flapping"])
    wait("it is forgiven", lambda: not findings(a))
    assert not [t for t in a.final().values() if t["state"] == "done"]


def test_what_anod_does_itself_costs_a_link_nothing(lab):
    """Down and up by transactions: the carrier goes as well, and nobody is to blame."""
    blocks = "".join(puppet(kind, "dev=wan1", name="p%d" % n, verify=verify)
                     for n, (kind, verify) in enumerate([
                         ("link.down", "link.wan1.admin_up == false")]))
    a = lab.anod(LINKS + FLAP.replace("3000", "900").replace("2000", "800") % "" + blocks +
                 permit("link.down", agent="any"), args=PLUGINS)
    assert ended(a)["state"] == "done"
    wait("the carrier went too", lambda: a.fact("link/wan1.carrier_down") >= 1)
    lab.carrier("wan0", False)  # a flap of somebody else is told after it, so it was looked at
    wait("wan0 is found", lambda: findings(a) == ["link-flapping"])
    assert [f["raw"] for f in a.ask("facts", pattern="finding/*.entity")["facts"]] == ["wan0"]
