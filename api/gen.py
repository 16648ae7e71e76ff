#!/usr/bin/env python3
"""Turns api/*.idl into C: structures, presence masks, enum tables, descriptors, error kinds, operations.

The language is described in docs/idl.md. The output is data only (one header and one source file an
IDL file); what walks that data is written by hand in src/shape and src/wire.

    gen.py OUTPUT_DIR FILE.idl...      writes OUTPUT_DIR/<name>.h and OUTPUT_DIR/<name>.c for each file

Other scripts import `load` to read the model.
"""

import os
import re
import sys

SCALARS = {
    "string": ("SHAPE_STRING", "struct str"),
    "bool": ("SHAPE_BOOL", "bool"),
    "int": ("SHAPE_INT", "int32_t"),
    "long": ("SHAPE_LONG", "int64_t"),
    "double": ("SHAPE_DOUBLE", "double"),
    "time": ("SHAPE_TIME", "int64_t"),
    "date": ("SHAPE_DATE", "int64_t"),
    "json": ("SHAPE_DOC", "struct str"),
}
SCALAR_LISTS = {
    "string": "struct str_list",
    "int": "struct int_list",
    "long": "struct long_list",
    "double": "struct double_list",
}
KEYWORDS = set(
    "auto break case char const continue default do double else enum extern float for goto if int long "
    "register return short signed sizeof static struct switch typedef union unsigned void volatile while".split()
)
MEMBERS_MAX = 64  # bits of the presence mask


class IdlError(Exception):
    pass


class Type:
    """A member's type: kind is scalar, name, text, list or map; `of` is the entry type of the last two."""

    def __init__(self, kind, name=None, of=None):
        self.kind, self.name, self.of = kind, name, of


class Member:
    def __init__(self, name, type_, where):
        self.name, self.type, self.where = name, type_, where
        self.required = self.secret = self.token = self.private = False
        self.len = self.range = self.size = self.pattern = self.default = None


class Struct:
    def __init__(self, name, where, status=None, framework=False):
        self.name, self.where, self.members = name, where, []
        self.status, self.framework = status, framework  # of errors


class Enum:
    def __init__(self, name, where):
        self.name, self.where, self.values = name, where, []


class Operation:
    def __init__(self, name, where):
        self.name, self.where, self.errors = name, where, []
        self.request = self.reply = self.pages = None
        self.writes = self.later = False


class Kinds:
    def __init__(self, name, where):
        self.name, self.where, self.rows = name, where, []  # rows: (wire name, struct name)


class Model:
    def __init__(self, path):
        self.path, self.name = path, os.path.splitext(os.path.basename(path))[0]
        self.prefix, self.common, self.uses = None, [], []
        self.structs, self.enums, self.operations, self.kinds = {}, {}, {}, []
        self.used = {}  # prefix -> Model

    def errors(self):
        return [s for s in self.structs.values() if s.status is not None]

    def find(self, name, where=None):
        """The (model, Struct or Enum) a type name means; "ecs.Tag" looks into another model."""
        model, where = self, where or self.path
        if "." in name:
            prefix, name = name.split(".", 1)
            if prefix not in self.used:
                raise IdlError(f"{where}: '{prefix}' is not used here")
            model = self.used[prefix]
        found = model.structs.get(name) or model.enums.get(name)
        if found is None:
            raise IdlError(f"{where}: no structure or enum '{name}'")
        return model, found


# --- reading ---------------------------------------------------------------------------------------

TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\S+')


def tokens_of(line):
    out = []
    for token in TOKEN.findall(line):
        if token.startswith("#"):
            break
        out.append(token)
    return out


def unquote(token):
    return re.sub(r"\\(.)", r"\1", token[1:-1]) if token.startswith('"') else token


def parse_type(text, where):
    if text.startswith("[") and text.endswith("]"):
        return Type("list", of=parse_type(text[1:-1], where))
    if text.startswith("{") and text.endswith("}"):
        return Type("map", of=parse_type(text[1:-1], where))
    if text.startswith("text(") and text.endswith(")"):
        return Type("text", name=text[5:-1])
    if text in SCALARS:
        return Type("scalar", name=text)
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9.]*", text):
        raise IdlError(f"{where}: '{text}' is not a type")
    return Type("name", name=text)


def parse_bounds(text, where):
    match = re.fullmatch(r"(-?[0-9.]*?)\.\.(-?[0-9.]*)", text)
    try:
        low, high = (float(x) if x else None for x in match.groups())
    except (AttributeError, ValueError):
        raise IdlError(f"{where}: '{text}' is not a range") from None
    if low is not None and high is not None and low > high:
        raise IdlError(f"{where}: '{text}' holds nothing")
    return low, high


def parse_member(words, where):
    if len(words) < 2:
        raise IdlError(f"{where}: a member needs a name and a type")
    member = Member(words[0], parse_type(words[1], where), where)
    rest = words[2:]
    while rest:
        word = rest.pop(0)
        if word in ("required", "secret", "token", "private"):
            setattr(member, word, True)
        elif word not in ("len", "range", "size", "pattern", "default"):
            raise IdlError(f"{where}: '{word}' is not a property of a member")
        elif not rest:
            raise IdlError(f"{where}: nothing behind '{word}'")
        elif word in ("pattern", "default"):
            setattr(member, word, unquote(rest.pop(0)))
        else:
            setattr(member, word, parse_bounds(rest.pop(0), where))
    return member


class Parser:
    """Blocks start at column one; what belongs to them is indented."""

    def __init__(self, path):
        self.model, self.block = Model(path), None

    def run(self):
        with open(self.model.path, encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                words, where = tokens_of(line), f"{self.model.path}:{number}"
                if not words:
                    continue
                if line[0] in " \t":
                    self.inside(words, where)
                else:
                    self.open(words, where)
        if self.model.prefix is None:
            raise IdlError(f"{self.model.path}: no prefix")
        return self.model

    def open(self, words, where):
        head, model = words[0], self.model
        self.block = None
        if head in ("prefix", "struct", "enum", "operation", "kinds", "error") and len(words) < 2:
            raise IdlError(f"{where}: '{head}' needs a name")
        if head == "prefix":
            model.prefix = words[1]
        elif head == "common":
            model.common = words[1:]
        elif head == "uses":
            model.uses = words[1:]
        elif head in ("struct", "error"):
            status = self.status(words, where) if head == "error" else None
            self.block = Struct(words[1], where, status, "framework" in words[3:])
            self.add(model.structs, self.block)
        elif head == "enum":
            self.block = Enum(words[1], where)
            self.add(model.enums, self.block)
        elif head == "operation":
            self.block = Operation(words[1], where)
            self.add(model.operations, self.block)
        elif head == "kinds":
            self.block = Kinds(words[1], where)
            model.kinds.append(self.block)
        else:
            raise IdlError(f"{where}: '{head}' starts no block")

    @staticmethod
    def status(words, where):
        if len(words) < 3 or not re.fullmatch(r"[45][0-9][0-9]", words[2]):
            raise IdlError(f"{where}: an error needs its HTTP status")
        return int(words[2])

    def add(self, table, item):
        if item.name in table:
            raise IdlError(f"{item.where}: '{item.name}' is here twice")
        table[item.name] = item

    def inside(self, words, where):
        block = self.block
        if isinstance(block, Struct):
            if any(m.name == words[0] for m in block.members):
                raise IdlError(f"{where}: member '{words[0]}' is here twice")
            block.members.append(parse_member(words, where))
        elif isinstance(block, Enum):
            block.values += words
        elif isinstance(block, Kinds):
            block.rows.append((words[0], words[1] if len(words) > 1 else words[0]))
        elif isinstance(block, Operation):
            self.operation_line(block, words, where)
        else:
            raise IdlError(f"{where}: indented line outside a block")

    @staticmethod
    def operation_line(operation, words, where):
        if words[0] in ("request", "reply") and len(words) == 2:
            setattr(operation, words[0], words[1])
        elif words[0] == "errors":
            operation.errors += words[1:]
        elif words[0] == "pages" and len(words) == 4:
            operation.pages = tuple(words[1:4])
        elif words[0] in ("writes", "later"):
            setattr(operation, words[0], True)
        else:
            raise IdlError(f"{where}: '{words[0]}' says nothing about an operation")


def check_type(model, type_, where):
    """What the C side has containers for: see docs/idl.md, "Types"."""
    of = type_.of
    if type_.kind == "list" and of.kind not in ("name",) and of.name not in SCALAR_LISTS:
        raise IdlError(f"{where}: no list of this")
    if type_.kind == "map" and of.kind == "list" and of.of.kind != "name":
        raise IdlError(f"{where}: no map of such lists")
    if type_.kind == "map" and "." in ((of.of if of.kind == "list" else of).name or ""):
        raise IdlError(f"{where}: no map of another model's structures")
    if type_.kind == "map" and of.kind != "list":
        is_struct = of.kind == "name" and isinstance(model.find(of.name, where)[1], Struct)
        if not is_struct and (of.kind, of.name) != ("scalar", "string"):
            raise IdlError(f"{where}: no map of this")
    while type_.kind in ("list", "map"):
        type_ = type_.of
    if type_.kind in ("name", "text"):
        item = model.find(type_.name, where)[1]
        if type_.kind == "text" and not isinstance(item, Struct):
            raise IdlError(f"{where}: a text holds a structure")
        return item
    return type_.name


def check_default(member, base):
    """`base` is what check_type gave."""
    text, scalar = member.default, member.type.kind in ("scalar", "name")
    forms = {"bool": "true|false", "int": "-?[0-9]+", "long": "-?[0-9]+", "double": r"-?[0-9]+(\.[0-9]+)?", "string": ".+"}
    if isinstance(base, Enum):
        good = scalar and text in base.values
    else:
        good = scalar and isinstance(base, str) and re.fullmatch(forms.get(base, "(?!)"), text)
    if not good:
        raise IdlError(f"{member.where}: '{text}' is no default for this")


def check_member(model, member):
    base = check_type(model, member.type, member.where)
    fitting = {
        "len": base == "string",
        "pattern": base == "string",
        "range": base in ("int", "long", "double"),
        "size": member.type.kind in ("list", "map"),
    }
    for word, fits in fitting.items():
        if getattr(member, word) is not None and not fits:
            raise IdlError(f"{member.where}: no '{word}' for this type")
    if member.default is not None:
        check_default(member, base)


def check_struct(model, struct):
    if len(struct.members) > MEMBERS_MAX:
        raise IdlError(f"{struct.where}: {len(struct.members)} members, at most {MEMBERS_MAX}")
    fields = {}
    for member in struct.members:
        check_member(model, member)
        other = fields.setdefault(field_name(member.name), member)
        if other is not member:
            raise IdlError(f"{member.where}: '{member.name}' and '{other.name}' have one C name")


def check_operation(model, operation):
    if operation.request is None or operation.reply is None:
        raise IdlError(f"{operation.where}: an operation needs a request and a reply")
    for name in [operation.request, operation.reply]:
        if name not in model.structs:
            raise IdlError(f"{operation.where}: no structure '{name}'")
    for name in model.common + operation.errors:
        if name not in model.structs or model.structs[name].status is None:
            raise IdlError(f"{operation.where}: no error '{name}'")
    token, limit, result = operation.pages or (None, None, None)
    request, reply = operation.request, operation.reply
    for name, struct in ((token, request), (token, reply), (limit, request), (result, reply)):
        if name and all(m.name != name for m in model.structs[struct].members):
            raise IdlError(f"{operation.where}: '{name}' is no member of {struct}")


def nested(model, struct):
    """The structures that stand directly in one, as (model, Struct)."""
    for member in struct.members:
        type_ = member.type
        while type_.kind in ("list", "map"):
            type_ = type_.of
        if type_.kind in ("name", "text"):
            owner, item = model.find(type_.name)
            if isinstance(item, Struct):
                yield owner, item


def check_depth(model, struct, done, above=()):
    """Walkers recurse along the shapes, so no shape may contain itself. `done` are known not to."""
    if struct in above:
        raise IdlError(f"{struct.where}: '{struct.name}' contains itself")
    if struct not in done:
        for owner, item in nested(model, struct):
            check_depth(owner, item, done, above + (struct,))
    done.add(struct)


def check(model):
    for struct in model.structs.values():
        check_struct(model, struct)
    done = set()
    for struct in model.structs.values():
        check_depth(model, struct, done)
    for enum in model.enums.values():
        if not enum.values or len(set(enum.values)) != len(enum.values):
            raise IdlError(f"{enum.where}: an enum needs values, each of them once")
    for operation in model.operations.values():
        check_operation(model, operation)
    for kinds in model.kinds:
        for _, name in kinds.rows:
            if not isinstance(model.find(name, kinds.where)[1], Struct):
                raise IdlError(f"{kinds.where}: '{name}' is no structure")


def load(paths):
    """Reads the files, links what they use of each other, checks every name. Returns {prefix: Model}."""
    models = {}
    for path in paths:
        model = Parser(path).run()
        models[model.prefix] = model
    for model in models.values():
        for prefix in model.uses:
            if prefix not in models:
                raise IdlError(f"{model.path}: there is no model '{prefix}'")
        model.used = {prefix: models[prefix] for prefix in model.uses}
    for model in models.values():
        check(model)
    return models


# --- writing ---------------------------------------------------------------------------------------


def snake(name):
    name = name.replace("IPv", "Ipv").replace("vCpu", "Vcpu").replace("GiB", "Gib").replace("MiB", "Mib")
    name = name.replace("Mbps", "Mbps").replace(".", "_").replace("-", "_")
    name = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name)
    name = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower()
    return name


def field_name(name):
    name = snake(name)
    return name + "_" if name in KEYWORDS else name


def constant(text):
    return re.sub(r"[^A-Z0-9]", "_", text.upper())


def quote(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def literal(text):
    return f"{{.ptr = {quote(text)}, .len = {len(text.encode())}}}"


class Writer:
    def __init__(self, model):
        self.model, self.prefix = model, model.prefix

    def type_name(self, name):
        model, item = self.model.find(name)
        return f"{model.prefix}_{snake(item.name)}", item

    def c_type(self, type_):
        """The C type of a member or entry, and what stands between it and the field's name."""
        if type_.kind == "scalar":
            return SCALARS[type_.name][1] + " "
        if type_.kind == "text":
            return f"struct {self.type_name(type_.name)[0]} *"
        if type_.kind == "name":
            name, item = self.type_name(type_.name)
            return f"enum {name} " if isinstance(item, Enum) else f"struct {name} *"
        if type_.kind == "list":
            return self.list_type(type_.of) + " "
        return self.map_type(type_.of) + " "

    def list_type(self, of):
        if of.kind == "scalar":
            if of.name not in SCALAR_LISTS:
                raise IdlError(f"{self.model.path}: no list of {of.name}")
            return SCALAR_LISTS[of.name]
        return f"struct {self.type_name(of.name)[0]}_list"

    def map_type(self, of):
        if of.kind == "scalar" and of.name == "string":
            return "struct str_map"
        if of.kind == "list":
            return f"struct {self.type_name(of.of.name)[0]}_list_map"
        return f"struct {self.type_name(of.name)[0]}_map"

    def descriptor_type(self, type_):
        """(SHAPE_ constant, shape or enum name or None)"""
        if type_.kind == "scalar":
            return SCALARS[type_.name][0], None
        if type_.kind in ("list", "map"):
            return "SHAPE_LIST" if type_.kind == "list" else "SHAPE_MAP", None
        name, item = self.type_name(type_.name)
        if type_.kind == "text":
            return "SHAPE_TEXT", (name, item)
        return ("SHAPE_ENUM" if isinstance(item, Enum) else "SHAPE_STRUCT"), (name, item)

    # header

    def header(self):
        guard = f"API_{self.model.name.upper()}_H"
        out = [
            f"// Generated from {self.model.name}.idl by gen.py. Do not edit.",
            "",
            f"#ifndef {guard}",
            f"#define {guard}",
            "",
            '#include "shape/shape.h"',
        ]
        out += [f'#include "api/{m.name}.h"' for m in self.model.used.values()]
        out.append("")
        for enum in self.model.enums.values():
            out += self.enum_declaration(enum)
        for struct in self.model.structs.values():
            out.append(f"struct {self.prefix}_{snake(struct.name)};")
        out.append("")
        out += self.container_declarations()
        for struct in self.model.structs.values():
            out += self.struct_declaration(struct)
        out += self.error_declaration() + self.operation_declaration()
        for kinds in self.model.kinds:
            out += self.kinds_declaration(kinds)
        stem = self.prefix.upper() + "_SHAPES_N"
        out += ["// Every structure of this file.", f"enum {{ {stem} = {len(self.model.structs)} }};"]
        out += [f"extern const struct shape *const {self.prefix}_shapes[{stem}];", ""]
        out.append("#endif")
        return "\n".join(out) + "\n"

    def enum_constants(self, enum):
        stem = constant(f"{self.prefix}_{snake(enum.name)}")
        names = [f"{stem}_UNSET"] + [f"{stem}_{constant(v)}" for v in enum.values]
        if len(set(names)) != len(names):
            raise IdlError(f"{enum.where}: two values of {enum.name} have one C name")
        return stem, names

    def enum_declaration(self, enum):
        stem, names = self.enum_constants(enum)
        out = [f"enum {self.prefix}_{snake(enum.name)} {{", f"    {names[0]} = 0, // absent or not a name we know"]
        out += [f"    {name}," for name in names[1:]]
        out += ["};", f"enum {{ {stem}_N = {len(names)} }};"]
        out += [f"extern const struct shape_enum {self.prefix}_{snake(enum.name)}_enum;", ""]
        return out

    def container_declarations(self):
        """List and map types for every structure and enum that some member holds many of."""
        lists, maps, list_maps = set(), set(), set()
        for struct in self.model.structs.values():
            for member in struct.members:
                type_ = member.type
                if type_.kind == "list" and type_.of.kind == "name":
                    lists.add(type_.of.name)
                if type_.kind == "map" and type_.of.kind == "name":
                    maps.add(type_.of.name)
                if type_.kind == "map" and type_.of.kind == "list":
                    lists.add(type_.of.of.name)
                    list_maps.add(type_.of.of.name)
        out = []
        for name in list(self.model.structs) + list(self.model.enums):
            full, item = self.type_name(name)
            of = f"enum {full}" if isinstance(item, Enum) else f"struct {full}"
            out += [f"struct {full}_list {{", "    size_t n;", f"    {of} *at;", "};", ""]
            if name in maps:
                out += [f"struct {full}_entry;"]
                out += [f"struct {full}_map {{", "    size_t n;", f"    struct {full}_entry *at;", "};", ""]
            if name in list_maps:
                out += [f"struct {full}_list_entry {{", "    struct str key;", f"    struct {full}_list value;", "};"]
                out += [f"struct {full}_list_map {{", "    size_t n;", f"    struct {full}_list_entry *at;", "};", ""]
        self.maps = maps
        return out

    def struct_declaration(self, struct):
        name = f"{self.prefix}_{snake(struct.name)}"
        out = [f"struct {name} {{", "    union {", "        uint64_t mask;"]
        if struct.members:
            out.append("        struct {")
            out += [f"            bool {field_name(m.name)} : 1;" for m in struct.members]
            out.append("        } has;")
        out.append("    };")
        out += [f"    {self.c_type(m.type)}{field_name(m.name)};" for m in struct.members]
        out += ["};", f"extern const struct shape {name}_shape;", ""]
        if struct.name in self.maps:
            out += [f"struct {name}_entry {{", "    struct str key;", f"    struct {name} value;", "};", ""]
        return out

    def error_declaration(self):
        errors = self.model.errors()
        if not errors:
            return []
        stem = self.prefix.upper() + "_ERROR"
        out = [f"enum {self.prefix}_error {{", f"    {stem}_NONE = 0,"]
        out += [f"    {stem}_{constant(snake(e.name))}," for e in errors]
        out += [f"    {stem}_N,", "};", f"extern const struct error_kind {self.prefix}_errors[{stem}_N];", ""]
        return out

    def operation_declaration(self):
        if not self.model.operations:
            return []
        stem = self.prefix.upper() + "_OPERATION"
        out = [f"enum {self.prefix}_operation {{", f"    {stem}_NONE = 0,"]
        out += [f"    {stem}_{constant(snake(o.name))}," for o in self.model.operations.values()]
        out += [f"    {stem}_N,", "};", f"extern const struct operation {self.prefix}_operations[{stem}_N];", ""]
        out += ["// Handlers, one an available operation; see ops/op.h.", "struct op_ctx;"]
        for operation in self.model.operations.values():
            if not operation.later:
                out.append(self.handler_prototype(operation) + ";")
        out += ["int op_not_yet_available(struct op_ctx *ctx);", ""]
        out += ["// Calls the handler; `in` and `out` are the operation's request and reply."]
        out += [f"int {self.prefix}_dispatch(enum {self.prefix}_operation operation, struct op_ctx *ctx, const void *in,"]
        out += ["    void *out);", ""]
        return out

    def handler_prototype(self, operation):
        request, reply = snake(operation.request), snake(operation.reply)
        return (
            f"int op_{snake(operation.name)}(struct op_ctx *ctx, const struct {self.prefix}_{request} *in,\n"
            f"    struct {self.prefix}_{reply} *out)"
        )

    def kinds_declaration(self, kinds):
        stem = constant(f"{self.prefix}_{kinds.name}")
        out = [f"enum {self.prefix}_{kinds.name} {{", f"    {stem}_NONE = 0,"]
        out += [f"    {stem}_{constant(snake(wire))}," for wire, _ in kinds.rows]
        out += [f"    {stem}_N,", "};"]
        out += [f"extern const struct message_kind {self.prefix}_{kinds.name}s[{stem}_N];", ""]
        return out

    # source

    def source(self):
        out = [
            f"// Generated from {self.model.name}.idl by gen.py. Do not edit.",
            "",
            f'#include "api/{self.model.name}.h"',
            "",
            "#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__",
            '#error "the presence bits are laid out for little-endian machines"',
            "#endif",
            "",
        ]
        for enum in self.model.enums.values():
            out += self.enum_definition(enum)
        for struct in self.model.structs.values():
            out += self.struct_definition(struct)
        out += self.error_definition() + self.operation_definition()
        for kinds in self.model.kinds:
            out += self.kinds_definition(kinds)
        out.append(f"const struct shape *const {self.prefix}_shapes[{self.prefix.upper()}_SHAPES_N] = {{")
        out += [f"    &{self.prefix}_{snake(name)}_shape," for name in self.model.structs]
        out.append("};")
        return "\n".join(out) + "\n"

    def enum_definition(self, enum):
        stem, names = self.enum_constants(enum)
        full = f"{self.prefix}_{snake(enum.name)}"
        out = [f"static const struct str {full}_values[{stem}_N] = {{"]
        out += [f"    [{c}] = {literal(v)}," for c, v in zip(names[1:], enum.values)]
        out += ["};", f"const struct shape_enum {full}_enum = {{"]
        out += [f"    .name = {quote(enum.name)}, .values = {full}_values, .n = {stem}_N}};", ""]
        return out

    def limits(self, member):
        """Flags and the initialiser of struct shape_limits, or None."""
        flags, parts = [], []
        if member.range:
            low, high = member.range
            if low is not None:
                flags.append("SHAPE_HAS_MIN")
                parts.append(f".min = {low!r}")
            if high is not None:
                flags.append("SHAPE_HAS_MAX")
                parts.append(f".max = {high!r}")
        for what, flag in (("len", "SHAPE_HAS_LEN"), ("size", "SHAPE_HAS_SIZE")):
            bounds = getattr(member, what)
            if bounds:
                flags.append(flag)
                parts.append(f".{what}_min = {int(bounds[0] or 0)}")
                parts.append(f".{what}_max = {int(bounds[1]) if bounds[1] is not None else 'UINT32_MAX'}")
        if member.pattern is not None:
            parts.append(f".pattern = {quote(member.pattern)}")
        if member.default is not None:
            parts.append(f".fallback = {literal(member.default)}")
        return flags, parts

    def struct_definition(self, struct):
        full = f"{self.prefix}_{snake(struct.name)}"
        out, rows = [], []
        for bit, member in enumerate(struct.members):
            row = self.field_row(full, bit, member, out)
            rows.append((member.name.encode(), row))
        rows.sort()
        if rows:
            out.append(f"static const struct shape_field {full}_fields[] = {{")
            out += [row for _, row in rows]
            out.append("};")
        out.append(f"const struct shape {full}_shape = {{")
        out.append(f"    .name = {literal(struct.name)}, .size = sizeof(struct {full}), .fields_n = {len(rows)},")
        out.append(f"    .fields = {full + '_fields' if rows else 'NULL'}}};")
        out.append("")
        return out

    def field_row(self, full, bit, member, out):
        type_, target = self.descriptor_type(member.type)
        parts = [
            f".name = {literal(member.name)}",
            f".offset = offsetof(struct {full}, {field_name(member.name)})",
            f".bit = {bit}",
            f".type = {type_}",
        ]
        if member.type.kind in ("list", "map"):
            of = member.type.of
            element, target = self.descriptor_type(of)
            if of.kind == "list":
                _, target = self.descriptor_type(of.of)
            parts.append(f".element = {element}")
        if target:
            field = "enums" if isinstance(target[1], Enum) else "shape"
            parts.append(f".{field} = &{target[0]}_{'enum' if field == 'enums' else 'shape'}")
        flags, limits = self.limits(member)
        flags += [f"SHAPE_{w.upper()}" for w in ("required", "secret", "token") if getattr(member, w)]
        if flags:
            parts.append(f".flags = {' | '.join(flags)}")
        if limits:
            name = f"{full}_{field_name(member.name)}_limits"
            out.append(f"static const struct shape_limits {name} = {{{', '.join(limits)}}};")
            parts.append(f".limits = &{name}")
        return "    {" + ", ".join(parts) + "},"

    def error_definition(self):
        errors = self.model.errors()
        if not errors:
            return []
        stem = self.prefix.upper() + "_ERROR"
        out = [f"const struct error_kind {self.prefix}_errors[{stem}_N] = {{"]
        for error in errors:
            out.append(
                f"    [{stem}_{constant(snake(error.name))}] = {{.name = {literal(error.name)}, "
                f".status = {error.status}, .shape = &{self.prefix}_{snake(error.name)}_shape}},"
            )
        return out + ["};", ""]

    def operation_definition(self):
        if not self.model.operations:
            return []
        stem, out = self.prefix.upper() + "_OPERATION", []
        for operation in self.model.operations.values():
            names = sorted(self.model.common + operation.errors)
            kinds = ", ".join(f"{self.prefix.upper()}_ERROR_{constant(snake(n))}" for n in names)
            out.append(f"static const uint8_t {snake(operation.name)}_errors[] = {{{kinds}, 0}};")
        out.append(f"const struct operation {self.prefix}_operations[{stem}_N] = {{")
        for operation in self.model.operations.values():
            flags = [f"OPERATION_{w.upper()}" for w in ("later", "writes") if getattr(operation, w)]
            pages = operation.pages or ("", "", "")
            out.append(f"    [{stem}_{constant(snake(operation.name))}] = {{")
            out.append(f"        .name = {literal(operation.name)},")
            out.append(f"        .request = &{self.prefix}_{snake(operation.request)}_shape,")
            out.append(f"        .reply = &{self.prefix}_{snake(operation.reply)}_shape,")
            out.append(f"        .flags = {' | '.join(flags) or '0'},")
            out.append(f"        .errors = {snake(operation.name)}_errors,")
            out.append(f"        .page_result = {literal(pages[2])}}},")
        out += ["};", ""]
        return out

    def kinds_definition(self, kinds):
        stem = constant(f"{self.prefix}_{kinds.name}")
        out = [f"const struct message_kind {self.prefix}_{kinds.name}s[{stem}_N] = {{"]
        for wire, name in kinds.rows:
            full, _ = self.type_name(name)
            out.append(f"    [{stem}_{constant(snake(wire))}] = {{.name = {literal(wire)}, .shape = &{full}_shape}},")
        return out + ["};", ""]

    def dispatch(self):
        stem = self.prefix.upper() + "_OPERATION"
        out = [
            f"// Generated from {self.model.name}.idl by gen.py. Do not edit.",
            "",
            f'#include "api/{self.model.name}.h"',
            "",
            f"int {self.prefix}_dispatch(enum {self.prefix}_operation operation, struct op_ctx *ctx, const void *in,",
            "    void *out)",
            "{",
            "    switch (operation) {",
        ]
        for operation in self.model.operations.values():
            out.append(f"    case {stem}_{constant(snake(operation.name))}:")
            call = "op_not_yet_available(ctx)" if operation.later else f"op_{snake(operation.name)}(ctx, in, out)"
            out.append(f"        return {call};")
        out += [f"    case {stem}_NONE:", f"    case {stem}_N:", "        break;", "    }", "    __builtin_unreachable();", "}"]
        return "\n".join(out) + "\n"


def main(argv):
    if len(argv) < 3:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    try:
        models = load(argv[2:])
        for model in models.values():
            writer = Writer(model)
            files = {f"{model.name}.h": writer.header(), f"{model.name}.c": writer.source()}
            if model.operations:
                files[f"{model.name}_dispatch.c"] = writer.dispatch()
            for name, text in files.items():
                with open(os.path.join(argv[1], name), "w", encoding="utf-8") as out:
                    out.write(text)
    except (IdlError, OSError) as error:
        print(f"gen.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
