#!/bin/bash
# With the cable out every command of a device that needs no server succeeds: each runs in a network of
# its own where not even `lo` is up, under strace, which must see no address but those of Unix sockets.
# An ordinary user becomes root of a user namespace first, so that all commands share one keyring.
[ "$(id -u)" -eq 0 ] || exec unshare -r -- "$0" "$@"
. "$(dirname "$0")/lib.sh"

# ---- with the cable in: a team, families, a conflict, a cover
today=$(date +%F)
later=$(date -d '+14 days' +%F)
set_up() {
    server_start
    team_create anna Anna || return
    device_join anna fatma Fatma coach || return
    for family in Duin Berk Zee; do as anna family add $family --surname "van $family" || return; done
    as anna family assign duin Fatma || return
    goal=$(as anna goal add duin --text "Up at seven." --json | json goal.id) || return
    agreement=$(as anna agreement add duin --text "Call school." --due "$today" --json | json agreement.id) || return
    as anna visit add zee --text "The spare key is with the aunt." || return
    as anna cover start zee --person fatma --until "$later" || return
    as anna sync && as fatma sync && as fatma cover accept && as fatma sync && as anna sync || return
    as anna goal edit "$goal" --text "Up at six." || return
    as fatma goal edit "$goal" --text "Up at eight." || return
    as anna sync && as fatma sync && as anna sync || return
    as anna conflicts | grep -q "Up at eight"
}
set_up >"$WORK/set_up.out" 2>&1 || give_up "the team is set up" "$(tail -n 5 "$WORK/set_up.out")"

# ---- the cable goes out
PASSPHRASE=yes
# offline DEVICE WORDS ...: the command in a network of its own; what it did with sockets is added to the trace.
offline() {
    local name=$1 status
    shift
    : >"$WORK/trace.one"
    ASAN_OPTIONS=detect_leaks=0 BAKEN_HOME=$WORK/$name BAKEN_PASSPHRASE_FILE=${PASSPHRASE:+$WORK/$name.passphrase} XDG_STATE_HOME=$WORK/state \
        unshare -n -- strace -f -yy -e trace=network -e signal=none -o "$WORK/trace.one" "$BAKEN" "$@" --no-input
    status=$?
    sed "s|^|$1 ${2:-}: |" "$WORK/trace.one" >>"$WORK/trace"
    [ "$status" -ne 0 ] || echo "$1 ${2:-} " >>"$WORK/worked"
    return $status
}
# Calls that reach, or make a way to reach, anything but a Unix socket.
strays() { grep -E '(socket|connect|bind|listen|accept4?|send(to|msg|mmsg))\(' "$1" | grep -vE 'AF_UNIX|<UNIX'; }

# works NAME WORDS DEVICE COMMAND ...: succeeds with the cable out, and answers WORDS.
works() {
    local name=$1 words=$2
    shift 2
    check_says "$name" "$words" offline "$@"
}
ask() { offline "$@" --json 2>"$WORK/ask.err"; }

check_exit "sync does not get through" 9 "waits on this device" offline anna sync
check_equal "and strace would have seen it" yes "$(strays "$WORK/trace" | grep -q AF_INET && echo yes)"
check_exit "nor does a new family" 9 "" offline anna family add Elders
: >"$WORK/trace"

if offline anna unlock >"$WORK/check.out" 2>"$WORK/check.err" && offline fatma unlock >/dev/null 2>&1; then
    ok "unlock"
    PASSPHRASE= # from here on nothing but the keyring opens the stores
else
    check_exit "unlock, where the kernel keeps no keys" 7 "keeps no keys" offline anna unlock
    echo "unlock " >>"$WORK/worked"
fi
works "today" "Call school" anna today
works "family list" "Duin" anna family list
works "family show" "van Duin" anna family show duin
works "family edit" "" anna family edit berk --reach "after four" --unsafe "the dog"
works "member add" "" anna member add duin --given-name Mo --birth-date 2019-02-03 --relation child
works "member list" "Mo" anna member list duin
works "visit add" "" anna visit add duin --minutes 40 --next "$later" --text "Breakfast together for the first time."
visit=$(ask anna visit list duin | json visits.0.id)
works "visit list" "Breakfast" anna visit list duin
works "visit show" "Breakfast" anna visit show "$visit"
works "visit amend" "" anna visit amend "$visit" --reason "wrong length" --minutes 45
works "the amendment is there" "45" anna visit show "$visit"
works "visit add, to withdraw" "" anna visit add duin --text "This was another family."
wrong=$(ask anna visit list duin | json visits.0.id)
works "visit withdraw" "" anna visit withdraw "$wrong" --reason "another family"
works "goal add" "" anna goal add berk --text "Homework before supper." --deadline "$later"
another=$(ask anna goal list berk | json goals.0.id)
works "goal edit" "" anna goal edit "$another" --status reached
works "goal list" "Homework" anna goal list berk --all
works "agreement add" "" anna agreement add berk --text "Ask the library card." --due "$later"
works "agreement done" "" anna agreement done "$agreement" --how "by phone"
works "agreement list" "library card" anna agreement list
works "safety set" "" anna safety set berk worry --text "Alone in the evening."
works "safety list" "Alone" anna safety list berk
works "standing set" "" anna standing set berk consent limited --text "Not the school."
works "standing list" "Not the school" anna standing list berk
works "absence add" "" anna absence add --from "$later" --until "$later"
works "absence list" "$later" anna absence list
works "search" "Breakfast" anna search breakf
works "conflicts" "Up at eight" anna conflicts
conflict=$(ask anna conflicts | json conflicts.0.id)
token=$(ask anna conflicts | json conflicts.0.token)
works "resolve" "" anna resolve "$conflict" --token "$token" --take both
works "both texts are the goal" "Up at (six|eight)" anna goal list duin
check_equal "no conflict is left" "[]" "$(ask anna conflicts | json conflicts)"
works "history" "Up at" anna history "$conflict"
old=$(ask anna history "$conflict" | json units.0.versions.0.mark)
works "undo" "" anna undo "$conflict" --token "$(ask anna history "$conflict" | json units.0.token)" --take "$old"
works "late" "Nothing came too late" anna late
works "goal delete" "" anna goal delete "$another"
works "goal restore" "" anna goal restore "$another"
works "agreement delete" "" anna agreement delete "$agreement"
works "agreement restore" "" anna agreement restore "$agreement"
member=$(ask anna member list duin | json members.0.id)
works "member delete" "" anna member delete "$member"
works "member restore" "" anna member restore "$member"
works "goal add, the same twice" "" anna goal add berk --text "Eat together"
works "goal add, the second" "" anna goal add berk --text "Eat together"
works "today, with a finding" "Eat together" anna today
works "dismiss" "" anna dismiss "$(ask anna today | json findings.0.id)" --reason "one for each child"
works "caseload" "Berk" anna caseload --all
works "status" "Only on this device: [1-9]" anna status
works "device list" "fatma" anna device list
works "person list" "Fatma" anna person list
works "cover list" "Zee" fatma cover list
works "cover card" "spare key" fatma cover card zee
cover=$(ask fatma cover list | json covers.0.id)
works "cover assent" "" fatma cover assent "$cover" zee yes
check_equal "what the family said is there" yes "$(ask fatma cover list | json covers.0.families.0.assent)"
works "a visit for a colleague" "" fatma visit add zee --text "Fetched the spare key."
works "doctor, the owner" "" anna doctor
works "doctor, who covers" "" fatma doctor
works "bundle export" "" anna bundle export --for fatma --output "$WORK/to fatma"
works "bundle import" "" fatma bundle import "$WORK/to fatma"
works "what came by bundle is there" "Breakfast" fatma visit list duin
works "cover start, by bundle" "Nothing was sent" anna cover start berk --person fatma --until "$later" --carry
works "bundle export, with a cover" "" anna bundle export --for fatma --output "$WORK/cover for fatma"
works "bundle import, with a cover" "" fatma bundle import "$WORK/cover for fatma"
works "cover accept, by bundle" "Nothing was sent" fatma cover accept
works "bundle import, once more" "" fatma bundle import "$WORK/cover for fatma"
works "the family covered is there" "Berk" fatma family show berk
works "bundle export, the other way" "" fatma bundle export --for anna --output "$WORK/to anna"
works "bundle import, the other way" "" anna bundle import "$WORK/to anna"
works "cover summary" "Fetched the spare key" anna cover summary zee
works "what is one of is told as one" "^1 new contact, .* by 1 colleague; " anna cover summary zee
echo "quite another passphrase" >"$WORK/fresh"
PASSPHRASE=yes
works "recovery print" "baken unlock --recovery" anna recovery print
works "passphrase change" "" anna passphrase change "$WORK/fresh"
cp "$WORK/fresh" "$WORK/anna.passphrase"
works "backup" "Pages, each proven" anna backup "$WORK/anna.bak"
cp "$WORK/fresh" "$WORK/copy.passphrase"
works "restore" "" copy restore "$WORK/anna.bak"
works "lock" "" anna lock
works "the new passphrase opens" "Duin" anna family list
works "lock, the colleague" "" fatma lock
PASSPHRASE=
check_exit "locked: nothing opens without a passphrase" 7 "" offline fatma family list

# ---- none was forgotten: the program's table of commands, docs/CLI.md, and what was done here
# Every command of CLI.md's table, with the word no when it works without the network, else yes.
documented() {
    /usr/bin/python3 -c '
import re
rows = re.search(r"^## 3\..*?(?=^## 4\.)", open("docs/CLI.md").read(), re.M | re.S).group(0)
for row in re.findall(r"^\| `.*", rows, re.M):
    cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]]
    for words in re.findall(r"`([^`]*)`", cells[0]):
        name = re.match(r"[a-z]+( [a-z]+)?(?= |$)", words).group(0)
        needs = cells[2] == "yes" or name.split()[-1] in cells[2].split(", ")
        print("yes" if needs else "no", name)'
}
documented | sort >"$WORK/documented"
"$BAKEN" --help | sed -n 's/^  \([a-z][a-z]*\( [a-z][a-z]*\)\{0,1\}\)  *[^ ].*/\1/p' | grep -vx baken | sort >"$WORK/commands"
check "the program has commands" test "$(wc -l <"$WORK/commands")" -ge 40
check_equal "CLI.md names every command, and no other" "$(cut -d' ' -f2- "$WORK/documented" | sort -u)" "$(cat "$WORK/commands")"
sed -n 's/^no //p' "$WORK/documented" | while read -r command; do
    grep -qE "^$command " "$WORK/worked" || echo "$command"
done >"$WORK/forgotten"
check_equal "each that needs no network worked here without one" "" "$(cat "$WORK/forgotten")"

check_equal "no command made or used a socket but Unix ones" "" "$(strays "$WORK/trace" | head -n 3)"

# ---- the cable is back
check "sync" as anna sync
check "sync, the colleague" as fatma sync
check_says "nothing was lost" "Breakfast" as fatma visit list duin
check_equal "nothing is there twice" 1 "$(as fatma visit list duin | grep -c Breakfast)"
check_says "the server has it all" "The server has everything" as anna status
finish
