"""The use cases that need a full kernel, all in one boot (see tests/usecases)."""
import json
import os
import subprocess
import sys

import pytest

from test_vm import BUILD, TOP, vm  # noqa: F401 (vm is a fixture)

RUN = os.path.join(TOP, "tests", "usecases", "run")
ENV = dict(os.environ, BUILD=BUILD)


def full():
    out = subprocess.run([sys.executable, "-B", RUN, "--full", "--list"], text=True, check=True,
                         stdout=subprocess.PIPE, env=ENV).stdout
    return [(int(line[1:3]), line.split(None, 2)[2]) for line in out.splitlines()]


@pytest.fixture(scope="module")
def results(vm, tmp_path_factory):  # noqa: F811
    """What came of each."""
    path = str(tmp_path_factory.mktemp("usecases") / "results.json")
    p = subprocess.run([sys.executable, "-B", RUN, "--full", "--json", path], text=True, env=ENV,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    print(p.stdout)
    with open(path) as f:
        return {r["use"]: r for r in json.load(f)}


@pytest.mark.parametrize("number", [pytest.param(n, id="U%02d %s" % (n, t)) for n, t in full()])
def test_use_case(results, number):
    result = results[number]
    if result["status"] == "skipped":
        pytest.skip(result["error"])
    assert result["status"] == "passed", result["error"]
