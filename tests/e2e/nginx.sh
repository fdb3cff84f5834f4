#!/bin/bash
# The shipped nginx configuration with the real nginx: TLS, limits, routes for loopback, slow bodies.
. "$(dirname "$0")/lib.sh"

NGINX=$(PATH=$PATH:/usr/sbin command -v nginx) || give_up "nginx is installed"
N=$WORK/nginx
mkdir -p "$N"
ln -s "$N" "$(dirname "$WORK")/baken-nginx-$$" || exit 1 # its configuration has no blanks in paths
L=$(dirname "$WORK")/baken-nginx-$$
trap '[ -f "$N/pid" ] && kill "$(cat "$N/pid")"; rm -f "$L"; cleanup' EXIT

TLS_PORT=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost -days 2 \
    -addext subjectAltName=DNS:localhost -keyout "$N/key.pem" -out "$N/cert.pem" 2>"$WORK/openssl.err"

server_start
sed -e "s|@SERVER_NAME@|localhost|; s|@LISTEN@|127.0.0.1:$TLS_PORT|; s|@BACKEND@|127.0.0.1:$SERVER_PORT|" \
    -e "s|@CERTIFICATE@|$L/cert.pem|; s|@CERTIFICATE_KEY@|$L/key.pem|; s|/var/log/nginx|$L|" \
    server/nginx/baken.conf.in >"$N/baken.conf"
{
    [ "$(id -u)" -ne 0 ] || echo "user $(id -un);"
    echo "pid $L/pid; error_log $L/error.log; events {}"
    echo "http { include $L/baken.conf;"
    for what in client_body proxy fastcgi uwsgi scgi; do echo "${what}_temp_path $L/$what;"; done
    echo "}"
} >"$N/nginx.conf"
check "nginx takes the configuration" "$NGINX" -e "$L/error.log" -t -c "$L/nginx.conf"
"$NGINX" -e "$L/error.log" -c "$L/nginx.conf" || give_up "nginx starts" "$(tail -n 3 "$N/error.log")"

ask() { curl -sS --cacert "$N/cert.pem" --resolve "localhost:$TLS_PORT:127.0.0.1" "$@"; }
status() { ask -o /dev/null -w '%{http_code}' "$@"; }
BASE=https://localhost:$TLS_PORT

check_equal "hello passes through TLS" 200 "$(status "$BASE/v1/hello")"
check_equal "TLS 1.1 is refused" refused \
    "$(status --tls-max 1.1 "$BASE/v1/hello" >/dev/null 2>&1 && echo taken || echo refused)"
check_equal "an unknown team is bakend's to name" 404 \
    "$(status "$BASE/v1/teams/$(printf 'ab%.0s' $(seq 32))/ledger?from=1")"
check_equal "other paths end at nginx" 404 "$(status "$BASE/index.html")"
check_equal "metrics are for loopback" 200 "$(status "$BASE/metrics")"
check_equal "9 MiB are refused" 413 \
    "$(head -c 9437184 /dev/zero | status -H 'Content-Type: application/vnd.baken' --data-binary @- "$BASE/v1/teams")"
check_equal "a body is passed on" 400 \
    "$(status -H 'Content-Type: application/vnd.baken' --data-binary junk "$BASE/v1/teams")"
many=$(for _ in $(seq 40); do status "$BASE/v1/hello"; echo; done)
check_equal "who asks too often is slowed" yes "$(echo "$many" | grep -q 429 && echo yes)"
check_equal "the log has routes" yes "$(grep -q ' GET /v1/teams/T/ledger 404 ' "$N/baken.log" && echo yes)"
check_equal "and no team" "" "$(grep -o abababab "$N/baken.log" | head -n 1)"
check_equal "HSTS is set" yes "$(ask -D - -o /dev/null "$BASE/index.html" | grep -qi '^strict-transport-security: max-age=' && echo yes)"
finish
