#!/bin/bash
# Two devices reach bakend, on a Unix socket, through the shipped nginx configuration and a certificate
# authority of our own; certificates that must not be trusted are refused and nothing is lost.
. "$(dirname "$0")/lib.sh"

authority ca || give_up "an authority is made" "$(cat "$WORK/openssl.err")"
authority other
certificate good ca localhost 2 || give_up "a certificate is made" "$(cat "$WORK/openssl.err")"
certificate expired ca localhost -1
certificate elsewhere ca baken.example 2
certificate stranger other localhost 2

server_start_unix "$WORK/bakend.sock"
nginx_start good "unix:$WORK/bakend.sock"
SERVER=https://localhost:$TLS_PORT
export BAKEN_CA_FILE=$WORK/tls/ca.pem

# notes DEVICE: the notes of all its visits. times DEVICE TEXT: in how many lines of them this text stands.
notes() { as "$1" visit list --all --json | /usr/bin/python3 -c '
import json, sys
for visit in json.load(sys.stdin)["visits"]: print(visit["note"])'; }
times() { notes "$1" | grep -cF -- "$2"; }

# ---- two devices through TLS
check "a team is made over TLS" team_create anna Anna
check "a colleague joins and is let in" device_join anna fatma Fatma coach
check "a family" as anna family add Duin
check "with a colleague" as anna family assign duin Fatma
check "a visit" as anna visit add duin --text "Soup on the stove."
head -c 204800 /dev/urandom | base64 -w 76 | head -c 204800 >"$WORK/long.txt"
check "a note of 200 KiB that does not compress" as anna visit add duin --note-file "$WORK/long.txt"
check_says "is sent" '^Sent +[1-9]' as anna sync
check_says "and received" '^Received .* [1-9]' as fatma sync
check_equal "the visit arrived once" 1 "$(times fatma "Soup on the stove.")"
notes fatma | grep -vF "Soup on the stove." >"$WORK/long.received"
check "the long note arrived whole" cmp "$WORK/long.txt" <(head -c 204800 "$WORK/long.received")
check "the colleague answers" as fatma visit add duin --text "Called back."
check "and sends it" as fatma sync
check "the first device syncs" as anna sync
check_equal "the answer arrived once" 1 "$(times anna "Called back.")"

# ---- what must not be trusted
# refused WHAT SENTENCE: a visit stays here, untouched, while the server is not to be trusted.
refused() {
    check "$1: a visit is saved" as anna visit add duin --text "Written before $1."
    check_exit "$1: refused" 15 "certificate is not trusted.*$2.*; nothing of it was taken over and what you saved is on this device" as anna sync
    check_equal "$1: the visit is here" 1 "$(times anna "Written before $1.")"
    check_says "$1: and waits" 'Only on this device: [1-9]' as anna status
}

BAKEN_CA_FILE=$WORK/tls/other.pem
refused "another authority" "issuer|self-signed"
unset BAKEN_CA_FILE
refused "no authority of ours" "issuer|self-signed"
export BAKEN_CA_FILE=$WORK/tls/none.pem
check_exit "a file of authorities that is not there" 3 "file of certificates cannot be read" as anna sync
: >"$WORK/tls/none.pem"
check_exit "one that is empty" 3 "file of certificates cannot be read" as anna sync
BAKEN_CA_FILE=$WORK/tls/ca.pem
device_make newcomer
BAKEN_CA_FILE=$WORK/tls/other.pem check_exit "a new team at a server that is not trusted" 15 "certificate" \
    as newcomer team create --server "$SERVER" --code-file "$CODE" --name N

for bad in expired elsewhere stranger; do
    nginx_stop
    nginx_start $bad "unix:$WORK/bakend.sock"
    case $bad in
    expired) refused "an expired certificate" "expired" ;;
    elsewhere) refused "a certificate for another host" "localhost" ;;
    stranger) refused "a certificate of a stranger" "issuer|self-signed" ;;
    esac
done
nginx_stop
check_exit "no nginx at all" 9 "server was not reached.*waits on this device" as anna sync
nginx_start good "unix:$WORK/bakend.sock"
check "the right certificate is back" as anna sync
check "the colleague syncs" as fatma sync
for what in "another authority" "no authority of ours" "an expired certificate" \
    "a certificate for another host" "a certificate of a stranger"; do
    check_equal "written before $what: arrived once" 1 "$(times fatma "Written before $what.")"
done
check_says "nothing waits any more" 'The server has everything' as anna status

# ---- a slow head: one byte each second. nginx waits ten seconds for the whole.
slow_head() {
    /usr/bin/python3 - "$TLS_PORT" >"$WORK/slow" 2>&1 <<'PYTHON'
import socket, ssl, sys, time
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
line = context.wrap_socket(socket.create_connection(("127.0.0.1", int(sys.argv[1]))))
line.sendall(b"GET /v1/hello HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
line.settimeout(1)
began = time.monotonic()
while time.monotonic() - began < 30:
    try:
        line.sendall(b"a")
        if line.recv(1000) == b"":
            break
    except TimeoutError:
        continue
    except OSError:
        break
print(round(time.monotonic() - began))
PYTHON
}
slow_head &
SLOW_PID=$!

# ---- nginx slows down who asks too often: that is no stranger, and the work waits
check "a visit is saved for a busy server" as anna visit add duin --text "Written while it was busy."
curl -s --cacert "$WORK/tls/ca.pem" -o /dev/null "$SERVER/v1/hello?[1-100000]" &
FLOOD_PID=$!
until_refused() { for _ in $(seq 60); do as anna sync || return; done; }
check_exit "a busy server" 9 "come back later; what you saved before waits on this device" until_refused
kill "$FLOOD_PID"
wait "$FLOOD_PID" 2>/dev/null
# After the flood nginx owes nobody an answer at once: two questions a second come free again, and each
# that it answers, ours too, takes one. One answer alone proves no room for the next: three seconds of
# silence after it do, for six. A round of sync asks one.
ask() { curl -sS --cacert "$WORK/tls/ca.pem" -o /dev/null -w '%{http_code}' "$@"; }
room() {
    for _ in $(seq 60); do
        [ "$(ask "$SERVER/v1/hello")" = 200 ] && sleep 3 && return
        sleep 1
    done
    return 1
}
check "nginx answers again" room
check "and later" as anna sync

# ---- bakend away behind nginx
server_stop
check_exit "bakend is away behind nginx" 9 "status 502.*waits on this device" as anna sync
server_start_unix "$WORK/bakend.sock"
check "bakend answers again" room
check "and back" as anna sync

# ---- routes for loopback alone
for route in healthz readyz metrics; do
    check_equal "/$route answers loopback" 200 "$(ask "$SERVER/$route")"
done
# Another nginx in a network of its own, where this machine has an address that is not loopback.
nginx_conf "$WORK/outside" good "10.9.9.1:8443" "unix:$WORK/bakend.sock"
cat >"$WORK/outside.sh" <<'OUTSIDE'
ip link set lo up && ip addr add 10.9.9.1/32 dev lo || exit 1
"$1" -p "$2" -e error.log -c nginx.conf -g 'master_process off;' 2>/dev/null &
for _ in $(seq 600); do curl -sk -o /dev/null https://10.9.9.1:8443/ && break; sleep 0.05; done
for route in healthz readyz metrics v1/hello; do
    curl -sS --cacert "$3" --resolve localhost:8443:10.9.9.1 -o /dev/null -w "$route %{http_code}\n" \
        "https://localhost:8443/$route"
done
kill $!
wait
OUTSIDE
outside=$(alone sh "$WORK/outside.sh" "$NGINX" "$WORK/outside" "$WORK/tls/ca.pem" 2>&1)
check_equal "elsewhere only the routes of devices answer" "healthz 403
readyz 403
metrics 403
v1/hello 200" "$outside"

wait "$SLOW_PID"
check_equal "a slow head is cut after ten seconds" yes \
    "$(awk '$1 >= 8 && $1 <= 20 { print "yes" }' "$WORK/slow")"
check_equal "nginx logged no team" "" "$(grep -oE '[0-9a-f]{64}' "$WORK/nginx/baken.log" | head -n 1)"
check "doctor finds nothing" as anna doctor
finish
