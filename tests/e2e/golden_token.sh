#!/bin/sh
# usage: golden_token.sh: a decoder that shares no code with Baken reads the golden instance token, and refuses it
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
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
