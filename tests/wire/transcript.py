"""The language of tests/wire/*.txt: reading a transcript, JSON with holes, comparing. README.md describes it."""

import json
import re
import time

KINDS = {
    "id": r"[0-9a-f]{32}",
    "uuid": r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    "int": r"-?[0-9]+",
    "hex": r"[0-9a-f]+",
    "text": r".+",
}
WHOLE = ("time", "number", "any")  # kinds that only stand outside quotes
REST = "..."
CLOCK_SLACK = 3600  # seconds a <time> may be away from now

HOLE = re.compile(r"<([a-z]+)(?: ([A-Za-z0-9_.]+))?>|<([A-Za-z0-9_.]+)>")
STRING = re.compile(r'("(?:[^"\\]|\\.)*")')


class Mismatch(Exception):
    pass


class BadScript(Exception):
    pass


class Hole:
    """A value outside quotes: of a kind, or one that was seen before."""

    def __init__(self, text):
        match = re.fullmatch(r"<([A-Za-z0-9_.]+)(?: ([A-Za-z0-9_.]+))?>", text)
        if not match:
            raise BadScript(f"not a hole: {text}")
        self.kind, self.name = match.groups()
        if self.kind not in KINDS and self.kind not in WHOLE:
            if self.name:
                raise BadScript(f"no such kind of hole: {text}")
            self.kind, self.name = None, self.kind


# --- reading ---------------------------------------------------------------------------------------


class Line:
    def __init__(self, number, mark, text):
        self.number, self.mark, self.text = number, mark, text


MARKS = (">~", "<:", ">", "<", "!", "|", "+", "server", "hold", "release", "closed", "get")


def read(path):
    """(title, lines). A line that begins with a space goes on from the one before."""
    title, lines = "", []
    with open(path) as source:
        for number, raw in enumerate(source.read().split("\n"), 1):
            if raw.startswith("|"):
                lines.append(Line(number, "|", raw[2:]))
            elif raw.startswith(" "):
                if not lines:
                    raise BadScript(f"{path}:{number}: nothing to go on from")
                lines[-1].text += raw.strip() if lines[-1].mark.startswith("<") else " " + raw.strip()
            elif raw.startswith("#"):
                title = title or raw[1:].strip()
            elif raw:
                lines.append(_line(path, number, raw))
    return title, lines


def _line(path, number, raw):
    for mark in MARKS:
        if raw.startswith(mark):
            return Line(number, mark, raw[len(mark):].strip())
    raise BadScript(f"{path}:{number}: what is '{raw}'?")


def parse(text):
    """JSON in which <holes> stand for values and `...` for members or entries that are not listed."""
    parts = STRING.split(text)
    for i in range(0, len(parts), 2):
        parts[i] = re.sub(r"<[^<>]*>", lambda m: json.dumps("\x01" + m.group(0)), parts[i])
        parts[i] = re.sub(r"\.\.\.", '"\x02"', parts[i])
    joined = "".join(parts)
    # In an object `...` is a member without a value.
    joined = re.sub(r'"\x02"(?=\s*\})', '"\x02":null', joined)
    try:
        return json.loads(joined, strict=False)
    except ValueError as error:
        raise BadScript(f"{error}: {text}") from error


def expand(text):
    """<x*N> as N of them; x is any text without angle brackets."""
    return re.sub(r"<([^<>]+)\*(\d+)>", lambda m: m.group(1) * int(m.group(2)), text)


# --- filling in ------------------------------------------------------------------------------------


def fill(text, names):
    """What is sent: names replaced, <x*N> repeated, <now+N> and <now-N> the time, escapes left alone."""
    def value(match):
        inner = match.group(1)
        clock = re.fullmatch(r"now([+-]\d+)?", inner)
        if clock:
            return f"{time.time() + int(clock.group(1) or 0):.3f}"
        if inner not in names:
            raise BadScript(f"nothing is known as <{inner}>")
        known = names[inner]
        return known if isinstance(known, str) else json.dumps(known)
    return re.sub(r"<([A-Za-z0-9_.+-]+)>", value, expand(text))


# --- comparing -------------------------------------------------------------------------------------


def _bind(names, name, value, path):
    if name is None:
        return
    if name in names and names[name] != value:
        raise Mismatch(f"{path}: {value!r} is not <{name}>, which is {names[name]!r}")
    names[name] = value


def _match_hole(hole, got, names, path):
    if hole.kind is None:
        if hole.name not in names:
            raise BadScript(f"nothing is known as <{hole.name}>")
        if names[hole.name] != got:
            raise Mismatch(f"{path}: {got!r} is not <{hole.name}>, which is {names[hole.name]!r}")
        return
    is_number = isinstance(got, (int, float)) and not isinstance(got, bool)
    if hole.kind == "time" and (not is_number or abs(got - time.time()) > CLOCK_SLACK):
        raise Mismatch(f"{path}: {got!r} is not a time of now")
    if hole.kind == "number" and not is_number:
        raise Mismatch(f"{path}: {got!r} is not a number")
    if hole.kind in KINDS and not (isinstance(got, str) and re.fullmatch(KINDS[hole.kind], got, re.S)):
        raise Mismatch(f"{path}: {got!r} is not <{hole.kind}>")
    _bind(names, hole.name, got, path)


def match_text(want, got, names, path):
    """A string with holes in it."""
    pattern, bound, at = "", [], 0
    for hole in HOLE.finditer(want):
        kind, name, known = hole.groups()
        if kind and kind not in KINDS and not name:
            kind, known = None, kind
        if not kind and known not in names:
            continue
        pattern += re.escape(want[at:hole.start()])
        at = hole.end()
        if kind:
            pattern += f"({KINDS[kind]})"
            bound.append(name)
        else:
            pattern += re.escape(str(names[known]))
    pattern += re.escape(want[at:])
    match = re.fullmatch(pattern, got, re.S)
    if not match:
        raise Mismatch(f"{path}: {got!r} instead of {want!r}")
    for name, value in zip(bound, match.groups()):
        _bind(names, name, value, path)


def match(want, got, names, path="reply"):
    """Raises Mismatch at the first difference; names that holes give are added to `names`."""
    if isinstance(want, str) and want.startswith("\x01"):
        _match_hole(Hole(want[1:]), got, names, path)
    elif isinstance(want, dict):
        _match_object(want, got, names, path)
    elif isinstance(want, list):
        _match_list(want, got, names, path)
    elif isinstance(want, str) and isinstance(got, str):
        match_text(want, got, names, path)
    elif type(want) is not type(got) and not _are_numbers(want, got) or want != got:
        raise Mismatch(f"{path}: {got!r} instead of {want!r}")


def _are_numbers(a, b):
    return all(isinstance(x, (int, float)) and not isinstance(x, bool) for x in (a, b))


def _match_object(want, got, names, path):
    if not isinstance(got, dict):
        raise Mismatch(f"{path}: {got!r} is not an object")
    for key, value in want.items():
        if key == "\x02":
            continue
        if key not in got:
            raise Mismatch(f"{path}.{key} is missing")
        match(value, got[key], names, f"{path}.{key}")
    extra = [key for key in got if key not in want]
    if extra and "\x02" not in want:
        raise Mismatch(f"{path}.{extra[0]} was not expected: {got[extra[0]]!r}")


def _match_list(want, got, names, path):
    if not isinstance(got, list):
        raise Mismatch(f"{path}: {got!r} is not a list")
    if "\x02" not in want:
        if len(want) != len(got):
            raise Mismatch(f"{path} has {len(got)} entries instead of {len(want)}: {got!r}")
        for i, entry in enumerate(want):
            match(entry, got[i], names, f"{path}[{i}]")
        return
    at = 0
    for entry in want:
        if entry == "\x02":
            continue
        at = _find(entry, got, at, names, path) + 1


def _find(entry, got, at, names, path):
    for i in range(at, len(got)):
        trial = dict(names)
        try:
            match(entry, got[i], trial, path)
        except Mismatch:
            continue
        names.update(trial)
        return i
    raise Mismatch(f"{path}: no entry like {entry!r} in {got!r}")


# --- writing: what a reply looks like as an expectation ---------------------------------------------


def expectation(text, names):
    """A reply with holes where another run will differ, wrapped into lines."""
    arn = names.get("arn", "")
    for name, value in sorted(names.items(), key=lambda item: -len(str(item[1]))):
        if isinstance(value, str) and len(value) > 12 and name != "arn":
            text = text.replace(value, f"<{name}>")
    text = text.replace(arn, "<arn>")
    text = re.sub(r"(.)\1{39,}", lambda m: f"<{m.group(1)}*{len(m.group(0))}>", text)
    text = re.sub(r"\b\d{8}T\d{6}Z\b", "<text>", text)
    text = re.sub(KINDS["uuid"], "<uuid>", text)
    text = re.sub(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])", "<id>", text)
    text = re.sub(r'"(\w+At|lastUpdated|lastStatusChange)":[0-9.E]+', r'"\1":<time>', text)
    out, line = [], ""
    for piece in re.findall(r'(?:"(?:[^"\\]|\\.)*"|[^,"])+,?', text):
        if len(line) + len(piece) > 116 and line:
            out.append(line)
            line = "  "
        line += piece
    return "\n".join(out + [line])
