"""Decodes a backup without any of Baken's code: docs/STORE.md section 11, Python and libsodium.

usage: /usr/bin/python3 backup.py FILE PASSPHRASE [TABLE]
Prints what it proved, then the rows of TABLE when it is given.
"""
import json
import sqlite3
import struct
import sys

from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt as aead_open

from store import CIPHER, PAGE, decode_pages, keyed, unlock

TRAILER = 72


def main():
    with open(sys.argv[1], "rb") as file:
        data = file.read()
    trailer = data[-TRAILER:]
    magic, version, slots_len, pages, made = struct.unpack(">8sIIQQ", trailer[:32])
    assert magic == b"bakenbup" and version == 1
    assert len(data) == pages * PAGE + slots_len + TRAILER
    slots_text = data[pages * PAGE:pages * PAGE + slots_len]
    slots = json.loads(slots_text)
    master = unlock(slots, sys.argv[2])
    file_id = bytes.fromhex(slots["file"])
    aead_open(trailer[56:], trailer[:32] + slots_text, trailer[32:56], keyed(master, b"baken backup", file_id))
    main_part = data[:pages * PAGE]
    assert main_part[:16] == file_id
    plain = decode_pages(main_part, file_id, keyed(master, b"baken file main", file_id + CIPHER))
    assert struct.unpack(">I", plain[1][28:32])[0] == pages
    print("made", made)
    print("pages", len(plain))
    image = bytearray(b"".join(plain[number] for number in sorted(plain)))
    image[18:20] = b"\1\1"  # without its log it is a database of the other mode
    base = sqlite3.connect(":memory:")
    base.deserialize(bytes(image))
    print("integrity", base.execute("PRAGMA integrity_check").fetchone()[0])
    if len(sys.argv) > 3:
        for row in base.execute('SELECT * FROM "%s" ORDER BY 1' % sys.argv[3].replace('"', '""')):
            print(*row, sep=" | ")


if __name__ == "__main__":
    main()
