#!/bin/bash
# A page in use is damaged, or the file cut, while visits wait: `baken doctor --rescue` makes a new store, and a colleague gets everything once.
. "$(dirname "$0")/lib.sh"

LIBRARY=$BUILD/bakenvfs
unset SQLITE_HISTORY
command -v sqlite3 >/dev/null || give_up "sqlite3, which says where a table begins, is there"
sums() { (cd "$1" && find . -type f ! -name lock -exec cksum {} + | sort); }
# page TABLE: where it begins.
page() {
    printf "%s\n" ".load '$LIBRARY'" ".open 'file:$WORK/anna/store.db?vfs=baken&mode=ro'" "SELECT rootpage FROM sqlite_schema WHERE name = '$1';" |
        BAKEN_HOME=$WORK/anna BAKEN_PASSPHRASE_FILE=$WORK/anna.passphrase XDG_STATE_HOME=$WORK/state sqlite3 -batch -bail 2>/dev/null
}
fresh() { BAKEN_HOME=$WORK/fresh BAKEN_PASSPHRASE_FILE=$WORK/anna.passphrase XDG_STATE_HOME=$WORK/state "$BAKEN" "$@" --no-input; }
spoil() { printf 'xyz' | dd of="$WORK/anna/store.db" bs=1 seek=$((($1 - 1) * 4096 + 100)) conv=notrunc 2>/dev/null; }

server_start
team_create anna Anna >/dev/null 2>&1 || give_up "a team is made"
device_join anna fatma Fatma coach >/dev/null 2>&1 || give_up "a second device joins"
as anna family add Duin >/dev/null 2>&1 && as anna family assign duin Fatma >/dev/null 2>&1 || give_up "a family is shared"
for i in 1 2 3; do as anna visit add duin --text "verzonden-$i" >/dev/null 2>&1; done
as anna sync >/dev/null 2>&1
for i in 1 2 3; do as anna visit add duin --text "wacht-$i" >/dev/null 2>&1; done
own=$(page sync_state)
spoil "$(page sync_entry)"
before=$(sums "$WORK/anna")
check_exit "commands that need the log are refused" 11 "" as anna bundle export --for Fatma --output "$WORK/none"
check_exit "without its directory it is refused" 2 "needs a value" as anna doctor --rescue
mkdir "$WORK/full" && : >"$WORK/full/photo"
check_exit "a directory with other files is left" 13 "old directory" as anna doctor --rescue "$WORK/full"
before=$(sums "$WORK/anna")
check_exit "nothing is made in the old directory" 3 "in the old directory" as anna doctor --rescue "$WORK/anna/fresh"
mkdir "$WORK/slash"
check "a directory that is empty, named with a slash" as anna doctor --rescue "$WORK/slash/"
check "is the new store" test -f "$WORK/slash/store.db"
rm -r "$WORK/slash"
check "a rescue" as anna doctor --rescue "$WORK/fresh" --json
cp "$WORK/check.out" "$WORK/answer"
check "its answer" tests/e2e/validate.py "$WORK/answer"
check "all that waited came along" test "$(json unsent <"$WORK/answer")" -ge 3
check_equal "nothing was lost" "$(json lost <"$WORK/answer")" 0
check_equal "the old directory is as it was" "$(sums "$WORK/anna")" "$before"
check_equal "nothing lies beside the new one" "$(ls -d "$WORK"/fresh* | wc -l)" 1
for round in 1 2; do check "it syncs, $round" fresh sync; done
check "it writes on" fresh visit add duin --text "daarna-1"
check "it sends that" fresh sync
check "the colleague fetches" as fatma sync
for note in verzonden-1 verzonden-2 verzonden-3 wacht-1 wacht-2 wacht-3 daarna-1; do
    check_equal "$note is there once" "$(as fatma visit list duin --all --json | grep -o "$note" | wc -l)" 1
done
check "it is whole" fresh doctor
spoil "$own"
check_exit "without the device's keys it is refused" 11 "own keys.*backup" as anna doctor --rescue "$WORK/again"
check_equal "and nothing is left" "$(ls -d "$WORK"/again* 2>/dev/null | wc -l)" 0

# The new store is cut short, as a disk or a copy that stopped leaves it.
short() { BAKEN_HOME=$WORK/short BAKEN_PASSPHRASE_FILE=$WORK/anna.passphrase XDG_STATE_HOME=$WORK/state "$BAKEN" "$@" --no-input; }
for i in 1 2 3; do fresh visit add duin --text "kort-$i" >/dev/null 2>&1; done
waiting=$(fresh status --json 2>/dev/null | json saves_unsealed)
truncate -s $(($(stat -c %s "$WORK/fresh/store.db") * 2 / 3)) "$WORK/fresh/store.db"
check_exit "other commands refuse a store that was cut" 11 "baken doctor" fresh visit list duin
check_exit "the doctor names the rescue" 11 "doctor --rescue" fresh doctor
before=$(sums "$WORK/fresh")
check_exit "only looking opens it" 19 "only looked" fresh doctor --look
short_of() { fresh doctor --rescue "$WORK/short" --json >"$WORK/answer" 2>/dev/null; case $? in 0 | 19) ;; *) return 1 ;; esac; }
check "it is rescued" short_of
check_equal "each save that waited came along or is named" $(($(json unsent <"$WORK/answer") + $(json lost <"$WORK/answer"))) "$waiting"
check_equal "the cut store is as it was" "$(sums "$WORK/fresh")" "$before"
for round in 1 2; do check "it syncs, $round" short sync; done
check "the colleague fetches" as fatma sync
for note in verzonden-1 wacht-3 daarna-1 kort-1 kort-2 kort-3; do
    check_equal "$note is there once" "$(as fatma visit list duin --all --json | grep -o "$note" | wc -l)" 1
done
check "it is whole" short doctor
truncate -s 4096 "$WORK/fresh/store.db"
check_exit "what has no table left is refused" 11 "so much of the file is lost.*backup" fresh doctor --rescue "$WORK/again"
finish
