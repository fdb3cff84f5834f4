"""The demo's stage: real processes for server and devices, a cable that can be pulled, and a list of facts."""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

HOUR_MS = 60 * 60 * 1000
ZONE = "Europe/Amsterdam"
os.environ["TZ"] = ZONE  # the days that the play names are those of the devices
time.tzset()


class Facts:
    """Every fact has a name in facts.txt; one that is missing, false or told twice fails the demo."""

    def __init__(self, quiet):
        self.quiet = quiet
        self.told = []  # (name, holds)

    def check(self, name, holds, detail=""):
        self.told.append((name, bool(holds)))
        if not self.quiet or not holds:
            print(f"   {'✔' if holds else '✘'} {name}{': ' + detail if detail and not holds else ''}", flush=True)

    @staticmethod
    def verdict(told, expected):
        """The sentences that say why the demo fails; empty when it passes."""
        names = [name for name, _ in told]
        failures = [f"{name}: does not hold" for name, holds in told if not holds]
        failures += [f"{name}: was never checked" for name in expected if name not in names]
        failures += [f"{name}: is not in facts.txt" for name in names if name not in expected]
        failures += [f"{name}: was checked twice" for name in set(names) if names.count(name) > 1]
        return failures


class Cable(threading.Thread):
    """A TCP relay between devices and server. It can lose the answer to a push, and kill the server just then."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.target = None
        self.on_push = None  # called once, when the answer to a push of entries comes back
        self.lock = threading.Lock()

    def run(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.relay, args=(client,), daemon=True).start()

    def relay(self, client):
        try:
            server = socket.create_connection(("127.0.0.1", self.target), timeout=60)
        except OSError:
            client.close()
            return
        seen_push = threading.Event()

        def forward():
            try:
                while data := client.recv(65536):
                    if data.startswith(b"POST ") and b"/entries " in data.split(b"\r\n", 1)[0]:
                        seen_push.set()
                    server.sendall(data)
            except OSError:
                pass
            try:
                server.shutdown(socket.SHUT_WR)
            except OSError:
                pass

        threading.Thread(target=forward, daemon=True).start()
        try:
            while data := server.recv(65536):
                if seen_push.is_set():
                    with self.lock:
                        on_push, self.on_push = self.on_push, None
                    if on_push is not None:
                        on_push()
                        break
                client.sendall(data)
        except OSError:
            pass
        for end in (client, server):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()


class Server:
    def __init__(self, build, where, cable):
        self.build, self.dir, self.cable = build, where / "server", cable
        self.port_file = where / "port"
        self.process = None

    def setup(self):
        done = subprocess.run([self.build / "bakend", "setup", "--dir", self.dir], capture_output=True, text=True,
                              env=environment(), check=True)
        return next(word for word in done.stdout.split() if word.count("-") == 3)

    def start(self):
        self.port_file.unlink(missing_ok=True)
        self.log = open(self.dir.parent / "server.log", "ab")
        self.process = subprocess.Popen([self.build / "bakend", "run", "--dir", self.dir, "--listen", "127.0.0.1:0",
                                         "--port-file", self.port_file], stdout=self.log, stderr=self.log, env=environment())
        for _ in range(600):
            if self.port_file.exists() and self.port_file.read_text().strip():
                self.cable.target = int(self.port_file.read_text())
                return
            time.sleep(0.05)
        raise SystemExit("the server did not start")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.terminate()
        return self.process.wait(timeout=20)


def environment(**more):
    base = {"PATH": os.environ.get("PATH", "/usr/bin:/bin:/usr/sbin:/sbin"), "LC_ALL": "C.UTF-8", "TZ": ZONE,
            "BAKEN_LANG": "nl", "NO_COLOR": "1"}
    base.update(more)
    return base


class Device:
    """One colleague's laptop: a home directory of its own; every command is a process of its own."""

    def __init__(self, build, where, name, quiet):
        self.build, self.name, self.quiet = build, name, quiet
        self.home = where / "devices" / name.split()[0].lower()
        (self.home / "tmp").mkdir(parents=True)
        self.passphrase = self.home.parent / (self.home.name + ".passphrase")
        self.passphrase.write_text(f"vier losse woorden voor {self.home.name}\n")
        self.passphrase.chmod(0o600)
        self.offset_ms = 0
        self.cable_is_in = True

    def env(self):
        return environment(HOME=str(self.home), BAKEN_HOME=str(self.home / "store"), TMPDIR=str(self.home / "tmp"),
                           XDG_STATE_HOME=str(self.home / "state"), BAKEN_PASSPHRASE_FILE=str(self.passphrase),
                           BAKEN_TEST_CLOCK_OFFSET_MS=str(self.offset_ms))

    def command(self, words):
        command = [str(self.build / "baken"), *words]
        if self.cable_is_in:
            return command
        lo = ["sh", "-c", "ip link set lo up 2>/dev/null; exec \"$@\"", "sh"]
        return ["unshare", "-n" if os.geteuid() == 0 else "-rn", *lo, *command]

    def start(self, *words, text=""):
        process = subprocess.Popen(self.command([*words, "--no-input"]), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, env=self.env())
        process.stdin.write(text)
        process.stdin.close()
        process.stdin = None
        return process

    def try_(self, *words, text="", show=True):
        """Runs a command; gives (exit code, standard output, standard error)."""
        done = subprocess.run(self.command([*words, "--no-input"]), input=text, capture_output=True, text=True,
                              env=self.env(), timeout=120)
        if show and not self.quiet:
            shown = " ".join(f"'{w}'" if " " in w else w for w in words)
            print(f"\n  {self.home.name}{'' if self.cable_is_in else ' (kabel eruit)'}$ baken {shown}")
            for line in (done.stdout + done.stderr).rstrip().splitlines():
                print(f"    {line}")
        return done.returncode, done.stdout, done.stderr

    def do(self, *words, text="", show=True):
        code, out, err = self.try_(*words, text=text, show=show)
        if code != 0:
            raise SystemExit(f"{self.name}: baken {' '.join(words)} ended with {code}:\n{out}{err}")
        return out

    def ask(self, *words, text=""):
        """The same command's --json output, as an object."""
        return json.loads(self.do(*words, "--json", text=text, show=False))


class Stage:
    def __init__(self, build, quiet):
        self.build = pathlib.Path(build).resolve()
        self.where = pathlib.Path(tempfile.mkdtemp(prefix="baken demo "))
        self.quiet = quiet
        self.cable = Cable()
        self.cable.start()
        self.server = Server(self.build, self.where, self.cable)
        self.devices = []

    def device(self, name):
        device = Device(self.build, self.where, name, self.quiet)
        self.devices.append(device)
        return device

    def say(self, text):
        if not self.quiet:
            print(f"\n── {text}", flush=True)

    def pull_cable(self, *devices):
        for device in devices:
            device.cable_is_in = False

    def plug_cable(self, *devices):
        for device in devices:
            device.cable_is_in = True

    def files_with(self, words):
        """Which of the words (UTF-8) stand in any file there is: the server's directory and its log, each device's home."""
        found = set()
        for path in self.where.rglob("*"):
            if path.is_file():
                data = path.read_bytes()
                found.update(word for word in words if word.encode() in data)
        return found

    def strike(self):
        if self.server.process is not None and self.server.process.poll() is None:
            self.server.kill()
        for device in self.devices:
            device.cable_is_in = True
            device.try_("lock", show=False)
        self.cable.listener.close()
        shutil.rmtree(self.where, ignore_errors=True)
