"""What the lab tests share: a lab for each test, and when they can run at all."""
import os
import shutil
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "examples", "lab"))
sys.path.insert(0, HERE)
import lab as lab_  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "long: takes minutes; 'make check-long' runs it")


def why_not():
    """The reason for which no lab can be made here, or None."""
    if os.geteuid() != 0:
        return "needs root: network namespaces"
    for tool in ("ip", "nft", "sysctl"):
        if not shutil.which(tool):
            return "needs %s" % tool
    if not os.path.exists(os.path.join(lab_.BUILD, "anod")):
        return "needs %s/anod: make" % lab_.BUILD
    return None


def pytest_collection_modifyitems(config, items):
    why = why_not()
    for item in items if why else ():
        item.add_marker(pytest.mark.skip(reason=why))


@pytest.fixture
def lab(request):
    """A router with two providers; the daemons' last words are shown when the test fails."""
    made = lab_.Lab()
    yield made
    if getattr(request.node, "failed", False):
        for name in sorted(os.listdir(made.dir)):
            if name.endswith(".log"):
                with open(os.path.join(made.dir, name)) as f:
                    print("--- %s\n%s" % (name, "".join(f.readlines()[-40:])))
    made.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    if call.when == "call" and outcome.get_result().failed:
        item.failed = True
