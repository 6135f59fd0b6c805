"""Every action kind, from an agent's wish through policy and executor to the kernel and back."""
import pytest

from common import (A_WAY_OUT, LINKS, PLUGINS, ended, is_in, kernel, permit, puppet)
from lab import wait


def prepare(lab):
    """Objects of anod and of others that the actions below work on."""
    for words in ("route add 10.50.0.0/24 via 10.1.0.1 dev wan0 metric 50 proto 173",
                  "route add 10.51.0.0/24 via 10.1.0.1 dev wan0 proto static",
                  "nexthop add id 11 via 10.1.0.1 dev wan0 proto 173",
                  "nexthop add id 12 via 10.2.0.1 dev wan1 proto 173",
                  "nexthop add id 20 group 11,3/12,1 proto 173",
                  "rule add priority 900 from 10.0.0.0/24 table 200 protocol 173",
                  "neigh replace 10.1.0.9 lladdr 02:00:00:00:00:09 dev wan0 nud reachable"):
        lab.ip("router", *words.split())


# kind, arguments, what ip(8) shows afterwards: command, text, is it there?
KINDS = [
    ("link.set", ["dev=wan1", "mtu=1400bytes"], "link show wan1", "mtu 1400", True),
    ("link.down", ["dev=wan1"], "link show wan1", ",UP", False),
    ("link.up", ["dev=wan1"], "link show wan1", ",UP", True),
    ("route.add", ["dst=10.60.0.0/24", "via=10.2.0.1", "dev=wan1", "metric=7", "mtu=1300bytes"],
     "route show 10.60.0.0/24", "via 10.2.0.1 dev wan1 proto 173 metric 7 mtu 1300", True),
    ("route.replace", ["dst=10.50.0.0/24", "via=10.2.0.1", "dev=wan1", "metric=50"],
     "route show 10.50.0.0/24", "via 10.2.0.1 dev wan1 proto 173 metric 50", True),
    ("route.del", ["dst=10.50.0.0/24", "metric=50"], "route show 10.50.0.0/24", "wan0", False),
    ("route.metric", ["dst=10.50.0.0/24", "metric=50", "to=60"], "route show 10.50.0.0/24",
     "proto 173 metric 60", True),
    ("nexthop.replace", ["id=30", "via=10.2.0.1", "dev=wan1"], "nexthop show id 30",
     "via 10.2.0.1 dev wan1", True),
    ("nexthop.weight", ["id=20", "member=12", "weight=9"], "nexthop show id 20", "11,3/12,9", True),
    ("rule.add", ["priority=901", "table=201", "src=10.0.0.0/25"], "rule show",
     "from 10.0.0.0/25 lookup 201 proto 173", True),
    ("rule.del", ["priority=900", "table=200", "src=10.0.0.0/24"], "rule show", "lookup 200",
     False),
    ("neigh.flush", ["dev=wan0", "dst=10.1.0.9"], "neigh show dev wan0", "02:00:00:00:00:09", False),
    ("neigh.replace", ["dev=wan0", "dst=10.1.0.8", "lladdr=02:00:00:00:00:08"],
     "neigh show dev wan0", "10.1.0.8 lladdr 02:00:00:00:00:08", True),
]


def shows(lab, command, text):
    return text in " ".join(lab.ip("router", *command.split(), check=False).split())


@pytest.mark.parametrize("kind,args,command,text,there", KINDS, ids=[k[0] for k in KINDS])
def test_each_kind_is_applied_verified_and_committed(lab, kind, args, command, text, there):
    prepare(lab)
    if kind == "link.up":
        lab.ip("router", "link", "set", "wan1", "down")
    # What nothing undoes may be auto only with a condition that is looked at afterwards.
    verify = "verify within 1s that link.wan0.carrier == true"
    a = lab.anod(LINKS + A_WAY_OUT + puppet(kind, *args) + permit(kind, verify), args=PLUGINS)
    t = ended(a)
    assert t["state"] == "done", t["why"]
    assert t["rule"] == "the test" and len(t["changes"]) >= 1
    assert shows(lab, command, text) == there


@pytest.mark.parametrize("kind,args,command,text,there",
                         [k for k in KINDS if k[0] not in ("link.down", "neigh.flush")],
                         ids=[k[0] for k in KINDS if k[0] not in ("link.down", "neigh.flush")])
def test_each_kind_that_is_not_verified_is_undone_exactly(lab, kind, args, command, text, there):
    prepare(lab)
    if kind == "link.up":
        lab.ip("router", "link", "set", "wan1", "down")
    before = kernel(lab) + lab.ip("router", "neigh", "show", "10.1.0.8", "dev", "wan0")
    a = lab.anod(LINKS + puppet(kind, *args) +
                 permit(kind, "verify within 200ms that link.wan0.mtu == 9999"), args=PLUGINS)
    is_in(a, "verifying")
    t = ended(a)
    assert t["state"] == "rolled back", t["why"]
    after = kernel(lab) + lab.ip("router", "neigh", "show", "10.1.0.8", "dev", "wan0")
    assert after == before


def test_what_somebody_else_changed_during_soak_is_left_alone(lab):
    prepare(lab)
    a = lab.anod(LINKS + puppet("route.replace", "dst=10.50.0.0/24", "via=10.2.0.1", "dev=wan1",
                                "metric=50") +
                 permit("route.replace", "confirm after 700ms"), args=PLUGINS)
    is_in(a, "soak")
    lab.ip("router", "route", "replace", "10.50.0.0/24", "via", "10.2.0.1", "dev", "wan1", "metric",
           "50", "proto", "static", "mtu", "1234")
    theirs = kernel(lab)
    t = ended(a)
    assert t["state"] == "superseded", t["why"]
    assert kernel(lab) == theirs
    a.stop()
    assert kernel(lab) == theirs


def test_a_refusal_of_the_kernel_is_told_with_its_words(lab):
    before = kernel(lab)
    a = lab.anod(LINKS + puppet("route.add", "dst=10.60.0.0/24", "via=10.77.0.1", "dev=wan1",
                                "metric=7") + permit("route.add"), args=PLUGINS)
    t = ended(a)
    assert t["state"] in ("failed", "rolled back", "aborted"), t
    assert "invalid gateway" in t["why"] and "unreachable" in t["why"].lower(), t["why"]
    assert kernel(lab) == before
    wait("the agent is told", lambda: a.logged("verdict 6"))


def test_a_second_action_that_fails_takes_the_first_back(lab):
    before = kernel(lab)
    a = lab.anod(LINKS + puppet("route.add", "dst=10.60.0.0/24", "via=10.2.0.1", "dev=wan1",
                                "metric=7", kind2="route.add",
                                args2=["dst=10.61.0.0/24", "via=10.77.0.1", "dev=wan1", "metric=7"])
                 + permit("route.add"), args=PLUGINS)
    t = ended(a)
    assert t["state"] in ("failed", "rolled back"), t
    assert "gateway" in t["why"], t["why"]
    assert kernel(lab) == before


FOREIGN = puppet("route.replace", "dst=10.51.0.0/24", "via=10.2.0.1", "dev=wan1")


def test_a_foreign_object_is_refused_with_its_protocol(lab):
    prepare(lab)
    before = kernel(lab)
    a = lab.anod(LINKS + FOREIGN + permit("route.replace"), args=PLUGINS)
    t = ended(a)
    assert t["state"] == "denied"
    why = a.ctl("why", "T1")
    assert "foreign objects" in why and "static" in why, why
    assert kernel(lab) == before


def test_a_foreign_object_is_changed_when_the_permit_says_so(lab):
    prepare(lab)
    a = lab.anod(LINKS + FOREIGN + permit("route.replace", "foreign objects"), args=PLUGINS)
    assert ended(a)["state"] == "done"
    assert shows(lab, "route show 10.51.0.0/24", "via 10.2.0.1 dev wan1")


@pytest.mark.parametrize("kind,args,words", [
    ("link.set", ["dev=nosuch0", "mtu=1400bytes"], ["nosuch0"]),
    ("link.set", ["dev=wan1", "mtu=10bytes"], ["mtu"]),
    ("link.set", ["dev=wan1"], ["admin", "mtu"]),
    ("route.add", ["dst=0.0.0.0/0", "via=10.1.0.1", "dev=wan0", "metric=100"], ["exists"]),
    ("route.del", ["dst=10.99.0.0/24", "metric=1"], ["10.99.0.0/24"]),
    ("route.add", ["via=10.1.0.1"], ["dst"]),
    ("nexthop.weight", ["id=99", "member=1", "weight=2"], ["99"]),
], ids=lambda v: v if isinstance(v, str) else None)
def test_nonsense_is_refused_with_the_reason(lab, kind, args, words):
    before = kernel(lab)
    a = lab.anod(LINKS + puppet(kind, *args) + permit(kind), args=PLUGINS)
    wait("the puppet is told", lambda: a.logged("verdict"))
    with open(a.log) as f:
        said = [x for x in f if "verdict" in x][0]
    assert "verdict 4" in said or "verdict 6" in said, said
    assert all(w in said for w in words), said
    assert kernel(lab) == before
