#!/bin/bash
# A server that lies, before real devices: each lie is refused, named in one sentence, costs nothing that was
# saved, and is over when the server is honest again. Needs build/lies/bakend and `make tools`.
. "$(dirname "$0")/lib.sh"

LIAR=$ROOT/build/lies/bakend
HONEST=$BAKEND
FORGE=$BUILD/tests/tools/forge
[ -x "$LIAR" ] || give_up "the server that lies is built" "make FLAVOUR=lies"
[ -x "$FORGE" ] || give_up "the forger is built" "make tools"
MODE=$WORK/mode
count=0
echo pass >"$MODE"

# lie WORDS: the same depot, served by the liar with BAKEN_LIE=WORDS.
lie() {
    server_stop
    BAKEND=$LIAR
    export BAKEN_LIE=$1
    server_start
    unset BAKEN_LIE
    BAKEND=$HONEST
    SERVER=$PROXY
}
honest() {
    server_stop
    server_start
    SERVER=$PROXY
}
# refused NAME DEVICE WORDS: `sync` ends with 15 and one sentence; the device still writes, and keeps what it has.
refused() {
    check_exit "$1: refused and named" 15 "$3" as "$2" sync
    check_equal "$1: in one sentence" "$(wc -l <"$WORK/check.err")" 1
    count=$((count + 1))
    check "$1: the device works on" as "$2" visit add duin --text "work while lied to $count"
    check_says "$1: it keeps what it had" "first visit" as "$2" visit list duin
}
# drains DEVICE ...: after an honest session nothing waits, and what was written meanwhile is sent.
drains() {
    local device
    for device in "$@"; do
        check "$device syncs with the honest server" as "$device" sync
    done
    for device in "$@"; do
        as "$device" sync >/dev/null 2>&1
        as "$device" status --json >"$WORK/status" 2>/dev/null
        check_equal "$device: nothing waits" "$(json saves_unsealed <"$WORK/status") \
$(json entries_unsent <"$WORK/status") $(json parked_count <"$WORK/status")" "0 0 0"
    done
}
# All have every visit there is.
notes() { as "$1" visit list duin --limit 500 --json | json visits | grep -o '"note": "[^"]*"' | sort; }
agree() {
    notes anna >"$WORK/notes"
    for device in fatma bram; do
        check_equal "anna and $device have the same visits" "$(notes "$device")" "$(cat "$WORK/notes")"
    done
}
depot_keep() { rm -rf "$WORK/kept" && cp -r "$WORK/server" "$WORK/kept"; }
depot_back() {
    server_stop
    rm -rf "$WORK/server" && cp -r "$WORK/kept" "$WORK/server"
}

server_start
/usr/bin/python3 tests/e2e/liar_proxy.py "$SERVER_PORT" "$WORK/proxy.port" "$MODE" &
PROXY_PID=$!
trap 'kill $PROXY_PID 2>/dev/null; cleanup' EXIT
until_true test -s "$WORK/proxy.port"
PROXY=http://127.0.0.1:$(cat "$WORK/proxy.port")
SERVER=$PROXY
team_create anna Anna >"$WORK/out" 2>&1 || give_up "a team is made through the relay" "$(cat "$WORK/out")"
device_join anna fatma Fatma coach || give_up "a colleague joins"
device_join anna bram Bram coach || give_up "a second colleague joins"
device_join anna joris Joris coach || give_up "another joins"
as anna family add Duin >/dev/null && as anna family assign duin Fatma --function coach >/dev/null &&
    as anna family assign duin Bram --function coach >/dev/null &&
    as anna visit add duin --text "first visit" >/dev/null && as anna sync >/dev/null && as fatma sync >/dev/null &&
    as anna sync >/dev/null && as fatma sync >/dev/null && as bram sync >/dev/null && as joris sync >/dev/null || give_up "a family is shared"
check_says "the colleague has the visit" "first visit" as fatma visit list duin
check_says "so has the second" "first visit" as bram visit list duin

# ---- a network that falsifies
echo html >"$MODE"
refused "a page to sign in" fatma "not a Baken server, perhaps a page to sign in"
echo typed >"$MODE"
check_exit "a page that bears our type" 16 "newer than ours" as fatma sync
echo redirect >"$MODE"
refused "a redirect" fatma "not a Baken server \(status 302\)"
echo short >"$MODE"
refused "half an answer" fatma "greeting"
echo cut >"$MODE"
check_exit "an answer that is cut: as no network" 9 "not reached" as fatma sync
echo "old $WORK/greeting" >"$MODE"
as fatma sync >/dev/null 2>&1
refused "an old greeting" fatma "old one"
server_code
device_make other
echo pass >"$MODE"
as other team create --server "$SERVER" --code-file "$CODE" --name Other --roles coach >"$WORK/out" 2>&1 ||
    give_up "a second team is made" "$(cat "$WORK/out")"
ours=$(depot "SELECT lower(hex(id)) FROM teams ORDER BY team")
echo "team $ours" >"$MODE"
refused "answers of another team" fatma "another team"
echo pass >"$MODE"
drains fatma bram anna
agree

# ---- ledger lines that break a rule
# forged KIND AUTHOR WORDS: a line of AUTHOR's device that breaks a rule is refused by every device, also by the author's
# and by the one that it would serve.
forged() {
    local kind=$1 author=$2 words=$3
    depot_keep
    rm -rf "$WORK/copy" && cp -r "$WORK/$author" "$WORK/copy"
    lie forge
    check "the liar gives a forged $kind its place" "$FORGE" "$kind" "$WORK/copy" "$WORK/$author.passphrase" "$SERVER"
    for device in anna fatma bram; do
        refused "a forged $kind, $device" "$device" "line [0-9]+ of the ledger.*$words"
    done
    check_exit "a forged $kind, joris" 15 "line [0-9]+ of the ledger.*$words" as joris sync
    check_exit "said again, with the line, not the right of this device" 15 "line [0-9]+ of the ledger" as anna sync
    depot_back
    honest
    check_exit "the honest server refuses the forged $kind" 1 "refused" \
        "$FORGE" "$kind" "$WORK/copy" "$WORK/$author.passphrase" "$SERVER"
    drains anna fatma bram
    agree
}
forged role joris "[(]role, administrator[)]"
check_equal "the forger is no administrator" "$(as anna person list --json | json persons | grep -c administrator)" 1
forged grant fatma "[(]grant, share_recipients[)]"
check_exit "who was to get a key has no file" 4 "" as joris visit list duin

# ---- lines withheld
lines=$(depot "SELECT max(position) FROM lines WHERE team = 1")
lie "lines=$((lines - 1))"
for device in fatma bram; do
    refused "fewer lines than before, $device" "$device" "fewer ledger lines than before"
done
honest
drains fatma bram anna
as anna device revoke joris >"$WORK/out" 2>&1 || give_up "a device is revoked" "$(cat "$WORK/out")"
as anna sync >/dev/null 2>&1
as anna visit add duin --text "after the revocation" >/dev/null 2>&1
check "the owner syncs after the revocation" as anna sync
lie "lines=$lines"
for device in fatma bram; do
    refused "a revocation withheld, which an entry names, $device" "$device" "withholds ledger lines"
    check_says "the revoked device still stands at $device, for nothing else is known" joris as "$device" device list
done
honest
drains fatma bram anna
for device in fatma bram; do
    check_says "now the revocation is known to $device" revoked as "$device" device list --all --json
done
agree

# ---- entries
for lie in alter reorder replay withhold hide; do
    as anna visit add duin --text "anna one of $lie" >/dev/null
    as anna sync >/dev/null 2>&1
    as anna visit add duin --text "anna two of $lie" >/dev/null
    as anna sync >/dev/null 2>&1
    [ "$lie" != hide ] || lie=hide=$(depot "SELECT first FROM entries WHERE (stream, device, last + 1) IN
        (SELECT stream, device, first FROM entries ORDER BY arrival DESC LIMIT 1)")
    lie "$lie"
    case $lie in
    alter) refused "an altered entry" fatma "signature does not hold" ;;
    reorder) check "entries in another order do no harm" as fatma sync ;;
    replay) check "entries sent twice do no harm" as fatma sync ;;
    withhold) check "an entry left out once is asked for again" as fatma sync ;;
    hide*) refused "an entry withheld" fatma "withholds entries" ;;
    esac
    honest
    drains fatma bram anna
    agree
done

# ---- keys
as anna family add Zee >/dev/null
as anna visit add zee --text "at sea" >/dev/null
as anna sync >/dev/null
as anna family assign zee Fatma --function coach >/dev/null
as anna family assign zee Bram --function coach >/dev/null
as anna sync >/dev/null
lie boxes
for device in fatma bram; do
    check_exit "boxes that were exchanged are named, $device" 19 "key that is not right" as "$device" sync
    check "and the device works on" as "$device" visit add duin --text "while boxes are wrong, $device"
done
honest
drains fatma bram anna
for device in fatma bram; do
    check_says "the right boxes open at $device" "at sea" as "$device" visit list zee
done
agree

# ---- two pasts
server_stop
depot_keep
honest
as anna family add Berk >/dev/null
as anna visit add berk --text "on one branch" >/dev/null
check "one device goes on with one past" as anna sync
server_stop
mv "$WORK/server" "$WORK/one" && cp -r "$WORK/kept" "$WORK/server"
honest
as fatma family add Elm >/dev/null || not_ok "the other device gets another line at that place"
as fatma sync >/dev/null
check_exit "the one device sees that it is another past" 15 "fewer ledger lines|different pasts" as anna sync
server_stop
rm -rf "$WORK/server" && mv "$WORK/one" "$WORK/server"
honest
refused "another line at a known place" fatma "different pasts|fewer ledger lines|rule chain"
device=$(as fatma device list --json | json devices.0.id)
check "the other device makes a bundle" as fatma bundle export --for anna --output "$WORK/bundle"
check_exit "a bundle sealed on another past" 15 "another past|different pasts" as anna bundle import "$WORK/bundle"
check_says "the first past goes on" "on one branch" as anna visit list berk
check "with its server" as anna sync
finish
