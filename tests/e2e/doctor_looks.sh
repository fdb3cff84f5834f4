#!/bin/bash
# The doctor where nothing may be written: a disk mounted read-only, a directory without the right to write (as an ordinary user), another program
# that holds the writer's turn, and on wish. It checks all the same, in a copy in memory, says why it only looked, and changes no byte.
. "$(dirname "$0")/lib.sh"

LIBRARY=$BUILD/bakenvfs
PAGE=
unset SQLITE_HISTORY
# shellcheck disable=SC2329
detach() {
    cd "$ROOT" || exit
    mountpoint -q "$WORK/readonly" && umount -l "$WORK/readonly"
    cleanup
}
trap detach EXIT

# look DIRECTORY WORDS: the doctor there; the answer as JSON in $WORK/answer, status in $LOOKED.
look() {
    BAKEN_HOME=$1 BAKEN_PASSPHRASE_FILE=$WORK/anna.passphrase XDG_STATE_HOME=$WORK/state ${ORDINARY-} "${PROGRAM-$BAKEN}" doctor --json --no-input "${@:2}" \
        >"$WORK/answer" 2>"$WORK/answer.err"
    LOOKED=$?
}
# All but `lock`, which readers share too (docs/STORE.md section 6).
sums() { (cd "$1" && find . -type f ! -name lock -exec cksum {} + && find . ! -name lock -printf '%p %T@ %i\n') | sort; }
tokens() { sums "$WORK/state"; }
says() { # says NAME WORDS: one sentence of the notice has all of it
    check "$1: the answer" tests/e2e/validate.py "$WORK/answer"
    sentence=$(json notices.0.message <"$WORK/answer")
    for words in "only looked" "$2" "written down nowhere" "nothing was repaired"; do
        case $sentence in *"$words"*) ok "$1: it says \"$words\"" ;; *) not_ok "$1: it says \"$words\"" "$sentence" "$(cat "$WORK/answer" "$WORK/answer.err")" ;; esac
    done
}
levels() { /usr/bin/python3 -c 'import json, sys; print(*sorted({f["check"] for f in json.load(open(sys.argv[1]))["findings"] if f["level"] == sys.argv[2]}))' "$WORK/answer" "$1"; }

server_start
team_create anna Anna >/dev/null 2>&1 || give_up "a team is made"
as anna family add Duin >/dev/null 2>&1 || give_up "a family is made"
as anna visit add duin --text "eerst" >/dev/null 2>&1
as anna sync >/dev/null 2>&1
as anna visit add duin --text "onverzonden" >/dev/null 2>&1
chmod 700 "$WORK/anna"

# whole NAME WHY DIRECTORY WORDS: a whole store, looked at.
whole() {
    local name=$1 why=$2 directory=$3 before after
    before=$(sums "$WORK/anna")$(tokens)
    look "$directory" "${@:4}"
    after=$(sums "$WORK/anna")$(tokens)
    check_equal "$name: its code" "$LOOKED" 0
    says "$name" "$why"
    check_equal "$name: nothing is wrong" "$(levels error)" ""
    check "$name: signatures, chains and tables were checked" grep -q "signatures, chains and tables agree" "$WORK/answer"
    check_equal "$name: no byte, no name, no time changed" "$after" "$before"
}

whole "on wish" "you asked for that" "$WORK/anna" --look
check_exit "--look with --accept" 3 "give one of them" as anna doctor --look --accept
hold anna "4711 visit"
# The words in the lock file are the holder's.
whole "beside a program that writes" "process 4711 (visit) holds the store" "$WORK/anna"
check_exit "what is to be written down is refused there" 6 "process 4711" as anna doctor --accept
release
leave_log anna visit add duin --text "in het logboek"
whole "beside the log of a program that was killed" "you asked for that" "$WORK/anna" --look
check "the doctor as ever" as anna doctor
as anna doctor --json >"$WORK/answer" 2>&1
check_equal "without a notice" "$(grep -c only_looked "$WORK/answer")" 0

mkdir "$WORK/readonly"
if [ "$(id -u)" -eq 0 ] && mount --bind "$WORK/anna" "$WORK/readonly" 2>/dev/null && mount -o remount,ro,bind "$WORK/readonly"; then
    whole "a disk that may only be read" "may only be read" "$WORK/readonly"
else
    echo "# a read-only disk is not tried: no right to mount"
fi

# ---- a cell that is not as the log has it, then a page, while nothing may be written
if command -v sqlite3 >/dev/null; then
    PAGE=$(printf "%s\n" ".load '$LIBRARY'" ".open 'file:$WORK/anna/store.db?vfs=baken&mode=rw'" \
        "UPDATE file_contact SET note = 'veranderd'; SELECT rootpage FROM sqlite_schema WHERE name = 'file_contact';" |
        BAKEN_HOME=$WORK/anna BAKEN_PASSPHRASE_FILE=$WORK/anna.passphrase XDG_STATE_HOME=$WORK/state sqlite3 -batch -bail 2>"$WORK/check.out") ||
        not_ok "a cell is changed" "$(cat "$WORK/check.out")"
    before=$(sums "$WORK/anna")$(tokens)
    look "$WORK/anna" --look
    check_equal "a changed cell: its code" "$LOOKED" 19
    says "a changed cell" "you asked"
    check_equal "a changed cell: the tables differ" "$(levels error)" "tables"
    check_equal "a changed cell: nothing was written" "$(sums "$WORK/anna")$(tokens)" "$before"
    check_exit "a changed cell: the doctor repairs it" 19 "" as anna doctor
    look "$WORK/anna" --look
    check_equal "a changed cell: and finds nothing then" "$LOOKED $(levels error)" "0 "
fi

# ---- an ordinary user without the right to write
[ "$(id -u)" -ne 0 ] || ORDINARY="setpriv --reuid=65534 --regid=65534 --clear-groups"
PROGRAM=$WORK/program/baken
mkdir "$WORK/program" && cp "$BAKEN" "$PROGRAM" && chmod -R a+rX "$WORK/program" && chmod 755 "$WORK"
[ "$(id -u)" -ne 0 ] || { mountpoint -q "$WORK/readonly" && umount "$WORK/readonly"; chown -R 65534:65534 "$WORK/anna" "$WORK/state" "$WORK/anna.passphrase"; }
chmod 400 "$WORK"/anna/*
chmod 500 "$WORK/anna"
whole "a directory without the right to write" "no right to write" "$WORK/anna"

# ---- a page in use that does not authenticate: what can be read is read
if [ -n "$PAGE" ]; then
    chmod 600 "$WORK"/anna/*
    printf 'xyz' | dd of="$WORK/anna/store.db" bs=1 seek=$(((PAGE - 1) * 4096 + 100)) conv=notrunc 2>/dev/null
    chmod 400 "$WORK"/anna/*
    before=$(sums "$WORK/anna")$(tokens)
    look "$WORK/anna"
    check_equal "a damaged page: its code" "$LOOKED" 19
    says "a damaged page" "no right to write"
    check_equal "a damaged page: named" "$(levels error)" "pages structure table"
    check_equal "a damaged page: SQLite's own words are apart" "$(grep -o '"details":"[^"]*"' "$WORK/answer" | grep -c 'in database main')" 1
    check_equal "a damaged page: and in no sentence" "$(grep -o '"message":"[^"]*"' "$WORK/answer" | grep -c 'in database main')" 0
    check_equal "a damaged page: and what was not looked at" "$(levels warning | grep -o 'journal\|key_slots' | tr '\n' ' ')" "journal key_slots "
    check_equal "a damaged page: nothing was written" "$(sums "$WORK/anna")$(tokens)" "$before"
fi
finish
