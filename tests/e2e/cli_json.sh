#!/bin/bash
# A small team by command, with every command's --json checked against docs/cli.schema.json.
. "$(dirname "$0")/lib.sh"

server_start
device_make anna
answer "team create" anna team create --server "$SERVER" --code-file "$CODE" --name "Anna de Boer" \
    --device laptop --roles administrator,coordinator,coach
answer "team invite, to a file" anna team invite --name Fatma --roles coach --output "$WORK/fatma.invitation"
answer "team invite, in the answer" anna team invite --name Wim --roles coach
device_make fatma
answer "team join" fatma team join "$WORK/fatma.invitation"
digits=$(value digits)
answer "status, not let in yet" fatma status
check_exit "sync, not let in yet" 8 "not approved yet" as fatma sync
answer "device approve" anna device approve "$digits"
check_equal "a device without a label is called after its person" "$(value device.label)" Fatma
answer "sync, let in" fatma sync
check_equal "the device is in the team" "$(value is_in_team)" true
answer "device list" anna device list
answer "person list" anna person list
answer "person roles" anna person roles Fatma --roles coach,duty

answer "family add" anna family add Duin --surname "van der Duin" --unsafe "the dog" --phase start
family=$(value family.id)
answer "family add, a second" anna family add Berk
answer "family edit" anna family edit duin --reach "call after four" --address "Kade 1"
answer "family list" anna family list
answer "member add" anna member add duin --given-name Mo --birth-date 2019-02-03 --relation child
answer "member add, an expected child" anna member add duin --given-name Baby --birth-date 2027-03-01
check_equal "an expected child is told" "$(value notices.1.code)" expected_child
answer "member list" anna member list "$family"
answer "goal add" anna goal add duin --text "Mo is at school on time" --deadline 2026-12-20 --level werkdoel
goal=$(value goal.id)
answer "goal edit" anna goal edit "$goal" --measure "absence list" --holder mother
answer "goal list" anna goal list duin
answer "agreement add" anna agreement add duin --text "Call school" --who Anna --due 2026-01-02
agreement=$(value agreement.id)
answer "agreement list" anna agreement list
answer "safety set" anna safety set duin worry --text "Tired, and alone in the evening"
answer "safety list" anna safety list duin
answer "standing set" anna standing set duin consent limited --text "Not the school"
answer "standing list" anna standing list duin
answer "absence add" anna absence add --from 2026-12-24 --until 2027-01-04
answer "absence list" anna absence list --all
answer "visit add" anna visit add duin --note-file <(printf 'Kitchen tidy.\nMo did the dishes.\n') \
    --minutes 50 --time 14:30 --next 2026-12-01 --with mother --with Mo
visit=$(value visit.id)
answer "visit amend" anna visit amend "$visit" --reason "wrong length" --minutes 55
answer "visit show, by its short id" anna visit show "${visit: -5}"
check_equal "the amendment is there" "$(value visit.minutes)" 55
answer "visit list" anna visit list duin --from 2026-01-01
answer "visit add, to withdraw" anna visit add berk --text "wrong family"
answer "visit withdraw" anna visit withdraw "$(value visit.id)" --reason "wrong family"
answer "family show" anna family show duin
answer "agreement done" anna agreement done "$agreement" --how "by phone"
answer "search" anna search dish
check_equal "the note is found" "$(value hits.0.record)" "$visit"
answer "today" anna today
answer "caseload" anna caseload
answer "sync" anna sync
answer "status" anna status

answer "family assign" anna family assign berk Fatma --function owner
answer "cover start" anna cover start duin --person fatma --until 2027-01-04
cover=$(value cover.id)
answer "cover assent" anna cover assent "$cover" duin yes
as anna sync >/dev/null 2>&1
answer "sync, the colleague" fatma sync
answer "cover list" fatma cover list
check_equal "what the family said waits for the file" "$(value covers.0.families.0.assent)" null
answer "cover accept" fatma cover accept "$cover"
answer "cover assent, a veto of one who covers elsewhere" anna cover assent "$cover" duin veto
as anna cover start duin --person fatma --until 2027-01-04 >"$WORK/veto" 2>&1
check_equal "a veto blocks another cover by that colleague" $? 8
answer "cover assent, a no after it" anna cover assent "$cover" duin no
answer "cover assent, a yes that was said before it" anna cover assent "$cover" duin yes --date 2026-01-05
answer "cover list, with a veto" anna cover list
check_equal "neither takes a veto back" "$(value covers.0.families.0.assent)" veto
as anna cover start duin --person fatma --until 2027-01-04 >"$WORK/veto" 2>&1
check_equal "and it still blocks" $? 8
answer "cover assent, taken back" anna cover assent "$cover" duin yes
answer "sync, after accepting" fatma sync
answer "cover list, with the file" fatma cover list
check_equal "the family said yes" "$(value covers.0.families.0.assent)" yes
answer "cover card" fatma cover card duin
check_equal "the card says what is unsafe" "$(value card.profile.unsafe)" "the dog"
answer "sync, the owner" anna sync

# Two versions, made apart and seen together.
answer "goal edit, by the owner" anna goal edit "$goal" --text "Mo is at school on time each day"
answer "goal edit, by who covers" fatma goal edit "$goal" --text "Mo is at school before half past eight"
as anna sync >/dev/null 2>&1
answer "sync, which makes two versions" fatma sync
answer "conflicts" fatma conflicts
check_equal "both texts are shown" "$(value conflicts.0.versions.0.value.text; value conflicts.0.versions.1.value.text)" \
    $'Mo is at school on time each day\nMo is at school before half past eight'
token=$(value conflicts.0.token)
conflict=$(value conflicts.0.id)
check_exit "a text beside the number of a version replaces nothing" 3 "a text goes with .--take new. only" \
    as fatma resolve "$conflict" --token "$token" --take 1 --text "quite another goal"
check_exit "nor does a file beside both" 3 "a text goes with .--take new. only" \
    as fatma resolve "$conflict" --token "$token" --take both --note-file "$WORK/answer"
check_exit "a version of two digits is read whole" 3 "there is no version 12; there are 2" \
    as fatma resolve "$conflict" --token "$token" --take 12
check_exit "nor is version 0" 3 "is the number of a version" as fatma resolve "$conflict" --token "$token" --take 0
check_exit "a token with a mark of no version" 14 "replaced meanwhile" \
    as fatma resolve "$conflict" --token "${token%%.*}.zzzzzzzz" --take 1
answer "conflicts, still there" fatma conflicts
answer "resolve" fatma resolve "$(value conflicts.0.id)" --token "$token" --take both
answer "conflicts, none left" fatma conflicts
check_equal "nothing has two versions" "$(value conflicts)" "[]"
answer "history" fatma history "$goal"
old=$(value units.0.versions.0.mark)
answer "undo" fatma undo "${goal: -6}.goal" --token "$(value units.0.token)" --take "$old"
answer "late" fatma late
as fatma sync >/dev/null 2>&1
answer "sync, the resolution" anna sync
answer "cover summary" anna cover summary
answer "status, at whom" anna status
check_equal "the colleague has the owner's note" \
    "$(python3 -c 'import json,sys; print([a["has_note_of_owner"] for a in json.load(open(sys.argv[1]))["arrivals"] if a["family"]["name"] == "Duin"][0])' "$WORK/answer")" yes
sight() { python3 -c 'import json,sys; print([s["state"] for s in json.load(open(sys.argv[1]))["sights"] if s["person"]["name"] == sys.argv[2]][0])' "$WORK/answer" "$1"; }
answer "visit add, whom to ask about" anna visit add duin --text "note of this morning"
note=$(value visit.id)
answer "status of a note" anna status --of "$note" --at Fatma
check_equal "it is only here" "$(sight Fatma) $(value is_seen)" "here_only false"
as anna sync >/dev/null 2>&1
answer "status of a note that was sent" anna status --of "$note"
check_equal "it is at the server, and the writer's device has it" "$(sight Fatma) $(sight "Anna de Boer")" "on_server applied"
as fatma sync >/dev/null 2>&1
as anna sync >/dev/null 2>&1
answer "status of a note that was fetched" anna status --of "$note" --at Fatma
check_equal "can Fatma see my note of this morning?" "$(sight Fatma) $(value is_seen)" "applied true"
check_says "and in words" "Can Fatma see it\? yes" as anna status --of "$note" --at Fatma
answer "status of a note, at the reader's" fatma status --of "$note"
check_equal "there too" "$(sight Fatma)" applied
check_exit "whom, without what" 3 "give it with --of" as anna status --at Fatma
answer "cover end" anna cover end "$cover"
as anna sync >/dev/null 2>&1
answer "status of a note, after the cover" anna status --of "$note" --at Fatma
check_equal "who covered may see it no more" "$(sight Fatma) $(value is_seen)" "no_right false"

server_stop
check_exit "sync --wait gives up when the time is over" 9 "" as anna sync --wait 1
as anna sync --wait 120 --json >"$WORK/answer" 2>/dev/null &
waiting=$!
sleep 2
check "while it waits another command writes" as anna visit add duin --text "While the cable was out."
server_start
check "sync --wait goes on when the server is back" wait "$waiting"
check_equal "and is complete" "$(value report.is_complete)" true
server_stop
if as anna unlock >/dev/null 2>&1; then
    as anna sync --wait 120 >"$WORK/locked.out" 2>"$WORK/locked.err" &
    locked=$!
    sleep 2
    as anna lock >/dev/null 2>&1
    check_exit "who locks the store ends what waits with its key" 7 "" wait "$locked"
fi
answer "goal delete" anna goal delete "$goal"
answer "goal restore" anna goal restore "$goal"
answer "agreement delete" anna agreement delete "$agreement"
answer "agreement restore" anna agreement restore "$agreement"
answer "member list, whom to delete" anna member list duin
member=$(value members.0.id)
answer "member delete" anna member delete "$member"
answer "member restore" anna member restore "$member"
answer "goal add, once more" anna goal add duin --text "Eat together"
answer "goal add, and again" anna goal add duin --text "Eat together"
answer "today, with a finding" anna today
answer "dismiss" anna dismiss "$(value findings.0.id)" --reason "one for each child"
answer "cover card, without a server" anna cover card duin
answer "visit add, without a server" anna visit add duin --text "on the spot"
answer "bundle export" anna bundle export --for Fatma --output "$WORK/to fatma.baken"
answer "bundle import" fatma bundle import "$WORK/to fatma.baken"
answer "cover start, by bundle" anna cover start duin --person fatma --until 2027-01-08 --carry
answer "cover list, with one by bundle" anna cover list
answer "bundle export, with a cover" anna bundle export --for Fatma --output "$WORK/cover to fatma.baken"
answer "bundle import, with a cover" fatma bundle import "$WORK/cover to fatma.baken"
answer "doctor" anna doctor
checks="directory|disk|memory|key_slots|keyring|continuity|sync|structure|journal"
check_equal "what doctor looked at: words for programs" "$checks" \
    "$(python3 -c 'import json,sys; print("|".join(f["check"] for f in json.load(open(sys.argv[1]))["findings"]))' "$WORK/answer")"
BAKEN_LANG=nl as anna doctor >"$WORK/dutch" 2>&1
check_equal "and in Dutch for people" "$(grep -cwE "map|schijf|geheugen|sleutelvakken|sleutelring|samenhang|synchronisatie|opbouw|journaal" "$WORK/dutch")" 9
check_equal "with none left as it is" "$(grep -ohwE "$checks" "$WORK/dutch")" ""
echo "another passphrase" >"$WORK/fresh"
answer "passphrase change" anna passphrase change "$WORK/fresh"
cp "$WORK/fresh" "$WORK/anna.passphrase"
answer "the new passphrase opens" anna family list
answer "recovery print" anna recovery print
answer "recovery print to a file" anna recovery print --output "$WORK/sheet.html"
answer "backup" anna backup "$WORK/anna.backup"
device_make restored && cp "$WORK/fresh" "$WORK/restored.passphrase"
answer "restore" restored restore "$WORK/anna.backup"
answer "restore, over it" restored restore "$WORK/anna.backup" --replace
as anna status --json >"$WORK/status"
check_equal "what was not sent of it is counted" "$(value restored.replaced_unsent)" \
    "$(($(json saves_unsealed <"$WORK/status") + $(json entries_unsent <"$WORK/status")))"
answer "lock" anna lock
if as anna unlock --json >"$WORK/answer" 2>/dev/null; then
    check "unlock" tests/e2e/validate.py "$WORK/answer"
    check_says "one minute is told as one" "Open for 1 minute;" as anna unlock --timeout 1
    as anna lock >/dev/null
else
    check_exit "unlock, where the kernel keeps no keys" 7 "keeps no keys" as anna unlock
fi

server_start
answer "device revoke" anna device revoke Fatma

# Every command of the table was called.
"$BAKEN" --help | sed -n 's/^  \([a-z]\+\( [a-z]\+\)\?\)  .*/\1/p' >"$WORK/commands"
while read -r command; do
    grep -q "\"$command\": {" docs/cli.schema.json || not_ok "the schema has $command"
    grep -q "^answer .* ${command//\//}" "$0" || grep -q "as anna $command" "$0" || not_ok "$command was called"
done <"$WORK/commands"
check_equal "the table of commands was read" "$(grep -c . "$WORK/commands")" \
    "$(/usr/bin/python3 -c 'import json; print(len(json.load(open("docs/cli.schema.json"))["commands"]))')"
finish
