#!/bin/sh
# usage: golden_token.sh: a decoder that shares no code with Baken reads the golden instance tokens of both formats, and refuses them
# changed. Ends in "N passed, N failed".
set -u
cd "$(dirname "$0")/../.." || exit 1
passed=0 failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

decode() { /usr/bin/python3 tests/decoders/instance_token.py "$1" 2>"$work/err"; }

count() {
    if [ "$2" -eq 0 ]; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        echo "-- $1"
        cat "$work/err"
    fi
}

decode tests/golden/token.json | diff -u tests/golden/token.txt -
count "the decoder reads the golden token" $?
for change in 's/"format": *1/"format": 2/' 's/inode/Inode/' 's/"18446744073709551615"/18446744073709551615/' \
    's/"store": *"../"store": "/' 's/}/, "more": 1}/' 's/}//'; do
    sed "$change" tests/golden/token.json >"$work/changed"
    cmp -s "$work/changed" tests/golden/token.json && same=1 || same=0
    decode "$work/changed" >/dev/null && same=1
    count "the decoder refuses $change" $same
done
# The second slot says 300 openings, as the old token does; the first one less.
decode tests/golden/token-2.bin | diff -u tests/golden/token.txt -
count "the decoder reads the golden token of two slots" $?
for at in 20 100 4500; do
    cp tests/golden/token-2.bin "$work/changed"
    printf '!' | dd of="$work/changed" bs=1 seek="$at" conv=notrunc 2>/dev/null
    decode "$work/changed" | grep -c '^openings \(299\|300\)$' >/dev/null
    count "one slot changed at $at, the other is read" $?
    printf '!' | dd of="$work/changed" bs=1 seek=$(((at + 4096) % 8192)) conv=notrunc 2>/dev/null
    decode "$work/changed" >/dev/null && same=1 || same=0
    count "both slots changed at $at are refused" $same
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
