"""The program and the reference decide alike, on random policies, facts and proposals.

REFERENCE_SEED=N and REFERENCE_CASES=N repeat and lengthen a run. A disagreement prints the case as
one line of JSON, which build/tests/decide_cases reads, and what each of the two says."""
import json
import os
import subprocess

import generate
import pytest
import reference

BUILD = os.environ.get("BUILD") or os.path.join(os.path.dirname(__file__), "../../build")
PROGRAM = os.path.join(BUILD, "tests", "decide_cases")
SEED = int(os.environ.get("REFERENCE_SEED") or 20261122)
CASES = int(os.environ.get("REFERENCE_CASES") or 4000)
BATCH = 2000
TRUTHS = ["false", "unknown", "true"]


def program(cases):
    """What the program says of each."""
    text = "".join(json.dumps(c) + "\n" for c in cases)
    p = subprocess.run([PROGRAM], input=text, text=True, stdout=subprocess.PIPE, timeout=600,
                       env=dict(os.environ, PLUGINS=os.path.join(BUILD, "plugins")), check=True)
    lines = p.stdout.splitlines()
    assert len(lines) == len(cases), "it ended after %d of %d cases" % (len(lines), len(cases))
    return [json.loads(line) for line in lines]


def told(d):
    """What the two have in common, of a decision_json()."""
    return dict(level=d["level"],
                rules=sorted([r["name"], r["action"], r["truth"], r["counted"], r["level"]]
                             for r in d["rules"]),
                invariants=sorted([i["name"], i["holds"]] for i in d["invariants"]))


def expected(case, policy):
    d = reference.decide(case, policy)
    return dict(level=d["level"],
                rules=sorted([name, action, TRUTHS[t], counted, reference.LEVELS[level]]
                             for name, action, t, counted, level in d["rules"]),
                invariants=sorted([name, TRUTHS[t]] for name, t in d["invariants"]))


def reproducer(case, got, want):
    path = os.path.join(BUILD, "tests", "disagreement.json")
    with open(path, "w") as f:
        f.write(json.dumps(case) + "\n")
    return "\n".join(["they disagree; %s < %s" % (PROGRAM, path), case["policy"],
                      "program:   " + json.dumps(got), "reference: " + json.dumps(want)])


@pytest.mark.skipif(not os.path.exists(PROGRAM), reason="build/tests/decide_cases is not built")
def test_the_program_decides_as_the_reference():
    print("seed %d (REFERENCE_SEED), %d cases" % (SEED, CASES))
    done = impossible = 0
    levels, truths = {}, {}
    for batch in range(0, CASES, BATCH):
        pairs = list(generate.cases(SEED + batch, min(BATCH, CASES - batch)))
        for (case, policy), d in zip(pairs, program([c for c, _ in pairs])):
            assert "error" not in d, "%s\n%s" % (d, json.dumps(case))
            assert d["reason"], "a decision without a reason: %s" % json.dumps(case)
            if d["reason"].startswith("not possible"):
                impossible += 1
                continue
            got, want = told(d), expected(case, policy)
            assert got == want, reproducer(case, got, want)
            done += 1
            levels[got["level"]] = levels.get(got["level"], 0) + 1
            for r in got["rules"]:
                truths[r[2]] = truths.get(r[2], 0) + 1
    print("%d agree, %d not possible; levels %s, rules %s" % (done, impossible, levels, truths))
    assert impossible < CASES / 10
    assert all(levels.get(l, 0) > CASES / 100 for l in reference.LEVELS), levels
    assert all(truths.get(t, 0) > CASES / 10 for t in TRUTHS), truths
