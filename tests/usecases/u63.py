"""U63 - a routing daemon crashes until systemd gives up: it is started again, after a while."""
import os

import daemons
from net import Skip
from usecase import Meter, Net, UseCase, clock, wait

SERVER, CLIENT = "203.0.113.1", "10.0.0.0/24"
BURST = 4

ROUTER = """
router id 10.1.0.2;
protocol device {}
protocol kernel { ipv4 { import none; export where source = RTS_BGP; }; }
protocol static { ipv4; route 10.0.0.0/24 unreachable; }
protocol bgp isp { local 10.1.0.2 as 65001; neighbor 10.1.0.1 as 65002;
  connect delay time 1; connect retry time 1; error wait time 1, 2;
  ipv4 { import all; export where source = RTS_STATIC; }; }
"""
ISP = """
router id 10.1.0.1;
protocol device {}
protocol kernel { ipv4 { import none; export where source = RTS_BGP; }; }
protocol static { ipv4; route 203.0.113.0/24 unreachable; %s }
protocol bgp customer { local 10.1.0.1 as 65002; neighbor 10.1.0.2 as 65001;
  connect delay time 1; connect retry time 1; error wait time 1, 2;
  ipv4 { import all; export where source = RTS_STATIC; }; }
""" % "".join("route 198.18.%d.0/24 unreachable; " % n for n in range(200))
UNIT = """
[Unit]
StartLimitIntervalSec=120
StartLimitBurst=%d
[Service]
ExecStart=%s
Restart=on-failure
RestartSec=100ms
"""
CONFIG = """
policy "branch" revision 1
link wan0 { role uplink }
sensor systemd { socket "%s"  units "bird.service"  period 500ms  idle-period 500ms }
sensor bird { socket "%s"  period 500ms  idle-period 500ms  steady 5s }
agent crash-loop { }
budget restarts = 4 per 1h
permit "start a crashed routing daemon again" {
    agent   crash-loop
    action  unit.restart
    level   auto
    budget  restarts
    verify  within 30s that unit."bird.service".state == active and
            rib."bird/default/master4".routes >= 0.99 x rib."bird/default/master4".steady
    confirm after 5s
}
"""


class U63(UseCase):
    title = "Crash loop of a routing daemon"
    sensor = "systemd (unit.restarts, unit.state), bird (rib.routes, rib.steady)"
    agent = "crash-loop"
    action = "unit.restart"
    packages = ["bird2", "dbus-daemon", "systemd"]
    finding, entity = "crash-loop", "bird.service"
    kinds = ["unit.restart"]
    pulse = "unit/bird.service.uptime"
    readings = 12
    undo = "agent"
    repair_within = 90.0
    end_within = 90.0

    def build(self):
        why = daemons.why_no_systemd()
        if why:
            raise Skip(why)
        net = self.net = Net("client", "router", "isp")
        net.wire("router", "lan0", "client", "eth0")
        net.wire("router", "wan0", "isp", "r")
        net.lines("client", """addr add 10.0.0.2/24 dev eth0
            route add default via 10.0.0.1""")
        net.lines("router", """addr add 10.0.0.1/24 dev lan0
            addr add 10.1.0.2/30 dev wan0""")
        net.lines("isp", """addr add 10.1.0.1/30 dev r
            addr add %s/32 dev lo""" % SERVER)
        daemons.Bird(net, "isp", ISP)
        self.bird = daemons.Bird(net, "router", ROUTER, start=False)
        self.systemd = daemons.Systemd(net, "router", {
            "bird.service": UNIT % (BURST, " ".join(self.bird.words))})
        self.systemd.ctl("start", "bird.service")
        wait("BIRD answers", self.bird.answers)
        wait("BGP brings its routes", lambda: self.routes() == 201, 30)
        # The executor asks the system's bus; in this lab that one is systemd's own.
        os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = "unix:path=" + self.systemd.bus
        self.config = CONFIG % (self.systemd.bus, self.bird.socket)
        self.meter = Meter(net, "client", "isp", SERVER, {"period": 0.02})

    def routes(self):
        return self.net.ip("router", "route", "show", "proto", "bird").count("\n")

    def settle(self, a):
        wait("the unit is known", lambda: a.fact("unit/bird.service.state") == "active", 30)
        wait("its table is steady", lambda: a.fact("rib/bird/default/master4.steady") == 202, 30)
        wait("BGP is seen", lambda: a.fact("bgp_peer/bird/default/10.1.0.1.state") ==
             "established", 30)

    def healthy(self, a):
        """an engineer restarts the daemon, three times in a row"""
        for _ in range(3):
            self.systemd.ctl("restart", "bird.service")
            wait("BIRD is back", self.bird.answers)
        wait("traffic flows", lambda: self.well() is not None, self.repair_within, 0.1)

    def lookalike(self, a):
        """an engineer stops the daemon: its routes go, its sessions too"""
        self.systemd.ctl("stop", "bird.service")

    def lookalike_end(self, a):
        self.systemd.ctl("start", "bird.service")

    def fault(self, a):
        """the daemon dies by SIGSEGV as often as systemd starts it, until it gives up"""
        last, now = "0", clock()
        while True:
            state = self.systemd.show("bird.service", "ActiveState")
            if state == "failed":
                return now
            pid = self.systemd.show("bird.service", "MainPID")
            if state == "active" and pid not in ("0", last):
                self.systemd.ctl("kill", "-s", "SEGV", "bird.service")
                last = pid

    def fault_end(self, a):
        pass  # what made it crash is over; the daemon runs again

    def state(self):
        wait("the routes are there", lambda: self.routes() == 201, self.end_within, 0.1)
        return super().state()
