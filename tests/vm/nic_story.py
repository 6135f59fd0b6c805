"""What test_nic_vm.py runs in the guest: the sensors of hardware against a real kernel.

The test NIC (tests/vm/nic) and netdevsim have drivers; what the daemon says of them is compared
with what was set.
"""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "nic"), os.path.join(HERE, "..", "usecases"),
                os.path.join(HERE, "..", "..", "examples", "lab")]
import eeprom  # noqa: E402
import lab  # noqa: E402
from net import Net  # noqa: E402

KNOBS = "/sys/kernel/debug/anodnic"
CONFIG = """
anod { observe 100% }
policy "hardware" revision 1
link nic0 { role uplink }
sensor ethtool { period 500ms }
sensor module { period 500ms  idle-period 500ms }
sensor devlink { period 500ms  idle-period 500ms }
"""


def knob(name, value, nic=0):
    with open("%s/%d/%s" % (KNOBS, nic, name), "wb") as f:
        f.write(value if isinstance(value, bytes) else str(value).encode())


def becomes(a, fact, wanted, limit=25):
    good = wanted if callable(wanted) else lambda v: v == wanted
    try:
        return lab.wait(fact, lambda: [v for v in [a.fact(fact)] if good(v)], limit, 0.1)[0]
    except RuntimeError as e:
        raise RuntimeError("%s is %r" % (fact, a.fact(fact))) from e


def ethtool(a, net):
    becomes(a, "link/nic0.speed", 100 * 10**9)
    becomes(a, "link/nic0.mode", "100000baseSR4/Full")
    becomes(a, "link/nic0.fec", "rs")
    # Settings are read once a minute, so it was an event that told of these.
    net.do("router", "ethtool", "-s", "nic0", "speed", "400000", "lanes", "8", "autoneg", "off")
    becomes(a, "link/nic0.speed", 400 * 10**9, 10)
    becomes(a, "link/nic0.lanes", 8)
    becomes(a, "link/nic0.autoneg", False)
    net.do("router", "ethtool", "-G", "nic0", "rx", "4096")
    becomes(a, "link/nic0.rx_ring", 4096, 10)
    net.do("router", "ethtool", "--set-module", "nic0", "power-mode-policy", "high")
    becomes(a, "link/nic0.module_policy", "high", 10)
    net.do("router", "ethtool", "--set-fec", "nic0", "encoding", "baser")
    becomes(a, "link/nic0.fec", "baser")
    net.do("router", "ethtool", "--set-fec", "nic0", "encoding", "rs")
    becomes(a, "feclane/nic0/7.corrected", lambda v: v is not None)

    knob("ber", 10**11)  # 1e-4
    becomes(a, "link/nic0.pre_fec_ber", lambda v: v is not None and abs(v - 1e-4) < 2e-5)
    becomes(a, "link/nic0.fec_loss", 0.0)
    knob("ber", 10**12)  # 1e-3: 1.8e-4 of code words are bad
    becomes(a, "link/nic0.fec_loss", lambda v: v is not None and 3e-4 < v < 9e-4)
    knob("ber", 0)

    knob("down_state", 4)
    knob("link", 0)
    becomes(a, "link/nic0.down_reason", "no-cable")
    becomes(a, "link/nic0.fec_corrected", lambda v: v is not None)
    knob("link", 1)
    becomes(a, "link/nic0.down_reason", "")
    print("ethtool: good", flush=True)


def module(a):
    assert a.fact("module/nic0.type") is None
    knob("eeprom50", eeprom.cmis(los=4))
    becomes(a, "module/nic0.type", "QSFP-DD", 60)
    becomes(a, "module/nic0.serial", "EX5555000001")
    becomes(a, "module/nic0.temperature", 45.5)
    becomes(a, "module/nic0.lanes", 4)
    # The flag was latched once, and reading it has cleared it: it is over and still counted.
    becomes(a, "optic/nic0/3.rx_los", False)
    becomes(a, "optic/nic0/3.los", 1)
    becomes(a, "optic/nic0/4.los", 0)
    becomes(a, "optic/nic0/3.rx_power", lambda v: v is not None and abs(v + 1) < 0.01)
    # A fibre is pulled: no light, and the flag is latched anew.
    knob("eeprom50", eeprom.cmis(los=2, rx=(7943, 0, 7943, 7943)))
    becomes(a, "optic/nic0/2.los", 1)
    becomes(a, "optic/nic0/2.rx_power", -40.0)
    # The module is pulled.
    with open(KNOBS + "/0/eeprom50", "wb"):
        pass
    lab.wait("the module is gone", lambda: a.fact("module/nic0.type") is None, 25, 0.1)
    assert a.fact("optic/nic0/1.rx_power") is None
    print("module: good", flush=True)


def devlink(a):
    if not os.path.exists("/sys/bus/netdevsim/new_device"):
        print("devlink: no netdevsim", flush=True)
        return
    with open("/sys/bus/netdevsim/new_device", "w") as f:
        f.write("10 1")
    dev = "netdevsim/netdevsim10"
    becomes(a, "devlink/%s.driver" % dev, "netdevsim", 70)
    becomes(a, "reporter/%s/dummy.state" % dev, "healthy")
    becomes(a, "resource/%s/IPv4/fib.occ" % dev, lambda v: v is not None)  # its size has no limit
    with open("/sys/kernel/debug/netdevsim/netdevsim10/health/break_health", "w") as f:
        f.write("it broke")
    becomes(a, "reporter/%s/dummy.errors" % dev, 1)
    becomes(a, "reporter/%s/dummy.recoveries" % dev, 1)
    becomes(a, "reporter/%s/dummy.dump_age" % dev, lambda v: v is not None and v < 60 * 10**6)
    becomes(a, "trapgroup/%s/l2_drops.packets" % dev, lambda v: v is not None)
    with open("/sys/bus/netdevsim/del_device", "w") as f:
        f.write("10")
    lab.wait("the device is gone", lambda: a.fact("devlink/%s.driver" % dev) is None, 70, 0.1)
    print("devlink: good", flush=True)


def main():
    os.system("mount -t debugfs none /sys/kernel/debug; modprobe anodnic; modprobe -q netdevsim")
    with Net("router", root="router") as net:
        net.lines("router", "link set nic0 up\nlink set nic1 up")
        a = net.anod(CONFIG, ns="router")
        ethtool(a, net)
        module(a)
        devlink(a)
        for sensor in "ethtool", "module", "devlink":
            for what in "errors", "gaps", "overruns":
                n = a.fact("sensor/%s.%s" % (sensor, what))
                print("%s: %s %s" % (sensor, n, what), flush=True)
        assert a.fact("sensor/ethtool.errors") == 0
        assert a.stop() == 0
    print("the story is over", flush=True)


if __name__ == "__main__":
    main()
