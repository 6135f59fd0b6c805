"""The use cases of tests/usecases that this kernel can play (make lab plays the others, too)."""
import json
import os
import subprocess
import sys

import pytest

from lab import BUILD

RUN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "usecases", "run")


def here():
    """(number, title) of the use cases, with those that need a full kernel marked as skipped."""
    out = subprocess.run([sys.executable, "-B", RUN, "--list"], text=True, check=True,
                         stdout=subprocess.PIPE).stdout
    for line in out.splitlines():
        number, kernel, title = line.split(None, 2)
        marks = [pytest.mark.long] * kernel.endswith("*")
        if kernel.startswith("full"):
            marks.append(pytest.mark.skip(
                reason="needs a full kernel: make lab U=%s" % number[1:]))
        yield pytest.param(number[1:], id="%s %s" % (number, title), marks=marks)


@pytest.mark.parametrize("number", here())
def test_use_case(number, tmp_path):
    results = str(tmp_path / "results.json")
    p = subprocess.run([sys.executable, "-B", RUN, "--quick", "--json", results, number], text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       env=dict(os.environ, BUILD=BUILD))
    print(p.stdout)
    with open(results) as f:
        (result,) = json.load(f)
    if result["status"] == "skipped":
        pytest.skip(result["error"])
    assert result["status"] == "passed" and p.returncode == 0, result["error"]
