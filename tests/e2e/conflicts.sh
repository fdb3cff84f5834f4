#!/bin/bash
# Two versions as people meet them: side by side, with what differs, who had seen what, a proposal; chosen in each way, while
# another version arrives; and what was put away is found again.
. "$(dirname "$0")/lib.sh"

sync() { for name in "$@"; do as "$name" sync >/dev/null 2>&1 || not_ok "$name syncs"; done; }
# edit DEVICE OPTIONS ...: of the goal.
edit() {
    local name=$1
    shift
    as "$name" goal edit "$goal" "$@" >/dev/null 2>&1 || not_ok "$name edits the goal"
}
# settle: both have everything, and nothing has two versions.
settle() {
    sync anna fatma anna
    check_equal "nothing has two versions" "[]" "$(as anna conflicts --json | json conflicts)"
}
goal_value() { as anna goal list duin --all --json | json "goals.0.$1"; }

set_up() {
    server_start
    team_create anna Anna && device_join anna fatma Fatma coach && device_join anna joris Joris coach || return
    as anna family add Duin && as anna family assign duin Fatma && as anna family assign duin Joris || return
    as anna goal add duin --text $'Mo gets up at seven.\nHe has breakfast.\nHe takes the bus.' --deadline 2026-12-20 --json >"$WORK/goal" || return
    goal=$(json goal.id <"$WORK/goal")
    sync anna fatma joris
    as fatma goal list duin | grep -q "gets up at seven"
}
set_up >"$WORK/set_up.out" 2>&1 || give_up "the team is set up" "$(tail -n 5 "$WORK/set_up.out")"

# ---- lines that do not overlap: side by side, and a proposal
edit anna --text $'Mo gets up at six.\nHe has breakfast.\nHe takes the bus.'
edit fatma --text $'Mo gets up at seven.\nHe has breakfast.\nHe walks to school.' --deadline 2027-01-15
as fatma visit add duin --text "Breakfast together." --json >"$WORK/breakfast" 2>/dev/null
breakfast=$(json visit.id <"$WORK/breakfast")
as fatma sync >/dev/null 2>&1
answer "sync, which brings what a colleague changed" anna sync
news() { python3 -c 'import json, sys
print(*sorted(n["kind"] + " " + n["entity"] + "." + n["unit"] + " " + n["person"]["name"] for n in json.load(open(sys.argv[1]))["news"]), sep="|")' "$WORK/answer"; }
check_equal "what is also changed, and what has two versions, by whom" "new contact.report Fatma|two_versions goal.goal Fatma" "$(news)"
check_equal "one thing has two versions since" 1 "$(value report.new_conflicts)"
answer "sync, once more" anna sync
check_equal "it is told once" " 0" "$(news) $(value report.new_conflicts)"
check_equal "and status has nothing left to tell" "[]" "$(as anna status --json | json news)"
as fatma visit amend "$breakfast" --reason "with bread" --text "Breakfast together, with bread." >/dev/null 2>&1
as fatma visit add duin --text "Lunch together." >/dev/null 2>&1
as fatma sync >/dev/null 2>&1
unread() { as "$@" >/dev/full; }
check_exit "an answer that could not be written" 18 "could not be written" unread anna sync
as anna sync >"$WORK/told" 2>/dev/null
check_equal "people read that a visit is new" 1 "$(grep -cE '^new +Duin +visit +report' "$WORK/told")"
check_equal "and that one which they had was changed" 1 "$(grep -cE '^also changed +Duin +visit +report' "$WORK/told")"
answer "conflicts" anna conflicts
conflict=$(value conflicts.0.id) token=$(value conflicts.0.token)
check_equal "the base is what both had" "$(value conflicts.0.base.value.text)" $'Mo gets up at seven.\nHe has breakfast.\nHe takes the bus.'
check_equal "the first version is Anna's" "$(value conflicts.0.versions.0.person.name)" Anna
check_equal "the second is of Fatma's device" "$(value conflicts.0.versions.1.device)" fatma
check_equal "it is told when the server took each" "20 20" \
    "$(value conflicts.0.versions.0.arrived_at | cut -c 1-2) $(value conflicts.0.versions.1.arrived_at | cut -c 1-2)"
check_equal "both had seen the same version" "$(value conflicts.0.versions.0.seen)" "$(value conflicts.0.versions.1.seen)"
# moment PATH: of the latest answer, as people read it. line NUMBER LABEL: what they read of that version.
moment() { value "$1" | cut -c 1-16 | tr T ' '; }
line() { as anna conflicts | awk -v number="$1" -v label="$2" '/^Version / { at = $2 } at == number && sub("^" label "  +", "")'; }
check_says "people read what a version's author had seen" "^Had seen  +Anna, 20[0-9-]+ [0-9:]+$" as anna conflicts
check_says "when it reached the server" "^At the server  +20[0-9-]+ [0-9:]+$" as anna conflicts
check_says "and when it was saved" "^When  +20[0-9-]+ [0-9:]+$" as anna conflicts
for number in 1 2; do
    at=conflicts.0.versions.$((number - 1))
    check_equal "version $number: they are whose and which the answer names" \
        "$(value $at.person.name), $(value $at.device), $(moment $at.at), $(moment $at.arrived_at), Anna, $(moment $at.seen.0.at)" \
        "$(line $number Who), $(line $number "On device"), $(line $number When), $(line $number "At the server"), $(line $number "Had seen")"
done
check_equal "the word that Anna changed" '[{"op": "equal", "text": "Mo gets up at "}, {"op": "delete", "text": "seven"}, {"op": "insert", "text": "six"}]' \
    "$(value conflicts.0.versions.0.since_base.0.diff | python3 -c 'import json, sys; print(json.dumps(json.load(sys.stdin)[:3]))')"
check_equal "the proposal has both changes" $'Mo gets up at six.\nHe has breakfast.\nHe walks to school.' "$(value conflicts.0.proposal.value.text)"
check_equal "and the day that one changed" 2027-01-15 "$(value conflicts.0.proposal.value.deadline)"
check_says "in one column what differs stands in brackets" "up at \[-six-\]\{\+seven\+\}" as anna conflicts
wide=$(COLUMNS_WIDE=120 BAKEN_HOME=$WORK/anna BAKEN_PASSPHRASE_FILE=$WORK/anna.passphrase XDG_STATE_HOME=$WORK/state \
    tests/e2e/terminal.py -- "$BAKEN" conflicts --no-input 2>&1)
check_equal "on a wide terminal they stand side by side" 1 "$(grep -cE 'up at \[-six-\]\. +\| .*up at \{\+seven\+\}\.' <<<"$wide")"
check "the proposal is taken" as anna resolve "$conflict" --token "$token" --take proposal
check_equal "and holds" $'Mo gets up at six.\nHe has breakfast.\nHe walks to school.' "$(goal_value text)"
settle

# ---- the same line: no proposal; both, with a day that only a person can choose
edit anna --text "Mo is on time." --deadline 2026-12-01
edit fatma --text "Mo sleeps enough." --deadline 2026-12-02
sync fatma anna
answer "conflicts, in the same line" anna conflicts
conflict=$(value conflicts.0.id) token=$(value conflicts.0.token)
check_equal "nothing is proposed" null "$(value conflicts.0.proposal)"
check_exit "nor can it be taken" 3 "there is no proposal" as anna resolve "$conflict" --token "$token" --take proposal
check_says "the way to choose names whose day" "^To choose, WHAT is 1 to 2: .*both:2: the texts .*new:2: " as anna conflicts
check_exit "both texts, but whose day?" 3 "differ in .deadline., which cannot be put together.*--take both:2" \
    as anna resolve "$conflict" --token "$token" --take both
check_exit "a new text, but whose day?" 3 "differ in .deadline." as anna resolve "$conflict" --token "$token" --take new --text "Mo rests."
check_equal "nothing was chosen meanwhile" "$token" "$(as anna conflicts --json | json conflicts.0.token)"
check "both texts, and the second's day" as anna resolve "$conflict" --token "$token" --take both:2
check_equal "both stand below each other" $'Mo is on time.\n\nMo sleeps enough.' "$(goal_value text)"
check_equal "with that day" 2026-12-02 "$(goal_value deadline)"
settle

# ---- a version that arrives while one decides is not superseded
edit anna --text "Anna's words."
edit fatma --text "Fatma's words."
sync fatma anna
answer "conflicts, before the arrival" anna conflicts
conflict=$(value conflicts.0.id) token=$(value conflicts.0.token)
check_says "of texts alone, nothing more is to be said" "that version; both: the texts .*; new: a text" as anna conflicts
edit joris --text "Joris's words."
sync joris anna
answer "conflicts, after it" anna conflicts
check_equal "there are three versions now" 3 "$(value conflicts.0.versions | grep -o '"number"' | wc -l)"
answer "the choice between the two that were on the screen" anna resolve "$conflict" --token "$token" --take new --text "What both want."
check_equal "it replaced two" 2 "$(value resolved.versions)"
check_equal "and says that one was not on the screen" versions_left "$(value notices.0.code)"
answer "conflicts, after the choice" anna conflicts
check_equal "the third stands beside the result" "Joris's words. What both want." \
    "$(value conflicts.0.versions.0.value.text) $(value conflicts.0.versions.1.value.text)"
old=$token token=$(value conflicts.0.token)
check_exit "the old token names what was replaced" 14 "replaced meanwhile" as anna resolve "$conflict" --token "$old" --take 1
check "the last choice" as anna resolve "$conflict" --token "$token" --take new --text "What all want."
sync anna joris
settle
check_equal "all see the same" "What all want." "$(as joris goal list duin --json | json goals.0.text)"

# ---- what was put away is found again, and holds again after both have synced
# mark TEXT: of the version with that text in the history that was asked for last.
mark() {
    python3 -c 'import json, sys
for unit in json.load(open(sys.argv[1]))["units"]:
    for version in unit["versions"]:
        if version["value"] and sys.argv[2] in version["value"].values():
            print(version[sys.argv[3]])' "$WORK/answer" "$1" "${2:-mark}"
}
answer "history" anna history "$goal"
check_equal "the version of Joris was put away" replaced "$(mark "Joris's words." state)"
check_equal "by what was chosen" "$(mark "What all want.")" "$(mark "Joris's words." replaced_by)"
check_equal "the first text is there too" 1 "$(mark $'Mo gets up at seven.\nHe has breakfast.\nHe takes the bus.' | wc -l)"
check_equal "nothing is unreadable" 0 "$(value unreadable)"
check_says "for people with the author of each" "Who +Joris" as anna history "${goal: -6}.goal"
check_exit "a version that never was" 4 "no version .zzzzz." as anna undo "${goal: -6}.goal" --token "$(value units.0.token)" --take zzzzz
check_exit "without its part" 3 "names no part" as anna undo "$goal" --token "$(value units.0.token)" --take "$(mark "Joris's words.")"
stale=$(value units.0.token) words=$(mark "Joris's words.")
answer "undo" anna undo "${goal: -6}.goal" --token "$stale" --take "$words"
check_exit "not twice over the same" 14 "replaced meanwhile" as anna undo "${goal: -6}.goal" --token "$stale" --take "$words"
settle
check_equal "the old words hold at the other" "Joris's words." "$(as fatma goal list duin --json | json goals.0.text)"
check_equal "and what they replaced is in her history" 1 "$(as fatma history "$goal" --json >"$WORK/answer"; mark "What all want." | wc -l)"

# ---- opposite choices over the same two versions: neither was before the other, so there is no base, and nothing is proposed
# choose DEVICE WHAT ...: in the only conflict that it has.
choose() {
    local name=$1
    shift
    as "$name" conflicts --json >"$WORK/$name.conflicts" 2>/dev/null
    as "$name" resolve "$(json conflicts.0.id <"$WORK/$name.conflicts")" --token "$(json conflicts.0.token <"$WORK/$name.conflicts")" \
        --take "$@" >/dev/null 2>&1 || not_ok "$name chooses $1"
}
# has_no_base NAME: of the conflict that Anna was told of last.
has_no_base() {
    check_equal "$1: nothing stood there for all" null "$(value conflicts.0.base)"
    check_equal "$1: nothing is proposed" null "$(value conflicts.0.proposal)"
    check_equal "$1: nor told since what each changed" 0 "$(grep -c since_base "$WORK/answer")"
    check_exit "$1: nor can a proposal be taken" 3 "there is no proposal" \
        as anna resolve "$(value conflicts.0.id)" --token "$(value conflicts.0.token)" --take proposal
}
edit anna --text "Work at the town hall."
edit fatma --text "Work in a hospital."
sync anna fatma joris anna
choose anna 1
choose fatma 2
sync anna fatma anna joris
answer "conflicts, after opposite choices" anna conflicts
has_no_base "of opposite choices"
check_equal "people do not read that all had one of them" 0 "$(as anna conflicts 2>&1 | grep -cE "Before, all had|Proposal")"
choose anna 1
choose fatma 2
choose joris new --text "Work in the woods."
sync anna fatma joris anna
answer "conflicts, after the choices of three" anna conflicts
check_equal "there are three versions" 3 "$(value conflicts.0.versions | grep -o '"number"' | wc -l)"
has_no_base "of three choices"
choose anna both
check_equal "all three stand below each other" $'Work at the town hall.\n\nWork in a hospital.\n\nWork in the woods.' "$(goal_value text)"
sync anna joris
settle

# ---- what is reached in one version, and not in the other, stays in the open lists
edit anna --text "Eat at six."
edit fatma --status reached
sync fatma anna fatma
answer "goal list, of what is reached in one version" anna goal list duin
check_equal "it is listed, as it is shown" "reached 1" "$(value goals.0.status) $(value goals.0.conflicts)"
check_says "with the mark that there are two" "reached +two versions" as anna goal list duin
check_says "also with the whole family" "reached +two versions" as fatma family show duin
answer "conflicts, of that" anna conflicts
check "the open one is chosen" as anna resolve "$(value conflicts.0.id)" --token "$(value conflicts.0.token)" --take 1
settle

# ---- a family and how to reach it
sync anna fatma
as anna family edit duin --phase afronding --reach "by Anna's number" >/dev/null 2>&1
as fatma family edit duin --phase start --reach "by Fatma's number" >/dev/null 2>&1
sync anna fatma anna
check_equal "that the phase and how to reach them have two versions stands in the family" 2 \
    "$(as anna family show duin | grep -cE '^Remark: +two versions|^Remark +two versions')"
for _ in 1 2; do
    answer "conflicts, of a family" anna conflicts
    as anna resolve "$(value conflicts.0.id)" --token "$(value conflicts.0.token)" --take 1 >/dev/null 2>&1
done
settle
check_equal "no more, once they are resolved" 0 "$(as anna family show duin | grep -c 'two versions')"

# ---- deleted here, changed there
goal_row() { as "$1" goal list duin --all --json >"$WORK/answer"; }
answer "goal delete" anna goal delete "$goal"
check_equal "it is hidden" "[]" "$(as anna goal list duin --json | json goals)"
check_exit "not twice" 3 "deleted already" as anna goal delete "$goal"
answer "goal list with what is deleted" anna goal list duin --all
check_equal "its deletion is told" "true Anna" "$(value goals.0.is_deleted) $(value goals.0.deleted_by.name)"
edit fatma --text "Fatma goes on with it."
sync anna fatma anna
goal_row anna
check_equal "what a colleague changed shows it again" "false Anna" "$(value goals.0.is_deleted) $(value goals.0.deleted_by.name)"
check_says "deleted by the one, changed by the other" "deleted by Anna, changed by Fatma" as anna goal list duin
check_says "also with the whole family" "deleted by Anna, changed by Fatma" as fatma family show duin
answer "goal restore" fatma goal restore "$goal"
sync fatma anna
goal_row anna
check_equal "who saw the deletion takes it back" "false null" "$(value goals.0.is_deleted) $(value goals.0.deleted_by)"
check_exit "there is nothing to restore" 3 "was not deleted" as fatma goal restore "$goal"
edit fatma --text "Fatma changed it before."
as anna goal delete "$goal" >/dev/null 2>&1
sync fatma anna fatma
check_says "who changed it is told, also where the deletion is newer" "deleted by Anna, changed by Fatma" as anna goal list duin
check_says "at the other too" "deleted by Anna, changed by Fatma" as fatma goal list duin
check "it is taken back" as fatma goal restore "$goal"
sync fatma anna
as anna agreement add duin --text "Call school" --json >"$WORK/agreement" 2>/dev/null
agreement=$(json agreement.id <"$WORK/agreement")
answer "agreement delete" anna agreement delete "$agreement"
answer "agreement restore" anna agreement restore "$agreement"
check_equal "it is there again" 1 "$(as anna agreement list duin --json | grep -c "Call school")"
as anna member add duin --given-name Mo --json >"$WORK/member" 2>/dev/null
member=$(json member.id <"$WORK/member")
answer "member delete" anna member delete "$member"
check_equal "he is not listed" "[]" "$(as anna member list duin --json | json members)"
answer "member list with what is deleted" anna member list duin --all
check_equal "but with --all" true "$(value members.0.is_deleted)"
answer "member restore" anna member restore "$member"
withdrawn=$(as anna visit add duin --text "of another family" --json 2>/dev/null | json visit.id)
check "a visit is withdrawn" as anna visit withdraw "$withdrawn" --reason "of another family"
check_equal "it is not listed" 0 "$(as anna visit list duin | grep -c "of another family")"
check_says "with --all it is, as withdrawn" "of another family +withdrawn$" as anna visit list duin --all
check_says "nothing asks for attention" "^Nothing asks for attention today" as anna today
check_exit "a report is not deleted" 2 "after .baken visit. comes one of" as anna visit delete "$member"
settle

# ---- what a merge made that nobody meant
as anna goal add duin --text "Eat together." >/dev/null 2>&1
as fatma goal add duin --text "Eat together." >/dev/null 2>&1
as fatma sync >/dev/null 2>&1
answer "sync, which brings the same goal again" anna sync
check_equal "it is told that something asks for a look" 1 "$(value new_findings)"
answer "today" anna today
check_equal "the goal is there twice" goal-twice "$(value findings.0.rule)"
check_equal "people do not read that there is nothing" 0 "$(as anna today | grep -c "Nothing asks")"
finding=$(value findings.0.id)
check_exit "a dismissal needs a reason" 3 "--reason is needed" as anna dismiss "$finding"
answer "dismiss" anna dismiss "$finding" --reason "one for each child"
answer "today, after it" anna today
check_equal "it is found no more" "[]" "$(value findings)"
sync anna fatma
answer "today, at the colleague" fatma today
check_equal "nor at the colleague" "[]" "$(value findings)"
answer "today --all, at the colleague" fatma today --all
check_equal "who said so, and why, can be read there" "Anna one for each child" \
    "$(value dismissed.0.person.name) $(value dismissed.0.reason)"
check_exit "taking it back needs a reason too" 3 "--reason is needed" as fatma dismiss "$finding" --undo
answer "dismiss --undo" fatma dismiss "$finding" --undo --reason "it is one child"
sync fatma anna
answer "today, after it was taken back" anna today
check_equal "it is found again" goal-twice "$(value findings.0.rule)"
check_exit "once is enough" 14 "nobody has dismissed this" as anna dismiss "$finding" --undo --reason "twice"
answer "dismiss, again" anna dismiss "$finding" --reason "one for each child after all"
sync anna fatma

# ---- who may choose
second_device() {
    local digits
    device_make "$2"
    as anna team invite --person "$1" --output "$WORK/$2.invitation" || return
    digits=$(as "$2" team join "$WORK/$2.invitation" --json | json digits) || return
    as anna device approve "$digits" --device "$2" && as "$2" sync
}
as anna family edit duin --phase startfase >/dev/null 2>&1
sync anna fatma
as anna family edit duin --phase veranderfase >/dev/null 2>&1
as fatma family edit duin --phase afbouw >/dev/null 2>&1
sync fatma anna fatma
answer "a phase with two versions, at a coach" fatma conflicts
check_equal "the coach may not choose" false "$(value conflicts.0.may_choose)"
check_says "and reads who may" "Not for you to choose.*owner or a coordinator" as fatma conflicts
check_exit "nor can she" 8 "owner or a coordinator" as fatma resolve "$(value conflicts.0.id)" --token "$(value conflicts.0.token)" --take 2
answer "at the owner" anna conflicts
check_says "who reads no way to put two phases together" "^To choose, WHAT is 1 to 2: that version:$" as anna conflicts
check "the owner chooses" as anna resolve "$(value conflicts.0.id)" --token "$(value conflicts.0.token)" --take 2
settle
check "a second device of Fatma's" second_device Fatma tablet
as fatma visit add duin --text "Coffee with the mother." --time 09:00 --json >"$WORK/visit" 2>/dev/null
visit=$(json visit.id <"$WORK/visit")
sync fatma tablet
as fatma visit amend "$visit" --reason "typing error" --text "Tea with the mother." --time 14:05 >/dev/null 2>&1
as tablet visit amend "$visit" --reason "forgot" --text "Coffee with the mother and Mo." >/dev/null 2>&1
sync fatma tablet anna fatma
answer "a report with two versions, at a colleague" anna conflicts
check_equal "a time of day is a number for programs" 845 "$(value conflicts.0.versions.0.value.time)"
check_says "and hours and minutes for people, also in what differs" "\[-14:05-\]\{\+09:00\+\}" as anna conflicts
check_equal "in no version as a number" 0 "$(as anna conflicts | grep -cE '\b(845|540)\b')"
check_says "also in its history" "time +14:05" as anna history "$visit"
check_equal "the colleague may not choose" false "$(value conflicts.0.may_choose)"
check_exit "nor can she" 8 "only its author" as anna resolve "$(value conflicts.0.id)" --token "$(value conflicts.0.token)" --take 1
answer "at its author" fatma conflicts
check "the author chooses" as fatma resolve "$(value conflicts.0.id)" --token "$(value conflicts.0.token)" --take 2
settle
answer "history of a report" fatma history "$visit"
first=$(mark "Coffee with the mother.") token=$(value units.0.token)
check_equal "its first version was replaced" replaced "$(mark "Coffee with the mother." state)"
check_exit "only its author takes an old report again" 8 "only its author" \
    as anna undo "${visit: -6}.report" --token "$token" --take "$first" --reason "she said coffee"
check_exit "and needs a reason" 3 "--reason is needed" as fatma undo "${visit: -6}.report" --token "$token" --take "$first"
check "the author does" as fatma undo "${visit: -6}.report" --token "$token" --take "$first" --reason "it was coffee after all"
check_equal "the first text holds" "Coffee with the mother." "$(as fatma visit show "$visit" --json | json visit.note)"
settle
as fatma visit withdraw "$visit" --reason "another family" >/dev/null 2>&1
check_says "that it was withdrawn is read as a word" "^withdrawn +yes$" as fatma history "$visit"
answer "history of a report that was withdrawn" fatma history "$visit"
check_equal "and is a number for programs" 1 "$(value units.0.versions.-1.value.withdrawn)"
answer "visit amend, of a report that was withdrawn" fatma visit amend "$visit" --reason "typing error" --text "Not ours."
check_equal "who corrects it is told that it stays withdrawn" withdrawn "$(value notices.-1.code)"
token=$(as fatma history "$visit" --json | json units.0.token)
check "and can have it back by the way that is named" as fatma undo "${visit: -6}.report" --token "$token" --take "$first" --reason "it was ours"
check_says "then it is in the list" "Coffee with the mother" as fatma visit list duin

finish
