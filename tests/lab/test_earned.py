"""What history earns, with the real daemon: promotion over restarts, reversals, who is told."""
import json
import os
import re
import signal

from common import LINKS, PLUGINS, Lines, ended, is_in, kernel, permit, puppet
from lab import wait

WAN1 = "verify within 1s that link.wan1.admin_up"
PROMOTE = "promote to auto after 2 verified and rollbacks == 0 in 30d"


def mtu(n):
    return puppet("link.set", "dev=wan1", "mtu=%dbytes" % n)


def rule(*clauses, level="approve by 1 of operators within 10m"):
    return permit("link.set", *(clauses or (WAN1, PROMOTE)), level=level)


def again(a, config):
    """The agent proposes anew."""
    a.write(config)
    a.ctl("reload")


def after(a, tx):
    """The number of the first transaction after this one; a restart leaves numbers out."""
    return wait("a transaction after T%d" % tx, lambda: min(
        (o["tx"] for o in a.ledger() if o["kind"] == "decision" and o["tx"] > tx), default=0))


def sign(a, tx=1):
    """What a person does: look at the plan, and sign it by its code."""
    is_in(a, "waiting", tx)
    found = re.search(r"code\s+([0-9A-Z]{4}-[0-9A-Z]{4})", a.ctl("show", "T%d" % tx))
    a.ctl("approve", "T%d" % tx, found.group(1))


def approved(a, tx):
    sign(a, tx)
    t = ended(a, tx)
    assert t["state"] == "done", t


def standing(a):
    rows = a.ask("standing")["standing"]
    assert len(rows) == 1, rows
    return rows[0]


def crash(a):
    """Kill it without a word and start it again."""
    a.kill()
    a.proc.wait()
    a.up()


def said(a, kind):
    return [o for o in a.ledger() if o["kind"] == kind]


def test_a_promotion_is_earned_over_kills_and_lost_at_the_first_rollback(lab):
    a = lab.anod(LINKS + rule() + mtu(1401), args=PLUGINS)
    approved(a, 1)
    assert standing(a)["verified"] == 1 and standing(a)["level"] == "approve"
    assert "1 of 2 verified" in a.ctl("standing")

    a.write(LINKS + rule() + mtu(1402))
    crash(a)
    assert standing(a)["verified"] == 1, "the file has it"
    tx = after(a, 1)
    approved(a, tx)
    wait("it is promoted", lambda: standing(a)["level"] == "auto")
    told = said(a, "standing")[-1]
    assert (told["was"], told["level"], told["class"]) == ("approve", "auto", "uplink")
    assert 'permit "the test" of agent puppet on uplink is auto from now on' in told["text"]
    assert told["text"] in a.tail()

    a.write(LINKS + rule() + mtu(1403))
    crash(a)
    tx = after(a, tx)
    assert ended(a, tx)["state"] == "done", "by itself"
    assert "promoted to auto: 2 verified, none rolled back in 30d" in a.ctl("why", "T%d" % tx)

    # It does not work this time, by a condition that cannot come true.
    again(a, LINKS + rule("verify within 300ms that link.wan1.mtu == 9999", PROMOTE) + mtu(1404))
    tx = after(a, tx)
    assert ended(a, tx)["state"] == "rolled back"
    wait("it is lost", lambda: standing(a)["level"] == "approve")
    assert standing(a)["verified"] == 0 and standing(a)["failed"] == 1
    assert "is approve again" in said(a, "standing")[-1]["text"]

    a.write(LINKS + rule() + mtu(1405))
    crash(a)
    tx = after(a, tx)
    is_in(a, "waiting", tx)
    assert "0 of 2 verified, 1 rolled back in 30d" in a.ctl("why", "T%d" % tx)


def test_what_the_guardian_undid_after_a_kill_is_a_rollback(lab):
    before = kernel(lab)
    text = LINKS + rule(WAN1, "promote to auto after 1 verified", "confirm after 1s")
    a = lab.anod(text + mtu(1401), args=PLUGINS)
    approved(a, 1)
    lab.ip("router", "link", "set", "wan1", "mtu", "1500")
    wait("the mtu is back", lambda: kernel(lab) == before)
    assert standing(a)["level"] == "auto"
    again(a, text.replace("confirm after 1s", "confirm after 20s") + mtu(1402))
    is_in(a, "soak", 2)
    a.write(text + puppet(mode="idle"))
    crash(a)
    wait("the guardian undid it", lambda: kernel(lab) == before)
    assert ended(a, 2)["state"] == "rolled back"
    wait("the promotion is lost", lambda: standing(a)["level"] == "approve")
    assert standing(a)["verified"] == 0


def test_what_undo_after_takes_back_stays_verified_and_an_operator_does_not(lab):
    before = kernel(lab)
    text = LINKS + rule(WAN1, "promote to auto after 1 verified", "undo after 500ms")
    a = lab.anod(text + mtu(1401), args=PLUGINS)
    sign(a)
    assert ended(a, 1)["state"] == "rolled back"
    assert kernel(lab) == before
    assert standing(a)["level"] == "auto", "as it was meant"
    again(a, text.replace("undo after 500ms", "undo after 1h") + mtu(1402))
    tx = after(a, 1)
    wait("it stands", lambda: "1402" in kernel(lab))
    wait("it is kept", lambda: a.ctl("rollback", "T%d" % tx, check=False).startswith("T"))
    assert ended(a, tx)["state"] == "rolled back"
    wait("the promotion is lost", lambda: standing(a)["level"] == "approve")


def test_a_file_that_cannot_be_read_promotes_nobody(lab):
    text = LINKS + rule(WAN1, "promote to auto after 1 verified and rollbacks == 0 in 30d")
    a = lab.anod(text + mtu(1401), args=PLUGINS)
    approved(a, 1)
    assert standing(a)["level"] == "auto"
    a.kill()
    a.proc.wait()
    path = os.path.join(a.state, "track.jsonl")
    with open(path, "a") as f:
        f.write("not a line\n")
    a.write(text + mtu(1402))
    a.up()
    assert path in a.tail() and "nobody is promoted" in a.tail()
    tx = after(a, 1)
    is_in(a, "waiting", tx)
    assert "what was done before is not known" in a.ctl("why", "T%d" % tx)
    assert "is not known" in a.ctl("standing")


def test_an_agent_that_flips_is_capped(lab):
    cap = 'damping off\ncap "flapping fixes" { when reversals(resource) >= 2 in 30m  to observe for 1h }\n'
    flip = ("mode", "flip"), ("kind2", "link.set"), ("args2", ["dev=wan1", "mtu=1500bytes"])
    a = lab.anod(LINKS + cap + permit("link.set", WAN1, agent="any") +
                 puppet("link.set", "dev=wan1", "mtu=1400bytes", **dict(flip)), args=PLUGINS)
    last = wait("it is stopped", lambda: next((t["transaction"] for t in a.final().values()
                                               if t["state"] == "denied"), None))
    done = [t for t in a.final().values() if t["state"] == "done"]
    assert len(done) == 3, "there, back, there"
    assert last["level"] == "observe"
    why = a.ctl("why", "T%d" % last["id"])
    assert "flapping fixes" in why and "reversals(resource, 30m) 2" in why, why

    # The cap is the resource's, whoever proposes; and it outlives the daemon.
    a.write(LINKS + cap + permit("link.set", WAN1, agent="any").replace("wan1", "wan0") +
            puppet("link.set", "dev=wan1", "mtu=1450bytes", name="other"))
    crash(a)
    tx = after(a, last["id"])
    t = ended(a, tx)
    assert t["state"] == "denied" and "flapping fixes" in t["why"], t
    again(a, LINKS + cap + permit("link.set", WAN1, agent="any").replace("wan1", "wan0") +
          puppet("link.set", "dev=wan0", "mtu=1450bytes", name="third"))
    assert ended(a, after(a, tx))["state"] == "done", "another link is another matter"


def test_what_was_done_formerly_can_be_a_condition(lab):
    once = permit("link.set", WAN1, "when not formerly link.set within 1h")
    a = lab.anod(LINKS + once + mtu(1401), args=PLUGINS)
    assert ended(a, 1)["state"] == "done"
    a.write(LINKS + once + mtu(1402))
    crash(a)
    t = ended(a, after(a, 1))
    assert t["state"] == "denied", t
    assert "formerly link.set within 1h true" in a.ctl("why", "T%d" % t["id"])


def spool(a):
    path = os.path.join(a.rundir, "notify.jsonl")
    if not os.path.exists(path):
        return []
    with open(path) as f:
        return [json.loads(x) for x in f]


def test_people_are_told_and_told_again(lab):
    text = permit("link.set", WAN1, "notify operators", "severity major",
                  level="approve by 1 of operators within 3s")
    a = lab.anod(LINKS + text + puppet(mode="idle"), args=PLUGINS)
    monitor = Lines(lab, a_ctl(), "--json", "--socket", os.path.join(a.rundir, "anod.sock"),
                    "monitor")
    wait("somebody listens", lambda: monitor.proc.poll() is None and
         (a.ctl("pause"), a.ctl("resume")) and monitor.json())
    again(a, LINKS + text + mtu(1401))
    assert ended(a, 1)["state"] == "expired"
    events = ["decided", "waiting", "still waiting", "expired"]
    wait("all is told", lambda: len(said(a, "notify")) >= len(events))
    assert [e["event"] for e in spool(a)] == events
    e = spool(a)[1]
    assert e["notify"] == ["operators"] and e["people"] == ["root"] and e["severity"] == "major"
    assert e["tx"] == 1 and e["permit"] == "the test" and 0 < e["left_us"] <= 3e6
    wait("the monitor has it", lambda: events == [m["event"] for m in monitor.json()
                                                  if m.get("kind") == "notify"])
    assert [o["event"] for o in said(a, "notify")] == events
    assert "critical anod: T1 of puppet waits for 1 of 1 approvals" in a.tail(60)
    assert "[T1 major operators root]" in a.tail(60)


def test_those_of_before_a_kill_are_told_how_it_ended(lab):
    text = permit("link.set", WAN1, "confirm after 20s", "notify root")
    a = lab.anod(LINKS + text + mtu(1401), args=PLUGINS)
    is_in(a, "soak")
    assert [e["event"] for e in spool(a)] == ["decided", "applied"]
    os.kill(a.pids()["host"], signal.SIGKILL)
    a.proc.wait()
    a.write(LINKS + text + puppet(mode="idle"))
    a.up()
    ended(a, 1)
    wait("it is told", lambda: [e["event"] for e in spool(a)][-1] == "rolled back")


def a_ctl():
    from lab import BUILD
    return os.path.join(BUILD, "anodctl")
