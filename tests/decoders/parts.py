"""What the decoders share: integers, blocks, hashes, signatures and seals of docs/PROTOCOL.md section 1."""
import hashlib

from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt as aead_open
from nacl.signing import VerifyKey

ZERO = bytes(32)


def padded(context):
    return context.encode().ljust(16, b"\0")


def plain_hash(data):
    return hashlib.blake2b(data, digest_size=32).digest()


def H(context, data):
    return plain_hash(padded(context) + data)


def commit(key, context, data):
    return hashlib.blake2b(padded(context) + data, key=key, digest_size=32).digest()


def verify(public, context, data, signature):
    VerifyKey(public).verify(padded(context) + data, signature)


def seal_open(key, nonce, associated, data):
    return aead_open(data, associated, nonce, key)


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        assert 0 <= n <= len(self.data) - self.at, "cut short"
        self.at += n
        return self.data[self.at - n:self.at]

    def u(self, n):
        return int.from_bytes(self.take(n), "big")

    def flag(self):
        value = self.u(1)
        assert value < 2, "neither yes nor no"
        return value == 1

    def varint(self):
        value = shift = 0
        while True:
            byte = self.u(1)
            value |= (byte & 127) << shift
            if byte < 128:
                assert (byte or not shift) and value < 1 << 64, "overlong"
                return value
            shift += 7

    def block(self):
        return self.take(self.varint())

    def address(self):
        text = self.block().decode("ascii")
        assert text and all("!" <= c <= "~" for c in text), "no text of printable ASCII"
        return text

    def end(self):
        assert self.at == len(self.data), "bytes left over"
