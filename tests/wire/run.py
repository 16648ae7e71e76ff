#!/usr/bin/env python3
"""Plays the transcripts tests/wire/*.txt against `gantry server` and prints TAP, one test a file.

    GANTRY=build/src/gantry tests/wire/run.py [FILE.txt...]
    tests/wire/run.py --fill FILE.txt      writes the replies that came where the file says `< ?`

Every file gets a server of its own. All traffic is recorded (GANTRY_RECORD=FILE appends it there) and, when
the whole suite ran, checked against api/ecs.idl as a last test: every reply, and every available operation
reached.
"""

import glob
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

from gantry import Agent, PATIENCE, Recorder, Server, Silent, Wire
from transcript import BadScript, Mismatch, expand, expectation, fill, match, match_text, parse, read

HERE = os.path.dirname(os.path.abspath(__file__))
AT_ONCE = 4  # transcripts; some of them mostly wait
ARN = "arn:aws:ecs:us-east-1:123456789012"
# What an agent that can do the usual things registers.
CAPABILITIES = ["com.amazonaws.ecs.capability.docker-remote-api.1.%d" % n for n in (17, 18, 19, 21, 24, 25, 29)] + [
    "com.amazonaws.ecs.capability.logging-driver.json-file", "ecs.capability.container-ordering"]


class Player:
    """Carries out the lines of one transcript."""

    def __init__(self, path, recorder):
        self.path, self.recorder = path, recorder
        self.title, self.lines = read(path)
        self.names = {"arn": ARN}
        self.agents = {}
        self.held = []
        self.server = None
        self.wire = None       # of the last raw message
        self.reply = None
        self.bends = {"headers": {}, "how": {}}
        self.fills = {}        # line number -> expectation

    def run(self, fills=False):
        self.wants_fills = fills
        flags = shlex.split(self.lines.pop(0).text) if self.lines and self.lines[0].mark == "server" else []
        self.server = Server(flags, recorder=self.recorder)
        try:
            self.server.start()
            self.names["host"] = self.server.host
            self.names["key"] = self.server.keys()["id"]
            while self.lines:
                line = self.lines.pop(0)
                try:
                    self.step(line)
                except (Mismatch, BadScript, Silent, AssertionError) as problem:
                    got = f"\n  got {self.reply.status} {self.reply.body.decode(errors='replace')}" if self.reply else ""
                    raise Mismatch(f"{os.path.basename(self.path)}:{line.number}: {problem}{got}") from problem
            if self.server.process.poll() is not None:
                raise Mismatch("the server is gone")
        finally:
            self.close()

    def close(self):
        for agent in self.agents.values():
            if agent.ws:
                agent.leaves()
        for wire in self.held + [self.wire]:
            if wire:
                wire.close()
        log = self.server.log_text() if os.path.exists(self.server.log_path) else ""
        status = self.server.stop()
        if status or "AddressSanitizer" in log or "runtime error" in log:
            log = self.server.log_text()
            self.server.close()
            raise Mismatch(f"the server ended with {status}:\n{log[-4000:]}")
        self.server.close()

    def step(self, line):
        steps = {">": self.ask, ">~": self.ask_until, "<": self.expect, "<:": self.expect_header, "!": self.bend,
                 "|": self.raw, "+": self.agent, "hold": self.hold, "release": self.release, "closed": self.closed, "get": self.get}
        steps[line.mark](line)

    # --- calls

    def send(self, text):
        operation, _, body = text.partition(" ")
        if self.wire:
            self.wire.close()
            self.wire = None
        self.reply = self.server.send(operation, fill(body, self.names).encode(), **self.bends)

    def ask(self, line):
        self.send(line.text)
        self.bends = {"headers": {}, "how": {}}

    def get(self, line):
        """A signed GET of a path that is no operation's."""
        if self.wire:
            self.wire.close()
            self.wire = None
        wire = self.server.wire()
        try:
            wire.send(self.server.request("", b"", target=None, headers={"X-Amz-Target": None, "Content-Type": None},
                                          method="GET", path=fill(line.text, self.names), how=self.bends["how"]))
            self.reply = wire.reply()
        finally:
            wire.close()
        self.bends = {"headers": {}, "how": {}}

    def ask_until(self, line):
        """Repeats the call until what is expected next holds."""
        wants = []
        while self.lines and self.lines[0].mark.startswith("<"):
            wants.append(self.lines.pop(0))
        deadline = time.monotonic() + PATIENCE
        while True:
            self.send(line.text)
            try:
                for want in wants:
                    self.step(want)
                return
            except Mismatch:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def bend(self, line):
        """Changes the next request: `! header NAME: VALUE`, `! without NAME`, `! unsigned NAME: VALUE`, `! key ID`,
        `! secret TEXT`, `! clock SECONDS`, `! scope PART TEXT`, `! names A;B`, `! authorization TEXT`, `! method M`,
        `! path P`."""
        what, _, rest = line.text.partition(" ")
        rest = fill(rest, self.names)
        name, _, value = rest.partition(":")
        how = self.bends["how"]
        if what == "header":
            self.bends["headers"][name] = value.strip()
        elif what == "without":
            self.bends["headers"][rest] = None
        elif what == "unsigned":
            how.setdefault("unsigned", {})[name] = value.strip()
        elif what == "clock":
            how["shift"] = int(rest)
        elif what == "scope":
            part, _, value = rest.partition(" ")
            how.setdefault("scope", {})[part] = value
        elif what == "names":
            how["names"] = rest.split(";")
        elif what in ("key", "secret", "authorization"):
            how[what] = rest
        elif what in ("method", "path"):
            self.bends[what] = rest
        else:
            raise BadScript(f"cannot bend '{what}'")

    # --- replies

    def expect(self, line):
        status, _, body = expand(line.text).partition(" ")
        if self.reply is None:
            if self.wire is None:
                raise BadScript("nothing was asked")
            self.reply = self.wire.reply(not self.is_head)
        got = self.reply.body.decode(errors="replace")
        if status == "?" and self.wants_fills:
            self.fills[line.number] = f"< {self.reply.status} {expectation(got, self.names)}"
            body = ""
        elif str(self.reply.status) != status:
            raise Mismatch(f"status {self.reply.status} instead of {status}")
        if body.startswith("{"):
            match(parse(body), self.reply.json(), self.names)
        elif body:
            match_text(body, got, self.names, "body")
        if self.wire:
            self.last, self.reply = self.reply, None

    def expect_header(self, line):
        name, _, value = line.text.partition(":")
        got = (self.reply or self.last).headers.get(name.lower())
        if value.strip() == "-":
            if got is not None:
                raise Mismatch(f"header {name} was not expected: {got}")
        elif got is None:
            raise Mismatch(f"header {name} is missing")
        else:
            match_text(value.strip(), got, self.names, name)

    # --- raw bytes

    def raw(self, line):
        """Lines up to an empty one are a head; what follows is the body."""
        lines = [line.text]
        while self.lines and self.lines[0].mark == "|":
            lines.append(self.lines.pop(0).text)
        if self.wire:
            self.wire.close()
        self.reply = None
        self.is_head = line.text.startswith("HEAD ")
        self.wire = Wire(self.server.port)
        text = "\r\n".join(lines)
        if "" in lines:
            head = lines.index("")
            text = "\r\n".join(lines[:head] + ["", ""]) + "\r\n".join(lines[head + 1:])
        data = fill(text, self.names).encode("latin-1")
        data = re.sub(rb"\\x([0-9a-f]{2})", lambda m: bytes([int(m.group(1), 16)]), data)
        try:
            self.wire.send(data)
        except ConnectionError:
            pass  # refused before all was sent; the answer says why

    def closed(self, _):
        if not self.wire.is_closed():
            raise Mismatch("the connection is still open")

    def hold(self, line):
        """`hold N`: that many more connections, which say nothing."""
        for _ in range(int(line.text)):
            self.held.append(Wire(self.server.port))

    def release(self, _):
        for wire in self.held:
            wire.close()
        self.held = []

    # --- agents

    def agent(self, line):
        name, verb, rest = (line.text.split(" ", 2) + ["", ""])[:3]
        verbs = {"joins": self.joins, "registers": self.registers, "connects": self.connects, "gets": self.gets,
                 "says": self.says, "acks": self.acks, "leaves": self.leaves, "is": self.is_closed}
        if verb not in verbs:
            raise BadScript(f"what does it mean that an agent {verb}?")
        verbs[verb](name, rest)

    def registers(self, name, rest):
        """CLUSTER cpu=N memory=N ports=A,B gpus=A,B NAME=VALUE..."""
        cluster, *settings = rest.split()
        cluster = fill(cluster, self.names)
        values = dict(pair.partition("=")[::2] for pair in settings)
        resources = [{"name": "CPU", "type": "INTEGER", "integerValue": int(values.pop("cpu", 1024))},
                     {"name": "MEMORY", "type": "INTEGER", "integerValue": int(values.pop("memory", 1024))},
                     {"name": "PORTS", "type": "STRINGSET", "stringSetValue": values.pop("ports", "22").split(",")},
                     {"name": "PORTS_UDP", "type": "STRINGSET", "stringSetValue": []}]
        attributes = [{"name": capability} for capability in CAPABILITIES]
        attributes += [{"name": key, "value": value} for key, value in values.items()]
        reply = self.server.ok("RegisterContainerInstance", cluster=cluster, totalResources=resources, attributes=attributes)
        arn = reply["containerInstance"]["containerInstanceArn"]
        self.names[name] = arn.rpartition("/")[2]
        self.names[name + ".arn"] = arn
        self.names[name + ".cluster"] = cluster

    def connects(self, name, rest):
        """[CLUSTER ARN] [version=V] [abilities=A]; without them as what was registered. NAME/tcs is the telemetry channel."""
        base, _, channel = name.partition("/")
        agent = self.agents[name] = Agent(self.server, channel or "acs")
        words = fill(rest, self.names).split()
        abilities = words.pop().partition("=")[2] if words and words[-1].startswith("abilities=") else None
        version = words.pop().partition("=")[2] if words and words[-1].startswith("version=") else "1.103.0"
        cluster, instance = words or (self.names[base + ".cluster"], self.names[base + ".arn"])
        refusal = agent.connect(cluster, instance, version, abilities)
        expected = self.lines and self.lines[0].mark == "<"
        if refusal is None and expected:
            raise Mismatch("the handshake was accepted")
        if refusal is not None and not expected:
            raise Mismatch(f"the handshake was refused: {refusal.status} {refusal.body.decode()}")
        self.reply = refusal

    def joins(self, name, rest):
        self.registers(name, rest)
        self.connects(name, "")

    def gets(self, name, rest):
        kind, _, body = rest.partition(" ")
        message = self.agents[name].gets(kind)
        if body == "?":
            print("#", expectation(json.dumps(message, separators=(",", ":")), self.names).replace("\n", "\n# "))
        elif body:
            match(parse(body), message, self.names, "message")

    def says(self, name, rest):
        kind, _, body = rest.partition(" ")
        self.agents[name].says(kind, json.loads(fill(body or "{}", self.names)))

    def acks(self, name, _):
        self.agents[name].acks(self.agents[name].last)

    def leaves(self, name, _):
        self.agents[name].leaves()

    def is_closed(self, name, rest):
        """+ A is closed CODE TEXT"""
        word, code, text = rest.split(" ", 2)
        if word != "closed":
            raise BadScript(f"is {word}?")
        got = self.agents[name].is_told_to_go()
        if got != (int(code), text):
            raise Mismatch(f"closed with {got}")


# --- all of them -----------------------------------------------------------------------------------


def write_fills(player):
    with open(player.path) as source:
        lines = source.read().split("\n")
    for number, text in player.fills.items():
        lines[number - 1] = text
    with open(player.path, "w") as target:
        target.write("\n".join(lines))


def play(path, recorder, fills=False):
    """None, or what was wrong."""
    player = None
    try:
        player = Player(path, recorder)
        player.run(fills)
    except (Mismatch, BadScript, Silent, OSError) as problem:
        return str(problem)
    finally:
        if player and player.fills:
            write_fills(player)
    return None


def say(ok, number, name, problem):
    print(f"{'ok' if ok else 'not ok'} {number} - {name}")
    if problem:
        print("\n".join("# " + text for text in problem.split("\n")))
    sys.stdout.flush()


def check_traffic(record):
    script = os.path.join(HERE, "../../tools/check-traffic.py")
    done = subprocess.run([sys.executable, script, "--all", record], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return None if done.returncode == 0 else done.stdout.strip()


def main(argv):
    fills = "--fill" in argv
    given = [arg for arg in argv if not arg.startswith("-")]
    paths = given or sorted(glob.glob(os.path.join(HERE, "*.txt")))
    with tempfile.TemporaryDirectory() as folder:
        record = os.environ.get("GANTRY_RECORD") or os.path.join(folder, "traffic")
        recorder = Recorder(record)
        print(f"1..{len(paths) + (0 if given else 1)}")
        failed = 0
        with ThreadPoolExecutor(AT_ONCE) as pool:
            problems = pool.map(lambda path: play(path, recorder, fills), paths)
            for number, (path, problem) in enumerate(zip(paths, problems), 1):
                failed += problem is not None
                say(problem is None, number, f"{os.path.basename(path)[:-4]}: {read(path)[0]}", problem)
        if not given:
            problem = check_traffic(record)
            failed += problem is not None
            say(problem is None, len(paths) + 1, "all traffic is as api/ecs.idl says", problem)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
