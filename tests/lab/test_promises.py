"""The promises of docs/architecture.md, each broken on purpose on a real kernel."""
import os
import re
import signal

import pytest

from common import (A_WAY_OUT, LINKS, PLUGINS, STEER, Lines, ended, findings, is_in, kernel, permit,
                    probed, puppet, uplink)
from lab import wait

ADD = ("route.add", "dst=10.60.0.0/24", "via=10.2.0.1", "dev=wan1", "metric=7")
ADDED = "10.60.0.0/24 via 10.2.0.1 dev wan1 proto 173 metric 7"


# ---- 1: nothing changes without a decision that names the rule -------------------------------

def changes(monitor):
    """What 'ip monitor' saw of routes, links' settings, rules and next hops, anod's or not."""
    kept = [x for x in monitor.all() if "[ROUTE]" in x or "[RULE]" in x or "[NEXTHOP]" in x]
    return [re.sub(r" +", " ", x).strip() for x in kept]


def test_every_change_of_a_run_is_in_the_ledger_with_its_rule(lab):
    monitor = Lines(lab, "ip", "monitor", "label", "route", "rule", "nexthop")
    a = lab.anod(LINKS + A_WAY_OUT + STEER + uplink() +
                 puppet(*ADD) + permit("route.add"), args=PLUGINS)
    probed(a)
    ended(a, 1)
    lab.carrier("wan0", False)
    wait("traffic leaves by wan1", lambda: lab.way() == "wan1")
    lab.carrier("wan0", True)
    wait("it is back", lambda: lab.way() == "wan0")
    assert ended(a, 3)["state"] == "done"
    monitor.stop()

    seen = changes(monitor)
    assert seen == ["[ROUTE]" + ADDED,
                    "[ROUTE]default via 10.2.0.1 dev wan1 proto 173 metric 5",
                    "[ROUTE]Deleted default via 10.2.0.1 dev wan1 proto 173 metric 5"], seen
    done = [t["transaction"] for t in a.final().values()]
    assert [len(t["changes"]) for t in done] == [1, 1, 1]
    for n, rule in ((1, "the test"), (2, "steer"), (3, "steer")):
        lines = [o for o in a.ledger() if o.get("tx") == n]
        assert lines[0]["kind"] == "decision" and lines[0]["decision"]["permit"] == rule
        assert lines[0]["decision"]["level"] == "auto"


def test_without_a_permit_nothing_is_ever_changed(lab):
    monitor = Lines(lab, "ip", "monitor", "label", "route", "rule", "nexthop")
    a = lab.anod(LINKS + A_WAY_OUT + uplink() + puppet(*ADD), args=PLUGINS)
    probed(a)
    lab.carrier("wan0", False)
    wait("both are denied", lambda: len(a.final()) == 2)
    assert {t["state"] for t in a.final().values()} == {"denied"}
    monitor.stop()
    assert changes(monitor) == []


# ---- 2: unknown is never fine ---------------------------------------------------------------

KNOWN = ["when path.wan1.targets_up == 2"]


def test_a_permit_on_a_fact_that_nobody_measures_does_not_count(lab):
    a = lab.anod(LINKS + puppet(*ADD) + permit("route.add", *KNOWN), args=PLUGINS)
    assert ended(a)["state"] == "denied"
    assert "unknown" in a.ctl("why", "T1")


def test_a_fact_that_becomes_unknown_takes_its_permit_along(lab):
    """It waits for an approval; by the time that it comes, nobody probes any more."""
    rest = LINKS + A_WAY_OUT + permit("route.add", *KNOWN,
                                      level="approve by 1 of operators within 10m")
    before = kernel(lab)
    a = lab.anod(rest + uplink() + puppet(*ADD, when="path.wan1.targets_up == 2"), args=PLUGINS)
    is_in(a, "waiting")
    a.write(rest + puppet(mode="idle"))
    a.ctl("reload")
    wait("nobody probes", lambda: a.fact("path/wan1.targets_up") is None)
    a.ctl("approve", "T1", "0000-0000", check=False)
    t = ended(a)
    assert t["state"] == "denied" and "unknown" in t["why"], t
    assert kernel(lab) == before


def test_a_verification_that_is_unknown_is_no_yes(lab):
    before = kernel(lab)
    a = lab.anod(LINKS + puppet(*ADD) +
                 permit("route.add", "verify within 300ms that path.wan1.loss < 50%"), args=PLUGINS)
    t = ended(a)
    assert t["state"] == "rolled back" and "unknown" in t["why"], t
    assert kernel(lab) == before


# ---- 3 and 4: kill -9 at each stage; what others changed stays -------------------------------

STAGES = {"verifying": "verify within 800ms that link.wan0.mtu == 9999", "soak": "confirm after 800ms"}


@pytest.mark.parametrize("stage", sorted(STAGES))
@pytest.mark.parametrize("process", ["host", "exec", "guardian", "cell puppet"])
def test_kill_9_leaves_the_state_before_or_after(lab, process, stage):
    before = kernel(lab)
    a = lab.anod(LINKS + puppet(*ADD) + permit("route.add", STAGES[stage]), args=PLUGINS)
    is_in(a, stage)
    os.kill(a.pids()[process], signal.SIGKILL)
    if process == "host":
        a.proc.wait()
        wait("the guardian undoes", lambda: kernel(lab) == before)
        a.write(LINKS)
        a.up()
    t = ended(a)
    assert t["state"] in ("done", "rolled back", "aborted"), t
    assert (kernel(lab) == before) == (t["state"] != "done")
    if process == "cell puppet" and stage == "soak":
        assert t["state"] == "done", "what an agent began does not hang on its life"
    assert "good" in a.ctl("ledger", "verify", "--state", a.state)


def test_kill_9_of_all_at_once_is_undone_at_the_next_start(lab):
    before = kernel(lab)
    a = lab.anod(LINKS + puppet(*ADD) + permit("route.add", "confirm after 20s"), args=PLUGINS)
    is_in(a, "soak")
    pids = a.pids()
    for name in ("guardian", "host"):
        os.kill(pids[name], signal.SIGSTOP)  # so that none of them sees the other die first
    for name in ("guardian", "host"):
        os.kill(pids[name], signal.SIGKILL)
    a.proc.wait()
    a.write(LINKS)
    a.up()
    wait("it is undone", lambda: kernel(lab) == before)
    assert ended(a)["state"] == "rolled back"


def test_the_guardian_leaves_alone_what_somebody_else_changed(lab):
    a = lab.anod(LINKS + puppet(*ADD) + permit("route.add", "confirm after 20s"), args=PLUGINS)
    is_in(a, "soak")
    lab.ip("router", "route", "replace", "10.60.0.0/24", "via", "10.1.0.1", "dev", "wan0", "metric",
           "7")
    theirs = kernel(lab)
    guardian = a.pids()["guardian"]
    a.kill()
    wait("the guardian has ended", lambda: not os.path.exists("/proc/%d" % guardian))
    assert kernel(lab) == theirs
    a.write(LINKS)
    a.up()
    assert ended(a)["state"] == "superseded"
    assert kernel(lab) == theirs


# ---- 5: an agent harms only its own proposals ------------------------------------------------

BAD = {
    "crash": ["killed by signal 6"],
    "leak": None,
    "lie": ["link.destroy", "not in its manifest"],
    "impostor": ["channel closed"],
    "garbage": ["channel closed"],
    "file": ["open /etc/passwd: Operation not permitted"],
    "socket": ["socket: Operation not permitted"],
    "fork": ["killed by signal 31"],
    "exec": ["killed by signal 31"],
    "hang": None,
}


@pytest.mark.parametrize("mode", sorted(BAD))
def test_a_bad_agent_is_contained_and_the_others_go_on(lab, mode):
    # The bad one first: the number behind its own is the other agent's.
    a = lab.anod(LINKS + A_WAY_OUT + STEER + puppet(*ADD, mode=mode) + uplink() +
                 permit("route.add", agent="uplink"), args=PLUGINS, agents=False)
    probed(a)
    pids = a.pids()
    if BAD[mode]:
        wait("it was seen", lambda: a.logged(*BAD[mode]))
    if mode == "hang":
        wait("it is killed", lambda: a.logged("puppet hangs"), 20)
    if mode == "leak":
        wait("it met its limit", lambda: a.logged("leaked") or a.agent("puppet")["restarts"])
    lab.carrier("wan0", False)
    wait("traffic leaves by wan1", lambda: lab.way() == "wan1")
    assert ended(a)["agent"] == "uplink" and ended(a)["state"] == "done"
    assert "10.60.0.0" not in lab.routes()
    now = a.pids()
    for name in ("host", "exec", "guardian", "cell uplink"):
        assert now[name] == pids[name], "%s was restarted" % name
    assert not a.logged("DONE")
    assert a.agent("uplink")["restarts"] == 0


# ---- 6: text from outside widens nothing -----------------------------------------------------

def test_an_alias_of_an_interface_is_never_an_argument(lab):
    lab.ip("router", "link", "set", "wan1", "alias", "wan0")
    before = kernel(lab)
    a = lab.anod(LINKS + puppet("link.set", "dev=ALIAS", "mtu=1400bytes") + permit("link.set"),
                 args=PLUGINS)
    wait("the puppet is told", lambda: a.logged("verdict 4", "outside"))
    assert not a.final() and kernel(lab) == before


def test_an_alias_is_shown_as_data_and_never_compared(lab):
    lab.ip("router", "link", "set", "wan1", "alias", "x\x1b[31m\n} permit \"y\" { agent any }")
    a = lab.anod(LINKS + A_WAY_OUT + uplink())
    f = a.ask("facts", pattern="link/wan1.alias")["facts"][0]
    assert f["outside"] is True and "permit" in f["value"]
    assert "\x1b" not in a.ctl("facts", "link/wan1.alias")
    rule = permit("route.add", "when link.alias == \"wan0\"", agent="any")
    a.write(LINKS + A_WAY_OUT + uplink() + rule)
    said = a.ctl("reload", check=False)
    assert "outside" in said and "anod.conf:" in said, said
    assert a.ask("status")["policy"]["rules"] == 0
