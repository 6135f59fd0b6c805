"""The model beside the kernel: random configurations and changes, every look-up compared."""
import os
import random
import subprocess

import pytest

from lab import BUILD

TWIN = os.path.join(BUILD, "tests", "twin")


def twin(cases, timeout):
    """Run it with a seed of its own; the seed is in what it prints."""
    seed = os.environ.get("ANOD_SEED") or str(random.SystemRandom().randrange(1 << 32))
    p = subprocess.run([TWIN, str(cases), seed], text=True, timeout=timeout,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    print(p.stdout)
    if p.returncode == 77:
        pytest.skip(p.stdout.strip())
    assert p.returncode == 0, p.stdout
    said = p.stdout.strip().splitlines()[-1]
    assert " %d cases" % cases in said and " 0 differences" in said
    return said


def doubts(said):
    return float(said.split("in doubt (")[1].split(" %")[0])


def test_the_model_ends_where_the_kernel_does_in_10000_random_cases():
    said = twin(10000, 300)
    # Packets of unknown protocol, port and user are among them, and rules that ask for those.
    assert doubts(said) < 3, said


@pytest.mark.long
def test_the_model_ends_where_the_kernel_does_in_100000_random_cases():
    said = twin(100000, 3000)
    assert doubts(said) < 3, said
