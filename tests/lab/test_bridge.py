"""The bridge over a real routing daemon: traffic goes on before the daemon knows, and nothing stays."""
import os
import re
import shutil
import subprocess
import time

import pytest
from common import LINKS, Lines, kernel
from lab import SERVER, TOP, wait

TABLE = "17300"
PERMIT = """
permit "bridge" {
    agent   reflex
    action  rule.add
    level   auto
    verify  within 2s that link.wan1.carrier == true
    confirm after 100ms
    reflex { trigger link wan0
             standby wan1 via 10.2.0.1
             refractory 500ms  at most 200000 prefixes }
}
"""
CONF = LINKS + PERMIT
N = 20000


def need(package, program):
    if not os.path.exists(program):
        subprocess.run([os.path.join(TOP, "tests", "deps"), package], stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
    if not os.path.exists(program):
        pytest.skip("needs %s, which is not here and cannot be installed" % program)


def prefixes(n):
    """The server in the middle; a net now and then, so that some contain others."""
    out = ["20.%d.%d.%d/32" % (i >> 16, i >> 8 & 255, i & 255) for i in range(n)]
    out += ["20.0.%d.0/24" % i for i in range(0, min(n >> 8, 256), 3)]
    return out[:n // 2] + [SERVER + "/32"] + out[n // 2:]


class Bird:
    """BIRD with two static protocols: all prefixes over wan0, and less preferred over wan1."""

    def __init__(self, lab, n):
        need("bird2", "/usr/sbin/bird")
        self.lab, self.all = lab, prefixes(n)
        self.conf = os.path.join(lab.dir, "bird.conf")
        self.ctl = os.path.join(lab.dir, "bird.ctl")
        self.write(lambda i: False)
        self.proc = lab.start("router", "/usr/sbin/bird", "-f", "-c", self.conf, "-s", self.ctl,
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
        wait("BIRD has installed its routes", lambda: len(self.routes()) == len(self.all), 60)

    def write(self, moved):
        """'moved': which ones are not over wan0."""
        with open(self.conf, "w") as f:
            f.write("router id 10.0.0.1;\nprotocol device { scan time 10; }\n"
                    "protocol kernel { ipv4 { export all; import none; }; metric 10; }\n")
            for name, preference, via in (("a", 200, "10.1.0.1"), ("b", 100, "10.2.0.1")):
                f.write("protocol static %s { ipv4 { preference %d; }; check link;\n" %
                        (name, preference))
                f.writelines("route %s via %s;\n" % (p, via) for i, p in enumerate(self.all)
                             if name == "b" or not moved(i))
                f.write("}\n")

    def configure(self, moved):
        self.write(moved)
        self.lab.do("router", "birdc", "-s", self.ctl, "configure")

    def routes(self):
        return self.lab.routes("router", "proto", "bird").splitlines()


def shadow(lab):
    return sorted(lab.ip("router", "-4", "route", "show", "table", TABLE, check=False).splitlines()) \
        if TABLE in lab.ip("router", "-4", "route", "show", "table", "all") else []


def reflex(a):
    return a.ask("reflexes")["reflexes"][0]


def armed(a, timeout=60):
    def is_it():
        r = reflex(a)
        return r if r["state"] == "armed" else None
    try:
        r = wait("it is armed", is_it, timeout)
    except RuntimeError as e:
        raise RuntimeError("%s: %s" % (e, reflex(a)))
    assert r["kind"] == "bridge", r
    return r


def rules(lab):
    return [r for r in lab.ip("router", "rule").splitlines() if TABLE in r]


def seconds(line):
    h, m, s = re.search(r"T(\d+):(\d+):([\d.]+)", line).groups()
    return int(h) * 3600 + int(m) * 60 + float(s)


def rss(pid):
    with open("/proc/%d/status" % pid) as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))


def plain(lab):
    """The daemon's routes alone: the lab's own would never move."""
    for metric in ("100", "200"):
        lab.ip("router", "route", "del", "default", "metric", metric)


def bridged(lab, lose, restore, daemon_routes, a):
    """Lose the link; the bridge is there before the daemon has moved the server's route, and gone
    when it has moved all."""
    watch = Lines(lab, "ip", "-ts", "monitor", "rule", "route")
    def heard():
        for verb in ("add", "del"):
            lab.ip("router", "route", verb, "198.18.0.1/32", "dev", "lo")
        return any("198.18.0.1" in x for x in watch.all())
    wait("the monitor listens", heard, 10)
    lose()
    wait("traffic goes on", lambda: lab.way() == "wan1", 5)
    wait("the daemon has converged and the rule is gone",
         lambda: not rules(lab) and all("dev wan1" in x for x in daemon_routes()) and
         lab.routes("router", "match", SERVER), 60)
    lines = watch.stop()
    on = [x for x in lines if TABLE in x and "Deleted" not in x and "lookup" in x]
    off = [x for x in lines if TABLE in x and "Deleted" in x and "lookup" in x]
    assert len(on) == 1 and len(off) == 1, (on, off)
    assert not [x for x in lines[lines.index(on[0]):lines.index(off[0])]
                if "table %s" % TABLE in x and "lookup" not in x], "the table stands still"
    r = wait("the firing is accounted", lambda: [f for f in reflex(a)["firings"]
                                                 if f["end"] != "open"] and reflex(a), 20)
    assert lab.way() == "wan1"
    restore()
    return r, seconds(off[0]) - seconds(on[0]), lines, on[0]


def moved_at(lines, prefix):
    return [x for x in lines if prefix in x and "dev wan1" in x and "table" not in x]


@pytest.mark.parametrize("how", ["carrier", "down"])
def test_bird_is_bridged_and_its_tables_are_its_own_again(lab, how):
    plain(lab)
    bird = Bird(lab, N)
    a = lab.anod(CONF)
    r = armed(a)
    print("armed: %s" % r["bridge"], "RSS %d KiB" % rss(a.pids()["anod"]) if "anod" in a.pids()
          else "")
    assert r["bridge"]["behind"] == len(bird.all) and r["bridge"]["unwritten"] == 0
    assert len(shadow(lab)) == r["bridge"]["entries"]
    assert lab.way() == "wan0" and not rules(lab)

    if how == "carrier":
        lose, restore = (lambda: lab.carrier("wan0", False)), (lambda: lab.carrier("wan0", True))
    else:
        lose = lambda: lab.ip("router", "link", "set", "wan0", "down")  # noqa: E731
        restore = lambda: lab.ip("router", "link", "set", "wan0", "up")  # noqa: E731
    r, stood, lines, on = bridged(lab, lose, restore, bird.routes, a)
    last = moved_at(lines, "20.")[-1]
    first = moved_at(lines, "20.")[0]
    print("the rule stood %.0f ms; BIRD moved its first route %.1f ms after it, its last %.0f ms" %
          (stood * 1e3, (seconds(first) - seconds(on)) * 1e3, (seconds(last) - seconds(on)) * 1e3))
    # BIRD hears of a link that is set down when the guardian does, and begins at once.
    assert seconds(on) <= seconds(first if how == "carrier" else last), "the bridge came after BIRD"
    assert r["firings"][0]["end"] == "verified", r["firings"]

    # BIRD puts all of it back; the table is filled again, and goes with the permit.
    wait("BIRD is back on wan0", lambda: all("dev wan0" in x for x in bird.routes()) and
         len(bird.routes()) == len(bird.all), 60)
    r = armed(a)
    assert r["bridge"]["errors"] == 0
    assert len(shadow(lab)) == r["bridge"]["entries"] > N / 2
    a.write(LINKS)
    a.ctl("reload")
    wait("nothing of it stays", lambda: not shadow(lab) and not rules(lab), 20)
    assert "proto anod" not in kernel(lab) and "proto 173" not in kernel(lab)


def test_the_table_is_current_while_bird_changes_10000_routes_a_second(lab):
    plain(lab)
    bird = Bird(lab, N)
    a = lab.anod(CONF)
    armed(a)
    lags = []
    end = time.monotonic() + 8
    rounds = 0
    while time.monotonic() < end:
        rounds += 1
        # Half of them change place in every round.
        bird.configure(lambda i: (i // 7 + rounds) % 2 == 0)
        for _ in range(5):
            r = reflex(a)
            lags.append(r["bridge"]["lag_us"])
            time.sleep(0.1)
    bird.configure(lambda i: i % 5 == 0)
    wait("BIRD is done", lambda: sum("dev wan1" in x for x in bird.routes()) ==
         (len(bird.all) + 4) // 5, 30)
    r = armed(a)
    wait("the table is current", lambda: not reflex(a)["bridge"]["unwritten"], 10)
    writes = reflex(a)["bridge"]["writes"]
    print("%d rounds, %d writes, largest lag %.1f ms, %s" % (rounds, writes, max(lags) / 1e3,
                                                             reflex(a)["bridge"]))
    assert writes > N and reflex(a)["bridge"]["errors"] == 0
    followed = shadow(lab)

    # From scratch it is the same.
    a.write(LINKS)
    a.ctl("reload")
    wait("it is given back", lambda: not shadow(lab), 20)
    a.write(CONF)
    a.ctl("reload")
    armed(a)
    assert shadow(lab) == followed
    # And every destination leaves by the standby.
    lab.carrier("wan0", False)
    wait("it fires", lambda: rules(lab), 5)
    for i in range(0, len(bird.all), 997):
        assert lab.way(bird.all[i].split("/")[0]) == "wan1", bird.all[i]


ISP = """router id 10.%(n)d.0.1;
protocol device { }
protocol bgp { local 10.%(n)d.0.1 as 6500%(n)d; neighbor 10.%(n)d.0.2 as 65000;
    ipv4 { import none; export all; }; }
protocol static { ipv4;
%(routes)s}
"""
BGPD = """router bgp 65000
 bgp router-id 10.0.0.1
 no bgp ebgp-requires-policy
 neighbor 10.1.0.1 remote-as 65001
 neighbor 10.2.0.1 remote-as 65002
 address-family ipv4 unicast
  neighbor 10.1.0.1 weight 100
"""


def silent(lab, ns, *cmd):
    return lab.start(ns, *cmd, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                     stderr=subprocess.DEVNULL)


def start_isp(lab, n, announced):
    conf = os.path.join(lab.dir, "isp%d.conf" % n)
    with open(conf, "w") as f:
        f.write(ISP % {"n": n, "routes": "".join("route %s blackhole;\n" % p for p in announced)})
    silent(lab, "isp%d" % n, "/usr/sbin/bird", "-f", "-c", conf, "-s", conf + ".ctl")


def start_frr(lab, made):
    """zebra and bgpd find each other by a "path space", which names their folders."""
    for folder in ("/var/run/frr/", "/etc/frr/"):
        made.append(folder + lab.tag)
        subprocess.run(["install", "-d", "-o", "frr", "-g", "frr", made[-1]], check=True)
    for daemon, text in (("zebra", ""), ("bgpd", BGPD)):
        conf = "/etc/frr/%s/%s.conf" % (lab.tag, daemon)
        with open(conf, "w") as f:
            f.write(text)
        silent(lab, "router", "/usr/lib/frr/" + daemon, "-N", lab.tag, "-f", conf, "-i",
               "/var/run/frr/%s/%s.pid" % (lab.tag, daemon), "-A", "127.0.0.1", "-P", "0")


def test_frr_with_bgp_is_bridged(lab):
    """Two providers announce the same 10,000 prefixes; bgpd prefers the first, and zebra hangs
    them on a next-hop object, with which the kernel drops all of them."""
    need("bird2", "/usr/sbin/bird")
    need("frr", "/usr/lib/frr/bgpd")
    plain(lab)
    announced = prefixes(10000)
    made = []

    def routes():
        return lab.routes("router", "proto", "bgp").splitlines()

    def all_over(wan):
        now = routes()
        return len(now) == len(announced) and all("dev " + wan in x for x in now)
    try:
        start_frr(lab, made)
        for n in (1, 2):
            start_isp(lab, n, announced)
        wait("bgpd has all routes over the first provider", lambda: all_over("wan0"), 90, 0.2)
        a = lab.anod(CONF)
        r = armed(a)
        assert r["bridge"]["behind"] == len(announced), r
        r, stood, lines, on = bridged(lab, lambda: lab.carrier("wan0", False),
                                      lambda: lab.carrier("wan0", True), routes, a)
        last = moved_at(lines, "20.")[-1]
        print("the rule stood %.0f ms; FRR moved its last route %.0f ms after it" %
              (stood * 1e3, (seconds(last) - seconds(on)) * 1e3))
        assert r["firings"][0]["end"] == "verified", r["firings"]
        assert len(routes()) == len(announced), "the rule went before FRR had moved all"
        a.write(LINKS)
        a.ctl("reload")
        wait("nothing of it stays", lambda: not shadow(lab) and not rules(lab), 20)
    finally:
        for folder in made:
            shutil.rmtree(folder, ignore_errors=True)
