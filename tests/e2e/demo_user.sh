#!/bin/bash
# The demo passes twice in a row for an ordinary user, from a copy in a path with a space, and leaves no file,
# no process and no key behind. Root becomes nobody for it.
. "$(dirname "$0")/lib.sh"

NOBODY=65534
CONTROL=$(cd "${BAKEN_CONTROL:-build/control}" 2>/dev/null && pwd) || give_up "the control build is there"
HOUSE=$(mktemp -d "${TMPDIR:-/tmp}/baken demo user.XXXXXX") || exit 1
trap 'rm -rf "$HOUSE"; cleanup' EXIT
mkdir -p "$HOUSE/build/debug" "$HOUSE/build/control" "$HOUSE/tests" "$HOUSE/home" "$HOUSE/tmp dir"
cp -r "$BUILD/baken" "$BUILD/bakend" "$BUILD/locale" "$HOUSE/build/debug/"
cp -r "$CONTROL/baken" "$CONTROL/bakend" "$CONTROL/locale" "$HOUSE/build/control/"
cp -r tests/demo "$HOUSE/tests/"
chmod -R a+rX,go-w "$HOUSE"

# as_user COMMAND ...: in the copy, with nothing of our surroundings.
USER_WORDS=(env -i PATH="$PATH" HOME="$HOUSE/home" TMPDIR="$HOUSE/tmp dir")
[ "$(id -u)" -ne 0 ] || USER_WORDS+=(setpriv --reuid=$NOBODY --regid=$NOBODY --clear-groups)
as_user() { (cd "$HOUSE" && exec "${USER_WORDS[@]}" "$@"); }
if [ "$(id -u)" -eq 0 ]; then chown $NOBODY:$NOBODY "$HOUSE/home" "$HOUSE/tmp dir"; fi

# What the user has outside the copy: names in the machine's temporary directories, and keys.
belongings() {
    as_user find /tmp /var/tmp /dev/shm -maxdepth 1 -name '*baken*' -user "$(as_user id -u)" ! -path "$HOUSE" \
        ! -path "$WORK" 2>/dev/null | sort
    as_user grep -o 'baken[^ ]*' /proc/keys | sort
}
# Processes that run a program of the copy, or were started with a path of it.
processes() {
    for process in /proc/[0-9]*; do
        [ "$process" != "/proc/$$" ] || continue
        case $(readlink "$process/exe" 2>/dev/null) in "$HOUSE"/*) echo "${process#/proc/}" ;; esac
        if tr '\0' ' ' 2>/dev/null <"$process/cmdline" | grep -qF "$HOUSE/"; then echo "${process#/proc/}"; fi
    done
}

check "the user is an ordinary one" test "$(as_user id -u)" -ne 0
[ "$(id -u)" -ne 0 ] || check_exit "who cannot write in the copy" 1 "" as_user test -w "$HOUSE/build"
check "and may make a network of its own" as_user unshare -rn true
before=$(belongings)
for run in first second; do
    as_user tests/demo/demo.sh --quiet >"$WORK/$run" 2>&1
    check_equal "the demo passes, $run run" 0 "$?"
    facts=$(grep -c . tests/demo/facts.txt)
    check_equal "with all its facts, $run run" "$facts passed, 0 failed" "$(tail -n 1 "$WORK/$run")"
    check_equal "no file is left, $run run" "" "$(find "$HOUSE/home" "$HOUSE/tmp dir" -mindepth 1 | head -n 5)"
    check_equal "no process is left, $run run" "" "$(processes)"
    check_equal "nothing is left in /tmp and no key, $run run" "$before" "$(belongings)"
done
(cd "$HOUSE" && exec "${USER_WORDS[@]}" /usr/bin/python3 -c 'import time; time.sleep(60)' "$HOUSE/x") &
CONTROL_PID=$!
some_process() { test -n "$(processes)"; }
until_true some_process
check "the search for processes would find one" test -n "$(processes)"
kill "$CONTROL_PID"
wait "$CONTROL_PID" 2>/dev/null

# Ended half-way it clears the stage too.
(cd "$HOUSE" && exec "${USER_WORDS[@]}" tests/demo/demo.sh --quiet) >"$WORK/ended" 2>&1 &
DEMO_PID=$!
has_begun() { test -n "$(find "$HOUSE/tmp dir" -name keyslots.json 2>/dev/null)"; }
check "a third run has begun" until_true has_begun
kill "$DEMO_PID"
wait "$DEMO_PID"
check_equal "it ends when it is told to" 143 "$?"
check_equal "no file is left then" "" "$(find "$HOUSE/home" "$HOUSE/tmp dir" -mindepth 1 | head -n 5)"
check_equal "nor a process" "" "$(processes)"
check_equal "nor a key" "$before" "$(belongings)"
grep -h '^demo: ' "$WORK/first" "$WORK/second"
finish
