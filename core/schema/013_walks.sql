-- What few streams, boxes and acknowledgements wait for is found without a walk over all of them: a session costs what it brings.
CREATE INDEX sync_stream_filling ON sync_stream (stream) WHERE is_filling;
CREATE INDEX sync_stream_rebuild ON sync_stream (stream) WHERE needs_rebuild;
CREATE INDEX sync_stream_unacknowledged ON sync_stream (stream) WHERE is_unacknowledged;
CREATE INDEX sync_stream_untold ON sync_stream (stream) WHERE news_floor IS NULL;
-- Whether what ledger lines name of it was held against the log since it is ours, and shown.
ALTER TABLE sync_stream ADD COLUMN heads_asked INTEGER NOT NULL DEFAULT 0;
CREATE INDEX sync_stream_unheaded ON sync_stream (stream) WHERE NOT heads_asked;
CREATE INDEX sync_ack_unasked ON sync_ack (is_asked, stream) WHERE is_asked <> 1;
CREATE INDEX sync_ack_number ON sync_ack (device, incarnation, number);
-- Boxes that came for a stream which is none of ours: to be passed on, or to be dropped when that is over.
ALTER TABLE sync_box ADD COLUMN is_lent INTEGER NOT NULL DEFAULT 0;
UPDATE sync_box SET is_lent = 1 WHERE stream NOT IN (SELECT stream FROM sync_stream);
CREATE INDEX sync_box_lent ON sync_box (stream) WHERE is_lent;
-- Saves that the server must hold and did not give when they were asked for: asked again more and more seldom. times: 0 not asked yet.
CREATE TABLE sync_lack (
    stream BLOB NOT NULL,
    device BLOB NOT NULL,
    incarnation INTEGER NOT NULL,
    save INTEGER NOT NULL,
    asked_ms INTEGER NOT NULL DEFAULT 0,
    times INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (stream, device, incarnation, save)
) STRICT, WITHOUT ROWID;
