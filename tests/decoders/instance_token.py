"""Decodes an instance token without any of Baken's code: docs/STORE.md section 5, and Python.

usage: /usr/bin/python3 instance_token.py FILE
Prints what the newest whole slot says, a line each; a file without one ends it.
"""
import hashlib
import json
import struct
import sys

KEYS = ["format", "store", "device", "inode", "openings"]
SLOT, STRIDE = 512, 4096


def once(pairs):
    assert len({name for name, _ in pairs}) == len(pairs), "a key twice"
    return dict(pairs)


def number(value):
    """Beyond 2^53 a text, as it would not survive every reader of JSON."""
    beyond = 1 << 53
    assert type(value) in (int, str)
    read = int(value)
    assert str(read) == str(value) and 0 <= read < 1 << 64 and (type(value) is str) == (read > beyond)
    return read


def hexadecimal(value):
    read = bytes.fromhex(value)
    assert len(read) == 16 and read.hex() == value
    return read


def decode(text, version):
    token = json.loads(text.decode("utf-8"), object_pairs_hook=once)
    assert list(token) == KEYS + ["check"] * (version == 2), "other keys"
    assert token["format"] == version and type(token["format"]) is int
    store = hexadecimal(token["store"])
    said = [number(token[name]) for name in KEYS[2:]]
    if version == 2:
        context = b"baken token 2".ljust(16, b"\0")
        whole = hashlib.blake2b(context + store + struct.pack(">QQQ", *said), digest_size=32).digest()
        assert hexadecimal(token["check"]) == whole[:16], "not whole"
    return store, said


def slots(data):
    assert len(data) <= STRIDE + SLOT
    for start in (0, STRIDE):
        slot = data[start : start + SLOT]
        try:
            assert len(slot) == SLOT and slot[-1:] == b"\n"
            text = slot[:-1].rstrip(b" ")
            assert b" " not in text
            yield decode(text, 2)
        except (AssertionError, KeyError, ValueError):
            pass
    try:
        yield decode(data[:SLOT].rstrip(b"\0"), 1)
    except (AssertionError, KeyError, ValueError):
        pass


def main():
    with open(sys.argv[1], "rb") as file:
        store, said = max(slots(file.read()), key=lambda token: token[1][2])
    print("store", store.hex())
    for name, value in zip(KEYS[2:], said):
        print(name, value)


main()
