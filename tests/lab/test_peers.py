"""Neighbour routers as a brake: two real daemons in two namespaces, one asking the other."""
import os
import signal
import threading

from common import LINKS, PLUGINS, ended, permit, puppet, stamp
from lab import wait

ADD = ("route.add", "dst=10.60.0.0/24", "via=10.2.0.1", "dev=wan1", "metric=7")
# What the neighbour does itself: in its own namespace, another route.
THERE = ("route.add", "dst=10.70.0.0/24", "via=10.1.0.2", "dev=r", "metric=7")
QUORUM = 'quorum 1 of peers { pe2 } grant "edge-drain" within %s'


def key(lab, name, digits="ab"):
    path = os.path.join(lab.dir, name)
    with open(path, "w") as f:
        f.write(digits * 32 + "\n")
    os.chmod(path, 0o600)
    return path


def peer(lab, name, address, digits="ab", owner=""):
    return 'peer %s { address %s  key file "%s" }\n' % (
        name, address, key(lab, owner + name + ".key", digits))


def asker(lab, within="2s", digits="ab", clauses=(), **options):
    return lab.anod(LINKS + peer(lab, "pe2", "10.1.0.1", digits) + puppet(*ADD, **options) +
                    permit("route.add", QUORUM % within, *clauses), args=PLUGINS)


def giver(lab, grant='grant "edge-drain" { }\n', more="", **kw):
    return lab.anod('policy "pe2" revision 1\n' + peer(lab, "pe1", "10.1.0.2", owner="pe2-") +
                    grant + more, name="pe2", ns="isp1", args=PLUGINS, **kw)


def there(lab):
    return "10.60.0.0/24" in lab.routes()


def said(a):
    return [(o["peer"], o["did"]) for o in a.ledger("peer")]


def test_a_change_goes_on_when_the_neighbour_grants_it_and_both_write_it_down(lab):
    b = giver(lab)
    a = asker(lab)
    t = ended(a)
    assert t["state"] == "done" and there(lab), t
    assert t["grants"]["grant"] == "edge-drain" and t["grants"]["needs"] == 1
    assert t["grants"]["peers"][0]["peer"] == "pe2"
    assert said(a) == [("pe2", "was asked"), ("pe2", "granted"), ("pe2", "was given back")]
    wait("it is given back", lambda: len(said(b)) == 3)
    assert said(b) == [("pe1", "asks us"), ("pe1", "has our grant"),
                       ("pe1", "has our grant no longer")]
    plans = {o["plan"] for x in (a, b) for o in x.ledger("peer")}
    assert len(plans) == 1, "both speak of the same plan"
    assert 'grant "edge-drain" of 1 of 1 peers' in a.ctl("show", "T1")
    wait("it answers", lambda: "answers" in a.ctl("peers"))
    line = a.ask("peers")["peers"][0]
    assert line["wrong_mac"] == 0 and line["rtt_us"] > 0 and line["address"] == "10.1.0.1", line
    assert any(c["name"] == "peer" and c["ok"] for c in a.ask("doctor")["checks"])


def test_over_ipv6_from_an_address_of_ones_choice(lab):
    for ns, dev, n in (("router", "wan0", 2), ("isp1", "r", 1)):
        lab.do(ns, "sysctl", "-qw", "net.ipv6.conf.%s.disable_ipv6=0" % dev)
        for address in ("2001:db8:1::%d/64" % n, "2001:db8:1::%d/64" % (n + 10)):
            lab.ip(ns, "addr", "add", address, "dev", dev, "nodad")
    where = "address 2001:db8:1::%d  port 4999  local 2001:db8:1::%d"
    lab.anod('policy "pe2" revision 1\ngrant "edge-drain" { }\npeer pe1 { %s  key file "%s" }\n' % (
        where % (12, 11), key(lab, "a")), name="pe2", ns="isp1", args=PLUGINS)
    a = lab.anod(LINKS + 'peer pe2 { %s  key file "%s" }\n' % (where % (11, 12), key(lab, "b")) +
                 puppet(*ADD) + permit("route.add", QUORUM % "2s"), args=PLUGINS)
    assert ended(a)["state"] == "done"
    assert a.ask("peers")["peers"][0]["address"] == "2001:db8:1::11"


def test_a_change_is_denied_in_the_words_of_the_neighbour(lab):
    giver(lab, 'grant "edge-drain" { when link.nowhere.carrier == true }\n')
    a = asker(lab)
    t = ended(a)
    assert t["state"] == "denied" and not there(lab), t
    assert t["why"] == "denied: pe2: no: link.nowhere.carrier unknown (no such entity)", t["why"]


def test_a_dead_neighbour_grants_nothing(lab):
    a = asker(lab, "500ms")
    t = ended(a)
    assert t["state"] == "denied" and not there(lab), t
    assert t["why"] == "denied: pe2: no answer in 500ms", t["why"]
    bad = [c for c in a.ask("doctor")["checks"] if c["name"] == "peer"]
    assert bad and not bad[0]["ok"] and "does not answer" in bad[0]["text"], bad


def test_a_neighbour_with_another_key_grants_nothing_and_is_counted(lab):
    b = giver(lab)
    a = asker(lab, "500ms", digits="cd")
    t = ended(a)
    assert t["state"] == "denied" and not there(lab), t
    assert t["why"] == "denied: pe2: no answer in 500ms", t["why"]
    wait("it is counted", lambda: b.ask("peers")["peers"][0]["wrong_mac"] > 0)
    assert said(b) == [] and b.ask("peers")["given"] == []


def test_a_grant_that_is_out_is_not_given_again_also_after_kill_9(lab):
    """The first change stays in soak; its neighbour is killed and asked again by another one."""
    b = giver(lab)
    a = asker(lab, clauses=("confirm after 30s",))
    wait("it soaks", lambda: "soak" in a.states(1))
    assert b.ask("peers")["given"][0]["peer"] == "pe1"
    b.kill()
    b.up()
    given = b.ask("peers")["given"]
    assert given and given[0]["peer"] == "pe1" and given[0]["its_tx"] == 1, given
    assert given[0]["left_us"] > 20e6, given

    # Its own change under the same grant waits, because we are at it.
    assert there(lab)
    with open(b.config) as f:
        conf = f.read()
    b.write(conf + puppet(*THERE) + permit("route.add", 'quorum 1 of peers { pe1 } grant '
                                           '"edge-drain" within 2s'))
    b.ctl("reload")
    tx = wait("it waits", lambda: [o["tx"] for o in b.ledger("tx") if o["state"] == "waiting"])[0]
    why = b.ask("show", id="T%d" % tx)["transaction"]["why"]
    assert why == 'waits for the grant "edge-drain": pe1 has it', why
    a.ctl("rollback", "T1")
    assert ended(a)["state"] == "rolled back"
    wait("it is given back", lambda: b.ask("peers")["given"] == [])


def test_a_killed_asker_frees_its_grant_when_it_has_nothing_open(lab):
    b = giver(lab)
    a = asker(lab, clauses=("confirm after 30s",))
    wait("it soaks", lambda: "soak" in a.states(1))
    a.proc.send_signal(signal.SIGKILL)
    a.proc.wait()
    wait("the guardian has undone it", lambda: not there(lab))
    a.write(LINKS + peer(lab, "pe2", "10.1.0.1"))
    a.up()
    wait("it is free", lambda: b.ask("peers")["given"] == [])
    assert b.ledger("peer")[-1]["why"] == "it was started again and has nothing open"


def test_two_routers_that_ask_each_other_do_not_both_get_it(lab):
    more = puppet(*THERE) + permit(
        "route.add", 'quorum 1 of peers { pe1 } grant "edge-drain" within 2s',
        "confirm after 2s")
    b = lab.anod('policy "pe2" revision 1\n' + peer(lab, "pe1", "10.1.0.2", owner="pe2-") +
                 'grant "edge-drain" { }\n', name="pe2", ns="isp1", args=PLUGINS)
    a = lab.anod(LINKS + peer(lab, "pe2", "10.1.0.1") + 'grant "edge-drain" { }\n', args=PLUGINS)
    for x in (a, b):
        wait("they know each other", lambda x=x: x.ask("peers")["peers"][0]["state"] == "answers")
    with open(a.config) as f:
        conf_a = f.read()
    with open(b.config) as f:
        conf_b = f.read()
    a.write(conf_a + puppet(*ADD) + permit("route.add", QUORUM % "2s", "confirm after 2s"))
    b.write(conf_b + more)
    # Both wait at the brake, and are let go in the same moment.
    for x in (a, b):
        x.ctl("pause")
        x.ctl("reload")
        wait("it waits", lambda x=x: "waiting" in x.states(1))
    both = [threading.Thread(target=x.ask, args=("resume",)) for x in (a, b)]
    for t in both:
        t.start()
    for t in both:
        t.join()
    ends = sorted(ended(x)["state"] for x in (a, b))
    assert ends in (["denied", "denied"], ["denied", "done"], ["done", "done"]), ends
    # Whoever went on had the grant alone: nobody's time with it overlaps the other's.
    spans = []
    for x in (a, b):
        at = {o["state"]: stamp(o["t"]) for o in x.ledger("tx")}
        if "done" in at:
            spans.append((at["verifying"], at["done"]))
    spans.sort()
    assert len(spans) < 2 or spans[0][1] <= spans[1][0], spans
