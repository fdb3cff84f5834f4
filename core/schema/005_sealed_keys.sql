-- Epoch keys and own secrets lie sealed in their rows, for SQLite's page cache is ordinary memory. SQL cannot seal:
-- what an earlier program left in the clear is sealed at the first opening, which this row asks for (sync/own_secret.c).
ALTER TABLE sync_key RENAME COLUMN key TO sealed;
INSERT INTO sync_state (name, value) VALUES ('must_seal', 1);
