"""What sensors say of a full kernel's devices: one boot, the checks of tests/vm/check_*.py."""
import json
import os
import subprocess
import sys

import pytest

from test_vm import BUILD, HERE, TOP, vm  # noqa: F401 (vm is a fixture)

sys.path.insert(0, HERE)
import sensors  # noqa: E402

MODULES = ("veth bonding 8021q vrf wireguard netdevsim sch_fq_codel sch_cake sch_htb sch_netem "
           "drop_monitor nf_conntrack nf_conntrack_netlink")


def made(*command):
    return subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          cwd=TOP)


@pytest.fixture(scope="module")
def said(vm):  # noqa: F811
    """What the guest said of each check."""
    p = made("tests/deps", "wireguard-tools", "gcc-12", "ethtool")
    if p.returncode:
        pytest.skip("no tools here: " + p.stdout.strip().replace("\n", "; "))
    p = made("tests/vm/module", vm, "netdevsim")
    print(p.stdout)  # without it, its checks are skipped
    p = made("tests/vm/run", vm, "200", "bash", "-c", "modprobe -a -q %s; BUILD=%s exec %s -B %s" % (
        MODULES, BUILD, sys.executable, os.path.join(HERE, "sensors.py")))
    print(p.stdout)
    of = [json.loads(x[8:]) for x in p.stdout.splitlines() if x.startswith("@@check ")]
    return {o["name"]: o for o in of}, p.stdout


@pytest.mark.parametrize("name", [name for name, _ in sensors.checks()])
def test_sensor(said, name):
    of, out = said
    assert name in of, "the guest did not come so far:\n" + out[-3000:]
    if of[name]["what"] == "skipped":
        pytest.skip(of[name]["text"])
    assert of[name]["what"] == "passed", of[name]["text"]
