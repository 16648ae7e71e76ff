#!/usr/bin/env python3
"""Compares api/ecs.idl with the model AWS publishes for its own SDKs.

    compare-model.py PATH/service-2.json

Looks at operations with their errors and paginated members (of the paginators-1.json beside the file),
structures with their members' types, required members, limits, secrets and tokens, and enums. Prints a
line a difference and exits with 1, or prints "no differences" and exits with 0.

What Gantry adds on purpose is no difference: framework errors, members marked private, and members
marked secret that the published model does not call sensitive.
"""

import importlib.util
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
API = os.path.join(HERE, "..", "api")
SCALARS = {
    "string": "string",
    "integer": "int",
    "long": "long",
    "double": "double",
    "float": "double",
    "boolean": "bool",
    "timestamp": "time",
}


def load_gen():
    spec = importlib.util.spec_from_file_location("gen", os.path.join(API, "gen.py"))
    gen = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(gen)
    return gen


class Published:
    """service-2.json, in the words of the IDL."""

    def __init__(self, service, paginators):
        self.operations, self.shapes = service["operations"], service["shapes"]
        self.pages = paginators.get("pagination", {})

    def type_text(self, name):
        shape = self.shapes[name]
        kind = shape["type"]
        if kind == "structure":
            return "json" if shape.get("document") else name
        if kind == "list":
            return "[" + self.type_text(shape["member"]["shape"]) + "]"
        if kind == "map":
            return "{" + self.type_text(shape["value"]["shape"]) + "}"
        return name if "enum" in shape else SCALARS[kind]

    def limits(self, name):
        """{word: value} of a member whose shape is `name`; a list's entries count as the member's own."""
        found, shape = {}, self.shapes[name]
        if shape["type"] in ("list", "map"):
            entry = shape["member" if shape["type"] == "list" else "value"]["shape"]
            found = self.limits(entry) if self.shapes[entry]["type"] not in ("list", "map", "structure") else {}
            word = "size"
        else:
            word = "len" if shape["type"] == "string" else "range"
        if "min" in shape or "max" in shape:
            found[word] = (number(shape.get("min")), number(shape.get("max")))
        if "pattern" in shape:
            found["pattern"] = shape["pattern"]
        return found

    def is_secret(self, name):
        shape = self.shapes[name]
        if shape.get("sensitive"):
            return True
        return shape["type"] == "list" and self.is_secret(shape["member"]["shape"])

    def structures(self):
        return {n: s for n, s in self.shapes.items() if s["type"] == "structure" and not s.get("document")}

    def enums(self):
        return {n: s["enum"] for n, s in self.shapes.items() if "enum" in s}


def number(value):
    return None if value is None else float(value)


def type_text(type_):
    if type_.kind == "list":
        return "[" + type_text(type_.of) + "]"
    if type_.kind == "map":
        return "{" + type_text(type_.of) + "}"
    return type_.name


class Comparison:
    def __init__(self, ours, theirs):
        self.ours, self.theirs, self.lines = ours, theirs, []

    def say(self, text):
        self.lines.append(text)

    def differ(self, where, what, ours, theirs):
        if ours != theirs:
            self.say(f"{where}: {what} is {show(ours)}, published is {show(theirs)}")

    def names(self, what, ours, theirs):
        """Says what only one side has; returns what both have, in order."""
        for name in sorted(set(ours) - set(theirs)):
            self.say(f"{what} {name}: only in the IDL")
        for name in sorted(set(theirs) - set(ours)):
            self.say(f"{what} {name}: not in the IDL")
        return sorted(set(ours) & set(theirs))

    def run(self):
        for name in self.names("operation", self.ours.operations, self.theirs.operations):
            self.operation(name)
        structs = {n: s for n, s in self.ours.structs.items() if not s.framework}
        published = self.theirs.structures()
        for name in self.names("structure", structs, published):
            self.structure(name, structs[name], published[name])
        enums = self.theirs.enums()
        for name in self.names("enum", self.ours.enums, enums):
            self.differ(f"enum {name}", "its set", sorted(self.ours.enums[name].values), sorted(enums[name]))
        return self.lines

    def operation(self, name):
        ours, theirs = self.ours.operations[name], self.theirs.operations[name]
        where = f"operation {name}"
        self.differ(where, "request", ours.request, theirs.get("input", {}).get("shape"))
        self.differ(where, "reply", ours.reply, theirs.get("output", {}).get("shape"))
        errors = {e["shape"] for e in theirs.get("errors", [])}
        self.names(f"{where}: error", set(ours.errors + self.ours.common), errors)
        page = self.theirs.pages.get(name)
        pages = page and (page["input_token"], page.get("limit_key"), page["result_key"])
        self.differ(where, "pages", ours.pages, pages)

    def structure(self, name, ours, theirs):
        where = f"structure {name}"
        self.differ(where, "being an error", ours.status is not None, bool(theirs.get("exception")))
        members = {m.name: m for m in ours.members if not m.private}
        for member in self.names(f"{where}: member", members, theirs.get("members", {})):
            required = member in theirs.get("required", [])
            self.member(f"{name}.{member}", members[member], theirs["members"][member], required)

    def member(self, where, ours, theirs, required):
        shape = theirs["shape"]
        self.differ(where, "type", type_text(ours.type), self.theirs.type_text(shape))
        self.differ(where, "required", ours.required, required)
        self.differ(where, "token", ours.token, bool(theirs.get("idempotencyToken")))
        if self.theirs.is_secret(shape) and not ours.secret:
            self.say(f"{where}: published as sensitive, not secret here")
        limits = self.theirs.limits(shape)
        for word in ("len", "range", "size", "pattern"):
            self.differ(where, word, getattr(ours, word), limits.get(word))


def show(value):
    if isinstance(value, tuple):
        return " ".join("none" if x is None else f"{x:g}" if isinstance(x, float) else str(x) for x in value)
    if isinstance(value, list):
        return "[" + ", ".join(value) + "]"
    return {None: "none", True: "yes", False: "no"}.get(value, str(value))


def compare(idl_paths, service_path):
    """The differences, a line each."""
    with open(service_path, encoding="utf-8") as text:
        service = json.load(text)
    paginators, beside = {}, os.path.join(os.path.dirname(service_path), "paginators-1.json")
    if os.path.exists(beside):
        with open(beside, encoding="utf-8") as text:
            paginators = json.load(text)
    models = load_gen().load(idl_paths)
    return Comparison(models["ecs"], Published(service, paginators)).run()


def main(argv):
    if len(argv) != 2:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    try:
        lines = compare([os.path.join(API, "ecs.idl")], argv[1])
    except (OSError, ValueError, KeyError) as error:
        print(f"compare-model.py: {argv[1]}: {error!r}", file=sys.stderr)
        return 2
    print("\n".join(lines) if lines else "no differences")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
