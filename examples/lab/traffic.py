"""traffic - a steady stream of small UDP packets and their echo, to see what an outage costs.

usage: traffic.py echo ADDRESS PORT
       traffic.py send ADDRESS PORT PERIOD     then "stats" or "mark" on standard input

'send' answers each word with one line of JSON: packets sent, answered and lost since the last
mark (a packet counts as lost when it has no answer after half a second), the longest time between
two answers, and for how long packets were sent that were lost, one right after the other.
"""
import json
import select
import socket
import struct
import sys
import time


def echo(address, port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((address, port))
    while True:
        data, peer = s.recvfrom(2048)
        try:
            s.sendto(data, peer)
        except OSError:
            pass  # no way back just now: that is what is being measured


class Sender:
    def __init__(self, address, port, period):
        self.s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.s.setblocking(False)
        self.peer = (address, port)
        self.period = period
        self.seq = 0
        self.mark()

    def mark(self):
        self.first = self.seq
        self.sent_at = {}
        self.got = 0
        self.last = time.monotonic()
        self.gap = 0.0

    def send(self, now):
        try:
            self.s.sendto(struct.pack("!Q", self.seq), self.peer)
        except OSError:
            pass
        self.sent_at[self.seq] = now
        self.seq += 1

    def receive(self):
        while True:
            try:
                data, _ = self.s.recvfrom(2048)
            except OSError:
                return
            now = time.monotonic()
            if self.sent_at.pop(struct.unpack("!Q", data)[0], None) is None:
                continue
            self.got += 1
            self.gap = max(self.gap, now - self.last)
            self.last = now

    def stats(self):
        now = time.monotonic()
        lost = sorted(n for n, t in self.sent_at.items() if now - t > 0.5)
        gap = max(self.gap, now - self.last)
        return {"sent": self.seq - self.first, "got": self.got, "lost": len(lost),
                "gap_ms": round(gap * 1000, 1), "dark_ms": round(self.dark(lost) * 1000, 1)}

    def dark(self, lost):
        """Seconds of the longest run of lost packets."""
        longest, first = 0.0, None
        for before, n in zip([None] + lost, lost):
            if before is None or n != before + 1:
                first = n
            longest = max(longest, self.sent_at[n] - self.sent_at[first] + self.period)
        return longest


def send(address, port, period):
    t = Sender(address, port, period)
    due = time.monotonic()
    while True:
        now = time.monotonic()
        if now >= due:
            t.send(now)
            due = max(due + period, now - 10 * period)
        ready, _, _ = select.select([t.s, sys.stdin], [], [], max(0, due - time.monotonic()))
        if t.s in ready:
            t.receive()
        if sys.stdin in ready:
            word = sys.stdin.readline()
            if not word:
                return
            print(json.dumps(t.stats()), flush=True)
            if word.strip() == "mark":
                t.mark()


if __name__ == "__main__":
    if len(sys.argv) == 4 and sys.argv[1] == "echo":
        echo(sys.argv[2], int(sys.argv[3]))
    elif len(sys.argv) == 5 and sys.argv[1] == "send":
        send(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
    else:
        sys.exit(__doc__)
