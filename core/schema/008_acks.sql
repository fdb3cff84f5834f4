-- What an acknowledgement says of a stream holds as long as its device could read the stream since: it counts from the
-- ledger position that it names. 0: not known, from before; all are asked for once more.
ALTER TABLE sync_ack ADD COLUMN position INTEGER NOT NULL DEFAULT 0;
UPDATE sync_state SET value = 0 WHERE name = 'acks_after';
-- As signed, while a row of sync_ack comes from it: bundles pass it on.
CREATE TABLE sync_ack_signed (
    device BLOB NOT NULL,
    incarnation INTEGER NOT NULL,
    number INTEGER NOT NULL,
    ack BLOB NOT NULL,
    PRIMARY KEY (device, incarnation, number)
) STRICT, WITHOUT ROWID;
