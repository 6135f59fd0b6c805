"""peers - other daemons: how each is installed, configured and started in the lab's router.

Each answers the carrier loss of wan0 with what its manual offers for it: BIRD with two static
routes and "check link", zebra with two static routes of different distance, keepalived with a
virtual route that it withdraws when the tracked link fails.
"""
import os
import subprocess
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PACKAGE = {"bird": "bird2", "keepalived": "keepalived", "zebra": "frr", "frr": "frr",
           "collectd": "collectd-core",
           "node-exporter": "prometheus-node-exporter"}
PROGRAM = {"bird": "/usr/sbin/bird", "keepalived": "/usr/sbin/keepalived",
           "zebra": "/usr/lib/frr/zebra", "frr": "/usr/lib/frr/bgpd",
           "collectd": "/usr/sbin/collectd",
           "node-exporter": "/usr/bin/prometheus-node-exporter"}

BIRD = """router id 10.0.0.1;
protocol device { scan time 10; }
protocol kernel { ipv4 { export all; }; metric 10; }
protocol static over_wan0 { ipv4 { preference 210; }; check link; route 0.0.0.0/0 via 10.1.0.1; }
protocol static over_wan1 { ipv4 { preference 200; }; check link; route 0.0.0.0/0 via 10.2.0.1; }
"""
KEEPALIVED = """global_defs {
    router_id bench
    vrrp_version 3
    vrrp_garp_master_delay 0
    vrrp_garp_master_repeat 1
}
vrrp_instance V1 {
    interface lan0
    state MASTER
    virtual_router_id 51
    priority 200
    advert_int 0.05
    track_interface { wan0 }
    virtual_ipaddress { 10.0.0.254/24 dev lan0 }
    virtual_routes { default via 10.1.0.1 dev wan0 metric 10 }
}
"""
KEEPALIVED_IDLE = """global_defs {
    vrrp_version 3
}
vrrp_instance V1 {
    interface lan0
    state BACKUP
    virtual_router_id 51
    priority 100
    track_interface { wan0 }
    virtual_ipaddress { 10.0.0.254/24 dev lan0 }
}
"""
STATICD = """ip route 0.0.0.0/0 10.1.0.1 wan0 10
ip route 0.0.0.0/0 10.2.0.1 wan1 20
"""
ZEBRA = "ip nht resolve-via-default\n"
BGPD = """router bgp 65000
 bgp router-id 10.0.0.1
 no bgp ebgp-requires-policy
 neighbor 10.1.0.1 remote-as 65001
 neighbor 10.1.0.1 timers connect 1
 neighbor 10.2.0.1 remote-as 65002
 neighbor 10.2.0.1 timers connect 1
 address-family ipv4 unicast
  neighbor 10.1.0.1 weight 200
  neighbor 10.2.0.1 weight 100
"""
# Who announces: at a provider.
FEEDER = """router id 10.%(n)d.0.1;
protocol device { }
protocol bgp {
    local 10.%(n)d.0.1 as 6500%(n)d;
    neighbor 10.%(n)d.0.2 as 65000;
    connect delay time 1; connect retry time 1; error wait time 1, 1;
    ipv4 { import none; export all; next hop self; };
}
protocol static {
    ipv4;
%(routes)s
}
"""
COLLECTD = """Interval 1
PIDFile "%(dir)s/collectd.pid"
BaseDir "%(dir)s"
LoadPlugin logfile
<Plugin logfile>
    LogLevel err
    File "/dev/null"
</Plugin>
LoadPlugin interface
"""


def available(names, report):
    """Those of 'names' that are here, installed first where we may."""
    found = []
    for name in names:
        if not os.path.exists(PROGRAM[name]):
            subprocess.run([os.path.join(TOP, "tests/deps"), PACKAGE[name]],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if os.path.exists(PROGRAM[name]):
            found.append(name)
        else:
            report.note("%s is not here and cannot be installed (package %s): left out" %
                        (name, PACKAGE[name]))
    return found


def _write(lab, name, text):
    path = os.path.join(lab.dir, name)
    with open(path, "w") as f:
        f.write(text)
    return path


def _quiet(lab, *cmd, ns="router"):
    return lab.start(ns, *cmd, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                     stderr=subprocess.DEVNULL)


def _bird_prefixes(prefixes):
    """The same prefixes over either uplink, the first one preferred."""
    text = []
    for name, preference, gateway in (("big0", 210, "10.1.0.1"), ("big1", 200, "10.2.0.1")):
        text.append("protocol static %s { ipv4 { preference %d; }; check link;" %
                    (name, preference))
        text += ["route %s/32 via %s;" % (p, gateway) for p in prefixes]
        text.append("}")
    return "\n".join(text) + "\n"


def start(lab, name, idle=False, prefixes=()):
    """Start a peer in the router, with more prefixes (bird and frr); the processes that were
    started."""
    if name == "bird":
        conf = _write(lab, "bird.conf", BIRD + (_bird_prefixes(prefixes) if prefixes else ""))
        return [_quiet(lab, PROGRAM[name], "-f", "-c", conf,
                       "-s", os.path.join(lab.dir, "bird.ctl"))]
    if name == "keepalived":
        conf = _write(lab, "keepalived.conf", KEEPALIVED_IDLE if idle else KEEPALIVED)
        return [_quiet(lab, PROGRAM[name], "-n", "-l", "-P", "-f", conf,
                       "-p", os.path.join(lab.dir, "ka.pid"),
                       "-r", os.path.join(lab.dir, "kav.pid"))]
    if name == "collectd":
        conf = _write(lab, "collectd.conf", COLLECTD % {"dir": lab.dir})
        return [_quiet(lab, PROGRAM[name], "-f", "-C", conf)]
    if name == "frr":
        _start_feeders(lab, prefixes)
        return _start_frr(lab, {"zebra": ZEBRA, "bgpd": BGPD})
    return _start_frr(lab, {"zebra": ZEBRA, "staticd": STATICD})


def _start_feeders(lab, prefixes):
    routes = "\n".join("    route %s/32 blackhole;" % p for p in prefixes)
    for n in (1, 2):
        conf = _write(lab, "feeder%d.conf" % n, FEEDER % {"n": n, "routes": routes})
        _quiet(lab, PROGRAM["bird"], "-f", "-c", conf, "-s",
               os.path.join(lab.dir, "feeder%d.ctl" % n), ns="isp%d" % n)


def _start_frr(lab, daemons):
    """They find each other by a "path space", which names their folders."""
    procs = []
    for folder in ("/var/run/frr/", "/etc/frr/"):
        subprocess.run(["install", "-d", "-o", "frr", "-g", "frr", folder + lab.tag], check=True)
    for daemon, text in daemons.items():
        conf = "/etc/frr/%s/%s.conf" % (lab.tag, daemon)
        with open(conf, "w") as f:
            f.write(text)
        procs.append(_quiet(lab, "/usr/lib/frr/" + daemon, "-N", lab.tag, "-f", conf, "-i",
                            "/var/run/frr/%s/%s.pid" % (lab.tag, daemon), "-A", "127.0.0.1",
                            "-P", "0"))
        socket = "/var/run/frr/%s/zserv.api" % lab.tag
        for _ in range(100):
            if os.path.exists(socket):
                break
            time.sleep(0.05)
    return procs


def clean(lab):
    """What a peer leaves behind outside of the lab's folder."""
    for folder in ("/var/run/frr/", "/etc/frr/"):
        if os.path.isdir(folder):
            subprocess.run(["rm", "-rf", folder + lab.tag], check=False)
