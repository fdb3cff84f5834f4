#!/bin/sh
# The demo passes from a path with a space, and fails when any single fact is removed.
set -u
record=$(mktemp)
trap 'rm -f "$record"' EXIT
/usr/bin/python3 -B tests/demo/demo.py --quiet --record "$record" || exit 1
/usr/bin/python3 -B tests/demo/removal.py "$record"
