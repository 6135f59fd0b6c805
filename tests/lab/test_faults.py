"""faults - what breaks under the daemon ends in a state with a name, and nothing changes unrecorded.

Disks (full, read-only, failing syncs, files cut or damaged or gone), a wall clock that steps,
interfaces that are renamed or made again, processes that cannot start or hang.
"""
import os
import shutil
import signal
import stat
import struct
import subprocess

import pytest

from common import LINKS, PLUGINS, ended, is_in, kernel, permit, puppet
from lab import BUILD, Anod, run, wait

ADD = ("route.add", "dst=10.60.0.0/24", "via=10.2.0.1", "dev=wan1", "metric=7")
AGAIN = ("route.add", "dst=10.61.0.0/24", "via=10.1.0.1", "dev=wan0", "metric=7")
SAN = "san" in BUILD
YEARS = 10 * 365 * 86400
EIO, EROFS = 5, 30
INTENT, COMMIT, TERMINAL = 1, 4, 16  # core/txn/journal.h


class Faults:
    """The switches of tests/lab/fault/fault.c."""

    def __init__(self, lab):
        self.path = os.path.join(lab.dir, "faults")
        self.set()

    def set(self, wall=0, sync=0, write=0, exec_ends=0):
        with open(self.path, "r+b" if os.path.exists(self.path) else "wb") as f:
            f.write(struct.pack("<qiiii", wall, sync, write, exec_ends, 0))

    def under(self):
        return ["env", "LD_PRELOAD=" + os.path.join(BUILD, "tests", "fault.so"),
                "ANOD_FAULTS=" + self.path]


@pytest.fixture
def faults(lab):
    if SAN:
        pytest.skip("AddressSanitizer wants to be the first library")
    return Faults(lab)


class Disk:
    """A small file system of its own for the state folder."""

    def __init__(self, lab, name="anod", size="24M"):
        self.path = os.path.join(lab.dir, name + ".state")
        os.mkdir(self.path, 0o700)
        run("mount", "-t", "tmpfs", "-o", "mode=700,size=" + size, "anod-test", self.path)

    def fill(self):
        self.ballast = os.path.join(self.path, "ballast")
        with open(self.ballast, "wb", buffering=0) as f:
            step = 1 << 20
            while step >= 512:
                try:
                    if f.write(b"x" * step) < step:
                        step //= 2
                except OSError:
                    step //= 2

    def free(self):
        os.unlink(self.ballast)

    def remount(self, how):
        run("mount", "-o", "remount," + how, self.path)

    def close(self):
        run("umount", "-l", self.path, check=False)


@pytest.fixture
def disk(lab):
    try:
        d = Disk(lab)
    except RuntimeError as e:
        pytest.skip("no tmpfs can be mounted here: %s" % e)
    yield d
    d.close()


def propose(lab, *clauses, **kw):
    """A daemon whose puppets add a route when wan0 loses its carrier, and another for wan1."""
    under = kw.pop("under", ())
    text = LINKS + puppet(*ADD, when="link.wan0.carrier == false") + \
        puppet(*AGAIN, name="second", when="link.wan1.carrier == false") + \
        permit("route.add", *clauses, agent="any")
    return lab.anod(text, args=PLUGINS + kw.pop("args", []), under=under, **kw)


def records(a):
    """{transaction: the types of its journal records}, from the file as it is."""
    out = {}
    with open(os.path.join(a.state, "journal"), "rb") as f:
        data = f.read()
    at = 1024
    while at + 512 <= len(data):
        magic, _, _, _, _, part, parts, _ = struct.unpack_from("<IIQIIHHI", data, at)
        if magic == 0x4a444e41 and part == 0:
            kind, _, tx = struct.unpack_from("<IIQ", data, at + 32)
            out.setdefault(tx, []).append(kind)
        at += 512
    return out


def warned(a, *words):
    return any(all(w in text for w in words) for text in a.ask("status")["warnings"])


def doctor(a, name):
    return [c for c in a.ask("doctor")["checks"] if c["name"] == name and c["ok"] is False]


def good(a):
    assert "good" in a.ctl("ledger", "verify", "--state", a.state)


# ---- disks -----------------------------------------------------------------------------------

def test_on_a_full_disk_nothing_is_changed_and_it_is_said(lab, disk):
    before = kernel(lab)
    a = propose(lab)
    disk.fill()
    # The last page of the ledger has room for a line or two.
    for _ in range(40):
        a.ctl("pause", check=False)
        a.ctl("resume", check=False)
    lab.carrier("wan0", False)
    wait("it is said", lambda: warned(a, "cannot be written"))
    assert doctor(a, "journal") and "disk" in doctor(a, "journal")[0]["cure"]
    lab.carrier("wan0", True)
    assert "10.60.0.0" not in kernel(lab)

    disk.free()
    assert a.stop() == 0
    a.up()
    assert kernel(lab) == before
    lab.carrier("wan0", False)
    wait("it works again", lambda: "10.60.0.0" in lab.routes())
    wait("it is told", lambda: "done" in [t["transaction"]["state"] for t in a.final().values()])
    good(a)


def test_a_disk_that_is_full_at_the_start_is_told_with_the_cure(lab, disk):
    disk.fill()
    with pytest.raises(RuntimeError) as e:
        lab.anod(LINKS)
    assert "free some space" in str(e.value), e.value


def test_a_disk_that_becomes_read_only_stops_all_changes(lab, faults):
    """As after an error of the medium (errors=remount-ro): writes fail, what is open stays open."""
    before = kernel(lab)
    a = propose(lab, under=faults.under())
    faults.set(write=EROFS, sync=EROFS)
    lab.carrier("wan0", False)
    wait("it is said", lambda: warned(a, "cannot be written"), 20)
    lab.carrier("wan0", True)
    assert kernel(lab) == before
    assert not [t for t, k in records(a).items() if INTENT in k]
    a.stop()
    faults.set()
    a.up()
    assert not warned(a, "cannot be written")


def test_a_read_only_disk_at_the_start_is_told(lab, disk):
    disk.remount("ro")
    with pytest.raises(RuntimeError) as e:
        lab.anod(LINKS)
    assert "Read-only" in str(e.value) and "anod.state" in str(e.value), e.value


@pytest.mark.parametrize("when", ["intent", "soak"])
def test_a_sync_that_fails_is_final(lab, faults, when):
    """R7: no retry; nothing more is applied.

    Runtime state is synced beside the loop, so the failure may come behind COMMIT: it then stands,
    as its record says, which every reader sees until the power goes, and with it the change."""
    a = propose(lab, "confirm after 1500ms", under=faults.under())
    if when == "intent":
        faults.set(sync=EIO)
    lab.carrier("wan0", False)
    if when == "soak":
        is_in(a, "soak")
        faults.set(sync=EIO)
    wait("it is said", lambda: warned(a, "cannot be written"), 20)
    t = ended(a)
    assert t["state"] in ("done", "failed", "denied", "rolled back"), t
    assert ("10.60.0.0" in lab.routes()) == (t["state"] == "done")
    assert doctor(a, "journal")
    lab.carrier("wan0", True)
    lab.carrier("wan1", False)
    wait("nothing more is changed", lambda: a.final().get(2) or a.logged("second: verdict 4"))
    assert "10.61.0.0" not in lab.routes()
    now = kernel(lab)
    faults.set()
    a.stop()
    a.write(LINKS)
    a.up()
    assert not warned(a, "cannot be written")
    wait("all have ended", lambda: all(k[-1] >= TERMINAL for k in records(a).values()))
    assert kernel(lab) == now


@pytest.mark.parametrize("damage", ["cut", "byte", "zero", "garbage"])
def test_a_damaged_journal_is_survived_or_refused_by_name(lab, damage):
    before = kernel(lab)
    a = propose(lab, "confirm after 20s")
    lab.carrier("wan0", False)
    is_in(a, "soak")
    a.kill()
    wait("the guardian undoes", lambda: "10.60.0.0" not in lab.routes())
    lab.carrier("wan0", True)
    path = os.path.join(a.state, "journal")
    with open(path, "r+b") as f:
        if damage == "cut":
            f.truncate(1024 + 512 + 100)
        elif damage == "byte":
            f.seek(1024 + 700)
            f.write(b"\xff")
        elif damage == "zero":
            f.write(bytes(8192))
        else:
            f.write(os.urandom(4096))
    a.write(LINKS)
    a.spawn()
    if damage in ("cut", "byte"):
        wait("anod answers", a._ready)
        lost = a.final().get(1)
        assert lost is None or lost["transaction"]["state"] in (
            "stuck", "rolled back", "aborted"), lost
    else:
        assert a.proc.wait(20) != 0
        assert a.logged("journal"), a.tail()
        assert a.logged("its head cannot be read", "move it away"), a.tail()
    assert kernel(lab) == before


def test_a_journal_that_is_cut_while_it_runs(lab):
    a = propose(lab, "confirm after 1s")
    before = kernel(lab)
    os.truncate(os.path.join(a.state, "journal"), 0)
    lab.carrier("wan0", False)
    wait("it ends", lambda: a.final().get(1), 20)
    pids = a.pids()
    a.kill()
    wait("the guardian has ended", lambda: not os.path.exists("/proc/%d" % pids["guardian"]))
    lab.carrier("wan0", True)
    state = a.final()[1]["transaction"]["state"]
    assert state in ("done", "failed", "rolled back"), state
    assert ("10.60.0.0" in kernel(lab)) == (state == "done")
    assert state != "done" or kernel(lab) != before


def test_a_state_folder_that_is_removed_under_the_daemon(lab):
    before = kernel(lab)
    a = propose(lab)
    os.rename(a.state, a.state + ".old")
    lab.carrier("wan0", False)
    wait("it goes on with the files that it has open", lambda: "10.60.0.0" in lab.routes(), 20)
    a.kill()
    lab.carrier("wan0", True)
    shutil.rmtree(a.state, ignore_errors=True)
    os.rename(a.state + ".old", a.state)
    a.write(LINKS)
    a.up()
    t = ended(a)
    assert ("10.60.0.0" in kernel(lab)) == (t["state"] == "done"), t
    assert t["state"] == "done" or kernel(lab) == before
    good(a)


# ---- clocks ----------------------------------------------------------------------------------

@pytest.mark.parametrize("step", [YEARS, -YEARS])
def test_the_wall_clock_steps_by_ten_years_and_deadlines_stand(lab, faults, step):
    """C19, with a step while one soaks, while one waits for its undo, and back."""
    a = propose(lab, "confirm after 1s", "undo after 3s", under=faults.under())
    lab.carrier("wan0", False)
    is_in(a, "soak")
    faults.set(wall=step)
    wait("it stands", lambda: a.ask("show", id="T1")["transaction"]["state"] == "commit")
    assert "10.60.0.0" in lab.routes()
    faults.set(wall=0)
    t = ended(a)
    assert t["state"] == "rolled back" and "undo after" in t["why"], t
    assert "10.60.0.0" not in lab.routes()
    assert a.ask("status")["warnings"] is not None
    good(a)
    faults.set(wall=step)
    a.kill()
    a.write(LINKS)
    a.up()
    good(a)


# ---- interfaces ------------------------------------------------------------------------------

def wan1_in_soak(lab):
    a = lab.anod(LINKS + puppet("link.set", "dev=wan1", "mtu=1400bytes") +
                 permit("link.set", "confirm after 20s"), args=PLUGINS)
    is_in(a, "soak")
    return a


def comes_back_to_another(a):
    a.kill()
    a.write(LINKS)
    a.up()
    t = ended(a)
    assert t["state"] in ("superseded", "stuck"), t


def test_an_interface_that_is_renamed_in_soak_is_left_alone(lab):
    """C17: the name may be another's by now."""
    a = wan1_in_soak(lab)
    lab.ip("router", "link", "set", "wan1", "name", "old1")
    lab.ip("router", "link", "add", "wan1", "type", "veth", "peer", "name", "far1")
    lab.ip("router", "link", "set", "wan1", "mtu", "1400")
    comes_back_to_another(a)
    out = lab.ip("router", "link", "show", "wan1") + lab.ip("router", "link", "show", "old1")
    assert out.count("mtu 1400") == 2, "another interface was touched: " + out


def test_an_interface_that_is_deleted_and_made_again_is_another(lab):
    a = wan1_in_soak(lab)
    index = lab.ip("router", "-o", "link", "show", "wan1").split(":")[0]
    lab.ip("router", "link", "del", "wan1")
    lab.ip("router", "link", "add", "wan1", "index", index, "type", "veth", "peer", "name", "far1")
    lab.ip("router", "link", "set", "wan1", "mtu", "1400")
    comes_back_to_another(a)
    assert "mtu 1400" in lab.ip("router", "link", "show", "wan1")


# ---- processes -------------------------------------------------------------------------------

def installed(lab):
    """A copy of the programs, so that one of them can be taken away."""
    folder = os.path.join(lab.dir, "bin")
    os.mkdir(folder)
    for name in ("anod", "anodctl", "anod-guardian", "anod-infer.so"):
        shutil.copy2(os.path.join(BUILD, name), folder)
    os.symlink(os.path.join(BUILD, "plugins"), os.path.join(folder, "plugins"))
    return folder


class Copied(Anod):
    """A daemon from a copy of the build folder."""

    def __init__(self, lab, folder, config):
        self.folder = folder
        super().__init__(lab, config, args=PLUGINS)

    def spawn(self):
        with open(self.log, "a") as log:
            self.proc = self.lab.start("router", os.path.join(self.folder, "anod"), "run",
                                       "--state", self.state, "--run", self.rundir, "-c",
                                       self.config, *self.args, stdout=log, stderr=log,
                                       stdin=subprocess.DEVNULL)


def swap(path, text, mode=0o755):
    with open(path + ".new", "w") as f:
        f.write(text)
    os.chmod(path + ".new", mode)
    os.rename(path + ".new", path)


BROKEN = {
    "missing": ("No such file", None),
    "not executable": ("Permission denied", None),
    "no program": ("cannot be executed", "nothing"),
    "ends": ("status 4", "#!/bin/sh\nexit 4\n"),
}


@pytest.mark.parametrize("how", sorted(BROKEN))
def test_a_guardian_that_cannot_start_lets_proposals_wait(lab, how):
    before = kernel(lab)
    folder = installed(lab)
    path = os.path.join(folder, "anod-guardian")
    words, text = BROKEN[how]
    kept = path + ".kept"
    shutil.copy2(path, kept)
    if how == "missing":
        os.unlink(path)
        if os.path.exists("/usr/lib/anod/anod-guardian"):
            pytest.skip("another guardian is installed here")
    elif how == "not executable":
        os.chmod(path, stat.S_IRUSR)
    else:
        swap(path, text)
    a = Copied(lab, folder, LINKS + puppet(*ADD) + permit("route.add"))
    is_in(a, "waiting")
    wait("the reason is told", lambda: warned(a, "no guardian", words))
    assert words in doctor(a, "guardian")[0]["text"]
    shown = a.ask("show", id="T1")["transaction"]
    assert "guardian" in shown["why"], shown
    assert kernel(lab) == before and not records(a)

    os.rename(kept, path)
    wait("it is done once there is one", lambda: a.final().get(1), 30)
    assert ended(a)["state"] == "done"
    assert not doctor(a, "guardian") and not warned(a, "no guardian")
    good(a)


def test_a_guardian_that_is_gone_for_good_takes_open_changes_back(lab):
    before = kernel(lab)
    folder = installed(lab)
    a = Copied(lab, folder, LINKS + puppet(*ADD) + permit("route.add", "confirm after 20s"))
    is_in(a, "soak")
    swap(os.path.join(folder, "anod-guardian"), "#!/bin/sh\nexit 4\n")
    os.kill(a.pids()["guardian"], signal.SIGKILL)
    t = ended(a)
    assert t["state"] == "rolled back" and "guardian" in t["why"], t
    wait("before", lambda: kernel(lab) == before)
    good(a)


def test_an_executor_that_cannot_start_lets_proposals_wait(lab, faults):
    before = kernel(lab)
    faults.set(exec_ends=1)
    a = lab.anod(LINKS + puppet(*ADD) + permit("route.add"), args=PLUGINS, under=faults.under())
    is_in(a, "waiting")
    wait("the reason is told", lambda: warned(a, "no executor", "status 3"))
    assert "status 3" in doctor(a, "executor")[0]["text"]
    assert kernel(lab) == before and not records(a)
    faults.set()
    wait("it is done once there is one", lambda: a.final().get(1), 30)
    assert ended(a)["state"] == "done"
    good(a)


@pytest.mark.parametrize("process", ["guardian", "exec"])
def test_a_process_that_hangs_is_replaced(lab, process):
    a = propose(lab)
    pid = a.pids()[process]
    os.kill(pid, signal.SIGSTOP)
    lab.carrier("wan0", False)
    wait("it is replaced", lambda: a.logged(process, "does not answer"), 20)
    t = ended(a)
    assert t["state"] in ("aborted", "failed"), t
    wait("a new one is there", lambda: a.pids()[process] not in (0, pid))
    assert "10.60.0.0" not in lab.routes()
    lab.carrier("wan0", True)
    lab.carrier("wan1", False)
    wait("it works again", lambda: "10.61.0.0" in lab.routes(), 20)
    good(a)


def test_a_host_that_is_stopped_past_the_deadline_commits_nothing(lab):
    """C18: the guardian has begun, so the host has to go back when it wakes up."""
    before = kernel(lab)
    a = propose(lab, "verify within 300ms", "confirm after 700ms")
    lab.carrier("wan0", False)
    is_in(a, "soak")
    os.kill(a.pids()["host"], signal.SIGSTOP)
    wait("the guardian undoes", lambda: "10.60.0.0" not in lab.routes(), 20)
    a.proc.send_signal(signal.SIGCONT)
    t = ended(a)
    assert t["state"] == "rolled back", t
    lab.carrier("wan0", True)
    wait("before", lambda: kernel(lab) == before)
    assert records(a)[1].count(COMMIT) == 0, "COMMIT: %s" % records(a)
    good(a)
