"""The model beside a full kernel: as tests/lab/test_twin.py, with VRF and MPLS."""
import os
import random
import subprocess

from test_vm import BUILD, HERE, TOP, vm  # noqa: F401 (vm is a fixture)

MODULES = "for m in veth bridge tun vrf mpls_router mpls_iptunnel; do modprobe $m; done; "


def guest(folder, command, limit=300):
    p = subprocess.run([os.path.join(HERE, "run"), folder, str(limit), "bash", "-c",
                        MODULES + command], text=True, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, cwd=TOP)
    print(p.stdout)
    assert p.returncode == 0, p.stdout[-8000:]
    return p.stdout


def test_the_model_ends_where_a_kernel_with_vrf_does(vm):  # noqa: F811
    seed = os.environ.get("ANOD_SEED") or str(random.SystemRandom().randrange(1 << 32))
    said = guest(vm, "exec %s/tests/twin 1500 %s" % (BUILD, seed))
    assert " 1500 cases" in said and " 0 differences" in said
    assert "no VRF" not in said


def test_the_kernel_takes_and_shows_labels(vm):  # noqa: F811
    said = guest(vm, "exec %s/tests/unit --filter 'mpls_kernel/*' 2>&1" % BUILD)
    assert "Failing: 0" in said and "Tested: 1" in said
    assert "SKIP" not in said
