"""The daemon in an operator's hands: no configuration, words, reloads, a full disk, the end."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess

import pytest

from common import (A_WAY_OUT, LINKS, PLUGINS, STEER, Lines, ended, findings, is_in, kernel, permit,
                    probed, puppet, uplink)
from lab import BUILD, TOP, Anod, run, wait

ADD = ("route.add", "dst=10.60.0.0/24", "via=10.2.0.1", "dev=wan1", "metric=7")
ASK = "approve by 1 of operators within 10m"


def there(lab):
    return "10.60.0.0/24" in lab.routes()


def ctl(a, *args, user=None):
    """(exit status, output) of anodctl, as another user when one is named."""
    cmd = ["ip", "netns", "exec", a.lab.ns("router")]
    if user:
        cmd += ["setpriv", "--reuid", user, "--clear-groups"]
    cmd += [os.path.join(BUILD, "anodctl"), "--socket", os.path.join(a.rundir, "anod.sock")]
    p = subprocess.run(cmd + list(args), text=True, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT)
    return p.returncode, p.stdout


# ---- without a configuration -----------------------------------------------------------------

@pytest.mark.skipif(os.path.exists("/etc/anod/anod.conf"), reason="/etc/anod/anod.conf exists")
def test_without_a_configuration_it_observes_and_says_what_it_would_do(lab):
    before = kernel(lab)
    a = lab.anod(None)
    lab.carrier("wan0", False)
    wait("what it would do is told", lambda: a.incidents() and
         "would allow it" in a.ctl("show", "I1"))
    story = a.ctl("show", "I1")
    assert "would have done: route.replace" in story and "permit" in story, story
    lab.carrier("wan0", True)
    wait("the carrier is back", lambda: a.fact("link/wan0.carrier"))
    assert kernel(lab) == before
    status = a.ask("status")
    assert status["mode"] == "observe"
    assert any("observing only" in w for w in status["warnings"])
    assert ended(a)["state"] == "denied"


def test_the_suggested_line_is_one_that_works(lab):
    """What the incident says would have allowed it is taken as it stands."""
    a = lab.anod(LINKS + A_WAY_OUT + puppet(*ADD), args=PLUGINS)
    assert ended(a)["state"] == "denied"
    line = a.ask("why", id="T1")["decision"]["suggest"]
    a.write(LINKS + A_WAY_OUT + puppet(*ADD) + line)
    a.ctl("reload")
    n = wait("it is proposed again", lambda: [o["tx"] for o in a.ledger("decision")
                                              if o["tx"] > 1])[0]
    assert [o for o in a.ledger("decision") if o["tx"] == n][0]["decision"]["level"] == "approve"


# ---- reload ----------------------------------------------------------------------------------

def test_a_broken_configuration_leaves_the_old_one(lab):
    a = lab.anod(LINKS + A_WAY_OUT + STEER + uplink())
    probed(a)
    old = a.ask("status")["policy"]["hash"]
    a.write(LINKS + STEER.replace("action ", "acton ") + uplink())
    status, said = ctl(a, "reload")
    assert status == 1 and "anod.conf:" in said and "acton" in said, said
    assert a.ask("status")["policy"]["hash"] == old
    a.proc.send_signal(signal.SIGHUP)
    wait("SIGHUP says it too", lambda: a.logged("anod.conf:", "acton"))
    lab.carrier("wan0", False)
    wait("traffic leaves by wan1", lambda: lab.way() == "wan1")


def test_an_open_transaction_ends_by_the_rules_that_allowed_it(lab):
    conf = LINKS + permit("route.add", "confirm after 1s")
    a = lab.anod(conf + puppet(*ADD), args=PLUGINS)
    is_in(a, "soak")
    a.write(LINKS)
    a.ctl("reload")
    assert a.ask("status")["policy"]["rules"] == 0
    t = ended(a)
    assert t["state"] == "done" and t["rule"] == "the test", t
    assert there(lab)
    status, said = ctl(a, "reload")
    assert status == 0, said


# ---- pause, and the operator's words ----------------------------------------------------------

def waiting(lab, *clauses, level=ASK):
    a = lab.anod(LINKS + puppet(*ADD, finding="puppet-found") +
                 permit("route.add", *clauses, level=level), args=PLUGINS)
    is_in(a, "waiting")
    return a


def test_pause_stops_what_waits_and_resume_lets_it_go_on(lab):
    a = waiting(lab)
    assert ctl(a, "pause")[0] == 0 and a.ask("status")["paused"] is True
    a.approve(1)
    wait("it says why it waits on", lambda: [o for o in a.ledger("tx") if "paused" in o["why"]])
    assert not there(lab) and not a.final()
    ctl(a, "resume")
    assert a.ask("status")["paused"] is False
    assert ended(a)["state"] == "done"
    assert there(lab)


def test_pause_lets_what_is_applied_come_to_its_end(lab):
    before = kernel(lab)
    a = lab.anod(LINKS + puppet(*ADD) +
                 permit("route.add", "verify within 500ms that link.wan0.mtu == 9999"),
                 args=PLUGINS)
    is_in(a, "verifying")
    ctl(a, "pause")
    assert ended(a)["state"] == "rolled back"
    assert kernel(lab) == before


def test_approve_is_for_the_members_of_the_group(lab):
    conf = (LINKS + puppet(*ADD) + permit("route.add", level=ASK)).replace("{ root }", "{ daemon }")
    a = lab.anod(conf, args=PLUGINS)
    is_in(a, "waiting")
    status, said = ctl(a, "approve", "T1", "0000-0000")
    assert status == 1 and "root" in said and "group" in said, said
    assert not there(lab)
    assert [o["did"] for o in a.ledger("operator")] == ["approve refused: in none of its groups"]
    status, said = ctl(a, "approve", "T99")
    assert status == 1 and "T99" in said
    a.ctl("deny", "T1")
    assert ended(a)["state"] == "denied"
    assert not there(lab)


def test_the_socket_is_closed_to_others(lab):
    a = lab.anod(LINKS)
    os.chmod(lab.dir, 0o755)
    status, _ = ctl(a, "status", user="nobody")
    assert status == 3


def test_approve_is_recorded_by_name_and_done(lab):
    a = waiting(lab)
    a.approve(1)
    t = ended(a)
    assert t["state"] == "done" and t["approvals"] == ["root"]
    assert {"user": "root", "did": "approve", "tx": 1}.items() <= a.ledger("operator")[0].items()
    assert "root" in a.ctl("show", "I1")
    assert ctl(a, "approve", "T1", "0000-0000")[0] == 1


def test_an_approval_that_nobody_gives_expires(lab):
    a = waiting(lab, level="approve by 1 of operators within 300ms")
    assert ended(a)["state"] == "expired"
    assert not there(lab)


def test_confirm_by_hand_commits(lab):
    a = lab.anod(LINKS + puppet(*ADD) +
                 permit("route.add", "confirm by operator"), args=PLUGINS)
    is_in(a, "soak")
    assert ctl(a, "confirm", "T1")[0] == 0
    assert ended(a)["state"] == "done" and there(lab)


def test_rollback_by_hand_undoes(lab):
    before = kernel(lab)
    a = lab.anod(LINKS + puppet(*ADD) + permit("route.add", "confirm after 30s"), args=PLUGINS)
    is_in(a, "soak")
    assert ctl(a, "rollback", "T1")[0] == 0
    t = ended(a)
    assert t["state"] == "rolled back" and "root" in t["why"]
    assert kernel(lab) == before


# ---- what can be asked ------------------------------------------------------------------------

def shape():
    """{command: members of its data}, from docs/control.md."""
    out = {}
    with open(os.path.join(TOP, "docs", "control.md")) as f:
        for line in f:
            m = re.match(r"\| (\w+) \|.*\| `\{(.*)\}`", line.replace("\\|", "/"))
            if m:
                depth, text = 0, ""
                for c in m.group(2):
                    depth += (c in "{[") - (c in "}]")
                    if not depth and c not in "}]":
                        text += c
                text = re.sub(r':"\w+"(/"\w+")*', "", text)  # words that a member may be
                out[m.group(1)] = set(re.findall(r'"(\w+)"', text))
    return out


def test_each_answer_has_the_members_that_the_page_names(lab):
    a = waiting(lab)
    ids = {"show": "I1", "why": "T1"}
    documented = shape()
    assert {"status", "why", "agents", "doctor", "facts"} <= set(documented), documented
    for command in ("status", "facts", "schema", "incidents", "show", "why", "agents", "ledger",
                    "doctor"):
        args = [ids[command]] if command in ids else ["--state", a.state] if command == "ledger" \
            else []
        if command == "ledger":
            data = a.ask("ledger")
        elif command == "schema":
            data = json.loads(a.ctl("--json", "facts", "--schema"))
        else:
            data = json.loads(ctl(a, "--json", command, *args)[1])
        missing = documented.get(command, set()) - set(data)
        assert not missing, "%s lacks %s" % (command, missing)


def test_exit_status_tells_good_refused_misuse_and_no_daemon(lab):
    a = waiting(lab)
    for args, status in ((["status"], 0), (["facts"], 0), (["facts", "link/wan0.*"], 0),
                         (["incidents"], 0), (["incidents", "--all"], 0), (["show", "I1"], 0),
                         (["show", "T1"], 0), (["why", "T1"], 0), (["agents"], 0),
                         (["show", "I99"], 1), (["why", "T99"], 1), (["show", "nonsense"], 1),
                         (["approve", "T99"], 1), (["frobnicate"], 2), (["show"], 2), ([], 2),
                         (["status", "too", "much"], 2)):
        got, said = ctl(a, *args)
        assert got == status, "%s: %d: %s" % (args, got, said)
    assert ctl(a, "doctor")[0] in (0, 1)
    a.stop()
    status, said = ctl(a, "status")
    assert status == 3 and "anod" in said


def test_monitor_and_watch_tell_changes_as_they_come(lab):
    a = lab.anod(LINKS + A_WAY_OUT + STEER + uplink())
    probed(a)
    cmd = [os.path.join(BUILD, "anodctl"), "--socket", a.rundir + "/anod.sock", "--json"]
    watch = Lines(lab, *cmd, "facts", "link/wan0.carrier", "--watch")
    monitor = Lines(lab, *cmd, "monitor")
    wait("both are there", lambda: watch.all() and monitor.all())
    lab.carrier("wan0", False)
    wait("the carrier is told", lambda: [e for e in watch.json() if e.get("raw") is False])
    wait("the story is told", lambda: {"finding", "decision", "tx"} <=
         {e.get("kind") for e in monitor.json()})
    assert all({"t", "kind", "text"} <= set(e) for e in monitor.json() if "kind" in e)


def test_nonsense_on_the_socket_is_answered_or_closed(lab):
    a = lab.anod(LINKS)
    for words in (b"hello\n", b"{}\n", b'{"command":7}\n', b'{"id":1,"command":"show"}\n',
                  b"[" * 5000 + b"\n", b"\xff\xfe\x00\n"):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(5)
        s.connect(a.rundir + "/anod.sock")
        s.sendall(words)
        got = s.recv(65536)
        assert got == b"" or json.loads(got)["ok"] is False, got
        s.close()
    s = socket.socket(socket.AF_UNIX)
    s.connect(a.rundir + "/anod.sock")
    try:
        for _ in range(64):
            s.sendall(b"x" * 65536)  # a line without an end
    except OSError:
        pass
    s.close()
    assert a.ask("status")["pid"] == a.proc.pid


# ---- what keeps it from starting, and what caps it ---------------------------------------------

def test_a_second_daemon_on_the_same_state_is_refused_with_the_reason(lab):
    a = lab.anod(LINKS)
    p = subprocess.run(["ip", "netns", "exec", lab.ns("router"), os.path.join(BUILD, "anod"), "run",
                        "-c", a.config, "--state", a.state, "--run", os.path.join(lab.dir, "2.run")],
                       text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20)
    assert p.returncode == 1 and "another anod runs here" in p.stdout, p.stdout
    assert a.ask("status")["pid"] == a.proc.pid
    assert "good" in a.ctl("ledger", "verify", "--state", a.state)


@pytest.mark.parametrize("mode", [0o775, 0o777, 0o1777])
def test_a_plugin_that_others_may_write_is_refused(lab, mode):
    folder = os.path.join(lab.dir, "plugins")
    shutil.copytree(os.path.join(BUILD, "plugins"), folder)
    os.chmod(os.path.join(folder, "flap.so"), mode)
    os.chmod(lab.dir, 0o755)
    a = lab.anod(LINKS, args=["--plugins", folder])
    assert any("flap.so" in w and "written by others" in w for w in a.ask("status")["warnings"])


def disk(lab, size):
    state = os.path.join(lab.dir, "anod.state")
    os.mkdir(state)
    run("mount", "-t", "tmpfs", "-o", "mode=700,size=" + size, "tmpfs", state)
    return state


def test_a_disk_without_room_for_the_journal_is_refused_at_the_start(lab):
    state = disk(lab, "1m")
    try:
        with pytest.raises(RuntimeError, match="No space left on device: it needs 4 MiB"):
            lab.anod(LINKS)
    finally:
        run("umount", "-l", state, check=False)


def test_a_full_disk_caps_to_observe_and_says_so(lab):
    state = disk(lab, "6m")
    try:
        before = kernel(lab)
        a = lab.anod(LINKS + A_WAY_OUT + STEER + uplink() + puppet(*ADD, mode="idle") +
                     permit("route.add"), args=PLUGINS)
        probed(a)
        ballast = os.open(os.path.join(state, "ballast"), os.O_WRONLY | os.O_CREAT)
        with pytest.raises(OSError):
            while True:
                os.write(ballast, b"x" * 4096)
        os.close(ballast)
        # A whole block of the ledger may still have room: words of the operator fill it.
        for _ in range(100):
            a.ctl("pause")
            a.ctl("resume")
            if any("cannot be written" in w for w in a.ask("status")["warnings"]):
                break
        assert any("cannot be written" in w for w in a.ask("status")["warnings"])
        lab.carrier("wan0", False)
        wait("it is seen", lambda: findings(a) == ["uplink-down"])
        wait("it is only observed", lambda: a.logged("T1 uplink: observe: journal or ledger failed"))
        a.stop()
        os.unlink(os.path.join(state, "ballast"))
        assert "good" in ctl(a, "ledger", "verify", "--state", state)[1]
        lab.carrier("wan0", True)
        wait("nothing has changed", lambda: kernel(lab) == before)
        a.up()
        lab.carrier("wan0", False)
        wait("with room again it repairs", lambda: lab.way() == "wan1")
        assert "good" in ctl(a, "ledger", "verify", "--state", state)[1]
    finally:
        run("umount", "-l", state, check=False)


def test_a_flipped_byte_of_the_ledger_is_found(lab):
    a = lab.anod(LINKS + puppet(*ADD) + permit("route.add"), args=PLUGINS)
    assert ended(a)["state"] == "done"
    a.stop()
    path = os.path.join(a.state, "ledger.jsonl")
    cmd = [os.path.join(BUILD, "anodctl"), "ledger", "verify", "--state", a.state]
    assert subprocess.run(cmd, stdout=subprocess.DEVNULL).returncode == 0
    with open(path, "r+b") as f:
        data = f.read()
        at = data.index(b"the test")
        f.seek(at)
        f.write(b"The")
    p = subprocess.run(cmd, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert p.returncode == 1 and "line" in p.stdout, p.stdout


# ---- the end ----------------------------------------------------------------------------------

@pytest.mark.parametrize("args", [[], ["--single"]], ids=["processes", "single"])
def test_a_clean_stop_leaves_nothing(lab, args):
    before = kernel(lab)
    a = lab.anod("anod { handover off }\n" + LINKS + puppet(*ADD) +
                 permit("route.add", "confirm after 30s"), args=PLUGINS + args)
    is_in(a, "soak")
    pids = a.pids()
    assert a.stop() == 0
    for name, pid in pids.items():
        wait("%s has ended" % name, lambda: not os.path.exists("/proc/%d" % pid))
    assert not os.path.exists(a.rundir + "/anod.sock")
    assert kernel(lab) == before
    assert run("ip", "netns", "pids", lab.ns("router")).strip() == ""
