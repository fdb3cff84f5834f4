"""A proxy in front of bakend that kills it between storing a push and answering it.

usage: kill_proxy.py BACKEND_PORT PORT_FILE PID_FILE TRIGGER

Passes requests on, one a connection. While TRIGGER exists, the first byte of an answer to POST
.../entries makes it kill -9 the process in PID_FILE, delete TRIGGER, and close without a word.
"""

import os
import signal
import socket
import sys

BACKEND, PORT_FILE, PID_FILE, TRIGGER = int(sys.argv[1]), *sys.argv[2:5]


def read_request(client):
    data = b""
    while b"\r\n\r\n" not in data:
        part = client.recv(65536)
        if not part:
            return None
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    while len(body) < length:
        part = client.recv(65536)
        if not part:
            return None
        body += part
    first, _, rest = head.partition(b"\r\n")
    return first, first + b"\r\nConnection: close\r\n" + rest + b"\r\n\r\n" + body


def serve(client):
    request = read_request(client)
    if request is None:
        return
    first, data = request
    try:
        with socket.create_connection(("127.0.0.1", BACKEND)) as server:
            server.sendall(data)
            while part := server.recv(65536):
                if os.path.exists(TRIGGER) and first.startswith(b"POST") and b"/entries" in first:
                    with open(PID_FILE) as file:
                        os.kill(int(file.read()), signal.SIGKILL)
                    os.unlink(TRIGGER)
                    return
                client.sendall(part)
    except OSError:
        pass


with socket.create_server(("127.0.0.1", 0)) as listener:
    with open(PORT_FILE + ".new", "w") as file:
        print(listener.getsockname()[1], file=file)
    os.rename(PORT_FILE + ".new", PORT_FILE)
    while True:
        client, _ = listener.accept()
        with client:
            serve(client)
