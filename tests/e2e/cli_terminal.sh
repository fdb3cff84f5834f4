#!/bin/bash
# On a terminal: the passphrase is asked and not shown, colour is used and can be refused, tables fit.
. "$(dirname "$0")/lib.sh"

# terminal ANSWERS COMMAND ...: runs it on a terminal of 60 columns, types ANSWERS (lines) at its questions, and
# prints all that the terminal showed.
terminal() {
    local steps=() answer
    while read -r answer; do
        [ -z "$answer" ] || steps+=(--at '[:?] $' "$answer\n")
    done <<<"$1"
    tests/e2e/terminal.py "${steps[@]}" -- "${@:2}"
}
keys() { tests/e2e/terminal.py "$@"; }

export BAKEN_HOME=$WORK/anna XDG_STATE_HOME=$WORK/state
server_start
check_says "a new passphrase is asked twice" "once more" terminal $'het geheim\nhet geheim' \
    "$BAKEN" team create --server "$SERVER" --code-file "$CODE" --name Anna --roles coach,coordinator
check_equal "it is not shown" "$(grep -c geheim "$WORK/check.out")" 0
echo "het geheim" >"$WORK/first"
check_says "before the first sync nothing is claimed of the server" "No .baken sync. was completed" \
    "$BAKEN" status --passphrase-file "$WORK/first"
check_equal "not even that it has everything" "$(grep -c "The server has" "$WORK/check.out")" 0
check_equal "nor to programs" "$("$BAKEN" status --passphrase-file "$WORK/first" --json | json server_has)" unknown
check_exit "two that differ, three times, make no store" 3 "" terminal $'een\ntwee\neen\ntwee\neen\ntwee' env BAKEN_HOME="$WORK/none" "$BAKEN" \
    team create --server "$SERVER" --code-file "$CODE" --name Anna
check_equal "no store was made" "$(find "$WORK/none" -name keyslots.json 2>/dev/null | wc -l)" 0
check_says "the passphrase is asked" "Passphrase:" terminal "het geheim" "$BAKEN" family add "A family with a code name that is long"
check_equal "it is not shown" "$(grep -c geheim "$WORK/check.out")" 0
check_exit "a wrong one" 7 "" terminal "iets anders" "$BAKEN" family list

# ---- interrupted: exit 130, the terminal as it was, and nothing half done
# interrupted NAME STEPS ... -- COMMAND ...
interrupted() {
    local name=$1
    shift
    check_exit "$name: ends with 130" 130 "" keys "$@"
    check_equal "$name: the terminal echoes" "echo on" "$(tail -n 1 "$WORK/check.out")"
}
interrupted "Ctrl-C at the passphrase" --at 'Passphrase: $' 'het ge\003' -- "$BAKEN" family list
interrupted "kill -INT at the passphrase" --kill 'Passphrase: $' INT -- "$BAKEN" family list
check_exit "kill at the passphrase" 143 "" keys --kill 'Passphrase: $' TERM -- "$BAKEN" family list
check_equal "kill at the passphrase: the terminal echoes" "echo on" "$(tail -n 1 "$WORK/check.out")"
check_exit "Ctrl-D gives up" 7 "" keys --at 'Passphrase: $' '\004' -- "$BAKEN" family list
interrupted "Ctrl-C at a new passphrase" --at 'New passphrase: $' 'een\n' --at 'once more: $' '\003' -- \
    env BAKEN_HOME="$WORK/none" "$BAKEN" team create --server "$SERVER" --code-file "$CODE" --name Anna
check_equal "no store was made" "$(find "$WORK/none" -name keyslots.json 2>/dev/null | wc -l)" 0

check_exit "a long line that is typed is read to its end" 3 "" keys --at 'Invitation: $' "$(printf '%600s' '')nonsense\n" -- "$BAKEN" team join
check_equal "not taken for an empty one" 1 "$(grep -c 'an invitation begins with' "$WORK/check.out")"

check "two that differ and an empty one are asked again" keys --at '^Passphrase: $' 'het geheim\n' --at 'New passphrase: $' 'een\n' \
    --at 'once more: $' 'twee\n' --at 'differ.*New passphrase: $' '\n' --at 'empty.*New passphrase: $' 'het geheim\n' \
    --at 'once more: $' 'het geheim\n' -- "$BAKEN" passphrase change
echo "het geheim" >"$WORK/anna.passphrase"
export BAKEN_PASSPHRASE_FILE=$WORK/anna.passphrase
interrupted "Ctrl-C in the middle of a note" --at 'Ctrl-D on a line of its own' 'half a no\003' -- \
    "$BAKEN" visit add "A family with a code name that is long"
check_equal "nothing was saved" 0 "$("$BAKEN" visit list --json | grep -c '"note"')"

hold anna
interrupted "Ctrl-C while another command holds the store" --at 'getting the store ready [(]1 s[)]' '\003' -- "$BAKEN" family list
check_exit "none in JSON" 6 "" keys -- "$BAKEN" family list --json
check_equal "not a word of it" 0 "$(grep -c 'getting the store ready [(]' "$WORK/check.out")"
check_exit "none when quiet" 6 "" keys -- "$BAKEN" family list --quiet
check_equal "not a word of it either" 0 "$(grep -c 'getting the store ready [(]' "$WORK/check.out")"
check_exit "none in a pipe" 6 "^baken: [^(]*$" "$BAKEN" family list
release

check "a visit is saved" "$BAKEN" visit add "A family with a code name that is long" --text "Before the cut."
kill -STOP "$SERVER_PID"
interrupted "Ctrl-C while the server is slow" --at 'asking the server [(]1 s[)]' '\003' -- "$BAKEN" sync
check_equal "the shell's next line is its own" 1 "$(grep -c '^echo on$' "$WORK/check.out")"
(sleep 5; kill -CONT "$SERVER_PID") &
check_says "a sync that goes on shows progress" 'asking the server [(]1 s[)]' keys -- "$BAKEN" sync
wait $!
check_says "everything was sent" 'The server has everything' "$BAKEN" status
check_equal "the visit is there once" 1 "$("$BAKEN" visit list --json | grep -o '"written_at"' | wc -l)"
check "doctor finds nothing" "$BAKEN" doctor

# ---- progress of what takes long
mkfifo "$WORK/slow"
(exec 3>"$WORK/slow"; sleep 2; echo none >&3) &
check_exit "a bundle from a slow disk shows it is read" 3 "" keys -- "$BAKEN" bundle import "$WORK/slow"
check_equal "it did" 1 "$(grep -c 'reading the file (1 s)' "$WORK/check.out")"
wait $!
mkdir "$WORK/dear"
sed -E 's/"passes": *[0-9]+/"passes":100/; s/"memory_kib": *[0-9]+/"memory_kib":262144/' "$WORK/anna/keyslots.json" \
    >"$WORK/dear/keyslots.json"
interrupted "Ctrl-C while the passphrase is tried" --at 'unlocking the store [(]1 s[)]' '\003' -- \
    "$BAKEN" --store "$WORK/dear" family list
check_equal "the line of progress is gone before the answer" 0 \
    "$(keys -- "$BAKEN" family list | grep -c 'getting the store ready')"

# ---- what a colleague may have written, or a person typed
hostile=$(printf 'Duin\u009b2J\u202ereisnaj\u200b')
check "a code name that steers a terminal" "$BAKEN" family add "$hostile"
# unseen WORDS ...: how many lines of its output on a terminal steer or hide something
unseen() { keys -- "$BAKEN" "$@" | grep -cP '[\x{80}-\x{9f}\x{200b}\x{202e}]'; }
export LC_ALL=C.UTF-8
check_equal "steers none in a table" 0 "$(unseen family list)"
check_equal "nor as JSON" 0 "$(unseen family list --json)"
check_equal "nor the JSON of a failure" 0 "$(unseen family show "no $hostile" --json)"
unset LC_ALL
for typed in "$(printf 'a\xffb')" "$(printf 'x\u00e9%.0s' {1..1000})"; do
    check_equal "a failure that quotes what is no text, or cuts it, is JSON" absent \
        "$("$BAKEN" family show "$typed" --json 2>&1 | json error.code)"
done
check "a code name of two lines" "$BAKEN" family add $'Zee\nCan Fatma see it? yes'
check "and a visit there" "$BAKEN" visit add $'Zee\nCan Fatma see it? yes' --text "By the sea."
check_equal "a name begins no line of its own" "Zee Can Fatma see it? yes" "$("$BAKEN" visit list --json | json visits.0.family.name)"
{ printf 'needle '; head -c 100000 /dev/zero | tr '\0' x; } >"$WORK/long_word"
check "a note with a word of 100,000 letters" "$BAKEN" visit add "A family with a code name that is long" --note-file "$WORK/long_word"
check_says "is found, and cut" "\[needle\] xxx+…" "$BAKEN" search needle
check_says "also by that word" "\[xxx+…" "$BAKEN" search xxxx

check_says "the table fits the terminal" "…" terminal "" "$BAKEN" family list
check_equal "no line is longer" "$(awk 'length($0) > 62' "$WORK/check.out" | wc -l)" 0
check_equal "NO_COLOR is heeded" "$(terminal "" "$BAKEN" family list | grep -c $'\033')" 0
check_equal "colour on a terminal" "$(unset NO_COLOR; TERM=xterm terminal "" "$BAKEN" family list | grep -c $'\033')" 1
check_equal "none on a dumb one" "$(unset NO_COLOR; TERM=dumb terminal "" "$BAKEN" family list | grep -c $'\033')" 0
check_equal "none in a pipe" "$(unset NO_COLOR; TERM=xterm "$BAKEN" family list --no-input | grep -c $'\033')" 0
finish
