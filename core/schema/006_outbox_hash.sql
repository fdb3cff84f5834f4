-- What waits to be sent lies nowhere else: its hash tells damage from what was written. NULL: from before.
ALTER TABLE sync_outbox ADD COLUMN hash BLOB;
