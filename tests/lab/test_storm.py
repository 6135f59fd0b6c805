"""100,000 route events as fast as the kernel sends them: afterwards the picture is the kernel's."""
import json
import os
import subprocess

import pytest

from common import LINKS
from lab import BUILD, wait

ROUTES = 100000
TINY = "sensor rtnl { event-buffer 2048 }\n"


def storm(lab, verb):
    """Many messages in one send(), no acknowledgements: faster than ip(8)."""
    lab.do("router", os.path.join(BUILD, "tests", "storm"), verb, str(ROUTES), "wan0")


def verify(a):
    """(is it the same, the whole answer) of 'anodctl doctor --verify'."""
    p = subprocess.run(["ip", "netns", "exec", a.lab.ns("router"), os.path.join(BUILD, "anodctl"),
                        "--socket", os.path.join(a.rundir, "anod.sock"), "--json", "doctor",
                        "--verify"], text=True, stdout=subprocess.PIPE, timeout=60)
    answer = json.loads(p.stdout)
    assert (p.returncode == 0) == answer["same"], p
    return answer


def settled(a):
    """Wait until anod believes its picture; then it has to be the kernel's."""
    wait("the model is in sync", lambda: a.ask("status")["in_sync"], 60)
    answer = wait("it is the same", lambda: verify(a), 1)
    if not answer["same"]:  # events that were not read yet when it said so
        answer = verify(a)
    return answer


def kernel_routes(lab):
    return sum(line.startswith("20.") for line in lab.routes().splitlines())


@pytest.mark.parametrize("buffer", ["usual", "tiny"])
def test_after_a_storm_the_picture_is_the_kernels_byte_for_byte(lab, buffer):
    a = lab.anod(LINKS + (TINY if buffer == "tiny" else ""))
    for verb, left in (("add", ROUTES), ("del", 0)):
        storm(lab, verb)
        answer = settled(a)
        assert answer["same"], {k: v for k, v in answer.items() if k in ("routes", "facts")}
        routes = answer["routes"]
        assert routes["kernel"]["digest"] == routes["anod"]["digest"]
        assert routes["kernel"]["objects"] == routes["anod"]["objects"] >= left
        assert kernel_routes(lab) == left
    overruns = wait("the sensor's health is told", lambda: a.fact("sensor/rtnl.overruns") is not None)
    overruns, resyncs = a.fact("sensor/rtnl.overruns"), a.fact("sensor/rtnl.resyncs")
    if buffer == "tiny":
        assert overruns > 0 and resyncs > 0, "lost without a word"
        assert a.fact("host/self.lost_events") > 0
        assert a.logged("events of kind route were lost")
    else:
        assert resyncs == 0 or overruns > 0


def test_a_change_behind_its_back_is_found(lab):
    """Break it: the daemon is stopped, so what the kernel says now is not what it knows."""
    a = lab.anod(LINKS)
    assert settled(a)["same"]
    a.ctl("status")
    answer = verify(a)
    assert answer["same"] and answer["in_sync"]
    lab.ip("router", "route", "add", "10.99.0.0/24", "via", "10.1.0.1")
    wait("the new route is known", lambda: verify(a)["routes"]["n_differences"] == 0)
