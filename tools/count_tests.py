#!/usr/bin/env python3
"""Counts the test cases in a JUnit file: prints "N passed, N failed[, N skipped]"; exit 1 on failures. What failed comes
before it, with the last that it said: the end of a long log is what people see first, and some see nothing else of it."""

import sys
import xml.etree.ElementTree as ET

LINES = 16  # of what one failed test said


def count(path):
    passed = failed = skipped = 0
    for case in ET.parse(path).getroot().iter("testcase"):
        if has_failed(case):
            failed += 1
        elif case.find("skipped") is not None:
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped


def has_failed(case):
    return case.find("failure") is not None or case.find("error") is not None


def words(element, name):
    return [line for line in (element.findtext(name) or "").splitlines() if line.strip()]


def said_of(lines, name):
    """The comments that follow a case's line in a test's TAP."""
    said = []
    inside = False
    for line in lines:
        if line.startswith(("ok ", "not ok ")):
            inside = line == f"not ok {name}"
        elif inside:
            said.append(line)
    return said


def last_words(path):
    """A list of lines: each failed case, and the end of what it said."""
    shown = []
    for suite in ET.parse(path).getroot().iter("testsuite"):
        failed = [case for case in suite.iter("testcase") if has_failed(case)]
        for case in failed:
            shown.append(f"FAILED {case.get('classname')}: {case.get('name')}")
            said = said_of(words(suite, "system-out"), case.get("name")) or words(case, "system-out") + words(case, "system-err")
            shown += ["    " + line for line in said[-LINES:]]
        if failed:
            shown += ["    " + line for line in words(suite, "system-err")[-LINES:]]
    return shown


def main(argv):
    passed, failed, skipped = count(argv[1])
    for line in last_words(argv[1]):
        print(line)
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
