#!/bin/bash
# The server is put back from a backup that is older than what it gave: devices hand back what they hold.
. "$(dirname "$0")/lib.sh"

entries() { "$BAKEND" check --dir "$WORK/server" | sed -n 's/.*; entries: \([0-9]*\)\.$/\1/p'; }

server_start
team_create anna Anna >"$WORK/out" 2>&1 || give_up "a team is made" "$(cat "$WORK/out")"
device_join anna fatma Fatma coach >"$WORK/out" 2>&1 || give_up "a second device joins"
check "a family is registered" as anna family add Duin
check "and shared" as anna family assign duin Fatma
check "a visit before the backup" as anna visit add duin --text "before the backup"
check "is sent" as anna sync
check "and arrives" as fatma sync
server_stop
cp "$WORK/server/depot.db" "$WORK/backup.db"
server_start
check "a visit after it, by the owner" as anna visit add duin --text "after it, by Anna"
check "is sent" as anna sync
check "a visit after it, by a colleague" as fatma visit add duin --text "after it, by Fatma"
check "is sent too" as fatma sync
check "and reaches the owner" as anna sync
server_stop
before=$(entries)
rm -f "$WORK/server/depot.db-wal" "$WORK/server/depot.db-shm"
cp "$WORK/backup.db" "$WORK/server/depot.db"
server_start
check_exit "a server that runs would not heed that it was put back" 6 "the server runs.*stop it" "$BAKEND" restored --dir "$WORK/server" --hours 1
check_exit "nothing of it is left for later" 1 "" test -e "$WORK/server/closed"
check "another code is given all the same" "$BAKEND" code --dir "$WORK/server"
server_stop
check "once it is stopped it is said" "$BAKEND" restored --dir "$WORK/server" --hours 1
check "and ended" "$BAKEND" restored --dir "$WORK/server" --hours 0
check "the backup lacks something" test "$(entries)" -lt "$before"
server_start
check "the owner syncs" as anna sync --json
check_equal "and hears of the restored server" "$(json notices.0.code <"$WORK/check.out")" handed_back
check "the colleague syncs" as fatma sync
check_says "nothing is left to send" '^Sent +0' as anna sync
check_says "nor to hand back" '^Sent +0' as fatma sync
server_stop
check_equal "the server holds every entry again" "$(entries)" "$before"
for device in anna fatma; do
    check_says "$device has the first visit" "before the backup" as "$device" visit list duin
    check_says "$device has the owner's visit" "by Anna" as "$device" visit list duin
    check_says "$device has the colleague's visit" "by Fatma" as "$device" visit list duin
    check "$device's store is whole" as "$device" doctor
done
finish
