"""Decodes the golden files of the wire without any of Baken's code: docs/PROTOCOL.md, Python, libsodium, zstd.

usage: /usr/bin/python3 wire.py DIRECTORY
Checks signatures, hashes and chains, opens boxes, links, names and bodies, and prints a line for each file and each
line of the ledger. Any difference ends it.
"""
import os
import sys

sys.dont_write_bytecode = True

import zstandard
from nacl.public import SealedBox

from ledger import KINDS, Identity, Ledger, box_records, heads, join_request
from parts import H, Reader, ZERO, padded, plain_hash, seal_open, verify

IDENTITY_BYTES = 161


class Golden:
    def __init__(self, directory):
        self.directory = directory
        keys = self.file("keys")
        self.server, self.author, self.team_key = keys.take(32), keys.take(32), keys.take(32)
        reader_box = keys.take(32)
        keys.end()
        saved = self.file("identities").data
        identities = [Identity(saved[i:i + IDENTITY_BYTES]) for i in range(0, len(saved), IDENTITY_BYTES)]
        self.reader = identities[-1]
        assert bytes(self.reader.secret) == reader_box and identities[0].sign == self.author
        self.identities = {identity.device: identity for identity in identities}
        self.first = identities[0].device

    def file(self, name):
        with open(os.path.join(self.directory, name + ".bin"), "rb") as file:
            return Reader(file.read())


def statement(r, ledger, position):
    start = r.at
    assert r.take(32) == ledger.team and r.u(8) == position and r.take(32) == ledger.hashes[position]
    r.u(8)
    signed = r.data[start:r.at]
    verify(ledger.server(position), "baken statement", signed, r.take(64))


def answer(r, ledger, first):
    """The lines of an answer; the statement is for the last of them."""
    assert r.u(1) == 1
    lines = [r.block() for _ in range(r.varint())]
    assert not r.flag()
    for position, line in enumerate(lines, first):
        if position == len(ledger.hashes):
            ledger.line(line)
        assert ledger.hashes[position] == H("baken line 1", line)
    statement(r, ledger, first + len(lines) - 1)
    r.end()
    return lines


def shown(field):
    name, value = field
    if isinstance(value, bytes):
        value = value.hex()[:8]
    if name == "heads":
        value = ",".join(f"{device.hex()[:8]}/{incarnation}/{last}" for _, device, incarnation, last, _ in value)
    if name == "families":
        value = ",".join(family.hex()[:8] for family in value)
    if name == "request":
        value = value["sign"].hex()[:8]
    return None if name == "texts" else f"{name}={value}"


def history(golden):
    """The ledger of all golden files, its boxes opened."""
    ledger = Ledger()
    lines = answer(golden.file("history"), ledger, 1)
    r = golden.file("box_list")
    after, more, listed = r.u(8), r.flag(), box_records(r, numbered=True)
    r.end()
    assert not more and after == listed[-1][0] == len(listed)
    assert [number for number, *_ in listed] == list(range(1, after + 1))
    at, totals = 0, [0, 0, 0]
    for position, op in enumerate(ledger.ops, 1):
        count = sum(len(part["recipients"]) for part in op["parts"])
        records, at = listed[at:at + count], at + count
        ledger.check_boxes(op, records)
        totals = [a + b for a, b in zip(totals, ledger.open_boxes(op, records, golden.identities))]
        print(f"line {position}: {KINDS[op['kind']]}", *ledger.texts(op), *filter(None, map(shown, op["fields"].items())))
        for part in op["parts"]:
            print("   ", "makes" if part["makes"] else "shares", part["stream"].hex()[:8], part["epoch"], "for",
                  *(to.hex()[:8] for to in part["recipients"]))
    assert at == len(listed) and set(ledger.commitments) == set(ledger.keys)
    assert {op["kind"] for op in ledger.ops} == set(range(1, len(KINDS)))
    print("box_list: opened %d of devices, %d of the reserve, %d links" % tuple(totals))
    return ledger, lines, listed


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


def runs(r, ledger):
    """What each run holds: the flags of its items, the bodies that are there, the headers."""
    found = []
    for _ in range(r.varint()):
        is_newer = r.u(1) != 1
        run = Reader(r.take(r.u(4)))
        if is_newer:
            found.append(([], [], []))
            continue
        feed, epoch, first, previous = run.take(40), run.take(4), run.u(4), run.take(32)
        key, author = ledger.keys[feed[:16], int.from_bytes(epoch, "big")], ledger.devices[feed[16:32]]["sign"]
        all_flags, bodies, headers = [], [], []
        for _ in range(run.varint()):
            flags, last = run.u(1), first + run.varint()
            assert flags < 4 and (headers or not flags & 1)
            if not flags & 1:
                position = run.take(40)
            assert position[8:] == ledger.hashes[int.from_bytes(position[:8], "big")]
            nonce = run.take(24)
            if flags & 2:
                body, back = None, run.take(36)
            else:
                body = run.block()
                back = len(body).to_bytes(4, "big") + plain_hash(body)
            front = (b"\1" + feed + first.to_bytes(4, "big") + last.to_bytes(4, "big") + previous + epoch +
                     position + nonce)
            assert len(front) == 149
            verify(author, "baken entry 1", front + back, run.take(64))
            run.varint()
            if body is not None:
                bodies.append(unpack(seal_open(key, nonce, front, body)))
            all_flags.append(flags)
            headers.append(front + back)
            first, previous = last + 1, H("baken header 1", front + back)
        run.end()
        found.append((all_flags, bodies, headers))
    return found


def ack(data, golden, ledger):
    r = Reader(data)
    assert r.u(1) == 1 and r.take(32) == ledger.team
    device, incarnation, number = r.take(16), r.u(8), r.u(8)
    r.u(8)
    assert (device, incarnation, number) == (golden.first, 77, 3)
    assert ledger.hashes[r.u(8)] == r.take(32)
    streams = 0
    for _ in range(r.varint()):
        assert r.take(16) == ledger.team_stream
        r.take(32)
        assert [(r.take(16), r.u(8), r.u(4)) for _ in range(r.varint())] == [(golden.first, 77, 6)]
        streams += 1
    verify(golden.author, "baken ack 1", data[:r.at], r.take(64))
    r.end()
    return streams


def ledger_files(golden, ledger, lines, listed):
    assert golden.file("line").data == lines[0]
    assert H("baken op 1", golden.file("operation").data) == ledger.team
    for name in ("submission", "creation"):
        r = golden.file(name)
        code = r.address() if name == "creation" else "no code"
        assert r.take(r.u(4)) == golden.file("operation").data
        records = box_records(r)
        r.end()
        ledger.check_boxes(ledger.ops[0], records)
        assert {record for *_, record in records} == {record for *_, record in listed[:2]}
        print(name + ":", code, len(records), "boxes")
    assert answer(golden.file("ledger_answer"), ledger, 1) == lines[:1]
    print("ledger_answer: the statement holds")


def entry_files(golden, ledger):
    push = golden.file("push")
    assert push.u(1) == 1
    (flags, bodies, headers), = pushed = runs(push, ledger)
    push.end()
    assert flags == [0, 1, 1] and headers[2] == golden.file("entry_header").data
    assert bodies[2] == unpack(golden.file("packed").data)
    print("push:", [len(body) for body in bodies])

    page = golden.file("page")
    assert (page.u(1), page.u(8), page.u(8), page.u(1)) == (1, 0, 3, 0)
    page.u(8), page.u(8)
    assert runs(page, ledger) == [([2, 1, 1], bodies[1:], headers)]
    page.end()
    print("page: a body that is gone leaves the chain whole")

    r = golden.file("push_answer")
    assert r.u(1) == 1 and r.take(32) == plain_hash(push.data)
    r.u(8), r.u(8)
    print("push_answer:", [(r.u(1), r.u(1)) for _ in range(r.varint())])
    verify(golden.server, "baken pushed 1", r.data[:r.at], r.take(64))
    r.end()
    return pushed


def joining_files(golden, ledger):
    r = golden.file("hello")
    assert r.u(1) == 1
    r.u(8)
    assert r.take(32) == golden.server
    r.take(16), r.u(4), r.u(4), r.address()
    assert r.flag() and r.take(32) == ledger.team and r.u(8) == 1 and r.take(32) == ledger.hashes[1]
    verify(golden.server, "baken hello 1", r.data[:r.at], r.take(64))
    r.end()
    print("hello: the signature holds")

    r = golden.file("invitation")
    assert r.u(1) == 1
    address = r.address()
    assert r.take(32) == golden.server and r.take(32) == ledger.team
    assert ledger.hashes[r.u(8)] == r.take(32)
    r.take(32)
    assert r.take(32) == golden.author and H("baken invite 1", r.data[:r.at])[:4] == r.take(4)
    r.end()
    print("invitation:", address)

    request = golden.file("join_request").data
    asked = join_request(request, ledger.team)
    assert asked["sign"] == golden.reader.sign and asked["box"] == golden.reader.box
    r = golden.file("joins")
    assert r.varint() == 1 and r.block() == request
    r.end()
    print("join_request: both signatures hold")


def ack_files(golden, ledger):
    assert ack(golden.file("ack").data, golden, ledger) == 1
    r = golden.file("ack_list")
    assert (r.u(8), r.flag(), r.varint()) == (4, False, 1) and r.block() == golden.file("ack").data
    r.end()
    r = golden.file("heads")
    (stream, device, incarnation, last, _), = heads(r)
    r.end()
    assert (stream, device, incarnation, last) == (ledger.team_stream, golden.first, 77, 6)
    print("ack: the signature holds")


def bundle_file(golden, ledger, lines, pushed):
    r = golden.file("bundle")
    assert r.take(9) == b"BAKENBDL\1" and r.take(32) == ledger.team and r.take(16) == golden.first
    assert r.take(16) == golden.reader.device
    r.u(8)
    head = r.data[:r.at]
    key, nonce = SealedBox(golden.reader.secret).decrypt(r.block()), r.take(24)
    content = seal_open(key, nonce, padded("baken bundle 1") + head, r.take(r.u(8)))
    verify(golden.author, "baken bundle 1", r.data[:r.at], r.take(64))
    r.end()
    assert content == golden.file("bundle_content").data
    bundle_content("bundle", content, golden, ledger, lines, pushed, 3)
    bundle_content("bundle_full", golden.file("bundle_full").data, golden, ledger, lines, pushed, 1)
    carried_content(golden.file("bundle_carried").data, ledger, lines)


def bundle_content(name, content, golden, ledger, lines, pushed, run_count):
    r = Reader(content)
    first = r.u(8)
    assert [r.block() for _ in range(r.varint())] == lines[first - 1:] and r.flag()
    statement(r, ledger, len(lines))
    carried = runs(r, ledger)
    assert carried[:1] == pushed and [flags for flags, *_ in carried] == [[0, 1, 1], [0, 1, 0], [0]][:run_count]
    boxes, operations = len(box_records(r)), [r.block() for _ in range(r.varint())]
    acks = [r.block() for _ in range(r.varint())]
    for operation in operations:
        ledger.operation(operation)
    for one in acks:
        ack(one, golden, ledger)
    r.end()
    print(f"{name}: {len(lines) - first + 1} lines, {len(carried)} runs, {boxes} boxes, {len(operations)} operations, "
          f"{len(acks)} acks")


def carried_content(content, ledger, lines):
    r = Reader(content)
    assert r.u(8) == len(lines) + 1 and r.varint() == 0 and r.flag()
    statement(r, ledger, len(lines))
    assert runs(r, ledger) == [([], [], [])] and box_records(r) == []
    assert r.varint() == 2
    give = ledger.operation(r.block())
    ledger.covers.add(give["fields"]["cover"])
    accept = ledger.operation(r.block())
    assert r.varint() == 0
    r.end()
    for op in give, accept:
        assert op["team"] == ledger.team and op["seen"] == len(lines) and op["seen_hash"] == ledger.hashes[-1]
        assert not op["parts"] and op["boxes_hash"] == ZERO
        assert 0 < op["not_after_ms"] <= op["created_ms"] + 30 * 86400000
    assert KINDS[give["kind"]] == "cover_give" and KINDS[accept["kind"]] == "cover_accept"
    assert give["fields"]["cover"] == accept["fields"]["cover"]
    approved = next(op for op in ledger.ops if op["kind"] == 3 and op["fields"]["device"] == accept["author"])
    assert ledger.invitations[approved["fields"]["request"]["invite"]][0] == give["fields"]["person"]
    print("bundle_carried: a cover given and accepted, a run of a newer format")


def main():
    golden = Golden(sys.argv[1])
    ledger, lines, listed = history(golden)
    assert ledger.keys[ledger.team_stream, 1] == golden.team_key and ledger.server(1) == golden.server
    print("history:", len(lines), "lines, team", ledger.team.hex()[:16])
    ledger_files(golden, ledger, lines, listed)
    pushed = entry_files(golden, ledger)
    joining_files(golden, ledger)
    ack_files(golden, ledger)
    bundle_file(golden, ledger, lines, pushed)


main()
