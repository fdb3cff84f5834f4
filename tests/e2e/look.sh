#!/bin/bash
# `baken doctor --look`: beside a program that writes, over a log that was left, on damage: it says what it finds and changes no byte but of the lock file.
. "$(dirname "$0")/lib.sh"

sums() { (cd "$WORK/${1:-anna}" && find . -type f ! -name lock -exec sha256sum {} + | sort && stat -c '%n %s' . && find "$WORK/state" -type f -exec sha256sum {} +); }
found() { /usr/bin/python3 -c 'import json, sys
print(*[f["level"] for f in json.load(open(sys.argv[1]))["findings"] if f["check"] == sys.argv[2]])' "$WORK/answer" "$1"; }
# looks NAME CODE: its answer lies in $WORK/answer, and nothing changed.
looks() {
    local before status
    before=$(sums "${3:-anna}")
    BAKEN_HOME=$WORK/${3:-anna} BAKEN_PASSPHRASE_FILE=$WORK/anna.passphrase XDG_STATE_HOME=$WORK/state \
        "$BAKEN" doctor --look --json --no-input >"$WORK/answer" 2>"$WORK/err"
    status=$?
    check_equal "$1: its code" "$status" "$2"
    check "$1: its answer" tests/e2e/validate.py "$WORK/answer"
    check_equal "$1: no byte changed" "$(sums "${3:-anna}")" "$before"
}

server_start
team_create anna Anna >/dev/null 2>&1 || give_up "a team is made"
as anna family add Duin >/dev/null 2>&1 || give_up "a family is made"
head -c 100000 /dev/zero | tr '\0' x >"$WORK/long"
as anna visit add duin --note-file "$WORK/long" >/dev/null 2>&1 || give_up "a visit is saved"

looks "a closed store" 0
check_equal "its structure holds" "$(found structure)" ok
check_equal "every page was looked at" "$(found pages)" ""
check_equal "it says that looking is not logged" "$(json notices.0.code <"$WORK/answer")" not_logged
check_exit "nothing is accepted by looking" 3 "one of them" as anna doctor --look --accept
hold anna "4711 visit"
looks "beside a program that writes" 0
release

cp -r "$WORK/anna" "$WORK/copy"
/usr/bin/python3 -c 'import sys
f = open(sys.argv[1], "r+b"); f.seek(-9000, 2); b = f.read(1)[0]; f.seek(-9000, 2); f.write(bytes([b ^ 1]))' "$WORK/copy/store.db"
looks "a flipped byte" 19 copy
check_equal "its page is named" "$(found pages)" error

leave_log anna visit add duin --text "kept in the log"
looks "a log that was left" 0
check_equal "it says that free pages were not looked at" "$(found pages)" warning
check "the next command goes on" as anna doctor
check_says "with what lay in the log" "kept in the log" as anna visit list duin
finish
