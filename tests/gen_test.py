#!/usr/bin/env python3
"""Tests of api/gen.py: what it says of a bad file, and that its output compiles and is stable."""

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
GEN = os.path.join(ROOT, "api", "gen.py")

spec = importlib.util.spec_from_file_location("gen", GEN)
gen = importlib.util.module_from_spec(spec)
spec.loader.exec_module(gen)

# One of everything the language has.
WHOLE = """\
# A comment.
prefix toy
common SorryException

operation MakeThing
  request MakeThingRequest
  reply   MakeThingResponse
  errors  GoneException
  writes

operation ListThings
  request ListThingsRequest
  reply   ListThingsResponse
  pages   nextToken maxResults things
  later

kinds frame
  Hello  Thing
  Part

error SorryException 500
  message  string

error GoneException 400
  message  string
  names    [string]

error NoWayException 403 framework
  message  string

struct MakeThingRequest
  name   string  required  len 1..64  pattern "[a-z\\"-]+"
  token  string  token
  count  int     range 1..  default 1

struct MakeThingResponse
  thing  Thing

struct ListThingsRequest
  nextToken   string
  maxResults  int  range ..100

struct ListThingsResponse
  nextToken  string
  things     [Thing]

struct Thing
  colour      Colour  default RED
  colours     [Colour]  size 1..3
  default     bool  default true  # a word of C
  double      double  default 0.5
  doubles     [double]
  extra       json
  ints        [int]
  labels      {string}  secret
  longs       [long]
  madeAt      time
  onDate      date
  parts       {Part}
  groups      {[Part]}
  inner       text(Part)
  size        long

struct Part
  IPv6Address  string

struct Nothing

enum Colour
  RED GREEN deep-blue
"""


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)
    return path


class Errors(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)

    def refuse(self, text, message, *more):
        paths = [write(self.folder, "a.idl", text)]
        paths += [write(self.folder, f"more{i}.idl", t) for i, t in enumerate(more)]
        with self.assertRaises(gen.IdlError) as caught:
            gen.load(paths)
        self.assertEqual(str(caught.exception).replace(self.folder + os.sep, ""), message)

    def test_lines_that_mean_nothing(self):
        self.refuse("prefix a\nstuff X\n", "a.idl:2: 'stuff' starts no block")
        self.refuse("prefix a\n  x string\n", "a.idl:2: indented line outside a block")
        self.refuse("prefix a\nstruct\n", "a.idl:2: 'struct' needs a name")
        self.refuse("struct A\n", "a.idl: no prefix")
        self.refuse("prefix a\nerror E\n", "a.idl:2: an error needs its HTTP status")
        self.refuse("prefix a\nerror E 200\n", "a.idl:2: an error needs its HTTP status")

    def test_members(self):
        def refuse(line, message):
            self.refuse("prefix a\nstruct A\n  " + line + "\nenum E\n  X\n", message)

        refuse("x", "a.idl:3: a member needs a name and a type")
        refuse("x str!ng", "a.idl:3: 'str!ng' is not a type")
        refuse("x Missing", "a.idl:3: no structure or enum 'Missing'")
        refuse("x b.Tag", "a.idl:3: 'b' is not used here")
        refuse("x string wonderful", "a.idl:3: 'wonderful' is not a property of a member")
        refuse("x string len", "a.idl:3: nothing behind 'len'")
        refuse("x string len 5", "a.idl:3: '5' is not a range")
        refuse("x string len 1.2.3..4", "a.idl:3: '1.2.3..4' is not a range")
        refuse("x string len 5..4", "a.idl:3: '5..4' holds nothing")
        refuse("x int len 1..2", "a.idl:3: no 'len' for this type")
        refuse("x string range 1..2", "a.idl:3: no 'range' for this type")
        refuse("x string size 1..2", "a.idl:3: no 'size' for this type")
        refuse("x [int] pattern a", "a.idl:3: no 'pattern' for this type")
        refuse("x [bool]", "a.idl:3: no list of this")
        refuse("x [[string]]", "a.idl:3: no list of this")
        refuse("x {int}", "a.idl:3: no map of this")
        refuse("x {E}", "a.idl:3: no map of this")
        refuse("x {b.A}", "a.idl:3: no map of another model's structures")
        refuse("x {[string]}", "a.idl:3: no map of such lists")
        refuse("x text(E)", "a.idl:3: a text holds a structure")
        refuse("x int default one", "a.idl:3: 'one' is no default for this")
        refuse("x E default Y", "a.idl:3: 'Y' is no default for this")
        refuse("x time default 0", "a.idl:3: '0' is no default for this")
        refuse("x [int] default 0", "a.idl:3: '0' is no default for this")

    def test_names_that_clash(self):
        self.refuse("prefix a\nstruct A\nstruct A\n", "a.idl:3: 'A' is here twice")
        self.refuse("prefix a\nstruct A\n  x int\n  x int\n", "a.idl:4: member 'x' is here twice")
        self.refuse("prefix a\nstruct A\n  aB int\n  AB int\n  a_b int\n", "a.idl:5: 'a_b' and 'aB' have one C name")
        self.refuse("prefix a\nenum E\n", "a.idl:2: an enum needs values, each of them once")
        self.refuse("prefix a\nenum E\n  X Y X\n", "a.idl:2: an enum needs values, each of them once")

    def test_a_structure_has_at_most_64_members_and_not_itself(self):
        members = "".join(f"  m{i} int\n" for i in range(65))
        self.refuse("prefix a\nstruct A\n" + members, "a.idl:2: 65 members, at most 64")
        self.refuse("prefix a\nstruct A\n  b [B]\nstruct B\n  a {A}\n", "a.idl:2: 'A' contains itself")
        self.refuse("prefix a\nstruct A\n  b text(A)\n", "a.idl:2: 'A' contains itself")

    def test_operations(self):
        start = "prefix a\nstruct R\nstruct T\n  t string\noperation O\n"
        self.refuse(start, "a.idl:5: an operation needs a request and a reply")
        self.refuse(start + "  reply\n", "a.idl:6: 'reply' says nothing about an operation")
        self.refuse(start + "  request Q\n  reply R\n", "a.idl:5: no structure 'Q'")
        self.refuse(start + "  request R\n  reply R\n  errors R\n", "a.idl:5: no error 'R'")
        self.refuse(start + "  request T\n  reply R\n  pages t t t\n", "a.idl:5: 't' is no member of R")
        self.refuse(start + "  sleeps\n", "a.idl:6: 'sleeps' says nothing about an operation")

    def test_models_that_use_each_other(self):
        self.refuse("prefix a\nuses b\n", "a.idl: there is no model 'b'")
        self.refuse("prefix a\nuses b\nstruct A\n  x b.C\n", "a.idl:4: no structure or enum 'C'", "prefix b\n")
        self.refuse("prefix a\nkinds k\n  Missing\n", "a.idl:2: no structure or enum 'Missing'")

    def test_the_command_says_it_in_one_line(self):
        path = write(self.folder, "a.idl", "prefix a\nstuff X\n")
        run = subprocess.run([sys.executable, GEN, self.folder, path], capture_output=True, text=True, check=False)
        self.assertEqual((run.returncode, run.stdout), (1, ""))
        self.assertEqual(run.stderr, f"gen.py: {path}:2: 'stuff' starts no block\n")
        run = subprocess.run([sys.executable, GEN, self.folder, path + "x"], capture_output=True, text=True, check=False)
        self.assertEqual(run.returncode, 1)
        self.assertEqual(len(run.stderr.splitlines()), 1)


class Output(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.out = os.path.join(self.folder, "api")
        os.mkdir(self.out)

    def generate(self, text=WHOLE):
        self.assertEqual(gen.main(["gen.py", self.out, write(self.folder, "toy.idl", text)]), 0)
        return {name: self.read(name) for name in os.listdir(self.out)}

    def read(self, name):
        with open(os.path.join(self.out, name), encoding="utf-8") as text:
            return text.read()

    def test_everything_the_language_has_compiles(self):
        self.generate()
        cc = os.environ.get("CC", "cc").split()
        for name in ("toy.c", "toy_dispatch.c"):
            command = cc + ["-std=gnu17", "-Wall", "-Wextra", "-Werror", "-Wno-missing-field-initializers", "-fsyntax-only"]
            command += ["-I", self.folder, "-I", os.path.join(ROOT, "src"), os.path.join(self.out, name)]
            run = subprocess.run(command, capture_output=True, text=True, check=False)
            self.assertEqual(run.returncode, 0, run.stderr)

    def test_the_same_file_gives_the_same_text(self):
        first = self.generate()
        self.assertEqual(first, self.generate())
        self.assertEqual(sorted(first), ["toy.c", "toy.h", "toy_dispatch.c"])

    def test_fields_are_sorted_by_wire_name(self):
        source = self.generate()["toy.c"]
        rows = source.split("toy_thing_fields[] = {")[1].split("};\n")[0]
        names = [row.split('"')[1] for row in rows.splitlines() if ".name" in row]
        self.assertEqual(names, sorted(names))
        self.assertEqual(len(names), 15)

    def test_a_carried_field_is_one_line(self):
        before = self.generate()
        after = self.generate(WHOLE.replace("  size        long", "  size        long\n  weight      double"))
        self.assertIn("double weight;", after["toy.h"])
        self.assertEqual(before["toy_dispatch.c"], after["toy_dispatch.c"])

    def test_a_handler_is_asked_for_unless_the_operation_comes_later(self):
        files = self.generate()
        self.assertIn("int op_make_thing(struct op_ctx *ctx", files["toy.h"])
        self.assertNotIn("op_list_things", files["toy.h"])
        self.assertIn("return op_not_yet_available(ctx);", files["toy_dispatch.c"])


if __name__ == "__main__":
    unittest.main()
