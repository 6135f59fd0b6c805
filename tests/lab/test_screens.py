"""anodctl on a terminal: top, facts --watch, history; with few links and with thousands."""
import json
import os
import re
import resource
import signal
import subprocess
import time

import pytest

from common import LINKS, A_WAY_OUT, STEER, uplink
from lab import BUILD, Lab, Stream, run, wait
from screen import DOWN, END, HOME, PAGE_DOWN, UP, Screen

CONFIG = (LINKS.replace("link wan0 { role uplink }", "link wan0 { role uplink  capacity 1Mbps }") +
          A_WAY_OUT + STEER + uplink())


@pytest.fixture
def anod(lab):
    return lab.anod(CONFIG)


@pytest.fixture
def open_screen(request):
    made = []

    def start(a, *args, cols=80, rows=24, env=None):
        s = Screen(["ip", "netns", "exec", a.lab.ns("router"), os.path.join(BUILD, "anodctl"),
                    "--socket", os.path.join(a.rundir, "anod.sock"), *args], cols, rows, env)
        made.append(s)
        return s
    yield start
    for s in made:
        s.close()


def given_back(s):
    """The terminal is as it was: main screen, cursor, echo and line mode."""
    return not s.alternate and not s.hidden and s.raw.endswith(b"\x1b[?1049l")


def names(text):
    """The links in the table, from top to bottom."""
    rows = text.split("\n")
    head = [n for n, row in enumerate(rows) if re.match(r"!v?\s+LINK|!\^?\s+LINK", row)][0]
    return [row[2:].split()[0] for row in rows[head + 1:-1] if row.strip()]


# ---- top ----

@pytest.mark.parametrize("cols,rows", [(80, 24), (200, 60)])
def test_top_shows_the_links_and_gives_the_terminal_back(lab, anod, open_screen, cols, rows):
    traffic = Stream(lab)
    s = open_screen(anod, "top", cols=cols, rows=rows)
    s.until("rates are there", lambda t: re.search(r"wan0 +up +uplink +\d+k +\d+k", t))
    assert names(s.text()) == ["lan0", "lo", "wan0", "wan1"]
    assert "4 links: 4 up" in s.line(0) and "no open incident" in s.line(0)
    assert re.search(r"wan0 .* \d+% ", s.text()), s.text()
    assert s.line(rows - 1).startswith("1-4 of 4"), s.text()
    assert s.alternate and s.hidden
    if cols == 200:
        assert "ALIAS" in s.text() and "JITTER" in s.text()
    lab.carrier("wan0", False)
    s.until("the incident is marked", lambda t: re.search(r"^! wan0 +down", t, re.M))
    s.until("1 open incident")
    assert not any(line.rstrip() != line for line in s.text().split("\n"))
    s.keys("q")
    assert s.end() == 0 and given_back(s)
    assert traffic.stats()["got"] > 0


def test_keys_sort_filter_pause_and_explain(lab, anod, open_screen):
    s = open_screen(anod, "top", "--sort", "state", "--every", "0.2s")
    lab.carrier("wan1", False)
    s.until("what is down comes first", lambda t: "STATEv" in t and names(t)[0] == "wan1")
    s.keys("r")
    s.until("and last", lambda t: names(t)[-1] == "wan1")
    s.keys("<")
    s.until("by name", lambda t: "LINKv" in t and names(t) == ["lan0", "lo", "wan0", "wan1"])
    s.keys("/wan\r")
    s.until("two links", lambda t: "2 links like *wan* (of 4)" in t and
            names(t) == ["wan0", "wan1"])
    s.keys("\x1b")
    s.until("all again", lambda t: len(names(t)) == 4)
    s.keys("b")
    s.until("byte/s")
    s.keys("?")
    s.until("an open incident is about this link")
    s.keys("x")
    s.until("LINKv")
    s.keys(" ")
    s.until("PAUSED")
    s.keys(" " + END + "\r")
    text = s.until("the chosen link's facts", lambda t: "facts of wan1" in t and
                   "link/wan1.role " in t)
    assert "unknown: " in text, text
    s.keys("q")
    s.until("back in the table", lambda t: "facts of" not in t and "LINKv" in t)
    s.keys("q")
    assert s.end() == 0 and given_back(s)


def test_a_new_size_is_filled_at_once(anod, open_screen):
    s = open_screen(anod, "top")
    s.until("1-4 of 4")
    for cols, rows in ((120, 40), (40, 10), (10, 3), (1, 1), (80, 24)):
        frames = s.frames
        s.resize(cols, rows)
        s.until("a new frame", lambda t: s.frames > frames + 1)
    assert s.until("1-4 of 4").split("\n")[-1].startswith("1-4 of 4")
    s.keys("q")
    assert s.end() == 0 and given_back(s)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGSEGV,
                                    signal.SIGABRT])
def test_whatever_ends_it_the_terminal_is_given_back(anod, open_screen, number):
    s = open_screen(anod, "top")
    s.until("1-4 of 4")
    s.signal(number)
    status = s.end()
    assert given_back(s)
    assert status == (0 if number == signal.SIGINT else status) and (status != 0 or
                                                                     number == signal.SIGINT)


def test_a_daemon_that_is_gone_is_said_and_found_again(anod, open_screen):
    s = open_screen(anod, "top", "--every", "0.2s")
    s.until("1-4 of 4")
    anod.stop()
    s.until("the daemon is gone")
    s.until("old)")  # how old what is seen is
    assert names(s.text()) == ["lan0", "lo", "wan0", "wan1"]
    anod.up()
    s.until("1-4 of 4")
    s.keys("q")
    assert s.end() == 0


def test_once_and_json_are_for_scripts(anod):
    text = anod.ctl("top", "--once", "--sort", "name")
    assert "\x1b" not in text and names(text + "\n ") == ["lan0", "lo", "wan0", "wan1"]
    data = json.loads(anod.ctl("--json", "top", "--match", "wan*", "--reverse"))
    assert [r["name"] for r in data["rows"]] == ["wan1", "wan0"]
    assert data["totals"]["links"] == 4 and data["totals"]["matched"] == 2
    assert data["rows"][0]["why"]["util"] == "no capacity is configured"
    assert "did you mean 'errors'" in anod.ctl("top", "--sort", "errrors", check=False)


# ---- facts ----

def test_facts_watch_is_a_table_on_a_terminal(lab, anod, open_screen):
    s = open_screen(anod, "facts", "--watch", "link/wan*.carrier*")
    s.until("8 facts like link/wan*.carrier*")
    s.until("link/wan1.carrier_down")
    lab.carrier("wan0", False)
    s.until("a change is marked", lambda t: re.search(r"^\* link/wan0.carrier +false", t, re.M))
    s.keys("/link/lo\r")
    s.until("link/lo.rx_bytes")
    s.keys(END)
    s.until("the end", lambda t: "link/lo.alias" in t)
    s.keys("q")
    assert s.end() == 0 and given_back(s)


def test_facts_watch_is_lines_in_a_pipe(lab, anod):
    out = os.path.join(lab.dir, "watch")
    with open(out, "w") as f:
        p = lab.start("router", os.path.join(BUILD, "anodctl"), "--socket",
                      os.path.join(anod.rundir, "anod.sock"), "facts", "--watch", "link/v*",
                      "link/wan0", "link/lo.rx_bytes", stdout=f)

    def said(*words):
        with open(out) as f:
            return [x for x in f if all(w in x for w in words)]
    wait("it lists what there is", lambda: said("link/wan0.carrier", "true"))
    lab.ip("router", "link", "add", "v1", "type", "veth", "peer", "name", "v2")
    wait("a link that comes", lambda: said("link/v1 came"))
    lab.ip("router", "link", "del", "v1")
    wait("and goes", lambda: said("link/v1 gone"))
    lab.carrier("wan0", False)
    line = wait("a change", lambda: said("link/wan0.carrier = false"))[0]
    assert re.match(r"\d\d:\d\d:\d\d\.\d{3}  link/wan0", line), line
    lab.do("router", "ping", "-c1", "-q", "127.0.0.1", check=False)
    lab.do("router", "bash", "-c", "echo > /dev/udp/127.0.0.1/9", check=False)
    wait("a sampled fact that was named", lambda: said("link/lo.rx_bytes = "))
    assert not said("link/wan0.rx_bytes = "), "nobody named it"
    p.terminate()
    p.wait()


def test_a_reader_that_stops_reading_loses_no_last_value(lab, anod):
    """The daemon goes on, folds what changes meanwhile, and says so."""
    p = lab.start("router", os.path.join(BUILD, "anodctl"), "--socket",
                  os.path.join(anod.rundir, "anod.sock"), "facts", "--watch", "link/wan1*",
                  stdout=subprocess.PIPE, text=True)
    while "link/wan1.alias" not in p.stdout.readline():
        pass
    p.send_signal(signal.SIGSTOP)
    for k in range(300):
        lab.ip("router", "link", "set", "wan1", "alias", "x" * 200 + str(k) if k < 299 else "last")
    wait("the daemon has it", lambda: anod.fact("link/wan1.alias") == "last")
    p.send_signal(signal.SIGCONT)
    seen = ""
    while '"last"' not in seen:
        seen = p.stdout.readline()
        assert seen, "the stream has ended"
    p.terminate()
    p.wait()


# ---- doctor and evidence ----

def test_evidence_has_value_and_age(lab, anod):
    lab.carrier("wan0", False)
    wait("an incident", lambda: anod.incidents())
    story = wait("its evidence", lambda: [x for x in anod.ctl("show", "I1").split("\n")
                                          if "fact" in x and "link/wan0.carrier = false" in x])[0]
    assert re.search(r"link/wan0.carrier = false \(.*old\)", story), story
    evidence = anod.ask("show", id="I1")["incident"]["findings"][0]["evidence"]
    assert any(e["fact"] == "link/wan0.carrier" and e["value"] == "false" and e["age_us"] >= 0
               for e in evidence), evidence
    assert anod.fact("finding/1.agent") == "uplink"


# ---- thousands ----

def many_links(lab, n):
    """n links in the router: pairs of veth, made by one ip process."""
    batch = "".join("link add m%da type veth peer name m%db\n" % (k, k) for k in range(n // 2))
    run("ip", "-n", lab.ns("router"), "-batch", "-", stdin=batch)


def test_five_thousand_links(lab, open_screen):
    many_links(lab, 5000)
    a = lab.anod(LINKS)
    wait("all are known", lambda: a.ask("top", limit=1)["totals"]["links"] == 5004, 60)
    s = open_screen(a, "top", "--every", "0.1s")
    s.until("1-20 of 5004")
    s.keys(END)
    s.until("the last ones", lambda t: "4985-5004 of 5004" in t and "wan1" in t)
    s.keys(HOME + PAGE_DOWN + DOWN + UP)
    s.until("3-22 of 5004")
    s.keys("/m24*a\r")
    s.until("111 links like m24*a (of 5004)")
    frames, cpu = s.frames, host_cpu(a)
    s.until("fifty frames", lambda t: s.frames > frames + 50, 30)
    assert (host_cpu(a) - cpu) / 50 < 0.004 + idle_cpu(a), "of host CPU a frame"
    s.keys("q")
    assert s.end() == 0 and given_back(s)

    facts = open_screen(a, "facts", "--watch", cols=200, rows=60)
    facts.until("1-57 of ")
    facts.keys(END)
    facts.until("the end of them", lambda t: re.search(r"(\d+) of \1 ", t))
    facts.keys("q")
    assert facts.end() == 0
    assert len(a.ctl("facts", "link/*.mtu").strip().split("\n")) == 5005


def host_cpu(a):
    with open("/proc/%d/stat" % a.proc.pid) as f:
        words = f.read().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def idle_cpu(a):
    """Seconds a tenth of a second, with nobody looking."""
    before = host_cpu(a)
    time.sleep(3)
    return (host_cpu(a) - before) / 30


# ---- history ----

def test_history_draws_what_was(lab, anod, open_screen):
    traffic = Stream(lab)
    wait("some seconds are kept", lambda: len([p for p in anod.ask(
        "history", entity="link/wan0", attr="rx_bps")["points"] if p[1]]) > 3)
    for cols, rows in ((80, 24), (200, 60)):
        s = open_screen(anod, "history", "link/wan0", "rx_bytes", "carrier", "--last", "1m",
                        cols=cols, rows=rows)
        assert s.end() == 0
        text = s.text()
        assert re.search(r"link/wan0 rx_b\w+  bit/s", text), text
        assert "link/wan0 carrier" in text and "yes for 100% of the time" in text, text
        assert any("\u2800" < c <= "\u28ff" for c in text), text
        assert max(len(line) for line in text.split("\n")) > cols - 20
    plain = open_screen(anod, "history", "link/wan*", "rx_bps", "--last", "1m",
                        env={"LC_ALL": "C"})
    assert plain.end() == 0
    assert all(ord(c) < 128 for c in plain.text()) and "+---" in plain.text()
    csv = anod.ctl("history", "link/wan0", "rx_bps", "--csv").split("\n")
    assert csv[0] == "time,entity,attr,value,low,high"
    assert re.match(r"20\d\d-.*Z,link/wan0,rx_bps,\d", csv[1]), csv[1]
    data = json.loads(anod.ctl("--json", "history", "link/wan0", "rx_bps"))
    assert data["kept"] and data["points"]
    assert "link/wan0 rx_bps" in anod.ctl("history")
    assert "is no time span" in anod.ctl("history", "link/wan0", "rx_bps", "--last", "x",
                                         check=False)
    assert traffic.stats()["got"] > 0
