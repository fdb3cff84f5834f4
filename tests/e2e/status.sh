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
    as anna status >"$WORK/first_status"
    as anna family add Duin && as anna family assign duin Fatma && as anna family assign duin Joris && as anna family add Berk || return
    as anna visit add duin --text "first" && sync anna fatma joris anna
}
set_up >"$WORK/set_up.out" 2>&1 || give_up "the team is set up" "$(tail -n 5 "$WORK/set_up.out")"

# ---- before the first sync, and before there is a team
check "that nothing was exchanged is not said of who invited two" grep -q "^No .baken sync. was completed on this device yet" "$WORK/first_status"
device_make nel
check_exit "a team is not made without a server" 9 "; this device is in no team yet; do it again when there is a connection\.$" \
    as nel team create --server "http://127.0.0.1:$(port_free)" --code-file "$CODE" --name Nel
check_exit "nor with a code of another server, and the passphrase that was chosen stays" 8 \
    "this device is in no team yet, and its passphrase is the one that was given now; correct it, or ask .*bakend code" \
    as nel team create --server "$SERVER" --code-file <(echo AAAAA-BBBBB-CCCCC-DDDDD) --name Nel
answer "status, in no team" nel status
check_equal "nobody is waited for" "no_team false" "$(value notices.0.code) $(value is_in_team)"
check_exit "sync says the same" 4 "belongs to no team yet; nothing was changed; go on with .baken team join. or .baken team create." as nel sync
as anna team invite --name Nel --roles coach --output "$WORK/nel.invitation" >/dev/null 2>&1
as nel team join "$WORK/nel.invitation" >/dev/null 2>&1 || not_ok "a newcomer asks to join"
answer "status, before the newcomer is let in" nel status
check_equal "the digits are waited for" "not_let_in" "$(value notices.0.code)"
check_exit "so says sync" 8 "the digits wait for who invited you .*shows them once more" as nel sync
check_exit "and what needs a team" 8 "the digits wait for who invited you" as nel visit add duin --text "too early"

# ---- what waits, and where one's notes are
answer "status" anna status
check_equal "the server has all" "all 0" "$(value server_has) $(value changes_here)"
check_equal "so have the colleagues" "yes yes 0" \
    "$(of has_note_of_me arrivals device fatma) $(of has_note_of_owner arrivals device joris) $(of saves_lacking arrivals device fatma)"
as anna visit add duin --text "second" >/dev/null 2>&1
check_says "one change is told as one" "^Only on this device: 1 change\.$" as anna status
check_equal "in Dutch too" 1 "$(BAKEN_LANG=nl as anna status | grep -c "^Alleen nog op dit apparaat: 1 wijziging\.$")"
as anna goal add duin --text "a goal" >/dev/null 2>&1
check_says "and two as more" "^Only on this device: 2 changes\.$" as anna status
as anna family edit berk --phase startfase >/dev/null 2>&1
answer "status, with work that waits" anna status
check_equal "three changes wait, as a person counts" "not_all 3" "$(value server_has) $(value changes_here)"
check_equal "two of them of one family" "2 1" "$(of changes_here families family Duin) $(of changes_here families family Berk)"
check_equal "which the colleagues lack" "no 2 no 2" \
    "$(of has_note_of_me arrivals device fatma) $(of saves_lacking arrivals device fatma) $(of has_note_of_me arrivals device joris) $(of saves_lacking arrivals device joris)"
check_says "sync says the same number" '^Sent +3$' as anna sync
sync fatma anna
answer "status, once one has it" anna status
check_equal "one has it, the other not" "yes 0 no 2" \
    "$(of has_note_of_me arrivals device fatma) $(of saves_lacking arrivals device fatma) $(of has_note_of_me arrivals device joris) $(of saves_lacking arrivals device joris)"
check_equal "nobody is silent" "0 0" "$(of silent_days devices device fatma) $(of silent_days devices device joris)"

# ---- a family: its card, profile and standing have one id, and are seen where all of them are
sight() { python3 -c 'import json, sys
print(*[s["state"] for s in json.load(open(sys.argv[1]))["sights"] if s["device"] == sys.argv[2]])' "$WORK/answer" "$1"; }
sees() { echo "$(sight "$1") $(value is_seen)"; }
duin_id=$(as anna family show duin --json | json family.id)
answer "status of a family" anna status --of "$duin_id" --at Fatma
check_equal "the colleague sees it" "applied true" "$(sees fatma)"
as anna standing set duin visibility named --text "only Anna" >/dev/null 2>&1
answer "status of a family, with a standing that waits" anna status --of "$duin_id" --at Fatma
check_equal "what only this device has is seen by nobody" "here_only false" "$(sees fatma)"
check_says "in words too" "Can Fatma see it\? not yet: only on this device" as anna status --of "${duin_id: -6}" --at Fatma
sync anna
answer "status of a family, with a standing that was sent" anna status --of "$duin_id" --at Fatma
check_equal "it is at the server" "on_server false" "$(sees fatma)"
sync fatma anna
answer "status of a family, with a standing that was fetched" anna status --of "$duin_id" --at Fatma
check_equal "then it is seen" "applied true" "$(sees fatma)"
as anna family edit duin --address "Duinweg 1" >/dev/null 2>&1
answer "status of a family, with an address that waits" anna status --of "$duin_id" --at Fatma
check_equal "nor is the profile seen" "here_only false" "$(sees fatma)"
goal_id=$(as anna goal list duin --json | json goals.0.id)
as anna goal delete "$goal_id" >/dev/null 2>&1
answer "status of a goal that was deleted here" anna status --of "$goal_id" --at Fatma
check_equal "nor that something was deleted" "here_only false" "$(sees fatma)"
as anna goal restore "$goal_id" >/dev/null 2>&1
sync anna fatma joris anna

# ---- since when a device is silent
export BAKEN_TEST_CLOCK_OFFSET_MS=$((9 * DAY_MS))
answer "status, nine days later" anna status
check_equal "its days are counted" "9 9" "$(of silent_days devices device fatma) $(of silent_days devices device joris)"
check_says "and told" "joris +2.* 9 days" as anna status
unset BAKEN_TEST_CLOCK_OFFSET_MS

# ---- a clock that is off
BAKEN_TEST_CLOCK_OFFSET_MS=3630000 as joris sync >/dev/null 2>"$WORK/err"
check_equal "sync tells of it" "The clock of this device is 60 minutes ahead: please set it." "$(grep "minutes ahead" "$WORK/err")"
BAKEN_TEST_CLOCK_OFFSET_MS=$((-5 * 3600000 - 60000)) as joris sync >/dev/null 2>"$WORK/err"
check_equal "hours are told as hours, and when it is behind" "The clock of this device is 5 hours behind: please set it." "$(grep "^The clock" "$WORK/err")"
BAKEN_TEST_CLOCK_OFFSET_MS=$((-40 * DAY_MS - 60000)) as joris sync >/dev/null 2>"$WORK/err"
check_equal "and days as days" "The clock of this device is 40 days behind: please set it." "$(grep "^The clock" "$WORK/err")"
BAKEN_TEST_CLOCK_OFFSET_MS=3630000 as joris sync >/dev/null 2>&1
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
check "the answer says that the files are not here, and what brings them" \
    grep -q "The files of the families that you cover are not all here yet.*baken sync. fetches them" "$WORK/err"
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
check_says "and that nobody has to do anything for it" "baken sync. renews keys and passes them on by itself" as anna status
as anna visit add duin --text "third" >/dev/null 2>&1
sync anna
answer "status, after the next save was sent" anna status
check_equal "it was paid" "0 false" "$(value rotations_owed) $(of is_rotation_owed families family Duin)"

# ---- what came too late: a colleague's device told that it has it, and shows it to nobody
# duin KEY DEVICE: of that family's row; `berk` of the other's.
berk() { row Berk "$@"; }
duin() { row Duin "$@"; }
row() {
    python3 -c 'import json, sys
family, key, device = sys.argv[2:]
print(*[row[key] for row in json.load(open(sys.argv[1]))["arrivals"] if row["family"]["name"] == family and row["device"] == device])' "$WORK/answer" "$@"
}
tablet_join() {
    local digits
    device_make tablet
    as fatma team invite --person me --output "$WORK/tablet.invitation" || return
    digits=$(as tablet team join "$WORK/tablet.invitation" --json | json digits) || return
    as fatma device approve "$digits" --device tablet && as tablet sync && as anna sync && as tablet sync
}
late_set_up() {
    sync fatma && device_join anna lieve Lieve scientist && tablet_join || return
    sync anna lieve fatma tablet lieve fatma || return
    goal=$(as fatma goal list duin --json | json goals.0.id)
    visit=$(as tablet visit add duin --text "written on the train" --json | json visit.id)
    as tablet goal edit "$goal" --text "a goal, as the family now says it" || return
    as fatma device revoke tablet && as tablet sync
    sync fatma anna lieve fatma
}
late_set_up >"$WORK/set_up.out" 2>&1 || give_up "late work is handed in" "$(tail -n 5 "$WORK/set_up.out")"
answer "status, with work that came too late" fatma status
check_equal "it is held: an entry of the file, and one of the index" 2 "$(value held_count)"
check_equal "nobody is said to have all, and what is held lacks everywhere" "held 2 held 2" \
    "$(duin has_note_of_me anna) $(duin saves_lacking anna) $(duin has_note_of_me lieve) $(duin saves_lacking lieve)"
check_equal "of the owner's notes nothing lacks" yes "$(duin has_note_of_owner lieve)"
check_says "people read it" "lieve +yes +all but what came too late +2" as fatma status
check_equal "the colleague's list lacks it" 0 "$(as lieve visit list duin --json | grep -c "on the train")"
answer "status of a visit that is held" fatma status --of "$visit" --at Lieve
check_equal "it is found, and seen by nobody" "held false 1" "$(sight lieve) $(value is_seen) $(value held_count)"
check_equal "nothing of it counts" null "$(value sights.0.counting_state)"
check_says "in words" "Can Lieve see it\? no: it came too late" as fatma status --of "${visit: -8}" --at Lieve
check_says "a visit is called one" "^What +visit" as fatma status --of "${visit: -8}" --at Lieve
answer "status of a visit that is held, at the colleague's" lieve status --of "$visit"
check_equal "it is seen there neither" "held" "$(sight lieve)"
answer "status of a goal whose later edit is held" fatma status --of "$goal" --at Lieve
check_equal "it is not said to be seen" "held applied false 1" \
    "$(sight lieve) $(value sights.0.counting_state) $(value is_seen) $(value held_count)"
check_says "in words too" "Can Lieve see it\? in part: a later change came too late" as fatma status --of "$goal" --at Lieve
check_exit "what is nowhere is not found" 4 "nothing has an id" as fatma status --of 01234567
as fatma goal edit "$goal" --text "a goal, written again" >/dev/null 2>&1
answer "status of a goal that was written again" fatma status --of "$goal" --at Lieve
check_equal "what was held is asked after no more" "here_only 0" "$(sight lieve) $(value held_count)"
answer "status, before it was sent" fatma status
check_equal "what can still come is told first" "no 3" "$(duin has_note_of_me lieve) $(duin saves_lacking lieve)"
sync fatma lieve fatma
answer "status of a goal that was written again, and came" fatma status --of "$goal" --at Lieve
check_equal "it is seen" "applied applied true" "$(sight lieve) $(value sights.0.counting_state) $(value is_seen)"
answer "status, when it came" fatma status
check_equal "then only what came too late lacks" "held 2" "$(duin has_note_of_me lieve) $(duin saves_lacking lieve)"

# ---- what came too late and was taken over: who told before that holds it still
cover_set_up() {
    local cover
    cover=$(as anna cover start berk --person Fatma --until "$(date -d '+7 days' +%F)" --json | json cover.id) || return
    sync anna fatma && as fatma cover accept && sync fatma anna lieve anna fatma || return
    as fatma visit add berk --text "written while it ended" && as fatma visit add berk --text "in the same packet" || return
    as anna cover end "$cover" || return
    sync anna fatma lieve anna
}
cover_set_up >"$WORK/set_up.out" 2>&1 || give_up "a cover ends" "$(tail -n 5 "$WORK/set_up.out")"
answer "status, at who took it over" anna status
check_equal "the colleague is not said to have either visit" "0 2" "$(of saves_held families family Berk) $(berk saves_lacking lieve)"
sync lieve anna
answer "status, when the colleague read of it" anna status
check_equal "now it has" "0" "$(berk saves_lacking lieve)"

# ---- what came too late of a family that is no longer here: nobody is sent to read it here
as fatma visit add duin --text "written before she heard" >/dev/null 2>&1
as anna family assign duin Fatma --function released >/dev/null 2>&1 || not_ok "a coach is released"
as fatma sync >/dev/null 2>"$WORK/err"
check "who was released is sent to a coach" grep -q "no longer on this device. It is kept: a coach of the family reads it" "$WORK/err"
check_equal "and not to where nothing can be read" 0 "$(grep -c "it is kept: read it with" "$WORK/err")"
check_says "so says status" "no longer on this device.*tell a coach of the family, who reads it with .baken late." as fatma status
sync anna
check_says "there it can be read" "written before she heard" as anna late duin

# ---- a colleague who has the card of a family, and not its file
as anna family edit berk --address "Berkenlaan 2" >/dev/null 2>&1
device_join anna kees Kees coordinator >"$WORK/set_up.out" 2>&1 || give_up "a coordinator joins" "$(tail -n 5 "$WORK/set_up.out")"
sync anna kees anna
answer "status, at who has the cards alone" kees status
check "a line of a visit that came too late is held there" test "$(of saves_held families family Duin)" -gt 0
check_equal "of which people read no row that says nothing" "" "$(as kees status | grep -E '^[A-Z][a-z]+( +0)+$')"
berk_id=$(as anna family show berk --json | json family.id)
answer "status of a family, at who has its card alone" anna status --of "$berk_id" --at Kees
check_equal "the rest is not seen" "no_right false" "$(sees kees)"
check_says "but the card is" "Can Kees see it\? in part: may not see the rest" as anna status --of "$berk_id" --at Kees
as anna family edit berk --code-name Beuk >/dev/null 2>&1
check_says "until it is written anew" "Can Kees see it\? no: may not see this" as anna status --of "$berk_id" --at Kees
finish
