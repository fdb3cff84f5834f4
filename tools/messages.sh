#!/bin/sh
# usage: messages.sh merge: collect the messages of the sources and merge them into po/*.po.
#        messages.sh check: print what the sources say that po/nl.po lacks. Silent when all is well.
# The collected template stays in build/: it can be made again. No line numbers and sorted messages
# keep changes of different people apart.
set -eu
template=build/baken.pot
mkdir -p build
git ls-files --cached --others --exclude-standard -- 'core/*.c' 'sync/*.c' 'server/*.c' 'cli/*.c' |
    sort | xgettext --files-from=- --output="$template" --keyword=_ --keyword=N_ --keyword=P_:1,2 --language=C \
        --from-code=UTF-8 --no-location --sort-output --no-wrap --package-name=baken \
        --flag=rc_fail:2:c-format --flag=rc_while:2:c-format --flag=buf_printf:2:c-format
[ -f "$template" ] || exit 0 # no messages at all
sed -i -e '/^"POT-Creation-Date/d' -e 's/charset=CHARSET/charset=UTF-8/' "$template"

case ${1:-} in
merge)
    for po in po/*.po; do
        msgmerge --quiet --update --backup=none --no-fuzzy-matching --no-location --sort-output \
            --no-wrap "$po" "$template"
        msgattrib --no-obsolete --no-wrap --sort-output --output-file="$po" "$po"
        msgfmt --statistics -o /dev/null "$po"
    done
    ;;
check)
    for po in po/*.po; do
        msgfmt --check-format --check-domain -o /dev/null "$po"
        msgmerge --quiet --no-fuzzy-matching --no-wrap "$po" "$template" |
            msgattrib --untranslated --no-wrap | sed -n "1,/^\$/d; s|^msgid \"\(..*\)|$po lacks: \"\1|p"
    done
    ;;
*)
    echo "usage: messages.sh merge|check" >&2
    exit 2
    ;;
esac
