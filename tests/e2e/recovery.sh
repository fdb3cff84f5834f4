#!/bin/bash
# The keys of a store: the recovery sheet, passphrases forgotten, keyslots.json lost, cut or rolled back, and a kernel that keeps
# no keys. The store itself is never touched by any of it.
. "$(dirname "$0")/lib.sh"

sum() { sha256sum <"$WORK/anna/store.db"; }
slots() { grep -c "\"kind\": *\"$1\"" "$WORK/anna/keyslots.json"; }
decode() { /usr/bin/python3 tests/decoders/store.py "$WORK/anna" "$1" meta; }
# on_terminal STEPS ... -- WORDS ...: on a terminal, with nothing to read a passphrase from.
on_terminal() {
    env -u BAKEN_PASSPHRASE_FILE BAKEN_HOME="$WORK/anna" XDG_STATE_HOME="$WORK/state" tests/e2e/terminal.py "$@"
}
# restored_says NAME PASSPHRASE-FILE: the status of a store restored there, with instance tokens elsewhere
restored_says() { env BAKEN_HOME="$WORK/$1" BAKEN_PASSPHRASE_FILE="$2" XDG_STATE_HOME="$WORK/state-$1" "$BAKEN" status --json --no-input; }
groups_of() { sed -n 's/.*<span>\(.*\)/\1/p' <<<"$(sed 's/<\/span>/\n/g' "$1")" | tr '\n' ' '; }

server_start
team_create anna Anna >/dev/null 2>&1 || give_up "a team is made"
as anna family add Duin >/dev/null 2>&1 || give_up "a family is made"
as anna visit add duin --text "what was written" >/dev/null 2>&1 || give_up "a visit is saved"
before=$(sum)

# ---- printed
check_exit "no sheet, no way in" 7 "no recovery sheet was printed" \
    as anna unlock --recovery-file <(echo 000GC-40R4Y-0M301-E209M-185G2-R38EE-1W810-24GKG)
check_exit "no sheet is made where there is no directory" 4 "cannot be made" as anna recovery print --output "$WORK/none/sheet.html"
check "a sheet is printed to a file" as anna recovery print --output "$WORK/sheet.html"
check_equal "which only the user may read" "$(stat -c %a "$WORK/sheet.html")" 600
check_exit "and which is not overwritten" 13 "cannot be made" as anna recovery print --output "$WORK/sheet.html"
groups_of "$WORK/sheet.html" >"$WORK/sheet"
check_equal "it has eight groups" "$(wc -w <"$WORK/sheet")" 8
check_equal "its QR code says the same" "$(/usr/bin/python3 tests/decoders/qr.py "$WORK/sheet.html")" \
    "$(sed 's/ *$//; s/ /-/g' "$WORK/sheet")"
check "it says where to keep it" grep -q "not in the same bag as the laptop" "$WORK/sheet.html"
check "what leaves it valid and what ends it" grep -q "new passphrase leaves this sheet valid.*makes a new sheet and ends this one" "$WORK/sheet.html"
check "and that backups need the sheet of their time" grep -q "the sheet of when it was made" "$WORK/sheet.html"
BAKEN_LANG=nl as anna recovery print --output "$WORK/blad.html" >/dev/null 2>&1
check "also in Dutch" grep -q 'lang="nl".*erstelblad' <(tr '\n' ' ' <"$WORK/blad.html")
check_exit "the one before opens nothing more" 7 "a newer one was printed" as anna unlock --recovery-file "$WORK/sheet"
groups_of "$WORK/blad.html" >"$WORK/sheet"
check_says "who has no file sees it in half blocks" "▄" \
    on_terminal --at 'Passphrase' 'the passphrase of anna\n' -- "$BAKEN" recovery print
grep -E '^    ([0-9A-Z]{5}-){3}' "$WORK/check.out" | tr -d '\r' >"$WORK/sheet"
check_equal "and the groups in two lines" "$(wc -l <"$WORK/sheet")" 2
check_exit "without the passphrase there is none" 7 "" as anna recovery print --passphrase-file "$WORK/code"
# What ends it while it waits for a program that has the store: nothing is changed.
ended_before() { # ended_before WORDS ...
    hold anna "4711 visit"
    as_alone anna "$@" >"$WORK/out" 2>"$WORK/err" &
    WAITING=$!
    until_true sh -c 'readlink /proc/$1/fd/* | grep -q "anna/lock$"' - "$WAITING"
    kill -TERM "$WAITING"
    wait "$WAITING" # while the other program has it still
}
slots_before=$(cat "$WORK/anna/keyslots.json")
ended_before recovery print
check_equal "who is ended before the sheet is there: the code, what was shown" "$? $(cat "$WORK/out")" "143 "
release
ended_before passphrase change "$WORK/anna.passphrase"
check_equal "so before the passphrase is" "$? $(cat "$WORK/out")" "143 "
release
check_equal "and nothing was changed" "$(cat "$WORK/anna/keyslots.json")" "$slots_before"
# While it is written: the sheet of before is void then, so the new one is shown.
wanted_to_end() { # wanted_to_end WORDS ...: SIGTERM at the moment when keyslots.json takes its name; leaks cannot be looked for under strace
    ASAN_OPTIONS=detect_leaks=0 BAKEN_HOME=$WORK/anna BAKEN_PASSPHRASE_FILE=$WORK/anna.passphrase XDG_STATE_HOME=$WORK/state \
        strace -qq -o "$WORK/trace" -e trace=rename,renameat,renameat2 -e inject=rename,renameat,renameat2:signal=TERM \
        "$BAKEN" "$@" --no-input >"$WORK/out" 2>"$WORK/err"
}
wanted_to_end recovery print
check_equal "a sheet that took the place of another is shown, also when all is to end" \
    "$? $(grep -cE '^    ([0-9A-Z]{5}-){3}' "$WORK/out")" "0 2"
check "which was wanted when it was written" grep -q "rename.*keyslots.json" "$WORK/trace"
grep -E '^    ([0-9A-Z]{5}-){3}' "$WORK/out" >"$WORK/sheet"
check "and is valid" as anna recovery print --recovery-file "$WORK/sheet" --output "$WORK/second.html"
wanted_to_end passphrase change "$WORK/anna.passphrase"
check_equal "a passphrase that was changed is told likewise" "$? $(grep -c "passphrase is changed" "$WORK/out")" "0 1"
as anna recovery print >/dev/full 2>"$WORK/told"
check_equal "a sheet that could not be shown: the code" $? 18
check "and a word of it" grep -q "new recovery sheet, which nobody saw, and any of before is void; do it again" "$WORK/told"
check_exit "the page is no file for --recovery-file" 3 "more than the groups of a recovery sheet; nothing was changed; write its groups" \
    as anna unlock --recovery-file "$WORK/second.html"
check_exit "nor for a passphrase" 12 "nothing was changed; look at the name" as anna visit list --passphrase-file "$WORK/second.html"
as anna recovery print >"$WORK/out" 2>&1
grep -E '^    ([0-9A-Z]{5}-){3}' "$WORK/out" >"$WORK/sheet"
check_equal "all that lies beside one passphrase" "$(slots passphrase) and $(slots recovery)" "1 and 1"
check_says "an independent decoder opens the store by it" "integrity ok" decode "$(cat "$WORK/sheet")"
check_says "and by the passphrase" "integrity ok" decode "the passphrase of anna"

# ---- used
tr 'A-Z\n' 'a-z ' <"$WORK/sheet" >"$WORK/typed"
set -- $(tr -- '-' ' ' <"$WORK/typed")
wrong=${3:0:4}$([ "${3:4}" = 7 ] && echo 8 || echo 7)
check_exit "a typing error is told with its group" 3 "group 3" \
    as anna unlock --recovery-file <(echo "$1 $2 $wrong $4 $5 $6 $7 $8")
check_exit "so is a group that lacks a character" 3 "group 6 has 4 characters" \
    as anna unlock --recovery-file <(echo "$1 $2 $3 $4 $5 ${6:0:4} $7 $8")
check_exit "and a sheet that is cut" 3 "8 groups; here are 5" as anna unlock --recovery-file <(echo "$1 $2 $3 $4 $5")
if as anna unlock --recovery-file "$WORK/typed" >/dev/null 2>&1; then
    check_says "the sheet unlocks" "what was written" as anna visit list --passphrase-file /dev/null
    as anna lock >/dev/null
fi
echo "a new passphrase" >"$WORK/fresh"
check "a forgotten passphrase is changed by the sheet" \
    as anna passphrase change "$WORK/fresh" --recovery-file "$WORK/typed" --passphrase-file /dev/null
check_exit "the forgotten one opens nothing more" 7 "wrong" as anna visit list
cp "$WORK/fresh" "$WORK/anna.passphrase"
check_says "the new one does" "what was written" as anna visit list
before_slots=$(cat "$WORK/anna/keyslots.json")
check "on the terminal the groups are asked for, and one that is wrong or empty again" on_terminal \
    --at 'Group 1' "$1\n" --at 'Group 2' "$1\n" --at 'group 2 is wrong.*Group 2' '\n' --at 'group 2 has 0 char.*Group 2' "$2\n" \
    --at 'Group 3' "$3\n" --at 'Group 4' "$4\n" \
    --at 'Group 5' "$5\n" --at 'Group 6' "$6\n" --at 'Group 7' "$7\n" --at 'Group 8' "$8\n" \
    --at 'New passphrase' 'a third passphrase\n' --at 'once more' 'a third passphrase\n' -- "$BAKEN" passphrase change --recovery
echo "a third passphrase" >"$WORK/anna.passphrase"
check_says "the third passphrase opens" "what was written" as anna visit list
clear=$(printf '\033[H\033[2J\033[3J')
on_terminal --at 'Group 1' "$1-$2-$3-$4-$5-$6-$7-$8\n" --at 'group 1 has.*Group 1' '\004' -- "$BAKEN" unlock --recovery >"$WORK/out"
check_equal "a sheet that is pasted whole goes off the screen" "$(grep -cF "${clear}group 1 has 47" "$WORK/out")" 1
check "the sheet goes on" as anna passphrase change "$WORK/anna.passphrase" --recovery-file "$WORK/typed"
check_exit "without a terminal it is not asked for" 7 "recovery-file" as anna unlock --recovery

# ---- the store was not touched: opening it counts on, so the copy is taken before and after the acts alone
before=$(sum)
as anna passphrase change "$WORK/fresh" >/dev/null 2>&1 && as anna recovery print --passphrase-file "$WORK/fresh" \
    --output "$WORK/last.html" >/dev/null 2>&1 && as anna passphrase change "$WORK/anna.passphrase" --passphrase-file "$WORK/fresh" >/dev/null 2>&1
check_equal "passphrase and sheet change without a byte of store.db" "$(sum)" "$before"
groups_of "$WORK/last.html" >"$WORK/sheet"

# ---- rolled back
echo "$before_slots" >"$WORK/anna/keyslots.json"
check_says "old slots with their old passphrase open, as documented" "what was written" \
    as anna visit list --passphrase-file "$WORK/fresh"
cp "$WORK/check.err" "$WORK/told"
check "and that is told" grep -q "An older keyslots.json was put back" "$WORK/told"
check_equal "to programs too" "$(as anna status --passphrase-file "$WORK/fresh" --json | json notices.0.code)" old_key_slots
check_exit "by doctor as a finding" 19 "" as anna doctor --passphrase-file "$WORK/fresh"
check "a backup of it" as anna backup "$WORK/old.bak" --passphrase-file "$WORK/fresh"
check "can be restored" as anna restore "$WORK/old.bak" --store "$WORK/old" --passphrase-file "$WORK/fresh"
check_says "and makes them no newer" old_key_slots restored_says old "$WORK/fresh"
check "until the passphrase is changed" as anna passphrase change "$WORK/anna.passphrase" --passphrase-file "$WORK/fresh"
check_equal "then no more" "$(as anna status 2>&1 | grep -c "older keyslots")" 0
check "and doctor is content" as anna doctor
sed 's/"changed": */&9/' -i "$WORK/anna/keyslots.json"
check_exit "slots that were altered are a finding" 19 "was altered" as anna doctor
check "a backup of these" as anna backup "$WORK/altered.bak"
check "can be restored too" as anna restore "$WORK/altered.bak" --store "$WORK/altered"
check_says "and proves them to nobody" old_key_slots restored_says altered "$WORK/anna.passphrase"
as anna passphrase change "$WORK/anna.passphrase" >/dev/null 2>&1

# ---- lost
cp "$WORK/anna/keyslots.json" "$WORK/kept"
for damage in "rm -f" "truncate -s 0" "truncate -s 300"; do
    if as anna unlock >/dev/null 2>&1; then
        $damage "$WORK/anna/keyslots.json"
        check_exit "$damage: a new passphrase that is none is told as that" 3 "is empty; nothing was changed; correct it" \
            as anna passphrase change /dev/null
        check "$damage: while it is unlocked, a new passphrase writes them anew" as anna passphrase change "$WORK/anna.passphrase"
        cp "$WORK/check.err" "$WORK/told"
        check "$damage: that is told" grep -q "written anew" "$WORK/told"
        check_says "$damage: and all is there" "what was written" as anna visit list --passphrase-file "$WORK/anna.passphrase"
        check_exit "$damage: the sheet of before is void" 7 "no recovery sheet" as anna unlock --recovery-file "$WORK/sheet"
        as anna lock >/dev/null
    fi
    $damage "$WORK/anna/keyslots.json"
    check_exit "$damage: locked, it says what to do" 11 "while the store is unlocked.*backup back" as anna visit list
    check_exit "$damage: and no new store takes its place" 11 "keyslots" as anna team create --server "$SERVER" --name Anna \
        --code-file "$CODE"
    check_exit "$damage: nor is the passphrase changed" 11 "keyslots" as anna passphrase change "$WORK/fresh"
    check "$damage: store.db is there" test -s "$WORK/anna/store.db"
    cp "$WORK/kept" "$WORK/anna/keyslots.json"
    check_says "$damage: put back, it opens" "what was written" as anna visit list
done

# ---- years later
check_equal "tests take a cheap passphrase" "$(grep -c '"memory_kib": *8,' "$WORK/anna/keyslots.json")" 1
(unset BAKEN_TEST_CHEAP_KDF && as anna visit list >/dev/null 2>&1)
check_equal "opened by a program of today, it is wrapped anew" "$(grep -c '"memory_kib": *262144,' "$WORK/anna/keyslots.json")" 1
check_says "and opens" "what was written" as anna visit list
check_equal "a cheaper program lowers nothing" "$(grep -c '"memory_kib": *262144,' "$WORK/anna/keyslots.json")" 1
echo y >"$WORK/fresh" && as anna passphrase change "$WORK/fresh" >/dev/null 2>&1 && cp "$WORK/fresh" "$WORK/anna.passphrase"
if [ "$(id -u)" -ne 0 ]; then
    chmod 500 "$WORK/anna"
    (unset BAKEN_TEST_CHEAP_KDF && as anna unlock >/dev/null 2>&1) && ok "where it cannot be written it opens all the same" ||
        not_ok "where it cannot be written it opens all the same"
    chmod 700 "$WORK/anna"
    as anna lock >/dev/null 2>&1
fi

# ---- a kernel that keeps no keys
BAKEN_REAL=$BAKEN
for error in EPERM ENOSYS EDQUOT EACCES; do
    cat >"$WORK/refused" <<END
#!/bin/sh
exec "$ROOT/tests/e2e/no_keyring.py" $error "$BAKEN_REAL" "\$@"
END
    chmod +x "$WORK/refused"
    BAKEN=$WORK/refused
    check_exit "$error: unlock says so" 7 "the kernel keeps no keys here; .*each asks for the passphrase" as anna unlock
    check_says "$error: the passphrase is asked for each time" "what was written" as anna visit list
    check_says "$error: and doctor says so" "the passphrase is asked each time" as anna doctor
    check "$error: lock is no error" as anna lock
done
BAKEN=$BAKEN_REAL

# ---- little memory that can be locked: what systems give an ordinary user
(ulimit -l 64 && as anna doctor >"$WORK/little" 2>&1)
check "64 KiB of locked memory are enough" grep -q "never swapped" "$WORK/little"
finish
