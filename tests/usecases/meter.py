"""meter - steady traffic that says by itself how it fares.

usage: meter.py serve ADDRESS PORT              echoes: UDP packets, and chunks by TCP
       meter.py send FLOWS-AS-JSON              then "stats" or "mark" on standard input

A flow sends requests and awaits their answers. Its members (in brackets: the default):
    kind                    udp: a packet and its echo
                            tcp: chunks on one long connection, each acknowledged by the server
                            conn: a new TCP connection for each request
    name                    how it is called in the statistics [its kind]
    to, port                the server [port 7000]
    source                  own address [what the kernel picks]
    period                  seconds between requests [0.02]; tcp: 0 sends as fast as it goes
    size                    bytes of a request [64; tcp: 1000]
    window                  requests on their way at most [1000; tcp: 16]
    patience                seconds; a request without an answer for longer is lost [0.5]
    slow                    seconds; an answer that took longer is bad, too [= patience]
    tos                     of its packets [0]
    mark                    fwmark of its packets [0]

Each word is answered by one line, {NAME: {...}}, counted since the last "mark":
    sent, got               requests and answers
    lost                    without an answer for longer than patience, and none since
    slow                    answers that took longer than 'slow'
    dark_ms                 longest run of bad requests, from sending its first to the next good one
    stalled_ms              the sum of such runs
    p50_ms, p99_ms, max_ms  time to the answer
    bps                     bits of answered requests a second
    good, well_since        how many requests in a row are good by now, and when the first of them
                            was sent (CLOCK_MONOTONIC, null: none): traffic's own word that it is well
"""
import json
import selectors
import socket
import struct
import sys
import time

HEAD = struct.Struct("!QI")  # number of the request, bytes that follow
SO_MARK = 36
KEEP = 30.0  # seconds after which nobody waits for an answer any more


class Score:
    """What became of the requests of one flow."""

    def __init__(self, patience, slow):
        self.patience, self.slow = patience, slow
        self.n = 0
        self.mark()

    def mark(self):
        self.since = time.monotonic()
        self.first = self.next = self.n
        self.flight, self.over, self.early = {}, set(), {}
        self.sent = self.n_slow = 0
        self.times = []
        self.good, self.well_since = 0, None
        self.bad_since, self.dark, self.stalled = None, 0.0, 0.0

    def begin(self, now):
        n, self.n = self.n, self.n + 1
        self.sent += 1
        self.flight[n] = now
        return n

    def answer(self, n, now):
        at = self.flight.pop(n, None)
        if at is None:
            return
        self.times.append(now - at)
        self.n_slow += now - at > self.slow
        if n in self.over:
            self.over.discard(n)
        else:
            self.judge(n, at, now - at <= self.slow)

    def expire(self, now):
        for n, at in list(self.flight.items()):
            if now - at <= self.patience:
                break
            if n not in self.over:
                self.over.add(n)
                self.judge(n, at, False)

    def judge(self, n, at, good):
        """Verdicts count in the order of sending, or 'since when is all well' had no meaning."""
        self.early[n] = (at, good)
        while self.next in self.early:
            at, good = self.early.pop(self.next)
            self.next += 1
            if good:
                self.good += 1
                self.well_since = self.well_since or at
                self.dark = max(self.dark, self.run(at))
                self.stalled += self.run(at)
                self.bad_since = None
            else:
                self.good, self.well_since = 0, None
                self.bad_since = self.bad_since or at

    def run(self, now):
        return now - self.bad_since if self.bad_since else 0.0

    def stats(self, now, size):
        self.expire(now)
        t = sorted(self.times)

        def rank(q):
            return round(t[int(q * (len(t) - 1))] * 1000, 2) if t else None
        return {"sent": self.sent, "got": len(t), "lost": len(self.over), "slow": self.n_slow,
                "dark_ms": round(max(self.dark, self.run(now)) * 1000, 1),
                "stalled_ms": round((self.stalled + self.run(now)) * 1000, 1),
                "p50_ms": rank(0.5), "p99_ms": rank(0.99), "max_ms": rank(1),
                "bps": round(len(t) * size * 8 / max(now - self.since, 1e-3)),
                "good": self.good, "well_since": self.well_since}


class Flow:
    """One kind of traffic; subclasses know how a request is sent."""

    def __init__(self, of, sel):
        self.sel = sel
        self.name = of.get("name", of.get("kind", "udp"))
        self.to = (of["to"], of.get("port", 7000))
        self.source = of.get("source")
        self.period = of.get("period", 0.02)
        self.size = of.get("size", self.SIZE)
        self.window = of.get("window", self.WINDOW)
        self.tos, self.fwmark = of.get("tos", 0), of.get("mark", 0)
        patience = of.get("patience", 0.5)
        self.score = Score(patience, of.get("slow", patience))
        self.due = time.monotonic()
        self.open()

    def socket(self, kind):
        s = socket.socket(socket.AF_INET, kind)
        s.setblocking(False)
        if self.tos:
            s.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, self.tos)
        if self.fwmark:
            s.setsockopt(socket.SOL_SOCKET, SO_MARK, self.fwmark)
        if self.source:
            s.bind((self.source, 0))
        return s

    def open(self):
        pass

    def tick(self, now):
        """Send what is due; seconds until the next one."""
        if now >= self.due:
            self.send(now)
            self.due = max(self.due + self.period, now - 2 * self.period)
        return max(0.0, self.due - now)


class Udp(Flow):
    SIZE, WINDOW = 64, 1000

    def open(self):
        self.s = self.socket(socket.SOCK_DGRAM)
        self.s.connect(self.to)
        self.sel.register(self.s, selectors.EVENT_READ, self.ready)

    def send(self, now):
        n = self.score.begin(now)
        try:
            self.s.send(HEAD.pack(n, 0).ljust(self.size, b"\0"))
        except OSError:
            pass  # it has no answer, and counts as lost

    def ready(self, _):
        while True:
            try:
                data = self.s.recv(65536)
            except BlockingIOError:
                return
            except OSError:
                continue  # "connection refused" of an earlier one
            self.score.answer(HEAD.unpack_from(data)[0], time.monotonic())


class Tcp(Flow):
    SIZE, WINDOW = 1000, 16

    def open(self):
        self.s = self.socket(socket.SOCK_STREAM)
        self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.s.connect_ex(self.to)
        self.out, self.got, self.up = b"", b"", False
        self.sel.register(self.s, selectors.EVENT_READ | selectors.EVENT_WRITE, self.ready)

    def send(self, now):
        if len(self.score.flight) >= self.window and self.up:
            return
        if self.up or not self.out:
            n = self.score.begin(now)
            self.out += HEAD.pack(n, self.size) + b"\0" * self.size
            self.flush()

    def flush(self):
        try:
            while self.up and self.out:
                self.out = self.out[self.s.send(self.out):]
        except BlockingIOError:
            pass
        except OSError:
            return self.again()
        want = selectors.EVENT_READ | (selectors.EVENT_WRITE if self.out or not self.up else 0)
        self.sel.modify(self.s, want, self.ready)

    def ready(self, what):
        if what & selectors.EVENT_WRITE:
            if self.s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                return self.again()
            self.up = True
            self.flush()
        if what & selectors.EVENT_READ:
            try:
                data = self.s.recv(65536)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                return self.again()
            self.got += data
            now = time.monotonic()
            while len(self.got) >= 8:
                self.score.answer(struct.unpack_from("!Q", self.got)[0], now)
                self.got = self.got[8:]
                if not self.period:
                    self.due = now

    def again(self):
        """The connection is lost, and what was on its way with it."""
        self.sel.unregister(self.s)
        self.s.close()
        self.open()
        self.due = time.monotonic() + max(self.period, 0.1)

    def tick(self, now):
        if not self.period:  # as fast as it goes
            while self.up and len(self.score.flight) < self.window and not self.out:
                self.send(now)
            return 0.1
        return super().tick(now)


class Conn(Flow):
    SIZE, WINDOW = 64, 1000

    def open(self):
        self.live = {}

    def send(self, now):
        if len(self.live) >= self.window:
            return
        n = self.score.begin(now)
        try:
            s = self.socket(socket.SOCK_STREAM)
        except OSError:
            return
        s.connect_ex(self.to)
        self.live[s] = [n, now, HEAD.pack(n, self.size) + b"\0" * self.size]
        self.sel.register(s, selectors.EVENT_WRITE, lambda what, s=s: self.ready(s, what))
        for old, (_, at, _) in list(self.live.items()):
            if now - at < KEEP:
                break
            self.end(old)

    def end(self, s):
        self.sel.unregister(s)
        s.close()
        del self.live[s]

    def ready(self, s, what):
        n, _, out = self.live[s]
        try:
            if what & selectors.EVENT_WRITE:
                out = self.live[s][2] = out[s.send(out):]
                if not out:
                    self.sel.modify(s, selectors.EVENT_READ,
                                    lambda what, s=s: self.ready(s, what))
                return
            if s.recv(64):
                self.score.answer(n, time.monotonic())
        except BlockingIOError:
            return
        except OSError:
            pass
        self.end(s)


KINDS = {"udp": Udp, "tcp": Tcp, "conn": Conn}


def send(flows):
    sel = selectors.DefaultSelector()
    flows = [KINDS[f.get("kind", "udp")](f, sel) for f in flows]
    sel.register(sys.stdin, selectors.EVENT_READ, None)
    while True:
        now = time.monotonic()
        wait = min(f.tick(now) for f in flows)
        for key, what in sel.select(wait):
            if key.data:
                key.data(what)
                continue
            word = sys.stdin.readline().strip()
            if not word:
                return
            now = time.monotonic()
            print(json.dumps({f.name: f.score.stats(now, f.size) for f in flows}), flush=True)
            if word == "mark":
                for f in flows:
                    f.score.mark()


class Server:
    """Echoes packets, and says 8 bytes for each chunk that has arrived in full."""

    def __init__(self, address, port):
        self.sel = selectors.DefaultSelector()
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((address, port))
        self.udp.setblocking(False)
        self.sel.register(self.udp, selectors.EVENT_READ, self.echo)
        self.tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.tcp.bind((address, port))
        self.tcp.listen(512)
        self.tcp.setblocking(False)
        self.sel.register(self.tcp, selectors.EVENT_READ, self.accept)

    def run(self):
        print("ready", flush=True)
        while True:
            for key, _ in self.sel.select():
                key.data(key.fileobj)

    def echo(self, s):
        try:
            while True:
                data, peer = s.recvfrom(65536)
                s.sendto(data, peer)
        except OSError:
            pass  # nothing more, or no way back just now: that is what is being measured

    def accept(self, s):
        try:
            c, _ = s.accept()
        except OSError:
            return
        c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        c.setblocking(False)
        got = bytearray()
        self.sel.register(c, selectors.EVENT_READ, lambda c: self.chunks(c, got))

    def chunks(self, c, got):
        try:
            data = c.recv(65536)
            got += data
            while len(got) >= HEAD.size:
                n, size = HEAD.unpack_from(got)
                if len(got) < HEAD.size + size:
                    break
                del got[:HEAD.size + size]
                c.send(struct.pack("!Q", n))
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.sel.unregister(c)
            c.close()


if __name__ == "__main__":
    try:
        if len(sys.argv) == 4 and sys.argv[1] == "serve":
            Server(sys.argv[2], int(sys.argv[3])).run()
        elif len(sys.argv) == 3 and sys.argv[1] == "send":
            send(json.loads(sys.argv[2]))
        else:
            sys.exit(__doc__)
    except KeyboardInterrupt:
        pass
