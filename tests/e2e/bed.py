# SPDX-License-Identifier: MIT
"""
A device under test with a host at its serial port and a server at its sockets: dtud on one end of a
pty, this program on the other, and UDP or TCP sockets of this program's that stand for the servers.

UDP keeps one datagram a frame, so frames are seen as they were sent.
"""

import ctypes
import fcntl
import json
import os
import pty
import select
import signal
import socket
import subprocess
import tempfile
import termios
import time
import tty

top = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
dtud = os.environ.get("DTUD", os.path.join(top, "build/dtud"))
dtuctl = os.environ.get("DTUCTL", os.path.join(top, "build/dtuctl"))

BANNER = b"\r\n[WH-LTE-7S4 V2]\r\n"

# Without this each sleep is 50 us longer than asked for.
ctypes.CDLL(None).prctl(29, 1, 0, 0, 0)


def raw_115200(port):
    tty.setraw(port)
    attributes = termios.tcgetattr(port)
    attributes[2] |= termios.CLOCAL | termios.CREAD
    attributes[4] = attributes[5] = termios.B115200
    termios.tcsetattr(port, termios.TCSANOW, attributes)
    termios.tcflush(port, termios.TCIOFLUSH)


class Server:
    """What one socket of the device talks to. `frames` holds what each read returned."""

    def __init__(self, protocol="UDP", host="127.0.0.1", port=0, listen=True):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        kind = socket.SOCK_DGRAM if protocol == "UDP" else socket.SOCK_STREAM
        self.protocol = protocol
        self.host = host
        self.socket = socket.socket(family, kind)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((host, port))
        self.port = self.socket.getsockname()[1]
        self.peer = None
        self.connection = None
        self.connections = 0
        self.closed = 0
        self.reading = True
        self.frames = []
        self.times = []
        if protocol == "TCP" and listen:
            self.socket.listen()

    @property
    def address(self):
        return f"{self.protocol},{self.host},{self.port}"

    def descriptors(self):
        if self.protocol == "UDP":
            return [self.socket]
        return [self.socket] + ([self.connection] if self.connection and self.reading else [])

    def ready(self, descriptor):
        if self.protocol == "UDP":
            frame, self.peer = self.socket.recvfrom(65536)
            self.take(frame)
        elif descriptor is self.socket:
            self.connection, _ = self.socket.accept()
            self.connections += 1
        else:
            try:
                frame = self.connection.recv(65536)
            except ConnectionResetError:
                frame = b""
            if frame:
                self.take(frame)
            else:
                self.hang_up()
                self.closed += 1

    def take(self, frame):
        self.frames.append(frame)
        self.times.append(time.monotonic())

    def send(self, data):
        if self.protocol == "UDP":
            self.socket.sendto(data, self.peer)
        else:
            self.connection.sendall(data)

    def hang_up(self):
        if self.connection:
            self.connection.close()
            self.connection = None

    def close(self):
        self.hang_up()
        self.socket.close()


class Bed:
    """
    dtud on a pty, or on a cable: `cable` names the port of the device and that of the host.
    Settings are given as AT commands, without the AT+.
    """

    def __init__(self, *settings, servers=(), fallback=False, state=None, start=True, cable=None):
        self.servers = list(servers)
        self.fallback = fallback
        self.folder = tempfile.mkdtemp(prefix="dtu-")
        self.state = state or os.path.join(self.folder, "state")
        self.control = os.path.join(self.folder, "control")
        self.log = open(os.path.join(self.folder, "log"), "ab+")
        if cable:
            self.tty = cable[0]
            self.slave = None
            self.master = os.open(cable[1], os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
            raw_115200(self.master)
        else:
            self.master, self.slave = pty.openpty()
            tty.setraw(self.slave)
            self.tty = os.ttyname(self.slave)
        fcntl.fcntl(self.master, fcntl.F_SETFL, os.O_NONBLOCK)
        self.host = b""
        self.process = None
        if start:
            self.start()
        if settings:
            self.set(*settings)

    def arguments(self):
        given = [dtud, "--foreground", "--port", self.tty, "--state", self.state, "--socket", self.control]
        return given + (["--fallback"] if self.fallback else [])

    def start(self, *more):
        self.process = subprocess.Popen([*self.arguments(), *more], stderr=self.log)
        self.wait(lambda: self.host.endswith(BANNER), 10, "the boot banner")
        self.wait(lambda: os.path.exists(self.control), 10, "the control socket")
        self.host = b""

    def stop(self):
        if self.process:
            self.process.terminate()
            status = self.process.wait()
            self.process = None
            return status
        return None

    def close(self):
        status = self.stop()
        os.close(self.master)
        if self.slave is not None:
            os.close(self.slave)
        for server in self.servers:
            server.close()
        return status

    def messages(self):
        self.log.seek(0)
        return self.log.read().decode()

    def at(self, *lines):
        """Replies of the control socket to the command lines, in one piece."""
        return self.ask(*(f"AT+{line}" for line in lines))

    def ask(self, *lines):
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(20)
            client.connect(self.control)
            client.sendall("".join(f"{line}\n" for line in lines).encode())
            client.shutdown(socket.SHUT_WR)
            reply = b""
            while True:
                piece = client.recv(65536)
                if not piece:
                    return reply
                reply += piece

    def status(self):
        return json.loads(self.ask("status json"))

    def set(self, *settings):
        """Set, and restart softly so that it is in force."""
        reply = self.at(*settings, "Z")
        if b"ERR" in reply:
            raise AssertionError(f"{settings}: {reply!r}")
        self.wait(lambda: self.host.endswith(BANNER), 10, "the banner after AT+Z")
        self.run(0.2)
        self.host = b""

    def turn(self, timeout):
        """Wait up to timeout for bytes from the device or at the servers and note them."""
        sources = [self.master] + [d for s in self.servers for d in s.descriptors()]
        ready, _, _ = select.select(sources, [], [], max(0, timeout))
        for source in ready:
            if source == self.master:
                try:
                    self.host += os.read(self.master, 65536)
                except (BlockingIOError, OSError):
                    time.sleep(0.001)
            else:
                for server in self.servers:
                    if source in server.descriptors():
                        server.ready(source)

    def run(self, seconds):
        end = time.monotonic() + seconds
        while True:
            left = end - time.monotonic()
            if left <= 0:
                return
            # select() may be late by a thousandth of what it waits for; sleep() is not
            if left > 0.01:
                self.turn(left * 0.99)
            else:
                time.sleep(left)
                self.turn(0)

    def wait(self, condition, seconds, what):
        end = time.monotonic() + seconds
        while not condition():
            left = end - time.monotonic()
            if left <= 0 or (self.process and self.process.poll() is not None):
                raise AssertionError(f"{what} did not come in {seconds} s; host {self.host!r}; log:\n{self.messages()}")
            self.turn(min(left, 0.1))

    def write(self, data):
        while data:
            try:
                n = os.write(self.master, data)
            except BlockingIOError:
                self.turn(0.01)
                continue
            data = data[n:]

    def play(self, script):
        """Write as the host does: pairs of milliseconds since the last write, and bytes."""
        due = time.monotonic()
        for after, data in script:
            due += after / 1000
            self.run(due - time.monotonic())
            self.write(data)

    def command_mode(self):
        self.run(0.5)
        self.host = b""
        self.play([(0, b"+++"), (500, b"a")])
        self.wait(lambda: self.host == b"a+ok\r\n", 5, "+ok")
        self.host = b""

    def forget(self):
        self.host = b""
        for server in self.servers:
            server.frames.clear()
            server.times.clear()

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)


def null_modem():
    """The two ports of the x86 lab that are joined with one another, or None elsewhere."""
    ports = ("/dev/ttyS1", "/dev/ttyS2")
    return ports if os.path.exists("/sys/class/tty/ttyS2/type") else None


def settle():
    """The first exchange over a pty after boot comes late in simulated time: throw one away."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    for _ in range(3):
        os.write(master, b"x")
        select.select([slave], [], [], 1)
        os.read(slave, 1)
        time.sleep(0.01)
    os.close(master)
    os.close(slave)
