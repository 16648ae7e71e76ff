#!/usr/bin/env python3
"""Prints docs/api-coverage.md from api/ecs.idl and the handlers there are: `make docs` runs it."""

import os
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path.insert(0, os.path.join(ROOT, "api"))
import gen  # noqa: E402


def source_of(operation):
    """The file in src/ops that defines the handler."""
    wanted = f"int op_{gen.snake(operation.name)}(struct op_ctx *ctx"
    for name in sorted(os.listdir(os.path.join(ROOT, "src/ops"))):
        if name.endswith(".c") and not name.endswith("_test.c"):
            with open(os.path.join(ROOT, "src/ops", name), encoding="utf-8") as text:
                if wanted in text.read():
                    return f"src/ops/{name}"
    return None


def main():
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
    print("# API coverage")
    print()
    print("Made from the code by `make docs`. An operation that is not yet available answers `ServerException` and says so.")
    print()
    print(f"{available} of {len(operations)} operations are available.")
    print()
    print("| operation | available | handler |")
    print("|---|---|---|")
    print("\n".join(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
