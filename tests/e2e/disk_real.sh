#!/bin/bash
# Real disks that fail: a small ext4 on a loop device and a small tmpfs that are full, a disk that is mounted read-only, one that turns read-only
# by an error of its file system, directories without permission. Each command ends in one sentence that says what happened, what is
# safe and what to do, and nothing that was acknowledged is lost. As root, but for the directories, which an ordinary user meets.
. "$(dirname "$0")/lib.sh"

LOOP=
# shellcheck disable=SC2329
detach() {
    cd "$ROOT" || exit
    mountpoint -q "$WORK/disk" && umount -l "$WORK/disk"
    mountpoint -q "$WORK/memory" && umount -l "$WORK/memory"
    [ -z "$LOOP" ] || losetup -d "$LOOP"
    cleanup
}
trap detach EXIT
root() { if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi; }

# run WORDS: on the store at $PLACE.
run() {
    BAKEN_HOME=$PLACE BAKEN_PASSPHRASE_FILE=$WORK/anna.passphrase XDG_STATE_HOME=$STATE "$BAKEN" "$@" --no-input
}
sentence() { # sentence NAME WORDS: one line, three answers
    cp "$WORK/check.err" "$WORK/told"
    check_equal "$1: in one line" "$(wc -l <"$WORK/told")" 1
    check "$1: what happened" grep -qE "$2" "$WORK/told"
    check "$1: what is safe" grep -qE "; (nothing was changed|what was saved before is still there|[^;]*safe)" "$WORK/told"
    check "$1: what to do" grep -qE "[Mm]ake room|do it again|baken doctor" "$WORK/told"
}
listed() { run visit list duin --limit 1000 --json 2>/dev/null | grep -o '"note":"[^"]*"' | cut -c1-40 | sort; }
lay() { # lay DIRECTORY: a copy of the store there
    PLACE=$1 STATE=$WORK/state.$(basename "$(dirname "$1")").$(basename "$1")
    mkdir -p "$PLACE" && chmod 700 "$PLACE" && cp -p "$WORK"/anna/* "$PLACE/" &&
        run visit add duin --text "before all" >/dev/null 2>&1
}

# The disk is filled but for some room, visits are saved until none fits; then there is room again.
fills_up() { # fills_up NAME MOUNTPOINT
    local saved=0 code=0
    head -c 1000000000 /dev/zero >"$2/filler" 2>/dev/null
    sync "$2/filler"
    truncate -s -2M "$2/filler"
    for i in $(seq 60); do
        run visit add duin --note-file "$WORK/long" >"$WORK/check.out" 2>"$WORK/check.err"
        code=$?
        [ "$code" -eq 0 ] || break
        saved=$i
    done
    check_equal "$1: its code" "$code" 17
    sentence "$1" "full"
    check "$1: some ($saved) were saved before" test "$saved" -ge 1
    run visit add duin --text "refused" >/dev/null 2>&1
    dd if=/dev/zero of="$2/last" bs=512 count=100000 2>/dev/null # not a block is left
    check_exit "$1: not a block is left" 17 "" run visit add duin --text "refused too"
    rm "$2/filler" "$2/last"
    check "$1: with room it goes on" run visit add duin --text "there is room"
    check "$1: doctor finds nothing" run doctor
    check_equal "$1: all that was acknowledged is there" "$(listed | grep -c xxxxx)" "$saved"
    check_equal "$1: and what was refused is not" "$(listed | grep -c '"refused')" 0
}

reads_only() { # reads_only NAME
    check_exit "$1: a visit" 18 "" run visit add duin --text "refused"
    sentence "$1" "only be read|[Rr]ead-only"
    check_exit "$1: a list" 18 "" run visit list duin
    check "$1: the doctor can look" run doctor --look
}

server_start
team_create anna Anna >/dev/null 2>&1 || give_up "a team is made"
as anna family add Duin >/dev/null 2>&1 || give_up "a family is made"
as anna sync >/dev/null 2>&1
head -c 100000 /dev/zero | tr '\0' 'x' >"$WORK/long"

# ---- tmpfs
mkdir -p "$WORK/memory" "$WORK/disk"
if root mount -t tmpfs -o size=6m,mode=777 tmpfs "$WORK/memory" 2>"$WORK/mount.err"; then
    lay "$WORK/memory/store"
    fills_up "a full tmpfs" "$WORK/memory"
else
    echo "# a full tmpfs is not tried: $(cat "$WORK/mount.err")"
fi

# ---- ext4 on a loop device
PATH=$PATH:/usr/sbin:/sbin
truncate -s 24M "$WORK/image"
if mkfs.ext4 -q -m 0 "$WORK/image" 2>"$WORK/mount.err" && LOOP=$(root losetup -f --show "$WORK/image" 2>"$WORK/mount.err") &&
    root mount -o errors=remount-ro "$LOOP" "$WORK/disk" 2>"$WORK/mount.err" && root chmod 777 "$WORK/disk"; then
    lay "$WORK/disk/store"
    fills_up "a full ext4" "$WORK/disk"
    before=$(listed)
    root mount -o remount,ro "$WORK/disk"
    reads_only "a disk that was made read-only" 18
    root mount -o remount,rw "$WORK/disk"
    check_equal "a disk that was made read-only: nothing is lost" "$(listed)" "$before"
    trigger=/sys/fs/ext4/$(basename "$LOOP")/trigger_fs_error
    if [ -w "$trigger" ]; then
        echo 1 >"$trigger"
        reads_only "a disk whose file system failed" 18
        root umount "$WORK/disk"
        root fsck.ext4 -fy "$LOOP" >/dev/null 2>&1
        root mount "$LOOP" "$WORK/disk"
        check_equal "a disk whose file system failed: nothing is lost" "$(listed)" "$before"
        check "and it goes on" run visit add duin --text "mended"
        check "doctor finds nothing" run doctor
    else
        echo "# an error of the file system is not tried: $trigger cannot be written"
    fi
else
    echo "# loop devices are not tried: $(cat "$WORK/mount.err")"
fi

# ---- directories, as an ordinary user
lay "$WORK/theirs/store"
before=$(listed)
ordinary=
if [ "$(id -u)" -eq 0 ]; then
    ordinary="setpriv --reuid=65534 --regid=65534 --clear-groups"
    chmod 755 "$WORK" "$WORK/theirs"
    chown -R 65534:65534 "$WORK/theirs" "$STATE" "$WORK/anna.passphrase"
fi
cp "$BAKEN" "$WORK/theirs/baken"
chmod 755 "$WORK/theirs/baken"
runs() {
    BAKEN_HOME=$PLACE BAKEN_PASSPHRASE_FILE=$WORK/anna.passphrase XDG_STATE_HOME=$STATE $ordinary "$WORK/theirs/baken" "$@" --no-input
}
check "an ordinary user writes" runs visit add duin --text "ordinary"
before=$(listed)
[ "$(id -u)" -ne 0 ] || chown -R 65534:65534 "$PLACE" "$STATE"
chmod 400 "$PLACE"/*
chmod 500 "$PLACE"
check_exit "a directory that may not be written" 18 "" runs visit add duin --text "refused"
sentence "a directory that may not be written" "no right to"
chmod 000 "$PLACE"
check_exit "a directory that may not be entered" 18 "" runs visit add duin --text "refused"
sentence "a directory that may not be entered" "no right to"
chmod 700 "$PLACE"
chmod 600 "$PLACE"/*
chmod 400 "$PLACE/store.db"
check_exit "a file that may not be written" 18 "" runs visit add duin --text "refused"
check_equal "a file that may not be written: in one line" "$(wc -l <"$WORK/check.err")" 1
chmod 600 "$PLACE"/*
check_equal "nothing is lost" "$(listed)" "$before"
[ "$(id -u)" -ne 0 ] || chown -R 65534:65534 "$PLACE" "$STATE"
check "with its rights it goes on" runs visit add duin --text "again"
finish
