-- What sync/ keeps: identity, ledger, keys, the log of entries, the outbox, cursors, acknowledgements.
-- Own scalars by name: identity, incarnation, cursor, offsets (sync/state.h is the list).
CREATE TABLE sync_state (
    name TEXT NOT NULL PRIMARY KEY,
    value ANY
) STRICT, WITHOUT ROWID;

CREATE TABLE sync_line (
    position INTEGER NOT NULL PRIMARY KEY,
    line BLOB NOT NULL
) STRICT;

CREATE TABLE sync_key (
    stream BLOB NOT NULL,
    epoch INTEGER NOT NULL,
    key BLOB NOT NULL,
    PRIMARY KEY (stream, epoch)
) STRICT, WITHOUT ROWID;

-- Boxes and links as received; those of the reserve are opened only when a grant is due.
CREATE TABLE sync_box (
    stream BLOB NOT NULL,
    epoch INTEGER NOT NULL,
    recipient BLOB NOT NULL,
    box BLOB NOT NULL,
    is_forged INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (stream, epoch, recipient)
) STRICT, WITHOUT ROWID;

-- Streams that this device may read. is_filling: fetched from zero up to fill_until, at fill_after now.
CREATE TABLE sync_stream (
    stream BLOB NOT NULL PRIMARY KEY,
    kind INTEGER NOT NULL,
    is_filling INTEGER NOT NULL,
    fill_after INTEGER NOT NULL DEFAULT 0,
    fill_until INTEGER NOT NULL DEFAULT 0,
    is_unacknowledged INTEGER NOT NULL DEFAULT 1,
    needs_rebuild INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- Own feeds outlive a purge of their stream: a save number is never given twice.
CREATE TABLE sync_feed (
    feed INTEGER NOT NULL PRIMARY KEY,
    stream BLOB NOT NULL,
    device BLOB NOT NULL,
    incarnation INTEGER NOT NULL, -- the u64's bits
    is_own INTEGER NOT NULL,
    saved INTEGER NOT NULL DEFAULT 0,     -- own: last save given
    sealed INTEGER NOT NULL DEFAULT 0,    -- own: last save sealed
    head BLOB,                            -- own: hash of the last sealed header
    on_server INTEGER NOT NULL DEFAULT 0, -- last save that the server is known to hold
    UNIQUE (stream, device, incarnation)
) STRICT;

-- state and reason: enum elog_state, enum elog_reason (sync/elog.h). The ciphertext is stored once, here.
-- is_sent: the server is known to have it. is_bundled: it was given to a device in a bundle.
CREATE TABLE sync_entry (
    entry INTEGER NOT NULL PRIMARY KEY,
    feed INTEGER NOT NULL REFERENCES sync_feed,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    header BLOB NOT NULL,
    signature BLOB NOT NULL,
    ciphertext BLOB,
    arrived_ms INTEGER NOT NULL,
    state INTEGER NOT NULL,
    reason INTEGER NOT NULL DEFAULT 0,
    is_sent INTEGER NOT NULL,
    is_bundled INTEGER NOT NULL DEFAULT 0,
    UNIQUE (feed, first)
) STRICT;
CREATE INDEX sync_entry_waiting ON sync_entry (state) WHERE state <> 1;
CREATE INDEX sync_entry_unsent ON sync_entry (feed, first) WHERE is_sent = 0;

-- One save as a body of its own, until it is sealed. A save that the server refused returns here.
CREATE TABLE sync_outbox (
    feed INTEGER NOT NULL REFERENCES sync_feed,
    save INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (feed, save)
) STRICT;

-- What others have applied, by their newest acknowledgement of each stream.
CREATE TABLE sync_ack (
    device BLOB NOT NULL,
    stream BLOB NOT NULL,
    incarnation INTEGER NOT NULL,
    number INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    digest BLOB NOT NULL,
    vector BLOB NOT NULL, -- n x (id device, u64 incarnation, u32 last)
    PRIMARY KEY (device, stream)
) STRICT, WITHOUT ROWID;

-- Runs of a newer format, whole, until this program is upgraded.
CREATE TABLE sync_newer_run (
    hash BLOB NOT NULL PRIMARY KEY,
    run BLOB NOT NULL
) STRICT, WITHOUT ROWID;
