-- The depot: what a team server keeps. Never edited once released; a later version is a further file.
-- Ids and hashes are blobs. A u64 (incarnation, number) is kept as the INTEGER of the same bits.

-- One row a team; `arrival` and `box` are the last numbers given, `ledger` the last position.
CREATE TABLE teams (
    team INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    ledger INTEGER NOT NULL DEFAULT 0,
    arrival INTEGER NOT NULL DEFAULT 0,
    box INTEGER NOT NULL DEFAULT 0,
    ack INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE lines (
    team INTEGER NOT NULL REFERENCES teams,
    position INTEGER NOT NULL,
    op_hash BLOB NOT NULL,
    line BLOB NOT NULL,
    PRIMARY KEY (team, position)
);
CREATE UNIQUE INDEX lines_by_operation ON lines (team, op_hash);

CREATE TABLE boxes (
    team INTEGER NOT NULL REFERENCES teams,
    number INTEGER NOT NULL,
    stream BLOB NOT NULL,
    epoch INTEGER NOT NULL,
    recipient BLOB NOT NULL,
    box BLOB NOT NULL,
    PRIMARY KEY (team, number)
) WITHOUT ROWID;
CREATE UNIQUE INDEX boxes_by_name ON boxes (team, stream, epoch, recipient);

-- `header` holds front and back; the columns before it repeat what is searched for.
CREATE TABLE entries (
    team INTEGER NOT NULL REFERENCES teams,
    arrival INTEGER NOT NULL,
    stream BLOB NOT NULL,
    device BLOB NOT NULL,
    incarnation INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    arrived_ms INTEGER NOT NULL,
    header BLOB NOT NULL,
    header_hash BLOB NOT NULL,
    signature BLOB NOT NULL,
    ciphertext BLOB,
    PRIMARY KEY (team, arrival)
);
CREATE UNIQUE INDEX entries_by_feed ON entries (team, stream, device, incarnation, last);
CREATE INDEX entries_by_stream ON entries (team, stream, arrival);

-- An acknowledgement stays until each of its streams stands in a later one of its device.
CREATE TABLE acks (
    team INTEGER NOT NULL REFERENCES teams,
    ack INTEGER NOT NULL,
    device BLOB NOT NULL,
    incarnation INTEGER NOT NULL,
    number INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (team, ack)
);
CREATE INDEX acks_by_device ON acks (team, device, incarnation, ack);
CREATE TABLE ack_streams (
    team INTEGER NOT NULL,
    device BLOB NOT NULL,
    stream BLOB NOT NULL,
    ack INTEGER NOT NULL,
    PRIMARY KEY (team, device, stream)
) WITHOUT ROWID;
CREATE INDEX ack_streams_by_ack ON ack_streams (team, ack);

-- What a revoked device has handed in since, in bytes of ciphertext.
CREATE TABLE handed_in (
    team INTEGER NOT NULL REFERENCES teams,
    device BLOB NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (team, device)
) WITHOUT ROWID;

CREATE TABLE joins (
    team INTEGER NOT NULL REFERENCES teams,
    invite BLOB NOT NULL,
    hash BLOB NOT NULL,
    expires_ms INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (team, invite, hash)
) WITHOUT ROWID;

-- One-time codes by their hash; `used_by` is the team that it made.
CREATE TABLE codes (
    hash BLOB PRIMARY KEY,
    expires_ms INTEGER NOT NULL,
    used_by BLOB
) WITHOUT ROWID;

PRAGMA user_version = 1;
