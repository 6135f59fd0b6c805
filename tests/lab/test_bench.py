"""The benchmarks run and write what docs/bench.md says. How fast it was is nobody's business here."""
import json
import os
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "examples", "lab"))
import lab  # noqa: E402

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="namespaces need root")


def bench(tmp_path, timeout, **words):
    """Rows of build/bench.jsonl, elsewhere, and what was printed."""
    env = dict(os.environ, BUILD=lab.BUILD, JSONL=str(tmp_path / "bench.jsonl"), PEERS="", **words)
    out = subprocess.run([os.path.join(lab.TOP, "tests", "bench", "run")], env=env, text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout)
    assert out.returncode == 0, out.stdout
    with open(tmp_path / "bench.jsonl") as f:
        rows = [json.loads(line) for line in f]
    for r in rows:
        assert r["n"] >= 1 and r["p50"] >= 0 and r["unit"] and r["case"], r
    return rows, out.stdout


def who(rows, work, case):
    return {r["who"] for r in rows if (r["work"], r["case"]) == (work, case)}


def test_one_trial_of_everybody_who_moves_a_hundred_prefixes(tmp_path):
    rows, text = bench(tmp_path, 120, WORK="move", CASE="100", TRIALS="1")
    assert who(rows, "move", "100") == {"limit", "each", "anod"}, text


@pytest.mark.long
def test_a_quick_run_writes_a_figure_for_every_contender(tmp_path):
    rows, text = bench(tmp_path, 400, QUICK="1")
    bare = {"limit", "limit-fifo", "kernel", "anod-reflex-kernel", "anod-reflex-ready"}
    for work in ("failover", "outage"):
        assert who(rows, work, "veth") == bare | {
            "limit-sync", "libnl", "kernel-linkdown", "anod-agent", "anod-agent-tmpfs"}, text
        assert who(rows, work, "veth-hogs") == bare, text
        assert who(rows, work, "tun-100ms") == bare - {"limit-fifo"} | {
            "limit-events", "kernel-sentinel"}, text
    assert who(rows, "undo", "kill9") == {"anod"}, text
    assert "anod-total" in who(rows, "rss", "idle"), text


def test_an_unknown_work_is_named():
    out = subprocess.run([os.path.join(lab.TOP, "tests", "bench", "run")],
                         env=dict(os.environ, BUILD=lab.BUILD, WORK="nonsense"), text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    assert out.returncode != 0
    assert "no work 'nonsense'; there are: failover" in out.stdout
