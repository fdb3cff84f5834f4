-- Numbers of a team that were never given here: above `after` and below `upto`. Each opening of the depot by a server begins
-- with numbers of its own, so that what a life gave that was lost with a restore is not given again. `counter` 0: boxes, 1: arrivals,
-- 2: acknowledgements.
CREATE TABLE skipped (
    team INTEGER NOT NULL REFERENCES teams,
    counter INTEGER NOT NULL,
    upto INTEGER NOT NULL,
    after INTEGER NOT NULL,
    PRIMARY KEY (team, counter, upto)
) WITHOUT ROWID;

PRAGMA user_version = 2;
