#!/bin/bash
# A full day of commands of every kind, with errors, kill -9 in between and a VACUUM: then no file anywhere holds a word that was
# written nor a key: not the stores, the instance tokens, the server, bundles, home, temporary directory, nor /dev/shm or /tmp. With
# the cipher that hides nothing (`make FLAVOUR=control`) the same search finds the words.
. "$(dirname "$0")/lib.sh"

CONTROL=build/control
[ -x "$CONTROL/baken" ] || make --no-print-directory -s FLAVOUR=control all >/dev/null || give_up "the control is built"
mkdir "$WORK/home" "$WORK/tmp dir" "$WORK/run"
export HOME="$WORK/home" TMPDIR="$WORK/tmp dir" XDG_RUNTIME_DIR="$WORK/run" SQLITE_TMPDIR="$WORK/tmp dir"
touch "$WORK/began"
today=$(date +%F) later=$(date -d '+14 days' +%F)
RUN=$WORK/names # what was run and worked, a command each
WORDS=$WORK/words
cat >"$WORDS" <<'END'
Zilverreiger
Roerdomp
Schavenmaker
Kwikstaartlaan
achterdeur
valse kater
Pimpelmees
huiswerkbegeleiding
verzuimstaat
bibliotheekpas
eenzaamheid
ontbijtbordjes
sneeuwklokje
spaarvarken
vogelverschrikker
klaproosveld
END

# does NAME WORDS ...: a command that works; did NAME WORDS ...: one that may fail.
does() {
    local name=$1
    shift
    as "$name" "$@" >"$WORK/out" 2>"$WORK/err" || { not_ok "$1 ${2:-} works" "$(cat "$WORK/err")"; return 1; }
    echo "$1 ${2:-}" >>"$RUN"
}
did() { as "$@" >"$WORK/out" 2>"$WORK/err" </dev/null; }
asked() { as "$@" --json 2>/dev/null; }
killed() { # killed MILLISECONDS NAME WORDS ...
    local after=$1 pid
    shift
    as_alone "$@" >/dev/null 2>&1 &
    pid=$!
    sleep "0.$(printf %03d "$after")"
    kill -9 "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
}
# Its own places; and where everybody may write, the files and what the program makes for its wal-index. Other directories are others'.
places() {
    printf '%s\0' "$WORK"/*/keyslots.json "$WORK/anna" "$WORK/fatma" "$WORK/state" "$WORK/server" "$HOME" "$TMPDIR" "$XDG_RUNTIME_DIR"
    find "$WORK" -maxdepth 1 \( -name '*.bundle' -o -name 'anna.*backup*' -o -name 'anna.re*' \) -print0
    find /tmp /var/tmp /dev/shm -mindepth 1 -type d ! -name "baken-$(id -u)" -prune -o \
        -type f -newer "$WORK/began" -user "$(id -u)" -size -64M -print0 2>/dev/null
}
# Plain words, also as UTF-16 and in the other case, as search and file names would have them.
find_words() { places | xargs -0 grep -rilaF -f "$WORDS" -- 2>/dev/null; }
find_keys() {
    places | xargs -0 tests/e2e/core_search.py "$WORK/$1.secrets" "$WORK/$1.passphrase" "$WORK/$1/keyslots.json"
}

morning() {
    does anna family add Zilverreiger --surname Schavenmaker --address "Kwikstaartlaan 7" --reach "by the achterdeur" \
        --unsafe "een valse kater" && does anna family add Roerdomp && did anna family add Roerdomp
    does anna family edit Roerdomp --surname Schavenmaker && does anna family list && does anna family show zilverreiger
    does anna family assign zilverreiger Fatma && does anna member add zilverreiger --given-name Pimpelmees --relation child
    does anna member list zilverreiger
    does anna goal add zilverreiger --text "huiswerkbegeleiding" --deadline "$later"
    goal=$(asked anna goal list | json goals.0.id)
    does anna goal edit "$goal" --measure verzuimstaat && does anna goal list
    does anna agreement add zilverreiger --text "een bibliotheekpas" --due "$today" && does anna agreement list
    agreement=$(asked anna agreement list | json agreements.0.id)
    does anna agreement done "$agreement" --how "ontbijtbordjes"
    does anna safety set zilverreiger worry --text "eenzaamheid" && does anna safety list zilverreiger
    does anna absence add --from "$later" --until "$later" && does anna absence list
    does anna visit add zilverreiger --text "ontbijtbordjes, sneeuwklokje" --with Pimpelmees && does anna visit list
    visit=$(asked anna visit list | json visits.0.id)
    does anna visit show "$visit" && does anna visit amend "$visit" --reason spaarvarken --minutes 45
    does anna visit add roerdomp --text "vogelverschrikker"
    does anna visit withdraw "$(asked anna visit list roerdomp | json visits.0.id)" --reason klaproosveld
    does anna search sneeuwkl && does anna today && does anna caseload && does anna status && does anna sync
}
afternoon() {
    does fatma sync && does anna cover start roerdomp --person fatma --until "$later" && cover=$(asked anna cover list | json covers.0.id)
    does anna sync && does fatma sync && does fatma cover accept && does fatma sync && does anna sync
    does anna cover assent "$cover" roerdomp yes && does anna cover list && does fatma cover card roerdomp
    does anna goal edit "$goal" --text "huiswerkbegeleiding op zolder" && does fatma goal edit "$goal" --text "huiswerkbegeleiding op school"
    does anna sync && does fatma sync && does anna sync && does anna conflicts
    conflict=$(asked anna conflicts | json conflicts.0.id)
    does anna resolve "$conflict" --token "$(asked anna conflicts | json conflicts.0.token)" --take both
    does anna cover summary && does anna bundle export --for fatma --output "$WORK/a.bundle" && does fatma bundle import "$WORK/a.bundle"
    does anna person list && does anna person roles Fatma --roles coach,duty && does anna device list && does anna cover end "$cover"
    # Errors: nothing of what was typed may stay behind.
    did anna visit add nobody --text "klaproosveld" && did anna visit add zilverreiger --date 2026-13-45 --text "klaproosveld"
    did anna visit list --passphrase-file "$WORK/code"
    did anna goal edit zzzzz --text "klaproosveld"
    head -c 300000 /dev/zero | tr '\0' k >"$WORK/long" && did anna visit add zilverreiger --note-file "$WORK/long"
    (ulimit -f 8 && did anna visit add zilverreiger --note-file <(yes sneeuwklokje | head -n 5000))
}
evening() {
    does anna late && does anna history "$conflict" && old=$(asked anna history "$conflict" | json units.0.versions.0.mark)
    does anna undo "$conflict" --token "$(asked anna history "$conflict" | json units.0.token)" --take "$old"
    does anna goal delete "$goal" && does anna goal restore "$goal"
    member=$(asked anna member list zilverreiger | json members.0.id)
    does anna agreement delete "$agreement" && does anna agreement restore "$agreement"
    does anna member delete "$member" && does anna member restore "$member"
    does anna standing set zilverreiger consent limited --text "geen klaproosveld" && does anna standing list zilverreiger
    does anna goal add zilverreiger --text "samen ontbijtbordjes" && does anna goal add zilverreiger --text "samen ontbijtbordjes"
    does anna dismiss "$(asked anna today | json findings.0.id)" --reason "spaarvarken" && does anna sync
}
night() {
    for i in 5 15 25 35 45 60 80 100; do
        killed "$i" anna visit add zilverreiger --text "sneeuwklokje in the night $i"
        killed "$i" fatma sync
    done
    leave_log anna visit add zilverreiger --text "the last sneeuwklokje" >/dev/null
}

# By SQLite's own shell, which would put a temporary file of all rows beside the store.
vacuum() {
    BAKEN_HOME=$WORK/anna BAKEN_PASSPHRASE_FILE=$WORK/anna.passphrase XDG_STATE_HOME=$WORK/state sqlite3 -batch -bail <<END
.load '$BUILD/bakenvfs'
.open 'file:$WORK/anna/store.db?vfs=baken&mode=rw'
VACUUM;
END
}

server_start
team_create anna Anna >/dev/null 2>&1 || give_up "a team is made"
device_join anna fatma Fatma coach >/dev/null 2>&1 || give_up "a colleague joins"
printf 'team create\nteam invite\nteam join\ndevice approve\n' >>"$RUN"
morning
afternoon
evening
night
check "a log is left behind" test -s "$WORK/anna/store.db-wal"
check_equal "after the kills no file holds a word" "$(find_words)" ""
check "the keys are known" learn_secrets anna
check "and the colleague's" learn_secrets fatma
check "nor a key" find_keys anna
if as anna unlock >/dev/null 2>&1; then as anna visit list >/dev/null; fi
echo "unlock " >>"$RUN"
echo "quite another passphrase" >"$WORK/fresh"
does anna passphrase change "$WORK/fresh" && cp "$WORK/fresh" "$WORK/anna.passphrase"
does anna recovery print
does anna doctor && does anna lock
check "the expert's VACUUM" vacuum
does anna backup "$WORK/anna.backup" && does anna restore "$WORK/anna.backup" --replace && does anna sync
check "the store that made way is kept, and searched too" test -s "$(ls -d "$WORK"/anna.replaced-*)/store.db"
check "a third device joins" device_join anna cato Cato coach
does anna device revoke cato && does anna sync
check_equal "at the end of the day no file holds a word" "$(find_words)" ""
check "the keys are known again" learn_secrets anna
check "nor a key of the owner" find_keys anna
check "nor one of the colleague" find_keys fatma
sed -n 's/^store-key //p' "$WORK/anna.secrets" | xxd -r -p >"$HOME/plant"
found_keys() { ! find_keys "$@"; }
check_says "control: a key in a file is found" "store-key.* in $HOME/plant" found_keys anna
rm "$HOME/plant"
check_equal "the temporary directory is empty" "$(ls -A "$TMPDIR" | grep -v "^baken e2e")" ""
check_equal "so is the home" "$(find "$HOME" -type f)" ""

# None was forgotten.
"$BAKEN" --help | sed -n 's/^  \([a-z]\{2,\}\( [a-z]\{2,\}\)\{0,1\}\)   *.*/\1/p' | sed 's/ *$//' | sort -u >"$WORK/all"
sed 's/ *$//' "$RUN" | awk 'NR == FNR { all[$0] = 1; next } { print ($0 in all) ? $0 : $1 }' "$WORK/all" - | sort -u >"$WORK/ran"
check_equal "every command was run" "$(comm -23 "$WORK/all" "$WORK/ran")" ""

# The control.
server_stop
BAKEN=$ROOT/$CONTROL/baken BAKEND=$ROOT/$CONTROL/bakend
rm -rf "$WORK/server" "$WORK/anna" "$WORK/fatma" "$WORK/port" && SERVER_PORT=0
server_start
team_create anna Anna >/dev/null 2>&1
as anna family add Zilverreiger >/dev/null 2>&1 && as anna visit add zilverreiger --text "ontbijtbordjes" >/dev/null 2>&1
check "control: with no cipher the words are found" test -n "$(find_words)"
finish
