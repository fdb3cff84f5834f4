#!/bin/bash
# A core forced at any moment of a command, and one of a program that opened and closed a store, holds no passphrase and no
# key: not the store's, the file's, the slots', an epoch's nor the device's own. The control plants one, which must be found.
. "$(dirname "$0")/lib.sh"

BARE=$(mktemp -d /tmp/baken-e2e.XXXXXX) && trap 'rm -rf "$BARE"; cleanup' EXIT
STOP=$BARE/core_stop.so # LD_PRELOAD takes no path with a space
gcc -shared -fPIC -O1 -o "$STOP" tests/e2e/core_stop.c -ldl || give_up "the library to stop with is built"

# cores NAME WORDS ...: runs the command on that device; what a core would hold at each moment lies in $WORK/cores then.
cores() {
    rm -rf "$WORK/cores" && mkdir "$WORK/cores"
    STOP_DIR=$WORK/cores LD_PRELOAD=$STOP as "$@"
}
search() { tests/e2e/core_search.py "$WORK/anna.secrets" "$WORK/anna.passphrase" "$WORK/anna/keyslots.json" "$@"; }
# clean NAME WORDS ...: the command succeeds, and none of its moments shows a secret.
clean() {
    local name=$1
    shift
    check "$name works" cores anna "$@"
    check "$name: cores were forced, the last at the end" test -s "$WORK/cores/core.60"
    check "$name: no core holds a secret" search "$WORK/cores"
}

server_start
team_create anna Anna >/dev/null 2>&1 || give_up "a team is made"
as anna family add Duin >/dev/null 2>&1 || give_up "a family is made"
device_join anna berk Berk coach >/dev/null 2>&1 || give_up "a colleague joins"
check "the secrets are known" learn_secrets anna
check "among them keys of epochs" test "$(wc -l <"$WORK/anna.secrets")" -ge 9

clean "visit add, by the passphrase" visit add duin --text "the first"
clean "sync" sync
clean "team invite, which signs" team invite --name Cato --roles coach --output "$WORK/cato"
if as anna unlock >/dev/null 2>&1; then
    clean "visit add, unlocked" visit add duin --text "the second"
    clean "lock" lock
fi
clean "caseload, which reads" caseload
check "secrets are learnt again" learn_secrets anna
clean "family add, which makes keys" family add Vos
# Beyond the first pages another library has the cipher.
head -c 250000 /dev/zero | tr '\0' m >"$WORK/much"
for i in 1 2 3 4 5 6; do as anna visit add duin --note-file "$WORK/much" >/dev/null 2>&1; done
clean "doctor, over many pages" doctor
check "they were many" test "$(stat -c %s "$WORK/anna/store.db")" -gt 4000000
clean "recovery print" recovery print --output "$WORK/sheet.html"
clean "passphrase change by the sheet" passphrase change "$WORK/anna.passphrase" \
    --recovery-file <(/usr/bin/python3 tests/decoders/qr.py "$WORK/sheet.html")
check "secrets are learnt again" learn_secrets anna
clean "a program that opened and closed the store" visit list
clean "bundle export, which signs and seals" bundle export --for berk --output "$WORK/bundle"
server_stop
check_exit "sync --wait gives up" 9 "" cores anna sync --wait 2
check "sync --wait, which closes the store and opens it again: no core holds a secret" search "$WORK/cores"
check_exit "a wrong passphrase" 7 "" cores anna visit list --passphrase-file "$WORK/berk.passphrase"
check "a wrong passphrase: no core holds a secret" search "$WORK/cores"

# The kernel's own, where it writes cores to files.
case $(cat /proc/sys/kernel/core_pattern) in
'|'* | /*) ;;
*)
    rm -rf "$WORK/dead" && mkdir "$WORK/dead"
    (cd "$WORK/dead" && STOP_ABORT=4 cores anna visit add duin --text "the third") >/dev/null 2>&1
    check "the kernel wrote a core" test -n "$(ls -A "$WORK/dead")"
    check "and it holds no secret" search "$WORK/dead"
    ;;
esac

# The controls: one secret in ordinary memory, and one in a file, are found.
sed -n 's/^store-key //p' "$WORK/anna.secrets" | xxd -r -p >"$WORK/plant"
STOP_PLANT=$WORK/plant cores anna visit list >/dev/null 2>&1
check_exit "control: a key left in ordinary memory is found" 1 "" search "$WORK/cores"
cp "$WORK/check.out" "$WORK/hits"
check_says "control: by its name" store-key cat "$WORK/hits"
mkdir "$WORK/planted" && cp "$WORK/anna.passphrase" "$WORK/planted/"
check_exit "control: a passphrase in a file is found" 1 "" search "$WORK/planted"

# Without a force there is no core at all.
as_alone anna unlock --passphrase-command 'sleep 20' >/dev/null 2>&1 &
pid=$!
until_true grep -q "Max core file size *0 *0" "/proc/$pid/limits" && ok "core dumps are off" || not_ok "core dumps are off"
kill -9 "$pid" && wait "$pid" 2>/dev/null
finish
