"""Documentation that runs: the walk-through as it is read, and every policy that pages print."""
import os
import re
import subprocess

import pytest
import walk
from lab import BUILD, TOP

PAGE = os.path.join(TOP, "docs", "walk-through.md")
PERMIT = re.compile(r"^(policy|permit|forbid|cap|invariant|objective|set|budget|window|link|group) ", re.M)

AGENTS = {"uplink": "agent uplink { uplinks wan0, wan1 }\n", "flap": "agent flap { }\n",
          "arp-fixer": "agent arp-fixer plugin triage { }\n"}


def test_the_walk_through_is_true():
    """The lab is that of examples/lab/shell, the block of the page that starts it."""
    host = [b for b in walk.blocks(PAGE) if b.info == ["sh", "host"]]
    assert [c for b in host for _, c, _ in walk.steps(b)] == ["make", "examples/lab/shell"]
    wrong = walk.walk(PAGE)
    assert not wrong, "\n" + "\n".join(wrong)


def test_a_line_that_differs_is_found():
    same = walk.Same()
    assert same.lines(["T1 done by uplink at 01:02:03", "...", "code AAAA-BBBB"],
                      ["T7 done by uplink at 04:05:06", "x", "y", "code 1234-5678"])
    assert same.command("approve T1 AAAA-BBBB") == "approve T7 1234-5678"
    assert not same.lines(["T1 done"], ["T8 done"]), "T1 stands for T7"
    assert not same.lines(["lost 0 of 4"], ["lost 1 of 4"])
    assert not same.lines(["a", "..."], ["b"])
    assert not same.lines(["a"], ["a", "b"]) and not same.lines(["a", "b"], ["a"])


def printed(path):
    """The whole policies that a page prints."""
    with open(os.path.join(TOP, path)) as f:
        text = f.read()
    if path.endswith(".7"):
        for part in re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed", text, re.M | re.S):
            yield re.sub(r"\\&|\\e", lambda m: "\\" if m.group() == "\\e" else "", part)
        return
    for part in re.findall(r"(?:^    .*\n|^\n)+", text, re.M):
        yield re.sub(r"^    ", "", part, flags=re.M)
    for part in re.findall(r"^```\n(.*?)^```", text, re.M | re.S):
        yield part


@pytest.mark.parametrize("path", ["README.md", "docs/policy.md", "docs/objectives.md",
                                  "docs/man/anod-policy.7"])
def test_policies_that_pages_print_load_without_a_warning(path, tmp_path):
    found = 0
    for text in printed(path):
        if not PERMIT.search(text) or re.search(r'^(\$ |test ")', text, re.M) or "{" not in text:
            continue
        found += 1
        # What a page leaves to the reader: links with a role, agents, groups, sets of other blocks.
        need = "" if re.search(r"^policy ", text, re.M) else 'policy "printed"\n'
        if "link wan0" not in text:
            need += "link wan0 { role uplink }\nlink wan1 { role uplink }\n"
        if "set uplinks" not in text and "uplinks" in text:
            need += "set uplinks = link where role == uplink\n"
        for agent, line in AGENTS.items():
            if re.search(r"agent +%s *$" % agent, text, re.M) and \
                    not re.search(r"^agent %s " % agent, text, re.M):
                need += line
        if re.search(r"on +core *$", text, re.M):
            need += "link core0 { role core }\nset core = link where role == core\n"
        for group in re.findall(r"\d of (\w+)", text):
            if "group " + group not in text and "group " + group not in need:
                need += "group %s { root }\n" % group
        file = tmp_path / "printed.conf"
        file.write_text(need + text)
        p = subprocess.run([os.path.join(BUILD, "anod"), "check", str(file)], text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert p.returncode == 0 and "warning" not in p.stdout, "%s\n%s\n%s" % (path, text, p.stdout)
    assert found, "no policy in %s" % path


def test_completion_and_help_know_the_same_commands():
    said = subprocess.run([os.path.join(BUILD, "anodctl"), "--help"], text=True,
                          stdout=subprocess.PIPE).stdout
    known = set(re.findall(r"^  ([a-z]+)", said, re.M)) | {"resume"}
    with open(os.path.join(TOP, "docs", "completion", "anodctl")) as f:
        offered = set(re.search(r'commands="([^"]*)"', f.read()).group(1).split())
    assert offered == known, offered ^ known
    assert max(len(x) for x in said.splitlines()) <= 100
