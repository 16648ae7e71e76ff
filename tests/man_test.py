#!/usr/bin/env python3
"""The manual page has every command and every flag that the program's own help has, with the same placeholder, and no
other. In the page a subsection of FLAGS is named after the commands that have its flags.

    GANTRY=build/src/gantry tests/man_test.py
"""

import os
import re
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
GANTRY = os.environ.get("GANTRY", os.path.join(HERE, "../build/src/gantry"))
PAGE = os.path.join(HERE, "../docs/man/gantry.1")


def help_of(*words):
    return subprocess.run([GANTRY, *words, "--help"], stdout=subprocess.PIPE, text=True, check=True).stdout


def commands():
    return re.findall(r"^  (\w+)  ", help_of(), re.M)


def flags_in_help(command):
    """{("-d", "--detach", None), ("", "--listen", "HOST:PORT"), ...}"""
    found = re.findall(r"^  (-\w)?,? +--([a-z-]+)(?: ([A-Z]\S*))? ", help_of(command), re.M)
    return {(short, "--" + name, value or None) for short, name, value in found}


def flags_in_page(text, command):
    found = set()
    for section in re.split(r"^\.SS ", text.partition("\n.SH FLAGS\n")[2].partition("\n.SH ")[0], flags=re.M)[1:]:
        title, _, body = section.partition("\n")
        if command not in re.split(r", | and ", title):
            continue
        for line in re.findall(r"^\.TP\n(.*)$", body, re.M):
            words = re.sub(r"\\f[BIR]", "", line).replace("\\-", "-").split()
            short = words.pop(0).rstrip(",") if words[0].endswith(",") else ""
            found.add((short, words[0], words[1] if len(words) > 1 else None))
    return found


class Page(unittest.TestCase):
    def setUp(self):
        with open(PAGE) as file:
            self.text = file.read()

    def test_it_names_every_command(self):
        listed = self.text.partition("\n.SH COMMANDS\n")[2].partition("\n.SH ")[0]
        named = re.findall(r'^\.TP\n\.BR? "?(\w+)', listed, re.M)
        self.assertEqual(sorted(named), sorted(commands()))

    def test_it_has_the_flags_of_every_command_and_no_other(self):
        for command in commands():
            with self.subTest(command):
                self.assertGreater(len(flags_in_help(command)), 3)
                self.assertEqual(flags_in_page(self.text, command), flags_in_help(command))

    def test_man_reads_it_without_a_complaint(self):
        try:
            done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", PAGE], stderr=subprocess.PIPE, text=True)
        except FileNotFoundError:
            self.skipTest("there is no groff")
        self.assertEqual((done.returncode, done.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
