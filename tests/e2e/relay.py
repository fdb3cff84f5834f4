"""What the relays in front of bakend share: whole HTTP messages, one a connection, and a port that is announced."""

import os
import re
import socket


def read_message(stream):
    """One HTTP message: its head, and its body by Content-Length; None, None when it is cut."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = stream.recv(65536)
        if not part:
            return None, None
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"(?im)^content-length: *(\d+)", head)
    while length and len(body) < int(length.group(1)):
        part = stream.recv(65536)
        if not part:
            return None, None
        body += part
    return head, body


def connect(port, head, body):
    """A connection to bakend on which the request was sent, to be answered and closed."""
    first, _, rest = head.partition(b"\r\n")
    server = socket.create_connection(("127.0.0.1", port))
    server.sendall(first + b"\r\nConnection: close\r\n" + rest + b"\r\n\r\n" + body)
    return server


def serve(port_file, answer):
    """Has answer(client) answer each connection, on a port that stands in PORT_FILE once it can be reached."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with open(port_file + ".new", "w") as file:
            print(listener.getsockname()[1], file=file)
        os.rename(port_file + ".new", port_file)
        while True:
            client, _ = listener.accept()
            answer(client)
