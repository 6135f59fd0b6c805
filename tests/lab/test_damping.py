"""What is built in against flapping and against two that want the same, with the real daemon."""
from common import A_WAY_OUT, LINKS, PLUGINS, STEER, ended, is_in, permit, probed, puppet, uplink
from lab import wait

FLIP = (("mode", "flip"), ("kind2", "link.set"), ("args2", ["dev=wan1", "mtu=1500bytes"]))
WAN1 = "verify within 1s that link.wan1.admin_up"


def rule(dev="wan1"):
    return permit("link.set", "verify within 1s that link.%s.admin_up" % dev, agent="any")


def denied(a):
    return wait("it is stopped", lambda: next((t["transaction"] for t in a.final().values()
                                               if t["state"] == "denied"), None))


def after(a, tx):
    return wait("a transaction after T%d" % tx, lambda: min(
        (o["tx"] for o in a.ledger() if o["kind"] == "decision" and o["tx"] > tx), default=0))


def test_what_is_changed_to_and_fro_is_left_alone_by_everybody(lab):
    a = lab.anod(LINKS + rule() + puppet("link.set", "dev=wan1", "mtu=1400bytes", **dict(FLIP)),
                 args=PLUGINS)
    last = denied(a)
    done = [t for t in a.final().values() if t["state"] == "done"]
    assert len(done) == 3, "there, back, there"
    assert last["level"] == "observe"
    why = a.ctl("why", "T%d" % last["id"])
    assert "damped: link wan1 was turned round 2 times in 30m; locked until" in why, why
    assert "link wan1 was turned round 2 times" in a.ctl("damping")
    row = a.ask("damping")["damping"]
    assert [(r["resource"], r["locked"], r["reversals"], r["locks"]) for r in row] == [
        ("link wan1", True, 2, 1)], row
    told = [o for o in a.ledger() if o["kind"] == "damping"]
    assert len(told) == 1 and told[0]["resource"] == "link wan1", told
    assert told[0]["severity"] == "major"

    # Whoever proposes, and over a death of the daemon; another link is another matter.
    a.write(LINKS + rule() + puppet("link.set", "dev=wan1", "mtu=1450bytes", name="other"))
    a.kill()
    a.proc.wait()
    a.up()
    t = ended(a, after(a, last["id"]))
    assert t["state"] == "denied" and "damped: link wan1" in t["why"], t
    a.write(LINKS + rule("wan0") + puppet("link.set", "dev=wan0", "mtu=1450bytes", name="third"))
    a.ctl("reload")
    t = ended(a, after(a, t["id"]))
    assert t["state"] == "done", t

    # It can be switched off, but that has to be written.
    a.write(LINKS + "damping off\n" + rule() +
            puppet("link.set", "dev=wan1", "mtu=1450bytes", name="fourth"))
    a.ctl("reload")
    t = ended(a, after(a, t["id"]))
    assert t["state"] == "done", t
    assert a.ctl("damping").strip() == "damping is off"


def test_links_that_fail_together_are_changed_one_after_the_other(lab):
    ducts = LINKS.replace("{ role uplink }", "{ role uplink  srlg duct-a }", 2)
    a = lab.anod(ducts + permit("link.set", "verify within 1s that link.admin_up",
                                "confirm after 3s", agent="any") +
                 puppet("link.set", "dev=wan0", "mtu=1400bytes", name="one") +
                 puppet("link.set", "dev=wan1", "mtu=1400bytes", name="two"), args=PLUGINS)
    is_in(a, "waiting", 2)
    shown = a.ctl("show", "T2")
    assert 'T1 holds srlg "duct-a" (link wan' in shown, shown
    assert ended(a, 1)["state"] == "done"
    assert ended(a, 2)["state"] == "done"


def test_a_storm_is_spread(lab):
    a = lab.anod(LINKS + "damping off\nbrake { apply 3 per 1h }\n" + rule() +
                 puppet("link.set", "dev=wan1", "mtu=1400bytes", **dict(FLIP)), args=PLUGINS)
    is_in(a, "waiting", 4)
    assert "at most 3 changes per 1h" in a.ctl("show", "T4")
    assert "3 changes per 1h are used up" in a.ctl("status")
    # A restart does not fill the bucket.
    a.kill()
    a.proc.wait()
    a.up()
    brake = a.ask("status")["brake"]
    assert brake["rates"] == [{"count": 3, "per_us": 3600000000, "left": 0}], brake


def test_when_too_many_are_sick_nothing_is_done_by_itself(lab):
    a = lab.anod(LINKS + "brake { sick more than 40% of uplinks }\n" + A_WAY_OUT + STEER + uplink())
    probed(a)
    lab.carrier("wan0", False)
    t = ended(a, 1)
    assert t["state"] == "denied", t
    assert "1 of 2 in set uplinks have findings, more than 40%" in t["why"], t
    assert "1 of 2 in set uplinks" in a.ctl("status")
