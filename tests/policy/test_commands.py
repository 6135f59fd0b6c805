"""anod policy, as an engineer types it: output, exit status, JSON."""
import json
import os
import subprocess

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
BUILD = os.environ.get("BUILD", os.path.join(ROOT, "build"))
POLICIES = os.path.join(ROOT, "examples", "policies")

BASE = """group noc { a, b }
agent uplink { uplinks wan0 }
link wan0 { role uplink }
link wan1 { role uplink }
set uplinks = link where role == uplink
permit "steer" { agent uplink  action route.replace  on uplinks
	when link.util > 70% for 1m  level approve by 1 of noc }
cap "late" { when host.lateness > 200ms  to propose }
invariant "up" { require count(uplinks up) >= 1 }
"""
SNAP = """link wan0 index 2
link wan1 index 3
addr 192.0.2.2/24 dev wan0
addr 198.51.100.2/24 dev wan1
route 192.0.2.0/24 dev wan0
route 198.51.100.0/24 dev wan1
route 0.0.0.0/0 via 192.0.2.1 dev wan0 metric 100
fact link.wan1.util 50%
fact host.self.lateness 10ms
"""


def policy(*words, program="anod"):
    p = subprocess.run([os.path.join(BUILD, program), "policy", *map(str, words)],
                       capture_output=True, text=True, check=False)
    return p.returncode, p.stdout, p.stderr


def parsed(*words):
    status, out, err = policy(*words, "--json")
    return status, json.loads(out)


@pytest.fixture
def files(tmp_path):
    (tmp_path / "base.conf").write_text(BASE)
    (tmp_path / "wider.conf").write_text(BASE.replace("70%", "50%"))
    (tmp_path / "strange.conf").write_text(
        BASE + 'permit "x" { agent uplink  action link.down  '
        'when link.mtu > 9000 and link.mtu < 100  level propose }\n')
    (tmp_path / "broken.conf").write_text(BASE.replace("permit", "pemit"))
    (tmp_path / "net.snap").write_text(SNAP)
    return tmp_path


def test_wrong_use_is_status_2_and_says_the_right_one(files):
    assert policy()[0] == 2
    assert policy("check")[0] == 2
    assert policy("diff", files / "base.conf")[0] == 2
    assert policy("graph", "--strict", files / "base.conf")[0] == 2
    status, _, err = policy("chekc", files / "base.conf")
    assert status == 2 and "did you mean 'check'" in err
    status, out, _ = policy("--help")
    assert status == 0 and "diff OLD NEW" in out


def test_check_tells_and_strict_refuses(files):
    status, out, _ = policy("check", files / "base.conf")
    assert status == 0 and "good: 2 rules" in out
    status, out, _ = policy("check", files / "strange.conf")
    assert status == 0 and 'permit "x" can never count: it needs' in out
    assert policy("check", "--strict", files / "strange.conf")[0] == 1
    assert policy("check", "--strict", "--quiet", files / "base.conf")[0] == 0
    status, out, _ = policy("check", files / "broken.conf", files / "base.conf")
    assert status == 1 and "did you mean 'permit'" in out and "base.conf: good" in out
    status, d = parsed("check", files / "strange.conf")
    found = [f for f in d[0]["findings"] if f["check"] == "never-counts"]
    assert status == 0 and d[0]["good"] and found[0]["severity"] == "warning"
    assert found[0]["place"]["line"] == 10 and found[0]["cure"]


def test_check_asks_the_invariants_of_a_snapshot(files):
    _, out, _ = policy("check", "--topology", files / "net.snap", files / "base.conf")
    assert 'invariant "up" holds' in out
    (files / "down.snap").write_text(SNAP.replace("index 2", "index 2 down")
                                     .replace("index 3", "index 3 down"))
    status, out, _ = policy("check", "--strict", "--topology", files / "down.snap",
                            files / "base.conf")
    assert 'invariant "up" does not hold' in out and status == 1
    _, d = parsed("check", "--topology", files / "net.snap", files / "base.conf")
    assert d[0]["invariant_states"][0]["holds"] == "true"


def test_anod_check_prints_the_warnings_too(files):
    p = subprocess.run([os.path.join(BUILD, "anod"), "check", files / "strange.conf"],
                       capture_output=True, text=True, check=False)
    assert p.returncode == 0 and "warning: permit \"x\" can never count" in p.stdout


def test_anodctl_runs_it(files):
    assert policy("check", files / "base.conf", program="anodctl")[0] == 0
    status, out, _ = policy("diff", files / "base.conf", files / "wider.conf", "--json",
                            program="anodctl")
    assert status == 1 and json.loads(out)["changes"]


def test_diff_says_what_rose_with_a_request_that_was_tried(files):
    assert policy("diff", files / "base.conf", files / "base.conf") == (0, "no answer changes\n",
                                                                        "")
    status, out, _ = policy("diff", files / "base.conf", files / "wider.conf")
    assert status == 1 and out.startswith("ROSE  deny -> approve   uplink: route.replace")
    status, d = parsed("diff", files / "base.conf", files / "wider.conf")
    assert status == 1 and all(c["tried"] for c in d["changes"])
    assert d["changes"][0]["was"] == "deny" and d["changes"][0]["now"] == "approve"
    assert not d["not_decided"]
    status, d = parsed("diff", files / "wider.conf", files / "base.conf")
    assert {(c["was"], c["now"]) for c in d["changes"]} >= {("approve", "deny")}
    assert policy("diff", files / "broken.conf", files / "base.conf")[0] == 2


def test_explain_names_the_smallest_changes_that_turn_it(files):
    action = ["--agent", "uplink", "--action",
              "route.replace dst 0.0.0.0/0 via 198.51.100.1 dev wan1 metric 5"]
    status, d = parsed("explain", files / "base.conf", *action, "--topology", files / "net.snap")
    assert status == 0 and d["level"] == "deny" and d["decided"]
    assert d["raise"] == [{"level": "approve", "change": "link.wan1.util = 71% (now 50%)"}]
    status, d = parsed("explain", files / "base.conf", *action, "--topology", files / "net.snap",
                       "--fact", "link.wan1.util=90%")
    assert d["level"] == "approve" and not d["raise"]
    changes = {c["change"]: c["level"] for c in d["lower"]}
    assert changes["host.self.lateness = 210ms (now 10ms)"] == "propose"
    assert changes["link.wan1.util = 70% (now 90%)"] == "deny"
    # Two facts at once, where one is not enough.
    status, d = parsed("explain", files / "base.conf", *action, "--fact", "link.wan1.util=50%",
                       "--fact", "host.self.lateness=300ms")
    assert d["level"] == "deny"
    assert [c["level"] for c in d["raise"]] == ["propose"]
    status, _, err = policy("explain", files / "base.conf", *action, "--fact", "link.util=5%")
    assert status == 1 and "write KIND.NAME.ATTRIBUTE=VALUE" in err
    status, _, err = policy("explain", files / "base.conf", "--agent", "uplink", "--action",
                            "route.repalce dst 10.0.0.0/8")
    assert status == 1 and "did you mean 'route.replace'" in err


def test_graph_fits_a_terminal_and_is_dot(files):
    for name in sorted(os.listdir(POLICIES)):
        if not name.endswith(".conf"):
            continue
        status, out, _ = policy("graph", os.path.join(POLICIES, name))
        assert status == 0 and max(map(len, out.split("\n"))) <= 80, name
        status, out, _ = policy("graph", "--dot", os.path.join(POLICIES, name))
        assert status == 0 and out.startswith("digraph") and out.count("{") == out.count("}")
    status, out, _ = policy("graph", files / "base.conf")
    assert "agent uplink" in out and 'cap "late"' in out and "by 1 of noc" in out
