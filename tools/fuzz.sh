#!/bin/sh
# usage: [SECS=60] fuzz.sh: runs each libFuzzer program of build/fuzz for SECS seconds. New inputs stay in
# build/; a crash is kept there too and fails the run. Copy what is worth keeping into the corpus.
set -u
status=0
for source in tests/fuzz/fuzz_*.c; do
    [ -f "$source" ] || continue
    name=$(basename "$source" .c)
    found=build/fuzz/found/$name
    mkdir -p "$found" "tests/fuzz/corpus/${name#fuzz_}"
    echo "-- $name"
    build/fuzz/tests/fuzz/"$name" -max_total_time="${SECS:-60}" -max_len=65536 -timeout=10 \
        -print_final_stats=1 -verbosity=0 -artifact_prefix="$found-crash-" "$found" \
        "tests/fuzz/corpus/${name#fuzz_}" || status=1
done
exit $status
