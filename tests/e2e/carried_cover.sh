#!/bin/bash
# Leave without a server in reach: cover given, accepted, worked under and answered for by sealed files alone, each command in a network
# of its own where not even `lo` is up. Then the server is met, by the colleague first; another cover is refused, and what was written
# under it is kept.
[ "$(id -u)" -eq 0 ] || exec unshare -r -- "$0" "$@"
. "$(dirname "$0")/lib.sh"

until=$(date -d '+14 days' +%F)
set_up() {
    server_start
    team_create anna Anna && device_join anna fatma Fatma coach && device_join anna joris Joris coach || return
    as anna family add Duin && as anna family add Berk && as anna goal add duin --text "Up at seven." || return
    as anna visit add duin --text "The spare key is with the aunt." || return
    as anna sync && as fatma sync && as joris sync && as anna sync
}
set_up >"$WORK/set_up.out" 2>&1 || give_up "the team is set up" "$(tail -n 5 "$WORK/set_up.out")"
server_stop

# cut DEVICE COMMAND ...: in a network of its own.
cut() {
    local name=$1
    shift
    BAKEN_HOME=$WORK/$name BAKEN_PASSPHRASE_FILE=$WORK/$name.passphrase XDG_STATE_HOME=$WORK/state \
        unshare -n -- "$BAKEN" "$@" --no-input
}
to() { cut "$2" bundle export --for "$1" --output "$WORK/$3"; }
import() { cut "$1" bundle import "$WORK/$2" "${@:3}"; }
picture() {
    cut "$1" visit list duin --all --json | json visits
    cut "$1" goal list duin --all --json | json goals
}

# ---- given, carried, accepted
check_exit "a cover needs the server" 9 "" cut anna cover start duin --person Fatma --until "$until"
check_says "or --carry" "Nothing was sent" cut anna cover start duin --person Fatma --until "$until" --carry
check_equal "and is given by bundle" "given true" "$(cut anna cover list --json | json covers.0.state) $(cut anna cover list --json | json covers.0.carried)"
check "a bundle for the colleague" to fatma anna a1
check_equal "no words can be read in it" 0 "$(grep -acE 'aunt|Duin|Up at' "$WORK/a1")"
check_exit "another device opens nothing" 8 "for another device; nothing was changed" import joris a1
check_exit "the colleague does not know the family" 4 "" cut fatma visit list duin
check "the colleague takes it in" import fatma a1
check_equal "and is told of it" 1 "$(grep -c 'asks you to cover' "$WORK/check.err")"
check_exit "what is not accepted opens nothing" 4 "" cut fatma visit list duin
check_says "accepted without the server" "Import the file that asked you once more" cut fatma cover accept
check_equal "an answer until then says what brings the rest" 1 "$(cut fatma family list 2>&1 | grep -c 'the next bundle of your colleague brings more')"
check "the same file once more" import fatma a1
check_says "the family is there" "with the aunt" cut fatma visit list duin
check_says "and its card" "Up at seven" cut fatma cover card duin
check_equal "of which nothing was cut off" "1 0" \
    "$(grep -c 'the next bundle of your colleague brings more' "$WORK/check.err") $(grep -c 'goes on where it stopped' "$WORK/check.err")"
check_exit "the other family is not" 4 "" cut fatma visit list berk
check_equal "who covers whom" "accepted true" "$(cut fatma cover list --json | json covers.0.state) $(cut fatma cover list --json | json covers.0.carried)"
for who in anna fatma; do check_says "status of $who says that the server does not know it" "1 cover stands by bundle alone" cut $who status; done

# ---- worked under, both ways, twice and in another order
check "a visit by who covers" cut fatma visit add duin --text "Nobody was at home."
check "a bundle back" to anna fatma f1
check "another visit" cut fatma visit add duin --text "The aunt opened."
check "and another bundle" to anna fatma f2
for file in f2 f1 f2; do check "the owner takes $file in" import anna $file; done
check_says "and reads what was done" "The aunt opened" cut anna visit list duin
check_equal "the answer has come" accepted "$(cut anna cover list --json | json covers.0.state)"
check "the owner answers" cut anna goal add duin --text "Key at the neighbours."
check "by bundle" to fatma anna a2
for file in a2 a1 a2; do check "the colleague takes $file in" import fatma $file; done
check_equal "both see the same" "$(picture anna)" "$(picture fatma)"

# ---- the colleague meets the server first; then it is a cover as any other
server_start
as fatma sync --json >"$WORK/synced" 2>/dev/null || not_ok "the colleague syncs"
check_equal "both operations are on the ledger, and the keys are paid" "2 0 0" \
    "$(json report.carried_ordered <"$WORK/synced") $(json report.carried_refused <"$WORK/synced") $(json report.grants_due <"$WORK/synced")"
check_equal "and so it says" cover_ordered "$(json notices.0.code <"$WORK/synced")"
for device in anna joris fatma anna; do check "sync of $device" as $device sync; done
check_equal "and is whole" 0 "$(as fatma family list 2>&1 | grep -c 'may lack something')"
check_equal "it is carried no longer" "accepted false" "$(as anna cover list --json | json covers.0.state) $(as anna cover list --json | json covers.0.carried)"
check_equal "both see the same with a server" "$(picture anna)" "$(picture fatma)"
check_says "the server has it all" "The server has everything" as fatma status
check_equal "the cover too" 0 "$(as fatma status --json | json covers_carried)"
check_equal "nothing waits and nothing is too late" "0 0" "$(as anna status --json | json parked_count) $(as anna status --json | json held_count 2>/dev/null || echo 0)"
cover=$(as anna cover list --json | json covers.0.id)
check "it is ended" as anna cover end "$cover"
check "and the rotation that this owes is paid" as anna sync
check "who covered hears of it" as fatma sync
check_exit "and has nothing left" 4 "" cut fatma visit list duin
check_says "the owner keeps what was done" "Nobody was at home" as anna visit list duin

# ---- refused: the colleague is a coach no more when the server hears of it
check "a family of the second coach" as anna family add Zee --owner Fatma
check "which is told to all" as anna sync
check "its owner has it" as fatma sync
server_stop
check "cover by bundle" cut fatma cover start zee --person Joris --until "$until" --carry
check "carried" to joris fatma f3
check "taken" import joris f3 && check "accepted" cut joris cover accept && check "with the family" import joris f3
check "a visit under it" cut joris visit add zee --text "Came to nothing."
check "brought" to fatma joris j1
check "and taken" import fatma j1
check_says "it counts at the owner" "Came to nothing" cut fatma visit list zee
check "another, not brought yet" cut joris visit add zee --text "Nor did this."
server_start
check "meanwhile the colleague got another role" as anna person roles Joris --roles intake
check "the owner meets the server" as fatma sync
check_equal "and is told" 1 "$(grep -c 'does not hold by the rules of the team' "$WORK/check.err")"
check_equal "what was done is held, not shown" "0 2" \
    "$(as fatma visit list zee --json | grep -c 'Came to nothing') $(as fatma status --json | json held_count)"
check "who covered meets the server" as joris sync
check_exit "and has nothing left" 4 "" cut joris visit list zee
check "what was not brought is still handed over" to fatma joris j2
check "and taken" import fatma j2
check_equal "and held too" 4 "$(as fatma status --json | json held_count)"
check_equal "the refused cover is not listed" 1 "$(cut fatma cover list --all --json | grep -o '"scope"' | wc -l)"
for device in anna fatma joris; do check "doctor of $device" as $device doctor; done
server_stop
check_says "the depot is whole" "entries" "$BAKEND" check --dir "$WORK/server"
finish
