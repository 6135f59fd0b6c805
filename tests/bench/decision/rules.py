#!/usr/bin/python3 -B
"""rules.py FOLDER N...: the same N random rules for anod, OPA (Rego) and Cedar, and one request that
the last of them permits.

One rule in fifty names the agent and the kind of action of the request; each asks five facts."""
import json
import pathlib
import random
import sys

ACTIONS = ["link.down", "route.replace", "route.metric", "nexthop.weight", "qdisc.replace"]
ROLES = ["uplink", "core", "customer", "mgmt"]
AGENTS = 10
REQUEST = dict(agent="agent3", action="link.down", step=5,
               link=dict(role="uplink", loss=5, fec=3, util=70))


def rules(n):
    rng = random.Random(7)
    for i in range(n):
        rule = dict(action=rng.choice(ACTIONS), role=rng.choice(ROLES), agent="agent%d" % (i % AGENTS),
                    loss=rng.randint(1, 100), fec=rng.randint(0, 50), util=rng.randint(50, 99),
                    kind="forbid" if i % 7 == 6 else "permit")
        if i == n - 1:
            rule = dict(action="link.down", role="uplink", agent="agent3", loss=1, fec=0, util=99,
                        kind="permit")
        yield rule


def anod(nth, rule):
    terms = "  level auto  verify within 5s" if rule["kind"] == "permit" else ""
    return ('%(kind)s "%(nth)d" { agent %(agent)s  action %(action)s  when link.role == %(role)s '
            'and link.rx_loss > %(loss)d%% and link.fec > %(fec)d and link.util < %(util)d%% '
            'and action.steps <= 10%(terms)s }' % dict(rule, nth=nth, terms=terms))


def rego(rule):
    return """%(rule)s if {
  input.agent == "%(agent)s"
  input.action == "%(action)s"
  input.link.role == "%(role)s"
  input.link.loss > %(loss)d
  input.link.fec > %(fec)d
  input.link.util < %(util)d
  input.step <= 10
}""" % dict(rule, rule="deny" if rule["kind"] == "forbid" else "allow")


def cedar(rule):
    return ('%(kind)s(principal == Agent::"%(agent)s", action == Action::"%(action)s", resource)\n'
            'when { resource.role == "%(role)s" && context.loss > %(loss)d && context.fec > %(fec)d '
            '&& context.util < %(util)d && context.step <= 10 };' % rule)


def write(folder, sizes):
    out = pathlib.Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    for n in sizes:
        chosen = list(rules(n))
        (out / ("%d.policy" % n)).write_text("\n".join(
            ['policy "bench" revision 1'] + ["agent agent%d { }" % i for i in range(AGENTS)] +
            [anod(i, r) for i, r in enumerate(chosen)]) + "\n")
        head = ["package anod", "import rego.v1", "default allow := false", "default deny := false"]
        tail = ['decision := "permit" if { allow; not deny }', 'decision := "deny" if { not allow }',
                'decision := "deny" if { deny }']
        (out / ("%d.rego" % n)).write_text("\n".join(head + [rego(r) for r in chosen] + tail))
        (out / ("%d.cedar" % n)).write_text("\n".join(cedar(r) for r in chosen))
    (out / "request.json").write_text(json.dumps(REQUEST))
    (out / "entities.json").write_text(json.dumps([
        dict(uid=dict(type="Agent", id=REQUEST["agent"]), attrs={}, parents=[]),
        dict(uid=dict(type="Link", id="eth1"), attrs=dict(role="uplink"), parents=[]),
        dict(uid=dict(type="Action", id=REQUEST["action"]), attrs={}, parents=[])]))


if __name__ == "__main__":
    write(sys.argv[1], [int(n) for n in sys.argv[2:]])
