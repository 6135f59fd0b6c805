"""The sealed ledger of a running daemon: keys, checkpoints, witnesses, and what is done to it."""
import os
import shutil
import signal
import subprocess

from lab import BUILD, wait
from test_peers import giver, peer

PLAIN = 'policy "pe" revision 1\n'


def audit(*args):
    p = subprocess.run([os.path.join(BUILD, "anod-verify")] + list(args), text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return p.returncode, p.stdout


def keep(lab, name, text):
    path = os.path.join(lab.dir, name)
    with open(path, "w") as f:
        f.write(text)
    return path


def words(a, n=1):
    """Records, as an operator makes them."""
    for _ in range(n):
        a.ctl("pause")
        a.ctl("resume")


def test_the_seed_is_shown_once_and_everything_is_good(lab):
    a = lab.anod(PLAIN)
    said = a.ctl("doctor")  # a fresh router is not sick
    assert "note seal" in said and "seed is still" in said and "cure: anodctl ledger key" in said
    seed = keep(lab, "seed", a.ctl("ledger", "key"))
    assert not os.path.exists(os.path.join(a.state, "ledger.seed"))
    assert "carried away" in a.ctl("ledger", "key", check=False)
    assert "sealed from" in a.ctl("doctor", check=False)
    pub = a.ctl("ledger", "pubkey").strip()
    words(a)
    first = keep(lab, "first", a.ctl("ledger", "checkpoint"))
    a.ctl("ledger", "rotate")
    assert a.ctl("ledger", "pubkey").strip() != pub
    words(a, 3)
    last = keep(lab, "last", a.ctl("ledger", "checkpoint"))
    args = ["--key", seed, "--pub", pub, "--witness", first, "--witness", last]
    status, out = audit(*args, a.state)
    assert status == 0 and "covered up to record" in out and "by a key that you gave" in out, out
    assert "good" in a.ctl("ledger", "verify")
    assert [o["did"] for o in a.ledger("operator")][0] == "ledger key"
    assert "sealed from line 1" in a.ctl("ledger")
    a.stop()
    assert a.ledger()[-1]["kind"] == "checkpoint", "the last word of a clean stop"
    assert audit(*args, "--strict", a.state)[0] == 0
    for name in ("ledger.key", "ledger.sign"):
        assert os.stat(os.path.join(a.state, name)).st_mode & 0o777 == 0o600

    # Whoever cuts the end off is seen by who has a witness's note.
    path = os.path.join(a.state, "ledger.jsonl")
    with open(path) as f:
        lines = f.readlines()
    with open(path, "w") as f:
        f.writelines(lines[:8])
    assert audit("--key", seed, a.state)[0] == 0
    status, out = audit(*args, a.state)
    assert status == 1 and "truncated" in out, out
    # ... and by the daemon itself, unless the power failed.
    a.up()
    assert a.logged("the machine was not down")
    assert "the machine was not down" in a.ctl("doctor", check=False)
    status, out = audit("--key", seed, a.state)
    assert status == 1 and ":9: cut" in out, out


def test_a_daemon_that_is_killed_goes_on_with_its_key(lab):
    a = lab.anod(PLAIN)
    seed = keep(lab, "seed", a.ctl("ledger", "key"))
    for _ in range(6):
        words(a, 2)
        os.kill(a.proc.pid, signal.SIGKILL)
        a.proc.wait()
        a.up()
    status, out = audit("--strict", "--key", seed, a.state)
    assert status == 0 and "note:" not in out, out
    a.kill()
    os.unlink(os.path.join(a.state, "ledger.key"))
    a.up()
    assert a.logged("ledger.key is missing")
    status, out = audit("--key", seed, a.state)
    assert status == 1 and "key unknown" in out, out
    second = keep(lab, "second", a.ctl("ledger", "key"))
    status, out = audit("--key", seed, "--key", second, a.state)
    assert status == 0 and "epoch 2 begins" in out, out


def test_neighbours_keep_each_others_checkpoints_and_see_a_ledger_that_was_put_back(lab):
    b = giver(lab)
    a = lab.anod(PLAIN + peer(lab, "pe2", "10.1.0.1"))
    words(a, 2)
    size = a.ask("ledger", do="checkpoint")["note"].split("\n")[1]

    def kept(x, who):
        return [o for o in x.ask("ledger", do="witnesses")["kept"] if o["from"] == who]

    wait("pe2 keeps it", lambda: kept(b, "pe1") and
         kept(b, "pe1")[0]["checkpoint"]["size"] >= int(size), 40)
    wait("and says so", lambda: [o for o in a.ask("ledger", do="witnesses")["given"]
                                 if o["peer"] == "pe2" and o["size"] >= int(size)], 40)
    assert "pe2" in a.ctl("ledger", "witnesses")
    note = os.path.join(b.state, "witness", kept(b, "pe1")[0]["file"])
    assert audit("--witness", note, a.state)[0] == 0

    # Another key: the old one introduces it.
    a.ctl("ledger", "rotate")
    wait("pe2 has the new key", lambda: kept(b, "pe1")[0]["pubkey"] ==
         a.ctl("ledger", "pubkey").strip(), 40)

    # All of the folder is put back, keys and all: nothing in it contradicts itself.
    a.stop()
    copy = os.path.join(lab.dir, "copy")
    shutil.copytree(a.state, copy)
    a.up()
    words(a, 20)
    a.ctl("ledger", "checkpoint")
    last = [o for o in a.ledger("checkpoint")][-1]["n"] - 1
    wait("pe2 keeps the last", lambda: kept(b, "pe1")[0]["checkpoint"]["size"] >= last, 40)
    a.stop()
    shutil.rmtree(a.state)
    shutil.copytree(copy, a.state)
    a.up()
    a.ctl("ledger", "checkpoint")
    wait("pe2 says it aloud", lambda: b.logged("put back or written again"), 40)
    wait("and pe1 hears of it", lambda: "does not keep our checkpoint" in
         a.ctl("doctor", check=False), 20)
    assert [o for o in b.ledger("witness") if o["did"] == "contradicts"]
    status, out = audit("--witness", note, a.state)
    assert status == 1, out


def test_a_checkpoint_can_be_carried_by_hand(lab):
    a, b = lab.anod(PLAIN), giver(lab)
    note = keep(lab, "note", a.ctl("ledger", "checkpoint"))
    assert "not known" in b.ctl("ledger", "witness", "add", note, check=False)
    pub = a.ctl("ledger", "pubkey").strip()
    assert b.ctl("ledger", "witness", "add", note, "--pub", pub) == "kept\n"
    assert "already" in b.ctl("ledger", "witness", "add", note)
    assert "no signed checkpoint" in b.ctl("ledger", "witness", "add", keep(lab, "x", "words\n"),
                                           check=False)
    words(a)
    note = keep(lab, "note", a.ctl("ledger", "checkpoint"))
    assert b.ctl("ledger", "witness", "add", note) == "kept\n"
