"""crowd - many who talk at once, for use cases about tables that are too small.

usage: crowd.py hosts FIRST COUNT PERIOD        a datagram to each of COUNT addresses from FIRST on,
                                                every PERIOD seconds (0: once)
       crowd.py flows FIRST COUNT PERIOD PORT [SOURCE...]
                                                COUNT flows of one datagram each to the one address
                                                FIRST, from as many ports of the sources
       crowd.py scan FIRST COUNT RATE           SYNs to port after port of COUNT addresses, RATE a
                                                second, without an answer; for ever
       crowd.py burst ADDRESS SEGMENTS RATE     RATE times a second SEGMENTS packets at one go (UDP
                                                segmentation, so they reach the other end at once)
       crowd.py miss NAME WAIT ROOM             a daemon called NAME that reads events of routes, one
                                                in WAIT seconds, with a buffer of at most ROOM bytes
       crowd.py answer PORT                     echoes datagrams

It says "ready" when the first round is over, and ends with its standard input.
"""
import ipaddress
import os
import resource
import select
import socket
import sys
import time

UDP_SEGMENT = 103  # uapi/linux/udp.h
DISCARD = 9


def over(seconds):
    """Wait; True: nobody wants us any more."""
    return bool(select.select([sys.stdin], [], [], max(0, seconds))[0])


def rounds(period, one):
    first = True
    while True:
        begin = time.monotonic()
        one()
        if first:
            print("ready", flush=True)
        first = False
        if over(period - (time.monotonic() - begin) if period else 1e9):
            return


def send(s, *args):
    try:
        s.sendto(*args)
    except OSError:
        pass  # no buffer, nobody there: that is what this is about


def hosts(first, count, period):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    to = [(str(ipaddress.ip_address(first) + k), DISCARD) for k in range(int(count))]
    rounds(float(period), lambda: [send(s, b"x", a) for a in to])


def flows(address, count, period, port, *sources):
    count, sources = int(count), sources or ("",)
    resource.setrlimit(resource.RLIMIT_NOFILE, (count + 64, count + 64))
    some = []
    for k in range(count):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind((sources[k % len(sources)], 0))
        s.setblocking(False)
        some.append(s)

    def one():
        for s in some:
            send(s, b"x", (address, int(port)))
            try:
                s.recv(64)  # of the last round
            except OSError:
                pass

    rounds(float(period), one)


def scan(first, count, rate):
    """A half-open connection each; the kernel of ours gives up when the socket is closed."""
    base, count, per, k = ipaddress.ip_address(first), int(count), float(rate) / 20, 0

    def one():
        nonlocal k
        for _ in range(max(1, int(per))):
            s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            s.setblocking(False)
            s.connect_ex((str(base + k % count), 1 + k // count % 60000))
            s.close()
            k += 1

    rounds(0.05, one)


def burst(address, segments, rate):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    size = 64
    s.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, size)
    data = bytes(size * int(segments))
    rounds(1 / float(rate), lambda: send(s, data, (address, DISCARD)))


def miss(name, wait, room):
    """A daemon that follows routes: it reads its events, thinks 'wait' seconds about each, and
    when it has lost some asks for a buffer of 'room' bytes, reads all routes anew and goes on."""
    with open("/proc/self/comm", "w", encoding="ascii") as f:
        f.write(name)
    wait, room, size = float(wait), int(room), 0

    def listen():
        s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        if size:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
        # As daemons are told to: an address of one's own choice, the pid.
        s.bind((os.getpid(), 0x40))  # RTMGRP_IPV4_ROUTE
        return s

    s = listen()
    print("ready", flush=True)
    while True:
        if sys.stdin in select.select([s, sys.stdin], [], [])[0]:
            return
        try:
            s.recv(65536)
            time.sleep(wait)
        except OSError:  # ENOBUFS
            size = room
            s.close()
            s = listen()


def answer(port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    s.bind(("", int(port)))
    print("ready", flush=True)
    while True:
        if sys.stdin in select.select([s, sys.stdin], [], [])[0]:
            return
        send(s, *s.recvfrom(64))


if __name__ == "__main__":
    {"hosts": hosts, "flows": flows, "scan": scan, "burst": burst, "answer": answer,
     "miss": miss}[sys.argv[1]](*sys.argv[2:])
