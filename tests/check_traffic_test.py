#!/usr/bin/env python3
"""Tests of tools/check-traffic.py: each kind of fault in recorded calls is found, and nothing else."""

import importlib.util
import os
import tempfile
import unittest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")

spec = importlib.util.spec_from_file_location("check_traffic", os.path.join(ROOT, "tools", "check-traffic.py"))
tool = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tool)

IDL = """\
prefix ecs
common SorryException

operation PaintThing
  request PaintThingRequest
  reply   PaintThingResponse
  errors  GoneException

operation SellThing
  request PaintThingRequest
  reply   PaintThingResponse
  later

error SorryException 500
  message  string

error GoneException 400
  message  string
  where    [string]

error DryException 400
  message  string

error UnknownOperationException 400 framework
  message  string

struct PaintThingRequest
  name  string

struct PaintThingResponse
  thing  Thing
  count  int
  at     time
  words  {string}

struct Thing
  name     string  required
  colours  [Colour]

enum Colour
  RED GREEN
"""


class CheckTraffic(unittest.TestCase):
    def setUp(self):
        with tempfile.NamedTemporaryFile("w", suffix=".idl") as idl:
            idl.write(IDL)
            idl.flush()
            self.checker = tool.Checker(tool.gen.load([idl.name])["ecs"])

    def check(self, status, reply, finding=None, operation="PaintThing"):
        self.checker.findings.clear()
        self.checker.call({"operation": operation, "request": {}, "status": status, "reply": reply}, "line")
        self.assertEqual([finding] if finding else [], list(self.checker.findings))

    def test_what_is_as_it_should_be_is_no_finding(self):
        self.check(200, {})
        self.check(200, {"thing": {"name": "a", "colours": ["RED", "GREEN"]}, "count": 3, "at": 1.5, "words": {"a": "b"}})
        self.check(400, {"__type": "GoneException", "message": "m", "where": ["x"]})
        self.check(500, {"__type": "SorryException"})

    def test_members_nobody_declared(self):
        self.check(200, {"price": 1}, "PaintThing.price is no member of PaintThingResponse")
        self.check(200, {"thing": {"name": "a", "x": 1}}, "PaintThing.thing.x is no member of Thing")

    def test_members_that_must_be_there(self):
        self.check(200, {"thing": {}}, "PaintThing.thing.name is missing")

    def test_null_is_not_sent(self):
        self.check(200, {"count": None}, "PaintThing.count is null")

    def test_types(self):
        self.check(200, {"count": "3"}, "PaintThing.count is no int: '3'")
        self.check(200, {"count": True}, "PaintThing.count is no int: True")
        self.check(200, {"count": 2**31}, "PaintThing.count is no int: 2147483648")
        self.check(200, {"at": "now"}, "PaintThing.at is no time: 'now'")
        self.check(200, {"thing": []}, "PaintThing.thing is not a Thing")
        self.check(200, {"words": {"a": 1}}, "PaintThing.words{} is no string: 1")
        self.check(200, {"thing": {"name": "a", "colours": "RED"}}, "PaintThing.thing.colours is not a list")

    def test_enums(self):
        self.check(200, {"thing": {"name": "a", "colours": ["BLUE"]}}, "PaintThing.thing.colours[] is not one of Colour: 'BLUE'")

    def test_errors(self):
        self.check(400, {"__type": "DryException"}, "PaintThing: DryException is not declared")
        self.check(404, {"__type": "GoneException"}, "PaintThing: GoneException with status 404 instead of 400")
        self.check(400, {"__type": "NoException"}, "PaintThing: no error of this API: {'__type': 'NoException'}")
        self.check(400, "oops", "PaintThing: no error of this API: 'oops'")
        self.check(400, {"__type": "GoneException", "why": 1}, "PaintThing: GoneException.why is no member")

    def test_unknown_operations_may_only_fail(self):
        self.check(400, {"__type": "UnknownOperationException"}, operation="MakeTea")
        self.check(200, {}, "MakeTea: succeeded but does not exist", operation="MakeTea")

    def test_available_operations_must_have_succeeded(self):
        self.check(400, {"__type": "GoneException"})
        self.assertEqual(["PaintThing"], self.checker.missing())
        self.check(200, {})
        self.assertEqual([], self.checker.missing())


if __name__ == "__main__":
    unittest.main()
