#!/bin/sh
# usage: BENCHES='PROGRAM...' bench.sh LINES: runs the benchmarks one after the other, then the peers that node runs, beside our
# lines of this run; everything is printed, and kept in the file LINES.
set -eu
lines=$1

show() {
    status=$(mktemp)
    { "$@" 2>"$lines.log" || echo $? >"$status"; } | tee -a "$lines"
    failed=$(cat "$status")
    rm -f "$status"
    [ -z "$failed" ] || { tail -5 "$lines.log" >&2; return 1; }
}

: >"$lines"
for program in $BENCHES; do
    show "$program"
done
if [ ! -f build/peers/node/whole ]; then
    echo '{"missing":"Yjs, PouchDB and Actual, see make bench-peers"}'
    exit 0
fi
ours=$lines.ours
cp "$lines" "$ours"
missing=0
for peer in yjs pouchdb actual; do
    OURS=$ours show node "tests/bench/peers/$peer.mjs" || {
        missing=1
        echo "{\"missing\":\"$peer\",\"why\":\"its benchmark failed\"}" | tee -a "$lines"
    }
done
exit $missing
