#!/bin/bash
# failure_13, does not scale on the device:
# what a device needs does not grow faster than what it holds: the benchmarks in two sizes, one eight times the other, with the address
# space that they may have, the processor time that they took, and the memory that they used. LONG=1 goes on to 300 families
# with 210,000 visits, over a million operations.
. "$(dirname "$0")/lib.sh"

SPACE_KB=400000
BENCHES=${BAKEN_BENCHES:-build/release}/tests/bench
for bench in bench_journal bench_sync; do
    [ -x "$BENCHES/$bench" ] || give_up "the benchmarks are built" "make FLAVOUR=release benches"
done

# use BENCH FAMILIES VISITS: processor time in ms and most memory in kB, of a run that has $SPACE_KB of address space.
use() {
    (ulimit -v $SPACE_KB && FAMILIES=$2 VISITS=$3 TMPDIR=$WORK /usr/bin/python3 -c '
import resource, subprocess, sys
status = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(int((used.ru_utime + used.ru_stime) * 1000), used.ru_maxrss)
sys.exit(status)' "$BENCHES/$1")
}

# grows BENCH FAMILIES VISITS TIMES: from that size to one so many times as large, by more families and more visits of each.
grows() {
    local small large
    check "$1: $(($2 * $3)) visits in $SPACE_KB kB" use "$1" "$2" "$3"
    small=$(cat "$WORK/check.out")
    check "$1: $(($2 * $3 * $4)) visits in the same" use "$1" $(($2 * $4 / 2)) $(($3 * 2))
    large=$(cat "$WORK/check.out")
    printf '# %s: %s, then %s (ms, kB)\n' "$1" "$small" "$large"
    # What does not grow counts in the small one; the large one may take a quarter more than its share.
    check "failure_13: $1: processor time grows with what is there, not with its square" \
        test "${large% *}" -le $((${small% *} * $4 * 5 / 4))
    check "failure_13: $1: memory grows by less than 40 MB" test "${large#* }" -le $((${small#* } + 40000))
}

grows bench_journal 8 60 8
grows bench_sync 8 60 8
if [ -n "${LONG:-}" ]; then
    SPACE_KB=1000000
    check "bench_journal: 210,000 visits" use bench_journal 300 700
    printf '# %s (ms, kB)\n' "$(cat "$WORK/check.out")"
    check "bench_sync: 210,000 visits" use bench_sync 300 700
    printf '# %s (ms, kB)\n' "$(cat "$WORK/check.out")"
fi
finish
