"""play - plays the acts of one use case and says what came of them.

Design. An act is a function of a use case and its daemon that returns what it measured; check()
raises Failed, and a condition that never comes raises RuntimeError with its name. The result of a
use case is a dict that goes through JSON unharmed, because it comes out of the VM that way.
"""
import os
import re
import subprocess
import time
import traceback

from net import Skip
from usecase import Failed, check, clock, sentence, wait


def play(case, acts=("healthy", "lookalike", "fault"), keep=False):
    """Play a use case; its result."""
    out = {"use": case.number, "title": case.title, "sensor": case.sensor, "agent": case.agent,
           "action": case.action, "kernel": case.kernel, "why": case.why, "acts": {},
           "status": "passed"}
    begin = time.monotonic()
    groups = [[x] for x in acts] if case.fresh else [list(acts)]
    try:
        for group in groups:
            stage(case, group, out, keep)
        if "fault" in acts and case.undo == "operator":
            stage(case, ["undo"], out, keep)
    except Skip as e:
        out.update(status="skipped", error=str(e))
    except (Failed, RuntimeError, ValueError, OSError, KeyError, TypeError, IndexError,
            AttributeError, AssertionError, NotImplementedError) as e:
        known = isinstance(e, (Failed, RuntimeError))
        out.update(status="failed", error=str(e) if known else traceback.format_exc())
    out["took_s"] = round(time.monotonic() - begin, 1)
    return out


def stage(case, acts, out, keep):
    """A lab and a daemon, and some acts on it."""
    a = None
    act = acts[0]
    try:
        case.build()
        config = case.config
        if case.vm and not re.search(r"\banod\s*\{", config):
            config += "anod { observe 100% }\n"  # an emulated processor is ten times slower
        if acts == ["undo"]:
            config, n = re.subn(r"\bconfirm\s+after\s+\S+", "confirm after 1h", config)
            check(n, "undo \"operator\" needs \"confirm after\" in the configuration")
        a = case.net.anod(config, args=list(case.anod_args), ns=case.router)
        case.settle(a)
        if case.meter:
            case.meter.flows(case.good)
        for act in acts:
            out["acts"][act] = ACTS[act](case, a)
    except Skip:
        raise
    except BaseException as e:
        said = last_words(a)
        if keep and a:
            said += "\n(kept: %s)" % save(case, a)
        raise Failed("%s: %s\n%s" % (
            act, e if isinstance(e, (Failed, RuntimeError)) else traceback.format_exc(),
            said)) from e
    finally:
        case.leave()
        if case.net:
            case.net.close()
        case.net = case.meter = None
        if case.vm and case.drivers:
            # Devices of a driver outlive their namespace and come back into the first one.
            subprocess.run(["modprobe", "-r", *case.modules], stderr=subprocess.DEVNULL)


def save(case, a):
    path = os.path.join(os.environ.get("BUILD", "build"), "usecases-u%02d.log" % case.number)
    with open(a.log) as f, open(path, "w") as g:
        g.write(f.read())
    return path


def last_words(a):
    """What the daemon has to say when an act fails."""
    if not a:
        return ""
    words = ["--- its last lines", a.tail(15).rstrip()]
    try:
        words += ["--- findings", "\n".join(
            "%s/%s.%s = %s" % (f["kind"], f["entity"], f["attr"], f["raw"])
            for f in a.ask("facts", pattern="finding/*")["facts"])]
        words += ["--- incidents", a.ctl("incidents", "--all", check=False).rstrip()]
        for i in a.incidents()[-2:]:
            words.append(a.ctl("show", "I%d" % i["id"], check=False).rstrip())
    except (OSError, ValueError, RuntimeError) as e:
        words.append("it does not answer: %s" % e)
    return "\n".join(words)


def quiet(case, a, since, what, allowed=()):
    """No finding (but of these codes) and no proposal since line 'since' of the ledger."""
    codes = [f for f in case.open_findings(a) if f[0] not in allowed]
    check(not codes, lambda: "%s: a finding: %s" % (what, codes))
    told = [o["line"]["text"] for o in a.ledger("incident") if o["n"] > since and
            o.get("line", {}).get("kind") == "finding" and
            o["line"]["text"].split(" ")[0] not in allowed]
    check(not told, lambda: "%s: it was found: %s" % (what, told))
    made = [o["actions"] for o in a.ledger("decision") if o["n"] > since]
    check(not made, lambda: "%s: it was proposed: %s" % (what, made))


def healthy(case, a):
    since = case.head(a)
    case.healthy(a)
    n = case.count_readings(a) if case.pulse else 0
    check(n, "a use case needs a pulse: nothing could have been seen")
    quiet(case, a, since, "the healthy twin")
    case.healthy_end(a)
    return {"what": sentence(case.healthy), "readings": n, "findings": 0, "proposals": 0,
            "traffic": case.meter.mark() if case.meter else {}}


def lookalike(case, a):
    since = case.head(a)
    case.lookalike(a)
    if case.lookalike_finding:
        wait("the look-alike is found as %s" % case.lookalike_finding, lambda: [
            f for f in case.open_findings(a) if f[0] == case.lookalike_finding],
            case.detect_within, 0.05)
    n = case.count_readings(a)
    seen = sorted({o["line"]["text"].split(" on ")[0] for o in a.ledger("incident")
                   if o["n"] > since and o.get("line", {}).get("kind") == "finding"})
    check(not set(seen) & set(case.codes()), lambda: "the look-alike was taken for %s" % seen)
    made = case.decisions(a, case.never or case.kinds, since)
    check(not made, lambda: "the look-alike brought %s" % made[0]["actions"])
    text = a.ctl("show", "I%d" % a.incidents()[-1]["id"]) if seen else ""
    case.lookalike_end(a)
    wait("the look-alike's findings are cleared", lambda: not case.open_findings(a),
         case.end_within, 0.05)
    if case.meter:
        wait("traffic is well again", lambda: case.well() is not None, case.end_within, 0.1)
        case.meter.mark()
    return {"what": sentence(case.lookalike), "readings": n, "findings": seen, "proposals": 0,
            "words": text.rstrip()}


def strike(case, a):
    """The fault, the finding and the decision; what was measured, and the transaction's number."""
    since = case.head(a)
    if case.meter:
        case.meter.mark()
    wall, start = time.time(), clock()
    told = case.fault(a)
    if isinstance(told, float):  # the moment, when making it took a while
        wall, start = wall + told - start, told
    wait("%s is found" % case.finding, lambda: case.found_at(a, since), case.detect_within, 0.02)
    detect = case.found_at(a, since) - wall
    made = wait("somebody proposes %s" % " or ".join(case.kinds),
                lambda: case.decisions(a, None, since), case.detect_within, 0.02)[0]
    level = made["decision"]["level"]
    check(level == case.level, lambda: "it was decided \"%s\", not \"%s\": %s" % (
        level, case.level, made["decision"].get("reason")))
    if level == "approve":
        a.approve(made["tx"])
    return {"what": sentence(case.fault), "detect_s": round(max(detect, 0), 3), "level": level,
            "actions": made["actions"], "because": made.get("because"),
            "reason": made["decision"].get("reason")}, made, start


def words(a, made):
    """The incident's own words."""
    text = a.ctl("show", "I%d" % made["incident"]).rstrip() if made.get("incident") else ""
    why = a.ctl("why", "T%d" % made["tx"], check=False).rstrip() if made.get("tx") else ""
    return text, why


def traffic(case, start):
    """Wait until traffic says that it is well; what it cost."""
    if not case.meter:
        return {}
    since = wait("traffic is well", case.well, case.repair_within, 0.1)
    of = case.meter.stats()
    judged = [of[n] for n in case.judged or case.meter.names]
    return {"repair_s": round(max(since - start, 0), 3), "traffic": of,
            "lost": sum(s["lost"] for s in judged),
            "stalled_s": round(max(s["stalled_ms"] for s in judged) / 1000, 3)}


def kept(case, a, tx):
    """Wait until it has ended, or stands until its "undo after"."""
    def ended():
        if tx in a.final():
            return a.final()[tx]["transaction"]
        t = a.ask("show", id="T%d" % tx)["transaction"]
        return t if t["state"] == "commit" else None
    t = wait("T%d is kept" % tx, ended, case.repair_within, 0.05)
    by_itself = case.undo == "after" and t["state"] == "rolled back" and (
        "undo after" in t["why"] or "recovered" in t["why"])
    check(t["state"] in ("commit", "done") or by_itself,
          lambda: "T%d ended %s: %s" % (tx, t["state"], t.get("why")))
    return {"state": "kept" if t["state"] == "commit" else t["state"], "verified": t.get("why")}


def fault(case, a):
    before = case.state()
    out, made, start = strike(case, a)
    if case.level == "propose":
        time_of = case.by_hand(a)
        if time_of is not None:
            out.update(traffic(case, start))
        out["state"] = "proposed"
    else:
        out.update(traffic(case, start))
        out.update(kept(case, a, made["tx"]))
    out["words"], out["why"] = words(a, made)
    if case.undo != "operator":
        out["undo"] = put_back(case, a, before)
    return out


def differs(before, after):
    """Lines that are in one of the two only."""
    x, y = before.splitlines(), after.splitlines()
    return "\n".join(["- " + line for line in x if line not in y] +
                     ["+ " + line for line in y if line not in x])


def same_state(case, before, limit):
    try:
        wait("the router is as before", lambda: case.state() == before, limit, 0.1)
    except RuntimeError as e:
        raise Failed("%s\n%s" % (e, differs(before, case.state()))) from e


def put_back(case, a, before):
    """The fault is gone: the agent, the permit or the use case puts back what was done."""
    start = clock()
    case.fault_end(a)
    if case.undo == "restore":
        case.restore(a)
    same_state(case, before, case.end_within)
    took = clock() - start
    wait("the findings are cleared", lambda: not case.open_findings(a), case.end_within, 0.05)
    if case.meter:
        wait("traffic is well", lambda: case.well() is not None, case.end_within, 0.1)
    return {"how": case.undo, "undo_s": round(took, 3), "same": True}


def undo(case, a):
    """The fault again; a person takes the change back while it is watched."""
    before = case.state()
    _, made, start = strike(case, a)
    tx = made["tx"]
    wait("T%d is verified" % tx, lambda: "soak" in a.states(tx), case.repair_within, 0.05)
    check(case.state() != before, "nothing was changed, so there is nothing to undo")
    start = clock()
    a.ctl("rollback", "T%d" % tx)
    same_state(case, before, case.end_within)
    took = clock() - start
    end = wait("T%d ends" % tx, lambda: a.final().get(tx), case.end_within, 0.05)["transaction"]
    case.fault_end(a)
    return {"how": "operator", "undo_s": round(took, 3), "same": True, "state": end["state"],
            "why": end.get("why")}


ACTS = {"healthy": healthy, "lookalike": lookalike, "fault": fault, "undo": undo}
