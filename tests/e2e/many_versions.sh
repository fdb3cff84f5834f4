#!/bin/bash
# More versions of one thing than a screen takes, a hundred things with two versions, and the middle one of three again: what
# `baken conflicts`, `resolve`, `history` and `undo` show of them, and that nothing of it stands in anybody's way.
. "$(dirname "$0")/lib.sh"

COPIES=18
GOALS=100

sync() { for name in "$@"; do as "$name" sync >/dev/null 2>&1 || not_ok "$name syncs"; done; }
set_up() {
    server_start
    team_create anna Anna && device_join anna fatma Fatma coach || return
    as anna family add Duin && as anna family assign duin Fatma || return
    as anna goal add duin --text "Mo gets up at seven." --json >"$WORK/goal" || return
    goal=$(json goal.id <"$WORK/goal")
    sync anna fatma
    as fatma backup "$WORK/backup"
}
set_up >"$WORK/set_up.out" 2>&1 || give_up "the team is set up" "$(tail -n 5 "$WORK/set_up.out")"

# ---- many versions of one: each copy of one store writes before it hears of the others
copy() {
    mkdir -p "$WORK/copy$1.state" && cp "$WORK/fatma.passphrase" "$WORK/copy$1.passphrase" || return
    as "copy$1" restore "$WORK/backup" && as "copy$1" goal edit "$goal" --text "Mo gets up at $1." && as "copy$1" sync
}
for i in $(seq $COPIES); do copy "$i" >"$WORK/copy.out" 2>&1 || give_up "copy $i writes" "$(tail -n 3 "$WORK/copy.out")"; done
answer "sync, which brings them all" anna sync
check_equal "it is one thing that has two versions" 1 "$(value report.new_conflicts)"
answer "conflicts" anna conflicts
check_equal "sixteen are on the screen" 16 "$(value conflicts.0.versions | grep -o '"number"' | wc -l)"
check_equal "the others are counted" $((COPIES - 16)) "$(value conflicts.0.versions_left_out)"
check_says "and told of" "And $((COPIES - 16)) more versions" as anna conflicts
check_says "what to type names as many as there are" "WHAT is 1 to 16" as anna conflicts
token=$(value conflicts.0.token) conflict=$(value conflicts.0.id)
taken=$(value conflicts.0.versions.15.value.text)
check_exit "a version that is not on the screen cannot be taken" 3 "there is no version 17; there are 16" \
    as anna resolve "$conflict" --token "$token" --take 17
answer "resolve" anna resolve "$conflict" --token "$token" --take 16
check_equal "what was not on the screen stays" $((COPIES - 16)) "$(value resolved.versions_left)"
answer "conflicts, after it" anna conflicts
check_equal "the choice and the others" $((COPIES - 15)) "$(value conflicts.0.versions | grep -o '"number"' | wc -l)"
check "the choice is among them" grep -qF "$taken" "$WORK/answer"
answer "resolve, the rest" anna resolve "$(value conflicts.0.id)" --token "$(value conflicts.0.token)" --take new --text "Mo gets up."
check_equal "nothing has two versions" "[]" "$(as anna conflicts --json | json conflicts)"
answer "history" anna history "$goal"
check_equal "every version can be read" $((COPIES + 3)) \
    "$(python3 -c 'import json, sys
print(sum(len(u["versions"]) for u in json.load(open(sys.argv[1]))["units"] if u["unit"] == "goal"))' "$WORK/answer")"
sync anna fatma
check_says "it is so everywhere" "Mo gets up\.( |$)" as fatma goal list duin

# ---- a hundred things at once
goals=()
for i in $(seq $GOALS); do
    goals+=("$(as anna goal add duin --text "goal $i" --json 2>/dev/null | json goal.id)")
done
sync anna fatma
for id in "${goals[@]}"; do
    as anna goal edit "$id" --text "at Anna's" >/dev/null 2>&1 || not_ok "Anna edits $id"
    as fatma goal edit "$id" --text "at Fatma's" >/dev/null 2>&1 || not_ok "Fatma edits $id"
done
sync anna
answer "sync, with a hundred choices" fatma sync
check_equal "each is counted" $GOALS "$(value report.new_conflicts)"
sync anna
answer "conflicts, a hundred" anna conflicts
check_equal "each is shown" $GOALS "$(value conflicts | grep -o '"token"' | wc -l)"
check "work goes on beside them" as anna visit add duin --text "Breakfast together."
sync anna fatma
check_says "and arrives" "Breakfast together" as fatma visit list duin
settled=0
for i in 0 49 99; do
    answer "conflicts, one" anna conflicts "${goals[$i]: -6}"
    as anna resolve "$(value conflicts.0.id)" --token "$(value conflicts.0.token)" --take 1 >/dev/null 2>&1 && settled=$((settled + 1))
done
check_equal "any of them is resolved by itself" 3 "$settled"
sync anna
answer "sync, which brings the choices" fatma sync
check_equal "nothing new has two versions" 0 "$(value report.new_conflicts)"
check_equal "the others still do" $((GOALS - 3)) "$(as fatma today --json | json conflicts)"

# ---- the middle one of three again
three=$(as anna goal add duin --text "first" --json 2>/dev/null | json goal.id)
sync anna fatma
as fatma goal edit "$three" --text "second" >/dev/null 2>&1
sync fatma anna
as anna goal edit "$three" --text "third" >/dev/null 2>&1
sync anna fatma
mark() {
    python3 -c 'import json, sys
for unit in json.load(open(sys.argv[1]))["units"]:
    for version in unit["versions"]:
        if version["value"] and version["value"].get("text") == sys.argv[2]:
            print(version[sys.argv[3]])' "$WORK/answer" "$1" "${2:-mark}"
}
answer "history, of three" anna history "$three"
second=$(mark second)
check_equal "the middle one was replaced by the third" "$(mark third)" "$(mark second replaced_by)"
answer "undo" anna undo "${three: -6}.goal" --token "$(value units.0.token)" --take "$second"
sync anna fatma
for name in anna fatma; do
    check_says "it holds again at $name" "second" as "$name" goal list duin
    answer "history at $name, afterwards" "$name" history "$three"
    check_equal "the third was put away" replaced "$(mark third state)"
    check_equal "by the second, once more" "current" "$(mark second state | tail -n 1)"
done
finish
