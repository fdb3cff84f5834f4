"""Decodes the body of an entry without any of Baken's code: docs/PROTOCOL.md section 5, and Python.

usage: /usr/bin/python3 body.py FIRST LAST DEVICE_HEX INCARNATION <HEX
Prints one line per save, operation, superseded version and field.
"""
import sys
import unicodedata


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        if count > len(self.data) - self.at:
            raise ValueError("cut short")
        self.at += count
        return self.data[self.at - count:self.at]

    def number(self, count):
        return int.from_bytes(self.take(count), "big")

    def varint(self):
        value = shift = 0
        while True:
            byte = self.number(1)
            if shift and byte == 0 or shift == 63 and byte > 1 or shift > 63:
                raise ValueError("overlong number")
            value |= (byte & 0x7f) << shift
            if byte < 0x80:
                return value
            shift += 7

    def block(self):
        return self.take(self.varint())

    def end(self):
        if self.at != len(self.data):
            raise ValueError("left over")


def version_list(reader):
    listed = [(reader.take(16), reader.number(8), reader.number(4), reader.number(4))
              for _ in range(reader.varint())]
    if listed != sorted(set(listed)):
        raise ValueError("versions out of order")
    return " ".join(f"{device.hex()}/{incarnation}/{save}/{index}"
                    for device, incarnation, save, index in listed)


def content(reader, kind):
    if kind == 1:
        zigzag = reader.varint()
        return str(zigzag >> 1 if zigzag % 2 == 0 else -(zigzag + 1 >> 1))
    if kind == 2:
        text = reader.block().decode("utf-8")
        if "\0" in text or unicodedata.normalize("NFC", text) != text:
            raise ValueError("a text that is not NFC")
        return text
    if kind == 4:
        return reader.take(16).hex()
    if kind == 5:
        return str(reader.number(4))
    return version_list(reader) if kind == 6 else reader.block().hex()


def value(data):
    reader, last = Reader(data), 0
    for _ in range(reader.varint()):
        number = reader.varint()
        if number <= last:
            raise ValueError("fields out of order")
        last = number
        kind = reader.number(1)
        print(f"    field {number} type {kind}: {content(reader, kind)}")
    reader.end()


def body(data, first, last, own):
    reader = Reader(data)
    feeds, records = [own], []
    for _ in range(reader.varint()):
        feed = (reader.take(16), reader.number(8))
        print(f"feed {feed[0].hex()}/{feed[1]} seen {reader.number(4)} header {reader.take(8).hex()}")
        feeds.append(feed)
    if feeds[1:] != sorted(set(feeds[1:])) or own in feeds[1:]:
        raise ValueError("feeds out of order")
    for save in range(first, last + 1):
        print(f"save {save} clock {reader.number(8)}")
        for index in range(reader.varint()):
            entity, record = reader.varint(), reader.varint()
            if record == 0:
                records.append(reader.take(16))
                record = len(records)
            unit = reader.varint()
            print(f"  operation {index}: entity {entity} record {records[record - 1].hex()} unit {unit}")
            for _ in range(reader.varint()):
                device, incarnation = feeds[reader.varint()]
                print(f"    over {device.hex()}/{incarnation}/{reader.varint()}/{reader.varint()}")
            value(reader.block())
    reader.end()


if __name__ == "__main__":
    body(bytes.fromhex(sys.stdin.read().strip()), int(sys.argv[1]), int(sys.argv[2]),
         (bytes.fromhex(sys.argv[3]), int(sys.argv[4])))
