"""The triage agent with advisers that are wrong on purpose: the router is never worse off."""
import json
import os
import subprocess
import sys

import pytest

from common import (A_WAY_OUT, LINKS, PLUGINS, STEER, ended, findings, kernel, puppet, uplink)
from lab import TOP, wait

PORT = 18090
ENDPOINT = ('endpoint adviser { provider openai  url "http://127.0.0.1:%d/v1"  model "bad-adviser"  '
            "tier small  timeout 1s }\n" % PORT)
TRIAGE = "agent triage { timeout 1s }\n"
MAY_SHUT = """
permit "a model may shut links" {
    agent triage
    action link.down, link.set, route.metric
    level auto
    verify within 1s
    confirm after 50ms
}
"""
SICK = puppet(mode="find", finding="puppet-sickness")


def adviser(lab, *answers):
    """A scripted adviser in the router's namespace."""
    script = os.path.join(lab.dir, "answers.json")
    with open(script, "w") as f:
        json.dump(answers, f)
    lab.start("router", sys.executable, os.path.join(TOP, "examples", "adviser", "bad-adviser.py"),
              "--port", str(PORT), "--script", script, stdout=subprocess.DEVNULL,
              stderr=subprocess.DEVNULL)
    wait("the adviser listens",
         lambda: ":%d " % PORT in lab.do("router", "ss", "-ltnH") + " ")


def told(a):
    """The text of all incidents, once triage had its answer or none."""
    wait("triage had an answer", lambda: a.ledger("answer"))
    wait("it is told", lambda: findings(a, "triage-no-answer") or a.ledger("decision"))
    return "\n".join(a.ctl("show", "I%d" % i["id"]) for i in a.incidents())


def test_advice_to_shut_the_last_uplink_is_denied_by_the_invariant(lab):
    lab.carrier("wan0", False)
    wait("the kernel marks its routes", lambda: "linkdown" in kernel(lab))
    before = kernel(lab)
    adviser(lab, "shut")
    a = lab.anod(LINKS + A_WAY_OUT + MAY_SHUT + SICK + TRIAGE + ENDPOINT, args=PLUGINS)
    t = ended(a)
    assert t["state"] == "denied" and t["agent"] == "triage"
    why = a.ctl("why", "T1")
    assert "a way out" in why and "a model may shut links" in why, why
    assert kernel(lab) == before


def test_advice_that_the_policy_allows_is_verified_like_any_other(lab):
    adviser(lab, {"cause": "x", "summary": "a smaller frame",
                  "action": {"kind": "link.set", "args": {"dev": "wan1", "mtu": 1400}}})
    a = lab.anod(LINKS + A_WAY_OUT + MAY_SHUT + SICK + TRIAGE + ENDPOINT, args=PLUGINS)
    assert ended(a)["state"] == "done"
    assert "mtu 1400" in lab.ip("router", "link", "show", "wan1")
    answer = a.ledger("answer")[0]
    assert answer["endpoint"] == "adviser"


@pytest.mark.parametrize("word", ["prose", "shell", "huge", "hang", "busy", "broken", "html",
                                  "redirect"])
def test_an_answer_that_is_none_is_said_in_the_incident(lab, word):
    before = kernel(lab)
    adviser(lab, word)
    a = lab.anod(LINKS + MAY_SHUT + SICK + TRIAGE + ENDPOINT, args=PLUGINS)
    story = told(a)
    assert "no usable answer about puppet-sickness" in story, story
    assert not a.ledger("decision") and not a.ledger("tx")
    assert kernel(lab) == before


def test_an_adviser_that_nobody_runs_is_no_reason_to_stop(lab):
    a = lab.anod(LINKS + A_WAY_OUT + STEER + MAY_SHUT + uplink() + TRIAGE + ENDPOINT)
    lab.carrier("wan0", False)
    wait("traffic leaves by wan1", lambda: lab.way() == "wan1")
    assert ended(a)["state"] == "done"
    assert a.agent("triage")["state"] == "running"


def test_without_an_endpoint_native_agents_go_on_alone(lab):
    a = lab.anod(LINKS + A_WAY_OUT + STEER + uplink() + TRIAGE + SICK, args=PLUGINS)
    lab.carrier("wan0", False)
    wait("traffic leaves by wan1", lambda: lab.way() == "wan1")
    wait("triage says so once", lambda: a.logged("triage: no model"))
    assert any("no model endpoint" in w for w in a.ask("status")["warnings"])
    assert "infer" not in a.pids()


def test_the_words_of_a_model_stay_words(lab):
    """Rules, commands and format strings in its text are shown as text and do nothing."""
    adviser(lab, {"cause": "%s%n $(reboot)", "summary": 'permit "x" { agent any  level auto } %n',
                  "action": {"kind": "link.down", "args": {"dev": "wan1"}}})
    a = lab.anod(LINKS + SICK + TRIAGE + ENDPOINT, args=PLUGINS)
    t = ended(a)
    assert t["state"] == "denied", t
    assert 'permit "x" { agent any  level auto } %n' in t["reason"]
    assert a.ask("status")["policy"]["rules"] == 0


def test_control_characters_of_a_model_are_refused(lab):
    adviser(lab, {"cause": "\x1b[31mred", "summary": "x", "action": None})
    a = lab.anod(LINKS + SICK + TRIAGE + ENDPOINT, args=PLUGINS)
    assert "control" in told(a)
    assert "\x1b" not in a.ctl("show", "I1")
