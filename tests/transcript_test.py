#!/usr/bin/env python3
"""Tests of tests/wire/transcript.py: what matches, what does not, and that it is said where."""

import json
import os
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "wire"))

from transcript import BadScript, Mismatch, expand, expectation, fill, match, parse  # noqa: E402

ID = "0123456789abcdef0123456789abcdef"


class Matching(unittest.TestCase):
    def matches(self, want, got, names=None):
        match(parse(want), got, names if names is not None else {})

    def differs(self, want, got, where, names=None):
        with self.assertRaises(Mismatch) as caught:
            match(parse(want), got, names if names is not None else {})
        self.assertIn(where, str(caught.exception))

    def test_equal_values_match(self):
        self.matches('{"a":[1,"x",true,null],"b":{}}', {"b": {}, "a": [1, "x", True, None]})
        self.matches('{"a":1}', {"a": 1.0})

    def test_a_difference_is_named_by_its_path(self):
        self.differs('{"a":[{"b":1}]}', {"a": [{"b": 2}]}, "reply.a[0].b")
        self.differs('{"a":1}', {"a": True}, "reply.a")
        self.differs('{"a":1}', {"a": "1"}, "reply.a")
        self.differs('{"a":[1]}', {"a": [1, 2]}, "reply.a has 2 entries")

    def test_members_too_many_and_too_few(self):
        self.differs('{"a":1}', {"a": 1, "b": 2}, "reply.b was not expected")
        self.differs('{"a":1,"b":2}', {"a": 1}, "reply.b is missing")

    def test_dots_allow_more(self):
        self.matches('{"a":1,...}', {"a": 1, "b": 2})
        self.matches('{...}', {"a": 1})
        self.matches('[1,...,4]', [1, 2, 3, 4])
        self.matches('{"a":[{"n":2,...},...]}', {"a": [{"n": 1}, {"n": 2, "m": 3}]})
        self.differs('{"a":1,...}', {"b": 2}, "reply.a is missing")
        self.differs('[2,...,1]', [1, 2], "no entry like 1")

    def test_dots_in_a_text_are_text(self):
        self.differs('{"a":"..."}', {"a": "x"}, "reply.a")
        self.matches('{"a":"..."}', {"a": "..."})

    def test_holes_take_what_is_of_their_kind(self):
        self.matches('{"id":"task/<id>"}', {"id": "task/" + ID})
        self.differs('{"id":"task/<id>"}', {"id": "task/x"}, "reply.id")
        self.matches('{"at":<time>,"n":<number>,"x":<any>}', {"at": time.time(), "n": 3, "x": [1]})
        self.differs('{"at":<time>}', {"at": 5}, "not a time of now")
        self.differs('{"n":<number>}', {"n": True}, "not a number")

    def test_names_bind_and_then_hold(self):
        names = {}
        self.matches('{"a":"<id task>"}', {"a": ID}, names)
        self.assertEqual(ID, names["task"])
        self.matches('{"a":"x/<task>"}', {"a": "x/" + ID}, names)
        self.differs('{"a":"x/<task>"}', {"a": "x/" + ID[::-1]}, "reply.a", names)
        self.differs('{"a":"<id task>"}', {"a": ID[::-1]}, "is not <task>", names)

    def test_a_script_that_makes_no_sense(self):
        for text in ('{"a":<unknown>}', '{"a":<odd name>}'):
            with self.assertRaises(BadScript):
                match(parse(text), {"a": 1}, {})
        with self.assertRaises(BadScript):
            parse('{"a":')


class Filling(unittest.TestCase):
    def test_names_repeats_and_times(self):
        self.assertEqual("a/x bbb", fill("a/<n> <b*3>", {"n": "x"}))
        self.assertAlmostEqual(time.time() - 5, float(fill("<now-5>", {})), delta=2)
        with self.assertRaises(BadScript):
            fill("<nobody>", {})

    def test_what_is_compared_may_repeat_too(self):
        self.assertEqual("000/<id>", expand("<0*3>/<id>"))

    def test_an_expectation_matches_what_it_was_made_of(self):
        got = '{"taskArn":"arn:x/' + ID + '","createdAt":%.3f,"a":"' % time.time() + "0" * 64 + '"}'
        want = expectation(got, {"arn": "arn:x"})
        self.assertIn("<arn>/<id>", want)
        match(parse(expand(want)), json.loads(got), {"arn": "arn:x"})


if __name__ == "__main__":
    unittest.main()
