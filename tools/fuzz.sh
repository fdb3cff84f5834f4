#!/bin/sh
# usage: [SECS=60] [JOBS=1] [T=word] fuzz.sh: runs each libFuzzer program of build/fuzz (whose name holds the word) until it used
# SECS seconds of CPU time, JOBS of them at once, and prints of each its CPU time and its runs. New inputs stay in build/; a
# finding is kept there too and fails the run. Copy what is worth keeping into the corpus.
set -u
SECS=${SECS:-60}
export SECS

# Sets `used` to the seconds of CPU time that this shell's children used, rounded down. A subshell would count its own.
count() {
    times >"$log.times"
    used=$(tail -n 1 "$log.times" | tr 'ms' '  ' | awk '{ print int($1 * 60 + $2 + $3 * 60 + $4) }')
    rm -f "$log.times"
}

one() {
    name=$1
    found=build/fuzz/found/$name
    log=build/fuzz/found/$name.log
    mkdir -p "$found"
    : >"$log"
    left=$SECS
    while [ "$left" -gt 0 ]; do
        # By the clock; what others took of it is run again.
        build/fuzz/tests/fuzz/fuzz_"$name" -max_total_time="$left" -max_len=65536 -timeout=60 -print_final_stats=1 -verbosity=0 \
            -artifact_prefix="build/fuzz/found/$name-finding-" "$found" "tests/fuzz/corpus/$name" >>"$log" 2>&1 || {
            count
            cat "$log"
            echo "$name: a finding, after $used s of CPU time"
            return 1
        }
        count
        left=$((SECS - used))
    done
    awk -v name="$name" -v used="$used" '/^stat::number_of_executed_units/ { runs += $2 }
        END { printf "%-16s %6d s of CPU %12d runs\n", name, used, runs }' "$log"
}

if [ $# -gt 0 ]; then
    one "$1"
    exit
fi
for source in tests/fuzz/fuzz_*"${T:-}"*.c; do
    name=$(basename "$source" .c)
    echo "${name#fuzz_}"
done | xargs -P "${JOBS:-1}" -n 1 "$0"
