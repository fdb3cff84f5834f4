#!/bin/sh
# usage: [T=word] run-tests.sh: everything that can fail, from the root of the repository. The last
# line sums all runners: "N passed, N failed". With T only the matching unit tests run.
set -u
MAKE=${MAKE:-make}
passed=0 failed=0 took='' last=$(date +%s)
# In memory, where there is room: on a disk most of the time goes to flushes, and no test here can tell whether one was made
# (tests/crash/power cuts the power of a disk of its own; e2e/disk_real makes real disks).
scratch=
if [ -z "${TMPDIR:-}" ] && [ "$(df --output=avail -k /dev/shm 2>/dev/null | tail -n 1)" -gt $((6 * 1024 * 1024)) ] 2>/dev/null; then
    scratch=$(mktemp -d /dev/shm/tests.XXXXXX) && chmod 755 "$scratch" || exit 1 # an ordinary user works there too
    export TMPDIR="$scratch"
fi
log=$(mktemp) aside=$(mktemp) scripts=$(mktemp -d)
trap 'rm -rf "$log" "$aside" "$scripts" ${scratch:+"$scratch"}' EXIT

# A step that counts for itself: its last line is "N passed, N failed".
counted() {
    name=$1
    shift
    "$@" >"$log" 2>&1
    status=$?
    line=$(tail -n 1 "$log")
    ok=$(echo "$line" | sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1/p')
    bad=$(echo "$line" | sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\2/p')
    : "${ok:=0}"
    if [ -z "$bad" ]; then bad=1; fi
    if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
    report
}

# A step that is one check: it passes when its status is 0.
check() {
    name=$1
    shift
    if "$@" >"$log" 2>&1; then ok=1 bad=0; else ok=0 bad=1; fi
    report
}

# The seconds since the step before; of scripts that ran beside others what each took itself.
report() {
    passed=$((passed + ok)) failed=$((failed + bad)) now=$(date +%s)
    if [ "$bad" -gt 0 ]; then cat "$log"; fi
    printf '%-44s %6d passed %4d failed %5d s\n' "$name" "$ok" "$bad" "${took:-$((now - last))}"
    last=$now
}

# end_to_end BUILD LABEL SCRIPT ...: two at a time, for they wait more than they compute.
end_to_end() {
    programs=$1 label=$2
    shift 2
    # shellcheck disable=SC2016 # the words are the inner shell's
    printf '%s\n' "$@" | BAKEN_BUILD=$programs xargs -P 2 -I '{}' sh -c 'began=$(date +%s)
        tests/e2e/"$1".sh >"$2/$1" 2>&1
        echo $? $(($(date +%s) - began)) >"$2/$1.end"' one '{}' "$scripts"
    for name in "$@"; do
        status=1 took=0
        read -r status took <"$scripts/$name.end"
        # shellcheck disable=SC2016 # by the inner shell
        counted "$name$label" sh -c 'cat "$1"; exit "$2"' said "$scripts/$name" "$status"
    done
    took=''
}

# Each alone: day and demo_user look at what is in everybody's places; the disk that disk_real unmounts would live on in a mount
# namespace that another script makes meanwhile.
ALONE='day demo_user disk_real'
# Once more under the sanitizers: all that need neither a library loaded before nor a build of their own. What a tracer runs is not
# searched for leaks.
SANITIZED='after_cover bundle cable_out carried_cover cli_errors cli_json cli_terminal conflicts demo disk golden_body golden_store golden_token
    golden_wire http_hostile invitations ledger_restored lost_laptop many_versions nginx push_killed recovery scale server_restored status tls'

all_scripts() {
    shared=
    for script in tests/e2e/*.sh; do
        name=$(basename "$script" .sh)
        case " lib $ALONE " in *" $name "*) ;; *) shared="$shared $name" ;; esac
    done
    # shellcheck disable=SC2086 # names of ours, by blanks
    end_to_end build/debug '' $shared
    for name in $ALONE; do
        counted "$name" tests/e2e/"$name".sh
    done
    # shellcheck disable=SC2086
    end_to_end build/asan ', sanitized' $SANITIZED
}

build() {
    flavour=$1
    shift
    $MAKE --no-print-directory -s FLAVOUR="$flavour" T="${T:-}" "$@"
}

check "build with gcc" build debug all units tools
counted "unit tests" tools/run-units.sh build/debug
if [ -z "${T:-}" ]; then
    check "build with clang" build clang all units fuzzers tools crashes
    check "build for users" build release all
    check "build with the sanitizers" build asan all units fuzzers tools
    check "build of the engine with faults" build broken build/broken/sim
    build/broken/sim --selftest >"$aside" 2>&1 & # one process for minutes, beside the next step
    counted "unit tests under the sanitizers" tools/run-units.sh build/asan
    wait
    counted "simulator finds built-in faults" cat "$aside"
    for fuzzer in tests/fuzz/fuzz_*.c; do
        [ -f "$fuzzer" ] || continue
        name=$(basename "$fuzzer" .c)
        set -- tests/fuzz/corpus/"${name#fuzz_}"/*
        [ -f "$1" ] || { echo "$name has no corpus" >&2; failed=$((failed + 1)); continue; }
        check "$name replays $# inputs" build/asan/tests/fuzz/"$name" "$@"
    done
    check "build of the simulator" build debug build/debug/sim
    counted "simulator" build/debug/sim --seeds 1000 --jobs 2
    counted "simulator, cut at steps, a sample" build/debug/sim --start 12 --steps 9
    check "build of the crash programs" build debug crashes
    counted "power cuts, a sample" build/debug/tests/crash/power --points 800 --jobs 2
    counted "three writers killed, a sample" build/debug/tests/crash/kill --rounds 20
    counted "kill -9 of commands, a sample" env ROUNDS=20 tests/crash/kill_baken.sh
    check "build of the program of failures" build asan build/asan/faults
    counted "failures, a sample" build/asan/faults --sample 4
    check "build of the control, with no cipher" build control all
    check "build of the server that lies" build lies build/lies/bakend
    check "build of the last program" build last build/last/baken build/last/skew
    check "build of the next program" build next build/next/baken build/next/skew
    check "build of what looks into all three" build debug build/debug/skew
    for flavour in gcc0 release clang0 clang2; do
        check "build of the simulator, $flavour" build $flavour build/$flavour/sim build/$flavour/tests/tools/large
    done
    check "build of the benchmarks" build release benches
    all_scripts
    counted "lint" tools/lint.sh
fi

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
