"""The triage agent, in a whole daemon, against a real small model.

Nothing here says that the model is right: every answer ends inside its deadline, is valid or
refused with a reason, stands in the incident with its cause and its tokens, and changes nothing
that the policy does not allow.
"""
import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "examples", "lab"))
sys.path.insert(0, HERE)
import lab  # noqa: E402
import test_model  # noqa: E402

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="namespaces need root")
TIMEOUT_S = 60

CONFIG = """
policy "triage" revision 1
link wan0 { role uplink }
link wan1 { role uplink }
set uplinks = link where role == uplink
agent uplink { uplinks wan0, wan1  probe 192.0.2.1, 198.51.100.1 every 100ms  clean 1s }
agent triage { timeout %ds  again 1s }
endpoint small { provider openai  url "http://127.0.0.1:18095/v1"  model "gemma-3-270m"
                 timeout %ds  grammar on }
invariant "a way out" { require count(uplinks up) >= 1 }
permit "whatever a model says" {
    agent   triage
    action  link.*, route.*
    level   auto
    verify  within 1s
}
""" % (TIMEOUT_S, TIMEOUT_S)


@pytest.fixture(scope="module")
def net():
    python = test_model.install()
    with lab.Lab() as l:
        with open(os.path.join(l.dir, "model.log"), "wb") as log:
            l.start("router", python, os.path.join(HERE, "../../examples/model/serve.py"), 18095,
                    stdout=log, stderr=log)
        lab.wait("the model is loaded", lambda: '"ok"' in l.do(
            "router", "curl", "-s", "http://127.0.0.1:18095/health", check=False),
            test_model.START_S, 0.5)
        yield l


def faults(net):
    """Three faults with rivals or without a cure, one after the other."""
    net.loss("isp1", 100)
    yield
    net.loss("isp2", 100)
    yield
    net.loss("isp1", 0)
    net.loss("isp2", 0)
    net.carrier("wan0", False)
    yield


def test_every_answer_ends_is_checked_and_is_in_the_incident(net):
    anod = net.anod(CONFIG)
    for n, _ in enumerate(faults(net), 1):
        lab.wait("answer %d" % n, lambda: len(anod.ledger("answer")) >= n, 4 * TIMEOUT_S, 0.2)
    answers = anod.ledger("answer")
    for a in answers:
        assert a["took_us"] <= (TIMEOUT_S + 1) * 1e6, a
        assert a["error"] == 0 or a["why"], "refused without a reason: %s" % a
        assert a["tokens_in"] > 0 or a["error"], a
    lines = [line["text"] for i in anod.incidents()
             for line in anod.ask("show", id="I%d" % i["id"])["incident"]["lines"]
             if line["kind"] == "answer"]
    assert len(lines) >= len(answers) - 1
    assert all("tokens in" in text and ("cause" in text or "no usable answer" in text)
               for text in lines), lines
    up = [w for w in ("wan0", "wan1") if "UP" in net.ip("router", "-br", "link", "show", w)]
    assert up, "the model talked the router off the net"
    decided = {o["tx"] for o in anod.ledger("decision")}
    assert set(anod.final("triage")) <= decided
    assert "good" in anod.ctl("ledger", "verify")
    for a in answers:
        print("%6.1f s  %4d in %3d out  %s" % (a["took_us"] / 1e6, a["tokens_in"],
                                                a["tokens_out"], a["cause"] or a["why"]))
