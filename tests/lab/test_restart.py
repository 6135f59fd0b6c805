"""A planned stop and the next start: what is armed goes on, or ends for a reason."""
import array
import os
import signal
import socket
import struct
import subprocess
import sys
import threading

import pytest

from common import LINKS, PLUGINS, ended, is_in, kernel, permit, puppet
from lab import BUILD, Anod, run, wait

ADD = ("route.add", "dst=10.60.0.0/24", "via=10.2.0.1", "dev=wan1", "metric=7")
HELLO, PROTO = 63, 1

# The fd that systemd hands to the next main process is its number 3.
NEXT = """import os, sys
fd = int(sys.argv[1])
if fd != 3:
    os.dup2(fd, 3)
    os.close(fd)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="guardian")
os.execvp(sys.argv[2], sys.argv[2:])
"""


class Systemd:
    """As much of it as keeps descriptors: NOTIFY_SOCKET, and what was stored there."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "notify")
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(self.path)
        self.stored = []
        self.said = []
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            text, more, _, _ = self.sock.recvmsg(4096, socket.CMSG_SPACE(64))
            fds = array.array("i")
            for level, kind, data in more:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    fds.frombytes(data[:len(data) - len(data) % fds.itemsize])
            lines = text.decode().split("\n")
            if "FDSTORE=1" in lines and "FDNAME=guardian" in lines:
                self.stored += list(fds)
            else:
                for fd in fds:
                    os.close(fd)
            if "FDSTOREREMOVE=1" in lines:
                self.let_go()
            self.said += lines

    def let_go(self):
        while self.stored:
            os.close(self.stored.pop())


class Unit(Anod):
    """A daemon under such a systemd."""

    def __init__(self, lab, config, **kw):
        self.systemd = Systemd(lab.dir)
        super().__init__(lab, config, "unit", **kw)

    def spawn(self):
        env = dict(os.environ, NOTIFY_SOCKET=self.systemd.path, FDSTORE="4")
        cmd, fds = [], self.systemd.stored[:1]
        if fds:
            cmd = [sys.executable, "-c", NEXT, str(fds[0])]
        cmd += [os.path.join(BUILD, "anod"), "run", "--state", self.state, "--run", self.rundir,
                "-c", self.config] + self.args
        with open(self.log, "a") as log:
            self.proc = self.lab.start(self.ns, *cmd, stdout=log, stderr=log, env=env,
                                       stdin=subprocess.DEVNULL, pass_fds=fds)


def there(lab):
    return "10.60.0.0/24" in lab.routes()


def gone(pid):
    return not os.path.exists("/proc/%d" % pid)


def soaking(lab, how="socket", handover="60s", confirm="confirm after 3s"):
    """A daemon with T1 in soak; its configuration is then one that proposes nothing."""
    conf = "anod { handover %s }\n" % handover + LINKS + permit("route.add", confirm)
    kind = Unit if how == "store" else Anod
    a = kind(lab, conf + puppet(*ADD), args=PLUGINS)
    is_in(a, "soak")
    a.write(conf + puppet())
    return a


@pytest.mark.parametrize("how", ["socket", "store"])
def test_a_restart_keeps_what_is_armed(lab, how):
    a = soaking(lab, how)
    guardian = a.pids()["guardian"]
    assert a.stop() == 0
    assert there(lab) and not gone(guardian)
    if how == "store":
        wait("the channel is stored", lambda: a.systemd.stored)
    a.up()
    assert a.logged("going on with the guardian of the last run (pid %d), which holds 1" % guardian)
    assert a.pids()["guardian"] == guardian
    assert not os.path.exists(os.path.join(a.state, "guardian.sock"))
    if how == "store":
        wait("the store is empty again", lambda: not a.systemd.stored)
    assert ended(a)["state"] == "done"
    assert there(lab)
    wait("the guardian is one of ours", lambda: a.pids()["guardian"] not in (0, guardian))
    wait("the old one has ended", lambda: gone(guardian))


def undone_by(guardian, lab, a, before):
    wait("it is undone", lambda: not there(lab), 5)
    assert kernel(lab) == before
    wait("the guardian has ended", lambda: gone(guardian))
    a.up()
    assert ended(a)["state"] == "rolled back"


@pytest.mark.parametrize("how", ["socket", "store"])
def test_the_death_of_the_next_daemon_undoes_at_once(lab, how):
    before = kernel(lab)
    a = soaking(lab, how, confirm="confirm after 60s")
    guardian = a.pids()["guardian"]
    a.stop()
    a.up()
    assert there(lab) and a.pids()["guardian"] == guardian
    a.kill()
    undone_by(guardian, lab, a, before)


def test_a_next_daemon_that_dies_while_it_starts_leaves_nothing_between(lab):
    before = kernel(lab)
    a = soaking(lab, handover="4s", confirm="confirm after 60s")
    a.stop()
    for ms in (0, 10, 30, 60, 100):
        a.spawn()
        try:
            a.proc.wait(ms / 1000)
        except subprocess.TimeoutExpired:
            pass
        a.kill()
    wait("it is undone in the end", lambda: not there(lab), 10)
    assert kernel(lab) == before


def test_a_daemon_that_never_comes_is_dead(lab):
    before = kernel(lab)
    a = soaking(lab, handover="1s", confirm="confirm after 60s")
    guardian = a.pids()["guardian"]
    a.stop()
    wait("nobody comes", lambda: a.logged("no new host has come"), 10)
    undone_by(guardian, lab, a, before)


def test_a_stop_for_good_is_told_from_a_restart_by_the_store(lab):
    before = kernel(lab)
    a = soaking(lab, "store", confirm="confirm after 60s")
    a.stop()
    wait("the channel is stored", lambda: a.systemd.stored)
    assert there(lab)
    a.systemd.let_go()  # as "systemctl stop" does
    wait("it is undone", lambda: not there(lab), 5)
    assert kernel(lab) == before


@pytest.mark.parametrize("what", [signal.SIGKILL, signal.SIGINT], ids=["kill", "ctrl-c"])
def test_other_ends_hand_nothing_over(lab, what):
    before = kernel(lab)
    a = soaking(lab, confirm="confirm after 60s")
    a.proc.send_signal(what)
    a.proc.wait(10)
    wait("it is undone", lambda: not there(lab), 5)
    assert kernel(lab) == before


def test_another_version_is_refused_and_nothing_is_lost_silently(lab):
    before = kernel(lab)
    a = soaking(lab, confirm="confirm after 60s")
    a.stop()
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.connect(os.path.join(a.state, "guardian.sock"))
    s.send(struct.pack("=IIQIIii32s", HELLO, 64, 0, PROTO + 1, 0, 0, os.getpid(), b"9.9"))
    answer = s.recv(4096)
    assert struct.unpack_from("=IIQIIi", answer)[5] < 0
    while s.recv(4096):
        pass
    assert kernel(lab) == before, "the end of the channel is the end of the undos"
    assert a.logged("anod 9.9", "protocol %d" % (PROTO + 1))
    a.up()
    assert ended(a)["state"] == "rolled back"


def test_without_anything_armed_nobody_waits(lab):
    a = lab.anod(LINKS, args=PLUGINS)
    guardian = a.pids()["guardian"]
    assert a.stop() == 0
    wait("the guardian has ended", lambda: gone(guardian), 5)
    assert run("ip", "netns", "pids", lab.ns("router")).strip() == ""


def test_a_journal_of_a_newer_format_is_refused_with_the_cure(lab):
    a = lab.anod(LINKS, args=PLUGINS)
    a.stop()
    path = os.path.join(a.state, "journal")
    with open(path, "rb") as f:
        good = f.read(1024)
    newer = bytearray(good)
    for at in (0, 512):
        newer[at + 8:at + 12] = struct.pack("=I", 2)
        newer[at + 256:at + 262] = b"9.9.9\0"
    with open(path, "r+b") as f:
        f.write(newer)
    a.spawn()
    assert a.proc.wait(20) == 1
    assert a.logged("of another format", "written by anod 9.9.9", "Install that version again")
    with open(path, "r+b") as f:
        assert f.read(1024) == bytes(newer), "it is left as it was"
        f.seek(0)
        f.write(good)
    a.up()
