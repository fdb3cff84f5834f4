#!/bin/bash
# `baken doctor --rescue` that is killed at any moment, or whose disk is full: the old store is as it was, the new directory is there whole or not
# at all, what was begun has a name that says so, and a second run says it and begins anew. At last a colleague has everything once.
. "$(dirname "$0")/lib.sh"

LIBRARY=$BUILD/bakenvfs
SEED=${SEED:-$$}
KILLS=4
RANDOM=$SEED
unset SQLITE_HISTORY
command -v sqlite3 >/dev/null || give_up "sqlite3, which says where a table begins, is there"
# shellcheck disable=SC2329
detach() {
    mountpoint -q "$WORK/memory" && umount -l "$WORK/memory"
    cleanup
}
trap detach EXIT
root() { if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi; }
sums() { (cd "$1" && find . -type f ! -name lock -exec cksum {} + | sort); }
fresh() { BAKEN_HOME=$WORK/fresh BAKEN_PASSPHRASE_FILE=$WORK/anna.passphrase XDG_STATE_HOME=$WORK/state "$BAKEN" "$@" --no-input; }
# A look into one of several rescued stores, which is not counted as an opening of the one that goes on.
peek() { rm -rf "$WORK/peek" && cp -r "$WORK/state" "$WORK/peek" && BAKEN_HOME=$1 BAKEN_PASSPHRASE_FILE=$WORK/anna.passphrase XDG_STATE_HOME=$WORK/peek "$BAKEN" visit list duin --json --no-input; }
half_made() { compgen -G "$1.rescuing-*" >/dev/null; }

server_start
team_create anna Anna >/dev/null 2>&1 || give_up "a team is made"
device_join anna fatma Fatma coach >/dev/null 2>&1 || give_up "a second device joins"
as anna family add Duin >/dev/null 2>&1 && as anna family assign duin Fatma >/dev/null 2>&1 || give_up "a family is shared"
as anna visit add duin --text "verzonden-1" >/dev/null 2>&1
as anna sync >/dev/null 2>&1
for i in 1 2 3 4 5; do as anna visit add duin --text "wacht-$i" >/dev/null 2>&1; done
as fatma sync >/dev/null 2>&1
page=$(printf "%s\n" ".load '$LIBRARY'" ".open 'file:$WORK/anna/store.db?vfs=baken&mode=ro'" "SELECT rootpage FROM sqlite_schema WHERE name = 'sync_outbox';" |
    BAKEN_HOME=$WORK/anna BAKEN_PASSPHRASE_FILE=$WORK/anna.passphrase XDG_STATE_HOME=$WORK/state sqlite3 -batch -bail 2>/dev/null)
printf 'xyz' | dd of="$WORK/anna/store.db" bs=1 seek=$(((page - 1) * 4096 + 100)) conv=notrunc 2>/dev/null
before=$(sums "$WORK/anna")

# ---- killed
begun=$(date +%s%N)
check "a rescue that nothing stops" as anna doctor --rescue "$WORK/fresh"
took=$((($(date +%s%N) - begun) / 1000))
rm -r "$WORK/fresh"
whole=0 halves=0 spared=0 bad=
for i in $(seq $KILLS); do
    as_alone anna doctor --rescue "$WORK/fresh" >/dev/null 2>&1 &
    pid=$!
    if [ "$i" -eq 1 ]; then # once for certain in the midst
        until half_made "$WORK/fresh" || ! kill -0 $pid 2>/dev/null; do :; done
    else
        moment=$((RANDOM * took / 32768))
        sleep "$(printf '%d.%06d' $((moment / 1000000)) $((moment % 1000000)))"
    fi
    kill -9 $pid 2>/dev/null
    wait $pid 2>/dev/null
    [ "$(sums "$WORK/anna")" = "$before" ] || bad="$bad, kill $i: the old store changed"
    half_made "$WORK/fresh" && halves=$((halves + 1))
    if [ -e "$WORK/fresh" ]; then
        whole=$((whole + 1))
        peek "$WORK/fresh" >"$WORK/answer" 2>&1
        [ "$(grep -o 'wacht-[1-5]' "$WORK/answer" | sort -u | wc -l)" -eq 5 ] || bad="$bad, kill $i: a new directory that is not whole"
        rm -r "$WORK/fresh"
    fi
    # The next one is told of what lies there, and is not kept from its work.
    as anna doctor --rescue "$WORK/fresh" --json >"$WORK/answer" 2>"$WORK/answer.err" || bad="$bad, kill $i: the second run: $(cat "$WORK/answer.err")"
    if half_made "$WORK/fresh"; then
        grep -q '"half_rescued"' "$WORK/answer" || bad="$bad, kill $i: nothing is said of the half-made one"
        rm -r "$WORK"/fresh.rescuing-*
    else
        spared=$((spared + 1))
        ! grep -q '"half_rescued"' "$WORK/answer" || bad="$bad, kill $i: told of what is not there"
    fi
    [ "$i" -eq $KILLS ] || rm -r "$WORK/fresh"
done
check_equal "killed $KILLS times in $took us (SEED=$SEED; half-made $halves, whole $whole, before all $spared)" "$bad" ""
check "one was half-made" test "$halves" -ge 1
check "the answer" tests/e2e/validate.py "$WORK/answer"
check "saves were made good from the tables" test "$(json remade <"$WORK/answer")" -ge 5
check_equal "none is lost" "$(json lost <"$WORK/answer")" 0

# ---- a full disk
mkdir -p "$WORK/memory"
if root mount -t tmpfs -o size=16k,mode=777 tmpfs "$WORK/memory" 2>"$WORK/mount.err"; then
    refused=0 code=17
    for size in 16k 64k 256k 512k 1m 4m; do
        root mount -o "remount,size=$size" "$WORK/memory"
        as anna doctor --rescue "$WORK/memory/fresh" >"$WORK/check.out" 2>"$WORK/check.err"
        code=$?
        [ "$code" -eq 17 ] || break
        refused=$((refused + 1))
        check_equal "full at $size: nothing is left" "$(ls "$WORK/memory")" ""
        check_equal "full at $size: one sentence" "$(grep -c 'full.*the old directory is as it was.*[Mm]ake room' "$WORK/check.err")" 1
    done
    check_equal "with room it is done" "$code" 0
    check "it was refused before" test "$refused" -ge 2
    root mount -o remount,size=16m "$WORK/memory"
    check_says "and it is whole" "wacht-5" peek "$WORK/memory/fresh"
    check_equal "the old store is as it was" "$(sums "$WORK/anna")" "$before"
else
    echo "# a full tmpfs is not tried: $(cat "$WORK/mount.err")"
fi

# ---- and goes on
for round in 1 2; do check "it syncs, $round" fresh sync; done
check "the colleague fetches" as fatma sync
for note in verzonden-1 wacht-1 wacht-2 wacht-3 wacht-4 wacht-5; do
    check_equal "$note is there once" "$(as fatma visit list duin --all --json | grep -o "$note" | wc -l)" 1
done
check "it is whole" fresh doctor
finish
