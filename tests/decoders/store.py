"""Decodes a store directory without any of Baken's code: docs/STORE.md, Python and libsodium.

usage: /usr/bin/python3 store.py DIRECTORY PASSPHRASE [TABLE]
Prints what it proved, then the rows of TABLE (default: golden).
"""
import hashlib
import json
import os
import sqlite3
import struct
import sys

from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt as aead_open
from nacl.pwhash.argon2id import kdf

PAGE, NONCE, TAG, RESERVED = 4096, 24, 16, 40
WAL_HEADER, FRAME_HEADER = 32, 24
START_UNIT = NONCE + WAL_HEADER + TAG
FRAME_UNIT = NONCE + FRAME_HEADER + PAGE + TAG
CIPHER = b"\x01"


def keyed(key, context, info):
    """Keyed BLAKE2b-256 over the context, padded to 16 bytes, and the info."""
    return hashlib.blake2b(context.ljust(16, b"\0") + info, key=key, digest_size=32).digest()


def read(directory, name):
    path = os.path.join(directory, name)
    if not os.path.exists(path):
        return b""
    with open(path, "rb") as file:
        return file.read()


def unlock(slots, passphrase):
    """The store key, by the first slot that opens."""
    store = bytes.fromhex(slots["store"])
    for slot in slots["slots"]:
        assert slot["kind"] == "passphrase"
        salt = bytes.fromhex(slot["salt"])
        wrapping = kdf(32, passphrase.encode(), salt, opslimit=slot["passes"],
                       memlimit=slot["memory_kib"] * 1024)
        ad = store + b"\x01" + struct.pack(">II", slot["memory_kib"], slot["passes"]) + salt
        try:
            return aead_open(bytes.fromhex(slot["key"]), ad, bytes.fromhex(slot["nonce"]), wrapping)
        except Exception:
            continue
    sys.exit("no slot opens")


def decode_pages(main, file_id, key):
    pages = {}
    for number in range(1, len(main) // PAGE + 1):
        page = main[(number - 1) * PAGE:number * PAGE]
        head = 16 if number == 1 else 0
        nonce, tag = page[PAGE - RESERVED:PAGE - TAG], page[PAGE - TAG:]
        ad = file_id + struct.pack(">Q", number) + b"mainpage"
        plain = aead_open(page[head:PAGE - RESERVED] + tag, ad, nonce, key)
        pages[number] = (b"SQLite format 3\0" if head else b"") + plain + bytes(RESERVED)
    return pages


def wal_sum(data, s0, s1, big):
    """SQLite's own checksum of the log (file format, section 4.2)."""
    words = struct.unpack((">" if big else "<") + "%dI" % (len(data) // 4), data)
    for i in range(0, len(words), 2):
        s0 = (s0 + words[i] + s1) & 0xFFFFFFFF
        s1 = (s1 + words[i + 1] + s0) & 0xFFFFFFFF
    return s0, s1


def decode_wal(wal, file_id, key):
    """The pages of whole commits, the page count of the last, and how many frames it took."""
    pages, pending, size, used = {}, {}, 0, 0
    if len(wal) < START_UNIT:
        return pages, size, used
    generation = wal[:NONCE]
    ad = file_id + struct.pack(">Q", 0) + b"walstart"
    header = aead_open(wal[NONCE:START_UNIT], ad, generation, key)
    magic, version, page_size = struct.unpack(">III", header[:12])
    assert magic & ~1 == 0x377F0682 and version == 3007000 and page_size == PAGE
    big = bool(magic & 1)
    s0, s1 = wal_sum(header[:24], 0, 0, big)
    assert (s0, s1) == struct.unpack(">II", header[24:])
    number = 1
    while START_UNIT + number * FRAME_UNIT <= len(wal):
        at = START_UNIT + (number - 1) * FRAME_UNIT
        unit = wal[at:at + FRAME_UNIT]
        ad = file_id + struct.pack(">Q", number) + b"walframe" + generation
        try:
            frame = aead_open(unit[NONCE:], ad, unit[:NONCE], key)
        except Exception:
            break
        page_number, commit_size = struct.unpack(">II", frame[:8])
        s0, s1 = wal_sum(frame[:8] + frame[FRAME_HEADER:], s0, s1, big)
        if frame[8:16] != header[16:24] or (s0, s1) != struct.unpack(">II", frame[16:24]):
            break
        pending[page_number] = frame[FRAME_HEADER:]
        if commit_size:
            pages.update(pending)
            pending, size, used = {}, commit_size, number
        number += 1
    return pages, size, used


def main():
    directory, passphrase = sys.argv[1], sys.argv[2]
    table = sys.argv[3] if len(sys.argv) > 3 else "golden"
    slots = json.loads(read(directory, "keyslots.json"))
    master = unlock(slots, passphrase)
    data = read(directory, "store.db")
    file_id = data[:16]
    assert file_id.hex() == slots["file"]
    assert file_id[8] == 12
    assert file_id[9:] == keyed(master, b"baken file check", file_id[:9])[:7]
    pages = decode_pages(data, file_id, keyed(master, b"baken file main", file_id + CIPHER))
    in_file = len(pages)
    logged, size, used = decode_wal(read(directory, "store.db-wal"), file_id,
                                    keyed(master, b"baken file wal", file_id + CIPHER))
    pages.update(logged)
    image = bytearray(b"".join(pages[n] for n in range(1, (size or in_file) + 1)))
    image[18:20] = b"\1\1"  # an image in memory has no log
    print("key %s" % master.hex())
    print("pages %d frames %d" % (in_file, used))
    db = sqlite3.connect(":memory:")
    db.deserialize(bytes(image))
    print("integrity %s" % db.execute("PRAGMA integrity_check").fetchone()[0])
    for row in db.execute('SELECT * FROM "%s" ORDER BY 1' % table.replace('"', '""')):
        print(" | ".join(hashlib.sha256(v).hexdigest() if isinstance(v, bytes) else str(v) for v in row))


main()
