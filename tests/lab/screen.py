"""A program on a terminal of its own: what stands on the screen, keys, sizes, signals.

Knows the few sequences that anodctl uses; anything else stands on the screen as it came, where a
test sees it.
"""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time

SEQUENCE = re.compile(rb"\x1b\[(\??[0-9;]*)([A-Za-z])")


class Screen:
    def __init__(self, cmd, cols=80, rows=24, env=None):
        self.cols, self.rows = cols, rows
        self.raw = b""
        self.left = b""
        self.lines = [[" "] * cols for _ in range(rows)]
        self.x = self.y = 0
        self.alternate = self.hidden = False
        self.status = None
        self.frames = 0
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update({"TERM": "xterm", "LC_ALL": "C.UTF-8"})
            os.environ.update(env or {})
            self._size(0)
            os.execvp(cmd[0], cmd)
        self._size(self.fd)
        self.before = termios.tcgetattr(self.fd)

    def _size(self, fd):
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", self.rows, self.cols, 0, 0))

    # ---- what the program writes ----

    def _put(self, c):
        if c == "\r":
            self.x = 0
        elif c == "\n":
            self.y += 1
            if self.y >= self.rows:
                self.y = self.rows - 1
                self.lines = self.lines[1:] + [[" "] * self.cols]
        else:
            if self.x < self.cols:
                self.lines[self.y][self.x] = c
            self.x += 1

    def _sequence(self, args, letter):
        if letter == "H":
            self.x = self.y = 0
        elif letter == "K":
            for x in range(self.x, self.cols):
                self.lines[self.y][x] = " "
        elif letter == "J":
            for y in range(self.rows if args else self.y, self.rows):
                for x in range(self.x if y == self.y else 0, self.cols):
                    self.lines[y][x] = " "
            if args == "2":
                self.lines = [[" "] * self.cols for _ in range(self.rows)]
        elif letter in "hl" and args == "?1049":
            self.alternate = letter == "h"
        elif letter in "hl" and args == "?25":
            self.hidden = letter == "l"
        elif letter in "hl" and args == "?2026":
            self.frames += letter == "l"
        elif letter != "m" and args != "?7":
            raise AssertionError("unknown sequence %s%s" % (args, letter))

    def _feed(self, data):
        data = self.left + data
        self.left = b""
        at = 0
        while at < len(data):
            if data[at] == 27:
                m = SEQUENCE.match(data, at)
                if not m:
                    self.left = data[at:]
                    return
                self._sequence(m.group(1).decode(), m.group(2).decode())
                at = m.end()
                continue
            n = 1
            while n < 4 and at + n < len(data) and data[at + n] & 0xc0 == 0x80:
                n += 1
            if data[at] >= 0xc0 and at + n == len(data) and n < 4:
                self.left = data[at:]
                if n >= (2 if data[at] < 0xe0 else 3 if data[at] < 0xf0 else 4):
                    self.left = b""
                else:
                    return
            self._put(data[at:at + n].decode(errors="replace"))
            at += n

    # ---- what a test does ----

    def text(self):
        return "\n".join("".join(line).rstrip() for line in self.lines)

    def line(self, n):
        return self.text().split("\n")[n]

    def _pump(self, seconds):
        ready, _, _ = select.select([self.fd], [], [], seconds)
        if not ready:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            data = b""
        if not data:
            _, status = os.waitpid(self.pid, 0)
            self.status = os.waitstatus_to_exitcode(status)
            return False
        self.raw += data
        self._feed(data)
        return True

    def until(self, what, condition=None, timeout=15):
        """Read until the text is on the screen, or condition(text) is true."""
        is_there = condition or (lambda text: what in text)
        end = time.monotonic() + timeout
        while not is_there(self.text()):
            if time.monotonic() > end or not self._pump(0.1):
                raise AssertionError("not on the screen: %s\n%s" % (what, self.text()))
        return self.text()

    def end(self, timeout=15):
        """Read until the program ends; its exit status (negative: the signal)."""
        end = time.monotonic() + timeout
        while self.status is None:
            assert time.monotonic() < end, "it does not end\n" + self.text()
            self._pump(0.1)
        return self.status

    def keys(self, text):
        os.write(self.fd, text.encode())

    def resize(self, cols, rows):
        self.cols, self.rows = cols, rows
        self.lines = [[" "] * cols for _ in range(rows)]
        self.x = self.y = 0
        self._size(self.fd)

    def signal(self, number):
        os.kill(self.pid, number)

    def close(self):
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.status = -signal.SIGKILL
        os.close(self.fd)

    def modes(self):
        """Echo, line mode and the like, as the terminal has them now."""
        return termios.tcgetattr(self.fd)[:4]


UP, DOWN, RIGHT, LEFT = "\x1b[A", "\x1b[B", "\x1b[C", "\x1b[D"
PAGE_UP, PAGE_DOWN, HOME, END = "\x1b[5~", "\x1b[6~", "\x1b[H", "\x1b[F"
