#!/bin/bash
# failure_16, builds that differ:
# the simulator's trace, which is over every act, request, answer and final dump, byte for byte: the same by gcc and clang, not
# optimised and as for users, under each locale. There are no floating point numbers in what is synced. START=n begins with
# another seed than the first, SEEDS=n runs more than twenty; a seed that differs is named with what replays it. The simulator's
# texts are short: of long ones the bytes that are packed and the dumps are compared (tests/tools/large.c).
. "$(dirname "$0")/lib.sh"

FLAVOURS="gcc0 release clang0 clang2"
# Turkish lower case and Dutch collation and numbers: both go wrong where a program asks the locale.
LOCALES="C tr_TR.UTF-8 nl_NL.UTF-8"
SEEDS=${SEEDS:-20} START=${START:-1}

for flavour in $FLAVOURS; do
    [ -x "$ROOT/build/$flavour/sim" ] && [ -x "$ROOT/build/$flavour/tests/tools/large" ] ||
        give_up "the simulator is built" "make FLAVOUR=$flavour build/$flavour/sim build/$flavour/tests/tools/large"
done
mkdir -p "$WORK/locales"
for locale in $LOCALES; do
    [ "$locale" = C ] && continue
    check "the locale $locale is made" localedef -i "${locale%.*}" -f UTF-8 "$WORK/locales/$locale"
    # Proof that it is taken: the C library has no other reason to know these words.
    check_says "and taken" "^(Kasım|november)$" env LOCPATH="$WORK/locales" LC_ALL="$locale" date -d 2026-11-22 +%B
done

# traces FLAVOUR LOCALE: a line for each seed.
traces() {
    LOCPATH=$WORK/locales LC_ALL=$2 "$ROOT/build/$1/sim" --seeds "$SEEDS" --start "$START" --jobs 1 --verbose |
        grep -aE '^seed [0-9]+: trace [0-9a-f]{16}$'
}

# large FLAVOUR LOCALE: what stands for long texts.
large() { LOCPATH=$WORK/locales LC_ALL=$2 "$ROOT/build/$1/tests/tools/large"; }

for locale in $LOCALES; do
    for pair in "gcc0 clang0" "release clang2"; do
        for flavour in $pair; do traces "$flavour" "$locale" >"$WORK/$flavour.$locale" & done
        wait
    done
done
check_equal "$SEEDS seeds have a trace" "$SEEDS" "$(wc -l <"$WORK/gcc0.C")"
check "long texts are packed and shown" large gcc0 C
cp "$WORK/check.out" "$WORK/large"
check_equal "the same by two devices" 1 "$(sed -n 's/^shown by [01], //p' "$WORK/large" | sort -u | wc -l)"
check_equal "each of its own" "$SEEDS" "$(cut -d' ' -f4 "$WORK/gcc0.C" | sort -u | wc -l)"
for flavour in $FLAVOURS; do
    for locale in $LOCALES; do
        check "failure_16: the same by $flavour under $locale (else: LC_ALL=$locale build/$flavour/sim --seed N --verbose)" \
            diff "$WORK/gcc0.C" "$WORK/$flavour.$locale"
        check_equal "failure_16: long texts, by $flavour under $locale" "$(cat "$WORK/large")" "$(large "$flavour" "$locale")"
    done
done
finish
