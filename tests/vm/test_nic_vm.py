"""The sensors ethtool, module and devlink against drivers in a full kernel."""
import os
import subprocess
import sys

import pytest

from test_vm import BUILD, HERE, TOP, vm  # noqa: F401 (vm is a fixture)


def module(folder, what):
    p = subprocess.run([os.path.join(HERE, "module"), folder, what], text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=TOP)
    if p.returncode:
        pytest.skip("cannot build %s: %s" % (what, p.stdout.strip().replace("\n", "; ")))


def test_hardware_is_seen_as_its_driver_tells_it(vm):  # noqa: F811
    subprocess.run([os.path.join(TOP, "tests", "deps"), "gcc-12", "ethtool"], check=False)
    module(vm, os.path.join(HERE, "nic"))
    module(vm, "netdevsim")
    p = subprocess.run([os.path.join(HERE, "run"), vm, "240", "env", "BUILD=" + BUILD,
                        sys.executable, "-B", os.path.join(HERE, "nic_story.py")], text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=TOP)
    print(p.stdout)
    assert p.returncode == 0, p.stdout[-4000:]
    for word in "ethtool: good", "module: good", "devlink: good", "the story is over":
        assert word in p.stdout
