#!/usr/bin/python3
"""terminal.py [--at PATTERN KEYS]... [--kill PATTERN SIGNAL] -- COMMAND ...: runs it on a terminal of 60 columns, or COLUMNS_WIDE.

Once what was shown since the last keys matches PATTERN, KEYS are typed (\\n, \\003 as Python writes them). All that
the terminal showed is printed, and then whether it echoes again. Ends as the command did; a signal as a shell says it."""
import fcntl, os, pty, re, select, signal, struct, subprocess, sys, termios, time

words = sys.argv[1:]
steps = []
while words[0] != "--":
    steps.append(words[:3])
    words = words[3:]
master, slave = pty.openpty()
fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, int(os.environ.get("COLUMNS_WIDE", "60")), 0, 0))


def take_terminal():
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # tests that run in the background were told to ignore it


child = subprocess.Popen(words[1:], stdin=slave, stdout=slave, stderr=slave, preexec_fn=take_terminal)
shown, seen, ends_at = b"", 0, time.monotonic() + 60
while True:
    ended = child.poll() is not None
    if select.select([master], [], [], 0 if ended else 0.1)[0]:
        shown += os.read(master, 4096)
    elif ended:
        break
    if time.monotonic() > ends_at:
        child.kill()
    if steps and re.search(steps[0][1].encode(), shown[seen:], re.DOTALL):
        kind, _, what = steps.pop(0)
        seen = len(shown)
        if kind == "--kill":
            child.send_signal(signal.Signals["SIG" + what])
        else:
            os.write(master, what.encode().decode("unicode_escape").encode("latin-1"))
sys.stdout.write(shown.decode(errors="replace").replace("\r\n", "\n"))
print("\necho", "on" if termios.tcgetattr(slave)[3] & termios.ECHO else "off")
sys.exit(child.returncode if child.returncode >= 0 else 128 - child.returncode)
