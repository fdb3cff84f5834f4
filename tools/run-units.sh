#!/bin/sh
# usage: [T=word] run-units.sh build/FLAVOUR [wrapper ...]: runs that flavour's unit tests, prints the
# failures whole, and ends in "N passed, N failed". Other runners sum this line.
set -u
out=$1
shift
passed=0 failed=0
for source in tests/unit/test_*"${T:-}"*.c; do
    [ -f "$source" ] || continue
    program=$out/${source%.c}
    log=$program.log
    "$@" "$program" >"$log" 2>&1
    status=$?
    ok=$(sed -n 's/^\[  PASSED  \] \([0-9]*\) test.*/\1/p' "$log" | tail -n 1)
    bad=$(sed -n 's/^\[  FAILED  \] \([0-9]*\) test.*/\1/p' "$log" | tail -n 1)
    : "${ok:=0}" "${bad:=0}"
    # A crash, a leak or a group that failed to start is a failure that cmocka did not count.
    [ "$status" -ne 0 ] && [ "$bad" -eq 0 ] && bad=1
    [ "$status" -eq 0 ] && [ "$ok" -eq 0 ] && bad=1
    if [ "$bad" -gt 0 ]; then
        echo "-- $program (status $status)"
        cat "$log"
    fi
    passed=$((passed + ok)) failed=$((failed + bad))
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
