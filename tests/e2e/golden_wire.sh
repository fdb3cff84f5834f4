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

reads_all() { decode tests/golden/wire && [ "$(wc -l <"$work/out")" -eq 12 ]; }

refuses_a_change_of() {
    rm -rf "$work/copy"
    cp -r tests/golden/wire "$work/copy"
    old=$(od -An -tu1 -j 150 -N 1 "$work/copy/$1.bin" | tr -d ' ')
    # shellcheck disable=SC2059
    printf "$(printf '\\%03o' $(((old + 1) % 256)))" |
        dd of="$work/copy/$1.bin" bs=1 seek=150 conv=notrunc 2>/dev/null
    ! decode "$work/copy"
}

check "the decoder reads every golden file" reads_all
for name in line operation ledger_answer push page hello invitation join_request ack bundle; do
    check "a change in $name is refused" refuses_a_change_of "$name"
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
