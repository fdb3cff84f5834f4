#!/bin/bash
# When a cover is over, the covering device has nothing of the family left: no word, no key, no box, in no page, free
# or not, and in no frame of the log. Looked at with the device's own passphrase (`make tools`).
. "$(dirname "$0")/lib.sh"

DUMP=$BUILD/tests/tools/dump_store
UNMAKE=$BUILD/tests/tools/unmake_tables
[ -x "$DUMP" ] && [ -x "$UNMAKE" ] || give_up "the tools are built" "make tools"
HOUR_MS=3600000
DAY_MS=$((24 * HOUR_MS))

# look DEVICE: plain pages to $WORK/pages, kept keys to $WORK/kept, from a copy: looking changes nothing.
look() {
    rm -rf "$WORK/copy" && cp -r "$WORK/$1" "$WORK/copy"
    "$DUMP" pages "$WORK/copy" "$WORK/$1.passphrase" >"$WORK/pages" 2>"$WORK/counts" || give_up "$1 is read" "$(cat "$WORK/counts")"
    "$DUMP" keys "$WORK/copy" "$WORK/$1.passphrase" >"$WORK/kept" 2>"$WORK/err" || give_up "$1's keys are read" "$(cat "$WORK/err")"
}
boxes() {
    rm -rf "$WORK/copy" && cp -r "$WORK/$1" "$WORK/copy"
    "$DUMP" boxes "$WORK/copy" "$WORK/$1.passphrase" "$SERVER" >"$WORK/boxes" 2>"$WORK/err" ||
        give_up "$1's boxes are fetched" "$(cat "$WORK/err")"
}
# The family's keys, hexadecimal, from its owner, who has no other family.
owner_keys() {
    look joris
    awk '$1 == 3 || $1 == 4 { print $4 }' "$WORK/kept" | sort -u >"$WORK/keys"
}
# What of the words and of the owner's keys stands in the pages, kept keys and boxes.
words_found() {
    local word
    for word in "$@"; do grep -aiqF -- "$word" "$WORK/pages" && printf '%s ' "$word"; done
}
keys_found() {
    /usr/bin/python3 -c '
import sys
pages = open(sys.argv[1], "rb").read()
lists = [open(name).read() for name in sys.argv[3:]]
keys = open(sys.argv[2]).read().split()
print(sum(bytes.fromhex(key) in pages or any(key in text for text in lists) for key in keys))' "$WORK/pages" "$WORK/keys" "$@"
}
nothing_left() {
    local name=$1
    shift
    look lieve
    check_equal "$name: no word in $(cat "$WORK/counts")" "$(words_found "$@")" ""
    check_equal "$name: no key" "$(keys_found "$WORK/kept")" 0
}
no_boxes() {
    boxes lieve
    : >"$WORK/pages"
    check_equal "$1: the server gives no box" "$(keys_found "$WORK/boxes")" 0
}
# Every table is dropped and filled again from log and outbox, as by a new version of the program. The second mark fails
# where the opening between did not do so.
rebuild() {
    "$UNMAKE" "$WORK/lieve" "$WORK/lieve.passphrase" 2>"$WORK/err" || give_up "the tables are marked" "$(cat "$WORK/err")"
    check "$1: it opens and makes the tables anew" as lieve status
    check "$1: they were made" "$UNMAKE" "$WORK/lieve" "$WORK/lieve.passphrase"
    check "$1: and again" as lieve family list
}
cover() {
    as joris cover start "$1" --person Lieve --until "$2" --json >"$WORK/cover" || give_up "cover is given"
    as lieve sync >/dev/null && as lieve cover accept >/dev/null || give_up "cover is accepted"
    as joris sync >/dev/null
    as lieve sync >/dev/null
}

server_start
team_create anna Anna >/dev/null 2>&1 || give_up "a team is made"
device_join anna joris Joris coach 2>/dev/null || give_up "the owner joins"
device_join anna lieve Lieve coach 2>/dev/null || give_up "the cover joins"
as joris family add Wulpenburg --surname Okaforbergsma >/dev/null || give_up "the family is made"
as joris visit add wulpenburg --text "de kievitsbloem staat in het raam" >/dev/null
as joris goal add wulpenburg --text "driemaal samen eten" --measure avondklok >/dev/null
as joris sync >/dev/null 2>&1
owner_keys
check "the owner's keys are known" test "$(wc -l <"$WORK/keys")" -ge 2
WORDS="wulpenburg okaforbergsma kievitsbloem driemaal avondklok rietzanger"

# ---- ended by command
cover wulpenburg "$(date -d '+14 days' +%F)"
as lieve visit add wulpenburg --text "de rietzanger is terug" >/dev/null
rebuild "control: during the cover"
check_says "control: what was not sent survives it" "de rietzanger is terug" as lieve visit list wulpenburg
leave_log lieve visit add wulpenburg --text "nog een rietzanger"
look lieve
# shellcheck disable=SC2086
check_equal "control: during the cover every word is found ($(cat "$WORK/counts"))" "$(words_found $WORDS)" "$WORDS "
check_equal "control: and every key" "$(keys_found "$WORK/kept")" "$(wc -l <"$WORK/keys")"
boxes lieve
: >"$WORK/pages"
check "control: the server gives the boxes" test "$(keys_found "$WORK/boxes")" -ge 2
as joris cover end "$(json cover.id <"$WORK/cover")" >/dev/null || give_up "the cover is ended"
check "the covering device hears of it" as lieve sync
as joris sync >/dev/null
as joris visit add wulpenburg --text "daarna" >/dev/null
as joris sync >/dev/null 2>&1
owner_keys
check "later work has a newer key" test "$(wc -l <"$WORK/keys")" -ge 3
# shellcheck disable=SC2086
{
    nothing_left "ended by command" $WORDS
    no_boxes "ended by command"
    check "it syncs again" as lieve sync
    nothing_left "after another sync" $WORDS
    check "doctor finds nothing" as lieve doctor
    leave_log lieve absence add --from 2027-01-01 --until 2027-01-02
    nothing_left "with a log left behind" $WORDS
    as lieve sync >/dev/null 2>&1
    no_boxes "after another sync"
    rebuild "ended by command"
    nothing_left "after a sync and a rebuild" $WORDS
    leave_log lieve absence add --from 2027-02-01 --until 2027-02-02
    nothing_left "after a rebuild, with a log left behind" $WORDS
}

# ---- ended while a visit was not sent yet: it counts by itself, so who covered is not told to write it again
cover wulpenburg "$(date -d '+14 days' +%F)"
as lieve visit add wulpenburg --text "op de valreep een rietzanger" >/dev/null 2>&1
as joris cover end "$(json cover.id <"$WORK/cover")" >/dev/null || give_up "the cover is ended"
check_says "the covering device hands it in" "Too late, held +1$" as lieve sync
check_equal "and says that it counts by itself" 1 "$(grep -c "need not be written again: it counts once a coach" "$WORK/check.err")"
check_equal "not that it is to be read here" 0 "$(grep -c "too late to count" "$WORK/check.err")"
as lieve status >"$WORK/said" 2>&1
check_equal "status has the visit in one row" 1 "$(grep -c "lieve  *1  *an exchange: it came after its cover  *nothing: the cover had ended" "$WORK/said")"
check_equal "and of the family no id, and nothing to write again" "1 0" "$(grep -c "^(no longer on this device)" "$WORK/said") $(grep -c "write again" "$WORK/said")"
answer "late" lieve late
check_equal "late does not say that there is nothing" "1 not_shown" "$(value not_shown) $(value notices.0.code)"
check_equal "in words neither" "0 1" "$(as lieve late 2>/dev/null | grep -c Nothing) $(as lieve late 2>&1 | grep -c "written there: 1")"
as joris sync >/dev/null 2>&1
check_says "the owner has it by the next exchange" "op de valreep" as joris visit list wulpenburg
check_says "who covered exchanges once more" "^Sent +0" as lieve sync
check_says "then there is nothing" "Nothing came too late" as lieve late

# ---- ended by time, on a device that never comes online
as joris visit add wulpenburg --text "een tweede kievitsbloem" >/dev/null
as joris sync >/dev/null 2>&1
cover wulpenburg "$(date -d '+1 day' +%F)"
owner_keys
look lieve
check_equal "control: the second cover has the words" "$(words_found kievitsbloem okaforbergsma wulpenburg)" \
    "kievitsbloem okaforbergsma wulpenburg "
check_equal "control: and every key" "$(keys_found "$WORK/kept")" "$(wc -l <"$WORK/keys")"
as lieve visit add wulpenburg --text "offline een rietzanger" >/dev/null 2>&1
server_stop
for hours in 20 40; do # no jump: the laptop is used every day
    BAKEN_TEST_CLOCK_OFFSET_MS=$((hours * HOUR_MS)) as lieve today >/dev/null 2>&1
done
export BAKEN_TEST_CLOCK_OFFSET_MS=$((60 * HOUR_MS))
check_exit "its time is over: the family is not there" 4 "" as lieve family show wulpenburg
# shellcheck disable=SC2086
nothing_left "ended by time, offline" $WORDS
unset BAKEN_TEST_CLOCK_OFFSET_MS
check_exit "a clock put back does not bring it back" 4 "" as lieve family show wulpenburg
# shellcheck disable=SC2086
nothing_left "after the clock was put back" $WORDS
export BAKEN_TEST_CLOCK_OFFSET_MS=$((60 * HOUR_MS))
server_start
check "it comes online" as lieve sync
no_boxes "ended by time"
rebuild "online again"
# shellcheck disable=SC2086
nothing_left "online again" $WORDS
as joris sync >/dev/null 2>&1
check_says "the owner has what was written before the end" "offline een rietzanger" as joris visit list wulpenburg

# ---- a clock that jumps: hidden first, shown again or purged by the server's word
as joris sync >/dev/null 2>&1
cover wulpenburg "$(date -d '+9 days' +%F)"
as lieve visit add wulpenburg --text "een rietzanger voor de sprong" >/dev/null
server_stop
# Every command that shows something, once; which of the words were said.
words_said() {
    local command word
    for command in "search rietzanger" "search kievitsbloem" today caseload conflicts "family list" "visit list" \
        "goal list" "member list wulpenburg" "agreement list" "safety list" "cover list" "cover card" doctor; do
        # shellcheck disable=SC2086
        as lieve $command
    done >"$WORK/said" 2>&1
    for word in $WORDS; do grep -iqF -- "$word" "$WORK/said" && printf '%s ' "$word"; done
}
hidden() {
    check_exit "$1: the family is not there" 4 "no family .wulpenburg." as lieve family show wulpenburg
    check_exit "$1: and why is said" 4 "clock of this device jumped.*Hidden, not deleted" as lieve visit add wulpenburg --text "today"
    # The name that was asked for comes back in "there is no family wulpenburg".
    check_equal "$1: no command shows a word" "$(words_said | sed "s/wulpenburg *//")" ""
    check "$1: doctor finds nothing" as lieve doctor
    check_says "$1: status tells" "cover_hidden" as lieve status --json
    check_says "$1: today too" "cover_hidden" as lieve today --json
    check_says "$1: what was not sent is kept" '"saves_unsealed": ?[1-9]' as lieve status --json
}
check_equal "control: before the jump the commands show the words" "$(words_said)" \
    "wulpenburg kievitsbloem driemaal avondklok rietzanger "
export BAKEN_TEST_CLOCK_OFFSET_MS=$((365 * DAY_MS))
hidden "a year ahead"
check "it says so in Dutch" grep -qF "De klok van dit apparaat versprong" <(BAKEN_LANG=nl as lieve status 2>&1)
unset BAKEN_TEST_CLOCK_OFFSET_MS
hidden "put back by hand"
BAKEN_TEST_CLOCK_OFFSET_MS=0 server_start
export BAKEN_TEST_CLOCK_OFFSET_MS=$((365 * DAY_MS))
check "the server's time is another" as lieve sync
check_says "the family is there again" "voor de sprong" as lieve visit list wulpenburg
unset BAKEN_TEST_CLOCK_OFFSET_MS
check_says "and with the clock set right" "voor de sprong" as lieve visit list wulpenburg
as joris sync >/dev/null 2>&1
check_says "the owner has it" "voor de sprong" as joris visit list wulpenburg
as lieve visit add wulpenburg --text "na de sprong nog een rietzanger" >/dev/null
owner_keys
server_stop
export BAKEN_TEST_CLOCK_OFFSET_MS=$((21 * DAY_MS))
hidden "off for three weeks"
server_start
check "the server's time is the same" as lieve sync
rebuild "the end is confirmed"
# shellcheck disable=SC2086
nothing_left "the end is confirmed" $WORDS
no_boxes "the end is confirmed"
as joris sync >/dev/null 2>&1
check_says "the owner has what was not sent" "na de sprong" as joris visit list wulpenburg
finish
