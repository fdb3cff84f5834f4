#!/bin/bash
# A laptop that was lost: its store, restored on another machine, is the same device to the team. Its person lets a new device of her
# own in from there and shuts the lost one out; the family, the notes and what only the backup had come along.
. "$(dirname "$0")/lib.sh"

# there NAME COMMAND ...: on the other machine, with the passphrase of fatma.
there() {
    BAKEN_HOME=$WORK/$1 BAKEN_PASSPHRASE_FILE=$WORK/fatma.passphrase XDG_STATE_HOME=$WORK/state-there "$BAKEN" "${@:2}" --no-input
}
notes() { "$@" visit list duin --json | grep -oE 'gestuurd|bewaard|na-verlies|nieuw-werk' | sort -u | tr '\n' ' '; }
devices() {
    as anna device list --all --json | /usr/bin/python3 -c 'import json, sys
print(" ".join(d["label"] + ":" + str(d["is_active"]) for d in json.load(sys.stdin)["devices"] if d["person"]["name"] == "Fatma"))'
}

server_start
team_create anna Anna >/dev/null 2>&1 || give_up "a team is made"
device_join anna fatma Fatma coach >"$WORK/out" 2>&1 || give_up "a coach joins" "$(cat "$WORK/out")"
{ as anna family add Duin && as anna family assign duin Fatma && as anna sync && as fatma sync; } >/dev/null 2>&1 ||
    give_up "a family is shared"
{ as fatma visit add duin --text gestuurd && as fatma sync && as fatma visit add duin --text bewaard; } >/dev/null 2>&1 ||
    give_up "one visit is sent and one is not"
check "a backup, before the laptop is lost" as fatma backup "$WORK/fatma.bak"

# ---- on another machine
check "it is restored" there restored restore "$WORK/fatma.bak"
check "and syncs" there restored sync
check_equal "to the team it is the lost device" "$(devices)" "fatma:True"
check "its person invites herself" there restored team invite --person me --output "$WORK/invitation"
there fresh team join "$WORK/invitation" --json >"$WORK/answer" 2>/dev/null
check "lets the new device in" there restored device approve "$(json digits <"$WORK/answer")" --device nieuw
check "which syncs" there fresh sync
check_equal "and has the notes, also what the lost one never sent" "$(notes there fresh)" "bewaard gestuurd "
check "it shuts the lost one out" there fresh device revoke fatma
check "and syncs" there fresh sync
as anna sync >/dev/null 2>&1
check_equal "the team knows" "$(devices)" "fatma:False nieuw:True"

# ---- what the lost laptop can still do, with its passphrase
check "there the old notes can be read" as fatma visit list duin
check "and some can be written" as fatma visit add duin --text na-verlies
check_exit "but not counted" 8 "was revoked" as fatma sync
check "the new device goes on" there fresh visit add duin --text nieuw-werk
there fresh sync >/dev/null 2>&1
check "its colleague fetches" as anna sync
check_equal "what was written after the loss counts nowhere" "$(notes there fresh) $(notes as anna)" \
    "bewaard gestuurd nieuw-werk  bewaard gestuurd nieuw-werk "
as fatma sync >/dev/null 2>&1
check_equal "and the lost one gets nothing new" "$(notes as fatma)" "bewaard gestuurd na-verlies "
check_exit "nor does the restored store, which is the same device" 8 "was revoked" there restored sync

# ---- without a backup: a coordinator lets a new device of hers in
check "a coordinator invites her" as anna team invite --person Fatma --output "$WORK/again"
there third team join "$WORK/again" --json >"$WORK/answer" 2>/dev/null
check "lets her device in" as anna device approve "$(json digits <"$WORK/answer")" --device derde
check "and shuts the lost one out" as anna device revoke nieuw
check "the new one syncs" there third sync
as anna sync >/dev/null 2>&1
there third sync >/dev/null 2>&1
check_equal "and has what was sent" "$(notes there third)" "bewaard gestuurd nieuw-werk "

# ---- an administrator does as a coach does
check "an administrator invites herself" as anna team invite --person me --output "$WORK/her.invitation"
there admin team join "$WORK/her.invitation" --json >"$WORK/answer" 2>/dev/null
check "lets her new device in" as anna device approve "$(json digits <"$WORK/answer")" --device anna-nieuw
there admin sync >/dev/null 2>&1
check "which shuts the old one out" there admin device revoke anna
check_exit "the old one is out" 8 "was revoked" as anna sync

check "a backup of the new device takes the place of the old" there third backup "$WORK/new.bak"
check "the new store is whole" there third doctor
finish
