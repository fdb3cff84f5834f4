"""Decodes an instance token without any of Baken's code: docs/STORE.md section 5, and Python.

usage: /usr/bin/python3 instance_token.py FILE
Prints what it says, a line each; anything that is not exactly a token ends it.
"""
import json
import sys

KEYS = ["format", "store", "device", "inode", "openings"]


def once(pairs):
    assert [name for name, _ in pairs] == KEYS, "other keys, or one twice"
    return dict(pairs)


def number(value):
    """Beyond 2^53 a text, as it would not survive every reader of JSON."""
    beyond = 1 << 53
    assert type(value) in (int, str)
    read = int(value)
    assert str(read) == str(value) and 0 <= read < 1 << 64 and (type(value) is str) == (read > beyond)
    return read


def main():
    with open(sys.argv[1], "rb") as file:
        token = json.loads(file.read().decode("utf-8"), object_pairs_hook=once)
    assert token["format"] == 1 and type(token["format"]) is int
    store = bytes.fromhex(token["store"])
    assert len(store) == 16 and store.hex() == token["store"]
    print("store", store.hex())
    for name in KEYS[2:]:
        print(name, number(token[name]))


main()
