-- What the store itself needs: its instance token, whether it was closed cleanly, and why its
-- continuity is not proven. docs/STORE.md, "Tables".
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID, STRICT;
