"""Sensors that read other daemons, against real ones: BIRD 2, FRR, systemd, lldpd."""
import os
import signal
import subprocess

import pytest

import daemons
from common import findings
from lab import wait

BIRD = """
router id 10.1.0.1;
protocol device {}
protocol static { ipv4; route 198.18.0.0/24 unreachable; route 198.18.1.0/24 unreachable; }
protocol bgp customer { description "the customer; 1 Gbit/s"; local 10.1.0.1 as 65002;
  neighbor 10.1.0.2 as 65001; bfd; error wait time 1, 2; connect delay time 1;
  ipv4 { import keep filtered; import where net != 203.0.113.0/24;
         export where source = RTS_STATIC; }; }
protocol bgp parked { disabled; local 10.1.0.1 as 65002; neighbor 10.1.0.77 as 65077;
  ipv4 { import all; export none; }; }
protocol bfd { interface "r" { interval 200 ms; }; }
protocol ospf v2 { ipv4 { export none; }; area 0 { interface "r" { hello 1; dead 4; type ptp; }; }; }
"""
BGPD = """router bgp 65001
 bgp router-id 10.1.0.2
 no bgp ebgp-requires-policy
 neighbor 10.1.0.1 remote-as 65002
 neighbor 10.1.0.1 timers connect 1
 neighbor 10.1.0.1 bfd
 address-family ipv4 unicast
  network 203.0.113.0/24
  network 192.0.2.0/24
"""
STATIC = "ip route 203.0.113.0/24 blackhole\nip route 192.0.2.0/24 blackhole\n"
OSPFD = """interface wan0
 ip ospf hello-interval 1
 ip ospf dead-interval 4
 ip ospf network point-to-point
router ospf
 network 10.1.0.0/30 area 0
"""
CONFIG = """policy "lab" revision 1
sensor bird { socket "%s"  period 200ms  idle-period 200ms  steady 1s }
sensor frr { path "%s"  period 200ms  idle-period 200ms  steady 1s }
"""
THERE, HERE = "bgp_peer/bird/default/10.1.0.2", "bgp_peer/frr/default/10.1.0.1"


@pytest.fixture
def routed(lab):
    """FRR on the router and BIRD at a provider, with BGP, BFD and OSPF between them."""
    for package, program in (("bird2", daemons.BIRD), ("frr", daemons.FRR + "bgpd")):
        if not daemons.installed(package, program):
            pytest.skip("needs " + package)
    bird = daemons.Bird(lab, "isp1", BIRD)
    frr = daemons.Frr(lab, "router", {"zebra": "", "staticd": STATIC, "bfdd": "", "ospfd": OSPFD,
                                      "bgpd": BGPD})
    try:
        yield lab, bird, frr
    finally:
        frr.close()


def established(a):
    wait("the session is up", lambda: a.fact(THERE + ".state") == "established" and
         a.fact(HERE + ".state") == "established", 40)


def test_both_ends_of_a_session_are_seen_alike(routed):
    lab, bird, frr = routed
    a = lab.anod(CONFIG % (bird.socket, frr.path))
    established(a)
    wait("prefixes are counted", lambda: a.fact(THERE + ".received") == 1 and
         a.fact(HERE + ".received") == 2)
    assert a.fact(THERE + ".filtered") == 1 and a.fact(HERE + ".filtered") is None
    assert a.fact(HERE + ".sent") >= 2 and a.fact(THERE + ".sent") == 2
    assert a.fact(HERE + ".peer_as") == 65002 and a.fact(THERE + ".peer_as") == 65001
    assert a.fact(THERE + ".name") == "the customer; 1 Gbit/s"
    assert a.fact("bgp_peer/bird/default/10.1.0.77.enabled") is False
    assert a.fact("daemon/bird.version").startswith("2.")
    assert a.fact("daemon/frr/bgpd.memory") > 1 << 20 and a.fact("daemon/bird.pid") == bird.proc.pid
    wait("BFD is up", lambda: a.fact("bfd_peer/wan0/10.1.0.1.state") == "up")
    wait("OSPF is full", lambda: a.fact("ospf_neighbor/wan0/10.1.0.1.state") == "full", 40)
    wait("tables are steady", lambda: a.fact("rib/bird/default/master4.steady") is not None and
         a.fact("rib/frr/default/ipv4.steady") is not None)
    assert a.fact("rib/frr/default/ipv4.installed") <= a.fact("rib/frr/default/ipv4.routes")


def test_a_session_that_is_shut_down_says_why(routed):
    lab, bird, frr = routed
    a = lab.anod(CONFIG % (bird.socket, frr.path) + "agent bgp-watch { }\n")
    established(a)
    drops = a.fact(HERE + ".drops")
    bird.do("disable", "customer")
    wait("both ends see it", lambda: a.fact(THERE + ".enabled") is False and
         a.fact(HERE + ".state") not in (None, "established"))
    wait("the other end is told why", lambda: a.fact(HERE + ".drops") == drops + 1 and
         a.fact(HERE + ".reason"))
    assert a.fact(THERE + ".drops") >= 1
    wait("it is found at the end that is not shut down",
         lambda: findings(a, "bgp-session-down"), 30)
    assert a.fact("finding/1.entity") == "frr/default/10.1.0.1"
    bird.do("enable", "customer")
    established(a)


def test_a_daemon_that_hangs_or_ends_is_unknown_and_the_others_are_not(routed):
    lab, bird, frr = routed
    a = lab.anod(CONFIG % (bird.socket, frr.path))
    established(a)
    bgpd = frr.procs["bgpd"].pid
    os.kill(bgpd, signal.SIGSTOP)
    wait("a bgpd that hangs is noticed", lambda: a.fact("daemon/frr/bgpd.up") is False)
    assert a.fact(HERE + ".state") is None and a.fact("daemon/frr/zebra.up") is True
    os.kill(bgpd, signal.SIGCONT)
    wait("it is back", lambda: a.fact("daemon/frr/bgpd.up") is True and
         a.fact(HERE + ".state") is not None, 30)
    steady = wait("steady", lambda: a.fact("rib/bird/default/master4.steady"))
    os.kill(bird.proc.pid, signal.SIGKILL)
    wait("BIRD's end is noticed", lambda: a.fact("daemon/bird.up") is False, 2)
    assert a.fact(THERE + ".state") is None and a.fact("rib/bird/default/master4.routes") is None
    assert a.fact("rib/bird/default/master4.steady") == steady, "what it was outlives it"
    bird.start()
    wait("it is read again", lambda: a.fact("daemon/bird.up") is True, 30)


# ---- systemd ----------------------------------------------------------------------------------

CRASH = """[Unit]
StartLimitIntervalSec=60
StartLimitBurst=3
[Service]
ExecStart=/bin/sh -c 'sleep 0.2; exit 3'
Restart=on-failure
RestartSec=50ms
"""
GOOD = "[Service]\nExecStart=/bin/sleep infinity\n"


def test_units_are_watched_by_signals(lab):
    why = daemons.why_no_systemd()
    if why:
        pytest.skip(why)
    sd = daemons.Systemd(lab, "router", {"crash.service": CRASH, "good.service": GOOD})
    a = lab.anod('policy "lab" revision 1\n'
                 'sensor systemd { socket "%s" units "crash.service", "good.service", "no.service" '
                 'period 60s idle-period 60s }\n' % sd.bus)

    def unit(name):
        return {f["attr"]: f["raw"] for f in a.ask("facts", pattern="unit/%s.*" % name)["facts"]}
    wait("units are known", lambda: unit("good.service").get("state") == "inactive")
    assert unit("no.service")["load"] == "not-found"
    sd.ctl("start", "good.service")
    wait("it runs", lambda: unit("good.service")["state"] == "active")
    pid = unit("good.service")["pid"]
    sd.ctl("restart", "good.service")
    wait("it runs again", lambda: unit("good.service")["pid"] not in (0, pid) and
         unit("good.service")["state"] == "active")
    assert unit("good.service")["restarts"] == 0, "what an engineer restarts is no crash"
    sd.ctl("start", "crash.service")
    wait("systemd gives up", lambda: unit("crash.service")["state"] == "failed" and
         unit("crash.service")["restarts"] == 3)
    assert unit("crash.service")["result"] == "exit-code"
    assert unit("crash.service")["exit_status"] == 3
    sd.ctl("stop", "good.service")
    wait("a clean stop is one", lambda: unit("good.service")["state"] == "inactive")
    assert unit("good.service")["result"] == "success"

    sd.ctl("daemon-reexec", check=False)
    sd.ctl("start", "good.service")
    wait("signals come also after a re-exec", lambda: unit("good.service")["state"] == "active")
    sd.close()
    wait("without systemd nothing is known", lambda: unit("good.service")["state"] is None)


# ---- lldpd ------------------------------------------------------------------------------------

def test_a_real_lldpd_is_heard_until_it_says_goodbye(lab):
    if not daemons.installed("lldpd", "/usr/sbin/lldpd"):
        pytest.skip("needs lldpd")
    a = lab.anod('policy "lab" revision 1\n')
    wait("links are known", lambda: a.fact("link/wan0.ifindex"))
    # Its own /run and host name; the far end of wan0 is in isp1.
    lldpd = lab.start("isp1", "unshare", "--mount", "--uts", "bash", "-c",
                      "mount -t tmpfs t /run; mkdir /run/lldpd; hostname switch-1;"
                      "echo configure lldp tx-interval 1 > /run/conf;"
                      "exec lldpd -d -O /run/conf -S 'real lldpd' -u /run/lldpd.sock -I r",
                      stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                      stderr=subprocess.DEVNULL)
    name = "lldp_neighbor/wan0/1."
    wait("it is heard", lambda: a.fact(name + "system") == "switch-1")
    assert a.fact(name + "port_description") == "r"
    assert a.fact(name + "description") == "real lldpd"
    assert a.fact(name + "changes") == 1
    facts = a.ctl("facts", "lldp_neighbor/*")
    assert '""real lldpd""' in facts, "it is shown as somebody else's word: " + facts
    lldpd.send_signal(signal.SIGTERM)
    wait("it is gone", lambda: a.fact(name + "system") is None)
    assert lldpd.wait(10) == 0
