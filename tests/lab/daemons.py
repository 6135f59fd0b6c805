"""daemons - real daemons for the labs: BIRD, FRR, lldpd, and systemd as pid 1 of its own.

A lab is examples/lab's or a Net of tests/usecases: what has ns(), start(), do() and dir.
"""
import glob
import os
import shutil
import socket
import subprocess
import time

from lab import run, wait

BIRD, BIRDC, FRR = "/usr/sbin/bird", "/usr/sbin/birdc", "/usr/lib/frr/"


def installed(package, program):
    """Is the program there?  When not, try to install it."""
    deps = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "deps")
    return os.path.exists(program) or subprocess.call(
        [deps, package], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0


def write(path, text):
    with open(path, "w") as f:
        f.write(text)
    return path


class Bird:
    """BIRD in a namespace; started by hand, or by systemd with self.words."""

    def __init__(self, lab, ns, conf, name=None, start=True):
        self.lab, self.ns = lab, ns
        base = os.path.join(lab.dir, name or "bird-" + ns)
        self.conf, self.socket = base + ".conf", base + ".ctl"
        write(self.conf, conf)
        self.words = [BIRD, "-f", "-c", self.conf, "-s", self.socket]
        self.proc = None
        if start:
            self.start()

    def start(self):
        self.proc = self.lab.start(self.ns, *self.words, stdin=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        wait("BIRD answers", self.answers)

    def answers(self):
        return "up and running" in run(BIRDC, "-s", self.socket, "show", "status", check=False)

    def do(self, *words):
        return run(BIRDC, "-s", self.socket, *words, check=False)


class Frr:
    """FRR's daemons in a namespace: {"zebra": "", "bgpd": "router bgp ..."}; zebra first."""

    def __init__(self, lab, ns, daemons):
        self.lab, self.ns = lab, ns
        # They run as user frr, which cannot pass the lab's own folder.
        self.path = "/run/frr/%s-%s" % (lab.tag, ns)
        subprocess.run(["install", "-d", "-o", "frr", "-g", "frr", self.path], check=True)
        self.procs = {}
        for name, conf in daemons.items():
            write("%s/%s.conf" % (self.path, name), conf)
            self.start(name)
            if name == "zebra":
                wait("zebra listens", lambda: os.path.exists(self.path + "/zserv.api"))

    def start(self, name):
        base = "%s/%s" % (self.path, name)
        self.procs[name] = self.lab.start(
            self.ns, FRR + name, "-f", base + ".conf", "-i", base + ".pid", "-A", "127.0.0.1",
            "-P", "0", "-z", self.path + "/zserv.api", "--vty_socket", self.path,
            "--log", "file:%s.log" % base, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait(name + " listens", lambda: os.path.exists(base + ".vty"))
        # The host of a lab is in no group of FRR's.
        os.chown(base + ".vty", 0, 0)

    def do(self, command, daemon="bgpd"):
        return run("vtysh", "--vty_socket", self.path, "-d", daemon, "-c", command, check=False)

    def close(self):
        for p in self.procs.values():
            p.terminate()
            p.wait()
        shutil.rmtree(self.path, ignore_errors=True)


# What dbus-daemon and systemd need to start a service and nothing else.
UNITS = {
    "default.target": "[Unit]\nDescription=the lab\nWants=dbus.socket\nAfter=dbus.socket\n",
    "sysinit.target": "[Unit]\nDescription=nothing\n",
    "basic.target": "[Unit]\nDescription=nothing\n",
    "shutdown.target": "[Unit]\nDescription=the end\n",
    "sockets.target": "[Unit]\nDescription=nothing\n",
    "dbus.socket": "[Unit]\nDefaultDependencies=no\n"
                   "[Socket]\nListenStream=/run/dbus/system_bus_socket\n",
    "dbus.service": "[Unit]\nDefaultDependencies=no\nRequires=dbus.socket\n"
                    "[Service]\nExecStart=/usr/bin/dbus-daemon --config-file=%(dir)s/dbus.conf "
                    "--address=systemd: --nofork --nopidfile --systemd-activation\n",
}
# Only systemd speaks on this bus, and who watches it.
DBUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><auth>EXTERNAL</auth>
<listen>unix:path=/run/dbus/system_bus_socket</listen>
<policy context="default"><allow send_destination="*" eavesdrop="true"/>
<allow eavesdrop="true"/><allow own="*"/><allow user="*"/></policy></busconfig>
"""
# Runs in mount, pid, cgroup, ipc and uts namespaces of its own.  "ip netns exec" gives a fresh
# /sys, so cgroup2 is mounted again; the units are the lab's, the sockets are seen outside.
INIT = """set -e
mount --make-rprivate /
mount -t tmpfs -o size=16m cgroup /sys/fs/cgroup 2>/dev/null || true
mount -t cgroup2 cgroup2 /sys/fs/cgroup
for d in /etc/systemd/system /lib/systemd/system; do mount --bind %(dir)s/units $d; done
# systemd mounts /run when nobody has; what is bound below it would be hidden.
mount -t tmpfs -o mode=755 run /run
mkdir -p %(dir)s/systemd/system /run/systemd /run/dbus /run/lock
mount --bind %(dir)s/systemd /run/systemd
mount --bind %(dir)s/dbus /run/dbus
exec env -i PATH=$PATH container=lab /lib/systemd/systemd --system --show-status=no --log-level=notice \
    --log-target=console
"""


class Systemd:
    """systemd as pid 1 of namespaces of its own, in the network namespace 'ns', with dbus-daemon.

    self.bus and self.private are sockets for whoever is outside; the private socket takes
    only callers that systemd can see, so those need self.words in front of their command."""

    def __init__(self, lab, ns, units):
        self.lab = lab
        self.dir = os.path.join(lab.dir, "sd")
        for d in ("units", "systemd", "dbus"):
            os.makedirs(os.path.join(self.dir, d), exist_ok=True)
        os.chmod(self.dir, 0o755)
        write(self.dir + "/dbus.conf", DBUS)
        for name, text in dict(UNITS, **units).items():
            write("%s/units/%s" % (self.dir, name), text % {"dir": self.dir}
                  if name in UNITS else text)
        self.bus = self.dir + "/dbus/system_bus_socket"
        self.private = self.dir + "/systemd/private"
        self.cgroup = self._cgroup()
        script = write(self.dir + "/init", INIT % {"dir": self.dir})
        cgroup = self.cgroup
        self.log = open(self.dir + "/log", "w")
        self.proc = lab.start(
            ns, "unshare", "--fork", "--pid", "--mount-proc", "--mount", "--cgroup", "--ipc",
            "--uts", "--kill-child", "bash", script, stdin=subprocess.DEVNULL, stdout=self.log,
            stderr=self.log, preexec_fn=lambda: write(cgroup + "/cgroup.procs", str(os.getpid())))
        self.pid = None
        try:
            wait("systemd is on the bus", self._ready, 30)
        except RuntimeError as e:
            with open(self.dir + "/log") as f:
                raise RuntimeError("%s\n%s" % (e, f.read()[-2000:])) from e
        self.words = ["nsenter", "-t", str(self.pid), "-m", "-p", "-C", "-i", "-u"]
        ends = lab.close
        lab.close = lambda: (self.close(), ends())

    def _cgroup(self):
        for line in open("/proc/mounts"):
            words = line.split()
            if words[2] == "cgroup2":
                path = "%s/%s" % (words[1], self.lab.tag)
                os.makedirs(path, exist_ok=True)
                return path
        raise RuntimeError("no cgroup2 here")

    def _ready(self):
        if self.proc.poll() is not None:
            raise RuntimeError("systemd ended with %s" % self.proc.returncode)
        if self.pid is None:
            kids = run("ps", "-o", "pid=", "--ppid", self.proc.pid, check=False).split()
            comm = kids and open("/proc/%s/comm" % kids[0]).read().strip()
            if comm == "systemd":
                self.pid = int(kids[0])
                self.words = ["nsenter", "-t", str(self.pid), "-m", "-p", "-C", "-i", "-u"]
        return self.pid and "org.freedesktop.systemd1" in run(
            "busctl", "--address=unix:path=" + self.bus, "list", "--no-legend", check=False) and \
            "ActiveState=active" in self.ctl("show", "dbus.service", check=False)

    def ctl(self, *words, check=True):
        return run(*self.words, "systemctl", *words, check=check)

    def show(self, unit, name):
        return self.ctl("show", "--value", "-p", name, unit).strip()

    def unit(self, name, text):
        write("%s/units/%s" % (self.dir, name), text)

    def close(self):
        if self.log.closed:
            return
        self.proc.kill()  # and with it its child, and with that one the whole namespace
        self.proc.wait()
        self.log.close()

        def gone():
            for d in sorted(glob.glob(self.cgroup + "/**/", recursive=True), reverse=True):
                try:
                    os.rmdir(d)
                except OSError:
                    pass
            return not os.path.exists(self.cgroup)
        try:
            wait("its control groups end", gone, 5)
        except RuntimeError:
            pass


def why_no_systemd():
    """Why systemd cannot be pid 1 of a namespace here, or None."""
    if not os.path.exists("/lib/systemd/systemd"):
        return "needs systemd"
    if not installed("dbus-daemon", "/usr/bin/dbus-daemon"):
        return "needs dbus-daemon"
    if not any(line.split()[2] == "cgroup2" for line in open("/proc/mounts")):
        return "needs cgroup2"
    return None
