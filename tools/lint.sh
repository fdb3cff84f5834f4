#!/bin/sh
# usage: lint.sh: what a machine can check of the house style; ends in "N passed, N failed".
set -u
passed=0 failed=0
table=$(mktemp)
trap 'rm -f "$table"' EXIT

# A check fails when it prints anything.
finds_nothing() {
    name=$1
    shift
    found=$("$@" 2>&1)
    if [ -z "$found" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf -- '-- %s\n%s\n' "$name" "$found"
    fi
}

sources() { git ls-files --cached --others --exclude-standard -- '*.c' '*.h'; }

whitespace() { git grep --untracked -nIE '[ 	]+$' -- '*.c' '*.h' '*.sh' '*.sql' '*.json' Makefile; }

tabs() { git grep --untracked -nIE '^ *	' -- '*.c' '*.h' '*.sh'; }

banned() {
    git grep --untracked -nIE \
        '(^|[^a-zA-Z0-9_>."])(sprintf|vsprintf|strcpy|strcat|strtok|atoi|atol|gets|alloca)[ ]*\(' \
        -- '*.c' '*.h'
}

unfinished() { git grep --untracked -nIE '\b(TOD[O]|FIXM[E]|XX[X]|HAC[K])\b' -- '*.c' '*.h' '*.sh' '*.js'; }

# Spelt with brackets so that this file does not find itself.
machine_paths() {
    git grep --untracked -nIE '/(wor[k]|far[m]|roo[t]|hom[e])/[a-z.]+' -- . ':!LICENSE'
    git grep --untracked -nIE \
        '(deb\.debia[n]|registr[y]\.npmjs|crates\.i[o]|pypi\.or[g]|proxy\.golan[g])' -- .
}

# cites NUMBER TEST...: one of them has failure_NUMBER in its name, or in its script.
cites() {
    word=failure_$(printf %02d "$1")
    shift
    for test; do
        case $test in
        *:"$word"_*) return 0 ;;
        e2e/*) grep -qs "$word" "tests/$test.sh" && return 0 ;;
        esac
    done
    return 1
}

# The table of tests/README.md: every number has a test that cites it, and what is named is there.
failures() {
    sed -n '/^## The eighteen failures/,/^## T/p' tests/README.md | grep '^| [0-9]' >"$table"
    for number in $(seq 18); do
        # shellcheck disable=SC2046
        cites "$number" $(grep "^| $number | " "$table" | grep -o '`[^`]*`' | tr -d '`') ||
            echo "failure $number has no test that cites it"
    done
    grep -o '`[^`]*`' "$table" | tr -d '`' | while read -r test; do
        case $test in
        e2e/*) [ -f "tests/$test.sh" ] ;;
        *) grep -q "^${test#*:}(void \*\*state)" "tests/unit/${test%%:*}.c" ;;
        esac || echo "no test $test"
    done
}

job_line() {
    sources | while read -r file; do
        case $(head -n 1 "$file") in '/* '*) ;; *) echo "$file: line 1 does not state its job" ;; esac
    done
}

# What the simulator compares the engine with knows nothing of it.
model_includes() {
    git grep --untracked -nE '^ *# *include "' -- 'tests/sim/model*.[ch]' | grep -v '"tests/sim/model'
}

# `file: name` in docs/MERGE.md is a test of tests/unit/test_FILE.c; a `*` ends its beginning.
merge_tests() {
    grep -oE '`[a-z0-9_]+: [a-z0-9_]*\*?`' docs/MERGE.md | tr -d '`' | while IFS=': ' read -r file name; do
        grep -qs "^${name%\*}.*(void \*\*state)" "tests/unit/test_$file.c" || echo "docs/MERGE.md: no test $file: $name"
    done
}

# Every migration has its heading in docs/STORE.md, and every table that it makes is named there.
migrations() {
    for file in core/schema/*.sql; do
        grep -q "^### ${file##*/}" docs/STORE.md || echo "docs/STORE.md: no heading ${file##*/}"
        grep -oE '^CREATE TABLE (IF NOT EXISTS )?[a-z_]+' "$file" | while read -r line; do
            grep -q "${line##* }" docs/STORE.md || echo "docs/STORE.md: no table ${line##* } of ${file##*/}"
        done
    done
}

finds_nothing "migrations without their place in docs/STORE.md" migrations
finds_nothing "the model includes no header of the engine" model_includes
finds_nothing "tests that docs/MERGE.md names" merge_tests
finds_nothing "rooms and homes" tools/layers.sh
finds_nothing "whitespace at the end of a line" whitespace
finds_nothing "tabs" tabs
finds_nothing "banned functions" banned
finds_nothing "unfinished work" unfinished
finds_nothing "machine paths and registry hosts" machine_paths
finds_nothing "line 1 states the job" job_line
finds_nothing "failures without a test" failures
finds_nothing "messages without a translation" tools/messages.sh check
sources | xargs awk -f tools/lengths.awk
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
