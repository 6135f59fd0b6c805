"""Where both speak of the same thing, Cedar and the program agree: permits and forbids on facts that
are all known.

What Cedar has no words for is left out: levels, caps, budgets, history, counts, unknown facts. The
package @cedar-policy/cedar-wasm is installed into the build folder; without node or a registry the
test is skipped and says so."""
import json
import os
import shutil
import subprocess

import generate
import pytest
from test_reference import BUILD, PROGRAM, SEED, program

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.abspath(os.path.join(BUILD, "tests", "cedar"))
PACKAGE = "@cedar-policy/cedar-wasm@4.13.0"
CASES = int(os.environ.get("REFERENCE_CASES") or 4000)
ACTIONS = ["link.set", "link.down", "link.up"]


def install():
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("node and npm are not installed")
    if os.path.isdir(os.path.join(FOLDER, "node_modules", "@cedar-policy", "cedar-wasm")):
        return
    os.makedirs(FOLDER, exist_ok=True)
    p = subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", FOLDER, PACKAGE],
                       text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
    if p.returncode:
        pytest.skip("%s cannot be installed: %s" % (PACKAGE, p.stdout.strip()[-200:]))


def cedar_text(e):
    op = e[0]
    if op in ("and", "or"):
        return "(%s %s %s)" % (cedar_text(e[1]), {"and": "&&", "or": "||"}[op], cedar_text(e[2]))
    if op == "not":
        return "!(%s)" % cedar_text(e[1])
    if op == "cmp":
        return "%s %s %s" % (cedar_text(e[2]), e[1], cedar_text(e[3]))
    if op == "lit":
        return json.dumps(e[1])
    if op == "fact":
        return "context.%s.%s" % (e[2] or "link", e[3])
    if op == "operand":
        return {"action.kind": "context.kind"}[e[1]]
    return "(%s %s %s)" % (cedar_text(e[1]), "*" if op == "x" else op, cedar_text(e[2]))


class Dice(generate.Dice):
    def leaf(self, depth):
        k = self.randrange(6)
        if k == 0:
            return ("cmp", self.order(), self.number("a"), self.number("a"))
        if k == 1:
            return ("cmp", self.order(), (self.some("+", "-", "x"), self.number("a"), self.number("a")),
                    ("lit", self.some(1, 6, 10)))
        if k == 2:
            return ("cmp", "==", ("operand", "action.kind"), ("lit", self.some(*ACTIONS)))
        return self.leaf_simple()


def quoted(e):
    """The texts of kinds have a dot in them, so our language wants quotes."""
    if not isinstance(e, tuple):
        return e
    if e[0] == "lit" and isinstance(e[1], str) and "." in e[1]:
        return ("lit", e[1], '"%s"' % e[1])
    return tuple(quoted(x) for x in e)


def rule(d, nth):
    """The same rule for both."""
    kind = "permit" if nth == 0 else d.some("permit", "permit", "forbid")
    agents = d.some([], ["uplink"], ["uplink", "planner"], ["arp"])
    actions = d.some([], [ACTIONS[0]], ACTIONS[:2], ["link.*"])
    on = d.some(None, None, "wan0", ("uplinks", False), ("uplinks", True))
    when = d.guard() if d.random() < 0.8 else None
    ours = ["agent " + (", ".join(agents) or "any"), "action " + (", ".join(actions) or "any")]
    theirs = []
    if agents:
        theirs.append("(%s)" % " || ".join('principal == Agent::"%s"' % a for a in agents))
    if actions and actions != ["link.*"]:
        theirs.append("(%s)" % " || ".join('action == Action::"%s"' % a for a in actions))
    if on == "wan0":
        ours.append("on link { wan0 }")
        theirs.append('resource == Link::"wan0"')
    elif on:
        ours.append("on %suplinks" % ("not " if on[1] else ""))
        theirs.append('context.link.role %s "uplink"' % ("!=" if on[1] else "=="))
    if when:
        ours.append("when " + generate.text(quoted(when)))
        theirs.append(cedar_text(when))
    if kind == "permit":
        ours.append("level approve")
    return ('%s "r%d" {\n    %s\n}' % (kind, nth, "\n    ".join(ours)),
            "%s (principal, action, resource) when { %s };" % (kind, " && ".join(theirs) or "true"))


def pair(d):
    rules = [rule(d, nth) for nth in range(d.randrange(1, 8))]
    facts = {n: dict(a=d.some(1, 3, 5, 9), b=d.some(True, False), c=d.some("red", "blue", "green"),
                     role=d.some("uplink", "core")) for n in generate.LINKS}
    link, kind, agent = d.some(*generate.LINKS), d.some(*ACTIONS), d.some("uplink", "arp", "planner")
    text = ['policy "cedar" revision 1', "agent uplink { }", "agent arp { }", "agent planner { }",
            "set uplinks = link where role == uplink"] + [ours for ours, _ in rules]
    case = dict(policy="\n".join(text) + "\n", routes=[], agent=agent, now_us=generate.NOW,
                links=[[2 + i, n, kind != "link.up", True] for i, n in enumerate(generate.LINKS)],
                facts=[[generate.NOW - 1000000, "link", n, attr, v] for n in facts
                       for attr, v in facts[n].items()],
                actions=[[kind, dict(dev=link, **({"mtu": 1400} if kind == "link.set" else {}))]])
    request = dict(policies="\n".join(theirs for _, theirs in rules), principal=agent, action=kind,
                   resource=link, context=dict(facts, link=facts[link], kind=kind))
    return case, request


@pytest.mark.skipif(not os.path.exists(PROGRAM), reason="build/tests/decide_cases is not built")
def test_the_program_decides_as_cedar_where_nothing_is_unknown():
    install()
    d = Dice(SEED)
    pairs = [pair(d) for _ in range(CASES)]
    p = subprocess.run(["node", os.path.join(HERE, "cedar.mjs"), FOLDER], text=True, timeout=600,
                       input="".join(json.dumps(q) + "\n" for _, q in pairs), stdout=subprocess.PIPE)
    theirs = p.stdout.splitlines()
    assert p.returncode == 0 and len(theirs) == len(pairs)
    ours = program([c for c, _ in pairs])
    allowed = 0
    for (case, request), a, b in zip(pairs, ours, theirs):
        assert not b.startswith("error"), b + "\n" + request["policies"]
        assert "error" not in a, "%s\n%s" % (a, case["policy"])
        assert not a["reason"].startswith("not possible"), a["reason"]
        allowed += b == "allow"
        assert (a["level"] == "approve") == (b == "allow"), "%s, Cedar: %s\n%s\n%s" % (
            a["reason"], b, json.dumps(case), json.dumps(request))
    print("seed %d (REFERENCE_SEED), %d cases, %d allowed" % (SEED, CASES, allowed))
    assert CASES / 5 < allowed < CASES * 4 / 5
