"""Decodes the golden files of the wire without any of Baken's code: docs/PROTOCOL.md, Python, libsodium, zstd.

usage: /usr/bin/python3 wire.py DIRECTORY
Checks signatures, hashes and chains, opens the bodies, and prints one line per file. Any difference ends it.
"""
import hashlib
import os
import sys

import zstandard
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt as aead_open
from nacl.public import PrivateKey, SealedBox
from nacl.signing import VerifyKey

ZERO = bytes(32)


def padded(context):
    return context.encode().ljust(16, b"\0")


def H(context, data):
    return hashlib.blake2b(padded(context) + data, digest_size=32).digest()


def verify(public, context, data, signature):
    VerifyKey(public).verify(padded(context) + data, signature)


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        assert 0 <= n <= len(self.data) - self.at, "cut short"
        self.at += n
        return self.data[self.at - n:self.at]

    def u(self, n):
        return int.from_bytes(self.take(n), "big")

    def varint(self):
        value = shift = 0
        while True:
            byte = self.u(1)
            value |= (byte & 127) << shift
            if byte < 128:
                assert byte or not shift, "overlong"
                return value
            shift += 7

    def block(self):
        return self.take(self.varint())

    def end(self):
        assert self.at == len(self.data), "bytes left over"


class Golden:
    def __init__(self, directory):
        self.directory = directory
        keys = self.file("keys").data
        self.server, self.author, self.team_key, reader = (keys[i:i + 32] for i in range(0, 128, 32))
        self.reader = PrivateKey(reader)

    def file(self, name):
        with open(os.path.join(self.directory, name + ".bin"), "rb") as file:
            return Reader(file.read())


def sealed_text(r, key, subject):
    assert r.u(4) == 1
    nonce = r.take(24)
    plain = aead_open(r.block(), padded("baken name 1") + subject, nonce, key)
    length = int.from_bytes(plain[:2], "big")
    assert len(plain) % 64 == 0 and not any(plain[2 + length:])
    return plain[2:2 + length].decode()


def operation(data, golden):
    r = Reader(data)
    assert (r.u(1), r.u(1)) == (1, 1)
    assert r.take(32) == ZERO
    author = r.take(16)
    assert r.u(8) == 0 and r.take(32) == ZERO
    r.u(8), r.u(8)
    assert r.u(4) == 0
    r.take(16)
    p = Reader(r.take(r.u(4)))
    person = p.take(16)
    roles, sign, box = p.u(4), p.take(32), p.take(32)
    assert roles & 3 == 3 and sign == golden.author
    assert author == H("baken device 1", sign + box)[:16]
    stream = p.take(16)
    p.take(32)
    assert p.take(32) == golden.server
    p.block()
    names = sealed_text(p, golden.team_key, person), sealed_text(p, golden.team_key, author)
    p.end()
    assert r.varint() == 2
    for expected in (stream, b"\xff" * 16):
        made, epoch, makes, commitment = r.take(16), r.take(4), r.u(1), r.take(32)
        assert (made, makes) == (expected, 1)
        if made == stream:
            assert commitment == hashlib.blake2b(padded("baken commit 1") + made + epoch,
                                                 key=golden.team_key, digest_size=32).digest()
        assert [r.take(16) for _ in range(r.varint())] == [author]
    assert r.take(32) != ZERO
    verify(sign, "baken ledger 1", data[:r.at], r.take(64))
    r.end()
    return H("baken op 1", data), stream, author, names


def line(data, golden):
    r = Reader(data)
    assert r.u(8) == 1 and r.take(32) == ZERO
    time = r.u(8)
    op = r.take(r.u(4))
    r.end()
    return operation(op, golden), H("baken line 1", data), time


def statement(r, golden, team, line_hash):
    start = r.at
    assert r.take(32) == team and r.u(8) == 1 and r.take(32) == line_hash
    r.u(8)
    signed = r.data[start:r.at]
    verify(golden.server, "baken statement", signed, r.take(64))


def boxes(r):
    found = []
    for _ in range(r.varint()):
        record = r.take(16), r.u(4), r.take(16), r.block()
        assert len(record[3]) == (101 if any(record[2]) else 72)
        found.append(record)
    return found


def pad(n):
    n = max(1, -(-n // 64)) * 64
    exponent = n.bit_length() - 1
    mask = (1 << (exponent - exponent.bit_length())) - 1
    return (n + mask) & ~mask


def unpack(data):
    r = Reader(data)
    assert r.u(1) == 0
    codec, coded, length = r.u(1), r.u(4), r.u(4)
    body = r.take(coded)
    assert len(data) == pad(10 + coded) and not any(r.data[r.at:])
    if codec == 1:
        body = zstandard.ZstdDecompressor().decompress(body, max_output_size=length)
    assert len(body) == length
    return body


def runs(r, golden, stream, team_line):
    bodies, heads = [], []
    for _ in range(r.varint()):
        assert r.u(1) == 1
        run = Reader(r.take(r.u(4)))
        feed, epoch, first, previous = run.take(40), run.take(4), run.u(4), run.take(32)
        assert feed[:16] == stream
        for _ in range(run.varint()):
            flags, last = run.u(1), first + run.varint()
            if not flags & 1:
                ledger = run.take(40)
            assert ledger[8:] == team_line
            nonce = run.take(24)
            if flags & 2:
                body, back = None, run.take(36)
            else:
                body = run.block()
                back = len(body).to_bytes(4, "big") + hashlib.blake2b(body, digest_size=32).digest()
            front = (b"\1" + feed + first.to_bytes(4, "big") + last.to_bytes(4, "big") + previous + epoch +
                     ledger + nonce)
            assert len(front) == 149
            verify(golden.author, "baken entry 1", front + back, run.take(64))
            run.varint()
            if body is not None:
                bodies.append(unpack(aead_open(body, front, nonce, golden.team_key)))
            heads.append(front + back)
            first, previous = last + 1, H("baken header 1", front + back)
        run.end()
    return bodies, heads


def ack(data, golden, team, stream):
    r = Reader(data)
    assert r.u(1) == 1 and r.take(32) == team
    r.take(16), r.u(8), r.u(8), r.u(8), r.u(8), r.take(32)
    for _ in range(r.varint()):
        assert r.take(16) == stream
        r.take(32)
        for _ in range(r.varint()):
            r.take(28)
    verify(golden.author, "baken ack 1", data[:r.at], r.take(64))
    r.end()


def main():
    golden = Golden(sys.argv[1])
    (team, stream, author, names), line_hash, _ = line(golden.file("line").data, golden)
    print("line: team", team.hex()[:16], "names", *names)

    assert operation(golden.file("operation").data, golden)[0] == team
    for name in ("submission", "creation"):
        r = golden.file(name)
        if name == "creation":
            r.block()
        assert operation(r.take(r.u(4)), golden)[0] == team
        print(name + ":", len(boxes(r)), "boxes")
        r.end()

    r = golden.file("ledger_answer")
    assert r.u(1) == 1 and r.varint() == 1 and H("baken line 1", r.block()) == line_hash and r.u(1) == 0
    statement(r, golden, team, line_hash)
    r.end()
    print("ledger_answer: the statement holds")

    r = golden.file("box_list")
    assert (r.u(8), r.u(1), r.varint(), r.u(8)) == (9, 1, 1, 8)
    r.take(36), r.block(), r.end()

    push = golden.file("push")
    assert push.u(1) == 1
    bodies, heads = runs(push, golden, stream, line_hash)
    push.end()
    assert bodies[2] == unpack(golden.file("packed").data) and heads[2] == golden.file("entry_header").data
    print("push:", [len(body) for body in bodies])

    page = golden.file("page")
    assert (page.u(1), page.u(8), page.u(8), page.u(1)) == (1, 0, 3, 0)
    page.u(8), page.u(8)
    assert runs(page, golden, stream, line_hash) == (bodies[1:], heads)
    page.end()
    print("page: a body that is gone leaves the chain whole")

    r = golden.file("push_answer")
    assert r.u(1) == 1 and r.take(32) == hashlib.blake2b(push.data, digest_size=32).digest()
    r.u(8), r.u(8)
    print("push_answer:", [(r.u(1), r.u(1)) for _ in range(r.varint())])
    verify(golden.server, "baken pushed 1", r.data[:r.at], r.take(64))
    r.end()

    r = golden.file("hello")
    assert r.u(1) == 1
    r.u(8)
    assert r.take(32) == golden.server
    r.take(16), r.u(4), r.u(4), r.block()
    assert r.u(1) == 1 and r.take(32) == team and r.u(8) == 1 and r.take(32) == line_hash
    verify(golden.server, "baken hello 1", r.data[:r.at], r.take(64))
    r.end()
    print("hello: the signature holds")

    r = golden.file("invitation")
    assert r.u(1) == 1
    address = r.block().decode()
    r.take(32), r.take(32), r.u(8), r.take(32), r.take(32)
    assert r.take(32) == golden.author
    assert H("baken invite 1", r.data[:r.at])[:4] == r.take(4)
    r.end()
    print("invitation:", address)

    request = golden.file("join_request").data
    assert request[0] == 1 and request[1:33] == team
    verify(request[33:65], "baken join 1", request[:137], request[137:201])
    verify(request[65:97], "baken join 1", request[:137], request[201:265])
    r = golden.file("joins")
    assert r.varint() == 1 and r.block() == request
    r.end()
    print("join_request: both signatures hold")

    ack(golden.file("ack").data, golden, team, stream)
    r = golden.file("ack_list")
    assert (r.u(8), r.u(1), r.varint()) == (4, 0, 1) and r.block() == golden.file("ack").data
    r.end()
    r = golden.file("heads")
    assert r.varint() == 1 and r.take(16) == stream and r.take(16) == author and (r.u(8), r.u(4)) == (77, 6)
    r.take(32), r.end()
    print("ack: the signature holds")

    r = golden.file("bundle")
    assert r.take(9) == b"BAKENBDL\1" and r.take(32) == team and r.take(16) == author
    r.take(16), r.u(8)
    head = r.data[:r.at]
    key, nonce = SealedBox(golden.reader).decrypt(r.block()), r.take(24)
    content = aead_open(r.take(r.u(8)), padded("baken bundle 1") + head, nonce, key)
    verify(golden.author, "baken bundle 1", r.data[:r.at], r.take(64))
    r.end()
    assert content == golden.file("bundle_content").data
    r = Reader(content)
    assert r.u(8) == 1 and r.varint() == 1 and H("baken line 1", r.block()) == line_hash and r.u(1) == 1
    statement(r, golden, team, line_hash)
    assert runs(r, golden, stream, line_hash) == ([], [])
    print("bundle:", len(boxes(r)), "boxes")
    assert r.varint() == 0 and r.varint() == 0
    r.end()


main()
