"""The benchmarks run and write what docs/bench.md says. How fast it was is nobody's business here."""
import json
import os
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "examples", "lab"))
import lab  # noqa: E402

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="namespaces need root")


@pytest.mark.long
def test_a_short_run_writes_a_figure_for_every_contender(tmp_path):
    env = dict(os.environ, BUILD=lab.BUILD, WORK="failover rss", TRIALS="3", PEERS="",
               JSONL=str(tmp_path / "bench.jsonl"))
    out = subprocess.run([os.path.join(lab.TOP, "tests", "bench", "run")], env=env, text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=240)
    assert out.returncode == 0, out.stdout
    with open(tmp_path / "bench.jsonl") as f:
        rows = [json.loads(line) for line in f]
    assert {r["who"] for r in rows if r["work"] == "failover"} == {
        "limit", "limit-sync", "libnl", "anod-agent", "anod-agent-tmpfs"}
    assert "anod-total" in {r["who"] for r in rows if r["work"] == "rss"}
    for r in rows:
        assert r["n"] >= 1 and r["p50"] > 0 and r["unit"] and r["case"], r


def test_an_unknown_work_is_named():
    out = subprocess.run([os.path.join(lab.TOP, "tests", "bench", "run")],
                         env=dict(os.environ, BUILD=lab.BUILD, WORK="nonsense"), text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    assert out.returncode != 0
    assert "no work 'nonsense'; there are: failover" in out.stdout
