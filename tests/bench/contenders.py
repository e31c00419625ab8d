# SPDX-License-Identifier: MIT
"""
Who carries serial ports to TCP, and how each is set up for the same task: frames that end by a gap,
one TCP segment each. A contender is started with the ports' names and the numbers of their TCP
ports, and says which processes are its own.
"""

import json
import os
import socket
import subprocess
import tempfile
import time

# Where scripts/bench has put what it measures and measures with.
programs = os.environ["DTU_BENCH"]


class Setup:
    """What all contenders are told. length: of the longest frame; defaults: leave all else as it comes."""

    def __init__(self, gap_us=50000, trigger=8, length=1024):
        self.gap_us = gap_us
        self.trigger = trigger
        self.length = length


class Contender:
    """Some processes, and how the other end meets them: it listens or dials."""

    meets = "--listen"
    frames = True  # it ends frames by the gap

    def __init__(self, setup):
        self.setup = setup
        self.folder = tempfile.mkdtemp(prefix="bench-")
        self.processes = []

    def start(self, ttys, base):
        raise NotImplementedError

    def run(self, *command):
        log = open(os.path.join(self.folder, f"log-{len(self.processes)}"), "ab")
        self.processes.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log))

    def status(self):
        """Counters of its own, if it has any."""
        return {}

    def messages(self):
        text = ""
        for name in sorted(os.listdir(self.folder)):
            if name.startswith("log-"):
                with open(os.path.join(self.folder, name), errors="replace") as file:
                    text += file.read()
        return text[-4000:]

    def stop(self):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class Nobody(Contender):
    """What the measuring itself costs: bytes end in the kernel's n_null."""

    meets = "--discard"

    def start(self, ttys, base):
        pass


class Dtu(Contender):
    """dtud with n_dtu."""

    options = []

    def start(self, ttys, base):
        for i, tty in enumerate(ttys):
            config = os.path.join(self.folder, f"config-{i}")
            with open(config, "w") as file:
                file.write(f"[dtud]\ngap_us = {self.setup.gap_us}\nuart_trigger = {self.setup.trigger}\n")
            self.run(f"{programs}/dtud", "--foreground", "--port", tty, "--config", config, *self.options,
                     "--state", f"{self.folder}/state-{i}", "--socket", self.control(i))
        for i in range(len(ttys)):
            length = self.setup.length
            reply = self.ask(i, f"AT+SOCKA=TCP,127.0.0.1,{base + i}", f"AT+UARTFL={length}", "AT+Z")
            if "ERR" in reply:
                raise RuntimeError(f"dtud refused its settings: {reply}")

    def control(self, i):
        return f"{self.folder}/control-{i}"

    def ask(self, i, *lines):
        end = time.monotonic() + 60
        while True:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(60)
                try:
                    client.connect(self.control(i))
                except (FileNotFoundError, ConnectionRefusedError):
                    if time.monotonic() > end or self.processes[i].poll() is not None:
                        raise RuntimeError("dtud did not start: " + self.messages())
                    time.sleep(0.05)
                    continue
                client.sendall("".join(f"{line}\n" for line in lines).encode())
                client.shutdown(socket.SHUT_WR)
                reply = b""
                while piece := client.recv(65536):
                    reply += piece
                return reply.decode(errors="replace")

    def status(self):
        names = ("boundary_unknown", "held", "overruns", "frames_lost", "gap_ambiguous", "timer_late", "timer_deferred")
        total = dict.fromkeys(names, 0)
        for i in range(len(self.processes)):
            port = json.loads(self.ask(i, "status json"))["port"]
            for name in names:
                total[name] += port.get(name, 0)
        return total


class DtuFallback(Dtu):
    """dtud framing in its own process."""

    options = ["--fallback"]


class Ser2net(Contender):
    """ser2net with the gap as its chardelay, a buffer that holds a frame, and TCP_NODELAY."""

    meets = "--dial"

    def wait(self):
        return [
            "chardelay: true",
            "chardelay-scale: 1",
            f"chardelay-min: {self.setup.gap_us}",
            "chardelay-max: 1000000",
            "dev-to-net-bufsize: 2048",
            "net-to-dev-bufsize: 2048",
        ]

    def start(self, ttys, base):
        config = os.path.join(self.folder, "ser2net.yaml")
        with open(config, "w") as file:
            file.write("%YAML 1.1\n---\n")
            for i, tty in enumerate(ttys):
                file.write(f"connection: &line{i}\n"
                           f"  accepter: tcp(nodelay),127.0.0.1,{base + i}\n"
                           f"  connector: serialdev,{tty},115200n81,local\n"
                           "  options:\n" + "".join(f"    {line}\n" for line in self.wait()))
        self.run("/usr/sbin/ser2net", "-n", "-c", config)


class Ser2netDefault(Ser2net):
    """ser2net as it comes."""

    def wait(self):
        return ["banner: ''"]


class Socat(Contender):
    """socat: what it takes to copy bytes, without frames."""

    frames = False

    def start(self, ttys, base):
        for i, tty in enumerate(ttys):
            self.run("/usr/bin/socat", "-b", "2048", f"{tty},b115200,rawer", f"TCP:127.0.0.1:{base + i},nodelay")


contenders = {
    "n_dtu": Dtu,
    "fallback": DtuFallback,
    "ser2net": Ser2net,
    "ser2net-default": Ser2netDefault,
    "socat": Socat,
    "nobody": Nobody,
}
