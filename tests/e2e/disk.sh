#!/bin/bash
# What a store meets: wrong passphrases, damage, a full or read-only disk, a clock that is years off, two processes,
# kill -9. Each is answered by one sentence and its exit code, and nothing that was saved is lost.
. "$(dirname "$0")/lib.sh"

printf '#!/bin/sh\nexec timeout 60 "%s" "$@"\n' "$BAKEN" >"$WORK/patient" && chmod +x "$WORK/patient"
YEAR_MS=31557600000
one_sentence() { check_equal "$1: in one sentence" "$(wc -l <"$WORK/check.err")" 1; }
sums() { (cd "$WORK/anna" && sha256sum store.db store.db-wal keyslots.json 2>/dev/null); }
keep() { rm -rf "$WORK/kept" "$WORK/kept.state" && cp -rp "$WORK/anna" "$WORK/kept" && cp -rp "$WORK/state/baken" "$WORK/kept.state"; }
# Into the same directory and with its token, or the store would rightly call itself a copy, or older.
back() { rm -f "$WORK"/anna/* && cp -p "$WORK"/kept/* "$WORK/anna/" && cp -p "$WORK"/kept.state/* "$WORK/state/baken/"; }
visits() { as anna visit list duin --limit 1000 --json 2>/dev/null | json visits | grep -o '"note": "[^"]*"' | wc -l; }
flip() { # flip FILE OFFSET
    /usr/bin/python3 -c '
import sys
with open(sys.argv[1], "r+b") as file:
    file.seek(int(sys.argv[2]))
    byte = file.read(1)[0]
    file.seek(-1, 1)
    file.write(bytes([byte ^ 1]))' "$1" "$2"
}
# What a damaged log owes a person: a visit that was acknowledged is not there, every answer tells until a person
# confirms, a sync does not end that, and doctor ends with its code for findings.
told_of_loss() { # told_of_loss NAME
    check_says "$1: the rest is there" "the second" as anna visit list duin
    mv "$WORK/check.err" "$WORK/told"
    check_equal "$1: the acknowledged visit is not" "$(grep -c "acknowledged" "$WORK/check.out")" 0
    check_equal "$1: it says what happened, in one sentence" \
        "$(grep -c "The last saves on this device may be missing, .*older" "$WORK/told") of $(wc -l <"$WORK/told")" "1 of 1"
    check "$1: what is safe, and what to do" grep -q "server and your colleagues have is safe; .*doctor --accept" "$WORK/told"
    as anna visit list duin --json >"$WORK/out" 2>"$WORK/err"
    check_equal "$1: programs are told too" "$(json notices.0.code <"$WORK/out")" saves_may_be_missing
    check_exit "$1: also with what is not found" 4 "The last saves on this device may be missing" as anna visit show zzzzz
    as anna visit show zzzzz --json >"$WORK/out" 2>"$WORK/err"
    check_equal "$1: in JSON" "$(json notices.0.code <"$WORK/err")" saves_may_be_missing
    check "$1: and that by the schema" tests/e2e/validate.py --error "$WORK/err"
    check_exit "$1: doctor ends with findings" 19 "may be missing" as anna doctor
    check_exit "$1: it syncs, which ends nothing" 0 "may be missing" as anna sync
    check_exit "$1: for doctor neither" 19 "may be missing" as anna doctor
    check "$1: a person confirms" as anna doctor --accept
    check_equal "$1: and is not told again" "$(as anna status 2>&1 | grep -c "may be missing")" 0
    check "$1: and the store is sound" as anna doctor
}

server_start
team_create anna Anna >/dev/null 2>&1 || give_up "a team is made"
as anna family add Duin >/dev/null 2>&1 || give_up "a family is made"
as anna visit add duin --text "the first" >/dev/null 2>&1 || give_up "a visit is saved"
as anna sync >/dev/null 2>&1

# ---- passphrases
printf 'wrong\n' >"$WORK/wrong"
printf '\n' >"$WORK/empty"
leave_log anna visit add duin --text "killed"
before=$(sums)
check_exit "a wrong passphrase" 7 "passphrase" as anna visit list --passphrase-file "$WORK/wrong"
one_sentence "a wrong passphrase"
check_exit "an empty one" 3 "empty" as anna visit list --passphrase-file "$WORK/empty"
one_sentence "an empty one"
check_equal "log, store and slots are the same bytes" "$(sums)" "$before"

# ---- key slots
keep
device_make bea
server_code
team_create bea Bea >/dev/null 2>&1 || give_up "another store is made"
cp "$WORK/bea/keyslots.json" "$WORK/anna/keyslots.json"
before=$(sums)
check_exit "the key slots of another store" 7 "" as anna visit list
check_exit "with that store's passphrase" 11 "not a store" as anna visit list --passphrase-file "$WORK/bea.passphrase"
one_sentence "foreign slots"
check_equal "foreign slots: not a byte is changed" "$(sums)" "$before"
head -c 100 "$WORK/kept/keyslots.json" >"$WORK/anna/keyslots.json"
check_exit "key slots that were cut" 11 "" as anna visit list
one_sentence "cut slots"
sed 's/"passes": *3/"passes": 4000000/; s/"passes": *[0-9]*/"passes": 4000000/' "$WORK/kept/keyslots.json" >"$WORK/anna/keyslots.json"
check_exit "key slots that ask for too much" 11 "" as anna visit list
: >"$WORK/anna/keyslots.json"
check_exit "empty key slots" 11 "" as anna visit list
back
check "the right ones open it" as anna visit list

# ---- store.db
as anna visit add duin --text "the second" >/dev/null 2>&1
keep
pages=$(($(stat -c %s "$WORK/anna/store.db") / 4096))
for page in 2 3 5 $((pages / 2)); do
    flip "$WORK/anna/store.db" $((4096 * (page - 1) + 100))
done
check_exit "altered pages" 11 "" as anna visit list
one_sentence "altered pages"
check_exit "doctor sees them too" 11 "" as anna doctor
back
for page in $((pages / 4)) $((pages / 3)) $((pages - 1)) "$pages"; do
    flip "$WORK/anna/store.db" $((4096 * (page - 1) + 100))
    as anna doctor >"$WORK/out" 2>"$WORK/err"
    check_equal "doctor passes over no damaged page ($page)" "$(echo $? | sed 's/^11$/19/')" 19
    back
done
truncate -s $((4096 * (pages / 2))) "$WORK/anna/store.db"
check_exit "a store that was cut" 11 "" as anna visit list
one_sentence "a cut store"
back
cp "$WORK/bea/store.db" "$WORK/anna/store.db"
before=$(sums)
check_exit "the store of another device" 11 "not a store" as anna visit list
one_sentence "a foreign store"
check_equal "a foreign store: not a byte is changed" "$(sums)" "$before"
back
: >"$WORK/anna/store.db"
check_exit "an empty store" 11 "" as anna visit list
back
rm "$WORK/anna/store.db"
check_exit "no store file" 11 "" as anna visit list
test ! -s "$WORK/anna/store.db" && ok "and none is made" || not_ok "and none is made"
back
# A pipe under a name is what an opening would wait for.
for name in store.db store.db-wal store.db-journal keyslots.json lock; do
    rm -f "$WORK/anna/$name" && mkfifo "$WORK/anna/$name"
    for words in "visit list" doctor "doctor --look"; do
        # shellcheck disable=SC2086 # several words
        BAKEN=$WORK/patient check_exit "a pipe as $name: $words" 18 "/$name is not a file" as anna $words
    done
    rm "$WORK/anna/$name"
    back
done
check_says "everything is there again, by name" "the second" as anna visit list duin

# ---- the log
as anna sync >/dev/null 2>&1
leave_log anna visit add duin --text "the acknowledged one"
keep
frames=$((($(stat -c %s "$WORK/kept/store.db-wal") - 72) / 4160))
late=$((frames - 3)) # of the save, after the opening's
check_says "control: with its log the visit is there" "the acknowledged one" as anna visit list duin
check_equal "control: and nothing is told" "$(wc -c <"$WORK/check.err")" 0
back
printf 'not a log of ours at all, %4096s' x >"$WORK/anna/store.db-wal"
told_of_loss "a foreign log"
back
head -c "$(stat -c %s "$WORK/kept/store.db-wal")" /dev/urandom >"$WORK/anna/store.db-wal"
told_of_loss "a log of random bytes"
back
rm "$WORK/anna/store.db-wal"
told_of_loss "no log"
back
truncate -s 2000 "$WORK/anna/store.db-wal"
told_of_loss "a log that was cut at its first frame"
back
truncate -s $((72 + late * 4160 - 1)) "$WORK/anna/store.db-wal"
told_of_loss "a log that was cut in frame $late of $frames"
back
flip "$WORK/anna/store.db-wal" 500
told_of_loss "a log with an altered frame"
back
flip "$WORK/anna/store.db-wal" $((72 + (late - 1) * 4160 + 100))
told_of_loss "a log whose frame $late of $frames is altered"

# ---- clocks
as anna sync >/dev/null 2>&1
for years in -20 20; do
    export BAKEN_TEST_CLOCK_OFFSET_MS=$((years * YEAR_MS))

    check "$years years off: a visit is saved" as anna visit add duin --text "$years years off"
    unset BAKEN_TEST_CLOCK_OFFSET_MS
    BAKEN_TEST_CLOCK_OFFSET_MS=$((years * YEAR_MS)) as anna sync >"$WORK/out" 2>"$WORK/err"
    check_equal "$years years off: it syncs" "$?" 0
    check_equal "$years years off: and is told" "$(grep -cE 'clock of this device is [0-9]+ days (ahead|behind)' "$WORK/out" "$WORK/err" | awk -F: '{n += $2} END {print n}')" 1
done
check "the clock is right again: a visit is saved" as anna visit add duin --text "right again"
check "and sent" as anna sync
check_says "and shown" "right again" as anna visit list duin

# ---- two processes
hold anna "4711 visit"
began=$(date +%s%N)
check_exit "a store that another process holds" 6 "process 4711 .visit. holds" as anna visit list
waited=$((($(date +%s%N) - began) / 1000000))
one_sentence "a store in use"
check "after five seconds ($waited ms)" test "$waited" -ge 4800 -a "$waited" -le 15000
release
as anna visit add duin --text "at once one" >/dev/null 2>&1 &
one=$!
as anna visit add duin --text "at once two" >/dev/null 2>&1 &
two=$!
wait "$one" && wait "$two" && ok "two at once: both are answered" || not_ok "two at once: both are answered"
check_equal "and both are there" "$(as anna visit list duin --limit 1000 | grep -c 'at once')" 2

# ---- kill -9
before=$(visits)
acknowledged=0
# How long the whole takes here, in milliseconds: the rounds end it at every point, and half of them after its end.
began=$(date +%s%N)
for _ in 1 2 3; do as anna visit add duin --text "to its end" --json >/dev/null 2>&1; done
took=$((($(date +%s%N) - began) / 3000000 + 1))
for i in $(seq 100); do
    : >"$WORK/kill.out" # here, or a round that is killed before it opens the file shows the answer of the one before
    as_alone anna visit add duin --text "kill round $i" --json >"$WORK/kill.out" 2>/dev/null &
    sleep "$(awk -v ms=$((took * (i % 50) / 20)) 'BEGIN { print ms / 1000 }')"
    kill -9 $! 2>/dev/null
    wait $! 2>/dev/null
    if grep -q '"visit"' "$WORK/kill.out"; then
        acknowledged=$((acknowledged + 1))
        echo "kill round $i" >>"$WORK/acknowledged"
    fi
done
as anna visit list duin --limit 1000 --json 2>/dev/null >"$WORK/listed"
lost=0
while read -r line; do
    grep -qF "\"$line\"" "$WORK/listed" || lost=$((lost + 1))
done <"$WORK/acknowledged"
check "some were acknowledged and some cut ($acknowledged of 100)" test "$acknowledged" -ge 5 -a "$acknowledged" -lt 100
check_equal "every acknowledged visit is there" "$lost" 0
check "doctor finds nothing" as anna doctor

# ---- disks. A small one in a namespace of our own, which an ordinary user may make too.
cat >"$WORK/disks" <<'INNER'
mount -t tmpfs -o size=5m,mode=700 tmpfs "$WORK/small" || exit 77
cp -p "$WORK"/anna/* "$WORK/small/" && head -c 2000000 /dev/zero >"$WORK/small/filler" || exit 77
run() { BAKEN_HOME=$WORK/small BAKEN_PASSPHRASE_FILE=$WORK/anna.passphrase XDG_STATE_HOME=$WORK/state.small "$BAKEN" "$@" --no-input; }
run visit list duin >/dev/null 2>"$WORK/disk.err" || exit 78
head -c 200000 /dev/zero | tr '\0' 'x' >"$WORK/long"
code=0
for i in $(seq 40); do
    run visit add duin --note-file "$WORK/long" >/dev/null 2>"$WORK/full.err"
    code=$?
    [ "$code" -eq 0 ] || break
    echo "$i" >"$WORK/full.saved"
done
echo "$code" >"$WORK/full.code"
run visit list duin --limit 1000 --json >"$WORK/full.list" 2>"$WORK/full.list.err"
echo "$?" >"$WORK/full.read"
rm "$WORK/small/filler"
run visit add duin --text "there is room again" >/dev/null 2>"$WORK/room.err"
echo "$?" >"$WORK/room.code"
run doctor >/dev/null 2>"$WORK/doctor.err"
echo "$?" >"$WORK/doctor.code"
mount -o remount,bind,ro "$WORK/small" || exit 79 # bind: an ordinary user may do that
run visit add duin --text "on a disk that is read-only" >/dev/null 2>"$WORK/ro.err"
echo "$?" >"$WORK/ro.code"
mount -o remount,bind,rw "$WORK/small" || exit 79
run visit list duin --limit 1000 --json >"$WORK/ro.list" 2>/dev/null
INNER
mkdir -p "$WORK/small"
as anna visit list >/dev/null 2>&1
export WORK BAKEN
if unshare -rm sh "$WORK/disks" 2>"$WORK/unshare.err"; then
    check_equal "a full disk has its code" "$(cat "$WORK/full.code")" 17
    check_equal "a full disk: in one sentence" "$(wc -l <"$WORK/full.err")" 1
    check "a full disk says what to do" grep -q "make room" "$WORK/full.err"
    check "some were saved before it was full" test -s "$WORK/full.saved"
    check_equal "what is there can be read, or room is asked for" "$(grep -cE '^(0|17)$' "$WORK/full.read")" 1
    check_equal "with room it goes on" "$(cat "$WORK/room.code") $(cat "$WORK/doctor.code")" "0 0"
    check_equal "a disk that turned read-only" "$(cat "$WORK/ro.code")" 18
    check_equal "read-only: in one sentence" "$(wc -l <"$WORK/ro.err")" 1
    check_equal "what was acknowledged is there" "$(grep -o 'xxxxxxxxxx"' "$WORK/ro.list" | wc -l)" "$(cat "$WORK/full.saved")"
    check "and what was refused is not" sh -c '! grep -q "disk that is read-only" "$1"' sh "$WORK/ro.list"
else
    not_ok "a small disk in a namespace" "status $?" "$(cat "$WORK/unshare.err" "$WORK/disk.err" 2>/dev/null)"
fi
if [ "$(id -u)" -ne 0 ]; then # root may write everywhere
    chmod 500 "$WORK/anna"
    chmod 400 "$WORK"/anna/*
    check_exit "a directory that may not be written" 18 "" as anna visit add duin --text x
    one_sentence "a read-only directory"
    chmod 700 "$WORK/anna"
    chmod 600 "$WORK"/anna/*
fi
check_says "the store goes on" "right again" as anna visit list duin --limit 1000
finish
