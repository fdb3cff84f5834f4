#!/bin/bash
# Backup and restore: beside a writer, elsewhere and in place, cut and altered; written on both copies, and everything once.
TMPDIR=/tmp # one check has nothing in /dev/shm
. "$(dirname "$0")/lib.sh"

# elsewhere NAME COMMAND ...: as `as` with the passphrase of anna, and instance tokens elsewhere: another machine.
elsewhere() {
    local name=$1
    shift
    BAKEN_HOME=$WORK/$name BAKEN_PASSPHRASE_FILE=$WORK/anna.passphrase XDG_STATE_HOME=$WORK/state-$name \
        "$BAKEN" "$@" --no-input
}
restore() { BAKEN_HOME=$WORK/$1 BAKEN_PASSPHRASE_FILE=$WORK/anna.passphrase XDG_STATE_HOME=$2 "$BAKEN" restore "${@:3}" --no-input; }
# How often each visit is there: a list "text times" of what is not exactly once.
not_once() {
    for text in "$@"; do
        n=$(as fatma visit list duin --all --json | grep -o "$text" | wc -l)
        [ "$n" -eq 1 ] || printf '%s: %s times\n' "$text" "$n"
    done
}

server_start
team_create anna Anna >"$WORK/out" 2>&1 || give_up "a team is made" "$(cat "$WORK/out")"
device_join anna fatma Fatma coach >"$WORK/out" 2>&1 || give_up "a second device joins"
check "a family is registered" as anna family add Duin
check "and shared" as anna family assign duin Fatma
check "a visit that is sent" as anna visit add duin --text "eerst-verzonden"
check "and goes" as anna sync
check "a visit that is not sent" as anna visit add duin --text "tweede-onverzonden"

# ---- writing one
before=$(cd "$WORK/anna" && cksum store.db keyslots.json)
check "a backup" as anna backup "$WORK/one.bak" --json
cp "$WORK/check.out" "$WORK/answer"
check "its answer" tests/e2e/validate.py "$WORK/answer"
check_equal "the store is byte for byte as it was" "$(cd "$WORK/anna" && cksum store.db keyslots.json)" "$before"
# without_memory FILE: a backup where no wal-index can be shared
without_memory() {
    BAKEN_HOME=$WORK/anna BAKEN_PASSPHRASE_FILE=$WORK/anna.passphrase XDG_STATE_HOME=$WORK/state BAKEN_FILE=$1 BAKEN=$BAKEN \
        unshare -rm sh -c 'mount -t tmpfs -o ro tmpfs /dev/shm && exec "$BAKEN" backup "$BAKEN_FILE" --no-input'
}
check "where /dev/shm may not be written" without_memory "$WORK/alone.bak"
check_equal "and the store is as it was there too" "$(cd "$WORK/anna" && cksum store.db keyslots.json)" "$before"
# full_memory ROOM WORDS: /dev/shm of ours, of which another leaves so much free
full_memory() {
    local room=$1
    shift
    BAKEN_HOME=$WORK/anna BAKEN_PASSPHRASE_FILE=$WORK/anna.passphrase XDG_STATE_HOME=$WORK/state \
        unshare -rm sh -c 'mount -t tmpfs -o size=512k tmpfs /dev/shm && dd if=/dev/zero of=/dev/shm/full bs=1k count=$((512 - $0)) 2>/dev/null &&
            exec "$@"' "$room" "$BAKEN" "$@" --no-input
}
for room in 0 16; do
    check_exit "where others filled /dev/shm but for $room KiB it is named" 17 "have what fills it deleted" full_memory $room backup "$WORK/memory.bak"
    check_exit "a visit likewise" 17 "/dev/shm is full" full_memory $room visit add duin --text "nooit"
done
# crowded_memory LEFT WORDS: the same with room, and LEFT names free
crowded_memory() {
    local left=$1
    shift
    BAKEN_HOME=$WORK/anna BAKEN_PASSPHRASE_FILE=$WORK/anna.passphrase XDG_STATE_HOME=$WORK/state \
        unshare -rm sh -c 'mount -t tmpfs -o nr_inodes=8 tmpfs /dev/shm && n=0 && while [ $((n += 1)) -lt $((8 - $0)) ]; do : >/dev/shm/$n; done &&
            exec "$@"' "$left" "$BAKEN" "$@" --no-input
}
for left in 0 1; do
    check_exit "where others left $left names in /dev/shm it is named" 17 "have what fills it deleted" crowded_memory $left visit list duin
done
check "with names for the index it goes" crowded_memory 4 visit list duin
check "with room for the index it goes" full_memory 64 backup "$WORK/memory.bak"
limited() { (ulimit -f 100 && "$@"); } # KiB
check_exit "a file larger than the system lets: no backup" 18 "File too large" limited as anna backup "$WORK/limited.bak"
check_exit "nor a store" 18 "File too large" limited as anna restore "$WORK/one.bak" --store "$WORK/limited"
check_equal "and nothing of either is left" "$(ls "$WORK" | grep -c '^limited')" 0
check_equal "only its owner may read it" "$(stat -c %a "$WORK/one.bak")" 600
check_equal "nothing lies beside it" "$(ls -d "$WORK"/one.bak* | wc -l)" 1
check_exit "an existing file is not written over" 13 "already" as anna backup "$WORK/one.bak"
check_exit "a directory that is not there" 4 "" as anna backup "$WORK/nowhere/one.bak"
check_equal "is told without a name of our own" "$(grep -c '\.part-' "$WORK/check.err")" 0
mkdir "$WORK/anna/inner" && ln -s "$WORK/anna/inner" "$WORK/inwards"
for place in anna anna/inner inwards; do
    check_exit "in the store's own directory: $place" 3 "own directory" as anna backup "$WORK/$place/one.bak"
done
check_exit "nor by a name alone" 3 "own directory" env -C "$WORK/anna/inner" BAKEN_HOME="$WORK/anna" "$BAKEN" backup one.bak --no-input
check_equal "and nothing was made there" "$(find "$WORK/anna" -name '*one.bak*' | wc -l)" 0
rm "$WORK/inwards" && rmdir "$WORK/anna/inner"
check_exit "restored where nothing can be made" 4 "/proc/baken: " as anna restore "$WORK/one.bak" --store /proc/baken
check_equal "is told without a name of our own as well" "$(grep -c 'restoring-' "$WORK/check.err")" 0
for word in eerst-verzonden tweede-onverzonden Duin "SQLite format"; do
    check "no plain text in it: $word" sh -c '! grep -aq "$1" "$2"' - "$word" "$WORK/one.bak"
done
hold anna "4711 visit"
check "beside a program that writes" as anna backup "$WORK/beside.bak"
release
(for i in 1 2 3 4 5 6; do as anna goal add duin --text "tijdens-$i" >/dev/null 2>&1; done) &
WRITER=$!
for i in 1 2 3; do check "while another writes, $i" as anna backup "$WORK/while$i.bak"; done
wait "$WRITER"
check_equal "all of what it wrote is there" "$(as anna goal list duin --json | grep -o 'tijdens-[0-9]' | sort -u | wc -l)" 6

# ---- verified after writing: a disk that gives back another byte, in a page, in the slots, in the trailer
BARE=$(mktemp -d /tmp/baken-e2e.XXXXXX) && trap 'rm -rf "$BARE"; cleanup' EXIT # LD_PRELOAD takes no path with a space
check "the library that flips is built" gcc -shared -fPIC -O1 -o "$BARE/flip.so" tests/e2e/flip_written.c
size=$(stat -c %s "$WORK/one.bak")
for at in 5000 $((size - 200)) $((size - 30)); do
    check_exit "what was written and reads back otherwise at $at is no backup" 11 "backup" \
        env LD_PRELOAD="$BARE/flip.so" FLIP_AT="$at" BAKEN_HOME="$WORK/anna" BAKEN_PASSPHRASE_FILE="$WORK/anna.passphrase" \
        XDG_STATE_HOME="$WORK/state" "$BAKEN" backup "$WORK/flipped.bak" --no-input
    check_equal "and nothing of it is left" "$(ls "$WORK" | grep -c '^flipped')" 0
done

# ---- killed while it writes: none, a sealed part, or a whole backup
for s in 0.005 0.01 0.015 0.02 0.03 0.045 0.06 0.1; do
    BAKEN_HOME=$WORK/anna BAKEN_PASSPHRASE_FILE=$WORK/anna.passphrase XDG_STATE_HOME=$WORK/state sh -c 'timeout -s KILL "$@"; :' - $s \
        "$BAKEN" backup "$WORK/cut-$s.bak" --no-input >/dev/null 2>&1
done
check_equal "after kills no part shows a word" "$(cat "$WORK"/cut-*.part-* 2>/dev/null | grep -ac -e eerst-verzonden -e Duin -e 'SQLite format')" 0
for file in "$WORK"/cut-*.bak; do
    [ -e "$file" ] || continue
    check "a backup with its name is whole: $(basename "$file")" /usr/bin/python3 tests/decoders/backup.py "$file" "$(cat "$WORK/anna.passphrase")"
done
check "and the store goes on" as anna doctor

# ---- a decoder that shares no code
check "an independent decoder reads it" /usr/bin/python3 tests/decoders/backup.py "$WORK/one.bak" "$(cat "$WORK/anna.passphrase")"
grep -q "^pages" "$WORK/check.out" && ok "and proves its pages" || not_ok "and proves its pages" "$(cat "$WORK/check.out")"

# ---- elsewhere, as a copy on another machine
check_exit "another passphrase" 7 "" env BAKEN_HOME="$WORK/copy" BAKEN_PASSPHRASE_FILE="$WORK/fatma.passphrase" "$BAKEN" restore "$WORK/one.bak" --no-input
check "nothing was made" test ! -e "$WORK/copy"
check "restored elsewhere" restore copy "$WORK/state-copy" "$WORK/one.bak" --json
cp "$WORK/check.out" "$WORK/answer"
check "its answer" tests/e2e/validate.py "$WORK/answer"
check_equal "its directory is its owner's" "$(stat -c %a "$WORK/copy")" 700
check "it says whose passphrase and sheet open it" grep -q "it opens with the passphrase and the recovery sheet of then" "$WORK/answer"
check_says "the visit that was not sent is in it" tweede-onverzonden elsewhere copy visit list duin
check "it is whole" elsewhere copy doctor
check "it is a file of its own, not the backup's" sh -c '! cmp -s -n 16 "$1" "$2"' - "$WORK/one.bak" "$WORK/copy/store.db"
check_exit "a store in the way is refused" 13 "there is a store" restore copy "$WORK/state-copy" "$WORK/one.bak"
mkdir -p "$WORK/photos" && : >"$WORK/photos/one.jpg"
# A link to the directory, as to another disk, stays one.
mkdir -p "$WORK/disk" "$WORK/empty" && ln -s "$WORK/disk/store" "$WORK/link"
check_exit "a link to nothing is told as that" 4 "link to a directory that is not there" restore link "$WORK/state-link" "$WORK/one.bak"
mkdir "$WORK/disk/store"
check "restored through a link" restore link "$WORK/state-link" "$WORK/one.bak"
check "and in place through it" restore link "$WORK/state-link" "$WORK/one.bak" --replace
check_equal "it is a link still" "$(readlink "$WORK/link")" "$WORK/disk/store"
check_equal "the store and the one of before lie where it leads" "$(ls "$WORK/disk" | sed 's/-[^-]*$//' | tr '\n' ' ')" "store store.replaced "
check_equal "and nothing beside the link" "$(ls -d "$WORK"/link* | wc -l)" 1
check "restored in the working directory" env -C "$WORK/empty" BAKEN_PASSPHRASE_FILE="$WORK/anna.passphrase" \
    XDG_STATE_HOME="$WORK/state-link" "$BAKEN" restore "$WORK/one.bak" --store . --no-input
# A directory that may be written and not read cannot be synced: nothing is done there, and not said otherwise.
no_rights() { if [ "$(id -u)" -eq 0 ]; then setpriv --bounding-set -dac_override,-dac_read_search "$@"; else "$@"; fi; }
mkdir "$WORK/drop" && cp -r "$WORK/copy" "$WORK/drop/store" && chmod 333 "$WORK/drop"
in_drop() { no_rights env BAKEN_HOME="$WORK/drop/store" BAKEN_PASSPHRASE_FILE="$WORK/anna.passphrase" XDG_STATE_HOME="$WORK/state-drop" "$BAKEN" "$@" --no-input; }
check_exit "no backup into a directory that cannot be read" 18 "drop: Permission denied" in_drop backup "$WORK/drop/one.bak"
check_exit "no store" 18 "drop: Permission denied; nothing was changed" in_drop restore "$WORK/one.bak" --store "$WORK/drop/fresh"
check_exit "nor another for one that is there" 18 "drop: Permission denied; nothing was changed" in_drop restore "$WORK/one.bak" --replace
chmod 700 "$WORK/drop"
check_equal "nothing was changed" "$(ls "$WORK/drop")" "store"
printf 'een-andere-wachtzin' >"$WORK/drop.passphrase" && chmod 600 "$WORK/drop.passphrase"
slots=$(cksum <"$WORK/drop/store/keyslots.json") && chmod 300 "$WORK/drop/store"
check_exit "nor is a passphrase changed in one" 18 "Permission denied; what was saved before is still there" in_drop passphrase change "$WORK/drop.passphrase"
check_exit "nor a recovery sheet made" 18 "Permission denied" in_drop recovery print
chmod 700 "$WORK/drop/store"
check_equal "who was told so has the old slots" "$(cksum <"$WORK/drop/store/keyslots.json")" "$slots"
check "and opens with the old passphrase" in_drop visit list duin
check_exit "a directory with other files as well" 13 "no store" restore photos "$WORK/state-copy" "$WORK/one.bak" --replace

# ---- both go on, then in place
check "the original goes on and sends" as anna visit add duin --text "derde-na-backup"
check "it syncs" as anna sync
check "and writes what it does not send" as anna visit add duin --text "vierde-onverzonden"
check "the copy writes" elsewhere copy visit add duin --text "vijfde-op-kopie"
check "restored in place" restore anna "$WORK/state" "$WORK/one.bak" --replace --json
cp "$WORK/check.out" "$WORK/answer"
check "its answer" tests/e2e/validate.py "$WORK/answer"
check_equal "what was not sent is named: a visit is two saves, and for people one change" "2 1" \
    "$(json restored.replaced_unsent <"$WORK/answer") $(json notices.0.message <"$WORK/answer" | grep -o '^1 change in' | tr -d ' a-z')"
old=$(basename "$(ls -d "$WORK"/anna.replaced-*)")
check_says "the replaced store has it" vierde-onverzonden env BAKEN_HOME="$WORK/$old" BAKEN_PASSPHRASE_FILE="$WORK/anna.passphrase" XDG_STATE_HOME="$WORK/state" "$BAKEN" visit list duin --no-input
check_equal "before a sync nothing is claimed of the server" "$(as anna status --json | json server_has)" unknown
check_equal "nor in words" "$(as anna status | grep -cE "The server has everything|Only on this device")" 0
check_says "but that it is not known" "known only after" as anna status
check "the restored one writes before it syncs" as anna visit add duin --text "zesde-op-herstel"
as anna status >"$WORK/out" 2>"$WORK/err"
grep -q "sent only after" "$WORK/out" "$WORK/err" && ok "it says that sending waits" || not_ok "it says that sending waits" "$(cat "$WORK/err")"
check "it syncs" as anna sync
check_equal "then it is known again" "$(as anna status --json | json server_has)" all
check "the copy syncs" elsewhere copy sync
check "the replaced store sends what it kept" env BAKEN_HOME="$WORK/$old" BAKEN_PASSPHRASE_FILE="$WORK/anna.passphrase" XDG_STATE_HOME="$WORK/state-old" "$BAKEN" sync --no-input
for round in 1 2; do
    check "and again, $round" as anna sync
    check "the copy too, $round" elsewhere copy sync
done
check "the colleague fetches" as fatma sync
check_equal "everything is there once" "$(not_once eerst-verzonden tweede-onverzonden derde-na-backup vierde-onverzonden vijfde-op-kopie zesde-op-herstel)" ""
for store in "as anna" "elsewhere copy"; do
    $store visit list duin --all --json | /usr/bin/python3 -c 'import json, sys; print(json.dumps(json.load(sys.stdin)["visits"], sort_keys=True))' >"$WORK/visits.own"
    as fatma visit list duin --all --json | /usr/bin/python3 -c 'import json, sys; print(json.dumps(json.load(sys.stdin)["visits"], sort_keys=True))' >"$WORK/visits.fatma"
    check "$store shows what the colleague shows" cmp "$WORK/visits.own" "$WORK/visits.fatma"
done
for device in anna fatma; do check_exit "$device's store is whole" 0 "" as "$device" doctor --accept; done
check "the copy is whole" elsewhere copy doctor --accept

# ---- the golden backup
check "a decoder reads the golden backup" sh -c '/usr/bin/python3 tests/decoders/backup.py tests/golden/backup/golden.bak "golden passphrase" golden >"$1"' - "$WORK/golden"
check "as it was written" cmp "$WORK/golden" tests/golden/backup/expected.txt
echo "golden passphrase" >"$WORK/golden.passphrase"
check "and Baken restores it" env BAKEN_HOME="$WORK/golden.store" BAKEN_PASSPHRASE_FILE="$WORK/golden.passphrase" XDG_STATE_HOME="$WORK/state-golden" "$BAKEN" restore tests/golden/backup/golden.bak --no-input

# ---- Ctrl-C while it waits for a program that has the store: what is done all the same is said
hold golden.store "4711 visit"
env -u BAKEN_HOME BAKEN_PASSPHRASE_FILE="$WORK/anna.passphrase" XDG_STATE_HOME="$WORK/state-golden" "$BAKEN" restore "$WORK/one.bak" \
    --store "$WORK/golden.store" --replace --no-input >"$WORK/out" 2>"$WORK/err" &
RESTORING=$!
until_true sh -c 'ls "$1"/golden.store.restoring-*/keyslots.json >/dev/null 2>&1' - "$WORK"
kill -TERM "$RESTORING"
release
wait "$RESTORING"
status=$?
check_equal "a restore that is wanted to end as it changes places: one store is there, and the other" \
    "$(ls -d "$WORK"/golden.store* | wc -l)" 2
check_equal "and it says so" "$status $(grep -c "golden.store.replaced-" "$WORK/out")" "0 1"

# ---- damage: a clear word, and nothing touched
size=$(stat -c %s "$WORK/one.bak")
damaged() {
    check_exit "$1" "$2" "$3" restore damaged "$WORK/state-damaged" "$WORK/bad.bak"
    check "nothing was made of it" sh -c '! ls -d "$1"/damaged* 2>/dev/null' - "$WORK"
}
for cut in 1 72 4096 $((size - 4096)) $((size - 72)); do
    head -c $((size - cut)) "$WORK/one.bak" >"$WORK/bad.bak"
    damaged "cut by $cut bytes" 11 "backup is cut"
done
: >"$WORK/bad.bak"
damaged "an empty file" 11 "backup is cut"
flip() {
    cp "$WORK/one.bak" "$WORK/bad.bak"
    /usr/bin/python3 -c 'import sys
f = open(sys.argv[1], "r+b"); f.seek(int(sys.argv[2])); b = f.read(1)[0]; f.seek(int(sys.argv[2])); f.write(bytes([b ^ 1]))' "$WORK/bad.bak" "$1"
}
for at in 0 5000 $((size - 40)) $((size - 20)) $((size - 50)) $((size - 60)); do
    flip "$at"
    damaged "a flipped byte at $at" 11 "backup"
done
for at in $((size - 72 - 1)) $((size - 72 - 20)); do # within keyslots.json
    cp "$WORK/one.bak" "$WORK/bad.bak"
    printf '[' | dd of="$WORK/bad.bak" bs=1 seek="$at" conv=notrunc 2>/dev/null
    damaged "key slots that cannot be read, at $at" 11 "backup is cut"
done
cp "$WORK/one.bak" "$WORK/bad.bak"
printf '\002' | dd of="$WORK/bad.bak" bs=1 seek=$((size - 61)) conv=notrunc 2>/dev/null
damaged "a newer format" 16 "newer program"
# The same page of another backup: another file, another key.
cp "$WORK/one.bak" "$WORK/bad.bak"
dd if="$WORK/while1.bak" of="$WORK/bad.bak" bs=4096 skip=3 seek=3 count=1 conv=notrunc 2>/dev/null
damaged "a page of another backup" 11 "backup is cut"

# ---- a disk without room, a kill
if [ "$(id -u)" -eq 0 ] && mkdir "$WORK/small" && mount -t tmpfs -o size=64k tmpfs "$WORK/small" 2>/dev/null; then
    check_exit "no room for the backup" 17 "full" as anna backup "$WORK/small/x.bak"
    check_equal "and nothing of it left" "$(ls -A "$WORK/small" | wc -l)" 0
    umount "$WORK/small"
fi
for s in 0.005 0.01 0.02 0.03 0.045 0.06 0.08 0.12 0.2; do
    BAKEN_HOME=$WORK/killed BAKEN_PASSPHRASE_FILE=$WORK/anna.passphrase XDG_STATE_HOME=$WORK/state-k sh -c 'timeout -s KILL "$@"; :' - $s "$BAKEN" restore "$WORK/one.bak" --replace --no-input >/dev/null 2>&1
    ! [ -e "$WORK/killed" ] || [ -e "$WORK/killed/keyslots.json" ] || not_ok "killed after $s s: half a store"
done
[ -e "$WORK/killed/keyslots.json" ] || restore killed "$WORK/state-k" "$WORK/one.bak" >/dev/null 2>&1
check "after kills a restored store is whole" env BAKEN_HOME="$WORK/killed" BAKEN_PASSPHRASE_FILE="$WORK/anna.passphrase" XDG_STATE_HOME="$WORK/state-k" "$BAKEN" doctor --accept --no-input
finish
