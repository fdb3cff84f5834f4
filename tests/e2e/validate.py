#!/usr/bin/python3
"""usage: validate.py [--error] FILE: checks what `baken --json` wrote against docs/cli.schema.json."""
import json
import pathlib
import sys

import jsonschema

schema = json.loads((pathlib.Path(__file__).parents[2] / "docs/cli.schema.json").read_text())
is_error = sys.argv[1] == "--error"


def no_duplicates(pairs):
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


answer = json.loads(pathlib.Path(sys.argv[-1]).read_text(), object_pairs_hook=no_duplicates)
if is_error:
    part = {"$ref": "#/$defs/error"}
elif answer.get("command") in schema["commands"]:
    part = schema["commands"][answer["command"]]
else:
    sys.exit(f"no schema for the command {answer.get('command')!r}")
validator = jsonschema.Draft202012Validator({"$defs": schema["$defs"], **part})
errors = [f"{'.'.join(map(str, e.absolute_path)) or 'answer'}: {e.message[:300]}" for e in validator.iter_errors(answer)]
sys.exit("\n".join(errors) or 0)
