"""A proxy in front of bakend that kills it between storing a push and answering it.

usage: kill_proxy.py BACKEND_PORT PORT_FILE PID_FILE TRIGGER

Passes requests on, one a connection. While TRIGGER exists, the first byte of an answer to POST
.../entries, or to what TRIGGER holds instead of "entries", makes it kill -9 the process in PID_FILE, delete TRIGGER, and close without a word.
"""

import os
import signal
import sys

sys.dont_write_bytecode = True
import relay

BACKEND, PORT_FILE, PID_FILE, TRIGGER = int(sys.argv[1]), *sys.argv[2:5]


def awaited():
    try:
        with open(TRIGGER) as file:
            return file.read().strip() or "entries"
    except OSError:
        return "?"  # never in a path


def serve(client):
    with client:
        head, body = relay.read_message(client)
        if head is None:
            return
        line = head.split(b"\r\n")[0].decode()
        try:
            with relay.connect(BACKEND, head, body) as server:
                while part := server.recv(65536):
                    if line.startswith("POST") and "/" + awaited() in line:
                        with open(PID_FILE) as file:
                            os.kill(int(file.read()), signal.SIGKILL)
                        os.unlink(TRIGGER)
                        return
                    client.sendall(part)
        except OSError:
            pass


relay.serve(PORT_FILE, serve)
