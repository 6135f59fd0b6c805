"""decision - what one decision costs, next to OPA and Cedar on the same rules and the same request.

OPA is asked by its own "opa bench" (embedded, prepared query, input parsed), Cedar by a small Rust
program (entities and policies loaded, request made before). They are installed with go and cargo
into the build folder; what cannot be is left out."""
import json
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "decision")]
import rules

SIZES = [100, 1000, 10000]
ROUNDS = 3
OPA = "github.com/open-policy-agent/opa@v1.22.2"


def _quiet(*cmd, **kw):
    """0, or what went wrong."""
    try:
        p = subprocess.run(cmd, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           timeout=1800, **kw)
    except (OSError, subprocess.TimeoutExpired) as e:
        return str(e)
    return p.returncode and (p.stdout.strip() or "status %d" % p.returncode)[-200:]


def _opa(build):
    program = os.path.join(build, "peers", "opa")
    if os.path.exists(program):
        return program, None
    if not shutil.which("go"):
        return None, "go is not installed"
    wrong = _quiet("go", "install", OPA, env=dict(os.environ, GOBIN=os.path.dirname(program)))
    return (None, wrong) if wrong else (program, None)


def _cedar(build):
    target = os.path.join(build, "peers", "cedar")
    program = os.path.join(target, "release", "cedarbench")
    if os.path.exists(program):
        return program, None
    if not shutil.which("cargo"):
        return None, "cargo is not installed"
    # Built in a copy, so that no lock file comes to lie among the sources.
    source = os.path.join(target, "source")
    shutil.copytree(os.path.join(HERE, "decision", "cedar"), source, dirs_exist_ok=True)
    wrong = _quiet("cargo", "build", "-q", "--release", "--manifest-path",
                   os.path.join(source, "Cargo.toml"), "--target-dir", target)
    return (None, wrong) if wrong else (program, None)


def _opa_ns(program, folder, n):
    """Mean nanoseconds of each of opa's own runs."""
    p = subprocess.run([program, "bench", "-d", "%s/%d.rego" % (folder, n), "-i",
                        folder + "/request.json", "data.anod.decision", "--format", "gobench"],
                       text=True, stdout=subprocess.PIPE, timeout=600, check=True)
    return [float(x) for x in re.findall(r"([0-9.]+) ns/op", p.stdout)]


def _cedar_ns(program, folder, n):
    p = subprocess.run([program, folder, str(n)], text=True, stdout=subprocess.PIPE, timeout=600,
                       check=True)
    return [float(x) for x in p.stdout.split()]


def run(out, build, peers):
    folder = os.path.join(build, "bench", "decision")
    rules.write(folder, SIZES)
    contenders = {}
    if peers:
        for who, install, ns in (("opa", _opa, _opa_ns), ("cedar", _cedar, _cedar_ns)):
            program, wrong = install(build)
            if wrong:
                out.note("%s is left out: %s" % (who, wrong))
            else:
                contenders[who] = (program, ns, {n: [] for n in SIZES})
    ours = {}
    for _ in range(ROUNDS):
        p = subprocess.run([os.path.join(build, "tests", "bench_decision"), folder] +
                           [str(n) for n in SIZES], text=True, stdout=subprocess.PIPE, timeout=600)
        if p.returncode:
            out.note("decision: status %d" % p.returncode)
        for line in p.stdout.splitlines():
            row = json.loads(line)
            ours.setdefault((row["case"], row["who"]), []).append(row)
        for who, (program, ns, taken) in contenders.items():
            for n in SIZES:
                taken[n] += ns(program, folder, n)
    for rows in ours.values():  # the round in the middle
        out.rows.append(sorted(rows, key=lambda r: r["p50"])[len(rows) // 2])
    for who, (_, _, taken) in contenders.items():
        for n in SIZES:
            out.add("decision", str(n), who, "ns", taken[n])
