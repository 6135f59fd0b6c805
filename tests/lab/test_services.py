"""The sensors of services against a real resolver and a real web server behind the uplinks."""
import os
import shutil
import subprocess

import pytest

from common import LINKS
from lab import SERVER, TARGETS, TOP, wait

SENSORS = """
sensor dns { resolver %s, %s  name "router.example"  every 200ms  timeout 100ms }
sensor http { url "http://%s:8080/"  every 200ms  timeout 150ms }
sensor compute { endpoint "http://%s:8080/health"  every 200ms  timeout 150ms  target 500ms }
""" % (TARGETS[0], TARGETS[1], SERVER, SERVER)


@pytest.fixture(scope="module", autouse=True)
def dnsmasq():
    if not shutil.which("dnsmasq"):
        subprocess.run([os.path.join(TOP, "tests", "deps"), "dnsmasq-base"], check=False)
    if not shutil.which("dnsmasq"):
        pytest.skip("needs dnsmasq (dnsmasq-base)")


def test_services_are_seen_come_and_go(lab):
    lab.start("isp1", "dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--no-resolv",
              "--listen-address=" + TARGETS[0], "--bind-interfaces", "--no-hosts",
              "--address=/router.example/192.0.2.99", stdout=subprocess.DEVNULL,
              stderr=subprocess.DEVNULL)
    web = lab.start("isp1", "python3", "-m", "http.server", "8080", "--bind", SERVER,
                    "--directory", lab.dir, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    a = lab.anod(LINKS + SENSORS)
    wait("the resolver answers", lambda: a.fact("resolver/%s.up" % TARGETS[0]))
    assert a.fact("resolver/%s.rcode" % TARGETS[0]) == "NOERROR"
    wait("nobody answers there", lambda: (a.fact("resolver/%s.lost" % TARGETS[1]) or 0) >= 2)
    assert not a.fact("resolver/%s.up" % TARGETS[1])

    page = "http/%s:8080/" % SERVER
    wait("the page is there", lambda: a.fact(page + ".up"))
    assert a.fact(page + ".status") == 200 and a.fact(page + ".answer") > 0
    # The health page is not there (404), which is an answer all the same.
    wait("the endpoint is near", lambda: a.fact("computing/all.endpoints_fast") == 1)
    web.terminate()
    wait("the page is gone", lambda: a.fact(page + ".up") is False)
    assert "refused" in a.fact(page + ".error")
    wait("so is the endpoint", lambda: a.fact("computing/all.endpoints_up") == 0)
    assert a.fact(page + ".status") is None


def test_a_lost_way_is_a_lost_answer(lab):
    a = lab.anod(LINKS + SENSORS)
    lab.carrier("wan0", False)
    lab.carrier("wan1", False)
    lost = a.fact("resolver/%s.lost" % TARGETS[0]) or 0
    wait("answers are lost", lambda: (a.fact("resolver/%s.lost" % TARGETS[0]) or 0) > lost + 2)
    assert a.fact("http/%s:8080/.up" % SERVER) is False
