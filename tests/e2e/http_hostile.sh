#!/bin/bash
# The real bakend against hostile, odd and slow HTTP (http_probe.py), and its ways of stopping.
. "$(dirname "$0")/lib.sh"
DEADLINE=4 IDLE=3

# Each line of the probe is a check of its own.
probe() {
    while IFS= read -r line; do
        case $line in
        "ok - "*) ok "${line#ok - }" ;;
        *) not_ok "${line#not ok - }" ;;
        esac
    done < <(/usr/bin/python3 "$ROOT/tests/e2e/http_probe.py" "$SERVER_PORT" "$DEADLINE" "$IDLE" 2>&1)
}

server_start --deadline "$DEADLINE" --idle "$IDLE"
probe
check "the server lives after all of it" kill -0 "$SERVER_PID"
check_equal "it logged no team" "" "$(grep -o 'abababab' "$WORK/server.log" | head -n 1)"

check_exit "a second server on the port is refused" 6 "in use" \
    "$BAKEND" run --dir "$WORK/server" --listen "127.0.0.1:$SERVER_PORT"
check_exit "an address that is not loopback is refused" 2 "loopback" \
    "$BAKEND" run --dir "$WORK/server" --listen 0.0.0.0:0
# What getaddrinfo would take: of a port that is too large the last 16 bits, signs, blanks, and nothing at all.
for port in 99999 65536 4294967297 -1 +5 ' 80' '80 ' 0x50 http 1.5 ''; do
    check_exit "\`$port\` is no port" 2 "127.0.0.1:.*loopback address with a port" \
        timeout 10 "$BAKEND" run --dir "$WORK/server" --listen "127.0.0.1:$port"
done
check_exit "nor is it with another loopback address" 2 "loopback address with a port" \
    timeout 10 "$BAKEND" run --dir "$WORK/server" --listen "[::1]:99999"
check_exit "a wrong address is said in Dutch too" 2 "127.0.0.1:99999: .*poort" \
    env BAKEN_LANG=nl timeout 10 "$BAKEND" run --dir "$WORK/server" --listen 127.0.0.1:99999
for number in -18446744073709551615 +5 ' 5' 5x ''; do
    check_exit "\`$number\` is no number of seconds" 2 "not a number that fits" \
        timeout 10 "$BAKEND" run --dir "$WORK/server" --listen 127.0.0.1:0 --idle "$number"
done
check_exit "a directory without a server is refused" 10 "server.key" \
    "$BAKEND" run --dir "$WORK" --listen 127.0.0.1:0

started=$SECONDS
kill -TERM "$SERVER_PID"
wait "$SERVER_PID"
check_equal "it stops on SIGTERM with status 0" 0 "$?"
check_equal "and at once" yes "$([ $((SECONDS - started)) -le 10 ] && echo yes)"
check_equal "the log says so" 1 "$(grep -c server.stopped "$WORK/server.log")"
SERVER_PID=

# A Unix socket, with a stale one in its place.
/usr/bin/python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$WORK/sock"
"$BAKEND" run --dir "$WORK/server" --listen "unix:$WORK/sock" >>"$WORK/server.log" 2>&1 &
SERVER_PID=$!
until_true curl -fsS --unix-socket "$WORK/sock" http://baken/healthz >/dev/null 2>&1
check_says "a Unix socket serves" '^ready$' curl -fsS --unix-socket "$WORK/sock" http://baken/readyz
check_equal "its mode is 0660" 660 "$(stat -c %a "$WORK/sock")"
kill -KILL "$SERVER_PID"
wait "$SERVER_PID" 2>/dev/null
SERVER_PID=
check_says "after kill -9 the depot holds" 'Teams: 0;' "$BAKEND" check --dir "$WORK/server"
check_equal "the key is for the owner alone" 600 "$(stat -c %a "$WORK/server/server.key")"
check_equal "so is the directory" 700 "$(stat -c %a "$WORK/server")"
chmod 644 "$WORK/server/server.key"
check_exit "a key that others can read is refused" 8 "chmod" "$BAKEND" check --dir "$WORK/server"
mv "$WORK/server/server.key" "$WORK/kept.key"
check_exit "a lost key is not made anew beside the depot" 11 "copy of the key" "$BAKEND" setup --dir "$WORK/server"
check "and none is there" test ! -e "$WORK/server/server.key"
mv "$WORK/kept.key" "$WORK/server/server.key"
finish
