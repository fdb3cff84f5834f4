#!/bin/bash
# The expert's shell: SQLite's own, with bakenvfs.so. The example of docs/STORE.md section 10 is run as it stands there.
. "$(dirname "$0")/lib.sh"

LIBRARY=$BUILD/bakenvfs
unset SQLITE_HISTORY

# What the document says, on these paths.
example() {
    awk '/^## 10\./ { here = 1 } here && /^```sql$/ { on = 1; next } /^```$/ { if (on) exit } on' docs/STORE.md |
        sed -e "s|/usr/local/lib/baken/bakenvfs|$LIBRARY|" -e "s|/srv/anna/baken|$WORK/anna|"
}
# shell NAME [MODE] <SQL: in the store of NAME.
shell() {
    {
        printf ".load '%s'\n.open 'file:%s/store.db?vfs=baken%s'\n" "$LIBRARY" "$WORK/$1" "${2-}"
        cat
    } | bare "$1"
}
# The shell alone, with the key of NAME at hand.
bare() {
    BAKEN_HOME=$WORK/$1 BAKEN_PASSPHRASE_FILE=$WORK/$1.passphrase XDG_STATE_HOME=$WORK/state HOME=$WORK \
        sqlite3 -batch -bail
}
sums() { (cd "$WORK/anna" && find . -type f ! -name lock -exec sha256sum {} + | sort); }
visits() { as anna visit list duin --limit 100 --json 2>/dev/null | json visits | grep -o '"note": "[^"]*"' | wc -l; }

server_start
team_create anna Anna >/dev/null 2>&1 || give_up "a team is made"
as anna family add Duin >/dev/null 2>&1 || give_up "a family is made"
as anna visit add duin --text "eerste GEHEIM bezoek" >/dev/null 2>&1 || give_up "a visit is saved"
as anna lock >/dev/null 2>&1

# ---- the documented example
before=$(sums)
check "the document has an example" test "$(example | grep -c ';')" -ge 2
example | bare anna >"$WORK/out" 2>"$WORK/err"
check_equal "the example runs" $? 0
check "it lists the tables" grep -q sync_entry "$WORK/out"
check_equal "the structure is sound" "$(tail -n 1 "$WORK/out")" ok
check_equal "it says once that this is not logged" "$(grep -c 'access log' "$WORK/err") of $(wc -l <"$WORK/err")" "1 of 1"
check_equal "and changes no byte" "$(sums)" "$before"

# ---- reading is the default, and stands beside writing
echo 'DELETE FROM meta;' | shell anna >"$WORK/out" 2>"$WORK/err"
check "without a mode nothing is written" grep -q "readonly database" "$WORK/err"
check_equal "not a byte" "$(sums)" "$before"
mkfifo "$WORK/ask" "$WORK/told"
shell anna '&mode=ro' <"$WORK/ask" >"$WORK/told" 2>"$WORK/err" &
reader=$!
exec 5>"$WORK/ask" 6<"$WORK/told"
echo 'BEGIN; SELECT count(*) FROM sync_outbox;' >&5
read -r first <&6
check "baken writes while the shell reads" as anna visit add duin --text "tweede"
echo 'SELECT count(*) FROM sync_outbox; COMMIT; SELECT count(*) FROM sync_outbox;' >&5
read -r second <&6
read -r third <&6
exec 5>&- 6<&-
wait "$reader"
check_equal "the shell ends well" $? 0
check_equal "its transaction sees what it saw" "$second" "$first"
check "and then what was saved" test "$third" -gt "$first"
check_equal "the visits are there" "$(visits)" 2

# ---- writing, copies, modes
before=$(sums)
shell anna '&mode=rw' >"$WORK/out" 2>"$WORK/err" <<END
VACUUM INTO 'file:$WORK/copy.db?inherit=1&mode=rwc';
PRAGMA journal_mode=delete;
BEGIN; CREATE TABLE expert(x); INSERT INTO expert VALUES('GEHEIM'); ROLLBACK;
VACUUM;
END
check_equal "the shell copies, vacuums and takes another journal mode" $? 0
check_equal "the copy is sealed" "$(grep -c -e GEHEIM -e 'SQLite format' "$WORK/copy.db" "$WORK/anna/store.db" | cut -d: -f2 | sort -u)" 0
check_equal "baken goes on" "$(visits)" 2
check "and writes" as anna visit add duin --text "derde"
check "and finds the store sound" as anna doctor
printf ".load '%s'\n.open 'file:%s?vfs=baken&mode=ro'\nPRAGMA integrity_check;\n" "$LIBRARY" "$WORK/copy.db" |
    bare anna >"$WORK/out" 2>"$WORK/err"
check_equal "the copy opens by the same key" "$(tail -n 1 "$WORK/out")" ok

# ---- one cell of a typed table, and one word of the search index, damaged beneath the journal
truth=$(as anna visit list duin --limit 100 --json 2>/dev/null | json visits)
forge() { # forge SQL: and doctor finds it, puts it right, and then finds nothing
    echo "$1; SELECT changes();" | shell anna '&mode=rw' >"$WORK/out" 2>"$WORK/err"
    check_equal "the shell damages one cell: ${1%% SET*}" "$(tail -n 1 "$WORK/out")" 1
    as anna doctor --json >"$WORK/answer" 2>"$WORK/err"
    check_equal "doctor finds it and ends with a finding" "$? $(grep -c '"tables"' "$WORK/answer")" "19 1"
    check_equal "and has put it right" "$(as anna visit list duin --limit 100 --json 2>/dev/null | json visits)" "$truth"
    check "it then finds nothing" as anna doctor
}
forge "UPDATE file_contact SET note = 'vals' WHERE note = 'tweede'"
check_equal "what was forged is nowhere" "$(as anna search vals --json | json hits)" "[]"
forge "UPDATE journal_search_content SET c0 = 'vals' WHERE c0 LIKE '%derde%'"
check_says "the search finds what was written" derde as anna search derde

# ---- a plain database in
bare anna >"$WORK/out" 2>"$WORK/err" <<END
.load '$LIBRARY'
CREATE TABLE plain(x); INSERT INTO plain VALUES('binnen');
.filectrl reserve_bytes 40
VACUUM INTO 'file:$WORK/in.db?vfs=baken&inherit=1&mode=rwc';
.open 'file:$WORK/in.db?vfs=baken&mode=ro'
SELECT x FROM plain;
END
check_equal "a plain database is taken in" "$(tail -n 1 "$WORK/out")" binnen
check_equal "sealed" "$(grep -c binnen "$WORK/in.db")" 0

# ---- what can be wrong
printf 'wrong\n' >"$WORK/wrong"
refused() { # refused NAME WORDS VARIABLE=VALUE ...
    local name=$1 words=$2
    shift 2
    check_exit "$name" 1 "$words" env BAKEN_HOME="$WORK/anna" XDG_STATE_HOME="$WORK/state" "$@" \
        sqlite3 -batch -bail :memory: ".load '$LIBRARY'"
}
before=$(sums)
refused "no key" "store is locked: run .baken unlock. first" BAKEN_PASSPHRASE_FILE=
refused "a wrong passphrase" "passphrase is wrong" BAKEN_PASSPHRASE_FILE="$WORK/wrong"
refused "no file with the passphrase" "the file .* cannot be read" BAKEN_PASSPHRASE_FILE="$WORK/none"
refused "no store" "there is no store in" BAKEN_HOME="$WORK/none"
check_equal "nothing of that changed a byte" "$(sums)" "$before"

# ---- one program writes at a time: what the other has in memory would be older than the store
hold anna
echo "SELECT count(*) FROM sqlite_schema;" | shell anna '&mode=rw' >"$WORK/out" 2>"$WORK/err"
check "a shell does not write beside baken" grep -q "locked" "$WORK/err"
echo "SELECT 'read ' || count(*) FROM sqlite_schema;" | shell anna >"$WORK/out" 2>"$WORK/err"
check "it reads beside it" grep -q "^read" "$WORK/out"
release

# ---- a shell that stays open while a store is restored would delete, as it leaves, the log that has the name by then
check "a backup" as anna backup "$WORK/shell.bak"
mkfifo "$WORK/typed"
shell anna '&mode=rw' <"$WORK/typed" >"$WORK/out" 2>&1 &
SHELL_PID=$!
exec 7>"$WORK/typed"
echo "SELECT 'it ' || 'is open' FROM sqlite_schema LIMIT 1;" >&7
until_true grep -q "it is open" "$WORK/out" || give_up "a shell is open" "$(cat "$WORK/out")"
check_exit "nothing is restored under it" 6 "holds the store" as anna restore "$WORK/shell.bak" --replace
exec 7>&-
wait "$SHELL_PID"
check "and then it is" as anna restore "$WORK/shell.bak" --replace
finish
