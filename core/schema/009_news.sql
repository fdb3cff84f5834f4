-- What was told of what others changed. news_floor: entries up to this one were there when the stream's news began, and are none;
-- NULL until they were told of.
ALTER TABLE sync_stream ADD COLUMN news_floor INTEGER;
UPDATE sync_stream SET news_floor = 0 WHERE NOT is_filling;
-- Entries that waited or were held when news were told: they are told once they are applied.
CREATE TABLE sync_news_later (
    entry INTEGER NOT NULL PRIMARY KEY
) STRICT;
DELETE FROM sync_state WHERE name = 'news_ms';
