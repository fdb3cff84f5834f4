"""The ledger without any of Baken's code: docs/PROTOCOL.md section 3. Every field of every kind, every box and link."""
from nacl.public import PrivateKey, SealedBox
from nacl.signing import SigningKey

from parts import H, Reader, ZERO, commit, padded, seal_open, verify

NOBODY, RESERVE, LINK = bytes(16), b"\xff" * 16, bytes(16)
KINDS = ("", "create_team", "invite", "approve", "role", "family", "assign", "grant", "cover_give", "cover_accept",
         "cover_end", "rotate", "revoke_device", "server", "admit")
MAKES, SHARES = {1, 5, 11}, {3, 6, 7, 8}


def device_id(sign, box):
    return H("baken device 1", sign + box)[:16]


class Identity:
    """A device's own keys as its store keeps them: docs/STORE.md, "Own keys"."""

    def __init__(self, data):
        r = Reader(data)
        assert r.u(1) == 1
        seed, sign, box = r.take(32), r.take(32), r.take(32)
        self.sign, self.box = r.take(32), r.take(32)
        r.end()
        assert sign == self.sign == bytes(SigningKey(seed).verify_key)
        self.secret = PrivateKey(box)
        assert bytes(self.secret.public_key) == self.box
        self.device = device_id(self.sign, self.box)


class Text:
    """A sealed name or label; it opens when the team's keys are there."""

    def __init__(self, r, subject):
        self.subject, self.epoch, self.nonce, self.sealed = subject, r.u(4), r.take(24), r.block()

    def open(self, keys, team_stream):
        plain = seal_open(keys[team_stream, self.epoch], self.nonce, padded("baken name 1") + self.subject, self.sealed)
        length = int.from_bytes(plain[:2], "big")
        assert length <= 200 and len(plain) == max(1, -(-(2 + length) // 64)) * 64 and not any(plain[2 + length:])
        return plain[2:2 + length].decode()


def ascending(items):
    assert items == sorted(set(items)), "not ascending"
    return items


def heads(r):
    found = [(r.take(16), r.take(16), r.u(8), r.u(4), r.take(32)) for _ in range(r.varint())]
    ascending([head[:3] for head in found])
    assert all(incarnation and last for _, _, incarnation, last, _ in found)
    return found


def join_request(data, team=None):
    r = Reader(data)
    assert r.u(1) == 1
    fields = {"team": r.take(32), "invite": r.take(32), "sign": r.take(32), "box": r.take(32), "created_ms": r.u(8)}
    signed = data[:r.at]
    verify(fields["invite"], "baken join 1", signed, r.take(64))
    verify(fields["sign"], "baken join 1", signed, r.take(64))
    r.end()
    assert team is None or fields["team"] == team
    return fields


def key_parts(r):
    found = []
    for _ in range(r.varint()):
        part = {"stream": r.take(16), "epoch": r.u(4), "makes": r.flag()}
        part["commitment"] = r.take(32) if part["makes"] else None
        part["recipients"] = ascending([r.take(16) for _ in range(r.varint())])
        assert part["epoch"] and part["recipients"]
        found.append(part)
    ascending([(part["stream"], part["epoch"]) for part in found])
    return found


def box_records(r, numbered=False):
    found = []
    for _ in range(r.varint()):
        number = r.u(8) if numbered else None
        start = r.at
        stream, epoch, recipient, box = r.take(16), r.u(4), r.take(16), r.block()
        assert len(box) == (72 if recipient == LINK else 101)
        found.append((number, (stream, epoch, recipient), box, r.data[start:r.at]))
    return found


def payload(kind, r, ledger, author):
    """Every field of the kind, in the order of the table; checks what one line can show."""
    f = {}

    def take(*names):
        for name in names:
            f[name] = r.take(16)

    if kind == 1:
        take("person")
        f["roles"], f["sign"], f["box"] = r.u(4), r.take(32), r.take(32)
        take("team_stream")
        f["reserve_public"], f["server_public"], f["address"] = r.take(32), r.take(32), r.address()
        f["texts"] = Text(r, f["person"]), Text(r, author)
        assert f["roles"] & 3 == 3 and author == device_id(f["sign"], f["box"])
    elif kind == 2:
        f["invite"] = r.take(32)
        take("person")
        f["roles"], f["expires_ms"] = r.u(4), r.u(8)
        f["texts"] = Text(r, f["person"]),
        assert 0 < f["roles"] < 64
    elif kind == 3:
        f["request"] = join_request(r.block(), ledger.team)
        f["device"] = device_id(f["request"]["sign"], f["request"]["box"])
        f["texts"] = Text(r, f["device"]),
        assert f["request"]["invite"] in ledger.invitations
    elif kind == 4:
        take("person")
        f["was"], f["roles"], f["heads"] = r.u(4), r.u(4), heads(r)
        assert ledger.roles[f["person"]] == f["was"] != f["roles"] < 64
    elif kind == 5:
        take("family", "index", "file", "shielded", "owner")
        assert f["owner"] == NOBODY or f["owner"] in ledger.roles
    elif kind == 6:
        take("family", "person")
        f["was"], f["function"], f["heads"] = r.u(1), r.u(1), heads(r)
        assert f["family"] in ledger.families and f["was"] != f["function"] <= 2
    elif kind == 8:
        take("cover", "person")
        f["from_ms"], f["until_ms"], f["scope"] = r.u(8), r.u(8), r.u(1)
        f["families"] = ascending([r.take(16) for _ in range(r.varint())])
        assert f["from_ms"] < f["until_ms"] and f["scope"] in (1, 2) and set(f["families"]) <= set(ledger.families)
    elif kind == 9:
        take("cover")
        assert f["cover"] in ledger.covers
    elif kind == 10:
        take("cover")
        f["why"], f["heads"] = r.u(1), heads(r)
        assert f["cover"] in ledger.covers and f["why"] in (1, 2, 3)
    elif kind == 11:
        f["reserve_public"] = r.take(32) if r.flag() else None
    elif kind == 12:
        take("device")
        f["heads"] = heads(r)
        assert f["device"] in ledger.devices
    elif kind == 13:
        f["server_public"], f["address"] = r.take(32), r.address()
    elif kind == 14:
        f["heads"] = heads(r)
        assert f["heads"]
    else:
        assert kind == 7
    for stream, device, *_ in f.get("heads", ()):
        assert stream in ledger.streams and device in ledger.devices
    r.end()
    return f


class Ledger:
    def __init__(self):
        self.team, self.hashes, self.ops = None, [ZERO], []
        self.devices, self.roles, self.invitations = {}, {}, {}
        self.families, self.covers, self.streams = {}, set(), {RESERVE}
        self.commitments, self.reserve, self.keys = {}, {}, {}
        self.servers = []

    def server(self, position):
        """Whose statement of that position counts: the key in force before the line."""
        return self.servers[max(0, position - 2)]

    def operation(self, data):
        r = Reader(data)
        op = {"format": r.u(1), "kind": r.u(1), "team": r.take(32), "author": r.take(16), "seen": r.u(8),
              "seen_hash": r.take(32), "created_ms": r.u(8), "not_after_ms": r.u(8), "reserve_epoch": r.u(4),
              "nonce": r.take(16)}
        assert op["format"] == 1 and (op["team"] == ZERO) == (op["kind"] == 1)
        op["fields"] = payload(op["kind"], Reader(r.take(r.u(4))), self, op["author"])
        op["parts"], op["boxes_hash"] = key_parts(r), r.take(32)
        sign = op["fields"]["sign"] if op["kind"] == 1 else self.devices[op["author"]]["sign"]
        verify(sign, "baken ledger 1", data[:r.at], r.take(64))
        r.end()
        return op

    def line(self, data):
        r = Reader(data)
        position, previous, time_ms = r.u(8), r.take(32), r.u(8)
        encoded = r.take(r.u(4))
        r.end()
        assert position == len(self.hashes) and previous == self.hashes[-1]
        op = self.operation(encoded)
        if position == 1:
            self.team = H("baken op 1", encoded)
        else:
            assert op["team"] == self.team and op["seen"] < position
            assert op["seen_hash"] == self.hashes[op["seen"]]
        assert op["not_after_ms"] == 0 or time_ms <= op["not_after_ms"]
        self.hashes.append(H("baken line 1", data))
        self.apply(op)
        self.ops.append(op)
        return op

    def apply(self, op):
        kind, f = op["kind"], op["fields"]
        if kind == 1:
            self.devices[op["author"]] = {"sign": f["sign"], "box": f["box"]}
            self.team_stream, self.roles[f["person"]] = f["team_stream"], f["roles"]
            self.streams.add(f["team_stream"])
        elif kind == 2:
            self.invitations[f["invite"]] = f["person"], f["roles"]
        elif kind == 3:
            self.devices[f["device"]] = f["request"]
            person, roles = self.invitations[f["request"]["invite"]]
            self.roles[person] = roles
        elif kind == 4:
            self.roles[f["person"]] = f["roles"]
        elif kind == 5:
            self.families[f["family"]] = f
            self.streams |= {f["index"], f["file"]}
        elif kind == 8:
            self.covers.add(f["cover"])
        self.servers.append(f["server_public"] if kind in (1, 13) else self.servers[-1])
        for part in op["parts"]:
            assert op["kind"] in (MAKES if part["makes"] else SHARES) and part["stream"] in self.streams
            place = part["stream"], part["epoch"]
            if part["makes"]:
                assert place not in self.commitments
                self.commitments[place] = part["commitment"]
                if part["stream"] == RESERVE:
                    self.reserve[part["epoch"]] = f["reserve_public"]
            assert place in self.commitments

    def check_boxes(self, op, records):
        """Exactly one for each recipient, and their set is the one that was signed."""
        records = sorted(records, key=lambda record: record[1])
        asked = [(p["stream"], p["epoch"], to) for p in op["parts"] for to in p["recipients"]]
        assert [place for _, place, _, _ in records] == asked
        expected = H("baken boxes 1", b"".join(record for *_, record in records)) if records else ZERO
        assert op["boxes_hash"] == expected

    def know(self, stream, epoch, key):
        assert commit(key, "baken commit 1", stream + epoch.to_bytes(4, "big")) == self.commitments[stream, epoch]
        assert self.keys.setdefault((stream, epoch), key) == key

    def open_box(self, secret, place, box):
        stream, epoch, _ = place
        plain = Reader(SealedBox(secret).decrypt(box))
        assert plain.u(1) == 1 and plain.take(16) == stream and plain.u(4) == epoch
        key = plain.take(32)
        plain.end()
        self.know(stream, epoch, key)
        if stream == RESERVE:
            assert bytes(PrivateKey(key).public_key) == self.reserve[epoch]

    def open_boxes(self, op, records, identities):
        """Every box, by the device's key or by the reserve's, and every link; how many of each there were."""
        counts = [0, 0, 0]
        for _, place, box, _ in sorted(records, key=lambda record: (record[1][2] in (RESERVE, LINK), record[1])):
            stream, epoch, recipient = place
            if recipient == LINK:
                associated = padded("baken link 1") + stream + epoch.to_bytes(4, "big")
                below = seal_open(self.keys[stream, epoch], box[:24], associated, box[24:])
                self.know(stream, epoch - 1, below)
                counts[2] += 1
            elif recipient == RESERVE:
                self.open_box(PrivateKey(self.keys[RESERVE, op["reserve_epoch"]]), place, box)
                counts[1] += 1
            else:
                self.open_box(identities[recipient].secret, place, box)
                counts[0] += 1
        return counts

    def texts(self, op):
        return [text.open(self.keys, self.team_stream) for text in op["fields"].get("texts", ())]
