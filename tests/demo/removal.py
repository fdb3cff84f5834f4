"""Removes each fact in turn, from what a performance told and from the script itself: the verdict must fail each time."""
import ast
import json
import pathlib
import sys

import stage as stages

HERE = pathlib.Path(__file__).parent


def names_checked(tree):
    """The facts that a script's code would tell: first arguments of calls named check."""
    return [node.args[0].value for node in ast.walk(tree)
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "check"
            and node.args and isinstance(node.args[0], ast.Constant)]


class Remove(ast.NodeTransformer):
    def __init__(self, name):
        self.name = name

    def visit_Expr(self, node):
        if isinstance(node.value, ast.Call) and names_checked(ast.Module([node], [])) == [self.name]:
            return ast.Pass()
        return node


def main():
    told = [tuple(fact) for fact in json.loads(pathlib.Path(sys.argv[1]).read_text())]
    expected = (HERE / "facts.txt").read_text().split()
    sources = [(HERE / name).read_text() for name in ("play.py", "demo.py", "stage.py")]
    passed = failed = 0
    for name in ["", *expected]:
        kept = [fact for fact in told if fact[0] != name]
        scripts = [Remove(name).visit(ast.parse(source)) for source in sources]
        in_code = [(fact, True) for script in scripts for fact in names_checked(script)]
        false = [(fact, holds and fact != name) for fact, holds in told]
        fails = [bool(stages.Facts.verdict(facts, expected)) for facts in (kept, in_code, false)]
        good = fails == [name != ""] * 3
        print(f"{'ok' if good else 'not ok'} - {'nothing removed: the demo passes' if not name else name + ' removed'}")
        passed, failed = passed + good, failed + (not good)
    bare = [node.lineno for source in sources for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Assert)]
    print(f"{'not ok' if bare else 'ok'} - no bare assert, which facts.txt would not miss: {bare}")
    passed, failed = passed + (not bare), failed + bool(bare)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
