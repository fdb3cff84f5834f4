#!/bin/bash
# Every figure of `baken status` by its value: what waits, what the server has, what each colleague's device has applied, since
# when it is silent, what the clock is off, which keys are owed; and the remark that a picture is not whole.
. "$(dirname "$0")/lib.sh"

DAY_MS=$((24 * 3600 * 1000))
sync() { for name in "$@"; do as "$name" sync >/dev/null 2>&1 || not_ok "$name syncs"; done; }
# of KEY LIST FIELD VALUE: key of the row in the list of the last answer whose field has the value.
of() {
    python3 -c 'import json, sys
key, name, field, value = sys.argv[2:]
for row in json.load(open(sys.argv[1]))[name]:
    found = row.get(field)
    if (found["name"] if isinstance(found, dict) else str(found)) == value:
        print(json.dumps(row[key]).strip("\""))' "$WORK/answer" "$@"
}

set_up() {
    server_start
    team_create anna Anna && device_join anna fatma Fatma coach && device_join anna joris Joris coach || return
    as anna family add Duin && as anna family assign duin Fatma && as anna family assign duin Joris && as anna family add Berk || return
    as anna visit add duin --text "first" && sync anna fatma joris anna
}
set_up >"$WORK/set_up.out" 2>&1 || give_up "the team is set up" "$(tail -n 5 "$WORK/set_up.out")"

# ---- what waits, and where one's notes are
answer "status" anna status
check_equal "the server has all" "all 0" "$(value server_has) $(value changes_here)"
check_equal "so have the colleagues" "yes yes 0" \
    "$(of has_note_of_me arrivals device fatma) $(of has_note_of_owner arrivals device joris) $(of saves_lacking arrivals device fatma)"
as anna visit add duin --text "second" >/dev/null 2>&1
as anna goal add duin --text "a goal" >/dev/null 2>&1
as anna family edit berk --phase startfase >/dev/null 2>&1
answer "status, with work that waits" anna status
check_equal "three changes wait, as a person counts" "not_all 3" "$(value server_has) $(value changes_here)"
check_equal "two of them of one family" "2 1" "$(of changes_here families family Duin) $(of changes_here families family Berk)"
check_equal "which the colleagues lack" "no 2 no 2" \
    "$(of has_note_of_me arrivals device fatma) $(of saves_lacking arrivals device fatma) $(of has_note_of_me arrivals device joris) $(of saves_lacking arrivals device joris)"
sync anna fatma anna
answer "status, once one has it" anna status
check_equal "one has it, the other not" "yes 0 no 2" \
    "$(of has_note_of_me arrivals device fatma) $(of saves_lacking arrivals device fatma) $(of has_note_of_me arrivals device joris) $(of saves_lacking arrivals device joris)"
check_equal "nobody is silent" "0 0" "$(of silent_days devices device fatma) $(of silent_days devices device joris)"

# ---- since when a device is silent
export BAKEN_TEST_CLOCK_OFFSET_MS=$((9 * DAY_MS))
answer "status, nine days later" anna status
check_equal "its days are counted" "9 9" "$(of silent_days devices device fatma) $(of silent_days devices device joris)"
check_says "and told" "joris +2.* 9 days" as anna status
unset BAKEN_TEST_CLOCK_OFFSET_MS

# ---- a clock that is off
BAKEN_TEST_CLOCK_OFFSET_MS=3630000 as joris sync >/dev/null 2>"$WORK/err"
check_equal "sync tells of it" "The clock of this device is 60 minutes off: please set it." "$(grep "minutes off" "$WORK/err")"
BAKEN_TEST_CLOCK_OFFSET_MS=3630000 as joris status --json >"$WORK/answer" 2>/dev/null
check_equal "status says by how much" 60 "$(($(value clock_off_ms) / 60000))"
sync joris
answer "status, of a clock that was set right" joris status
check "it is off no more" test "$(value clock_off_ms)" -lt 60000

# ---- keys that are owed, and a picture that is not whole
sync anna
as anna cover start berk --person Joris --until "$(date -d '+7 days' +%F)" >/dev/null 2>&1 || not_ok "a cover is given"
sync joris
as joris cover accept >/dev/null 2>"$WORK/err" || not_ok "the cover is accepted"
check "the answer says that not all is here" grep -q "Not everything that you may see has come in yet" "$WORK/err"
answer "family list" joris family list
check "so does each, until it is" grep -q '"code": *"incomplete"' "$WORK/answer"
answer "status, before it came" joris status
check_equal "status too" "false true" "$(value is_complete) $([ "$(value streams_filling)" -gt 0 ] && echo true)"
sync joris
answer "family list, when all is here" joris family list
check_equal "then nothing is said" "" "$(grep -o '"incomplete"' "$WORK/answer")"
answer "status, when all is here" joris status
check_equal "and status is whole" "true 0" "$(value is_complete) $(value streams_filling)"
as joris visit add berk --text "written while covering" >/dev/null 2>&1
sync joris anna
check "a device is shut out" as anna device revoke joris
answer "status, at who did not hear of it" fatma status
check_equal "who has not heard owes nothing" 0 "$(value rotations_owed)"
answer "status, at who shut it out" anna status
check_equal "every key that it had is to be renewed" "5 true true" \
    "$(value rotations_owed) $(of is_rotation_owed families family Duin) $(of is_rotation_owed families family Berk)"
check_says "people read it too" "Keys to renew +5" as anna status
as anna visit add duin --text "third" >/dev/null 2>&1
sync anna
answer "status, after the next save was sent" anna status
check_equal "it was paid" "0 false" "$(value rotations_owed) $(of is_rotation_owed families family Duin)"
finish
