-- What is not applied is found without reading the log, in the order of chains; and who acknowledged a stream.
DROP INDEX sync_entry_waiting;
CREATE INDEX sync_entry_open ON sync_entry (state, feed, first) WHERE state <> 1;
CREATE INDEX sync_ack_by_stream ON sync_ack (stream);
