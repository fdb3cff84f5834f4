"""Decodes a store directory without any of Baken's code: docs/STORE.md, Python and libsodium.

usage: /usr/bin/python3 store.py DIRECTORY PASSPHRASE|SHEET [TABLE]
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
DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
JOURNAL_HEADER, SLOT_HEAD, CHUNK = 64, 48, 4096
JOURNAL_MAGIC = bytes.fromhex("d9d505f920a163d7")


def keyed(key, context, info):
    """Keyed BLAKE2b-256 over the context, padded to 16 bytes, and the info."""
    return hashlib.blake2b(context.ljust(16, b"\0") + info, key=key, digest_size=32).digest()


def read(directory, name):
    path = os.path.join(directory, name)
    if not os.path.exists(path):
        return b""
    with open(path, "rb") as file:
        return file.read()


def sheet_secret(text):
    """The 20 bytes of a recovery sheet; None when the text is none."""
    groups = text.upper().replace("-", " ").split()
    if len(groups) != 8 or any(len(g) != 5 or not set(g) <= set(DIGITS) for g in groups):
        return None
    number = 0
    for at, group in enumerate(groups, 1):
        values = [DIGITS.index(c) for c in group]
        check = at
        for power, value in enumerate(values[:4], 1):
            for _ in range(power):  # times 2 in GF(32) with x^5 + x^2 + 1
                value = value << 1 ^ (0x25 if value & 16 else 0)
            check ^= value
            number = number << 5 | values[power - 1]
        if check != values[4]:
            sys.exit("group %d is wrong" % at)
    return number.to_bytes(20, "big")


def wrapping_key(slot, secret):
    """The key that wraps a slot, and what the seal is bound to beside the store; None when it is a slot of the other kind."""
    salt = bytes.fromhex(slot["salt"])
    sheet = sheet_secret(secret)
    if slot["kind"] == "recovery" and sheet:
        key = hashlib.blake2b(b"baken recovery".ljust(16, b"\0") + salt, key=sheet, digest_size=32).digest()
        return key, b"\x02" + bytes(8) + salt
    if slot["kind"] == "passphrase" and not sheet:
        key = kdf(32, secret.encode(), salt, opslimit=slot["passes"], memlimit=slot["memory_kib"] * 1024)
        return key, b"\x01" + struct.pack(">II", slot["memory_kib"], slot["passes"]) + salt
    return None


def unlock(slots, secret):
    """The store key, by the first slot that opens."""
    store = bytes.fromhex(slots["store"])
    for slot in slots["slots"]:
        found = wrapping_key(slot, secret)
        if not found:
            continue
        try:
            return aead_open(bytes.fromhex(slot["key"]), store + found[1], bytes.fromhex(slot["nonce"]), found[0])
        except Exception:
            continue
    sys.exit("no slot opens")


def prove(slots, key):
    """What format 2 says of itself."""
    if slots["format"] == 1:
        return
    said = bytes.fromhex(slots["store"]) + bytes.fromhex(slots["file"]) + struct.pack(">QB", slots["changed"], len(slots["slots"]))
    for slot in slots["slots"]:
        said += struct.pack(">BII", {"passphrase": 1, "recovery": 2}[slot["kind"]], slot.get("memory_kib", 0), slot.get("passes", 0))
        said += bytes.fromhex(slot["salt"]) + bytes.fromhex(slot["nonce"]) + bytes.fromhex(slot["key"])
    assert keyed(key, b"baken slots", said).hex() == slots["proof"], "the proof of the slots"


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


def decode_slots(journal, file_id, master):
    """SQLite's journal: the slots' bytes, each at its place."""
    if len(journal) < JOURNAL_HEADER:
        return b""
    header = journal[:JOURNAL_HEADER]
    assert header[48:] == keyed(master, b"baken jrnl check", header[:48])[:16]
    assert header[16:32] == file_id and header[32:34] == b"\x01" + CIPHER and not any(header[34:48])
    key = keyed(master, b"baken file jrnl", header[:16] + CIPHER)
    plain = bytearray()
    for at in range(JOURNAL_HEADER, len(journal), SLOT_HEAD + CHUNK):
        slot = journal[at:at + SLOT_HEAD + CHUNK]
        number = (at - JOURNAL_HEADER) // (SLOT_HEAD + CHUNK) + 1
        ad = header[:16] + struct.pack(">Q", number) + b"jrnlslot" + file_id + slot[40:48]
        chunk = aead_open(slot[SLOT_HEAD:] + slot[24:40], ad, slot[:24], key)
        length = struct.unpack(">H", slot[40:42])[0]
        assert not any(slot[42:48]) and 0 < length <= CHUNK and not any(chunk[length:])
        plain += bytes((number - 1) * CHUNK - len(plain)) + chunk[:length]
    return bytes(plain)


def decode_journal(journal):
    """What SQLite rolls back (file format, section 3): pages as they were, and how many there were."""
    pages, size, at = {}, 0, 0
    while journal[at:at + 8] == JOURNAL_MAGIC:
        count, nonce, before, sector, page_size = struct.unpack(">IIIII", journal[at + 8:at + 28])
        assert sector == CHUNK and page_size == PAGE
        size = size or before
        at += sector
        for _ in range(count):
            number = struct.unpack(">I", journal[at:at + 4])[0]
            page = journal[at + 4:at + 4 + PAGE]
            check = (nonce + sum(page[i] for i in range(PAGE - 200, 0, -200))) & 0xFFFFFFFF
            assert check == struct.unpack(">I", journal[at + 4 + PAGE:at + 8 + PAGE])[0]
            pages.setdefault(number, page)
            at += 8 + PAGE
        at = (at + sector - 1) // sector * sector
    return pages, size


def main():
    directory, passphrase = sys.argv[1], sys.argv[2]
    table = sys.argv[3] if len(sys.argv) > 3 else "golden"
    slots = json.loads(read(directory, "keyslots.json"))
    master = unlock(slots, passphrase)
    prove(slots, master)
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
    undone, before = decode_journal(decode_slots(read(directory, "store.db-journal"), file_id, master))
    pages.update(undone)
    size = before or size
    image = bytearray(b"".join(pages[n] for n in range(1, (size or in_file) + 1)))
    image[18:20] = b"\1\1"  # an image in memory has no log
    print("key %s" % master.hex())
    print("pages %d frames %d" % (in_file, used))
    if before:
        print("rolled back %d pages of %d" % (len(undone), before))
    db = sqlite3.connect(":memory:")
    db.deserialize(bytes(image))
    print("integrity %s" % db.execute("PRAGMA integrity_check").fetchone()[0])
    for row in db.execute('SELECT * FROM "%s" ORDER BY 1' % table.replace('"', '""')):
        print(" | ".join(hashlib.sha256(v).hexdigest() if isinstance(v, bytes) else str(v) for v in row))


if __name__ == "__main__":
    main()
