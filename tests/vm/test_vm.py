"""vm - what needs a full kernel: Debian's, booted under qemu on a view of this machine."""
import os
import shutil
import subprocess
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.join(TOP, os.environ.get("BUILD", "build"))
FOLDER = os.path.join(BUILD, "vm")
PACKAGES = ["qemu-system-x86", "busybox-static", "kmod", "cpio", "xz-utils"]


@pytest.fixture(scope="session")
def vm():
    """The folder to boot from, or the reason why there is none."""
    if not shutil.which("qemu-system-x86_64") or not shutil.which("busybox"):
        p = subprocess.run([os.path.join(TOP, "tests", "deps")] + PACKAGES, text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if p.returncode:
            pytest.skip("no qemu-system-x86 here: " + p.stdout.strip().replace("\n", "; "))
    p = subprocess.run([os.path.join(HERE, "setup"), FOLDER], text=True, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT)
    if p.returncode:
        pytest.skip("no kernel to boot: " + p.stdout.strip().replace("\n", "; "))
    return FOLDER


def test_gray_loss_and_a_dead_bond_on_a_full_kernel(vm):
    p = subprocess.run([os.path.join(HERE, "run"), vm, "170", "env", "BUILD=" + BUILD,
                        sys.executable, "-B", os.path.join(HERE, "story.py")], text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=TOP)
    print(p.stdout)
    assert p.returncode == 0, p.stdout[-4000:]
    assert "the story is over" in p.stdout
