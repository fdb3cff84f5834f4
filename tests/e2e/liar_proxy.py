"""A relay in front of bakend that falsifies what passes, as MODE_FILE says at each request.

usage: liar_proxy.py BACKEND_PORT PORT_FILE MODE_FILE

  pass        nothing is changed
  html        200 and a page of HTML, as a network's sign-in page gives it
  typed       the right type and status, a body of HTML
  redirect    302 to the server itself
  cut         the head and half of the body of the answer
  short       half of the body, with a length that fits it
  team A B    asks for team B wherever the device asks for team A
  old FILE    keeps the first greeting in FILE, and answers every later one with it
"""

import os
import re
import sys
import threading

sys.dont_write_bytecode = True
import relay

BACKEND, PORT_FILE, MODE_FILE = int(sys.argv[1]), sys.argv[2], sys.argv[3]
PAGE = b"<!DOCTYPE html><html><body>Welcome to this network. Please sign in.</body></html>"


def message(status, kind, body, more=b""):
    return (b"HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n%s\r\n" %
            (status, kind, len(body), more)) + body


def ask(head, body):
    with relay.connect(BACKEND, head, body) as server:
        return relay.read_message(server)


def answer(head, body):
    with open(MODE_FILE) as file:
        words = file.read().rstrip("\n").split(" ")
    mode = words[0] if words else "pass"
    if mode == "html":
        return message(b"200 OK", b"text/html", PAGE)
    if mode == "typed":
        return message(b"200 OK", b"application/vnd.baken", PAGE)
    if mode == "redirect":
        return message(b"302 Found", b"text/plain", b"", b"Location: http://127.0.0.1:%d/v1/hello\r\n" % BACKEND)
    if mode == "team":
        head = head.replace(words[1].encode(), words[2].encode())
    got, content = ask(head, body)
    if got is None:
        return b""
    kind = re.search(rb"(?im)^content-type: *([^\r\n]*)", got)
    kind = kind.group(1) if kind else b"text/plain"
    status = got.split(b"\r\n", 1)[0].split(b" ", 1)[1]
    if mode == "cut":
        return got + b"\r\n\r\n" + content[:len(content) // 2]
    if mode == "short":
        return message(status, kind, content[:len(content) // 2])
    if mode == "old" and b"/v1/hello" in head:
        path = " ".join(words[1:])
        if not os.path.exists(path):
            with open(path, "wb") as file:
                file.write(content)
        with open(path, "rb") as file:
            content = file.read()
        return message(status, kind, content)
    return got.replace(b"Connection: keep-alive", b"Connection: close") + b"\r\n\r\n" + content


def serve(client):
    with client:
        try:
            head, body = relay.read_message(client)
            if head is not None:
                client.sendall(answer(head, body))
        except OSError:
            pass


relay.serve(PORT_FILE, lambda client: threading.Thread(target=serve, args=(client,), daemon=True).start())
