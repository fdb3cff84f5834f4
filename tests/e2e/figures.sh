#!/bin/bash
# The benchmarks, made small: one JSON line for each figure, with these keys and no others.
. "$(dirname "$0")/lib.sh"

for bench in bench_journal bench_sync; do
    program=${BAKEN_BENCHES:-build/release}/tests/bench/$bench
    [ -x "$program" ] || give_up "the benchmarks are built" "make FLAVOUR=release benches"
    check "$bench runs" env FAMILIES=3 VISITS=40 "$program"
    cat "$WORK/check.out" >>"$WORK/figures"
done
/usr/bin/python3 - "$WORK/figures" >"$WORK/odd" 2>&1 <<'PYTHON'
import json, sys
wanted = ["figure", "value", "unit", "peer", "ratio", "cpu", "runs"] # CPU time where it says more than the wall clock
asked = {"open_unlocked_store": "ms", "record_visit_durable_p50": "ms", "record_visit_durable_p99": "ms",
         "merge_authenticated_field_versions": "field versions/s", "caseload_3_families": "ms", "join_and_first_sync": "s"}
lines = [json.loads(line) for line in open(sys.argv[1])]
for line in lines:
    if [key for key in wanted if key != "cpu" or key in line] != list(line) or not line["value"] >= 0 or not line["runs"] >= 1:
        print("odd:", line)
units = {line["figure"]: line["unit"] for line in lines}
for name, unit in asked.items():
    if units.get(name) != unit:
        print(f"{name}: {units.get(name)}")
if len(units) != len(lines):
    print("a figure stands twice")
PYTHON
check_equal "one line for each figure that the design asks of a device, in one form" "" "$(cat "$WORK/odd")"
finish
