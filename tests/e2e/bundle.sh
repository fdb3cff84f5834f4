#!/bin/bash
# Two devices that never meet their server again exchange work by sealed files, both ways: twice, in another
# order, and with files that are not for them, altered, cut or of another team.
. "$(dirname "$0")/lib.sh"

set_up() {
    server_start
    team_create anna Anna && device_join anna fatma Fatma coach && device_join anna joris Joris coach || return
    as anna family add Duin && as anna family assign duin Fatma && as anna family add Berk || return
    as anna goal add duin --text "Up at seven." || return
    as anna sync && as fatma sync && as joris sync && as fatma goal list duin | grep -q "Up at seven"
}
set_up >"$WORK/set_up.out" 2>&1 || give_up "the team is set up" "$(tail -n 5 "$WORK/set_up.out")"
server_stop

# to DEVICE FROM FILE: exports.
to() { as "$2" bundle export --for "$1" --output "$WORK/$3"; }
import() { as "$1" bundle import "$WORK/$2" "${@:3}"; }
# What a device shows of the families that both have, and what it still has to do with it.
picture() {
    as "$1" visit list duin --all --json | json visits
    as "$1" goal list duin --all --json | json goals
    as "$1" agreement list duin --json | json agreements
    as "$1" conflicts --json | json conflicts
}
times() { as "$1" visit list duin --all --json | grep -oF -- "\"note\":\"$2\"" | wc -l; }
received() { sed -n 's/^Received (sealed packets) *//p' "$WORK/check.out"; }

# ---- both ways
check "a visit on the first device" as anna visit add duin --text "First of Anna."
check "a visit on the second" as fatma visit add duin --text "First of Fatma."
check "a bundle" to fatma anna a1
check_equal "its mode is that of a secret" 600 "$(stat -c %a "$WORK/a1")"
# traced NAME WORDS ...: the files that it flushes, into $WORK/trace. Who is traced cannot be searched for leaks.
traced() {
    ASAN_OPTIONS=detect_leaks=0 BAKEN_HOME=$WORK/$1 BAKEN_PASSPHRASE_FILE=$WORK/$1.passphrase XDG_STATE_HOME=$WORK/state \
        strace -f -y -e trace=fsync -o "$WORK/trace" "$BAKEN" "${@:2}" --no-input
}
check "a bundle is written under another name" traced anna bundle export --for fatma --output "$WORK/a1 again"
check_equal "a power cut takes neither it nor its name" "$(grep -o "<$WORK\(/a1 again\)\?>" "$WORK/trace")" \
    "$(printf '%s\n' "<$WORK/a1 again>" "<$WORK>")"
# on_full_stick WORDS ...: with a disk at $WORK/stick that takes one page.
on_full_stick() {
    BAKEN_HOME=$WORK/anna BAKEN_PASSPHRASE_FILE=$WORK/anna.passphrase XDG_STATE_HOME=$WORK/state BAKEN=$BAKEN STICK=$WORK/stick \
        unshare -rm sh -c 'mount -t tmpfs -o size=4k tmpfs "$STICK" && "$BAKEN" "$@" --no-input
            status=$?; ls "$STICK"; exit $status' - "$@"
}
mkdir "$WORK/stick"
check_exit "a stick without room is told as that" 17 "cannot be written: .*make room" \
    on_full_stick bundle export --for fatma --output "$WORK/stick/a1"
check_equal "and no half of it stays" "" "$(cat "$WORK/check.out")"
check_equal "no words can be read in it" 0 "$(grep -acE 'First of Anna|Duin|Up at' "$WORK/a1")"
check "a bundle back" to anna fatma f1
own=$(as fatma status --json | json entries_unsent)
check "the second takes it in" import fatma a1
check_equal "which sends nothing" 0 "$(grep -c '^Sent' "$WORK/check.out")"
check_equal "with something new" yes "$([ "$(received)" -gt 0 ] && echo yes)"
check_equal "what it brought is not counted as its own" "$own" "$(as fatma status --json | json entries_unsent)"
check "but as carried" test "$(as fatma status --json | json entries_carried)" -gt 0
check_says "and said so" "Of colleagues, received by bundle: [1-9]" as fatma status
check "the first takes its own in" import anna f1
check_equal "Anna's visit is at Fatma once" 1 "$(times fatma "First of Anna.")"
check_equal "Fatma's visit is at Anna once" 1 "$(times anna "First of Fatma.")"
check_equal "both see the same" "$(picture anna)" "$(picture fatma)"

# ---- twice
before=$(picture fatma)
check "the same bundle again" import fatma a1
check_equal "brings nothing" 0 "$(received)"
check_equal "and changes nothing" "$before" "$(picture fatma)"

# ---- in another order, with gaps between
for n in 2 3 4; do
    as anna visit add duin --text "Number $n." >/dev/null 2>&1
    check "bundle $n" to fatma anna "a$n"
done
for n in 4 2 3; do check "bundle $n of four, out of order" import fatma a$n; done
for n in 2 3 4; do check_equal "visit $n is there once" 1 "$(times fatma "Number $n.")"; done
check_equal "both see the same again" "$(picture anna)" "$(picture fatma)"
before=$(picture fatma)
for n in 1 3 4 2; do import fatma a$n >/dev/null || not_ok "bundle $n once more"; done
check_equal "all of them once more change nothing" "$before" "$(picture fatma)"

# ---- two versions, made apart
goal=$(as anna goal list duin --json | json goals.0.id)
check "the goal, on the first" as anna goal edit "$goal" --text "Up at six."
check "the goal, on the second" as fatma goal edit "$goal" --text "Up at eight."
to fatma anna a5 >/dev/null && to anna fatma f5 >/dev/null || not_ok "bundles with both versions"
check "the second sees the first's" import fatma a5
check "the first sees the second's" import anna f5
check_equal "both show both versions" "$(as anna conflicts --json | json conflicts.0.versions | grep -oE 'Up at (six|eight)' | sort)" \
    "$(as fatma conflicts --json | json conflicts.0.versions | grep -oE 'Up at (six|eight)' | sort)"
conflict=$(as fatma conflicts --json | json conflicts.0.id)
check "a person chooses" as fatma resolve "$conflict" --token "$(as fatma conflicts --json | json conflicts.0.token)" --take both
to anna fatma f6 >/dev/null
check "the choice travels" import anna f6
check_equal "nothing has two versions" "[]" "$(as anna conflicts --json | json conflicts)"
check_equal "both see the same after the choice" "$(picture anna)" "$(picture fatma)"

# ---- what is refused: a sentence, a code, and nothing changed
as anna visit add duin --text "Not for everybody." >/dev/null 2>&1
to fatma anna a7 >/dev/null || not_ok "a bundle to spoil"
before=$(picture fatma) before_joris=$(as joris family list)
as anna visit add duin --text "Not sealed for nothing." >/dev/null 2>&1
check_exit "a file that exists is not written over" 13 "exists|made" to fatma anna a7
check_exit "nor is there one in a directory that is not there" 4 "directory" to fatma anna none/a7
check_equal "and nothing was sealed for them" 2 "$(as anna status --json | json saves_unsealed)"
check_exit "a device that is not there" 4 "no device" to nobody anna a8
check "a device by the beginning of its label" to Fat anna by_beginning
check_exit "a bundle for another device" 8 "for another device; nothing was changed" import joris a7
check_exit "one's own bundle" 8 "for another device; nothing was changed" import anna a7
size=$(stat -c %s "$WORK/a7")
for cut in 0 5 60 $((size / 2)) $((size - 1)); do
    head -c "$cut" "$WORK/a7" >"$WORK/cut"
    check_exit "a bundle cut at $cut" 3 "not whole, ask for it again: .*nothing was changed" import fatma cut
done
# altered AT: the byte there is another.
altered() {
    cp "$WORK/a7" "$WORK/altered"
    local old
    old=$(od -An -tu1 -j "$1" -N 1 "$WORK/a7" | tr -d ' ')
    # shellcheck disable=SC2059
    printf "$(printf '\\%03o' $(((old + 1) % 256)))" | dd of="$WORK/altered" bs=1 seek="$1" conv=notrunc 2>/dev/null
}
altered 90
check_exit "a bundle altered in its head" 15 "signature of the bundle does not hold; nothing of it was taken over.*; copy it again, or ask who wrote it" \
    import fatma altered
altered $((size / 2))
check_exit "a bundle altered in its middle" 15 "signature of the bundle does not hold; nothing of it was taken over" import fatma altered
altered $((size - 1))
check_exit "a bundle altered in its signature" 15 "signature of the bundle does not hold; nothing of it was taken over" import fatma altered
altered 0
check_exit "no bundle at all" 3 "not a bundle.*nothing was changed" import fatma altered
altered 8
check_exit "a bundle of a later format" 16 "newer program.*nothing was changed" import fatma altered
altered 20
check_exit "a bundle of another team" 8 "another team; nothing was changed" import fatma altered
altered 45
check_exit "a bundle of an unknown sender" 14 "sender is not known" import fatma altered
{ cat "$WORK/a7"; echo; } >"$WORK/longer"
check_exit "a bundle with something behind it" 3 "nothing was changed" import fatma longer
check_exit "a file that is not there" 4 "cannot be read" import fatma none
check_exit "a directory" 18 "" import fatma server
: | cat >"$WORK/empty"
check_exit "an empty file" 3 "not a bundle" import fatma empty
mkfifo "$WORK/pipe"
check_exit "a pipe that nobody writes to" 18 "nobody writes to it" timeout 30 "$BAKEN" --store "$WORK/fatma" bundle import "$WORK/pipe"
check_exit "a device that never ends" 12 "larger than.*nothing was changed; ask who wrote it" import fatma ../../../../../../../../dev/zero
: >"$WORK/no passphrase"
check_exit "an empty passphrase is no fault of the file" 3 "passphrase is empty; nothing was changed; correct it" \
    import fatma a1 --passphrase-file "$WORK/no passphrase"
truncate -s 300M "$WORK/huge"
check_exit "a file that is too large" 12 "larger than.*nothing was changed; ask who wrote it" import fatma huge
ln -s "$WORK/nowhere" "$WORK/dangling" && ln -s "$WORK/loop" "$WORK/loop"
check_exit "a link to nothing" 4 "cannot be read" import fatma dangling
check_exit "a link to itself" 18 "cannot be read" import fatma loop
check_exit "a bundle is not written through a link" 13 "exists|made" to fatma anna dangling
check_equal "and nothing is where it led" no "$([ -e "$WORK/nowhere" ] && echo yes || echo no)"
check_exit "nor into a pipe" 13 "exists|made" to fatma anna pipe
check_equal "none of them changed anything" "$before" "$(picture fatma)"
check_equal "nor at the third device" "$before_joris" "$(as joris family list)"
# While it is read the file is exchanged, and written over: the one or the other is taken, or nothing.
cp "$WORK/a1" "$WORK/swapped"
(for _ in $(seq 300); do
    cp "$WORK/altered" "$WORK/next" && mv "$WORK/next" "$WORK/swapped"
    cp "$WORK/a1" "$WORK/swapped"
done) &
swapper=$!
for _ in 1 2 3 4 5; do
    import fatma swapped >/dev/null 2>"$WORK/swap.err" || grep -qE "nothing (was changed|of it was taken over)" "$WORK/swap.err" || not_ok "a file that is exchanged"
done
wait $swapper
check_equal "a file that is exchanged changes nothing but by what it brings" "$before" "$(picture fatma)"
check "the right bundle is still taken" import fatma a7
check_equal "and its visit is there" 1 "$(times fatma "Not for everybody.")"

# ---- what the team decided meanwhile travels too, with the server's word on it
server_start
check "a colleague gets the other family" as anna family assign berk Fatma
check "and another is let in to the first" as anna family assign duin Joris
server_stop
check "a visit that rests on it" as anna visit add duin --text "After the decisions."
check "a bundle with the decisions" to fatma anna a8
check "is taken" import fatma a8
check_equal "nothing is too late" "" "$(grep -E '^Too late' "$WORK/check.out")"
check_equal "the visit is there" 1 "$(times fatma "After the decisions.")"
check_equal "no key is waited for: they came with it" "0 " \
    "$(grep -cE '^[1-9][0-9]* sealed packets wait for keys' "$WORK/check.err") $(as fatma status --json | /usr/bin/python3 -c 'import json, sys
print(*{row["reason"] for row in json.load(sys.stdin)["parked"]})')"
check_says "the other family is shown, without a server" Berk as fatma family show berk
to joris fatma f8 >/dev/null || not_ok "a bundle from who got them by bundle"
check "who got them by bundle passes them on" test "$(import joris f8 --json | json report.ledger_lines)" -gt 0

# ---- a bundle for who was let in meanwhile, and heard nothing of it
to joris anna a9 >"$WORK/check.out" || not_ok "a bundle for a colleague of other families"
check "is taken" import joris a9
check_says "and brings the family with its keys" "After the decisions" as joris visit list duin

# ---- the server is back: nothing is sent twice, nothing is lost
server_start
for device in anna fatma anna joris; do check "sync of $device" as $device sync; done
check_equal "both see the same with a server" "$(picture anna)" "$(picture fatma)"
for text in "First of Anna." "First of Fatma." "Number 2." "Number 3." "Number 4." "Not for everybody."; do
    check_equal "once at both: $text" "1 1" "$(times anna "$text") $(times fatma "$text")"
done
check_says "the server has it all" "The server has everything" as anna status
check_equal "nothing is carried or waits any more" "0 0" \
    "$(as fatma status --json | json entries_carried) $(as fatma status --json | json parked_count)"
check_says "the other family has come" Berk as fatma family show berk
check "doctor, the first" as anna doctor
check "doctor, the second" as fatma doctor
server_stop
check_says "the depot is whole" "entries" "$BAKEND" check --dir "$WORK/server"
finish
