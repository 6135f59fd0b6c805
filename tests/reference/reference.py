"""reference - the answer of policy.md, written again, slowly and plainly.

It shares nothing with the program: a policy is a structure of Python objects (generate.py makes it
and its text from the same structure), facts are a list of events, and every truth is found by
going through them anew. docs/policy.md is what it follows, section by section.

Truths are 0 false, 1 unknown, 2 true: "and" is min(), "or" is max(). Values are Python's bool, int,
float and str, prefixes are ipaddress networks, None is unknown.
"""
import ipaddress

FALSE, UNKNOWN, TRUE = 0, 1, 2
LEVELS = ["deny", "observe", "propose", "approve", "auto"]
DENY, OBSERVE, PROPOSE, APPROVE, AUTO = range(5)
MAX_AGE = {("link", "rx_loss"): 30e6, ("link", "d"): 5e6, ("path", "loss"): 10e6}  # us
SET_DEPTH = 4
ANOD = 173  # protocol of its own routes


def negate(t):
    return 2 - t


def truth(value):
    return UNKNOWN if value is None else TRUE if value else FALSE


def compare(op, a, b):
    """Of two known values."""
    return {"==": a == b, "!=": a != b, "<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[op]


# ---- facts: what is known when ------------------------------------------------------------------


class Facts:
    """Events (time_us, kind, entity, attr, value), in order."""

    def __init__(self, events, now):
        self.events = events
        self.now = now

    def value(self, kind, entity, attr, at):
        """What was known at a time: the newest value, unless too old by then."""
        last = None
        for e in self.events:
            if e[0] <= at and (e[1], e[2], e[3]) == (kind, entity, attr):
                last = e
        if last is None or last[4] is None:
            return None
        limit = MAX_AGE.get((kind, attr))
        return None if limit and at - last[0] >= limit else last[4]

    def entities(self, kind):
        return sorted({e[2] for e in self.events if e[1] == kind})


# ---- expressions (section 2) ----------------------------------------------------------------------


class Place:
    """On whose behalf an expression is asked."""

    def __init__(self, world, action, link=None, entity=None, depth=0, at=None, links=None):
        self.world = world      # everything that does not change while deciding
        self.action = action    # None in an invariant
        self.link = link        # nameless facts of kinds link and path are its
        self.entity = entity    # (kind, name): inside a count or set
        self.depth = depth
        self.at = world.facts.now if at is None else at
        self.links = links      # predicted links, in an invariant; else None

    def but(self, **other):
        p = Place(self.world, self.action, self.link, self.entity, self.depth, self.at, self.links)
        p.__dict__.update(other)
        return p

    def subject(self, kind):
        if self.entity and self.entity[0] == kind:
            return self.entity[1]
        return self.link if kind in ("link", "path") else None

    def fact(self, kind, name, attr):
        if name is None:
            name = self.subject(kind)
        if name is None:
            return None
        if self.links is not None and kind == "link" and attr in ("admin_up", "carrier"):
            link = self.links.get(name)
            return bool(link and link["up"] and (attr == "admin_up" or link["carrier"]))
        return self.world.facts.value(kind, name, attr, self.at)

    def operand(self, name):
        a = self.action
        if name == "model.confidence":
            c = self.world.case["confidence"]
            return c if 0 <= c <= 1 else None
        if name == "evidence.count":
            return self.world.case["evidence"]
        if a is None:
            return None
        if name == "action.kind":
            return a["kind"]
        if name == "action.step":
            if a["kind"] != "route.metric":
                return None
            old, new = a["args"]["metric"], a["args"]["to"]
            return abs(new - old) / old if old > 0 else 1.0
        if name == "resource":
            return resource(self.world, a)
        value = a["args"].get(name[len("action."):])
        return ipaddress.ip_network(value) if isinstance(value, str) and "/" in value else value


def number_range(e, p):
    """The least and the most that a value can turn out to be; (None, None): anything."""
    if e[0] == "count":
        sure = possible = 0
        for t in members(e, p):
            sure += t == TRUE
            possible += t != FALSE
        return sure, possible
    v = value(e, p)
    return v, v


def ranges_truth(op, a, b):
    """Decided only when the whole of both ranges agrees."""
    if None in a or None in b:
        return UNKNOWN
    if isinstance(a[0], str) != isinstance(b[0], str):
        return UNKNOWN
    if op in ("==", "!="):
        if a[0] == a[1] and b[0] == b[1]:
            t = truth(a[0] == b[0])
        else:
            t = FALSE if a[1] < b[0] or b[1] < a[0] else UNKNOWN
        return t if op == "==" else negate(t)
    corners = {compare(op, x, y) for x in a for y in b}
    return truth(corners.pop()) if len(corners) == 1 else UNKNOWN


def members(e, p):
    """For each entity, how true it is that it is counted: in the set, up, and where."""
    _, what, up, where = e
    kind, of = ("link", what) if what in p.world.sets else (what, None)
    for name in p.world.facts.entities(kind):
        inside = in_set(p, of, kind, name) if of else TRUE
        if inside == FALSE:
            yield FALSE
            continue
        inner = p.but(entity=(kind, name))
        t = inside
        if up:
            t = min(t, truth(inner.fact(kind, name, "admin_up")),
                    truth(inner.fact(kind, name, "carrier")))
        if where is not None and t != FALSE:
            t = min(t, ask(where, inner))
        yield t


def quantified(e, p):
    fn, what, up, where = e
    kind, of = ("link", what) if what in p.world.sets else (what, None)
    result = TRUE if fn == "every" else FALSE
    for name in p.world.facts.entities(kind):
        inside = in_set(p, of, kind, name) if of else TRUE
        inner = p.but(entity=(kind, name))
        met = TRUE
        if up:
            met = min(truth(inner.fact(kind, name, "admin_up")),
                      truth(inner.fact(kind, name, "carrier")))
        if where is not None:
            met = min(met, ask(where, inner))
        if fn == "every":
            result = min(result, max(negate(inside), met))
        else:
            result = max(result, min(inside, met))
    return result


def folded(e, p):
    """min, max, sum, avg of a fact over its kind: unknown when one member is in doubt."""
    fn, (_, kind, _, attr), where = e
    got = []
    for name in p.world.facts.entities(kind):
        inner = p.but(entity=(kind, name))
        met = TRUE if where is None else ask(where, inner)
        if met == FALSE:
            continue
        v = inner.fact(kind, name, attr)
        if met == UNKNOWN or v is None:
            return None
        got.append(v)
    if fn == "sum":
        return sum(got)
    if not got:
        return None
    return {"min": min, "max": max, "avg": lambda v: sum(v) / len(v)}[fn](got)


def value(e, p):
    op = e[0]
    if op == "lit":
        return e[1]
    if op == "fact":
        return p.fact(e[1], e[2], e[3])
    if op == "operand":
        return p.operand(e[1])
    if op in ("+", "-", "x", "/"):
        a, b = value(e[1], p), value(e[2], p)
        if a is None or b is None or (op == "/" and b == 0):
            return None
        return a + b if op == "+" else a - b if op == "-" else a * b if op == "x" else a / b
    if op in ("min", "max", "sum", "avg"):
        return folded(e, p)
    if op == "count":
        low, high = number_range(e, p)
        return low if low == high else None
    t = ask(e, p)
    return None if t == UNKNOWN else t == TRUE


def moments(e, p, window):
    """The truths that a condition had during the last 'window' us, the present one among them."""
    times = sorted({ev[0] for ev in p.world.facts.events})
    begin = p.at - window
    seen = {ask(e, p)}
    for i, t in enumerate(times):
        until = times[i + 1] if i + 1 < len(times) else p.at
        if until > begin and t <= p.at:
            seen.add(ask(e, p.but(at=max(t, 0))))
    if not times or times[0] > begin:
        seen.add(UNKNOWN)  # nobody had looked yet
    return seen


def ask(e, p):
    """How true it is."""
    op = e[0]
    if op == "and":
        return min(ask(e[1], p), ask(e[2], p))
    if op == "or":
        return max(ask(e[1], p), ask(e[2], p))
    if op == "not":
        return negate(ask(e[1], p))
    if op == "cmp":
        return ranges_truth(e[1], number_range(e[2], p), number_range(e[3], p))
    if op in ("every", "any"):
        return quantified(e, p)
    if op == "for":  # false at some moment: false; true throughout: true
        return min(moments(e[1], p, e[2]))
    if op == "within":
        return max(moments(e[1], p, e[2]))
    if op == "in":
        v = value(e[1], p)
        if v is None:
            return UNKNOWN
        s = p.world.sets[e[2]]
        return prefix_in(s, v) if s["kind"] == "prefix" else in_set(p, e[2], s["kind"], v)
    if op == "overlaps":
        v = value(e[1], p)
        nets = p.world.sets[e[2]]["prefixes"] if e[2] in p.world.sets else [e[2]]
        return UNKNOWN if v is None else truth(any(v.overlaps(ipaddress.ip_network(n)) for n in nets))
    return truth(value(e, p))


def in_set(p, name, kind, entity):
    s = p.world.sets[name]
    if p.depth >= SET_DEPTH:
        return UNKNOWN
    if entity in s["names"]:
        return TRUE
    if s["where"] is None:
        return FALSE
    inner = p.but(entity=(kind, entity), depth=p.depth + 1)
    if kind == "link":
        inner.link = entity
    return ask(s["where"], inner)


def prefix_in(s, net):
    return truth(any(net.subnet_of(ipaddress.ip_network(n)) for n in s["prefixes"]))


# ---- what an action is about (section 4) ----------------------------------------------------------


def route_of(world, a):
    """The route as it is, that the action names."""
    metric = a["args"].get("metric", 0)
    for dst, m, ifindex, protocol in world.case["routes"]:
        if dst == a["args"].get("dst") and m == metric:
            return ifindex, protocol
    return None


def links_of(world, a):
    named = [a["args"][k] for k in ("dev", "dev2", "dev3", "dev4") if k in a["args"]]
    if named:
        return list(dict.fromkeys(named))
    route = route_of(world, a) if a["kind"].startswith("route.") else None
    names = {ifindex: name for ifindex, name, _, _ in world.case["links"]}
    return [names[route[0]]] if route else []


def resource(world, a):
    links = links_of(world, a)
    if links:
        return "link " + links[0]
    if "dst" in a["args"]:
        return "prefix " + a["args"]["dst"]
    return "rule %d" % a["args"]["priority"] if "priority" in a["args"] else "router"


def is_foreign(world, a):
    route = route_of(world, a) if a["kind"].startswith("route.") else None
    return bool(route) and route[1] != ANOD


# ---- rules (section 3) ----------------------------------------------------------------------------


def matches(pattern, kind):
    return kind.startswith(pattern[:-1]) if pattern.endswith("*") else pattern == kind


def agent_truth(world, rule):
    if not rule["agents"]:
        return TRUE
    agent = world.case["agent"]
    t = FALSE
    for name in rule["agents"]:
        one = truth(name == agent)
        if name in world.sets:
            one = max(one, truth(agent in world.sets[name]["names"]))
        t = max(t, one)
    return t


def on_truth(rule, p):
    if not rule["on"]:
        return TRUE
    t = FALSE
    for on in rule["on"]:
        if on["kind"] == "prefix":
            dst = p.action["args"].get("dst")
            if dst is None:
                continue
            nets = p.world.sets[on["set"]] if on["set"] else on
            one = prefix_in(nets, ipaddress.ip_network(dst))
        elif p.link is None:
            continue
        else:
            one = in_set(p, on["set"], "link", p.link) if on["set"] else truth(p.link in on["names"])
        t = max(t, negate(one) if on["negated"] else one)
    return t


def window_truth(world, name):
    if name is None:
        return TRUE
    w = world.windows[name]
    s = world.case["wall_us"] // 1000000
    if "from_day_s" in w:
        now, begin, end = s % 86400, w["from_day_s"], w["to_day_s"]
        return truth(begin <= now < end if begin <= end else now >= begin or now < end)
    return truth(w["from_s"] <= s < w["to_s"])


def rule_truth(world, rule, a):
    permit = rule["kind"] == "permit"
    links = links_of(world, a) or [None]
    each = []
    for link in links:
        p = Place(world, a, link)
        when = TRUE if rule["when"] is None else ask(rule["when"], p)
        each.append(min(on_truth(rule, p), when))
    about = min(each) if permit else max(each)
    return min(agent_truth(world, rule), about, window_truth(world, rule["during"]))


def used(world, use, name, key):
    return [u for u in world.case["uses"] if u["use"] == use and u["name"] == name and
            (key is None or u["key"] == key)]


def has_room(world, budget, a):
    b = world.budgets[budget]
    key = {"": "", "per link": resource(world, a), "per resource": resource(world, a),
           "per agent": world.case["agent"]}[b["per"]]
    own = sum(u["age_us"] < b["window_us"] for u in used(world, "charge", budget, key))
    if own >= b["count"]:
        return False
    shared = sum(u["age_us"] < b["shared_us"] for u in used(world, "charge", budget, None))
    return not b["shared"] or shared < b["shared"]


def rests(world, rule, a):
    key = world.case["agent"] if rule["cooldown_per"] == "agent" else resource(world, a)
    return rule["cooldown_us"] and any(u["left_us"] > 0 for u in used(world, "rest", rule["name"], key))


def about_resource(e):
    """Does the condition ask about the resource: a nameless fact, or an operand?"""
    if not isinstance(e, tuple):
        return False
    if e[0] == "operand" or (e[0] == "fact" and e[2] is None):
        return True
    return any(about_resource(x) for x in e[1:])


def remembered(world, rule, a):
    key = resource(world, a) if rule["on"] or about_resource(rule["when"]) else ""
    return rule["for_us"] and any(u["left_us"] > 0 for u in used(world, "cap", rule["name"], key))


def judge(world, rule, a):
    """(truth, counted, level) of one rule for one action."""
    t = rule_truth(world, rule, a)
    if rule["kind"] == "permit":
        counted = t == TRUE and (rule["foreign"] or not is_foreign(world, a)) and \
            not rests(world, rule, a) and (rule["budget"] is None or has_room(world, rule["budget"], a))
        return t, bool(counted), rule["level"]
    if rule["kind"] == "forbid":
        return t, t != FALSE, DENY
    return t, bool(t != FALSE or remembered(world, rule, a)), rule["level"]


# ---- invariants (section 5), of those that need no routes: after each change ------------------------


def predicted_links(world, n):
    """After the first n actions; each of those that are made here is one change."""
    links = {name: dict(up=up, carrier=carrier) for _, name, up, carrier in world.case["links"]}
    for a in world.actions[:n]:
        if a["kind"] == "link.down" or (a["kind"] == "link.set" and a["args"].get("admin") == "down"):
            links[a["args"]["dev"]]["up"] = False
        if a["kind"] == "link.up" or (a["kind"] == "link.set" and a["args"].get("admin") == "up"):
            links[a["args"]["dev"]]["up"] = True
    return links


def require_truth(world, r, links):
    p = Place(world, None, links=links)
    if r[0] == "count up":
        _, of, op, n = r
        sure = possible = 0
        for name, link in links.items():
            if link["up"] and link["carrier"]:
                t = in_set(Place(world, None), of, "link", name) if of else TRUE
                sure += t == TRUE
                possible += t != FALSE
        return ranges_truth(op, (sure, possible), (n, n))
    return ask(r[1], p)


# ---- the answer (section 1) -----------------------------------------------------------------------


class World:
    def __init__(self, case, policy):
        self.case = case
        self.sets = {s["name"]: s for s in policy["sets"]}
        self.windows = {w["name"]: w for w in policy["windows"]}
        self.budgets = {b["name"]: b for b in policy["budgets"]}
        self.facts = Facts([tuple(f) for f in case["facts"] if f[3]], case["now_us"])
        # An entity of which nothing is known is there all the same.
        self.facts.entities = lambda kind: sorted({f[2] for f in case["facts"] if f[1] == kind})
        self.actions = [dict(kind=k, args=args) for k, args in case["actions"]]


def decide(case, policy):
    """{level, rules: [(name, action, truth, counted, level)], invariants: [(name, truth)]}"""
    world = World(case, policy)
    levels, told = [], []
    for nth, a in enumerate(world.actions):
        granted, ceiling = DENY, AUTO
        for rule in policy["rules"]:
            if rule["actions"] and not any(matches(x, a["kind"]) for x in rule["actions"]):
                continue
            if agent_truth(world, rule) == FALSE:
                continue
            t, counted, level = judge(world, rule, a)
            told.append((rule["name"], nth, t, counted, level))
            if counted and rule["kind"] == "permit":
                granted = max(granted, level)
            elif counted:
                ceiling = min(ceiling, level)
        levels.append(min(granted, ceiling))
    level = min(levels)
    stages = [predicted_links(world, n + 1) for n in range(len(world.actions))]
    holds = [(i["name"], min(require_truth(world, r, links) for r in i["requires"] for links in stages))
             for i in policy["invariants"]]
    if any(t != TRUE for _, t in holds) or not case["in_sync"]:
        level = DENY
    if case["paused"] or case["capped"]:
        level = min(level, OBSERVE)
    return dict(level=LEVELS[level], rules=told, invariants=holds)
