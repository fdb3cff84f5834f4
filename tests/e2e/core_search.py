#!/usr/bin/python3
"""Searches files for secrets.

usage: core_search.py SECRETS PASSPHRASE-FILE KEYSLOTS DIRECTORY ...
SECRETS is what `dump_store secrets` prints. Each key counts whole and by half, raw, in hexadecimal and in base64, with what is
derived from it. Prints "NAME in FILE" for each hit; ends with 0 when there is none, 1 otherwise.
"""
import base64
import hashlib
import json
import os
import sys

from nacl.pwhash.argon2id import kdf


def forms(name, value):
    """What to look for when `value` is to be nowhere."""
    for half in range(0, len(value) - 15, 16):
        yield "%s, byte %d" % (name, half), value[half:half + 16]
    yield name + " in hex", value.hex()[:32].encode()
    yield name + " in HEX", value.hex()[:32].upper().encode()
    yield name + " in base64", base64.b64encode(value)[:20]


def needles(secrets, passphrase, slots):
    with open(secrets) as file:
        for line in file:
            words = line.split()
            name, value = (words[0], bytes.fromhex(words[1])) if len(words) == 2 else \
                ("epoch key %s of %s" % (words[2], words[1]), bytes.fromhex(words[3]))
            if name == "signing-key":
                expanded = hashlib.sha512(value[:32]).digest()
                scalar = bytes([expanded[0] & 248]) + expanded[1:31] + bytes([expanded[31] & 63 | 64])
                yield from forms("signing scalar", scalar)
                yield from forms("signing prefix", expanded[32:])
                value = value[:32]  # then comes the public key
            if name == "box-key":
                clamped = bytes([value[0] & 248]) + value[1:31] + bytes([value[31] & 127 | 64])
                yield from forms("box scalar", clamped)
            yield from forms(name, value)
    with open(passphrase, "rb") as file:
        word = file.read().rstrip(b"\n")
    yield "passphrase", word
    with open(slots) as file:
        for slot in json.load(file)["slots"]:
            if slot["kind"] == "passphrase":
                yield from forms("wrapping key", kdf(32, word, bytes.fromhex(slot["salt"]),
                                                     opslimit=slot["passes"], memlimit=slot["memory_kib"] * 1024))


def files(places):
    for place in places:
        if os.path.isfile(place):
            yield place
        for directory, _, names in os.walk(place):
            for name in names:
                path = os.path.join(directory, name)
                if os.path.isfile(path) and not os.path.islink(path):
                    yield path


def main():
    wanted = list(needles(*sys.argv[1:4]))
    hits = searched = 0
    for path in files(sys.argv[4:]):
        with open(path, "rb") as file:
            data = file.read()
        searched += 1
        for name, needle in wanted:
            at = data.find(needle)
            if at >= 0:
                hits += 1
                print("%s in %s at %d" % (name, path, at))
    print("%d secrets, %d files, %d hits" % (len(wanted), searched, hits))
    sys.exit(1 if hits or not searched else 0)


main()
