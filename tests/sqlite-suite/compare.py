#!/usr/bin/env python3
"""usage: compare.py LOGS FILES EXPECTED | LOGS FILES --only SIDE | LOGS FILES --differing

Reads the logs of SQLite's own tests on plain SQLite, on the control (plain files in our geometry) and on
our VFS. A case that fails on ours and not on plain, and that no line of EXPECTED names, fails; so does a
line of EXPECTED that matches nothing any more. The head of EXPECTED says how its lines are written.
"""
import collections
import fnmatch
import os
import re
import sys

GOT = re.compile(r"^! (\S+) got:\s*(.*)$")
STARTED = re.compile(r"^(\S+)\.\.\.(.*)$")
THROWN = re.compile(r"^Error: (.*)$")
COUNTS = re.compile(r"^(\d+) errors out of (\d+) tests", re.M)
LISTED = re.compile(r"^!Failures on these tests:(.*)$", re.M)
BY_GEOMETRY, BY_ROUND, BY_RANDOM = "geometry", "rounds", "random-text" # reasons that are proven, case by case


class Result:
    """What one file did on one side: failed cases with what they got, and how it ended."""

    def __init__(self, logs, side, suite, name):
        path = os.path.join(logs, side, suite, name + ".log")
        with open(path, encoding="utf-8", errors="replace") as log:
            text = log.read().replace(f"/{side}/", "/SIDE/")
        with open(path + ".status", encoding="ascii") as status:
            self.status = int(status.read())
        self.failed = {}
        self.started = collections.Counter() # by shape: names with N for each number
        self.suite = suite
        self.read_cases(text)
        counts = COUNTS.search(text)
        self.errors = int(counts.group(1)) if counts else len(self.failed)
        self.tests = int(counts.group(2)) if counts else 0
        if self.status in (124, 137):
            self.failed["(timeout)"] = ""
        elif self.status > 128:
            self.failed["(crash)"] = ""
        elif not counts:
            self.failed["(incomplete)"] = "\n".join(text.splitlines()[-3:])
        elif self.status != 0 and self.errors == 0:
            self.failed["(status)"] = str(self.status)

    def bare(self, case):
        return case.removeprefix(self.suite + ".")

    def read_cases(self, text):
        case = open_case = None
        for line in text.splitlines():
            got, started, thrown = GOT.match(line), STARTED.match(line), THROWN.match(line)
            if got:
                open_case = self.bare(got.group(1))
                self.failed[open_case] = got.group(2)
            elif thrown and case:
                open_case = case
                self.failed[open_case] = "Error: " + thrown.group(1)
            elif started or line.startswith("!"):
                case, open_case = self.bare(started.group(1)) if started else case, None
                if started:
                    self.started[re.sub(r"\d+", "N", case)] += 1
            elif open_case and len(self.failed[open_case]) < 4000:
                self.failed[open_case] += "\n" + line
        listed = LISTED.search(text)
        for name in listed.group(1).split() if listed else []:
            self.failed.setdefault(self.bare(name), "?")


def unrun(plain, ours):
    """{shape: how many of plain's cases did not run on ours}. A loop that makes the n-th call fail ends a few
    rounds earlier or later on each side: a tenth fewer of one shape does not count."""
    return {shape: count - ours.started[shape] for shape, count in plain.started.items()
            if ours.started[shape] < 0.9 * count}


def differences(plain, ours):
    """{case: what ours got} of what fails on ours alone."""
    found = {case: got for case, got in ours.failed.items() if case not in plain.failed}
    if unrun(plain, ours):
        found["(unrun)"] = " ".join(sorted(unrun(plain, ours)))
    return found


def stems(case):
    """The name of a loop's case without its round, which stands last or before the case of the round: which
    round meets a failure differs with the sides."""
    return {re.sub(r"\.\d+$", "", case), re.sub(r"\.\d+\.(\d+)$", r".N.\1", case)}


def is_alike(other, case, got):
    """True when the other side fails the same case, or another round of it, with the same result (any when got is
    None); or when it lacks all that did not run."""
    if case == "(unrun)":
        return got is not None and set(got.split()) <= set(other.get(case, "").split())
    return any(not stems(failed).isdisjoint(stems(case)) and got in (None, result)
               for failed, result in other.items())


def read_expected(path):
    """[(may_be_absent, file, case, reason)]"""
    lines, reasons = [], {BY_GEOMETRY}
    with open(path, encoding="utf-8") as text:
        for number, line in enumerate(text, 1):
            explained = re.match(r"# ([a-z-]+): ", line)
            if explained:
                reasons.add(explained.group(1))
            words = line.split("#")[0].split()
            if not words:
                continue
            if len(words) != 3 or words[2] not in reasons:
                sys.exit(f"{path}:{number}: not FILE CASES REASON, or a reason that nothing explains")
            if "*" in words[1].split("|") and words[2] != BY_GEOMETRY:
                sys.exit(f"{path}:{number}: a whole file would hide what is new in it")
            lines += [(words[0].startswith("?"), words[0].lstrip("?"), case, words[2])
                      for case in words[1].split("|")]
    return lines


def is_proven(reason, control, plain, case, got):
    """Whether the logs show what a reason claims; True for the reasons that a reader has to believe."""
    if reason == BY_GEOMETRY:
        return is_alike(control, case, got)
    if reason == BY_RANDOM:
        return is_alike(control, case, None)
    return reason != BY_ROUND or is_alike(plain.failed, case, got)


def print_counts(side, results):
    print(f"{side}: {len(results)} files, {sum(not r.failed for r in results)} of them clean; "
          f"{sum(r.tests for r in results)} tests, {sum(r.errors for r in results)} errors; "
          f"{sum(any(c.startswith('(') for c in r.failed) for r in results)} ended early")


def print_failures(results):
    for file, result in sorted(results.items()):
        if result.failed:
            print("/".join(file), len(result.failed), " ".join(sorted(result.failed)[:12]))


def main():
    logs, list_path = sys.argv[1:3]
    with open(list_path, encoding="ascii") as text:
        files = [tuple(line.split()) for line in text]
    sides = [sys.argv[4]] if sys.argv[3] == "--only" else ["plain", "ours"]
    results = {side: {f: Result(logs, side, *f) for f in files} for side in sides}
    if sys.argv[3] == "--differing": # the files that the control has to run
        for file in files:
            if differences(results["plain"][file], results["ours"][file]):
                print(*file)
        return 0
    for side in sides:
        print_counts(side, results[side].values())
    if len(sides) == 1:
        print_failures(results[sides[0]])
        return 0

    expected = read_expected(sys.argv[3])
    is_verbose = os.environ.get("VERBOSE")
    used, unlisted, differ = set(), 0, 0
    reasons, missing = collections.Counter(), collections.Counter()
    for suite, name in files:
        here = [(n, line) for n, line in enumerate(expected) if line[1] == f"{suite}/{name}"]
        plain = results["plain"][suite, name]
        found = differences(plain, results["ours"][suite, name])
        control = differences(plain, Result(logs, "geometry", suite, name)) if found else {}
        differ += bool(found)
        for case, got in sorted(found.items()):
            hits = [(n, line[3]) for n, line in here if fnmatch.fnmatchcase(case, line[2]) and
                    is_proven(line[3], control, plain, case, got)]
            if hits:
                used.add(hits[0][0])
                reasons[hits[0][1]] += 1
                if case == "(unrun)":
                    missing[hits[0][1]] += sum(unrun(plain, results["ours"][suite, name]).values())
            else:
                unlisted += 1
                like = ("as on the control" if is_alike(control, case, got) else
                        "control too, otherwise" if case in control else "")
                print(f"NOT EXPECTED {suite}/{name} {case} {like}")
                if is_verbose:
                    print("    " + got[:400].replace("\n", "\n    "))
    known = {f"{suite}/{name}" for suite, name in files}
    stale = [line for n, line in enumerate(expected) if n not in used and not line[0] and line[1] in known]
    for _, name, case, reason in stale:
        print(f"NO LONGER SO {name} {case} {reason}")
    for reason, count in sorted(reasons.items()):
        print(f"  {count:6} {reason}" + (f", and {missing[reason]} cases not run" if missing[reason] else ""))
    print(f"{len(files) - differ} files alike, {differ} differ: {sum(reasons.values())} differences "
          f"expected, {unlisted} not; {len(stale)} lines of the list no longer so")
    return 1 if unlisted or stale else 0


if __name__ == "__main__":
    sys.exit(main())
