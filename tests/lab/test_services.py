"""The sensors of services against a real resolver and a real web server behind the uplinks."""
import os
import re
import shutil
import subprocess

import pytest

from common import LINKS, findings
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


def test_who_does_not_answer_is_found_and_cleared(lab):
    """The agents of these sensors, with their waits made short."""
    for name in ("resolver-watch", "service-watch", "compute-far"):
        with open(os.path.join(TOP, "agents", name, name + ".agent")) as f:
            text = re.sub(r"for (10s|30s|1m)", "for 300ms", f.read())
        with open(os.path.join(lab.dir, name + ".agent"), "w") as f:
            f.write(text)
    lab.start("isp1", "dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--no-resolv",
              "--listen-address=" + TARGETS[0], "--bind-interfaces", "--no-hosts",
              "--address=/router.example/192.0.2.99", stdout=subprocess.DEVNULL,
              stderr=subprocess.DEVNULL)
    a = lab.anod(LINKS + SENSORS + "agent resolver-watch { }\nagent service-watch { }\n"
                 "agent compute-far { share 0.02 }\n", args=["--agents", lab.dir])
    wait("all are found", lambda: sorted(findings(a)) == [
        "compute-far", "resolver-failing", "service-failing"])
    words = "".join(a.ctl("show", "I%s" % i["id"]) for i in a.incidents(all=False))
    assert TARGETS[1] + " does not answer as it should" in words
    assert "endpoints-down" in words
    lab.start("isp1", "python3", "-m", "http.server", "8080", "--bind", SERVER, "--directory",
              lab.dir, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait("who answers again is well", lambda: findings(a) == ["resolver-failing"])
