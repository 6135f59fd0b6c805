"""Functions over time in a policy: kept while it reads them, named in its decisions."""
import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "examples", "lab"))
import lab  # noqa: E402

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="namespaces need root")

POLICY = """
policy "over time" revision 1
link wan0 { role uplink }
link wan1 { role uplink }
sensor counters { period 500ms }
set uplinks = link where role == uplink
agent uplink { uplinks wan0, wan1  clean 1s }
permit "steer" {
    agent   uplink
    action  route.replace, route.del
    on      uplinks
    level   auto
    verify  within 3s that link.carrier for 500ms and rate(link.rx_bytes, 2s) >= 0bps
}
forbid "storm" { when rate(link.rx_bytes, 2s) > 100Gbps or high(rate(link.rx_packets, 2s), 3s) > 1M }
%s
"""


def statistics(anod):
    return anod.ask("status")["statistics"]


def test_a_guard_over_time_decides_and_its_columns_go_with_it():
    with lab.Lab() as net:
        anod = net.anod(POLICY % "")
        assert statistics(anod)["columns"] == 3
        for link in "wan0", "wan1":
            lab.wait("a whole window", lambda link=link: anod.fact(
                "link/%s.high(rate(rx_packets, 2s), 3s)" % link) is not None)
        assert anod.fact("link/wan1.rate(rx_bytes, 2s)") is not None
        net.carrier("wan0", False)
        lab.wait("done", lambda: [t for t in anod.final("uplink").values()
                                  if t["state"] == "done"])
        number = list(anod.final("uplink"))[0]
        assert "rate(rx_bytes, 2s)" in anod.ctl("why", "T%d" % number)

        # Another policy: what both read goes on, what is new begins, what is left is withdrawn.
        anod.write(POLICY.replace("high(rate(link.rx_packets, 2s), 3s)",
                                  "low(link.rx_pps, 2s)") % "")
        anod.ctl("reload")
        lab.wait("the old ones are gone", lambda: statistics(anod)["columns"] == 2)
        assert anod.fact("link/wan1.rate(rx_bytes, 2s)") is not None
        assert anod.fact("link/wan1.high(rate(rx_packets, 2s), 3s)") is None
        lab.wait("the new one", lambda: anod.fact("link/wan1.low(rx_pps, 2s)") is not None)
        assert anod.stop() == 0


def test_a_policy_that_would_keep_too_much_is_refused_with_its_place():
    many = "".join('forbid "f%d" { when mean(link.rx_bps, %ds) > 1Gbps }\n' % (n, n)
                   for n in range(2, 300))
    with lab.Lab() as net:
        anod = net.anod(POLICY % "")
        anod.write(POLICY % many)
        said = anod.ctl("reload", check=False)
        assert "256 statistics" in said and ":2" in said, said
        assert statistics(anod)["columns"] == 3
        assert statistics(anod)["refused"] == 1
        lab.wait("the old ones go on", lambda: anod.fact(
            "link/wan1.rate(rx_bytes, 2s)") is not None)
        assert anod.stop() == 0
