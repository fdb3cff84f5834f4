#!/bin/sh
# usage: coverage.sh: after a coverage run, prints the share of executed lines of each source file.
set -u
find build/coverage/core build/coverage/sync build/coverage/server build/coverage/cli -name '*.gcda' 2>/dev/null |
    xargs gcov --no-output 2>/dev/null |
    awk -F"'" '/^File/ { file = $2 } /^Lines executed/ && file !~ /^\// { sub(/Lines executed:/, ""); print file "\t" $0; file = "/" }' |
    sort | expand -t 32
