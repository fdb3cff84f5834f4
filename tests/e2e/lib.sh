# What every end-to-end script shares: a server, devices, checks. Source it from a script of its own:
#
#     #!/bin/bash
#     . "$(dirname "$0")/lib.sh"
#     server_start
#     team_create anna Anna
#     device_join anna fatma Fatma coach
#     check "the store is there" test -f "$WORK/anna/keyslots.json"
#     check_says "the code name is listed" Duin as anna family list
#     finish
#
# Works from any directory, from a path with spaces, as an ordinary user. BAKEN_BUILD names the build
# (build/debug). All lies in $WORK, which goes when the script ends, with the server that it started.
set -u
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$ROOT" || exit 1
BUILD=$(cd "${BAKEN_BUILD:-build/debug}" && pwd) || exit 1
BAKEN=$BUILD/baken
BAKEND=$BUILD/bakend
WORK=$(mktemp -d "${TMPDIR:-/tmp}/baken e2e.XXXXXX") || exit 1
PASSED=0 FAILED=0
SERVER_PID=
NGINX_PID=
HOLDER_PID=
SERVER_PORT=0
SERVER=
CODE=$WORK/code

# Sentences are checked in English; tests do not wait for Argon2, and leave no instance token in the tester's home.
export BAKEN_LANG=en TZ=Europe/Amsterdam BAKEN_TEST_CHEAP_KDF=1 NO_COLOR=1 XDG_STATE_HOME="$WORK/state"
unset BAKEN_HOME BAKEN_PASSPHRASE_FILE BAKEN_TEST_CLOCK_OFFSET_MS

cleanup() {
    release
    nginx_stop
    server_stop
    for slots in "$WORK"/*/keyslots.json; do
        [ -f "$slots" ] && as "$(basename "$(dirname "$slots")")" lock >/dev/null 2>&1
    done
    chmod -R u+rwX "$WORK" 2>/dev/null
    rm -rf "$WORK"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

ok() {
    PASSED=$((PASSED + 1))
    printf 'ok - %s\n' "$1"
}

not_ok() {
    FAILED=$((FAILED + 1))
    printf 'not ok - %s\n' "$1"
    shift
    [ $# -eq 0 ] || printf '        %s\n' "$@"
}

# check NAME COMMAND ...: the command succeeds.
check() {
    local name=$1
    shift
    if "$@" >"$WORK/check.out" 2>"$WORK/check.err"; then ok "$name"; else
        not_ok "$name" "status $? of: $*" "$(head -c 600 "$WORK/check.out")" "$(head -c 600 "$WORK/check.err")"
    fi
}

# check_exit NAME CODE WORDS COMMAND ...: it ends with CODE, and says WORDS (an extended pattern; "" for
# anything) on standard error.
check_exit() {
    local name=$1 wanted=$2 words=$3 status
    shift 3
    "$@" >"$WORK/check.out" 2>"$WORK/check.err"
    status=$?
    if [ "$status" -ne "$wanted" ]; then
        not_ok "$name" "status $status, not $wanted, of: $*" "$(head -c 600 "$WORK/check.err")"
    elif [ -n "$words" ] && ! grep -qE -- "$words" "$WORK/check.err"; then
        not_ok "$name" "no \`$words\` in: $(head -c 600 "$WORK/check.err")"
    else
        ok "$name"
    fi
}

# check_says NAME WORDS COMMAND ...: it succeeds, and its answer has WORDS (an extended pattern).
check_says() {
    local name=$1 words=$2
    shift 2
    if ! "$@" >"$WORK/check.out" 2>"$WORK/check.err"; then
        not_ok "$name" "status $? of: $*" "$(head -c 600 "$WORK/check.err")"
    elif ! grep -qE -- "$words" "$WORK/check.out"; then
        not_ok "$name" "no \`$words\` in: $(head -c 600 "$WORK/check.out")"
    else
        ok "$name"
    fi
}

check_equal() {
    if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "is:     $2" "not:    $3"; fi
}

# until_true COMMAND ...: tries it until it succeeds, for half a minute. Never sleep instead: another machine is slower.
until_true() {
    for _ in $(seq 600); do
        "$@" && return
        sleep 0.05
    done
    return 1
}

# alone COMMAND ...: in a network of its own that has nothing, not even `lo` up.
alone() {
    if [ "$(id -u)" -eq 0 ]; then unshare -n -- "$@"; else unshare -rn -- "$@"; fi
}

# The closing line that other runners sum; the script's status.
finish() {
    echo "$PASSED passed, $FAILED failed"
    [ "$FAILED" -eq 0 ] && [ "$PASSED" -gt 0 ]
    exit
}

# Gives up: what follows cannot be tested.
give_up() {
    not_ok "$@"
    finish
}

# ---- the server --------------------------------------------------------------------------------
# Sets up a server in $WORK/server the first time, and runs it; a second start takes the same port.
# Afterwards $SERVER is its address and $CODE a file with a one-time code. Further words are options of
# `bakend run`.
server_start() {
    if [ ! -d "$WORK/server" ]; then
        "$BAKEND" setup --dir "$WORK/server" >"$WORK/setup.out" 2>&1 ||
            give_up "the server is set up" "$(cat "$WORK/setup.out")"
        sed -n 's/^One-time code: //p' "$WORK/setup.out" >"$CODE"
    fi
    rm -f "$WORK/port"
    "$BAKEND" run --dir "$WORK/server" --listen "127.0.0.1:$SERVER_PORT" --port-file "$WORK/port" \
        "$@" >>"$WORK/server.log" 2>&1 &
    SERVER_PID=$!
    until_true server_said
    [ -s "$WORK/port" ] || give_up "the server starts" "$(tail -n 5 "$WORK/server.log")"
    SERVER_PORT=$(cat "$WORK/port")
    SERVER=http://127.0.0.1:$SERVER_PORT
}

# depot SQL: asks the server's depot itself; rows by blanks.
depot() {
    /usr/bin/python3 -c 'import sqlite3, sys
print(*[row[0] for row in sqlite3.connect(sys.argv[1]).execute(sys.argv[2])])' "$(ls "$WORK"/server/*.db)" "$1"
}
# How many lines the ledgers of all its teams have.
ledger_lines() { depot "SELECT count(*) FROM lines"; }

# It told its port, or has ended.
server_said() { [ -s "$WORK/port" ] || ! kill -0 "$SERVER_PID" 2>/dev/null; }

# Another one-time code into $CODE, for a second team.
server_code() {
    "$BAKEND" code --dir "$WORK/server" | sed -n 's/^One-time code: //p' >"$CODE"
}

server_stop() {
    [ -n "$SERVER_PID" ] || return 0
    kill "$SERVER_PID" 2>/dev/null
    wait "$SERVER_PID" 2>/dev/null
    SERVER_PID=
}

# The same on a Unix socket, $1, in $WORK/server too.
server_start_unix() {
    local socket=$1
    shift
    [ -d "$WORK/server" ] || "$BAKEND" setup --dir "$WORK/server" >"$WORK/setup.out" 2>&1 ||
        give_up "the server is set up" "$(cat "$WORK/setup.out")"
    sed -n 's/^One-time code: //p' "$WORK/setup.out" >"$CODE"
    "$BAKEND" run --dir "$WORK/server" --listen "unix:$socket" "$@" >>"$WORK/server.log" 2>&1 &
    SERVER_PID=$!
    for _ in $(seq 200); do
        curl -fsS --unix-socket "$socket" http://baken/readyz >/dev/null 2>&1 && return
        kill -0 "$SERVER_PID" 2>/dev/null || break
        sleep 0.05
    done
    give_up "the server starts" "$(tail -n 5 "$WORK/server.log")"
}

# ---- nginx and certificates --------------------------------------------------------------------
port_free() {
    /usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# authority NAME: a certificate authority of our own, $WORK/tls/NAME.pem with its key.
authority() {
    mkdir -p "$WORK/tls" &&
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=baken $1" -days 2 \
            -addext basicConstraints=critical,CA:TRUE -keyout "$WORK/tls/$1.key" -out "$WORK/tls/$1.pem" 2>"$WORK/openssl.err"
}

# certificate NAME AUTHORITY HOST DAYS: $WORK/tls/NAME.pem and .key; with less than no days it has expired.
certificate() {
    local at=$WORK/tls
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$3" \
        -addext "subjectAltName=DNS:$3" -keyout "$at/$1.key" -out "$at/$1.csr" 2>"$WORK/openssl.err" &&
        openssl x509 -req -in "$at/$1.csr" -CA "$at/$2.pem" -CAkey "$at/$2.key" -CAcreateserial \
            -copy_extensions copy -days "$4" -out "$at/$1.pem" 2>"$WORK/openssl.err"
}

# nginx_conf DIR CERTIFICATE LISTEN BACKEND: the shipped configuration, and one around it that an
# ordinary user can run, in DIR.
nginx_conf() {
    NGINX=$(PATH=$PATH:/usr/sbin:/sbin command -v nginx) || give_up "nginx is installed"
    mkdir -p "$1"
    sed -e "s|@SERVER_NAME@|localhost|; s|@LISTEN@|$3|; s|@BACKEND@|\"$4\"|" \
        -e "s|@CERTIFICATE@|\"$WORK/tls/$2.pem\"|; s|@CERTIFICATE_KEY@|\"$WORK/tls/$2.key\"|" \
        -e "s|/var/log/nginx/||" "$ROOT/server/nginx/baken.conf.in" >"$1/baken.conf"
    {
        echo "user root;" # heeded only as root, also one of a user namespace, who sees no other users
        echo "daemon off; pid pid; error_log error.log; worker_processes 1; events {}"
        echo "http { include baken.conf;"
        for what in client_body proxy fastcgi uwsgi scgi; do echo "${what}_temp_path $what;"; done
        echo "}"
    } >"$1/nginx.conf"
}

# nginx_start CERTIFICATE BACKEND: nginx before BACKEND on $TLS_PORT, which stays the same.
nginx_start() {
    : "${TLS_PORT:=$(port_free)}"
    nginx_conf "$WORK/nginx" "$1" "127.0.0.1:$TLS_PORT" "$2"
    "$NGINX" -p "$WORK/nginx" -e error.log -c nginx.conf 2>"$WORK/nginx.err" &
    NGINX_PID=$!
    for _ in $(seq 600); do
        curl -sk -o /dev/null "https://127.0.0.1:$TLS_PORT/" && return
        kill -0 "$NGINX_PID" 2>/dev/null || break
        sleep 0.05
    done
    give_up "nginx starts" "$(tail -n 3 "$WORK/nginx/error.log")"
}

nginx_stop() {
    [ -n "$NGINX_PID" ] || return 0
    kill "$NGINX_PID" 2>/dev/null
    wait "$NGINX_PID" 2>/dev/null
    NGINX_PID=
}

# ---- devices -----------------------------------------------------------------------------------
# device_make NAME: a home for a device, with a passphrase file. The store comes with create or join.
device_make() {
    mkdir -p "$WORK/$1" "$WORK/state" && chmod 700 "$WORK/$1"
    echo "the passphrase of $1" >"$WORK/$1.passphrase"
}

# as NAME WORDS ...: runs baken on that device, without ever asking.
as() {
    local name=$1
    shift
    BAKEN_HOME=$WORK/$name BAKEN_PASSPHRASE_FILE=$WORK/$name.passphrase XDG_STATE_HOME=$WORK/state \
        "$BAKEN" "$@" --no-input
}

# The same in the background, as a process of its own: $! is the program's, so that kill -9 reaches it.
as_alone() {
    local name=$1
    shift
    BAKEN_HOME=$WORK/$name BAKEN_PASSPHRASE_FILE=$WORK/$name.passphrase XDG_STATE_HOME=$WORK/state \
        exec "$BAKEN" "$@" --no-input
}

# hold NAME [WORDS]: another process holds that device's store, and says WORDS of itself, until `release`.
hold() {
    rm -f "$WORK/held"
    # F_OFD_SETLK (37) of byte 1, as core/vfs_lock.h has it.
    /usr/bin/python3 -c 'import fcntl, os, struct, sys, time
lock = os.open(sys.argv[1] + "/lock", os.O_RDWR | os.O_CREAT, 0o600)
fcntl.fcntl(lock, 37, struct.pack("@hhqqi", fcntl.F_WRLCK, os.SEEK_SET, 1, 1, 0))
if len(sys.argv) > 3:
    os.pwrite(lock, (sys.argv[3].ljust(63)[:63] + "\n").encode("latin-1", "replace"), 0)
open(sys.argv[2], "w").close()
time.sleep(600)' "$WORK/$1" "$WORK/held" ${2+"$2"} &
    HOLDER_PID=$!
    until_true test -e "$WORK/held" || give_up "the store of $1 is held"
}

release() {
    [ -n "$HOLDER_PID" ] || return 0
    kill "$HOLDER_PID" 2>/dev/null
    wait "$HOLDER_PID" 2>/dev/null
    HOLDER_PID=
}

# leave_log NAME WORDS ...: runs the command with an output that takes nothing more. It has saved when it waits there to
# say so, and is killed then: its log is left behind.
leave_log() {
    local pid last='' now still=0
    rm -f "$WORK/full" && mkfifo "$WORK/full" && exec 8<>"$WORK/full"
    /usr/bin/python3 -c 'import os, sys
pipe = os.open(sys.argv[1], os.O_WRONLY | os.O_NONBLOCK)
try:
    while True:
        os.write(pipe, b"x" * 4096)
except BlockingIOError:
    pass' "$WORK/full"
    as_alone "$@" >"$WORK/full" 2>"$WORK/full.err" 8<&- &
    pid=$!
    # Asleep for half a second, without using the processor, with a log.
    for _ in $(seq 600); do
        now=$(cut -d' ' -f3,14,15 "/proc/$pid/stat" 2>/dev/null; stat -c %s "$WORK/$1/store.db-wal" 2>/dev/null)
        case $now in "S "*$'\n'*) [ "$now" = "$last" ] && still=$((still + 1)) || still=0 ;; *) still=0 ;; esac
        [ "$still" -lt 10 ] || break
        last=$now
        sleep 0.05
    done
    kill -9 "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
    exec 8<&-
    check "$1 leaves a log behind" test "$(stat -c %s "$WORK/$1/store.db-wal" 2>/dev/null || echo 0)" -ge 4232
}

# learn_secrets NAME: what that device's store holds as secret, into $WORK/NAME.secrets; asked of a copy.
learn_secrets() {
    local status
    rm -rf "$WORK/copy" && cp -r "$WORK/$1" "$WORK/copy" &&
        "$BUILD/tests/tools/dump_store" secrets "$WORK/copy" "$WORK/$1.passphrase" >"$WORK/$1.secrets"
    status=$?
    rm -rf "$WORK/copy"
    return $status
}

# team_create NAME PERSON: the first device of a team: administrator, coordinator and coach.
team_create() {
    device_make "$1"
    as "$1" team create --server "$SERVER" --code-file "$CODE" --name "$2" --device "$1" \
        --roles administrator,coordinator,coach
}

# device_join ADMINISTRATOR NEWCOMER PERSON ROLES: invites, asks, compares the digits, lets in, syncs.
device_join() {
    local digits
    device_make "$2"
    rm -f "$WORK/$2.invitation"
    as "$1" team invite --name "$3" --roles "$4" --output "$WORK/$2.invitation" >/dev/null || return
    digits=$(as "$2" team join "$WORK/$2.invitation" --json | json digits) || return
    as "$1" device approve "$digits" --device "$2" >/dev/null || return
    as "$2" sync >/dev/null
}

# json PATH: a value of the JSON on standard input, by keys and numbers with dots: families.0.id
json() {
    /usr/bin/python3 -c '
import json, sys
value = json.load(sys.stdin)
for key in sys.argv[1].split("."):
    value = value[int(key)] if isinstance(value, list) else value[key]
print(value if isinstance(value, str) else json.dumps(value))' "$1"
}

# answer NAME DEVICE COMMAND ...: runs it with --json and checks the answer against docs/cli.schema.json; it stays in $WORK/answer.
answer() {
    local name=$1 device=$2 errors
    shift 2
    if ! as "$device" "$@" --json >"$WORK/answer" 2>"$WORK/answer.err"; then
        not_ok "$name" "status $? of: $*" "$(head -c 600 "$WORK/answer.err")"
    elif errors=$(tests/e2e/validate.py "$WORK/answer" 2>&1); then
        ok "$name"
    else
        not_ok "$name" "$errors" "$(head -c 600 "$WORK/answer")"
    fi
}
# value PATH: of the latest answer.
value() { json "$1" <"$WORK/answer"; }
