-- Streams whose right is over by a jump of the clock that the server has not confirmed: nothing of them is shown.
-- The highest device time when that was seen first; NULL: shown.
ALTER TABLE sync_stream ADD COLUMN hidden_ms INTEGER;
