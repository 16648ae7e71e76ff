#!/usr/bin/env python3
"""Tests of tools/compare-model.py: each kind of difference is found, and nothing else."""

import copy
import importlib.util
import json
import os
import shutil
import tempfile
import unittest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")

spec = importlib.util.spec_from_file_location("compare_model", os.path.join(ROOT, "tools", "compare-model.py"))
tool = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tool)

IDL = """\
prefix ecs
common SorryException

operation ListThings
  request ListThingsRequest
  reply   ListThingsResponse
  errors  GoneException
  pages   nextToken maxResults things

error SorryException 500
  message  string

error GoneException 400
  message  string

error UnknownOperationException 404 framework
  message  string

struct ListThingsRequest
  name        string  required  len 1..64  pattern "[a-z]+"
  nextToken   string  token
  maxResults  int  range 1..100
  keys        [string]  size 0..5  len 1..
  password    string  secret

struct ListThingsResponse
  nextToken  string
  things     [Thing]

struct Thing
  colour   Colour
  extra    json
  labels   {string}
  madeAt   time

enum Colour
  RED GREEN
"""


def member(shape, **more):
    return {"shape": shape, **more}


SERVICE = {
    "operations": {
        "ListThings": {
            "input": member("ListThingsRequest"),
            "output": member("ListThingsResponse"),
            "errors": [member("GoneException"), member("SorryException")],
        }
    },
    "shapes": {
        "SorryException": {"type": "structure", "members": {"message": member("String")}, "exception": True},
        "GoneException": {"type": "structure", "members": {"message": member("String")}, "exception": True},
        "ListThingsRequest": {
            "type": "structure",
            "required": ["name"],
            "members": {
                "name": member("Name"),
                "nextToken": member("String", idempotencyToken=True),
                "maxResults": member("Count"),
                "keys": member("Keys"),
                "password": member("Secret"),
            },
        },
        "ListThingsResponse": {
            "type": "structure",
            "members": {"nextToken": member("String"), "things": member("Things")},
        },
        "Thing": {
            "type": "structure",
            "members": {
                "colour": member("Colour"),
                "extra": member("Extra"),
                "labels": member("Labels"),
                "madeAt": member("Timestamp"),
            },
        },
        "Colour": {"type": "string", "enum": ["GREEN", "RED"]},
        "Count": {"type": "integer", "min": 1, "max": 100},
        "Extra": {"type": "structure", "document": True},
        "Key": {"type": "string", "min": 1},
        "Keys": {"type": "list", "member": member("Key"), "min": 0, "max": 5},
        "Labels": {"type": "map", "key": member("String"), "value": member("String")},
        "Name": {"type": "string", "min": 1, "max": 64, "pattern": "[a-z]+"},
        "Secret": {"type": "string", "sensitive": True},
        "String": {"type": "string"},
        "Things": {"type": "list", "member": member("Thing")},
        "Timestamp": {"type": "timestamp"},
    },
}
PAGES = {
    "pagination": {
        "ListThings": {
            "input_token": "nextToken",
            "output_token": "nextToken",
            "limit_key": "maxResults",
            "result_key": "things",
        }
    }
}


class Differences(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.service, self.pages = copy.deepcopy(SERVICE), copy.deepcopy(PAGES)
        self.shapes = self.service["shapes"]

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        return path

    def expect(self, *lines, idl=IDL):
        self.write("paginators-1.json", json.dumps(self.pages))
        service = self.write("service-2.json", json.dumps(self.service))
        self.assertEqual(tool.compare([self.write("ecs.idl", idl)], service), list(lines))

    def members(self, name):
        return self.shapes[name]["members"]

    def test_none(self):
        self.expect()

    def test_what_gantry_adds_is_none(self):
        self.expect(idl=IDL.replace("{string}", "{string}  secret"))
        self.expect(idl=IDL.replace("  colour   Colour\n", "  colour   Colour\n  shade    string  private\n"))

    def test_operation(self):
        self.service["operations"]["NewOne"] = self.service["operations"]["ListThings"]
        self.expect("operation NewOne: not in the IDL")

    def test_request_and_reply(self):
        self.service["operations"]["ListThings"]["input"] = member("Thing")
        self.expect("operation ListThings: request is ListThingsRequest, published is Thing")

    def test_errors_of_an_operation(self):
        self.service["operations"]["ListThings"]["errors"] = [member("SorryException")]
        self.expect("operation ListThings: error GoneException: only in the IDL")

    def test_pages(self):
        self.pages["pagination"]["ListThings"]["result_key"] = "things2"
        self.expect(
            "operation ListThings: pages is nextToken maxResults things, published is nextToken maxResults things2"
        )
        self.pages["pagination"] = {}
        self.expect("operation ListThings: pages is nextToken maxResults things, published is none")

    def test_structures(self):
        self.shapes["Fresh"] = {"type": "structure", "members": {}}
        self.expect("structure Fresh: not in the IDL")

    def test_an_error_that_is_none(self):
        del self.shapes["GoneException"]["exception"]
        self.expect("structure GoneException: being an error is yes, published is no")

    def test_members(self):
        self.members("Thing")["weight"] = member("Count")
        del self.members("Thing")["labels"]
        self.expect(
            "structure Thing: member labels: only in the IDL",
            "structure Thing: member weight: not in the IDL",
        )

    def test_types(self):
        self.members("Thing")["madeAt"] = member("String")
        self.expect("Thing.madeAt: type is time, published is string")

    def test_required(self):
        self.shapes["ListThingsRequest"]["required"] = ["password"]
        self.expect(
            "ListThingsRequest.name: required is yes, published is no",
            "ListThingsRequest.password: required is no, published is yes",
        )

    def test_token(self):
        del self.members("ListThingsRequest")["nextToken"]["idempotencyToken"]
        self.expect("ListThingsRequest.nextToken: token is yes, published is no")

    def test_secret(self):
        self.shapes["Labels"]["sensitive"] = True
        self.expect("Thing.labels: published as sensitive, not secret here")

    def test_length_and_pattern(self):
        self.shapes["Name"].update(max=65, pattern="[a-z]*")
        self.expect(
            "ListThingsRequest.name: len is 1 64, published is 1 65",
            "ListThingsRequest.name: pattern is [a-z]+, published is [a-z]*",
        )

    def test_range(self):
        del self.shapes["Count"]["max"]
        self.expect("ListThingsRequest.maxResults: range is 1 100, published is 1 none")

    def test_list_sizes_and_limits_of_entries(self):
        self.shapes["Keys"]["max"] = 6
        self.shapes["Key"]["min"] = 2
        self.expect(
            "ListThingsRequest.keys: len is 1 none, published is 2 none",
            "ListThingsRequest.keys: size is 0 5, published is 0 6",
        )

    def test_enums(self):
        self.shapes["Colour"]["enum"].append("BLUE")
        self.expect("enum Colour: its set is [GREEN, RED], published is [BLUE, GREEN, RED]")
        self.shapes["Size"] = {"type": "string", "enum": ["L"]}
        self.shapes["Colour"]["enum"].pop()
        self.expect("enum Size: not in the IDL")


if __name__ == "__main__":
    unittest.main()
