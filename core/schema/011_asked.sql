-- Of each acknowledgement the saves that its writer claims are asked for once: 0 not yet, 2 just now, 1 done. Whoever claims what
-- never comes would have the whole stream fetched in every session in which anybody acknowledges.
ALTER TABLE sync_ack ADD COLUMN is_asked INTEGER NOT NULL DEFAULT 0;
