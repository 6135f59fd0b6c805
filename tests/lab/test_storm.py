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
    return verify(a)  # which looks twice, for events that were not read yet


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


def test_what_lost_events_is_unknown_until_it_has_been_read_again(lab):
    """The default route's facts while other routes overrun the buffer."""
    a = lab.anod(LINKS + TINY)
    path = "route/main/0.0.0.0/0/100.dev"
    assert a.fact(path) == "wan0"
    seen = set()

    def look():
        f = a.ask("facts", pattern=path)["facts"][0]
        assert f["raw"] == "wan0" or f["why"] == "source out of sync", f
        seen.add(f.get("why"))
        return "source out of sync" in seen

    for verb in ("add", "del"):
        p = lab.start("router", os.path.join(BUILD, "tests", "storm"), verb, ROUTES, "wan0")
        wait("the storm ends", lambda: look() and p.poll() is not None or p.poll() is not None)
        assert p.returncode == 0
    wait("it was unknown meanwhile", lambda: look() or a.fact("sensor/rtnl.resyncs"))
    assert "source out of sync" in seen, "believed although events were lost"
    wait("it is known again", lambda: a.fact(path) == "wan0")
    assert verify(a)["same"]


def test_a_change_is_in_the_picture(lab):
    a = lab.anod(LINKS)
    assert settled(a)["in_sync"]
    lab.ip("router", "route", "add", "10.99.0.0/24", "via", "10.1.0.1")
    wait("the new route is known", lambda: verify(a)["same"])
    assert "10.99.0.0/24" in lab.routes()
    said = a.ctl("doctor", "--verify")
    assert "the same, byte for byte" in said, said
