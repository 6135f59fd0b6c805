"""The main job, end to end: a lost uplink, a verified repair, a record of both."""
import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "examples", "lab"))
import lab  # noqa: E402

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="namespaces need root")

POLICY = """
policy "smoke" revision 1
link wan0 { role uplink }
link wan1 { role uplink }
set uplinks = link where role == uplink
agent uplink { uplinks wan0, wan1  clean 1s }
invariant "a way out" {
    require count(uplinks up) >= 1
    if broken now  allow when not worse
}
permit "steer" {
    agent   uplink
    action  route.replace, route.del
    on      uplinks
    level   auto
    verify  within 2s that link.carrier == true
    confirm after 200ms
}
"""


def test_a_lost_uplink_is_left_and_taken_again():
    with lab.Lab() as net:
        anod = net.anod(POLICY)
        before = net.routes()
        net.carrier("wan0", False)
        lab.wait("traffic leaves by wan1", lambda: net.way() == "wan1")
        lab.wait("committed", lambda: [t for t in anod.final("uplink").values()
                                       if t["state"] == "done"])
        net.carrier("wan0", True)
        lab.wait("the steering route is gone", lambda: net.routes() == before)
        lab.wait("both are on record", lambda: len(
            [t for t in anod.final("uplink").values() if t["state"] == "done"]) == 2)
        decided = {o["tx"] for o in anod.ledger("decision")}
        assert set(anod.final()) <= decided, "a change without a decision"
        assert "good" in anod.ctl("ledger", "verify")
        assert anod.stop() == 0


def test_without_a_configuration_nothing_is_changed():
    with lab.Lab() as net:
        anod = net.anod()
        before = net.routes()
        net.carrier("wan0", False)
        lab.wait("an incident", anod.incidents)
        lab.wait("a denied proposal", lambda: anod.final("uplink"))
        assert net.routes().replace(" linkdown", "") == before
        number = list(anod.final("uplink"))[0]
        assert "permit" in anod.ctl("why", "T%d" % number)
