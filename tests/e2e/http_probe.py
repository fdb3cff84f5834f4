"""Hostile and odd HTTP against a running bakend, over plain sockets.

usage: http_probe.py PORT DEADLINE_S IDLE_S

Prints `ok - NAME` or `not ok - NAME: what was seen` for each probe; http_hostile.sh counts them. The
table is that of the measurements by which the library was chosen: what it does not do by itself, the
guard and the deadline of server/http.c do.
"""

import re
import socket
import sys
import time

PORT, DEADLINE, IDLE = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
GOOD = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
TEAM = b"/v1/teams/" + b"ab" * 32


def connect():
    return socket.create_connection(("127.0.0.1", PORT), timeout=DEADLINE + IDLE + 10)


def report(name, holds, seen):
    print(f"ok - {name}" if holds else f"not ok - {name}: {seen!r}", flush=True)


def whole_answers(data):
    """How many answers are in it to their end."""
    count = 0
    while True:
        head, end, data = data.partition(b"\r\n\r\n")
        length = re.search(rb"(?im)^content-length: *(\d+)", head)
        length = int(length.group(1)) if length else 0
        if not end or len(data) < length:
            return count
        count, data = count + 1, data[length:]


def read_all(sock, wanted=1):
    """What the server says until it closes, or until so many answers are whole."""
    data = b""
    while True:
        try:
            if whole_answers(data) >= wanted:
                return data
            part = sock.recv(65536)
        except TimeoutError:
            return data
        except OSError:
            return data or b"(reset)"
        if not part:
            return data or b"(closed)"
        data += part


def answer(request):
    with connect() as sock:
        try:
            sock.sendall(request)
        except OSError:
            pass  # the server may have answered and closed before all was sent
        return read_all(sock)


def status(data):
    words = data.split(b" ", 2)
    return int(words[1]) if data.startswith(b"HTTP/1.1 ") else data


def expect(name, request, *wanted):
    seen = status(answer(request))
    report(name, seen in wanted, seen)


def post(path, headers, body=b""):
    return b"POST " + path + b" HTTP/1.1\r\nHost: a\r\n" + headers + b"\r\n" + body


def still_serves(name):
    started = time.monotonic()
    seen = status(answer(GOOD))
    report(name, seen == 200 and time.monotonic() - started < DEADLINE - 1, seen)


# ---- what a head may be ----
TYPE = b"Content-Type: application/vnd.baken\r\n"
expect("a plain request is served", GOOD, 200)
expect("no Host is refused", b"GET /healthz HTTP/1.1\r\n\r\n", 400)
expect("no Host is refused in HTTP/1.0 as well", b"GET /healthz HTTP/1.0\r\n\r\n", 400)
expect("two Hosts are refused", b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400)
expect("two Content-Lengths are refused",
       post(b"/v1/teams", TYPE + b"Content-Length: 3\r\nContent-Length: 5\r\n", b"abcde"), 400)
expect("two equal Content-Lengths are refused",
       post(b"/v1/teams", TYPE + b"Content-Length: 3\r\nContent-Length: 3\r\n", b"abc"), 400)
for bad in (b"+5", b"5abc", b"5, 5", b"-1", b"0x5", b"99999999999999999999"):
    seen = status(answer(post(b"/v1/teams", TYPE + b"Content-Length: " + bad + b"\r\n", b"abcde")))
    report(f"Content-Length {bad.decode()} is refused", seen in (400, 413), seen)
expect("no Content-Length is refused for a body", post(b"/v1/teams", TYPE), 411)
expect("chunks are refused",
       post(b"/v1/teams", TYPE + b"Transfer-Encoding: chunked\r\n", b"3\r\nabc\r\n0\r\n\r\n"), 501)
expect("Content-Length and chunks together are refused",
       post(b"/v1/teams", TYPE + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
            b"3\r\nabc\r\n0\r\n\r\n"), 400, 501)
expect("an unknown Transfer-Encoding is refused",
       post(b"/v1/teams", TYPE + b"Transfer-Encoding: xchunked\r\n", b""), 400, 501)
expect("a chunk size that overflows is refused",
       post(b"/v1/teams", TYPE + b"Transfer-Encoding: chunked\r\n", b"fffffffffffffffff\r\nabc"),
       400, 413, 501)
expect("a blank before the colon is refused",
       b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-Odd : b\r\n\r\n", 400)
# The library cuts the value at the NUL before the guard sees it; nginx refuses such a request.
expect("a NUL in a value does no harm",
       b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-Odd: b\0c\r\n\r\n", 200, 400)
expect("a NUL in a name is refused",
       b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-O\0dd: b\r\n\r\n", 400)
expect("a bare CR in a value is refused",
       b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-Odd: b\rc\r\n\r\n", 400)
expect("a header that counts, twice, is refused",
       b"GET /healthz HTTP/1.1\r\nHost: a\r\nSignature: x\r\nSignature: y\r\n\r\n", 400)
expect("2,000 headers are refused",
       b"GET /healthz HTTP/1.1\r\nHost: a\r\n" + b"X-Odd: abcdefgh\r\n" * 2000 + b"\r\n", 431)
expect("a header line of 64 KiB is refused",
       b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-Odd: " + b"a" * 65536 + b"\r\n\r\n", 431)
expect("a target of 64 KiB is refused",
       b"GET /" + b"a" * 65536 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414, 431)

# ---- routes and bodies ----
expect("an unknown route is said to be one", b"GET /v2/hello HTTP/1.1\r\nHost: a\r\n\r\n", 404)
expect("a dot segment is not followed", b"GET /v1/../healthz HTTP/1.1\r\nHost: a\r\n\r\n", 404)
expect("a percent sign is not decoded", b"GET /%68ealthz HTTP/1.1\r\nHost: a\r\n\r\n", 404)
expect("another method is refused", b"DELETE /v1/hello HTTP/1.1\r\nHost: a\r\n\r\n", 405)
expect("an unknown team is said to be one",
       b"GET " + TEAM + b"/entries HTTP/1.1\r\nHost: a\r\n\r\n", 404)
expect("another media type is refused",
       post(b"/v1/teams", b"Content-Type: text/plain\r\nContent-Length: 3\r\n", b"abc"), 415)
expect("a body that is none is refused", post(b"/v1/teams", TYPE + b"Content-Length: 3\r\n", b"abc"),
       400)
expect("a body where none is taken is refused",
       b"GET /v1/hello HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", 413)
expect("a request to join over its ceiling is refused",
       post(TEAM + b"/joins", TYPE + b"Content-Length: 300\r\n", b"a" * 300), 413)

started = time.monotonic()
seen = status(answer(post(TEAM + b"/entries", TYPE + b"Content-Length: 104857600\r\n")))
report("a body of 100 MB is refused before it is sent",
       seen == 413 and time.monotonic() - started < DEADLINE - 1, seen)
expect("a body of 100 MB that is sent all the same is refused",
       post(TEAM + b"/entries", TYPE + b"Content-Length: 104857600\r\n", b"a" * 104857600), 413,
       b"(reset)", b"(closed)")
still_serves("the server serves on")

# ---- slowness ----


def seconds_until_closed(first, drip):
    """Sends `first`, then one byte of `drip` each 0.25 s; how long the connection lived."""
    started = time.monotonic()
    with connect() as sock:
        sock.settimeout(0.25)
        sock.sendall(first)
        while time.monotonic() - started < DEADLINE + IDLE + 5:
            try:
                if not sock.recv(65536):
                    break
            except TimeoutError:
                pass
            except OSError:
                break
            try:
                if drip:
                    sock.sendall(drip)
            except OSError:
                break
    return time.monotonic() - started


lived = seconds_until_closed(b"", b"")
report("a silent connection is closed", lived < IDLE + 3, lived)
lived = seconds_until_closed(b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-Slow: ", b"a")
report("a slow head meets the deadline", DEADLINE - 1 < lived < DEADLINE + 3, lived)
lived = seconds_until_closed(post(b"/v1/teams", TYPE + b"Content-Length: 100000\r\n"), b"a")
report("a slow body meets the deadline", DEADLINE - 1 < lived < DEADLINE + 3, lived)

half_open = [connect() for _ in range(30)]
for sock in half_open:
    sock.sendall(post(b"/v1/teams", TYPE + b"Content-Length: 100000\r\n", b"a"))
still_serves("30 half-open requests do not starve a good one")
for sock in half_open:
    sock.close()

# ---- a connection is kept, and a second request on it is its own ----
with connect() as sock:
    sock.sendall(GOOD)
    first = status(read_all(sock))
    sock.settimeout(5)
    sock.sendall(GOOD)
    second = status(read_all(sock))
report("a kept connection serves again", (first, second) == (200, 200), (first, second))
with connect() as sock:
    sock.sendall(GOOD + GOOD)
    both = read_all(sock, 2)
report("two requests sent at once get two answers", both.count(b"HTTP/1.1 200") == 2, both)
