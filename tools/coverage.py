#!/usr/bin/env python3
"""Prints docs/api-coverage.md from api/ecs.idl and the handlers there are: `make docs` runs it."""

import os
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path.insert(0, os.path.join(ROOT, "api"))
import gen  # noqa: E402


def source_of(operation):
    """The file in src/ops that defines the handler."""
    wanted = f"\nint op_{gen.snake(operation.name)}("
    for name in sorted(os.listdir(os.path.join(ROOT, "src/ops"))):
        if name.endswith(".c") and not name.endswith("_test.c"):
            with open(os.path.join(ROOT, "src/ops", name), encoding="utf-8") as text:
                if wanted in text.read():
                    return f"src/ops/{name}"
    return None


def main(argv):
    names = ["docker", "ecs", "acs", "tcs", "store", "host", "client"]
    models = gen.load([os.path.join(ROOT, "api", f"{name}.idl") for name in names])
    operations = sorted(models["ecs"].operations.values(), key=lambda o: o.name)
    rows, available = [], 0
    for operation in operations:
        source = source_of(operation)
        if (source is None) != operation.later:
            print(f"coverage.py: {operation.name}: marked {'later' if operation.later else 'available'}, handler {source}", file=sys.stderr)
            return 1
        available += source is not None
        rows.append(f"| {operation.name} | {'yes' if source else 'not yet'} | {f'`{source}`' if source else ''} |")
    text = page(rows, available, len(operations))
    if argv[1:] == ["--check"]:
        with open(os.path.join(ROOT, "docs/api-coverage.md"), encoding="utf-8") as committed:
            if committed.read() != text:
                print("coverage.py: docs/api-coverage.md is not what the code says; run 'make docs'", file=sys.stderr)
                return 1
        return 0
    print(text, end="")
    return 0


def page(rows, available, total):
    return "\n".join([
        "# API coverage",
        "",
        "Made from the code by `make docs`. An operation that is not yet available answers `ServerException` and says so.",
        "",
        f"{available} of {total} operations are available.",
        "",
        "| operation | available | handler |",
        "|---|---|---|",
        *rows,
    ]) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv))
