#!/bin/sh
# usage: golden_body.sh: a decoder that shares no code with Baken reads the golden body of an entry and that of a
# save in the outbox, and refuses them cut anywhere. Ends in "N passed, N failed".
set -u
cd "$(dirname "$0")/../.." || exit 1
passed=0 failed=0

# decode HEX LAST: saves 1 to LAST of the feed
decode() { printf '%s' "$1" | /usr/bin/python3 tests/decoders/body.py 1 "$2" 11111111111111111111111111111111 5; }

count() {
    if [ "$2" -eq 0 ]; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        echo "-- $1"
    fi
}

for golden in body:2 outbox:1; do
    file=${golden%:*} last=${golden#*:}
    hex=$(cat "tests/golden/$file.hex")
    decode "$hex" "$last" | diff -u "tests/golden/$file.txt" -
    count "the decoder reads the golden $file" $?
    for cut in 2 40 100 200 ${#hex}; do
        part=$(printf '%s' "$hex" | cut -c "1-$((${#hex} - cut))" 2>/dev/null)
        decode "$part" "$last" >/dev/null 2>&1 && wrong=1 || wrong=0
        count "the decoder refuses the $file $cut digits shorter" $wrong
    done
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
