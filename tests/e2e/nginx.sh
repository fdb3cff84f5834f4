#!/bin/bash
# The shipped nginx configuration with the real nginx: TLS, limits, routes for loopback, slow bodies.
. "$(dirname "$0")/lib.sh"

authority ca && certificate leaf ca localhost 2 || give_up "certificates are made" "$(cat "$WORK/openssl.err")"
server_start
nginx_start leaf "127.0.0.1:$SERVER_PORT"
check "nginx takes the configuration" "$NGINX" -p "$WORK/nginx" -e error.log -t -c nginx.conf
N=$WORK/nginx

ask() { curl -sS --cacert "$WORK/tls/ca.pem" --resolve "localhost:$TLS_PORT:127.0.0.1" "$@"; }
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
