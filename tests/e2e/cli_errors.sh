#!/bin/bash
# Bad input: for each case its exit code and its sentence, and that nothing was changed.
. "$(dirname "$0")/lib.sh"

server_start
team_create anna Anna >/dev/null || give_up "the team is made"
as anna family add Duin >/dev/null || give_up "the family is made"
as anna family add Berk >/dev/null || give_up "the second family is made"
goal=$(as anna goal add duin --text "on time" --json | json goal.id)

# ---- the command line
check_exit "no command" 2 "no command on the line.*--help" "$BAKEN"
check_equal "no command writes nothing to standard output" "$("$BAKEN" 2>/dev/null | wc -c)" 0
"$BAKEN" --json >"$WORK/answer" 2>"$WORK/error"
check_equal "nor with --json" "$?, $(wc -c <"$WORK/answer") bytes, $(wc -l <"$WORK/error") line" "2, 0 bytes, 1 line"
check "that line is JSON by the schema" tests/e2e/validate.py --error "$WORK/error"
check_equal "with its exit code" "$(json error.exit <"$WORK/error")" 2
check_exit "an unknown command" 2 "no command \`fly\`" as anna fly
check_exit "an unknown verb" 2 "one of: add, list" as anna visit fly
check_exit "an unknown option" 2 "option --fast is unknown" as anna status --fast
check_exit "an option of another command" 2 "has no option --minutes" as anna status --minutes 3
check_exit "a missing value" 2 "--date needs a value" as anna visit add duin --date --json
check_exit "a value for a flag" 2 "takes no value" as anna status --json=yes
check_exit "an option twice" 2 "twice" as anna visit list --limit 3 --limit 4
check_exit "search in two families at once" 2 "twice" as anna search school --family duin --family berk
check_exit "a missing word" 2 "baken visit add FAMILY" as anna visit add
check_exit "a word too many" 2 "baken status" as anna status now

# ---- help: what is required is marked, and is required
check_says "help lists --version" '^ +--version ' "$BAKEN" --help
check_says "and it works" '^baken [0-9]' "$BAKEN" --version
for command in "resolve zzzzz" "team create" "person roles me" "visit amend zzzzz" "visit withdraw zzzzz" "absence add" \
    "cover start duin" "bundle export"; do
    needed=$(as anna $command --help | sed -nE 's/^ +--([a-z-]+) .*REQUIRED$/\1/p')
    check "baken $command has required options" test -n "$needed"
    for option in $needed; do
        others=()
        for other in $needed; do [ "$other" = "$option" ] || others+=("--$other" 1); done
        check_exit "baken $command does not go without --$option" 3 "--$option is needed here: baken ${command%% *}" \
            as anna $command "${others[@]}"
    done
done
check_exit "team invite: a name, or a person" 3 "--name NAME --roles LIST \| --person PERSON" as anna team invite
for other in "--name Anna" "--roles administrator"; do
    check_exit "not a person and ${other% *}, which would be passed over" 3 "--person and ${other% *} do not go together" \
        as anna team invite --person me $other
done

# ---- passphrases
printf 'wrong\n' >"$WORK/wrong"
printf '\n' >"$WORK/empty"
check_exit "a wrong passphrase" 7 "passphrase" as anna family list --passphrase-file "$WORK/wrong"
check_exit "an empty passphrase" 3 "passphrase is empty" as anna family list --passphrase-file "$WORK/empty"
check_exit "a passphrase file that is not there" 7 "cannot be read.*name and the rights of the file" as anna family list --passphrase-file "$WORK/none"
check_exit "one that the environment names" 7 "cannot be read.*name and the rights of the file" \
    env BAKEN_PASSPHRASE_FILE="$WORK/none" BAKEN_HOME="$WORK/anna" "$BAKEN" family list --no-input
check_exit "a passphrase command that fails" 7 "command failed" env -u BAKEN_PASSPHRASE_FILE \
    BAKEN_HOME="$WORK/anna" "$BAKEN" family list --no-input --passphrase-command false
check_says "a passphrase command" Duin env -u BAKEN_PASSPHRASE_FILE BAKEN_HOME="$WORK/anna" XDG_STATE_HOME="$WORK/state" \
    "$BAKEN" family list --no-input --passphrase-command "cat '$WORK/anna.passphrase'"
check_exit "no passphrase and no questions" 7 "no-input.*name that with --passphrase-file" env -u BAKEN_PASSPHRASE_FILE BAKEN_HOME="$WORK/anna" \
    "$BAKEN" family list --no-input
check_exit "no passphrase, and no terminal to ask on" 7 "no terminal.*name that with --passphrase-file" \
    env -u BAKEN_PASSPHRASE_FILE BAKEN_HOME="$WORK/anna" setsid -w "$BAKEN" family list
check_exit "no new passphrase and no questions" 7 "no-input.*name that: .baken passphrase change FILE" as anna passphrase change
device_make nobody
check_exit "an empty passphrase for a new store" 3 "passphrase is empty; nothing was changed; correct it and" as nobody team create \
    --server "$SERVER" --code-file "$CODE" --name N --passphrase-file "$WORK/empty"
as anna team invite --name Ine --roles coach --output "$WORK/ine.invitation" >/dev/null 2>&1
check_exit "or for one that joins: the invitation is right" 3 "passphrase is empty; nothing was changed; correct it and" \
    as nobody team join "$WORK/ine.invitation" --passphrase-file "$WORK/empty"
sed -E 's/^(.{60})[^A]/\1A/; t; s/^(.{60})A/\1B/' "$WORK/ine.invitation" >"$WORK/mistyped.invitation"
check_exit "an invitation with a wrong letter" 3 "nothing was changed; copy the invitation again" \
    as nobody team join "$WORK/mistyped.invitation"
check_exit "a one-time code is no invitation" 3 "begins with baken1-; nothing was changed; copy the invitation again" as nobody team join "$CODE"
check_exit "no store" 10 "no store in .*; nothing was changed; .baken team join. or .baken team create. makes one" as nobody status
check_exit "no store, and a note that is not there" 4 "cannot be read.*name and the rights of the file" as nobody \
    visit add duin --note-file "$WORK/none"

# ---- values
check_exit "a day that does not exist" 3 "2026|30" as anna visit add duin --date 2026-02-30 --text x
check_exit "not a date" 3 "" as anna visit add duin --date tomorrow --text x
check_exit "a time that does not exist" 3 "not a time" as anna visit add duin --time 25:00 --text x
for time in 8:3 :30 8:60 08:305 "8:30 " 8.30 008:30; do check_exit "$time neither" 3 "not a time" as anna visit add duin --time "$time" --text x; done
check_exit "a number that is none" 3 "whole number" as anna visit add duin --minutes many --text x
check_exit "a negative number" 3 "whole number" as anna visit add duin --minutes=-3 --text x
# stored PART WORDS ...: what is stored of a visit that is added by these words.
stored() {
    local part=$1
    shift
    as anna visit show "$(as anna visit add berk "$@" --text x --json 2>/dev/null | json visit.id)" --json | json "visit.$part"
}
for time in 8:30 08:30; do check_equal "an hour of one digit or two: $time" "$(stored time --time "$time")" 08:30; done
for kind in visit bezoek Bezoek; do check_equal "a kind in words of the screen: $kind" "$(stored kind --kind "$kind")" visit; done
check_equal "on a Dutch screen too" "$(BAKEN_LANG=nl stored kind --kind overleg)" meeting
check_equal "a kind of one's own" "$(stored kind --kind wandeling)" wandeling
check_equal "in capitals or not" "$(stored kind --kind Wandeling)" wandeling
as anna family edit berk --phase Stabilisatie >/dev/null 2>&1
check_equal "a phase too" "$(as anna family show berk --json | json family.phase)" stabilisatie
check_exit "what is no word even so is named as it was typed" 3 '"Fase 2" is not a short word' as anna family edit berk --phase "Fase 2"
in_dutch() { BAKEN_LANG=nl as anna "$@"; }
check_exit "the words of a list are named as people read them" 3 "niet een van: open, bereikt, losgelaten" \
    in_dutch goal edit "$goal" --status lost
check_exit "a kind that is no slug" 3 "" as anna visit add duin --kind "Big Visit" --text x
check_exit "a status that is none" 3 "one of: open" as anna goal edit "$goal" --status lost
check_exit "a level of a goal that is none" 3 "not one of: hoofddoel, subdoel, werkdoel" as anna goal add duin --level blah --text x
check_exit "nor may an edit bring one" 3 "not one of: hoofddoel" as anna goal edit "$goal" --level blah
check "a level of the list" as anna goal edit "$goal" --level subdoel
check_says "people read its name" "sub-goal" as anna goal list duin
check_says "the help names the levels" "hoofddoel.*subdoel.*werkdoel" as anna goal add --help
check_exit "a level that is none" 3 "one of: safe" as anna safety set duin fine --text x
check_exit "a word that does not stand is refused with the words of the screen" 3 "veto hoort een van: ingetrokken, van kracht;" \
    in_dutch standing set duin veto blijft
check_exit "and what does not stand at all" 3 "een van: toestemming, veto, zichtbaarheid, veiligheid;" in_dutch standing set duin weer mooi
check_exit "what is missing is named in words of the screen" 2 "baken family assign GEZIN COLLEGA;" in_dutch family assign
check_exit "a span of no day" 3 "--until lies before --from" as anna visit list --from 2026-12-01 --until 2026-11-30
check "a span of one day" as anna visit list --from 2026-12-01 --until 2026-12-01
check_exit "a choice without a token says where one is" 3 "baken conflicts. shows the versions and their token" as anna resolve "$goal" --take 1
check_exit "an undo too" 3 "baken history. shows the versions and their token" as anna undo "$goal.goal" \
    --take "$(as anna history "$goal.goal" --json | json units.0.token)"
check_exit "a token that is none names where an undo has one" 3 ".x. is not a token that .baken conflicts. or .baken history. shows" \
    as anna undo "$goal.goal" --token x --take "$(as anna history "$goal.goal" --json | json units.0.versions.0.mark)"
answer "history" anna history "$goal.goal"
check_exit "a reason that nothing would keep" 3 "a report only.*nothing was changed" \
    as anna undo "$goal.goal" --token "$(value units.0.token)" --take "$(value units.0.versions.0.mark)" --reason "a slip"
check_equal "nor was the rest done" "$(value units.0.token)" "$(as anna history "$goal.goal" --json | json units.0.token)"
check_exit "a role that is none" 3 "not a role; roles are: administrator, coordinator, coach" as anna team invite --name X --roles boss
check_exit "an absence that ends before it begins" 3 "before" as anna absence add --from 2026-12-02 --until 2026-12-01
check_exit "an invitation that is none" 3 "invitation" as nobody team join <(echo hello)
check_exit "digits of nobody" 4 "nobody who waits" as anna device approve 1111 2222 3333 4444 5555
check_exit "a group too few" 3 "twenty digits, in five groups of four; 16 were typed" as anna device approve 1111 2222 3333 4444
check_exit "a letter among them" 3 "something else among them" as anna device approve 1111 2222 3333 4444 555O
check_exit "a device that is not there" 4 "no device .tablet. in the team.*baken device list" as anna device revoke tablet
as anna member add duin --given-name Baby --birth-date 2031-01-01 --json >"$WORK/answer" 2>&1
check_equal "a birth date in the future is an expected child" "$(json notices.1.code <"$WORK/answer")" expected_child
check_says "a field is named in words, not by its key" "^given name +Baby$" as anna history "$(json member.id <"$WORK/answer")"

# ---- what is refused left no line on the ledger
latin=$(printf 'a\377')
long=$(head -c 5000 /dev/zero | tr '\0' a)
before=$(ledger_lines)
check_exit "a code name that is empty" 3 "needs a code name" as anna family add ""
check_exit "a code name of blanks" 3 "needs a code name" as anna family add "  "
check_exit "a code name that is not UTF-8" 3 "UTF-8" as anna family add "$latin"
check_exit "a code name that is too long" 12 "code name" as anna family add "$long"
check_exit "a phase that is no slug" 3 "nothing was changed" as anna family add Eik --phase "Bad P"
check_exit "an address that is not UTF-8" 3 "UTF-8" as anna family add Eik --address "$latin"
check_exit "a surname that is too long" 12 "surname" as anna family add Eik --surname "$long"
check_exit "an owner who is not there" 4 "no colleague" as anna family add Eik --owner nobody
check_exit "an invitation into a file that exists" 13 "exists|made" as anna team invite --name X --roles coach \
    --output "$WORK/code"
check_exit "an invitation into a directory that is not there" 4 "directory and its rights" as anna team invite --name X \
    --roles coach --output "$WORK/none/invitation"
check_exit "a name of blanks for a colleague" 3 "--name is empty" as anna team invite --name " " --roles coach
check_exit "a name that is too long" 12 "name is longer" as anna team invite --name "$long" --roles coach
check_exit "a label of blanks for a device" 3 "--device is empty" as anna device approve --device " " 1234
check_exit "a function that is none" 3 "one of: owner" as anna family assign duin me --function boss
check_exit "a cover that ends before it begins" 3 "before it begins" as anna cover start duin --person me --from 2031-01-02 \
    --until 2031-01-01
check_equal "none of them is on the ledger" "$(ledger_lines)" "$before"
check_exit "and none is a family here" 4 "no family" as anna family show Eik
check "a good family is still made" as anna family add " Eik " --phase start --surname "de Vries" --address "Dijk 1"
check_equal "by one line" "$(ledger_lines)" $((before + 1))
check_equal "with all that was said of it" "$(as anna family show eik --json | /usr/bin/python3 -c 'import json, sys
all = json.load(sys.stdin)
print(all["family"]["code_name"], all["family"]["phase"], all["family"]["profile"]["surname"], all["family"]["profile"]["address"])')" \
    "Eik start de Vries Dijk 1"
check "an invitation into a new file" as anna team invite --name Kim --roles coach --output "$WORK/kim.invitation"
check_equal "is one line" "$(ledger_lines)" $((before + 2))
check_equal "and stands in the file" "$(head -c 7 "$WORK/kim.invitation")" baken1-
# Somebody makes the file while the server orders the line: the secret is not lost.
kill -STOP "$SERVER_PID"
as anna team invite --name Lot --roles coach --output "$WORK/lot.invitation" >"$WORK/answer" 2>"$WORK/error" &
invite=$!
sleep 1
check_equal "the file that was tried is gone again" "" "$(ls "$WORK" | grep lot)"
: >"$WORK/lot.invitation"
kill -CONT "$SERVER_PID"
wait "$invite"
check_equal "a file that fails after all asks for a person" $? 19
check_equal "and the answer has the invitation" "$(head -c 7 "$WORK/answer")" baken1-
check "with the reason" grep -q "cannot be made" "$WORK/error"

# ---- texts
head -c 262144 /dev/zero | tr '\0' a >"$WORK/fits"
head -c 262145 /dev/zero | tr '\0' a >"$WORK/large"
printf 'a\0b' >"$WORK/nul"
printf 'a\377b' >"$WORK/latin"
: >"$WORK/nothing"
check "a note of 256 KiB" as anna visit add duin --note-file "$WORK/fits"
check_exit "a note over 256 KiB" 12 "the text stays where it was" as anna visit add duin --note-file "$WORK/large"
check_exit "a note over 256 KiB, piped" 12 "256 KiB" as anna visit add duin <"$WORK/large"
check_equal "the text stays where it was" "$(wc -c <"$WORK/large")" 262145
check_exit "a NUL" 3 "" as anna visit add duin --note-file "$WORK/nul"
check_exit "text that is not UTF-8" 3 "UTF-8" as anna visit add duin --note-file "$WORK/latin"
check_exit "no text" 3 "empty" as anna visit add duin --note-file "$WORK/nothing"
check_exit "a note file that is not there" 4 "cannot be read.*name and the rights of the file" as anna visit add duin --note-file "$WORK/none"
check_exit "a bundle that is not there" 4 "cannot be read.*name and the rights of the file" as anna bundle import "$WORK/none"
check_exit "an invitation that is not there" 4 "cannot be read.*name and the rights of the file" as nobody team join "$WORK/none"
check_exit "a bundle in a directory that is not there" 4 "the directory and its rights" as anna bundle export \
    --for anna --output "$WORK/none/bundle"
check_exit "two texts" 3 "do not go together" as anna visit add duin --text x --note-file "$WORK/fits"
check_exit "an empty text" 3 "empty" as anna visit add duin --text " "
check_exit "no text for a goal" 3 "empty" as anna goal add duin </dev/null
check_exit "no text for an agreement" 3 "empty" as anna agreement add duin </dev/null
check_exit "no text for a judgement of safety" 3 "empty" as anna safety set duin safe </dev/null
check_equal "only the good note was saved" "$(as anna visit list duin --json | json visits | grep -o '"written_at"' | wc -l)" 1
as anna visit add duin --minutes 30 --json </dev/null >"$WORK/answer" 2>&1
check_equal "a visit needs no text: it is told" "$(json notices.0.code <"$WORK/answer"; json notices.1.code <"$WORK/answer")" \
    "$(printf 'saved_here\nno_note')"
check_equal "and is there without a note" "$(as anna visit show "$(json visit.id <"$WORK/answer")" --json | json visit.note)" null

check "a goal is edited" as anna goal edit "$goal" --measure "in time"
as anna goal edit "$goal" --measure "in time" --json >"$WORK/answer" 2>&1
check_equal "an edit that changes nothing says so and only that" "$(json notices <"$WORK/answer" | grep -o '"code": *"[a-z_]*"')" \
    '"code": "unchanged"'
as anna goal edit "$goal" --measure "in time" >"$WORK/answer" 2>"$WORK/error"
check_equal "nor does it say to people that something was saved" "$(wc -c <"$WORK/answer"), $(grep -c baken.sync "$WORK/error")" "0, 0"

# ---- things
check_exit "an unknown family" 4 "no family \`elm\`.*sync. fetches what was made elsewhere" as anna visit add elm --text x
check_exit "an unknown visit" 4 "no visit" as anna visit show zzzzz
check_equal "no sentence turns the direction of what follows" 0 "$(as anna family show $'vos\xe2\x80\xae' 2>&1 | LC_ALL=C grep -c $'\xe2\x80\xae')"
check_exit "an id that is too short" 3 "" as anna visit show zz
check_exit "an unknown colleague" 4 "no colleague .nobody. in the team.*baken person list" as anna family assign duin nobody
check_exit "a conflict that is none" 4 "two versions.*baken conflicts. lists" as anna conflicts "${goal: -5}"
check_exit "a family twice" 13 "already" as anna family add DUIN
# No two ids here end alike, but names may.
as anna family edit berk --code-name duin >/dev/null 2>&1
check_exit "a name that two families have" 5 "more than one family" as anna visit add duin --text x
as anna family edit "$(as anna family list --json | json families.1.id)" --code-name Berk >/dev/null 2>&1

# ---- errors as JSON
as anna visit show zzzzz --json >"$WORK/answer" 2>"$WORK/error"
check_equal "an error writes nothing to standard output" "$(wc -c <"$WORK/answer")" 0
check "an error is JSON by the schema" tests/e2e/validate.py --error "$WORK/error"
check_equal "an error has its code" "$(json error.code <"$WORK/error")" absent
"$BAKEN" fly --json >"$WORK/answer" 2>"$WORK/error"
check "a wrong command line is JSON by the schema" tests/e2e/validate.py --error "$WORK/error"
check_exit "the sentence is Dutch when asked" 4 "niets veranderd" in_dutch visit show zzzzz

# ---- the right to write
as anna sync >/dev/null
device_join anna fatma Fatma coach >/dev/null || give_up "a colleague joins"
device_join anna joop Joop coach,coordinator >/dev/null || give_up "another joins"
as anna family assign duin Fatma >/dev/null && as anna family assign duin Joop >/dev/null && as fatma sync >/dev/null &&
    as joop sync >/dev/null || give_up "they are coaches of a family"
as joop visit add duin --text "his last visit" >/dev/null 2>&1
check_exit "who would be released first sends what waits" 14 "would come too late once you are released; nothing was changed; run .baken sync" \
    as joop family assign duin me --function released
as joop sync >/dev/null
check "then may be released" as joop family assign duin me --function released
as joop sync >/dev/null && as anna sync >/dev/null
check_says "and the last words count" "his last visit" as anna visit list duin
check_exit "who is released may not write any more, and is told" 8 "not its coach.*ask the coordinator" \
    as joop visit add duin --text x
as anna device revoke fatma >/dev/null
check_exit "a revoked device may not" 8 "was revoked.*still on this device; tell the coordinator" as fatma sync
as fatma visit add duin --text x --json >"$WORK/answer" 2>&1
check_equal "it is not told that others will see what it saves" "$(json notices.0.code <"$WORK/answer")" revoked
as fatma status --json >"$WORK/answer" 2>&1
check_equal "status says so too" "$(json notices.0.code <"$WORK/answer")" revoked

# ---- two processes, disk
hold anna
check_exit "a store that another process holds" 6 "" as anna family list
release
check_says "the store is free again" "[Dd]uin" as anna family list
check_exit "a directory below a file" 18 "" env BAKEN_HOME="$WORK/fits/store" BAKEN_PASSPHRASE_FILE="$WORK/anna.passphrase" \
    XDG_STATE_HOME="$WORK/state" "$BAKEN" team create --no-input --server "$SERVER" --code-file "$CODE" --name N
# Root may write everywhere: it becomes nobody, in a directory with all that is needed.
USER_WORDS=(env)
[ "$(id -u)" -ne 0 ] || USER_WORDS=(setpriv --reuid=65534 --regid=65534 --clear-groups env)
HOUSE=$(mktemp -d "${TMPDIR:-/tmp}/baken user.XXXXXX") || give_up "a directory for an ordinary user is made"
trap 'rm -rf "$HOUSE"; cleanup' EXIT
cp -r "$BAKEN" "$BUILD/locale" "$WORK/anna.passphrase" "$CODE" "$HOUSE/"
mkdir "$HOUSE/closed" "$HOUSE/open" && chmod -R a+rX "$HOUSE" && chmod 555 "$HOUSE/closed" && chmod 777 "$HOUSE/open"
ordinary() {
    (cd "$HOUSE" && exec "${USER_WORDS[@]}" BAKEN_HOME="$1/store" BAKEN_PASSPHRASE_FILE="$HOUSE/anna.passphrase" \
        XDG_STATE_HOME="$HOUSE/open" ./baken team create --no-input --server "$SERVER" --code-file code --name N)
}
check_exit "a directory that cannot be written" 18 "ermission denied.*rights on the directory" ordinary "$HOUSE/closed"
check_equal "no store was made there" "" "$(ls -A "$HOUSE/closed")"
check_exit "one that can be takes the store; the code was used" 3 "used before" ordinary "$HOUSE/open"
check_equal "a store was made there" yes "$([ -s "$HOUSE/open/store/keyslots.json" ] && echo yes)"
# A store whose files this user owns, but for one right.
lacks() { # lacks NAME MODE FILE WORDS
    local sums
    chmod "$2" "$HOUSE/open/store/$3" || give_up "$1: the mode is changed"
    sums=$(sha256sum "$HOUSE"/open/store/*)
    check_exit "$1" 18 "you have no right to $4.*store${3:+/$3}; nothing was changed; restore that right" \
        ordinary_command "$HOUSE/open" family list
    check_equal "$1: in one sentence" "$(wc -l <"$WORK/check.err")" 1
    check_equal "$1: nothing was changed" "$(sha256sum "$HOUSE"/open/store/*)" "$sums"
    chmod u+rwX "$HOUSE/open/store/$3"
}
ordinary_command() {
    (cd "$HOUSE" && store=$1 && shift && exec "${USER_WORDS[@]}" BAKEN_HOME="$store/store" \
        BAKEN_PASSPHRASE_FILE="$HOUSE/anna.passphrase" XDG_STATE_HOME="$HOUSE/open" ./baken "$@" --no-input)
}
lacks "a store that may not be written" 400 store.db "write to the file"
lacks "one that may not be read" 200 store.db "read the file"
lacks "key slots that may not be read" 0 keyslots.json "read the file"
lacks "a lock that may not be written" 400 lock "write to the file"
lacks "a directory that may not be written" 500 "" "write in the directory"
lacks "one that may not be entered" 600 "" "enter the directory"
check_exit "with its rights it opens" 8 "belongs to no team yet" ordinary_command "$HOUSE/open" family list
rm -rf "$HOUSE"
check_exit "a file that exists is not written over" 13 "exists|made" as anna team invite --name X --roles coach \
    --output "$WORK/fits"

# ---- servers
check_exit "a server without encryption elsewhere" 3 "as https://example.org" as nobody team create --server http://example.org --code-file "$CODE" \
    --name N
check_exit "an address that is none" 3 "such as https://" as nobody team create --server "ftp://x" --code-file "$CODE" --name N
check_exit "an address without a beginning" 3 "it is http://127.0.0.1:7411 .*on this computer" as nobody team create \
    --server 127.0.0.1:7411 --code-file "$CODE" --name N
check_exit "one elsewhere" 3 "it is https://baken.example:7411 " as nobody team create --server baken.example:7411 \
    --code-file "$CODE" --name N
check_exit "a name of blanks" 3 "--name is empty" as nobody team create --server "$SERVER" --code-file "$CODE" --name " "
check_exit "a label that is too long" 12 "device is longer" as nobody team create --server "$SERVER" --code-file "$CODE" --name N \
    --device "$long"
check_equal "no store was made for them" "" "$(ls -A "$WORK/nobody")"
check_exit "a one-time code that is none" 8 "" as nobody team create --server "$SERVER" --code-file "$WORK/wrong" --name N
check_exit "the store that was made is of no team: no author can be asked" 8 "go on with .baken team join" \
    as nobody visit withdraw zzzzz --reason x
python3 -c '
import http.server, sys
class Other(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"<html>hello</html>")
    do_POST = do_GET
    def log_message(self, *words): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Other)
open(sys.argv[1], "w").write(str(server.server_port))
server.serve_forever()' "$WORK/other.port" &
other=$!
until_true test -s "$WORK/other.port"
check_exit "a server that is not Baken" 15 "" as nobody team create --server "http://127.0.0.1:$(cat "$WORK/other.port")" \
    --code-file "$CODE" --name N
kill "$other"
wait "$other" 2>/dev/null
server_code
check_exit "a store is of one team: none is made" 13 "in a team already.*another directory" \
    as anna team create --server "$SERVER" --code-file "$CODE" --name N
as anna team invite --name New --roles coach --output "$WORK/new.invitation" >/dev/null
check_exit "nor joined" 13 "in a team already.*another directory" as anna team join "$WORK/new.invitation"
as anna person roles joop --roles coordinator >/dev/null 2>&1
check_exit "who is no coach covers for nobody, and it is said what helps" 14 "name another colleague: .baken person list" \
    as anna cover start berk --person joop --until 2099-01-01
check_exit "nor does who owns it" 14 "nobody covers for a family of their own" as anna cover start berk --person me --until 2099-01-01
check_exit "nor gets a family" 14 "name another colleague: .baken person list" as anna family assign berk joop
check "who is in the team may be invited again" as anna team invite --name ANNA --roles coach
check_equal "and is told to be there" 1 "$(grep -c "There is a ANNA in the team already.*--person" "$WORK/check.err")"
check "so may another" as anna team invite --name Berend --roles coach
check_equal "of whom it is not told" 0 "$(grep -c "in the team already" "$WORK/check.err")"
server_stop
check_exit "no server" 9 "waits on this device" as anna sync
check_exit "what needs it says that it did nothing" 9 "reached: .*; nothing was changed by this command, and what you saved before waits" \
    as anna family add Away
check_exit "a role neither" 9 "nothing was changed by this command" as anna person roles anna --roles coordinator,administrator
check_exit "a cover can go by bundle" 9 "nothing was changed by this command.*or with --carry" \
    as anna cover start berk --person fatma --until 2099-01-01
check "work goes on without a server" as anna visit add berk --text "on the spot"
check_says "status says what waits" "Only on this device" as anna status
check_says "the help of unlock names how long it is open" "60 when left out, 720 at most" "$BAKEN" unlock --help
# ---- installed anywhere, it finds its messages
mkdir -p "$WORK/prefix/bin" "$WORK/prefix/share" && cp "$BAKEN" "$WORK/prefix/bin" && cp -r "$BUILD/locale" "$WORK/prefix/share"
check_exit "installed under another prefix it speaks Dutch" 10 "er is geen opslag" \
    env BAKEN_LANG=nl BAKEN_HOME="$WORK/none" "$WORK/prefix/bin/baken" status
finish
