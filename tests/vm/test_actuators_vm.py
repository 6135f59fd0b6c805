"""Actuators on a full kernel: fq_codel, cake, fq, codel, WireGuard, the numbers of the machine."""
import os
import subprocess

from test_vm import BUILD, HERE, TOP, vm  # noqa: F401


def test_actuators_on_a_full_kernel(vm):  # noqa: F811
    subprocess.run([os.path.join(TOP, "tests", "deps"), "wireguard-tools"], check=True)
    modules = "for m in nf_conntrack wireguard sch_fq_codel sch_cake sch_fq sch_codel sch_tbf veth; " \
        "do modprobe $m || exit 9; done; "
    p = subprocess.run([os.path.join(HERE, "run"), vm, "170", "env", "ANOD_FULL=1", "sh", "-c",
                        modules + "exec %s/tests/unit -j1 --filter 'exec_full/*'" % BUILD],
                       text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=TOP)
    print(p.stdout)
    assert p.returncode == 0, p.stdout[-4000:]
    assert "Tested: 5 | Passing: 5 | Failing: 0" in p.stdout, p.stdout[-4000:]
