"""Plays the demo on the real build, then on the control build whose cipher is the identity."""
import argparse
import json
import pathlib
import signal
import sys

import play
import stage as stages

HERE = pathlib.Path(__file__).parent


def perform(build, facts, quiet):
    """One performance; gives the words that were found on the disks of server and devices, and all words used."""
    stage = stages.Stage(build, quiet)
    try:
        words = play.Play(stage, facts).run()
        return stage.files_with(words), words
    finally:
        stage.strike()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build/debug")
    parser.add_argument("--control", default="build/control")
    parser.add_argument("--quiet", action="store_true")
    parser.add_argument("--record", help="write every fact as told to this file")
    options = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP):  # so that the stage is struck also then
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    facts = stages.Facts(options.quiet)
    found, _ = perform(options.build, facts, options.quiet)
    facts.check("no-plaintext-on-any-disk", not found, str(found))
    print("\n── Ter controle: hetzelfde met een versleuteling die niets doet; het zoeken moet dan alles vinden.", flush=True)
    found, words = perform(options.control, stages.Facts(True), True)
    missed = set(words) - found
    facts.check("control-build-shows-plaintext", not missed, str(missed))
    expected = (HERE / "facts.txt").read_text().split()
    if options.record:
        pathlib.Path(options.record).write_text(json.dumps(facts.told))
    failures = stages.Facts.verdict(facts.told, expected)
    for failure in failures:
        print(f"demo: {failure}")
    print(f"{len(expected) - len(failures)} passed, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
