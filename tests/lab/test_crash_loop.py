"""The agent crash-loop on a service that goes on crashing: the budget ends it, not the agent."""
import pytest

import daemons
from common import PLUGINS, findings
from lab import wait

ALWAYS = """[Unit]
StartLimitIntervalSec=60
StartLimitBurst=3
[Service]
ExecStart=/bin/sh -c 'exit %d'
Restart=on-failure
RestartSec=50ms
"""
POLICY = """policy "lab" revision 1
sensor systemd { socket "%s" units "a.service" period 500ms idle-period 500ms }
agent crash-loop { crashes 2 }
budget restarts = 2 per 1h
permit "start it again" {
    agent   crash-loop
    action  unit.restart
    level   auto
    budget  restarts
    verify  within 2s that unit."a.service".uptime > 1s
    confirm after 1s
}
"""


def crashing(lab, monkeypatch, status):
    why = daemons.why_no_systemd()
    if why:
        pytest.skip(why)
    sd = daemons.Systemd(lab, "router", {"a.service": ALWAYS % status})
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=" + sd.bus)
    a = lab.anod(POLICY % sd.bus, args=PLUGINS)
    wait("the unit is known", lambda: a.fact("unit/a.service.state") == "inactive")
    sd.ctl("start", "a.service", check=False)
    wait("the loop is found", lambda: findings(a, "crash-loop"))
    return sd, a


def test_a_restart_that_does_not_help_is_not_verified(lab, monkeypatch):
    _, a = crashing(lab, monkeypatch, 3)
    end = wait("T1 ends", lambda: a.final().get(1), 20)["transaction"]
    assert end["state"] != "done" and end["actions"][0].startswith("unit.restart"), end
    wait("systemd has given up again", lambda: a.fact("unit/a.service.state") == "failed")
    assert findings(a, "crash-loop"), "the finding stays"
    # The next attempt is 30 s away: 15 s, doubled by the failure.
    assert not a.ledger("decision")[1:]


def test_a_service_that_is_not_configured_is_left_alone(lab, monkeypatch):
    _, a = crashing(lab, monkeypatch, 78)
    wait("the rival holds it back", lambda: a.logged("a.service", "not-configured"))
    assert not a.ledger("decision")
