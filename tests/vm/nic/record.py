#!/usr/bin/python3 -B
"""record - asks the kernel over generic netlink and writes its answers to files.

usage: record.py FAMILY FOLDER CMD[:ATTR]...    Each CMD is dumped; ATTR is its header attribute
       (ethtool), or 0 for none. FOLDER/FAMILY-CMD then holds the messages as they came.
       record.py FAMILY - CMD...                the same as hexadecimal lines on standard output

How the corpora of tests/fuzz/corpus/{ethtool,devlink} were made, in the guest of tests/vm/run.
"""
import os
import socket
import struct
import sys

GENL_ID_CTRL, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME = 16, 3, 1, 2
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 1, 4, 0x300
NETLINK_GENERIC = 16
NLMSG_ERROR, NLMSG_DONE = 2, 3


def attr(kind, data):
    return struct.pack("=HH", 4 + len(data), kind) + data + b"\0" * (-len(data) % 4)


def ask(s, family, cmd, attrs, flags):
    """All messages of the answer."""
    s.send(struct.pack("=IHHIIBBH", 20 + len(attrs), family, NLM_F_REQUEST | flags, 1, 0, cmd, 1,
                       0) + attrs)
    found = []
    while True:
        data = s.recv(1 << 16)
        while len(data) >= 16:
            size, kind = struct.unpack_from("=IH", data)
            if kind in (NLMSG_ERROR, NLMSG_DONE):
                return found
            found.append(data[:size])
            data = data[(size + 3) & ~3:]
            if not flags & NLM_F_DUMP:
                return found


def main():
    name, folder = sys.argv[1:3]
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_GENERIC)
    s.bind((0, 0))
    info = ask(s, GENL_ID_CTRL, CTRL_CMD_GETFAMILY,
               attr(CTRL_ATTR_FAMILY_NAME, name.encode() + b"\0"), 0)[0]
    at, family = 20, 0
    while at + 4 <= len(info):
        size, kind = struct.unpack_from("=HH", info, at)
        if kind == CTRL_ATTR_FAMILY_ID:
            family, = struct.unpack_from("=H", info, at + 4)
        at += (size + 3) & ~3
    for word in sys.argv[3:]:
        cmd, _, header = word.partition(":")
        attrs = b""
        if header and header != "0":  # compact bit sets, statistics of FEC and pause
            attrs = attr(int(header) | 0x8000, attr(3, struct.pack("=I", 5 if cmd in ("29", "21") else 1)))
        if name == "ethtool" and cmd == "32":  # STATS_GET: groups 0 to 3
            attrs = attr(2 | 0x8000, attr(3, struct.pack("=I", 1))) + attr(3 | 0x8000, attr(
                1, b"") + attr(2, struct.pack("=I", 4)) + attr(4, struct.pack("=I", 15)))
        data = b"".join(m + b"\0" * (-len(m) % 4)
                        for m in ask(s, family, int(cmd), attrs, NLM_F_DUMP))
        if folder == "-":
            print("%s-%s %s" % (name, cmd, data.hex()))
        else:
            with open(os.path.join(folder, "%s-%s" % (name, cmd)), "wb") as f:
                f.write(data)


if __name__ == "__main__":
    main()
