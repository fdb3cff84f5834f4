#!/bin/bash
# failure_13, does not scale on the device:
# what a save, the sealing of an entry and the merging of one cost by callgrind's count, which is the same each time: it
# grows little from one store to another that is eight times as large, and is at most 5 % more than tests/bench/instructions.txt
# says. RENEW=1 writes that file.
. "$(dirname "$0")/lib.sh"

SMALL=300
LARGE=$((SMALL * 8))
RECORD=tests/bench/instructions.txt
BENCH=${BAKEN_BENCHES:-build/release}/tests/bench/bench_instructions
[ -x "$BENCH" ] || give_up "the benchmarks are built" "make FLAVOUR=release benches"
command -v valgrind >/dev/null || give_up "valgrind is installed" "make deps"

# One dump of callgrind for each work that is counted.
count() {
    VISITS=$1 TMPDIR=$WORK valgrind -q --tool=callgrind --instr-atstart=no --compress-strings=no --compress-pos=no \
        --callgrind-out-file="$WORK/$1.out" "$BENCH" >"$WORK/$1.says"
}

for visits in $SMALL $LARGE; do
    check "a store of $visits visits is counted" count "$visits"
done
if [ -n "${RENEW:-}" ] && [ "$FAILED" -eq 0 ]; then
    check "the record is renewed" tools/instructions.py --renew $RECORD "$WORK" $SMALL $LARGE
    finish
fi
tools/instructions.py $RECORD "$WORK" $SMALL $LARGE >"$WORK/held" 2>&1 || grep -q '^not ok' "$WORK/held" ||
    not_ok "what was counted can be read"
cat "$WORK/held"
PASSED=$((PASSED + $(grep -c '^ok' "$WORK/held"))) FAILED=$((FAILED + $(grep -c '^not ok' "$WORK/held")))
finish
