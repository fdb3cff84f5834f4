#!/bin/sh
# usage: golden_store.sh: a decoder that shares no code with Baken reads the golden store, its log
# included, and one that was killed in a rollback mode, with its journal; and refuses both after one byte
# was changed anywhere. Ends in "N passed, N failed".
set -u
cd "$(dirname "$0")/../.." || exit 1
passed=0 failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

decode() { /usr/bin/python3 tests/decoders/store.py "$1" "$2" >"$work/out" 2>"$work/err"; }

check() {
    name=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf -- '-- %s\n' "$name"
        cat "$work/err"
    fi
}

reads_the_rows() {
    decode "tests/golden/$1" 'golden passphrase' && diff -u "tests/golden/$1/expected.txt" "$work/out"
}

# The same store with its slots in format 2, which have a recovery sheet as well.
SHEET=000GC-40R4Y-0M301-E209M-185G2-R38EE-1W810-24GKG
newer_slots() { rm -rf "$work/newer" && cp -r tests/golden/store "$work/newer" && cp tests/golden/store/keyslots-2.json "$work/newer/keyslots.json"; }
reads_by() { decode "$work/newer" "$1" && diff -u tests/golden/store/expected.txt "$work/out"; }
# proves_the_slots SCRIPT WORDS: where sed changed a value of the slots, WORDS open them no more.
proves_the_slots() { newer_slots && sed -i "$1" "$work/newer/keyslots.json" && ! decode "$work/newer" "$2"; }

refuses_another_passphrase() { ! decode tests/golden/store 'golden passphrasf'; }

# The output differs or there is none: the file at that offset is no longer what was sealed.
notices_a_change_at() { # notices_a_change_at STORE FILE OFFSET
    rm -rf "$work/copy"
    cp -r "tests/golden/$1" "$work/copy"
    old=$(od -An -tu1 -j "$3" -N 1 "$work/copy/$2" | tr -d ' ')
    # shellcheck disable=SC2059
    printf "$(printf '\\%03o' $(((old + 1) % 256)))" |
        dd of="$work/copy/$2" bs=1 seek="$3" conv=notrunc 2>/dev/null
    ! { decode "$work/copy" 'golden passphrase' && cmp -s "tests/golden/$1/expected.txt" "$work/out"; }
}

check "the decoder reads the rows of the golden store" reads_the_rows store
check "the decoder rolls a killed transaction back" reads_the_rows journal
check "the decoder refuses another passphrase" refuses_another_passphrase
newer_slots
check "the decoder opens slots of format 2 by the passphrase" reads_by 'golden passphrase'
check "and by the recovery sheet" reads_by "$SHEET"
check "not by another sheet" eval '! decode "$work/newer" "${SHEET%%-*}-40R4Y-0M301-E209M-185G2-R38EE-1W810-00008"'
check "a count that was raised is noticed" proves_the_slots 's/"changed": */&9/' "$SHEET"
check "a slot that was taken away is noticed" proves_the_slots 's/"recovery"/"passphrase"/' "$SHEET"
for offset in 0 9 100 4060 4090 4096 8191 20479; do
    check "a change at $offset of store.db is noticed" notices_a_change_at store store.db $offset
done
for offset in 0 30 60 72 100 4200 4231; do
    check "a change at $offset of store.db-wal is noticed" notices_a_change_at store store.db-wal $offset
done
for offset in 0 16 32 33 40 48 63 64 88 104 105 110 112 4207 4208 9000 66367; do
    check "a change at $offset of store.db-journal is noticed" notices_a_change_at journal store.db-journal $offset
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
