#!/bin/bash
# The server is put back from a backup whose ledger lacks lines: an approval, families, a cover. Devices hand them back, whoever comes first.
. "$(dirname "$0")/lib.sh"

counts() { "$BAKEND" check --dir "$WORK/server" | sed -n 's/^The depot is whole. Teams: 1; ledger lines: \([0-9]*\); entries: \([0-9]*\)\.$/\1 \2/p'; }
put_back() {
    rm -f "$WORK/server/depot.db-wal" "$WORK/server/depot.db-shm"
    cp "$WORK/backup.db" "$WORK/server/depot.db"
}
keep() {
    server_stop
    cp "$WORK/server/depot.db" "$WORK/backup.db"
    server_start
}
# life DEVICE NAME OWN OTHERS: what is lost. DEVICE joins, and is made a family by a coordinator who does not hold it; Fatma reads nothing of all this.
life() {
    device_join anna "$1" "$2" coach >"$WORK/out" 2>&1 || give_up "$2 joins" "$(cat "$WORK/out")"
    check "a family with a visit" as anna family add "$3"
    check "of its owner" as anna visit add "$3" --text "written in $3"
    check "and one that is made for $2" as anna family add "$4" --owner "$2"
    check "$2 is asked to cover" as anna cover start duin --person "$2" --until "$(date -d "+30 days" +%F)"
    check "the owner syncs" as anna sync
    check "$2 syncs" as "$1" sync
    check "$2 accepts" as "$1" cover accept
    check "$2 syncs again" as "$1" sync
    check "the owner passes the keys on" as anna sync
    check "$2 has them" as "$1" sync
    check "and writes" as "$1" visit add duin --text "$2 covered"
    check "which is sent" as "$1" sync
    check "and comes to the owner" as anna sync
}

server_start
team_create anna Anna >"$WORK/out" 2>&1 || give_up "a team is made" "$(cat "$WORK/out")"
device_join anna fatma Fatma coach >"$WORK/out" 2>&1 || give_up "a second device joins"
check "a family is registered" as anna family add Duin
check "and shared" as anna family assign duin Fatma
check "a visit before the backup" as anna visit add duin --text "before the backup"
for device in anna fatma; do check "$device syncs" as "$device" sync; done

# back_again DEVICE FAMILY MADE ORDER ...: the same once lost, told, and given back.
back_again() {
    local device=$1 family=$2 made=$3 whole returned=0 first=$4
    shift 3
    server_stop
    whole=$(counts)
    put_back
    check "the backup lacks lines" test "$(counts)" != "$whole"
    check "the operator says that it was put back" "$BAKEND" restored --dir "$WORK/server"
    server_start
    check_exit "nothing new of the team is taken meanwhile" 8 "put back from a backup" as fatma family add Kreek
    for who in "$@"; do
        check "$who syncs, $first first" as "$who" sync --json
        returned=$((returned + $(json report.lines_returned <"$WORK/check.out")))
        [ "$(json report.lines_returned <"$WORK/check.out")" = 0 ] ||
            check_equal "and says so" "$(json notices.0.code <"$WORK/check.out")" ledger_handed_back
    done
    check "lines were handed back" test "$returned" -ge 5
    for who in "$@" "$@"; do check "$who syncs again" as "$who" sync; done
    for who in "$@"; do check_says "$who has nothing left to send" '^Sent +0' as "$who" sync; done
    server_stop
    check_equal "the server holds all again" "$(counts)" "$whole"
    check_says "what was covered is there" "covered" as anna visit list duin
    check_says "for who covered too" "before the backup" as "$device" visit list duin
    check_says "the lost family is whole" "written in" as anna visit list "$family"
    for who in "$@"; do check "$who's store is whole" as "$who" doctor; done
    check "the operator ends it" "$BAKEND" restored --dir "$WORK/server" --hours 0
    server_start
    check "who was made a family writes into it" as "$device" visit add "$made" --text "afterwards"
    for who in "$@"; do check "$who syncs at last" as "$who" sync; done
}

keep
life joris Joris meer berg
back_again joris meer berg anna fatma joris
keep
life lieve Lieve zee heuvel
back_again lieve zee heuvel fatma lieve joris anna

# ---- told, when it was not closed and went on otherwise
keep
check "a line that is lost" as anna family add Beek
server_stop
put_back
server_start
check "who knows nothing of it changes the team" as fatma family add Kreek
check_exit "who knows it names the server" 15 "different pasts" as anna sync
check_says "and keeps what it has" "written in" as anna visit list meer
server_stop
check "the depot is whole" "$BAKEND" check --dir "$WORK/server"
finish
