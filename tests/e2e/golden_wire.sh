#!/bin/sh
# usage: golden_wire.sh: a decoder that shares no code with Baken reads the golden files of the wire, and
# refuses each that is signed or sealed after one byte was changed. Ends in "N passed, N failed".
set -u
cd "$(dirname "$0")/../.." || exit 1
passed=0 failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

decode() { /usr/bin/python3 tests/decoders/wire.py "$1" >"$work/out" 2>"$work/err"; }

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

reads_all() { decode tests/golden/wire && diff -u tests/golden/wire/expected.txt "$work/out"; }

# refuses_a_change_of NAME [OFFSET]
refuses_a_change_of() {
    offset=${2:-150}
    rm -rf "$work/copy"
    cp -r tests/golden/wire "$work/copy"
    old=$(od -An -tu1 -j "$offset" -N 1 "$work/copy/$1.bin" | tr -d ' ')
    # shellcheck disable=SC2059
    printf "$(printf '\\%03o' $(((old + 1) % 256)))" |
        dd of="$work/copy/$1.bin" bs=1 seek="$offset" conv=notrunc 2>/dev/null
    ! decode "$work/copy"
}

check "the decoder reads every golden file" reads_all
for file in line operation ledger_answer push page hello invitation join_request ack bundle identities; do
    check "a change in $file is refused" refuses_a_change_of "$file"
done
for file in history box_list; do
    size=$(wc -c <"tests/golden/wire/$file.bin")
    for part in 1 2 3 4 5 6 7 8 9 10 11 12; do
        offset=$((size * part / 13))
        check "a change at $offset of $file is refused" refuses_a_change_of "$file" $offset
    done
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
