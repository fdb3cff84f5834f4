-- Key boxes that an operation of this device made, of streams that it may not hold: it forgets their keys at once, so a server that was put
-- back from a backup could get them from nobody else while their devices have not fetched them. They go with the stream's next epoch.
CREATE TABLE sync_made (
    stream BLOB NOT NULL,
    epoch INTEGER NOT NULL,
    recipient BLOB NOT NULL,
    box BLOB NOT NULL,
    PRIMARY KEY (stream, epoch, recipient)
) STRICT, WITHOUT ROWID;
