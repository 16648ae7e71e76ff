#!/usr/bin/env python3
"""Checks recorded API traffic against api/ecs.idl.

    check-traffic.py [--all] FILE...

FILE holds lines of JSON: {"operation", "request", "status", "reply"}, as the recorders of tests/wire and tests/e2e
write them. Reported: members a reply should not have, wrong types, values outside an enum, required
members that are missing, errors that the operation does not declare or that carry another status. With --all
also every available operation that never succeeded. One line a finding, each once; exit status 1 if there are any.
"""

import json
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../api"))

import gen  # noqa: E402


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_whole(value):
    return isinstance(value, int) and not isinstance(value, bool)


SCALAR_CHECKS = {
    "string": lambda v: isinstance(v, str),
    "bool": lambda v: isinstance(v, bool),
    "int": lambda v: is_whole(v) and -(2**31) <= v < 2**31,
    "long": lambda v: is_whole(v) and -(2**63) <= v < 2**63,
    "double": is_number,
    "time": lambda v: is_number(v) and v > 0,
    "date": lambda v: isinstance(v, str) and re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", v),
    "json": lambda v: True,
}


class Checker:
    """Walks values along the model and collects findings."""

    def __init__(self, model):
        self.model = model
        self.findings = {}
        self.succeeded = set()

    def note(self, text, where):
        self.findings.setdefault(text, where)

    # --- values

    def value(self, type_, value, path):
        """The first thing that is wrong with a value, None if nothing is; `path` leads to it."""
        if type_.kind == "list":
            if not isinstance(value, list):
                return f"{path} is not a list"
            return self.first(self.value(type_.of, entry, path + "[]") for entry in value)
        if type_.kind == "map":
            if not isinstance(value, dict):
                return f"{path} is not a map"
            return self.first(self.value(type_.of, entry, path + "{}") for entry in value.values())
        if type_.kind == "text":
            return self.named(type_.name, json.loads(value), path) if isinstance(value, str) else f"{path} is not a text"
        if type_.kind == "scalar":
            return None if SCALAR_CHECKS[type_.name](value) else f"{path} is no {type_.name}: {value!r}"
        return self.named(type_.name, value, path)

    def named(self, name, value, path):
        _, found = self.model.find(name)
        if isinstance(found, gen.Enum):
            return None if value in found.values else f"{path} is not one of {name}: {value!r}"
        return self.struct(found, value, path)

    def struct(self, struct, value, path):
        if not isinstance(value, dict):
            return f"{path} is not a {struct.name}"
        members = {member.name: member for member in struct.members}
        for name in value:
            if name not in members:
                return f"{path}.{name} is no member of {struct.name}"
        for member in struct.members:
            if member.required and member.name not in value:
                return f"{path}.{member.name} is missing"
        return self.first(self.member(members[name], inner, f"{path}.{name}") for name, inner in value.items())

    def member(self, member, value, path):
        if value is None:
            return f"{path} is null"
        return self.value(member.type, value, path)

    @staticmethod
    def first(problems):
        return next((problem for problem in problems if problem), None)

    # --- calls

    def error(self, operation, call, where):
        reply = call["reply"]
        kind = reply.get("__type") if isinstance(reply, dict) else None
        errors = {error.name: error for error in self.model.errors()}
        if kind not in errors:
            self.note(f"{call['operation']}: no error of this API: {reply!r}", where)
            return
        error = errors[kind]
        if error.status != call["status"]:
            self.note(f"{call['operation']}: {kind} with status {call['status']} instead of {error.status}", where)
        declared = self.model.common + (operation.errors if operation else [])
        if not error.framework and kind not in declared:
            self.note(f"{call['operation']}: {kind} is not declared", where)
        body = {name: value for name, value in reply.items() if name != "__type"}
        members = {member.name for member in error.members} | {"message"}
        for name in body:
            if name not in members:
                self.note(f"{call['operation']}: {kind}.{name} is no member", where)
        if not isinstance(body.get("message", ""), str):
            self.note(f"{call['operation']}: {kind}.message is not a string", where)

    def call(self, call, where):
        operation = self.model.operations.get(call["operation"])
        if call["status"] != 200:
            self.error(operation, call, where)
            return
        if operation is None:
            self.note(f"{call['operation']}: succeeded but does not exist", where)
            return
        self.succeeded.add(operation.name)
        problem = self.named(operation.reply, call["reply"], operation.name)
        if problem:
            self.note(problem, where)

    def missing(self):
        available = {name for name, operation in self.model.operations.items() if not operation.later}
        return sorted(available - self.succeeded)


def main(argv):
    wants_all = "--all" in argv
    paths = [arg for arg in argv if arg != "--all"]
    if not paths:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    checker = Checker(gen.load([os.path.join(HERE, "../api/ecs.idl")])["ecs"])
    calls = 0
    for path in paths:
        with open(path) as lines:
            for number, line in enumerate(lines, 1):
                checker.call(json.loads(line), f"{path}:{number}")
                calls += 1
    for text, where in checker.findings.items():
        print(f"{where}: {text}")
    missing = checker.missing() if wants_all else []
    for name in missing:
        print(f"{name} never succeeded")
    print(f"{calls} calls, {len(checker.succeeded)} operations, {len(checker.findings)} findings")
    return 1 if checker.findings or missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
