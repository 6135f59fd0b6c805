"""hygiene - the whole daemon, watched for invalid accesses, undefined behaviour and leaks.

One story - a failover, the way back, a rollback, a reload, every question that anodctl has, a
stop - is run with the build that $BUILD names (of a sanitized one every report fails the test)
and, all in one process, under valgrind.
"""
import glob
import os
import shutil
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "examples", "lab"))
import lab  # noqa: E402

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")

POLICY = """
policy "hygiene" revision %d
link wan0 { role uplink }
link wan1 { role uplink }
group operators { root }
set uplinks = link where role == uplink
agent uplink { uplinks wan0, wan1  clean 1s }
agent flap { }
agent triage { }
endpoint nobody { provider openai  url "http://127.0.0.1:18091/v1"  model "none"
                  tier small  timeout 2s }
invariant "a way out" {
    require count(uplinks up) >= 1
    require new blackhole == 0
    if broken now  allow when not worse
}
permit "steer" {
    agent   uplink
    action  route.replace, route.del
    on      uplinks
    level   %s
    verify  within %s that link.carrier == %s
    confirm after 200ms
}
"""
QUESTIONS = [["status"], ["facts"], ["schema"], ["agents"], ["doctor"], ["incidents", "--all"],
             ["show", "I1"], ["ledger", "verify"], ["pause"], ["resume"],
             ["check", "/dev/null"], ["show", "T999"], ["why", "T99999999999999999999"]]


def ended(anod, state):
    return [o["tx"] for o in anod.ledger("tx") if "transaction" in o and o["state"] == state]


def story(net, anod, slow):
    def wait(what, condition):
        return lab.wait(what, condition, 20 * slow)

    before = net.routes()
    net.carrier("wan0", False)
    wait("a committed repair", lambda: ended(anod, "done"))
    assert net.way() == "wan1"
    net.carrier("wan0", True)
    wait("the way back", lambda: len(ended(anod, "done")) == 2 and net.routes() == before)

    for q in QUESTIONS:
        anod.ctl(*q, check=False)
    anod.ctl("why", "T%d" % ended(anod, "done")[0])

    # What cannot be verified is undone.
    anod.write(POLICY % (2, "auto", "400ms", "false"))
    anod.ctl("reload")
    wait("agents run again", anod._ready)
    net.carrier("wan0", False)
    wait("a rollback", lambda: ended(anod, "rolled back"))
    anod.write("policy {")
    assert "error" in anod.ctl("reload", check=False)

    # A person's word, and a stop with a transaction open.
    net.carrier("wan0", True)
    anod.write(POLICY % (3, "approve by 1 of operators within 10m", "20s", "false"))
    anod.ctl("reload")
    wait("agents run again", anod._ready)
    net.carrier("wan0", False)
    tx = wait("it waits for approval", lambda: [
        o["tx"] for o in anod.ledger("tx") if o["state"] == "waiting"])[-1]
    anod.approve(tx)
    wait("it is applied", lambda: net.way() == "wan1")
    assert anod.stop() == 0


def reports(pattern):
    out = ""
    for name in glob.glob(pattern):
        with open(name, errors="replace") as f:
            # Lines of valgrind that begin with "--" are about valgrind.
            out += "".join(line for line in f if not line.startswith("--"))
    return out


@pytest.mark.parametrize("args", [[], ["--single"]], ids=["processes", "single"])
def test_the_build_runs_a_whole_story(args, tmp_path, monkeypatch):
    log = str(tmp_path / "report")
    monkeypatch.setenv("ASAN_OPTIONS", "detect_leaks=%d:log_path=%s" % ("--single" in args, log))
    monkeypatch.setenv("UBSAN_OPTIONS", "print_stacktrace=1:log_path=" + log)
    monkeypatch.setenv("LSAN_OPTIONS", "suppressions=%s" % os.path.join(HERE, "..", "lsan.supp"))
    with lab.Lab() as net:
        anod = net.anod(POLICY % (1, "auto", "4s", "true"), args=args)
        story(net, anod, 3 if "san" in lab.BUILD else 1)
        said = anod.tail(1000)
    assert not reports(log + "*")
    assert "Sanitizer" not in said and "runtime error" not in said


@pytest.mark.skipif("san" in lab.BUILD, reason="a sanitized build does not run under valgrind")
@pytest.mark.skipif(not shutil.which("valgrind"), reason="needs valgrind")
def test_valgrind_finds_nothing(tmp_path):
    log = str(tmp_path / "valgrind")
    under = ["valgrind", "--quiet", "--leak-check=full", "--show-leak-kinds=definite",
             "--errors-for-leak-kinds=definite", "--track-fds=no", "--log-file=" + log,
             "--suppressions=" + os.path.join(HERE, "..", "valgrind.supp")]
    with lab.Lab() as net:
        anod = net.anod(POLICY % (1, "auto", "4s", "true"), args=["--single"], under=under)
        story(net, anod, 5)
    assert not reports(log + "*")
