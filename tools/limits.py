#!/usr/bin/python3
"""usage: limits.py [FIGURE...] <LINES: holds the lines of `make bench` to what is asked of them (design section 11, and decision 026 where that
changed it), all or those named, and ends with "N passed, N failed". A figure that is asked and not in the lines has failed. On a machine that is
busy the wall clock says only "not more than"."""
import json
import sys

MOST, LEAST = "at most", "at least"
GROWTH = "growth"  # from the smallest store to any larger one
ASKED = [
    ("open_unlocked_store", "value", MOST, 10),
    ("record_visit_durable_p99", "value", MOST, 20),
    ("record_one_by_one_fields", "cpu_ratio", LEAST, 0.65),
    ("import_fields", "ratio", LEAST, 1.2),
    ("merge_fields", "ratio", LEAST, 5),
    ("merge_fields", "cpu_ratio", LEAST, 5),
    ("wire_per_visit_10", "ratio", MOST, 1),
    ("wire_per_visit_10", "ratio", MOST, 1, "yjs"),
    ("wire_per_visit_100", "ratio", MOST, 1),
    ("wire_per_visit_100", "ratio", MOST, 1, "yjs"),
    ("join_and_first_sync", "value", MOST, 5),
    ("first_sync_http", "value", MOST, 5),
    ("empty_sync", "value", MOST, 5),
    ("empty_sync_http_requests", "value", MOST, 3),
    ("empty_sync_http_sent", "value", MOST, 2000),
    ("empty_sync_http_received", "value", MOST, 2000),
    ("edits_100", "value", MOST, 60),
    ("scale_save", GROWTH, MOST, 1.2),
    ("scale_seal", GROWTH, MOST, 1.2),
    ("scale_save_durable", GROWTH, MOST, 1.2),
    ("scale_merge_first", GROWTH, MOST, 1.2),
    ("scale_merge", GROWTH, MOST, 1.5),
    ("scale_merge_scattered", GROWTH, MOST, 1.5),
    ("caseload_300_families", "value", MOST, 100),
    ("search_50100_notes", "value", MOST, 50),
]


def measured(lines, figure, key, peer):
    """Of a figure without a peer's name the lines are ours, or beside sqlite-sync or plain SQLite; of growth the most of any store."""
    found = [line[key] for line in lines if line.get("figure") == figure and line.get(key) is not None
             and line.get("peer_name", "").split(" ")[0] == peer]
    if not found:
        return None
    return max(found) if key == GROWTH else found[0]


def main():
    lines = [json.loads(line) for line in sys.stdin if line.startswith("{")]
    wanted = sys.argv[1:]
    passed = failed = 0
    for figure, key, how, limit, *peers in ASKED:
        peer = peers[0] if peers else ""
        if wanted and figure not in wanted:
            continue
        value = measured(lines, figure, key, peer)
        met = value is not None and (value <= limit if how == MOST else value >= limit)
        passed, failed = passed + met, failed + (not met)
        beside = f" beside {peer}" if peer else ""
        print(f"{'met  ' if met else 'SHORT'} {figure} ({key}{beside}): {'not measured' if value is None else value}, {how} {limit}")
    print(f"{passed} passed, {failed} failed")
    return failed > 0 or passed == 0


sys.exit(main())
