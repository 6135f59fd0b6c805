"""What test_vm.py runs in the guest: uplinks that are a bond and a VLAN, and a lossy netem.

The lab's first uplink becomes an active-backup bond over a veth, the second one a VLAN; then
netem loses a fifth of all packets of the first, and later the bond loses its only port.
"""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "examples", "lab"))
import lab  # noqa: E402

POLICY = """
policy "full kernel" revision 1
link bond0  { role uplink }
link wan1.7 { role uplink }
set uplinks = link where role == uplink
agent uplink { uplinks bond0, wan1.7  probe 192.0.2.1, 198.51.100.1 every 200ms  clean 2s }
permit "steer" {
    agent   uplink
    action  route.replace, route.del
    on      uplinks
    level   auto
    verify  within 10s
    confirm after 500ms
}
"""


def rebuild(net):
    """wan0 under a bond, wan1 under a VLAN; addresses and routes move up."""
    r = net.ip
    r("router", "link", "add", "bond0", "type", "bond", "mode", "active-backup", "miimon", "100")
    r("router", "link", "set", "wan0", "down")
    r("router", "link", "set", "wan0", "master", "bond0")
    r("router", "link", "set", "bond0", "up")
    r("router", "link", "set", "wan0", "up")
    r("router", "addr", "add", "10.1.0.2/30", "dev", "bond0")
    r("router", "route", "add", "default", "via", "10.1.0.1", "dev", "bond0", "metric", "100")
    r("router", "addr", "flush", "dev", "wan1")
    r("router", "link", "add", "link", "wan1", "name", "wan1.7", "type", "vlan", "id", "7")
    r("router", "addr", "add", "10.2.0.2/30", "dev", "wan1.7")
    r("router", "link", "set", "wan1.7", "up")
    r("router", "route", "add", "default", "via", "10.2.0.1", "dev", "wan1.7", "metric", "200")
    r("isp2", "addr", "flush", "dev", "r")
    r("isp2", "link", "add", "link", "r", "name", "r.7", "type", "vlan", "id", "7")
    r("isp2", "addr", "add", "10.2.0.1/30", "dev", "r.7")
    r("isp2", "link", "set", "r.7", "up")
    r("isp2", "route", "replace", "10.0.0.0/24", "via", "10.2.0.2")


def done(anod):
    return [t for t in anod.final("uplink").values() if t["state"] == "done"]


def main():
    print("kernel", os.uname().release, flush=True)
    with lab.Lab() as net:
        rebuild(net)
        anod = net.anod(POLICY)
        lab.wait("probes answer", lambda: anod.fact("path/bond0.targets_up") == 2 and
                 anod.fact("path/wan1.7.targets_up") == 2, 40, 0.2)
        assert anod.fact("link/bond0.kind") == "bond", anod.fact("link/bond0.kind")
        assert anod.fact("link/wan1.7.kind") == "vlan", anod.fact("link/wan1.7.kind")
        before = net.routes()

        net.do("isp1", "tc", "qdisc", "add", "dev", "r", "root", "netem", "loss", "20%")
        lab.wait("traffic leaves by the VLAN", lambda: net.way() == "wan1.7", 60, 0.2)
        lab.wait("it is committed", lambda: len(done(anod)) == 1, 20, 0.2)
        print("left the lossy bond:", anod.ctl("show", "I1"), flush=True)

        net.do("isp1", "tc", "qdisc", "del", "dev", "r", "root")
        lab.wait("the steering route is gone", lambda: net.routes() == before, 60, 0.2)
        lab.wait("it is committed", lambda: len(done(anod)) == 2, 20, 0.2)

        net.carrier("wan0", False)
        lab.wait("traffic leaves by the VLAN", lambda: net.way() == "wan1.7", 20, 0.2)
        lab.wait("it is committed", lambda: len(done(anod)) == 3, 20, 0.2)
        print(anod.ctl("doctor", check=False), flush=True)
        assert "good" in anod.ctl("ledger", "verify")
        assert anod.stop() == 0
    print("the story is over", flush=True)


if __name__ == "__main__":
    main()
