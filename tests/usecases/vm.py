"""vm - boots tests/vm/run once for several use cases and hands over its lines as they come."""
import os
import shlex
import shutil
import subprocess

from usecase import BUILD, TOP

FOLDER = os.path.join(BUILD, "vm")
PACKAGES = ["qemu-system-x86", "busybox-static", "kmod", "cpio", "xz-utils"]
# What the labs of a full kernel use; loaded in one go, what is not there is left out.
MODULES = ["veth", "bridge", "tun", "dummy", "bonding", "8021q", "vrf", "wireguard", "ifb",
           "sch_netem", "sch_cake", "sch_fq_codel", "sch_htb", "sch_tbf", "sch_ingress",
           "nf_conntrack", "nf_conntrack_netlink", "nf_tables", "nft_ct", "nft_numgen", "nft_limit",
           "nft_counter", "nft_chain_nat", "inet_diag", "tcp_diag", "udp_diag"]


def prepare(drivers=()):
    """Install and build what a boot needs; why that cannot be, or None."""
    commands = [[os.path.join(TOP, "tests", "deps"), *PACKAGES],
                [os.path.join(TOP, "tests", "vm", "setup"), FOLDER]]
    commands += [[os.path.join(TOP, "tests", "deps"), "gcc-12"]] * bool(drivers)
    commands += [[os.path.join(TOP, "tests", "vm", "module"), FOLDER, d] for d in drivers]
    for command in commands:
        p = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           cwd=TOP)
        if p.returncode:
            return "no full kernel: " + p.stdout.strip().replace("\n", "; ")
    if not shutil.which("qemu-system-x86_64"):
        return "no qemu-system-x86_64"
    return None


def run(command, modules, limit, line):
    """Run a command in the guest; line(text) for each line of its output; its exit status."""
    names = MODULES + [m for m in modules if m not in MODULES]
    script = "modprobe -a -q %s; BUILD=%s exec %s" % (
        " ".join(names), shlex.quote(BUILD), " ".join(shlex.quote(c) for c in command))
    p = subprocess.Popen([os.path.join(TOP, "tests", "vm", "run"), FOLDER, str(limit), "bash", "-c",
                          script], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         stdin=subprocess.DEVNULL, cwd=TOP, errors="replace")
    for text in p.stdout:
        line(text)
    return p.wait()
