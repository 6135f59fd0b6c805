"""report - prints results for people, keeps them as JSON, and writes docs/use-cases.md."""
import json
import os
import textwrap

HEAD = """# Use cases, as they were played

Each row is a lab that was played from end to end by `make lab`: a healthy twin with the same traffic, load and noise
(nothing may be found), a look-alike (another fault that resembles it: no action of this kind), the fault itself, and
the way back. This page is written by the run; do not edit it. How a lab is made: `tests/usecases/usecase.py`.

* **detect**: from the fault to the finding. **repair**: from the fault to the moment since when the traffic itself says
  that it is well. **lost**: requests of the traffic that were lost meanwhile; **stalled**: the time in which some were.
* **healthy**, **look-alike**: in how many new readings of the sensor nothing was found and nothing proposed.
* **undo**: who put the router back to what it was before (the agent when the fault has gone, the permit by itself,
  an operator's rollback while the change was watched), and how long that took. The state is compared line by line.
* **kernel**: "here" is the kernel of the machine that played it, "full" Debian's, emulated by qemu without KVM: its
  processors are three to ten times slower, and so are its times.
"""


def seconds(x):
    if x is None:
        return "-"
    return "%.0f ms" % (x * 1000) if x < 1 else "%.1f s" % x


def undo_of(result):
    acts = result["acts"]
    return acts.get("undo") or acts.get("fault", {}).get("undo") or {}


def cells(r):
    f, h, look = (r["acts"].get(x, {}) for x in ("fault", "healthy", "lookalike"))
    u = undo_of(r)
    if r["status"] != "passed":
        words = "**%s**: %s" % (r["status"], r["error"].strip().splitlines()[0][:150])
        return ["U%02d %s" % (r["use"], r["title"]), r["sensor"], r["agent"], r["action"],
                words, "", "", "", "", "", r["kernel"]]
    lost = "%d, %s" % (f["lost"], seconds(f["stalled_s"])) if "lost" in f else "-"
    return ["U%02d %s" % (r["use"], r["title"]), r["sensor"], r["agent"],
            "%s (%s)" % (r["action"], f.get("level", "-")), seconds(f.get("detect_s")),
            seconds(f.get("repair_s")), lost,
            "nothing in %d" % h["readings"] if h else "-",
            "%s in %d" % ("only " + ", ".join(look["findings"]) if look["findings"] else "nothing",
                          look["readings"]) if look else "-",
            "%s, %s" % (u["how"], seconds(u["undo_s"])) if u.get("how") else "nothing to undo",
            r["kernel"]]


def one(r):
    """What came of one use case, for people."""
    print("\nU%02d %s: %s  (%s kernel%s, %s)" % (
        r["use"], r["title"], r["status"].upper(), r["kernel"],
        ": " + r["why"] if r["why"] else "", seconds(r["took_s"])))
    print("  sensor %s; agent %s; action %s" % (r["sensor"], r["agent"], r["action"]))
    acts = r["acts"]
    h, look, f, u = (acts.get(x) for x in ("healthy", "lookalike", "fault", "undo"))
    if h:
        print("  healthy     %s\n              no finding, no proposal in %d readings" % (
            h["what"], h["readings"]))
    if look:
        print("  look-alike  %s\n              %s, no such action in %d readings" % (
            look["what"], "found: " + ", ".join(look["findings"]) if look["findings"]
            else "no finding", look["readings"]))
    if f:
        print("  fault       %s" % f["what"])
        print("              detected in %s, %s: %s" % (
            seconds(f["detect_s"]), f["level"], "; ".join(f["actions"])))
        if "repair_s" in f:
            print("              traffic is well after %s; %d lost, stalled for %s" % (
                seconds(f["repair_s"]), f["lost"], seconds(f["stalled_s"])))
        print("              %s%s" % (f["state"], ": " + f["verified"] if f.get("verified") else ""))
        for name, t in f.get("traffic", {}).items():
            print("              %-8s sent %d, lost %d, slow %d, p50 %s ms, p99 %s ms" % (
                name, t["sent"], t["lost"], t["slow"], t["p50_ms"], t["p99_ms"]))
    u = u or (f or {}).get("undo")
    if u:
        print("  undo        by %s in %s; the router is as before" % (u["how"], seconds(u["undo_s"])))
    for text in ((f or {}).get("words"), (f or {}).get("why")):
        if text:
            print(textwrap.indent(text, "    "))
    if r.get("error"):
        print(textwrap.indent(r["error"].rstrip(), "  ! "))
    print(end="", flush=True)


def merge(path, results):
    """Results of this run over those of earlier ones; a skipped one replaces no other."""
    old = {}
    if os.path.exists(path):
        with open(path) as f:
            old = {r["use"]: r for r in json.load(f)}
    for r in results:
        if r["status"] != "skipped" or r["use"] not in old:
            old[r["use"]] = r
    merged = [old[n] for n in sorted(old)]
    with open(path + ".new", "w") as f:
        json.dump(merged, f, indent=1)
    os.rename(path + ".new", path)
    return merged


def table(path, results):
    """docs/use-cases.md of all results."""
    names = ["use case", "sensor", "agent", "action (level)", "detect", "repair", "lost, stalled",
             "healthy", "look-alike", "undo", "kernel"]
    lines = [HEAD, "| " + " | ".join(names) + " |", "|" + " --- |" * len(names)]
    for r in results:
        lines.append("| " + " | ".join(c.replace("|", "\\|") for c in cells(r)) + " |")
    lines += ["", "## In their own words", ""]
    for r in results:
        f = r["acts"].get("fault", {})
        if r["status"] != "passed" or not f:
            continue
        look, h = r["acts"].get("lookalike", {}), r["acts"].get("healthy", {})
        lines += ["### U%02d %s" % (r["use"], r["title"]), ""]
        lines += ["* healthy twin: %s" % h["what"]] * bool(h)
        lines += ["* look-alike: %s" % look["what"]] * bool(look)
        lines += ["* fault: %s" % f["what"]]
        if r["why"]:
            lines += ["* played in a full kernel: %s" % r["why"]]
        lines += ["", "```", f.get("words", ""), "", f.get("why", ""), "```", ""]
    with open(path + ".new", "w") as f:
        f.write("\n".join(lines).rstrip() + "\n")
    os.rename(path + ".new", path)


def close(results):
    n = {s: sum(r["status"] == s for r in results) for s in ("passed", "failed", "skipped")}
    print("\nuse cases: %d passed, %d failed, %d skipped" % (
        n["passed"], n["failed"], n["skipped"]))
    for r in results:
        if r["status"] == "skipped":
            print("  skipped U%02d: %s" % (r["use"], r["error"]))
