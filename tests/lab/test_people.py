"""What people say: codes of a plan, keys, two people, overrides - with the real daemon and users."""
import glob
import os
import re
import subprocess

from common import LINKS, PLUGINS, ended, is_in, kernel, permit, puppet
from lab import BUILD, run, wait
from screen import Screen

ADD = ("route.add", "dst=10.60.0.0/24", "via=10.2.0.1", "dev=wan1", "metric=7")
KEY = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
# Users that every Debian has.
PEOPLE = "group noc { bin, games }\ngroup oncall { games, man }\nanod { group \"games\" }\n"


def ctl(a, user, *args):
    """(exit status, output) of anodctl, run by a user."""
    cmd = ["ip", "netns", "exec", a.lab.ns("router"), "setpriv", "--reuid", user, "--regid", "games",
           "--clear-groups", os.path.join(BUILD, "anodctl"), "--socket",
           os.path.join(a.rundir, "anod.sock")]
    if user == "root":
        cmd[4:10] = []
    p = subprocess.run(cmd + list(args), text=True, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    return p.returncode, p.stdout


def start(lab, config):
    os.chmod(lab.dir, 0o755)
    a = lab.anod(LINKS + PEOPLE + config, args=PLUGINS)
    os.chmod(a.rundir, 0o755)
    return a


def asking(lab, level, action="route.add", proposal=ADD, *more):
    a = start(lab, puppet(*proposal, finding="puppet-found") + permit(action, level=level) +
              "".join(more))
    is_in(a, "waiting")
    return a


def code(a, user, tx=1):
    """The code that a user is shown."""
    status, said = ctl(a, user, "show", "T%d" % tx)
    assert status == 0, said
    found = re.search(r"code\s+([0-9A-Z]{4}-[0-9A-Z]{4})", said)
    return found and found.group(1)


def did(a):
    return [(o["user"], o["did"]) for o in a.ledger("operator")]


def there(lab):
    return "10.60.0.0/24" in lab.routes()


# ---- codes ------------------------------------------------------------------------------------

def test_a_person_signs_with_the_code_of_the_plan(lab):
    a = asking(lab, "approve by 1 of noc within 10m")
    status, said = ctl(a, "games", "approve", "T1")
    assert status == 1 and "anodctl show T1" in said and "approve T1 CODE" in said, said
    own, other = code(a, "bin"), code(a, "games")
    assert own and other and own != other
    said = ctl(a, "bin", "show", "T1")[1]
    assert "anodctl approve T1 " + own in said and "10.60.0.0/24" in said, said
    assert own in ctl(a, "bin", "why", "T1")[1]
    status, said = ctl(a, "bin", "approve", "T1", other)
    assert status == 1 and "not the code of bin" in said and "4 tries left" in said, said
    assert code(a, "man") is None, "who may not sign is told no code"
    status, said = ctl(a, "man", "approve", "T1", own)
    assert status == 1 and "in none of the groups" in said, said
    assert not there(lab)

    status, said = ctl(a, "bin", "approve", "T1", own.lower().replace("-", ""))
    assert status == 0, said
    t = ended(a)
    assert t["state"] == "done" and t["approvals"] == ["bin"] and there(lab)
    assert did(a) == [("bin", "approve refused: wrong code, 4 tries left"),
                      ("man", "approve refused: in none of its groups"), ("bin", "approve")]
    assert re.fullmatch("[0-9a-f]{64}", a.ledger("operator")[-1]["plan"])
    with open(os.path.join(a.state, "ledger.jsonl")) as f:
        text = f.read() + a.tail(1000)
    assert own not in text and other not in text, "codes are in no record"


def test_a_code_of_an_older_plan_is_refused_and_says_what_has_changed(lab):
    lab.ip("router", "route", "add", "10.61.0.0/24", "via", "10.1.0.1", "dev", "wan0", "metric", "9",
           "proto", "173")
    move = ("route.replace", "dst=10.61.0.0/24", "via=10.2.0.1", "dev=wan1", "metric=9")
    a = asking(lab, "approve by 2 of noc, oncall within 10m", "route.replace", move)
    old = {u: code(a, u) for u in ("bin", "games", "man")}
    assert ctl(a, "bin", "approve", "T1", old["bin"])[0] == 0
    lab.ip("router", "route", "replace", "10.61.0.0/24", "via", "10.1.0.1", "dev", "wan0", "metric",
           "9", "mtu", "1400", "proto", "173")
    wait("the model has seen it", lambda: code(a, "games") != old["games"])
    status, said = ctl(a, "games", "approve", "T1", old["games"])
    assert status == 1 and "has changed since you looked" in said, said
    assert "what it would change is not as it was" in said and "anodctl show T1" in said, said
    wait("bin's signature is dropped", lambda: a.ledger("signatures"))
    dropped = a.ledger("signatures")[0]
    assert dropped["users"] == ["bin"] and dropped["tx"] == 1 and "not as it was" in dropped["why"]
    assert a.ask("show", id="T1")["transaction"]["approvals"] == []
    assert "mtu 1400" not in lab.routes() or "wan0" in lab.routes()

    # Another policy is another plan as well.
    with open(a.config) as f:
        conf = f.read()
    now = code(a, "games")
    a.write(conf.replace("revision 1", "revision 2"))
    a.ctl("reload")
    status, said = ctl(a, "games", "approve", "T1", now)
    assert status == 1 and "the policy is another one" in said, said
    for user in ("games", "man"):
        assert ctl(a, user, "approve", "T1", code(a, user))[0] == 0
    t = ended(a)
    assert t["state"] == "done" and t["approvals"] == ["games", "man"], t


def test_two_people_are_two_people(lab):
    a = asking(lab, "approve by 2 of noc, oncall within 10m")
    first = code(a, "games")
    assert ctl(a, "games", "approve", "T1", first)[0] == 0
    status, said = ctl(a, "games", "approve", "T1", first)
    assert status == 1 and "games has approved T1 already" in said, said
    assert code(a, "games") is None
    assert "games has signed it" in ctl(a, "games", "show", "T1")[1]
    assert not there(lab)
    assert "waits for 1 of 2 approvals" in ctl(a, "man", "show", "T1")[1]
    assert ctl(a, "man", "approve", "T1", code(a, "man"))[0] == 0
    t = ended(a)
    assert t["state"] == "done" and t["approvals"] == ["games", "man"] and there(lab)


def test_five_wrong_codes_lock_a_person_out(lab):
    a = asking(lab, "approve by 1 of noc within 10m")
    right = code(a, "bin")
    for left in range(4, -1, -1):
        status, said = ctl(a, "bin", "approve", "T1", "0000-000%d" % left)
        assert status == 1, said
    assert "the last try" in said, said
    status, said = ctl(a, "bin", "approve", "T1", right)
    assert status == 1 and "cannot approve T1 any more" in said and not there(lab), said
    assert ("bin", "approve refused: wrong code, 0 tries left: locked out") in did(a)
    assert ctl(a, "games", "approve", "T1", code(a, "games"))[0] == 0
    assert ended(a)["approvals"] == ["games"]


def test_on_a_terminal_the_plan_is_shown_and_its_code_typed(lab):
    a = asking(lab, "approve by 1 of operators within 10m")
    right = code(a, "root")
    for typed, status, text in (("", 1, "left as it is"), ("0000-0000", 1, "4 tries left"),
                                (right, 0, "approved by root")):
        s = Screen(["ip", "netns", "exec", lab.ns("router"), os.path.join(BUILD, "anodctl"),
                    "--socket", os.path.join(a.rundir, "anod.sock"), "approve", "T1"], 100, 40)
        s.until("type the code")
        assert "10.60.0.0/24" in s.text() and right in s.text()
        s.keys(typed + "\n")
        assert s.end() == status, s.text()
        assert text in s.text(), s.text()
        s.close()
    assert ended(a)["approvals"] == ["root"]


# ---- keys -------------------------------------------------------------------------------------

def test_with_a_key_only_its_answer_counts(lab):
    path = os.path.join(lab.dir, "bin.key")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
        f.write(KEY + "\n")
    os.chmod(lab.dir, 0o755)
    a = lab.anod(LINKS + PEOPLE.replace("bin,", 'bin key file "%s",' % path) + puppet(*ADD) +
                 permit("route.add", level="approve by 1 of noc within 10m"), args=PLUGINS)
    os.chmod(a.rundir, 0o755)
    is_in(a, "waiting")
    assert code(a, "bin") is None, "no code is shown to who has a key"
    said = ctl(a, "bin", "show", "T1")[1]
    digest = re.search("hash +([0-9a-f]{64})", said).group(1)

    # Root makes himself bin, but does not have the key.
    assert ctl(a, "bin", "approve", "T1", code(a, "games"))[0] == 1
    os.chmod(path, 0o644)
    status, said = ctl(a, "bin", "approve", "T1", "12345678")
    assert status == 1 and "chmod 600" in said and KEY not in said, said
    assert "chmod 600" in ctl(a, "root", "doctor")[1]
    os.chmod(path, 0o600)

    answer = run(os.path.join(BUILD, "anodctl"), "code", "--key", path, digest).strip()
    assert re.fullmatch("[0-9]{8}", answer)
    assert ctl(a, "games", "approve", "T1", answer)[0] == 1, "it is bin's answer"
    status, said = ctl(a, "bin", "approve", "T1", answer)
    assert status == 0, said
    assert ended(a)["approvals"] == ["bin"]
    for name in glob.glob(a.state + "/*") + [a.log]:
        if os.path.isfile(name):
            with open(name, "rb") as f:
                text = f.read()
            assert KEY.encode() not in text and bytes.fromhex(KEY) not in text, name


def test_code_is_computed_by_anybody_and_refuses_bad_keys(lab):
    anodctl = os.path.join(BUILD, "anodctl")
    path = os.path.join(lab.dir, "key")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
        f.write("3132333435363738393031323334353637383930313233343536373839303132\n")
    challenge = "a27fa2bacd5796b82680016a6b8865a616a9e4f6b6a198d3776ddc07536e3158"
    assert run(anodctl, "code", "--key", path, challenge) == "15039325\n"
    for args in ([path, challenge[1:]], [path, "x" * 64], ["/nowhere", challenge], [path]):
        p = subprocess.run([anodctl, "code", "--key"] + args, capture_output=True, text=True)
        assert p.returncode in (1, 2) and "anodctl" in p.stderr, args


# ---- overrides --------------------------------------------------------------------------------

BROKEN = """
invariant "both uplinks" {
    require count(uplinks up) >= 3
    override by 2 of noc, oncall for 10m
}
"""


def proposals(a):
    return {o["tx"]: o["decision"] for o in a.ledger("decision")}


def ask_override(a, user, *more):
    said = ctl(a, user, "override", "both uplinks", "--for", "5m", "--reason", "a test", *more)
    return said


def override_code(a, user):
    status, said = ask_override(a, user)
    assert status == 1 and "--code CODE" in said, said
    return re.search(r"code\s+([0-9A-Z]{4}-[0-9A-Z]{4})", said).group(1)


def test_two_people_lift_an_invariant_for_a_while(lab):
    conf = BROKEN + permit("route.add") + puppet(*ADD)
    a = start(lab, conf)
    assert ended(a)["state"] == "denied" and "both uplinks" in ended(a)["why"]
    assert ctl(a, "daemon", "override", "both uplinks", "--for", "5m", "--reason", "x")[0] == 1
    status, said = ctl(a, "bin", "override", "both uplinks", "--for", "11m", "--reason", "x")
    assert status == 1 and "10m at most" in said, said
    status, said = ctl(a, "bin", "override", "both uplinks", "--for", "5m")
    assert status == 2 and "--reason" in said, said

    first = override_code(a, "bin")
    status, said = ask_override(a, "games", "--code", first)
    assert status == 1 and "not the code of games" in said, said
    assert ask_override(a, "bin", "--code", first)[0] == 0
    assert ask_override(a, "bin", "--code", first)[0] == 1, "once"
    said = ctl(a, "bin", "overrides")[1]
    assert "asked for by bin; 1 more must ask" in said, said
    assert not a.ledger("override")
    status, said = ask_override(a, "man", "--code", override_code(a, "man"))
    assert status == 0 and "overridden by bin, man" in said, said
    line = a.ledger("override")[0]
    assert line["did"] == "begins" and line["people"] == "bin, man" and line["until"]
    assert any('"both uplinks" is overridden by bin, man' in w for w in a.ask("status")["warnings"])
    status, said = ctl(a, "root", "doctor")
    assert "overridden by bin, man" in said and "override --end" in said, said

    # The same proposal again (a reload starts the agent anew): allowed now, and the record says why.
    a.ctl("reload")
    tx = wait("it is done", lambda: [n for n, o in a.final().items() if o["state"] == "done"])[0]
    v = [v for v in proposals(a)[tx]["invariants"] if v["name"] == "both uplinks"][0]
    assert v["holds"] == "false" and v["overridden"]["by"] == "bin, man", v
    assert "overridden by bin, man" in a.ctl("why", "T%d" % tx)

    # It outlives a restart, and what is left is what was left.
    left = a.ask("overrides")["overrides"][0]["left_us"]
    a.kill()
    a.up()
    o = a.ask("overrides")["overrides"][0]
    assert o["in_force"] and o["people"] == "bin, man" and left - 60e6 < o["left_us"] < left
    assert ctl(a, "games", "override", "both uplinks", "--end")[0] == 0
    assert not a.ask("overrides")["overrides"][0]["in_force"]
    assert a.ledger("override")[-1]["why"] == "ended by games"
    a.kill()
    a.up()
    assert not a.ask("overrides")["overrides"][0]["in_force"], "an end is saved, too"


def lift(a, people=("bin", "man")):
    for user in people:
        status, said = ask_override(a, user, "--code", override_code(a, user))
        assert status == 0, said
    assert a.ask("overrides")["overrides"][0]["in_force"]


def test_an_override_ends_with_its_time_its_text_and_a_reboot(lab):
    conf = BROKEN.replace("10m", "2s") + permit("route.add") + puppet(mode="idle")
    a = start(lab, conf)
    for user in ("bin", "man"):
        status, said = ctl(a, user, "override", "both uplinks", "--for", "2s", "--reason", "x")
        found = re.search(r"code\s+([0-9A-Z]{4}-[0-9A-Z]{4})", said).group(1)
        assert ctl(a, user, "override", "both uplinks", "--for", "2s", "--reason", "x", "--code",
                   found)[0] == 0
    wait("it ends", lambda: [o for o in a.ledger("override") if o["did"] == "ends"], 10)
    assert a.ledger("override")[-1]["why"] == "its time is over"

    conf = LINKS + PEOPLE + BROKEN + permit("route.add") + puppet(mode="idle")
    a.write(conf)
    a.ctl("reload")
    lift(a)
    a.write(conf.replace(">= 3", ">= 4"))
    a.ctl("reload")
    wait("its text has changed", lambda: "reads differently" in a.ledger("override")[-1].get("why", ""))
    assert not a.ask("overrides")["overrides"][0]["in_force"]

    lift(a)
    a.stop()
    path = os.path.join(a.state, "overrides.json")
    with open(path) as f:
        saved = f.read()
    with open(path, "w") as f:
        f.write(re.sub(r'"boot_id":"[^"]*"', '"boot_id":"00000000-0000-0000-0000-000000000000"', saved))
    a.up()
    assert not a.ask("overrides")["overrides"][0]["in_force"]
    assert a.logged("before the reboot")


# ---- no and stop ------------------------------------------------------------------------------

def test_a_persons_no_beats_the_agent_and_has_a_name(lab):
    before = kernel(lab)
    a = asking(lab, "approve by 1 of noc within 10m")
    assert ctl(a, "man", "deny", "T1")[0] == 0
    t = ended(a)
    assert t["state"] == "denied" and t["why"] == "denied by man"
    assert did(a) == [("man", "deny")] and "man" in a.ctl("show", "I1")
    a.ctl("reload")  # the agent starts anew and asks again
    assert "man has said no to the same in T1" in ended(a, 2)["why"]
    a.ctl("resume")
    a.ctl("reload")
    is_in(a, "waiting", 3)
    assert kernel(lab) == before


def test_a_rollback_by_a_person_has_his_name(lab):
    before = kernel(lab)
    a = start(lab, puppet(*ADD) + permit("route.add", "confirm after 60s"))
    is_in(a, "soak")
    assert ctl(a, "games", "rollback", "T1")[0] == 0
    t = ended(a)
    assert t["state"] == "rolled back" and "rolled back by games" in t["why"], t
    assert did(a) == [("games", "rollback")]
    assert kernel(lab) == before
