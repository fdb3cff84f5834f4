-- The journal's clock stands beside the token: each save writes both, and so one page. The journal's program made the table.
CREATE TABLE IF NOT EXISTS journal_clock (one INTEGER PRIMARY KEY CHECK (one = 1), hlc INTEGER NOT NULL);
INSERT OR REPLACE INTO meta (key, value) SELECT 'clock', CAST(CAST(hlc AS TEXT) AS BLOB) FROM journal_clock;
DROP TABLE journal_clock;
