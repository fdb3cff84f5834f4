#!/usr/bin/python3
"""usage: instructions.py [--renew] RECORD DIRECTORY SMALL LARGE: holds what tests/e2e/instructions.sh counted in stores of two sizes, SMALL.says
and SMALL.out.*, LARGE.says and LARGE.out.* in DIRECTORY, to what each may grow and to the file RECORD; prints "ok - ..." or "not ok - ..." for
each. --renew writes RECORD instead.

Counted are our instructions and SQLite's, which are the same on each machine, and the pages that were sealed or opened. What libcrypto, libsodium,
zstd and libc do for them differs with the processor, which they ask what it can do."""
import glob
import platform
import re
import sqlite3
import subprocess
import sys

REGRESSION = 1.05
# From the small store to the large one. A page more of an index or two is touched by each stream (docs/BENCHMARKS.md, "Growth").
GROWTH = {
    ("save", "instructions"): 1.1,
    ("save", "pages"): 1.1,
    ("seal", "instructions"): 1.1,
    ("seal", "pages"): 1.1,
    ("merge", "instructions"): 1.1,
    ("merge", "pages"): 1.5,
}
OURS = ("bench_instructions", "libsqlite3.")
PAGES = ("crypto_page_seal", "crypto_page_open")


def counted(path):
    """The work that a dump of callgrind is of, and what it cost. Its names are whole (--compress-strings=no)."""
    work, costs = None, {"instructions": 0, "pages": 0}
    is_ours, called, is_inclusive = False, "", False
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("desc: Trigger: Client Request: "):
                work = line.split()[-1]
            elif line.startswith("ob="):
                is_ours = line[3:].split("/")[-1].startswith(OURS)
            elif line.startswith("cfn="):
                called = line[4:].strip()
            elif line.startswith("calls="):
                costs["pages"] += int(line[6:].split()[0]) if called in PAGES else 0
                is_inclusive = True  # the next line is what was called, which has lines of its own
            elif line[0].isdigit():
                costs["instructions"] += int(line.split()[1]) if is_ours and not is_inclusive else 0
                is_inclusive = False
    return work, costs


def of_each(directory, size):
    """{(work, measure): of one save, entry sealed or entry merged}"""
    with open(f"{directory}/{size}.says", encoding="utf-8") as said:
        times = {work: int(count) for work, count in map(str.split, said)}
    found = {}
    for path in glob.glob(f"{directory}/{size}.out.*"):
        work, costs = counted(path)
        for measure, cost in costs.items():
            if work in times:
                found[work, measure] = cost / times[work]
    return {key: found.get(key, 0) for key in GROWTH}


def made_with():
    gcc = subprocess.run(["gcc", "-dumpfullversion"], capture_output=True, text=True, check=True).stdout.strip()
    return f"gcc {gcc}, SQLite {sqlite3.sqlite_version}, {platform.machine()}"


def write(record, sizes):
    with open(record, "w", encoding="utf-8") as out:
        out.write("# Of one save, entry sealed and entry merged, in a store of so many visits: our instructions and SQLite's, and pages sealed or opened.\n"
                  "# tests/e2e/instructions.sh fails at 5 % more. RENEW=1 tests/e2e/instructions.sh writes this file: say in the commit why it costs what it does.\n"
                  f"# {made_with()}\n# work visits instructions pages\n")
        for work in dict.fromkeys(work for work, _ in GROWTH):
            for size, each in sizes.items():
                out.write(f"{work} {size} {each[work, 'instructions']:.0f} {each[work, 'pages']:.2f}\n")


def recorded(record):
    with open(record, encoding="utf-8") as lines:
        rows = [line.split() for line in lines if not line.startswith("#")]
    return {(work, measure, size): float(value)
            for work, size, *values in rows for measure, value in zip(("instructions", "pages"), values)}


def tell(is_met, what):
    print(f"{'ok' if is_met else 'not ok'} - {what}")
    return is_met


def hold(sizes, known):
    small, large = sizes
    is_met = True
    for (work, measure), limit in GROWTH.items():
        first, last = sizes[small][work, measure], sizes[large][work, measure]
        growth = last / first if first > 0 else float("inf")
        is_met &= tell(growth <= limit, f"{work}: {measure} from {small} to {large} visits: {first:,.2f} to {last:,.2f}, times {growth:.3f}, at most {limit}")
    for size, each in sizes.items():
        for (work, measure), value in each.items():
            before = known.get((work, measure, size), 0)
            share = value / before if before > 0 else float("inf")
            is_met &= tell(0 < share <= REGRESSION, f"{work}: {measure} at {size} visits: {value:,.2f}, recorded {before:,.2f}, times {share:.3f}, at most {REGRESSION}")
            if 0 < share < 2 - REGRESSION:
                print("# that is less by more than 5 %: renew the record, or what it gained can be lost unseen")
    return is_met


def main():
    is_renewed = sys.argv[1] == "--renew"
    record, directory, *names = sys.argv[1 + is_renewed:]
    sizes = {name: of_each(directory, name) for name in names}
    if is_renewed:
        write(record, sizes)
        return 0
    if hold(sizes, recorded(record)):
        return 0
    with open(record, encoding="utf-8") as lines:
        print("# recorded with:", *re.findall(r"^# (gcc .*)", lines.read(), re.M), "- here:", made_with())
    return 1


sys.exit(main())
