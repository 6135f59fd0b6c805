"""generate - random policies with routers, facts and proposals for them.

A policy is made as a structure, which the reference evaluates, and written out as the text that
the program reads. Same seed, same cases."""
import random

LINKS = ["wan0", "wan1", "wan2"]
SETS_OF_LINKS = ["uplinks", "fine", "named", "both"]
NOW = 5000000007
WALL = 1795359600


def duration(us):
    return "%ds" % (us // 1000000)


# ---- expressions ----------------------------------------------------------------------------------


def text(e):
    op = e[0]
    if op in ("and", "or"):
        return "(%s %s %s)" % (text(e[1]), op, text(e[2]))
    if op == "not":
        return "not (%s)" % text(e[1])
    if op == "cmp":
        return "%s %s %s" % (text(e[2]), e[1], text(e[3]))
    if op == "lit":
        return e[2] if len(e) > 2 else str(e[1]).lower() if isinstance(e[1], bool) else str(e[1])
    if op == "fact":
        return ".".join(x for x in e[1:4] if x)
    if op == "operand":
        return e[1]
    if op in ("+", "-", "x", "/"):
        return "(%s %s %s)" % (text(e[1]), op, text(e[2]))
    if op in ("count", "every", "any"):
        _, what, up, where = e
        return "%s(%s%s%s)" % (op, what, " up" if up else "", " where " + text(where) if where else "")
    if op in ("min", "max", "sum", "avg"):
        return "%s(%s%s)" % (op, text(e[1]), " where " + text(e[2]) if e[2] else "")
    if op == "for":
        return "%s for %s" % (text(e[1]), duration(e[2]))
    if op == "within":
        return "%s in %s" % (text(e[1]), duration(e[2]))
    if op in ("in", "overlaps"):
        return "%s %s %s" % (text(e[1]), op, e[2])
    raise ValueError(e)


class Dice(random.Random):
    def some(self, *options):
        return options[self.randrange(len(options))]

    def order(self):
        return self.some("<", "<=", ">", ">=", "==", "!=")

    def link(self):
        return self.some(None, None, *LINKS)

    def number(self, attr, inside=False):
        return ("fact", "link", None if inside else self.link(), attr)

    def leaf_simple(self, inside=False):
        """About facts of links that change by events alone."""
        k = self.randrange(5)
        if k == 0:
            return ("fact", "link", None if inside else self.link(), "b")
        if k == 1:
            return ("cmp", self.some("==", "!="), ("fact", "link", None if inside else self.link(), "c"),
                    ("lit", self.some("red", "blue")))
        return ("cmp", self.order(), self.number("a", inside), ("lit", self.some(1, 3, 5, 9)))

    def leaf(self, depth):
        k = self.randrange(16)
        if k < 4:
            return self.leaf_simple()
        if k == 4:
            return ("cmp", self.some("<", ">"), ("fact", "link", self.link(), "rx_loss"),
                    ("lit", self.some(0.005, 0.02, 0.2)))
        if k == 5:
            return ("cmp", self.some("<", ">"), ("fact", "path", self.link(), "loss"),
                    ("lit", self.some(0.005, 0.02, 0.2)))
        if k == 6:
            return ("cmp", self.order(), self.number("d"), self.number("a"))
        if k == 7:
            return ("cmp", self.order(), (self.some("+", "-", "x", "/"), self.number("a"),
                                          self.number(self.some("a", "d"))), ("lit", self.some(1, 6, 10)))
        if k == 8:
            return ("cmp", self.order(), ("count", self.some("link", *SETS_OF_LINKS), False,
                                          self.leaf_simple(True)), ("lit", self.randrange(4)))
        if k == 9:
            return ("cmp", self.order(), ("count", self.some("link", *SETS_OF_LINKS), True, None),
                    ("lit", self.randrange(4)))
        if k == 10:
            return (self.some("every", "any"), self.some("link", *SETS_OF_LINKS), False,
                    self.leaf_simple(True))
        if k == 11:
            where = self.leaf_simple(True) if self.random() < 0.7 else None
            return ("cmp", self.order(), (self.some("min", "max", "sum", "avg"),
                                          ("fact", "link", None, "a"), where), ("lit", self.some(1, 5, 9)))
        if k == 12:
            return (self.some("for", "within"), self.leaf_simple(), self.some(10, 60, 300) * 1000000)
        if k == 13:
            return self.some(
                ("cmp", "==", ("operand", "action.kind"), ("lit", "link.set", '"link.set"')),
                ("cmp", ">", ("operand", "action.mtu"), ("lit", 1450)),
                ("cmp", "==", ("operand", "resource"), ("lit", "link wan0", '"link wan0"')),
                ("cmp", ">=", ("operand", "model.confidence"), ("lit", 0.7, "70%")),
                ("cmp", ">=", ("operand", "evidence.count"), ("lit", 2)),
                ("cmp", "<", ("operand", "action.metric"), ("lit", 100)))
        if k == 14:
            return ("in", ("operand", "action.dev"), self.some(*SETS_OF_LINKS))
        return self.some(("overlaps", ("operand", "action.dst"), "customers"),
                         ("overlaps", ("operand", "action.dst"), "10.0.0.0/8"),
                         ("in", ("operand", "action.dst"), "customers"))

    def guard(self, depth=2):
        if depth == 0 or self.random() < 0.35:
            return self.leaf(depth)
        op = self.some("and", "and", "or", "not")
        if op == "not":
            return ("not", self.guard(depth - 1))
        return (op, self.guard(depth - 1), self.guard(depth - 1))


def operands(e):
    """The arguments of actions that a condition asks for."""
    if not isinstance(e, tuple):
        return set()
    if e[0] == "operand":
        return {e[1]}
    return set().union(*[operands(x) for x in e[1:]]) if len(e) > 1 else set()


# Those that no action has which the rule names are an error of the text.
KNOWN_TO = {"action.dst": ("route.*", "route.replace"), "action.metric": ("route.*", "route.replace"),
            "action.mtu": ("link.*", "link.set", "route.*"), "action.dev": ("link", "route")}


def fits(e, actions):
    return not actions or all(any(a.startswith(k) for a in actions for k in KNOWN_TO.get(o, ("link", "route")))
                              for o in operands(e))


# ---- policies -------------------------------------------------------------------------------------

WINDOWS = [
    (dict(name="night", from_day_s=3600, to_day_s=5 * 3600), "window night = daily 01:00..05:00 tz UTC"),
    (dict(name="late", from_day_s=22 * 3600, to_day_s=6 * 3600), "window late = daily 22:00..06:00 tz UTC"),
    (dict(name="freeze", from_s=1795305600, to_s=1795392000),
     "window freeze = 2026-11-22 00:00 .. 2026-11-23 00:00 tz UTC"),
]
BUDGETS = [
    (dict(name="few", count=2, window_us=3600e6, per="", shared=0, shared_us=0), "budget few = 2 per 1h"),
    (dict(name="each", count=1, window_us=600e6, per="per link", shared=3, shared_us=7200e6),
     "budget each = 1 per 10m shared 3 per 2h per link"),
    (dict(name="mine", count=2, window_us=1800e6, per="per agent", shared=0, shared_us=0),
     "budget mine = 2 per 30m per agent"),
]


def make_sets(d):
    where = ("cmp", "==", ("fact", "link", None, "role"), ("lit", "uplink"))
    fine = d.some(("cmp", "<", ("fact", "link", None, "rx_loss"), ("lit", 0.02)), d.leaf_simple(True),
                  ("not", d.leaf_simple(True)))
    named = d.sample(LINKS, d.randrange(1, 3))
    both = ("and", where, d.leaf_simple(True))
    links = [("uplinks", where, []), ("fine", fine, []), ("named", None, named), ("both", both, [])]
    sets = [dict(name=n, kind="link", where=w, names=m, prefixes=[]) for n, w, m in links]
    lines = ["set %s = link %s" % (n, "where " + text(w) if w else "{ %s }" % ", ".join(m))
             for n, w, m in links]
    prefixes = d.sample(["10.1.0.0/16", "10.2.0.0/16", "192.0.2.0/24"], 2)
    sets.append(dict(name="customers", kind="prefix", where=None, names=[], prefixes=prefixes))
    sets.append(dict(name="doctors", kind="agent", where=None, names=["uplink", "planner"], prefixes=[]))
    lines += ["set customers = prefix { %s }" % ", ".join(prefixes),
              "set doctors = agent { uplink, planner }"]
    return sets, lines


def make_on(d):
    """(structure, text) of an "on" clause."""
    k = d.randrange(7)
    if k == 0:
        s = d.some(*SETS_OF_LINKS)
        return [dict(kind="link", set=s, negated=False, names=[], prefixes=[])], s
    if k == 1:
        s = d.some(*SETS_OF_LINKS)
        return [dict(kind="link", set=s, negated=True, names=[], prefixes=[])], "not " + s
    if k == 2:
        names = d.sample(LINKS, d.randrange(1, 3))
        return [dict(kind="link", set=None, negated=False, names=names, prefixes=[])], \
            "link { %s }" % ", ".join(names)
    if k == 3:
        negated = d.random() < 0.4
        return [dict(kind="prefix", set="customers", negated=negated, names=[], prefixes=[])], \
            "prefix %sin customers" % ("not " if negated else "")
    if k == 4:
        return [dict(kind="prefix", set=None, negated=False, names=[], prefixes=["10.0.0.0/8"])], \
            "prefix 10.0.0.0/8"
    return [], ""


def make_rule(d, nth, kind):
    rule = dict(kind=kind, name="%s%d" % (kind[0], nth), agents=[], actions=[], when=None, during=None,
                level=0, budget=None, cooldown_us=0, cooldown_per="resource", foreign=False, for_us=0)
    rule["on"], on_text = make_on(d) if nth else ([], "")
    lines = []
    rule["agents"] = d.some([], [], ["uplink"], ["doctors"], ["arp"], ["arp", "doctors"])
    rule["actions"] = d.some([], [], ["link.*"], ["link.set", "route.replace"], ["route.*"], ["link.down"])
    if nth == 0:  # else nearly everything is denied, and denied alike
        rule["agents"], rule["actions"] = [], []
    if rule["agents"] or kind == "permit":
        lines.append("agent " + (", ".join(rule["agents"]) or "any"))
    if rule["actions"] or kind == "permit":
        lines.append("action " + (", ".join(rule["actions"]) or "any"))
    if on_text:
        lines.append("on " + on_text)
    if d.random() < (0.4 if nth == 0 else 0.75):
        rule["when"] = d.guard()
        while not fits(rule["when"], rule["actions"]):
            rule["when"] = d.guard()
        lines.append("when " + text(rule["when"]))
    if d.random() < 0.15:
        rule["during"] = d.some("night", "late", "freeze")
        lines.append("during " + rule["during"])
    if kind == "permit":
        make_terms(d, rule, lines)
    elif kind == "cap":
        rule["level"] = d.some(1, 2, 3)
        rule["for_us"] = d.some(0, 0, 3600000000)
        lines.append("to " + ["", "observe", "propose", "approve"][rule["level"]] +
                     (" for 1h" if rule["for_us"] else ""))
    elif not lines:  # an empty forbid would be one of everything, which is another test
        rule["actions"] = ["link.down"]
        lines.append("action link.down")
    return rule, '%s "%s" {\n    %s\n}' % (kind, rule["name"], "\n    ".join(lines))


def make_terms(d, rule, lines):
    # What cannot be undone wants a verify that measures.
    verify = "verify within 5s that link.wan0.carrier"
    rule["level"] = d.some(1, 2, 3, 4, 4)
    lines.append("level " + ["", "observe", "propose", "approve", "auto"][rule["level"]])
    if rule["level"] == 4:
        lines.append(verify)
    if d.random() < 0.2:
        rule["budget"] = d.some("few", "each", "mine")
        lines.append("budget " + rule["budget"])
    if d.random() < 0.15:
        rule["cooldown_us"] = 600000000
        rule["cooldown_per"] = d.some("resource", "agent")
        lines.append("cooldown 10m per " + rule["cooldown_per"])
    if d.random() < 0.5:
        rule["foreign"] = True
        lines.append("foreign objects")


def make_invariant(d, nth):
    requires, lines = [], []
    for _ in range(d.randrange(1, 3)):
        if d.random() < 0.6:
            r = ("count up", d.some("uplinks", "named", "fine", None), d.some(">=", ">", "!=", "<"),
                 d.randrange(3))
            lines.append("require count(%s up) %s %d" % (r[1] or "link", *r[2:]))
        else:
            r = ("expr", d.some(("fact", "link", d.some(*LINKS), "carrier"),
                                ("cmp", "<", ("fact", "link", d.some(*LINKS), "a"), ("lit", 9)),
                                ("or", ("fact", "link", "wan0", "admin_up"),
                                 ("fact", "link", "wan1", "carrier"))))
            lines.append("require " + text(r[1]))
        requires.append(r)
    name = "i%d" % nth
    return dict(name=name, requires=requires), 'invariant "%s" {\n    %s\n}' % (name, "\n    ".join(lines))


def make_policy(d, invariants=True):
    sets, head = make_sets(d)
    statements, rules, found = [], [], []
    for nth in range(d.randrange(1, 9)):
        kind = "permit" if nth == 0 else d.some("permit", "permit", "permit", "forbid", "cap")
        rule, lines = make_rule(d, nth, kind)
        rules.append(rule)
        statements.append(lines)
    while invariants and d.random() < 0.2:
        i, lines = make_invariant(d, len(found))
        found.append(i)
        statements.append(lines)
    policy = dict(sets=sets, windows=[w for w, _ in WINDOWS], budgets=[b for b, _ in BUDGETS],
                  rules=rules, invariants=found)
    head = ['policy "random" revision 1', "agent uplink { }", "agent arp { }", "agent planner { }"] + \
        head + [t for _, t in WINDOWS] + [t for _, t in BUDGETS]
    return policy, head, statements


# ---- routers, facts, proposals --------------------------------------------------------------------


def make_facts(d):
    """Each at a time of its own, odd, so that nothing happens just when something else comes due."""
    events = {}
    for name in LINKS:
        for attr, values in (("a", [1, 3, 5, 9, None]), ("b", [True, False, None]),
                             ("c", ["red", "blue", "green", None]), ("role", ["uplink", "uplink", "core", None]),
                             ("admin_up", [True, True, False, None]), ("carrier", [True, True, False, None])):
            for _ in range(d.randrange(4) if attr in "abc" else d.randrange(2)):
                ago = d.some(5, 20, 45, 100, 250, 700) * 1000000 + d.randrange(1, 2000000)
                events[NOW - ago] = ["link", name, attr, d.some(*values)]
        for kind, attr, limit in (("link", "rx_loss", 30), ("link", "d", 5), ("path", "loss", 10)):
            if d.random() < 0.7:
                ago = d.randrange(1, int(limit * 1.4)) * 1000000 + 500000 + d.randrange(1, 900)
                values = [1, 4, 9] if attr == "d" else [0.0, 0.01, 0.05, 0.5]
                events[NOW - ago] = [kind, name, attr, d.some(*values)]
    first = [[NOW - 900000000 - i, "link", n, "", None] for i, n in enumerate(LINKS) if d.random() < 0.9]
    return sorted(first) + [[t] + events[t] for t in sorted(events)]


def make_actions(d, routes):
    actions, busy = [], set()
    for _ in range(d.some(1, 1, 1, 2, 3)):
        link = d.some(*LINKS)
        k = d.randrange(6)
        if k == 0:
            action, key = ["link.set", dict(dev=link, mtu=d.some(1400, 1480))], link
        elif k == 1:
            action, key = ["link.set", dict(dev=link, admin="down")], link
        elif k == 2:
            action, key = ["link.down", dict(dev=link)], link
        elif k == 3:
            dst, metric, _, _ = d.some(*routes)
            action, key = ["route.del", dict(dst=dst, metric=metric)], dst
        elif k == 4:
            args = dict(dst=d.some("10.1.2.0/24", "10.9.0.0/16", routes[0][0]), dev=link,
                        metric=d.some(50, routes[0][1]))
            action, key = ["route.replace", args], args["dst"]
        else:
            dst, metric, _, _ = d.some(*routes)
            action, key = ["route.metric", dict(dst=dst, metric=metric, to=metric + d.some(5, 60))], dst
        if key not in busy:
            busy.add(key)
            actions.append(action)
    return actions


def make_uses(d, policy, actions):
    uses = []
    keys = ["", "uplink"] + ["link " + l for l in LINKS]
    for b in policy["budgets"]:
        for _ in range(d.randrange(4)):
            age = d.randrange(1, 9000) * 1000000 + 1
            left = max(b["window_us"], b["shared_us"]) - age
            if left > 0:
                uses.append(dict(use="charge", name=b["name"], age_us=age, left_us=int(left),
                                 key={"": "", "per agent": "uplink"}.get(b["per"]) if b["per"] != "per link"
                                 else d.some(*keys[2:])))
    for r in policy["rules"]:
        if r["cooldown_us"] and d.random() < 0.4:
            uses.append(dict(use="rest", name=r["name"], key=d.some(*keys[1:]), age_us=1000000,
                             left_us=300000000))
        if r["for_us"] and d.random() < 0.5:
            uses.append(dict(use="cap", name=r["name"], key=d.some("", *keys[2:]), age_us=1000000,
                             left_us=1800000000))
    return uses


def make_case(d, policy, lines):
    routes = [["0.0.0.0/0", 100, 2, 173], ["0.0.0.0/0", 200, 3, d.some(173, 4)],
              ["10.1.0.0/16", 50, d.some(2, 3, 4), d.some(173, 4, 173)]]
    case = dict(policy="\n".join(lines) + "\n",
                links=[[2 + i, n, True, d.random() < 0.8] for i, n in enumerate(LINKS)],
                routes=routes, facts=make_facts(d), agent=d.some("uplink", "uplink", "arp", "planner"),
                actions=make_actions(d, routes), now_us=NOW,
                wall_us=(WALL + d.some(-86400, 0, 0, 86400) + d.randrange(86400)) * 1000000 + 500000,
                evidence=d.randrange(4), confidence=d.some(-1, 0.5, 0.9), in_sync=d.random() < 0.97,
                paused=d.random() < 0.03, capped=d.random() < 0.03, watch=True)
    case["uses"] = make_uses(d, policy, case["actions"])
    return case


def cases(seed, n):
    """n pairs of a case for decide_cases and its policy for the reference."""
    d = Dice(seed)
    for _ in range(n):
        policy, head, statements = make_policy(d)
        yield make_case(d, policy, head + statements), policy
