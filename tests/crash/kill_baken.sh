#!/bin/bash
# usage: [ROUNDS=20] kill_baken.sh: three processes at once save visits in one store and are ended by kill -9 at random moments. Every
# visit that was answered is there afterwards, and doctor finds nothing.
. "$(dirname "$0")/../e2e/lib.sh"

ROUNDS=${ROUNDS:-20}
WRITERS=3
EACH=100 # rounds in one family, whose list is looked through then
SEED=${SEED:-1}
RANDOM=$SEED
lost=0 acknowledged=0 sent=0

look() {
    local family=$1
    as anna visit list "$family" --limit 1000 --json >"$WORK/listed" 2>/dev/null
    while read -r line; do
        grep -qF "\"$line\"" "$WORK/listed" || { lost=$((lost + 1)); echo "lost: $line"; }
    done <"$WORK/acknowledged"
    : >"$WORK/acknowledged"
    check "doctor finds nothing after $sent visits, $acknowledged of them answered" as anna doctor
}

server_start
team_create anna Anna >/dev/null 2>&1 || give_up "a team is made"
as anna family add fam0 >/dev/null 2>&1 || give_up "a family is made"
as anna sync >/dev/null 2>&1
: >"$WORK/acknowledged"
exec 2>/dev/null # the shell tells of every process that was killed
# How long one save takes here, in microseconds.
began=$(date +%s%N)
for _ in 1 2 3; do as anna visit add fam0 --text "to its end" --json >/dev/null 2>&1; done
took=$((($(date +%s%N) - began) / 3000 + 1))
family=fam0
for round in $(seq "$ROUNDS"); do
    pids=()
    for writer in $(seq $WRITERS); do
        : >"$WORK/out.$writer"
        as_alone anna visit add "$family" --text "round $round writer $writer" --json >"$WORK/out.$writer" 2>/dev/null &
        pids+=($!)
    done
    # From at once to long after the last of them: each waits for the one before.
    for pid in "${pids[@]}"; do
        sleep "$(awk -v us=$((took * (RANDOM % 100) / 60)) 'BEGIN { print us / 1000000 }')"
        kill -9 "$pid" 2>/dev/null
    done
    wait "${pids[@]}" 2>/dev/null
    for writer in $(seq $WRITERS); do
        sent=$((sent + 1))
        if grep -q '"visit".*}' "$WORK/out.$writer"; then
            acknowledged=$((acknowledged + 1))
            echo "round $round writer $writer" >>"$WORK/acknowledged"
        fi
    done
    if [ $((round % EACH)) -eq 0 ] && [ "$round" -lt "$ROUNDS" ]; then
        look "$family"
        family=fam$((round / EACH))
        as anna family add "$family" >/dev/null 2>&1 || give_up "a family is made"
    fi
done
look "$family"
echo "seed $SEED: $ROUNDS rounds, $sent processes killed, $acknowledged had answered"
check_equal "every answered visit is there" "$lost" 0
check "some had answered and some not" test "$acknowledged" -ge $((ROUNDS / 10)) -a "$acknowledged" -lt "$sent"
finish
