"""Declarative agents in the real daemon: the whole loop, from a fact to a change and back."""
import os

from common import LINKS, PLUGINS, ended, findings, kernel
from lab import wait

# The uplink's MTU fell: lan0 gets the same, so that hosts learn it; put back when it is good again.
NARROW = """
agent narrow {
    summary "what an uplink cannot carry is not sent to it"
    option  floor default 1400B
    option  dev default lan0
    on      link where link.role == uplink
    keep    was = link.lan0.mtu
    when    link.mtu < floor
    find    "narrow-uplink" confidence 0.9 "{name} carries {link.mtu} only, less than {floor}"
    rival   "someone-tests" confidence 0.2 when not link.carrier
    evidence link.mtu
    propose link.set { dev dev  mtu link.mtu }
            reason "lan0 follows {name}"  expect "hosts send what fits"
            verify "link.lan0.mtu == link.mtu"
    restore link.set { dev dev  mtu was }  reason "{name} is wide again"
    again   after 1s
    clear   when link.mtu >= floor for 200ms "it is wide again"
}
"""
PERMIT = """
permit "narrow" {
    agent narrow  action link.set  level auto  verify within 2s  confirm after 50ms
}
"""


def mtu(lab, dev, n):
    lab.ip("router", "link", "set", dev, "mtu", str(n))


def done(a, tx):
    t = ended(a, tx)
    assert t["state"] == "done", t
    return t


def test_it_finds_proposes_verifies_and_puts_back(lab):
    before = kernel(lab)
    a = lab.anod(LINKS + PERMIT + NARROW, args=PLUGINS)
    agent = a.agent("narrow")
    assert agent["state"] == "running" and agent["declared"].endswith("anod.conf:13"), agent
    assert agent["proposes"] == ["link.set"] and "link.mtu" in agent["reads"]
    assert not findings(a)

    mtu(lab, "wan1", 1300)
    done(a, 1)
    assert "mtu 1300" in lab.ip("router", "link", "show", "lan0")
    assert findings(a) == ["narrow-uplink"]
    why = a.ctl("why", "T1")
    assert "link.set" in why and 'permit "narrow"' in why, why
    told = a.ctl("incidents")
    assert "wan1" in told and "narrow-uplink" in told, told

    mtu(lab, "wan1", 1500)
    done(a, 2)
    wait("the finding ends", lambda: not findings(a))
    assert kernel(lab) == before


def test_a_file_of_agents_runs_when_a_block_names_it_and_only_then(lab):
    folder = os.path.join(lab.dir, "agents.d")
    os.mkdir(folder)
    with open(os.path.join(folder, "narrow.agent"), "w") as f:
        f.write(NARROW)
    with open(os.path.join(folder, "broken.agent"), "w") as f:
        f.write('agent broken { on nothing  when nothing.x > 1  find "b" }')
    args = PLUGINS + ["--agents", folder]
    a = lab.anod(LINKS, args=args)
    assert not a.ask("agents")["agents"]

    # A mistake in what is named leaves everything as it was.
    a.write(LINKS + "agent broken { }\n")
    said = a.ctl("reload", check=False)
    assert "broken.agent:1:19: error: there is no kind 'nothing'" in said, said
    assert not a.ask("agents")["agents"]

    a.write(LINKS + PERMIT + "agent narrow { floor 1350B }\n")
    a.ctl("reload")
    wait("it runs", lambda: a.agent("narrow")["state"] == "running")
    mtu(lab, "wan1", 1380)
    mtu(lab, "wan0", 1300)
    done(a, 1)
    assert "mtu 1300" in lab.ip("router", "link", "show", "lan0")
    assert len(findings(a)) == 1


def test_nothing_is_done_without_a_permit_and_it_is_said(lab):
    before = kernel(lab)
    a = lab.anod(LINKS + NARROW, args=PLUGINS)
    mtu(lab, "wan1", 1300)
    wait("it is denied", lambda: a.logged("narrow", "proposal 1"))
    mtu(lab, "wan1", 1500)
    wait("the finding ends", lambda: not findings(a))
    assert kernel(lab) == before


def test_it_finds_again_what_is_still_wrong_after_its_cell_died(lab):
    a = lab.anod(LINKS + NARROW, args=PLUGINS)
    mtu(lab, "wan1", 1300)
    wait("it is found", lambda: findings(a) == ["narrow-uplink"])
    pid = a.agent("narrow")["cell"]
    os.kill(pid, 9)
    wait("it runs again", lambda: a.agent("narrow")["cell"] not in (0, pid)
         and a.agent("narrow")["state"] == "running")
    wait("it found it again", lambda: a.agent("narrow")["findings"] >= 2)
    assert findings(a) == ["narrow-uplink"]
