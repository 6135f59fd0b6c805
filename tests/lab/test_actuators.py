"""Qdiscs, sysctls, peers of WireGuard and units, from an agent's wish to the kernel and back."""
import os
import signal

import pytest

import daemons
from common import LINKS, PLUGINS, ended, is_in, permit, puppet
from lab import BUILD, wait

TBF = ["qdisc.replace", "dev=wan1", "type=tbf", "rate=8000000bps"]
MTU = ["sysctl.set", "name=net.ipv4.tcp_mtu_probing", "value=1"]
NEVER = "verify within 200ms that link.wan0.mtu == 9999"
HOLD = "confirm after 60s"


def qdisc(lab, dev="wan1"):
    """The root without its handle, which the kernel gives anew each time."""
    words = lab.do("router", "tc", "qdisc", "show", "dev", dev).split("\n")[0].split()
    return " ".join(w for i, w in enumerate(words) if i != 2)


def sysctl(lab, name="net.ipv4.tcp_mtu_probing", value=None):
    path = "/proc/sys/" + name.replace(".", "/")
    if value is not None:
        lab.do("router", "sh", "-c", "echo %s >%s" % (value, path))
    return int(lab.do("router", "cat", path))


def state(lab):
    return qdisc(lab), sysctl(lab)


def daemon(lab, action, *clauses):
    if action[0] == "sysctl.set" and not os.path.exists(BUILD + "/plugins/sysctl.so"):
        pytest.skip("no sensor of sysctls")
    # Proposed when the model knows what is there: a sensor of sysctls reads them in turns.
    a = lab.anod(LINKS + puppet(*action, when="link.wan0.carrier == false") +
                 permit(action[0], *clauses), args=PLUGINS)
    if action[0] == "sysctl.set":
        wait("the model has it", lambda: any("tcp_mtu_probing" in x
                                             for x in a.ask("snapshot")["lines"]))
    lab.carrier("wan0", False)
    return a


def applied(lab, action):
    return "rate 8Mbit" in qdisc(lab) if action is TBF else sysctl(lab) == 1


@pytest.fixture(params=[TBF, MTU], ids=["qdisc", "sysctl"])
def action(request, lab):
    lab.do("router", "tc", "qdisc", "add", "dev", "wan1", "root", "pfifo", "limit", "77")
    sysctl(lab, value=0)
    return request.param


def test_it_is_applied_verified_and_committed(lab, action):
    a = daemon(lab, action)
    t = ended(a)
    assert t["state"] == "done", t["why"]
    assert t["rule"] == "the test" and applied(lab, action)
    # Before and after in plain words.
    said = a.ctl("why", "T1")
    assert ("pfifo limit 77" in said and "tbf rate 8 Mbit/s" in said if action is TBF else
            "net.ipv4.tcp_mtu_probing = 0" in said and "= 1" in said), said


def test_what_does_not_verify_is_undone_exactly(lab, action):
    before = state(lab)
    a = daemon(lab, action, NEVER)
    is_in(a, "verifying")
    assert applied(lab, action)
    t = ended(a)
    assert t["state"] == "rolled back", t["why"]
    assert state(lab) == before


def test_the_guardian_undoes_it_when_the_host_is_killed(lab, action):
    before = state(lab)
    a = daemon(lab, action, HOLD)
    is_in(a, "soak")
    assert applied(lab, action)
    a.proc.send_signal(signal.SIGKILL)
    wait("the guardian has undone it", lambda: state(lab) == before, 5)


def test_what_somebody_else_changed_meanwhile_is_left_alone(lab, action):
    a = daemon(lab, action, HOLD)
    is_in(a, "soak")
    if action is TBF:
        lab.do("router", "tc", "qdisc", "replace", "dev", "wan1", "root", "pfifo", "limit", "5")
    else:
        sysctl(lab, value=2)
    theirs = state(lab)
    a.proc.send_signal(signal.SIGKILL)
    wait("the guardian has ended", lambda: not guardians(lab), 5)
    assert state(lab) == theirs


def guardians(lab):
    out = []
    for pid in lab.do("router", "ip", "netns", "pids", lab.ns("router")).split():
        try:
            with open("/proc/%s/comm" % pid) as f:
                out += [pid] if f.read().startswith("anod-guardian") else []
        except OSError:
            pass
    return out


def test_what_the_kernel_chose_comes_back_when_ours_goes(lab):
    before = qdisc(lab)
    a = daemon(lab, TBF, NEVER)
    assert ended(a)["state"] == "rolled back"
    assert qdisc(lab) == before


@pytest.mark.parametrize("kind,args,words", [
    ("sysctl.set", ["name=net.ipv4.ip_forward", "value=0"], ["not among the sysctls"]),
    ("sysctl.set", ["name=net.ipv4.conf.../../kernel.rp_filter", "value=0"], ["not among"]),
    ("sysctl.set", ["name=net.ipv4.tcp_mtu_probing", "value=7"], ["0 to 2"]),
    ("qdisc.replace", ["dev=wan1", "type=htb"], ["fq_codel"]),
    ("qdisc.rate", ["dev=wan1", "rate=8000000bps"], ["qdisc.replace"]),
    ("unit.restart", ["name=anod.service"], ["no unit that may be started"]),
    ("wg.keepalive", ["dev=wan1", "peer=x", "every=25000000us"], ["44 characters"]),
], ids=lambda v: v if isinstance(v, str) else None)
def test_nonsense_is_refused_with_the_reason(lab, kind, args, words):
    before = state(lab)
    verify = "verify within 1s that link.wan0.carrier == true"
    a = lab.anod(LINKS + puppet(kind, *args) + permit(kind, verify), args=PLUGINS)
    wait("the puppet is told", lambda: a.logged("verdict"))
    with open(a.log) as f:
        said = [x for x in f if "verdict" in x][0]
    assert all(w in said for w in words), said
    assert state(lab) == before


def test_what_no_sensor_tells_of_is_named_with_the_cure(lab):
    verify = "verify within 1s that link.wan0.carrier == true"
    key = "A" * 43 + "="
    a = lab.anod(LINKS + puppet("wg.keepalive", "dev=wan1", "peer=" + key, "every=25000000us") +
                 permit("wg.keepalive", verify), args=PLUGINS)
    wait("the puppet is told", lambda: a.logged("verdict"))
    assert a.logged("it takes the sensor 'wireguard'") or a.logged("no such peer"), a.tail()


# ---- units -----------------------------------------------------------------------------------

# Fails until its file is there, before it was ever active, and systemd soon gives it up.
FLAKY = """
[Unit]
StartLimitIntervalSec=600
StartLimitBurst=2
[Service]
ExecStartPre=/usr/bin/test -e %s
ExecStart=/bin/sleep 1000
Restart=on-failure
RestartSec=50ms
"""


@pytest.fixture
def systemd(lab):
    why = daemons.why_no_systemd()
    if why:
        pytest.skip(why)
    cure = os.path.join(lab.dir, "cure")
    s = daemons.Systemd(lab, "router", {"flaky.service": FLAKY % cure})
    s.cure = cure
    yield s
    s.close()


def restarts(lab, systemd, unit, *clauses):
    a = lab.anod(LINKS + 'sensor systemd { socket "%s"  units "flaky.service"  period 500ms '
                 'idle-period 500ms }\n' % systemd.bus +
                 puppet("unit.restart", "name=" + unit, when="link.wan0.carrier == false") +
                 permit("unit.restart", 'when action.name == "flaky.service"',
                        'verify within 10s that unit."flaky.service".state == active', *clauses),
                 args=PLUGINS, under=["env", "DBUS_SYSTEM_BUS_ADDRESS=unix:path=" + systemd.bus])
    wait("the model has it", lambda: any("flaky" in x for x in a.ask("snapshot")["lines"]))
    return a


def test_a_service_that_has_given_up_is_started_again(lab, systemd):
    systemd.ctl("start", "flaky.service", check=False)
    wait("systemd gives up", lambda: systemd.show("flaky.service", "ActiveState") == "failed")
    assert "start-limit-hit" in systemd.ctl("start", "flaky.service", check=False) or \
        systemd.show("flaky.service", "ActiveState") == "failed"
    with open(systemd.cure, "w"):
        pass
    a = restarts(lab, systemd, "flaky.service")
    lab.carrier("wan0", False)
    t = ended(a, timeout=20)
    assert t["state"] == "done", t["why"]
    assert systemd.show("flaky.service", "ActiveState") == "active"
    assert "unit flaky.service started again" in a.ctl("why", "T1")


def test_a_service_that_does_not_come_back_is_said_and_no_other_is_touched(lab, systemd):
    a = restarts(lab, systemd, "flaky.service")
    lab.carrier("wan0", False)
    t = ended(a, timeout=30)
    assert t["state"] in ("failed", "rolled back"), t
    a.stop()
    a = restarts(lab, systemd, "dbus.service")
    lab.carrier("wan0", True)
    lab.carrier("wan0", False)
    wait("it is refused", lambda: a.logged("no unit that may be started"))
