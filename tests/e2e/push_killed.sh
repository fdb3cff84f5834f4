#!/bin/bash
# bakend dies by kill -9 after it stored a push and before the device reads the answer: what was stored
# stays, once, and the device goes on as if nothing had been.
. "$(dirname "$0")/lib.sh"

entries() { "$BAKEND" check --dir "$WORK/server" | sed -n 's/.*; entries: \([0-9]*\)\.$/\1/p'; }

server_start
/usr/bin/python3 tests/e2e/kill_proxy.py "$SERVER_PORT" "$WORK/proxy.port" "$WORK/pid" "$WORK/kill" &
PROXY_PID=$!
trap 'kill $PROXY_PID 2>/dev/null; cleanup' EXIT
until_true test -s "$WORK/proxy.port"
SERVER=http://127.0.0.1:$(cat "$WORK/proxy.port")
team_create anna Anna >"$WORK/out" 2>&1 || give_up "a team is made through the proxy" "$(cat "$WORK/out")"
device_join anna fatma Fatma coach >"$WORK/out" 2>&1 || give_up "a second device joins"
check "a family is registered" as anna family add Duin
check "and sent" as anna sync
before=$(entries)
check "there is something to keep" test "$before" -gt 0

echo "$SERVER_PID" >"$WORK/pid"
check "another family is registered" as anna family add Zee
touch "$WORK/kill"
check_exit "the answer to the push never comes" 9 "" as anna sync
wait "$SERVER_PID" 2>/dev/null
check "the server was killed" test ! -e "$WORK/kill"
SERVER_PID=
server_start >/dev/null 2>&1
SERVER=http://127.0.0.1:$(cat "$WORK/proxy.port")
stored=$(entries)
check "the push was stored" test "$stored" -gt "$before"
check "the device syncs again" as anna sync
check_equal "nothing is stored twice" "$stored" "$(entries)"
check_says "nothing waits any more" '^Sent +0' as anna sync
check "the other device syncs" as fatma sync

# ---- the same of an operation of the team
echo "$SERVER_PID" >"$WORK/pid"
echo ledger >"$WORK/kill"
check_exit "whether a family was made is not claimed to be known" 9 "; whether the server still did it is not known here; .*baken sync" \
    as anna family add Meer
wait "$SERVER_PID" 2>/dev/null
SERVER_PID=
server_start >/dev/null 2>&1
check "sync asks" as anna sync
check "and it is done once more" as anna family add Meer
check_equal "which makes no second" 1 "$(as anna family list | grep -c Meer)"
finish
