-- Feeds of which the server took something that has not come back by a page yet: until then a server that was restored
-- in between may lack it, and its last entry there is offered again. `was_had`: it was, and the server had it; a pull to the end settles it.
CREATE TABLE sync_unconfirmed (
    feed INTEGER PRIMARY KEY,
    last INTEGER NOT NULL,
    was_had INTEGER NOT NULL DEFAULT 0
);
