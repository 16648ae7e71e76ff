#!/usr/bin/env python3
"""The rules of tidy.py find what they are there to find."""

import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tidy  # noqa: E402


def tree(files):
    root = tempfile.TemporaryDirectory()
    for path, text in files.items():
        full = os.path.join(root.name, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as out:
            out.write(text)
    return root


def problems(check, files, with_root=False):
    with tree(files) as root:
        found = tidy.sources(root)
        return list(check(root, found) if with_root else check(found))


class Edges(unittest.TestCase):
    def test_an_upward_include_is_found(self):
        found = problems(tidy.check_edges, {"src/base/a.c": '// A.\n#include "model/state.h"\n'})
        self.assertEqual(found, ["src/base/a.c:2: base may not include model"])

    def test_a_downward_include_and_generated_headers_pass(self):
        text = '// A.\n#include "base/str.h"\n#include "api/ecs.h"\n#include "model/state.h"\n'
        self.assertEqual(problems(tidy.check_edges, {"src/ops/a.c": text}), [])

    def test_a_stray_library_is_found(self):
        found = problems(tidy.check_wrappers, {"src/server/a.c": "// A.\n#include <sqlite3.h>\n"})
        self.assertIn("belongs behind store/sqlite.c", found[0])

    def test_a_kernel_header_in_a_pure_room_is_found(self):
        found = problems(tidy.check_wrappers, {"src/core/a.c": "// A.\n#include <sys/socket.h>\n"})
        self.assertIn("does not call the kernel", found[0])


class Sizes(unittest.TestCase):
    def body(self, lines):
        return "// A.\nvoid f(void)\n{\n" + "    g();\n" * lines + "}\n"

    def test_a_function_of_seventy_lines_passes_and_one_more_does_not(self):
        self.assertEqual(problems(tidy.check_sizes, {"src/base/a.c": self.body(70)}), [])
        found = problems(tidy.check_sizes, {"src/base/a.c": self.body(71)})
        self.assertEqual(found, ["src/base/a.c:3: f() has 71 lines, 70 is the most"])

    def test_a_flat_switch_may_be_long(self):
        text = "// A.\nint f(int x)\n{\n    switch (x) {\n" + "    case A: return 1;\n" * 90 + "    }\n}\n"
        self.assertEqual(problems(tidy.check_sizes, {"src/base/a.c": text}), [])

    def test_a_long_file_is_found(self):
        found = problems(tidy.check_sizes, {"src/base/a.c": "// A.\n" * 1300})
        self.assertIn("1200 is the most", found[0])


class Words(unittest.TestCase):
    def test_banned_calls_are_found_but_not_in_comments_or_texts(self):
        self.assertEqual(len(problems(tidy.check_words, {"src/io/a.c": "// A.\nint x = atoi(y);\n"})), 1)
        clean = '// A. atoi(x) is banned.\nconst char *s = "atoi(";\n/* strcpy(a) */\n'
        self.assertEqual(problems(tidy.check_words, {"src/io/a.c": clean}), [])

    def test_libc_in_a_pure_room_is_found(self):
        self.assertEqual(len(problems(tidy.check_words, {"src/core/a.c": "// A.\nvoid *p = malloc(3);\n"})), 1)
        self.assertEqual(problems(tidy.check_words, {"src/io/a.c": "// A.\nvoid *p = malloc(3);\n"}), [])

    def test_a_note_to_oneself_is_found(self):
        self.assertEqual(len(problems(tidy.check_words, {"src/io/a.c": "// TO" + "DO later\n"})), 1)


class Listed(unittest.TestCase):
    def test_a_file_in_no_build_is_found(self):
        files = {"src/base/a.c": "// A.\n", "src/base/b.c": "// B.\n", "src/base/meson.build": "x = files('a.c')\n"}
        self.assertEqual(problems(tidy.check_listed, files, True), ["src/base/b.c: in no meson.build"])


class Symbols(unittest.TestCase):
    def test_an_impure_symbol_is_found(self):
        nm = "libcore.a[step.c.o]: core_step T 0 0\nlibcore.a[step.c.o]: memcpy U\nlibcore.a[step.c.o]: clock_gettime U\n"
        self.assertEqual(list(tidy.check_symbols(nm)), ["the pure archive needs 'clock_gettime'"])

    def test_an_empty_archive_is_not_a_pass(self):
        self.assertEqual(list(tidy.check_symbols("")), ["the archive defines nothing"])


if __name__ == "__main__":
    unittest.main()
