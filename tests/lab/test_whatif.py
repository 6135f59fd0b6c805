"""Asking before acting: what "anodctl whatif" says is what the kernel then does."""
import json

from common import A_WAY_OUT, LINKS, STEER, uplink
from lab import wait
from test_operation import ctl


def asked(a, *words):
    status, text = ctl(a, "--json", "whatif", *words)
    return status, json.loads(text)


def start(lab, more=""):
    a = lab.anod(LINKS + A_WAY_OUT + STEER + uplink() + more)
    wait("in sync", lambda: a.ask("status")["in_sync"])
    return a


def test_it_says_what_moves_where_and_the_kernel_agrees(lab):
    a = start(lab)
    before = lab.routes()
    status, d = asked(a, "link", "wan0", "down")
    assert status == 0 and d["possible"], d
    move = [m for m in d["moves"] if m["example"] == "0.0.0.0/0"][0]
    assert [leg["dev"] for leg in move["from"]["legs"]] == ["wan0"]
    assert [leg["dev"] for leg in move["to"]["legs"]] == ["wan1"]
    assert lab.routes() == before and not a.ledger("decision"), "asking changes nothing"
    a.stop()
    lab.ip("router", "link", "set", "wan0", "down")
    assert lab.way() == "wan1"


def test_it_says_what_is_lost_and_who_says_no(lab):
    a = start(lab)
    status, d = asked(a, "link wan0 down; link wan1 down")
    assert status == 1 and d["lost"] == 3, d
    assert [v["name"] for v in d["judged"]["invariants"] if v["holds"] != "true"]
    status, text = ctl(a, "whatif", "link wan0 down; link wan1 down")
    assert status == 1 and "SAYS NO" in text and "3 of " in text, text
    assert "0.0.0.0/0" in text and "no route" in text, text


def test_it_answers_for_agents(lab):
    a = start(lab)
    new = "route replace default via 10.2.0.1 dev wan1 metric 5"
    status, d = asked(a, new)
    assert status == 0 and [(x["agent"], x["level"]) for x in d["answers"]] == [("uplink", "auto")]
    assert asked(a, "--as", "stranger", new)[1]["answers"][0]["level"] == "deny"


def test_mistakes_are_named(lab):
    a = start(lab)
    for words, said in (("link wan0 dwn", "did you mean 'link.down'?"),
                        ("route del 10.9.0.0/16", "there is no route to 10.9.0.0/16"),
                        ("route add 10.9.0.0/16 dev wan9", "wan9"),
                        ("route add 10.9.0.0/16 metirc 5", "did you mean 'metric'?"),
                        ("", "wrong use"), (";", "expected an action")):
        status, text = ctl(a, "whatif", words)
        assert status != 0 and said in text, (words, text)


def test_a_snapshot_is_the_router_as_text(lab):
    a = start(lab)
    status, text = ctl(a, "snapshot")
    assert status == 0
    assert "link wan0 index " in text and "addr 10.1.0.2/30 dev wan0" in text
    assert "route 0.0.0.0/0 via 10.1.0.1 dev wan0 metric 100" in text
    assert "fact link.wan0.carrier true" in text
    assert not [line for line in text.splitlines() if line.startswith("fact") and line.endswith(" unknown")]
