#!/bin/sh
# usage: prove.sh WORD: builds and runs what shows one promise of the sync engine, and nothing else. Without a word: which there
# are. Those that count end in "N passed, N failed"; SEEDS, START, SECS and JOBS are those of `make sim` and `make fuzz`. Of `world`
# MODE_SEEDS is how many each mode of the simulator runs, STEP_SEEDS of how many seeds each EVERY-th step is cut.
set -u
MAKE=${MAKE:-make}
passed=0 failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

build() {
    flavour=$1
    shift
    $MAKE --no-print-directory -s FLAVOUR="$flavour" "$@" || exit 1
}

# Its last line is "N passed, N failed"; what failed is shown.
counted() {
    name=$1
    shift
    status=0
    "$@" >"$log" 2>&1 || { status=$?; cat "$log"; }
    line=$(tail -n 1 "$log" | sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p')
    [ -n "$line" ] || line="0 1"
    [ "$status" -eq 0 ] || [ "${line#* }" -gt 0 ] || line="${line% *} 1" # it failed and says that nothing did
    passed=$((passed + ${line% *})) failed=$((failed + ${line#* }))
    echo "$name: ${line% *} passed, ${line#* } failed"
}

# The unit tests of the files whose names hold one of the words; what another of the words brings anyway is run once.
units() {
    for word; do
        for other; do
            case $word in "$other") ;; *"$other"*) continue 2 ;; esac
        done
        build debug T="$word" units
        counted "unit tests of $word" env T="$word" tools/run-units.sh build/debug
    done
}

scripts() {
    build debug all tools
    for script; do counted "$script" "tests/e2e/$script.sh"; done
}

# Figures that a benchmark printed, beside what is asked of them.
limits() {
    lines=$1
    shift
    tools/limits.py "$@" <"$lines"
}

world() {
    build debug build/debug/sim
    counted "seeds" build/debug/sim --seeds "${SEEDS:-$1}" --start "${START:-1}" --jobs "${JOBS:-2}"
}

# Each way of the simulator to do one thing all the time, and a cut at the steps of a few seeds, one after the other.
modes() {
    build debug build/debug/sim
    for mode in lying putback returning carrying copying crashy; do
        counted "seeds, $mode" build/debug/sim "--$mode" --seeds "${MODE_SEEDS:-5000}" --start "${START:-1}" --jobs "${JOBS:-2}"
    done
    for seed in $(seq "${START:-1}" $((${START:-1} + ${STEP_SEEDS:-10} - 1))); do
        counted "steps of seed $seed" build/debug/sim --steps "${EVERY:-1}" --start "$seed"
    done
}

# The files of tests/unit that docs/MERGE.md cites, and what people see of it.
merging() {
    # shellcheck disable=SC2016,SC2046
    units $(grep -oE '`[a-z0-9_]+: [a-z0-9_]*\*?`' docs/MERGE.md | sed 's/^`//; s/:.*//' | sort -u) rules news
    scripts conflicts many_versions
}

# The tests that the table of tests/README.md names.
named_failures() {
    export LONG=1 # what is cut down to a sample in `make test` runs whole
    sed -n '/^## The eighteen failures/,/^## T/p' tests/README.md | grep '^| [0-9]' | grep -o '`[^`]*`' | tr -d '`' >"$log.names"
    # shellcheck disable=SC2046
    units $(sed -n 's/^test_\([a-z_0-9]*\):.*/\1/p' "$log.names" | sort -u)
    build release benches
    others
    # shellcheck disable=SC2046
    scripts $(sed -n 's|^e2e/||p' "$log.names" | sort -u)
    rm -f "$log.names"
}

# The simulator by every compiler, and the programs of before and after this one.
others() {
    for flavour in gcc0 release clang0 clang2; do build $flavour build/$flavour/sim build/$flavour/tests/tools/large; done
    for age in last next; do build $age build/$age/baken build/$age/skew; done
    build debug build/debug/skew
}

case ${1:-} in
merge) merging ;;
world) others && world 100000 && modes && scripts same_trace ;;
faults)
    build broken build/broken/sim
    counted "faults built in" build/broken/sim --selftest
    ;;
failures) named_failures ;;
status) units status sight && scripts status cli_json && world 1000 ;;
bundles) units bundle carried && scripts bundle carried_cover ;;
absence)
    units long_absence first_sync
    build release benches
    build/release/tests/bench/bench_sync >"$log.lines" || failed=$((failed + 1))
    cat "$log.lines"
    counted "first sync" limits "$log.lines" join_and_first_sync first_sync_http
    rm -f "$log.lines"
    ;;
skew) units golden wire && others && scripts skew golden_body golden_store golden_token golden_wire ;;
speed)
    "$MAKE" bench || failed=$((failed + 1))
    "$MAKE" plots
    if limits build/release/bench.jsonl; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
    ;;
fuzz) SECS=${SECS:-800} JOBS=${JOBS:-2} exec "$MAKE" fuzz ;;
*)
    echo "usage: make prove POINT=merge|world|faults|failures|status|bundles|absence|skew|speed|fuzz; see tests/README.md" >&2
    exit 2
    ;;
esac
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
