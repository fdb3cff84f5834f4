#!/bin/sh
# usage: [T=word] [JOBS=n] run-units.sh build/FLAVOUR [wrapper ...]: runs that flavour's unit tests, JOBS at once (as many as the machine has
# cores), prints the failures whole, and ends in "N passed, N failed". Other runners sum this line.
set -u

# One program, whose counts go into a file beside it.
if [ "${1:-}" = --one ]; then
    program=$2
    shift 2
    log=$program.log
    "$@" "$program" >"$log" 2>&1
    status=$?
    ok=$(sed -n 's/^\[  PASSED  \] \([0-9]*\) test.*/\1/p' "$log" | tail -n 1)
    bad=$(sed -n 's/^\[  FAILED  \] \([0-9]*\) test.*/\1/p' "$log" | tail -n 1)
    : "${ok:=0}" "${bad:=0}"
    # A crash, a leak or a group that failed to start is a failure that cmocka did not count.
    [ "$status" -ne 0 ] && [ "$bad" -eq 0 ] && bad=1
    [ "$status" -eq 0 ] && [ "$ok" -eq 0 ] && bad=1
    echo "$ok $bad $status" >"$program.counts"
    exit 0
fi

out=$1
shift
programs=$(for source in tests/unit/test_*"${T:-}"*.c; do [ -f "$source" ] && echo "$out/${source%.c}"; done)
for program in $programs; do rm -f "$program.counts"; done
echo "$programs" | xargs -r -P "${JOBS:-$(nproc)}" -I '{}' "$0" --one '{}' "$@"

passed=0 failed=0
for program in $programs; do
    counts="0 1 none"
    [ -f "$program.counts" ] && counts=$(cat "$program.counts")
    ok=${counts%% *} status=${counts##* }
    bad=${counts#* } bad=${bad% *}
    if [ "$bad" -gt 0 ]; then
        echo "-- $program (status $status)"
        cat "$program.log"
    fi
    passed=$((passed + ok)) failed=$((failed + bad))
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
