#!/bin/sh
# usage: golden_body.sh: a decoder that shares no code with Baken reads the golden body of an entry, and
# refuses it cut anywhere. Ends in "N passed, N failed".
set -u
cd "$(dirname "$0")/../.." || exit 1
passed=0 failed=0
hex=$(cat tests/golden/body.hex)

decode() { printf '%s' "$1" | python3 tests/decoders/body.py 1 2 11111111111111111111111111111111 5; }

count() {
    if [ "$2" -eq 0 ]; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        echo "-- $1"
    fi
}

decode "$hex" | diff -u tests/golden/body.txt - >/dev/null
count "the decoder reads the golden body" $?
for cut in 2 40 100 200 380; do
    part=$(printf '%s' "$hex" | cut -c "1-$((${#hex} - cut))")
    decode "$part" >/dev/null 2>&1 && wrong=1 || wrong=0
    count "the decoder refuses it $cut digits shorter" $wrong
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
