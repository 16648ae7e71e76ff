#!/usr/bin/env python3
"""The house rules that a machine can check, as a test.

    tidy.py [ROOT] [--archive NM_FILE]

Checks: include direction between rooms, file and function sizes, banned words and calls, files that no
meson.build lists, that each outside library is seen by its own wrapper only, and (given `nm -u` output of
the pure archive) that the pure rooms call nothing but what is allowed.
Prints TAP; each rule is one test. The rules themselves are tested by tests/tidy_test.py.
"""

import os
import re
import sys

# Which rooms a room may include, itself always. Source: docs/architecture.md, "Rooms".
EDGES = {
    "base": set(),
    "shape": {"base"},
    "model": {"base", "shape"},
    "core": {"base", "shape", "model"},
    "engine": {"base", "shape"},
    "ops": {"base", "shape", "model", "core"},
    "io": {"base"},
    "wire": {"base", "shape", "io"},
    "store": {"base", "shape", "io", "wire"},
    "runtime": {"base", "shape", "io", "wire"},
    "host": {"base", "shape", "io", "wire"},
    "client": {"base", "shape", "io", "wire"},
    "server": {"base", "shape", "model", "core", "ops", "io", "wire", "store"},
    "agent": {"base", "shape", "engine", "io", "wire", "store", "runtime", "host", "client"},
    "cli": {"base", "shape", "io", "wire", "store", "runtime", "client", "server", "agent"},
}
PURE = {"shape", "model", "core", "engine", "ops"}
# Generated headers count as shape; the plain interface of drivers (data only) may be seen by the engine's tests.

# Outside libraries: header pattern -> files that may include it.
WRAPPERS = {
    r"event2?/|event\.h": {"io/loop.c", "io/loop_event.c"},
    r"wslay/": {"wire/ws.c"},
    r"openssl/": {"wire/tls.c", "wire/crypto.c", "wire/tls_test.c", "wire/tls_cert.c"},
    r"yajl/": {"wire/json_read.c"},
    r"sqlite3\.h": {"store/sqlite.c"},
    r"pcre2\.h": {"base/regex.c"},
    r"xxhash\.h": {"base/hash.c"},
    r"uthash\.h": {"base/map.h"},
}
# The kernel is called here only.
KERNEL_ROOMS = {"io", "wire", "store", "runtime", "host", "client", "server", "agent", "cli"}
KERNEL_HEADERS = re.compile(r"^(unistd|fcntl|poll|pthread|signal|netdb|sys/(socket|stat|wait|epoll|file|mman|un|eventfd|types)|netinet/.*|arpa/.*)\.h$")

FILE_LINES_MAX = 1200
FUNCTION_LINES_MAX = 70
LINE_COLUMNS_MAX = 100

BANNED = [
    (re.compile(r"\bX{3}\b|\bTODO\b|\bFIXME\b"), "a note to oneself: open an issue instead"),
    (re.compile(r"\b(strcpy|strcat|sprintf|vsprintf|strtok|atoi|atol|atof|gets)\s*\("), "a banned call"),
    (re.compile(r"\b(localtime|gmtime|ctime|asctime|rand|srand|random)\s*\("), "clocks and dice come from outside"),
    (re.compile(r"\balloca\s*\("), "no alloca"),
]
PURE_BANNED = [
    (re.compile(r"\b(time|clock_gettime|gettimeofday|getrandom|getenv|printf|fprintf|fopen|open|socket|malloc|calloc|realloc|free)\s*\("),
     "the pure rooms call no libc beyond memory and text"),
    (re.compile(r'#include "base/log\.h"'), "the pure rooms do not log"),
]
# The engine says what to log as data, in the log's own types.
PURE_BANNED_EXCEPT = {("engine/engine.h", '#include "base/log.h"')}


class Source:
    def __init__(self, root, path):
        self.path = path  # relative to src/
        self.room = path.split("/")[0]
        with open(os.path.join(root, "src", path), encoding="utf-8") as text:
            self.lines = text.read().split("\n")
        self.is_test = path.endswith("_test.c") or path.endswith("/test.h") or "_test_" in path or os.path.basename(path).startswith("rig.")
        self.code = strip_comments("\n".join(self.lines)).split("\n")


def strip_comments(text):
    """Comments and string contents become blanks; line numbers stay."""

    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0)) if match.group(0)[0] == "/" else '""'

    return re.sub(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'',
                  lambda m: blank(m) if m.group(0)[0] == "/" else m.group(0)[0] * 2, text, flags=re.S)


def sources(root):
    found = []
    for folder, _, names in os.walk(os.path.join(root, "src")):
        for name in sorted(names):
            if name.endswith((".c", ".h")):
                found.append(Source(root, os.path.relpath(os.path.join(folder, name), os.path.join(root, "src"))))
    return found


def includes(source):
    for number, line in enumerate(source.lines, 1):
        match = re.match(r'\s*#\s*include\s+(["<])([^">]+)[">]', line)
        if match:
            yield number, match.group(1), match.group(2)


def check_edges(all_sources):
    for source in all_sources:
        if "/" not in source.path or source.is_test:
            continue
        for number, kind, name in includes(source):
            if kind != '"':
                continue
            room = name.split("/")[0]
            room = "shape" if room == "api" else room
            if room == source.room:
                continue
            if room not in EDGES:
                yield f"src/{source.path}:{number}: \"{name}\" names no room"
            elif room not in EDGES[source.room]:
                yield f"src/{source.path}:{number}: {source.room} may not include {room}"


def check_wrappers(all_sources):
    for source in all_sources:
        if source.is_test:
            continue
        for number, _, name in includes(source):
            for pattern, allowed in WRAPPERS.items():
                if re.match(pattern, name) and source.path not in allowed:
                    yield f"src/{source.path}:{number}: <{name}> belongs behind {', '.join(sorted(allowed))}"
            if KERNEL_HEADERS.match(name) and source.room not in KERNEL_ROOMS:
                yield f"src/{source.path}:{number}: {source.room} does not call the kernel (<{name}>)"


def functions(source):
    """(name, first line, lines) of every function body: a '{' or '{'-ended signature at column one."""
    start = name = None
    for number, line in enumerate(source.code, 1):
        if start is None:
            if line == "{" or (line.endswith("{") and re.match(r"^[a-z_].*\)\s*\{$", line)):
                start = number
                name = signature_name(source.code, number)
        elif line.startswith("}"):
            yield name, start, number - start - 1
            start = None


def signature_name(lines, number):
    text = ""
    for back in range(number - 1, max(number - 12, -1), -1):
        text = lines[back] + " " + text
        match = re.match(r"^[A-Za-z_].*?\b([A-Za-z_][A-Za-z0-9_]*)\s*\(", text)
        if match and lines[back][:1].strip():
            return match.group(1)
    return "?"


def is_flat_switch(source, start, length):
    """A body that is one switch whose cases are short: allowed to be long."""
    body = source.code[start : start + length]
    cases = sum(1 for line in body if re.match(r"\s+(case\b|default:)", line))
    return any(re.match(r"    switch \(", line) for line in body) and cases * 4 >= length


def is_main_of_test(source, name):
    return source.is_test and name == "main"


def check_sizes(all_sources):
    for source in all_sources:
        if len(source.lines) > FILE_LINES_MAX:
            yield f"src/{source.path}: {len(source.lines)} lines, {FILE_LINES_MAX} is the most"
        for name, start, length in functions(source):
            if length > FUNCTION_LINES_MAX and not is_main_of_test(source, name) and not is_flat_switch(source, start, length):
                yield f"src/{source.path}:{start}: {name}() has {length} lines, {FUNCTION_LINES_MAX} is the most"
        for number, line in enumerate(source.lines, 1):
            if len(line.expandtabs(8)) > LINE_COLUMNS_MAX and "://" not in line and not source.is_test:
                if '"' not in line:
                    yield f"src/{source.path}:{number}: {len(line)} columns"


def check_words(all_sources):
    for source in all_sources:
        if source.path == "base/banned.h":
            continue
        for number, line in enumerate(source.code, 1):
            rules = BANNED + (PURE_BANNED if source.room in PURE and not source.is_test else [])
            raw = source.lines[number - 1]
            for pattern, why in rules:
                subject = raw if "#include" in pattern.pattern or "TODO" in pattern.pattern else line
                if pattern.search(subject) and (source.path, raw.strip()) not in PURE_BANNED_EXCEPT:
                    yield f"src/{source.path}:{number}: {why}: {raw.strip()}"


def check_heads(all_sources):
    for source in all_sources:
        if source.is_test or not source.path.endswith(".c"):
            continue
        if not source.lines[0].startswith("//"):
            yield f"src/{source.path}:1: a .c file opens by saying what it is"


def check_listed(root, all_sources):
    listed = ""
    for folder in ["src", "tests"]:
        for where, _, names in os.walk(os.path.join(root, folder)):
            if "meson.build" in names:
                with open(os.path.join(where, "meson.build"), encoding="utf-8") as text:
                    listed += text.read()
    for source in all_sources:
        name = os.path.basename(source.path)
        if name.endswith("_test.c"):
            stem = name[: -len("_test.c")]
            if not re.search(rf"'{re.escape(stem)}'|{re.escape(name)}", listed):
                yield f"src/{source.path}: a test that is never built"
        elif name.endswith(".c") and name not in listed:
            yield f"src/{source.path}: in no meson.build"
        elif name.endswith(".h") and not any(
            inc == source.path or inc.endswith("/" + source.path) for other in all_sources for _, _, inc in includes(other)
        ):
            if name not in ("banned.h",) and not name.endswith("test.h"):
                yield f"src/{source.path}: included by nobody"


# Undefined symbols that the pure archive may have besides its own: memory and text of libc, what the
# compiler adds, and the two pure libraries behind base.
ALLOWED_SYMBOLS = re.compile(
    r"^(_GLOBAL_OFFSET_TABLE_|__stack_chk_fail|_?_tls_get_addr|__(asan|ubsan|lsan|sanitizer)_.*|__odr_asan.*|"
    r"__sanitizer.*|__(memcpy|memmove|memset|strcat|vsnprintf|snprintf|fprintf|vfprintf)_chk|"
    r"mem(cpy|move|set|cmp|chr|rchr|mem)|str(len|cmp|ncmp|chr|rchr|str|tod|tol|toll|toul)|strerrordesc_np|__isoc.*_str.*|"
    r"v?snprintf|qsort|bsearch|mallo(c|pt)|calloc|realloc|free|abort|"
    r"__(start|stop)_marks|"  # the linker's, for base/proof.c
    r"stderr|fwrite|fprintf|vfprintf|fputs|fputc|"  # base/assert.c's last words and base/log.c's default sink
    r"ceil|floor|fmod|pow|lround|llround|isfinite|isnan|frexp|ldexp|pcre2_.*|__errno_location)$"
)


def check_symbols(nm_text):
    """`nm -A -P` output of the archives: "<archive>[<object>]: <symbol> <kind> ..." a line."""
    defined, wanted = set(), set()
    for line in nm_text.split("\n"):
        match = re.match(r"^\S+: (\S+) ([A-Za-z])\b", line)
        if match:
            (wanted if match.group(2) in "Uw" else defined).add(match.group(1))
    if not defined:
        yield "the archive defines nothing"
    for symbol in sorted(wanted - defined):
        if not ALLOWED_SYMBOLS.match(symbol):
            yield f"the pure archive needs '{symbol}'"


def main(argv):
    archive = None
    if "--archive" in argv:
        at = argv.index("--archive")
        archive = argv[at + 1]
        del argv[at : at + 2]
    root = argv[1] if len(argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
    found = sources(root)
    rules = [
        ("rooms include downwards only", check_edges(found)),
        ("each outside library has one wrapper", check_wrappers(found)),
        ("files, functions and lines have a bearable size", check_sizes(found)),
        ("no banned words or calls", check_words(found)),
        ("every source file says what it is", check_heads(found)),
        ("every file is built or included", check_listed(root, found)),
    ]
    if archive:
        with open(archive, encoding="utf-8") as text:
            rules.append(("the pure archive calls nothing impure", check_symbols(text.read())))
    failed = 0
    print(f"1..{len(rules)}")
    for number, (title, problems) in enumerate(rules, 1):
        problems = list(problems)
        print(f"{'not ok' if problems else 'ok'} {number} - {title}")
        for problem in problems:
            print(f"# {problem}")
        failed += bool(problems)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
