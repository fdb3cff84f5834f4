#!/bin/bash
# A store of more than 1 GiB: SQLite leaves out the page that holds its locks, at that very offset. With LONG set also its
# copies. It lies on the memory file system where that has room: a disk would take most of the time.
. "$(dirname "$0")/lib.sh"

LIBRARY=$BUILD/bakenvfs
PLACE=$WORK
if [ "$(df --output=avail -k /dev/shm 2>/dev/null | tail -n 1)" -gt $((3 * 1024 * 1024)) ] 2>/dev/null; then
    PLACE=$(mktemp -d /dev/shm/baken-large.XXXXXX) || exit 1
    trap 'rm -rf "$PLACE"; cleanup' EXIT
fi
cp -r tests/golden/store "$WORK/golden"
echo 'golden passphrase' >"$WORK/golden.passphrase"

# shell FILE <SQL: its answers in $WORK/out. The settings are the store's own where it matters.
shell() {
    {
        printf ".load '%s'\n.open 'file:%s?vfs=baken&mode=rwc'\nPRAGMA synchronous=off;\n" "$LIBRARY" "$1"
        cat
    } | BAKEN_HOME=$WORK/golden BAKEN_PASSPHRASE_FILE=$WORK/golden.passphrase HOME=$WORK sqlite3 -batch -bail \
        >"$WORK/out" 2>"$WORK/err"
}
says() { # says NAME LINE WANTED
    check_equal "$1" "$(sed -n "$2p" "$WORK/out")" "$3"
}
AFTER="SELECT count(*) || ' ' || sum(length(b)) || ' ' || sum(b = prefix || hex(zeroblob(900)) || a) FROM after"

# The two blobs fill the file up to the page of the locks and beyond; the rows of `after` lie behind it.
shell "$PLACE/large.db" <<END
PRAGMA journal_mode=off;
CREATE TABLE t(a INTEGER PRIMARY KEY, b BLOB);
CREATE TABLE after(a INTEGER PRIMARY KEY, prefix TEXT, b TEXT);
INSERT INTO t VALUES(1, zeroblob(540000000)), (2, zeroblob(533700000));
INSERT INTO after WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 200)
    SELECT i, '', hex(zeroblob(900)) || i FROM s;
PRAGMA page_count;
$AFTER;
END
check_equal "it is made" $? 0
check "it reaches beyond the page of the locks" test "$(sed -n 2p "$WORK/out")" -gt 264500
says "the rows behind it are there" 3 "200 360492 200"

shell "$PLACE/large.db" <<END
PRAGMA integrity_check;
PRAGMA journal_mode=delete;
BEGIN; UPDATE after SET b = 'x' || b; SAVEPOINT a; DELETE FROM after; ROLLBACK TO a; ROLLBACK;
$AFTER;
PRAGMA journal_mode=wal;
UPDATE after SET b = 'x' || b, prefix = 'x';
INSERT INTO after SELECT a + 1000, prefix, 'x' || hex(zeroblob(900)) || (a + 1000) FROM after;
PRAGMA wal_checkpoint(truncate);
$AFTER;
END
check_equal "it is read and written" $? 0
says "its structure is sound" 1 ok
says "a transaction is rolled back" 3 "200 360492 200"
says "a checkpoint writes on both sides" 5 "0|0|0"
says "and the rows are there" 6 "400 721692 400"
check_equal "it is sealed also there" "$(tail -c +1073741825 "$PLACE/large.db" | head -c 1000000 | tr -d '\0' | wc -c | cut -c1-2)" 99

if [ -n "${LONG-}" ]; then
    shell "$PLACE/large.db" <<END
VACUUM INTO 'file:$PLACE/copy.db?inherit=1';
END
    check_equal "it is copied" $? 0
    shell "$PLACE/copy.db" <<END
PRAGMA integrity_check;
$AFTER;
END
    says "the copy is sound" 1 ok
    says "and whole" 2 "400 721692 400"
    rm -f "$PLACE"/copy.db*
    shell "$PLACE/large.db" <<END
PRAGMA wal_autocheckpoint=0;
PRAGMA secure_delete=off;
PRAGMA locking_mode=exclusive;
PRAGMA journal_mode=off;
DROP TABLE t;
VACUUM;
PRAGMA integrity_check;
$AFTER;
END
    check_equal "it is emptied and vacuumed" $? 0
    check_equal "it is sound" "$(tail -n 2 "$WORK/out" | head -n 1)" ok
    check_equal "and whole" "$(tail -n 1 "$WORK/out")" "400 721692 400"
    check "and small" test "$(stat -c %s "$PLACE/large.db")" -lt 4000000
fi
finish
