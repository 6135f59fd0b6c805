"""The static checks against z3: random guards, and of each two rules the same answers.

Guards are made as trees here, written as text for anod and as formulas for z3, in the three-valued
logic of docs/policy.md: a fact is a value and whether it is known.  ANOD_SEED, ANOD_CASES (files).
"""
import json
import os
import random
import subprocess

import pytest

z3 = pytest.importorskip("z3", reason="python3-z3 is not installed: tests/deps python3-z3")

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get("BUILD", os.path.join(HERE, "..", "..", "build"))
SEED = int(os.environ.get("ANOD_SEED", "20261122"), 0)
FILES = int(os.environ.get("ANOD_CASES", "3"))
RULES = 22

NETS = {"wide": ["10.0.0.0/8", "192.168.0.0/16"], "narrow": ["10.1.0.0/16", "10.1.2.0/24"]}
HEAD = """group noc { a }
agent uplink { uplinks wan0 }
set wide   = prefix { 10.0.0.0/8, 192.168.0.0/16 }
set narrow = prefix { 10.1.0.0/16, 10.1.2.0/24 }
"""


def parse(prefix):
    address, length = prefix.split("/")
    value = 0
    for part in address.split("."):
        value = value << 8 | int(part)
    return value, int(length)


class Fact:
    def __init__(self, name, sort):
        self.value = z3.Const(name, sort)
        self.known = z3.Bool(name + "?")


class World:
    """The variables of z3, and what holds of all of them."""

    def __init__(self):
        self.number = {n: Fact(n, s) for n, s in (
            ("link.mtu", z3.IntSort()), ("path.rtt", z3.IntSort()), ("link.util", z3.RealSort()),
            ("action.metric", z3.IntSort()), ("model.confidence", z3.RealSort()))}
        self.word = {"link.operstate": Fact("link.operstate", z3.IntSort())}
        self.truth = {n: Fact(n, z3.BoolSort()) for n in ("link.carrier", "link.admin_up")}
        self.held = {}
        self.addr, self.len = z3.BitVec("addr", 32), z3.BitVec("len", 32)
        self.inet = z3.Bool("inet")  # else IPv6, which none of the texts names
        metric, confidence = self.number["action.metric"], self.number["model.confidence"]
        self.always = [
            z3.ULE(self.len, 32), self.addr & ~self.mask(self.len) == 0,
            z3.Or(z3.Not(metric.known), z3.And(metric.value >= 0, metric.value <= 4294967295)),
            z3.Or(z3.Not(confidence.known),
                  z3.And(confidence.value >= 0, confidence.value <= 1)),
        ]

    @staticmethod
    def mask(length):
        return z3.If(length == 0, z3.BitVecVal(0, 32),
                     z3.BitVecVal(0xffffffff, 32) << (32 - length))

    def inside(self, prefix):
        value, length = parse(prefix)
        mask = (0xffffffff << 32 - length) & 0xffffffff
        return z3.And(self.inet, z3.UGE(self.len, length), self.addr & mask == value)

    def overlaps(self, prefix):
        value, length = parse(prefix)
        shorter = z3.If(z3.ULE(self.len, length), self.len, z3.BitVecVal(length, 32))
        mask = self.mask(shorter)
        return z3.And(self.inet, self.addr & mask == z3.BitVecVal(value, 32) & mask)


# ---- guards: (text, surely true, surely false) ------------------------------------------------

LIMITS = {"link.mtu": [("576", 576), ("1400", 1400), ("1500", 1500), ("9000", 9000)],
          "path.rtt": [("10ms", 10000), ("20ms", 20000), ("1s", 1000000)],
          "link.util": [("10%", z3.Q(1, 10)), ("50%", z3.Q(1, 2)), ("90%", z3.Q(9, 10))],
          "action.metric": [("5", 5), ("100", 100), ("4294967295", 4294967295)],
          "model.confidence": [("0.5", z3.Q(1, 2)), ("1.0", z3.RealVal(1))]}
WORDS = ["up", "down", "dormant"]
COMPARE = {"==": lambda a, b: a == b, "!=": lambda a, b: a != b, "<": lambda a, b: a < b,
           "<=": lambda a, b: a <= b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b}


def known(fact, formula):
    return z3.And(fact.known, formula), z3.And(fact.known, z3.Not(formula))


def leaf(rng, w):
    kind = rng.randrange(10)
    if kind < 5:
        name = rng.choice(sorted(w.number))
        text, limit = rng.choice(LIMITS[name])
        op = rng.choice(sorted(COMPARE))
        return ("%s %s %s" % (name, op, text),) + known(
            w.number[name], COMPARE[op](w.number[name].value, limit))
    if kind == 5:
        at, op = rng.randrange(len(WORDS)), rng.choice(["==", "!="])
        fact = w.word["link.operstate"]
        return ("link.operstate %s %s" % (op, WORDS[at]),) + known(
            fact, COMPARE[op](fact.value, at))
    if kind == 6:
        name = rng.choice(sorted(w.truth))
        return (name,) + known(w.truth[name], w.truth[name].value)
    name = rng.choice(sorted(NETS))
    if kind == 7:
        f = z3.Or([w.inside(p) for p in NETS[name]])
        return "action.dst in " + name, f, z3.Not(f)
    if kind == 8:
        f = z3.Or([w.overlaps(p) for p in NETS[name]])
        return "action.dst overlaps " + name, f, z3.Not(f)
    prefix = rng.choice(["10.1.2.0/25", "0.0.0.0/0", "172.16.0.0/12"])
    value, length = parse(prefix)
    f = z3.And(w.inet, w.addr == value, w.len == length)
    return "action.dst == " + prefix, f, z3.Not(f)


def guard(rng, w, depth):
    roll = rng.randrange(10) if depth else 0
    if roll < 3:
        return leaf(rng, w)
    if roll == 3:
        text, yes, no = leaf(rng, w)
        held = w.held.setdefault(text, Fact("held " + text, z3.BoolSort()))
        return ("(%s) for 10s" % text, z3.And(held.known, held.value, yes),
                z3.Or(z3.And(held.known, z3.Not(held.value)), no))
    a = guard(rng, w, depth - 1)
    if roll < 6:
        return "not (%s)" % a[0], a[2], a[1]
    b = guard(rng, w, depth - 1)
    if roll < 8:
        return "(%s) and (%s)" % (a[0], b[0]), z3.And(a[1], b[1]), z3.Or(a[2], b[2])
    return "(%s) or (%s)" % (a[0], b[0]), z3.Or(a[1], b[1]), z3.And(a[2], b[2])


def rules(rng, w):
    """Names with what makes each count, and the text of them all."""
    counts, text = {}, HEAD
    for i in range(RULES):
        when, yes, no = guard(rng, w, rng.randrange(1, 4))
        name = "r%d" % i
        if i % 3:
            text += 'permit "%s" { agent uplink  action route.replace  when %s\n level propose }\n' \
                % (name, when)
            counts[name] = yes
        else:
            text += 'forbid "%s" { action route.replace  when %s }\n' % (name, when)
            counts[name] = z3.Not(no)
    return counts, text


def checked(path):
    p = subprocess.run([os.path.join(BUILD, "anod"), "policy", "check", "--json", "--pairs",
                        "--quiet", path], capture_output=True, text=True, check=False)
    assert p.returncode == 0, p.stdout + p.stderr
    return json.loads(p.stdout)[0]


@pytest.mark.parametrize("number", range(FILES))
def test_every_pair_of_rules_is_judged_as_z3_judges_it(tmp_path, number):
    rng, w = random.Random(SEED + number), World()
    counts, text = rules(rng, w)
    path = tmp_path / "random.conf"
    path.write_text(text)
    answers = checked(str(path))["pairs"]
    assert len(answers) == RULES * (RULES - 1) // 2
    solver = z3.Solver()
    solver.add(w.always)
    cache = {}

    def possible(formula):
        key = formula.sexpr()
        if key not in cache:
            solver.push()
            solver.add(formula)
            cache[key] = solver.check() == z3.sat
            solver.pop()
        return cache[key]

    undecided = 0
    for p in answers:
        if not p["decided"]:
            undecided += 1
            continue
        a, b = counts[p["a"]], counts[p["b"]]
        want = {"a_empty": not possible(a), "b_empty": not possible(b),
                "meet": possible(z3.And(a, b)), "a_inside": not possible(z3.And(a, z3.Not(b))),
                "b_inside": not possible(z3.And(b, z3.Not(a)))}
        assert {k: p[k] for k in want} == want, "seed %d: %s %s\n%s" % (
            SEED + number, p["a"], p["b"], text)
    print("seed %d: %d pairs, %d not decided" % (SEED + number, len(answers), undecided))
    assert undecided * 10 < len(answers), "too many pairs are not decided"


def test_permits_that_can_never_count_are_those_that_z3_cannot_satisfy(tmp_path):
    said = asked = 0
    for number in range(FILES):
        rng, w = random.Random(SEED + 1000 + number), World()
        counts, text = rules(rng, w)
        path = tmp_path / "random.conf"
        path.write_text(text)
        found = {f["text"].split('"')[1] for f in checked(str(path))["findings"]
                 if f["check"] == "never-counts" and f["text"].startswith("permit")}
        for name, formula in counts.items():
            if int(name[1:]) % 3 == 0:
                continue
            solver = z3.Solver()
            solver.add(w.always + [formula])
            asked += 1
            said += name in found
            assert (solver.check() == z3.unsat) == (name in found), \
                "seed %d: %s\n%s" % (SEED + 1000 + number, name, text)
    print("%d permits, %d of them never count" % (asked, said))
