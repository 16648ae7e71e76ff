#!/usr/bin/env python3
"""What a server must survive: kill -9 at any moment, a full disk, a second server on its folder. Prints TAP.

    GANTRY=build/src/gantry tests/storm/server_storm.py

Writers keep a ledger of what was acknowledged and of the one call each that was under way when the server died.
After every restart all of the ledger must be there, and what was under way must be there whole or not at all.
STORM_ROUNDS (15) says how often the server is killed, STORM_SEED makes the moments repeatable.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../wire"))

from gantry import Agent, Server, Silent, Wire  # noqa: E402

ROUNDS = int(os.environ.get("STORM_ROUNDS", "15"))
SEED = int(os.environ.get("STORM_SEED", "0")) or random.randrange(1, 10**6)
COUNT = 10  # tasks of one RunTask


class Down(Exception):
    """The server is gone; whether the call was carried out is unknown."""


def call(server, operation, **members):
    try:
        reply = server.call(operation, **members)
    except (Silent, OSError) as problem:
        raise Down() from problem
    if reply.status != 200:
        raise AssertionError(f"{operation} {members}: {reply.status} {reply.body.decode()}")
    return reply.json()


def in_batches(items, size=100):
    items = list(items)
    return (items[at:at + size] for at in range(0, len(items), size))


def every_page(server, operation, result, **members):
    found, more = [], {}
    while True:
        reply = call(server, operation, **members, **more)
        found += reply[result]
        if "nextToken" not in reply:
            return found
        more = {"nextToken": reply["nextToken"]}


class Writer(threading.Thread):
    """Writes until the server is gone. `pending` is what was under way then."""

    def __init__(self, server, name):
        super().__init__()
        self.server, self.name = server, name
        self.pending = None
        self.problem = None

    def run(self):
        try:
            while True:
                self.write()
        except Down:
            pass
        except Exception as problem:  # noqa: BLE001: told by the main thread
            self.problem = problem


class ClusterWriter(Writer):
    """One cluster after the other: created with a tag, changed, every third deleted."""

    def __init__(self, server, name, ledger):
        super().__init__(server, name)
        self.ledger = ledger  # cluster name -> (status, containerInsights)

    def put(self, name, value, operation, **members):
        self.pending = (name, value)
        call(self.server, operation, **members)
        self.ledger[name] = value
        self.pending = None

    def write(self):
        cluster = f"{self.name}-{len(self.ledger)}"
        self.put(cluster, ("ACTIVE", "disabled"), "CreateCluster", clusterName=cluster, tags=[{"key": "of", "value": cluster}])
        settings = [{"name": "containerInsights", "value": "enabled"}]
        self.put(cluster, ("ACTIVE", "enabled"), "UpdateClusterSettings", cluster=cluster, settings=settings)
        if len(self.ledger) % 3 == 0:
            self.put(cluster, ("INACTIVE", "enabled"), "DeleteCluster", cluster=cluster)

    def settle(self):
        """Compares what is there with the ledger; what was under way is entered if it happened."""
        names = set(self.ledger) | ({self.pending[0]} if self.pending else set())
        found = {}
        for batch in in_batches(sorted(names)):
            reply = call(self.server, "DescribeClusters", clusters=batch, include=["SETTINGS", "TAGS"])
            for cluster in reply["clusters"]:
                tags = {tag["key"]: tag["value"] for tag in cluster["tags"]}
                assert tags == {"of": cluster["clusterName"]}, cluster
                found[cluster["clusterName"]] = (cluster["status"], cluster["settings"][0]["value"])
        if self.pending and found.get(self.pending[0]) == self.pending[1]:
            self.ledger[self.pending[0]] = self.pending[1]
        assert found == self.ledger, {k: (found.get(k), self.ledger.get(k)) for k in names if found.get(k) != self.ledger.get(k)}


class DefinitionWriter(Writer):
    """Revision after revision of one family, each with a value of its own."""

    def __init__(self, server, name, ledger):
        super().__init__(server, name)
        self.ledger = ledger  # revision -> value

    def write(self):
        self.pending = uuid.uuid4().hex
        reply = call(self.server, "RegisterTaskDefinition", family=self.name, containerDefinitions=[
            {"name": "main", "image": "busybox", "memory": 4, "environment": [{"name": "VALUE", "value": self.pending}]}])
        revision = reply["taskDefinition"]["revision"]
        assert revision not in self.ledger, f"{self.name}:{revision} was given out twice"
        self.ledger[revision] = self.pending
        self.pending = None

    def value_of(self, arn):
        reply = call(self.server, "DescribeTaskDefinition", taskDefinition=arn)
        return reply["taskDefinition"]["containerDefinitions"][0]["environment"][0]["value"]

    def settle(self):
        arns = every_page(self.server, "ListTaskDefinitions", "taskDefinitionArns", familyPrefix=self.name)
        found = {int(arn.rpartition(":")[2]) for arn in arns}
        extra = found - set(self.ledger)
        assert set(self.ledger) <= found, f"lost: {sorted(set(self.ledger) - found)}"
        assert len(extra) <= (1 if self.pending else 0), f"nobody registered {extra}"
        for revision in extra:
            self.ledger[revision] = self.pending
        assert found == set(range(1, len(found) + 1)), "revisions with gaps"
        for revision in sorted(self.ledger)[-3:]:
            assert self.value_of(f"{self.name}:{revision}") == self.ledger[revision]


class TaskWriter(Writer):
    """RunTask with a token, ten tasks at a time: one call, many records."""

    def __init__(self, server, name, ledger):
        super().__init__(server, name)
        self.ledger = ledger  # token -> task ARNs

    def run_tasks(self, token):
        reply = call(self.server, "RunTask", cluster="work", taskDefinition="job", count=COUNT, clientToken=token, startedBy=token)
        assert not reply["failures"], reply["failures"]
        return {task["taskArn"] for task in reply["tasks"]}

    def write(self):
        self.pending = uuid.uuid4().hex
        self.ledger[self.pending] = self.run_tasks(self.pending)
        self.pending = None

    def settle(self):
        for token in sorted(self.ledger)[-5:]:
            found = every_page(self.server, "ListTasks", "taskArns", cluster="work", startedBy=token)
            assert set(found) == self.ledger[token], f"{token}: {len(found)} tasks"
        listed = set(every_page(self.server, "ListTasks", "taskArns", cluster="work"))
        known = set().union(*self.ledger.values()) if self.ledger else set()
        assert known <= listed, f"{len(known - listed)} tasks are lost"
        assert len(listed - known) in ((0, COUNT) if self.pending else (0,)), f"{len(listed - known)} tasks of nobody"
        if self.pending:
            # The token stands for what was started, if anything was: asking again gives the same.
            again = self.run_tasks(self.pending)
            assert len(again) == COUNT and (listed - known) <= again
            self.ledger[self.pending] = again


class Storm:
    def __init__(self):
        self.random = random.Random(SEED)
        self.server = Server()
        self.ledgers = {}
        self.agent = None

    def prepare(self):
        self.server.start()
        server = self.server
        call(server, "CreateCluster", clusterName="work")
        call(server, "RegisterTaskDefinition", family="job", containerDefinitions=[{"name": "main", "image": "busybox", "memory": 4}])
        reply = call(server, "RegisterContainerInstance", cluster="work", totalResources=[
            {"name": "CPU", "type": "INTEGER", "integerValue": 1024},
            {"name": "MEMORY", "type": "INTEGER", "integerValue": 10**8}])
        self.instance = reply["containerInstance"]["containerInstanceArn"]
        self.connect()

    def connect(self):
        self.agent = Agent(self.server)
        refusal = self.agent.connect("work", self.instance)
        assert refusal is None, refusal and refusal.body

    def writers(self):
        kinds = {"clusters-a": ClusterWriter, "clusters-b": ClusterWriter, "definitions": DefinitionWriter, "tasks": TaskWriter}
        return [kind(self.server, name, self.ledgers.setdefault(name, {})) for name, kind in kinds.items()]

    def check_books(self):
        """What is left on the instance is what its tasks leave."""
        tasks = len(every_page(self.server, "ListTasks", "taskArns", cluster="work"))
        reply = call(self.server, "DescribeContainerInstances", cluster="work", containerInstances=[self.instance])
        instance = reply["containerInstances"][0]
        left = {resource["name"]: resource["integerValue"] for resource in instance["remainingResources"]}
        assert left["MEMORY"] == 10**8 - 4 * tasks, f"{tasks} tasks leave {left['MEMORY']}"
        assert instance["runningTasksCount"] == tasks

    def round(self):
        writers = self.writers()
        for writer in writers:
            writer.start()
        time.sleep(self.random.uniform(0.02, 0.5))
        self.server.stop(signal.SIGKILL)
        for writer in writers:
            writer.join()
        self.server.start()
        self.connect()
        for writer in writers:
            if writer.problem:
                raise writer.problem
            writer.settle()
        self.check_books()

    def written(self):
        return sum(len(ledger) for ledger in self.ledgers.values())


def kill_at_any_moment():
    storm = Storm()
    try:
        storm.prepare()
        for _ in range(ROUNDS):
            storm.round()
        assert storm.written() > ROUNDS, "nothing was written"
        return f"{ROUNDS} kills, {storm.written()} acknowledged writes, seed {SEED}"
    except AssertionError as problem:
        raise AssertionError(f"seed {SEED}: {problem}") from problem
    finally:
        storm.server.close()


# --- the disk ----------------------------------------------------------------------------------------


class SmallDisk:
    """A file system of a few MiB."""

    def __init__(self, size):
        self.folder = tempfile.mkdtemp(prefix="gantry-disk-")
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", self.folder], stderr=subprocess.PIPE)
        self.is_mounted = done.returncode == 0

    def fill(self):
        filler = os.open(os.path.join(self.folder, "filler"), os.O_WRONLY | os.O_CREAT)
        try:
            while True:
                os.write(filler, bytes(4096))
        except OSError:
            os.close(filler)

    def free(self):
        os.unlink(os.path.join(self.folder, "filler"))

    def close(self):
        if self.is_mounted:
            subprocess.run(["umount", "-l", self.folder], check=False)
        os.rmdir(self.folder)


def health(server):
    wire = Wire(server.port)
    wire.send(f"GET /healthz HTTP/1.1\r\nHost: {server.host}\r\n\r\n".encode())
    reply = wire.reply()
    wire.close()
    return reply.status


def write_until(server, status, names, limit=5000):
    """Creates clusters until a call answers with that status; those that were made are added to `names`."""
    deadline = time.monotonic() + 30
    for _ in range(limit):
        name = f"c{len(names)}"
        reply = server.call("CreateCluster", clusterName=name, tags=[{"key": "k", "value": "v" * 250}])
        if reply.status == 200:
            names.append(name)
        if reply.status == status:
            return reply
        assert time.monotonic() < deadline, f"no {status} in time"
        if reply.status != 200:
            time.sleep(0.05)
    raise AssertionError(f"no {status} in {limit} writes")


def names_there(server):
    return sorted(arn.rpartition("/")[2] for arn in every_page(server, "ListClusters", "clusterArns"))


def a_full_disk():
    disk = SmallDisk("8m")
    if not disk.is_mounted:
        disk.close()
        return "SKIP no right to mount"
    server = Server(folder=disk.folder)
    names = []
    try:
        server.start()
        write_until(server, 200, names)
        disk.fill()
        refusal = write_until(server, 500, names)
        assert refusal.json() == {"__type": "ServerException", "message": "Service Unavailable. Please try again later."}, refusal.body
        assert names_there(server) == sorted(names), "reads do not go on"
        assert health(server) == 503
        disk.free()
        refused = len(names)
        write_until(server, 200, names)
        assert len(names) == refused + 1 and health(server) == 200
        server.stop(signal.SIGKILL)
        server.start()
        assert names_there(server) == sorted(names), "what was acknowledged is not there"
        return f"{len(names)} writes around it"
    finally:
        server.close()
        disk.close()


# --- one server a folder -------------------------------------------------------------------------------


def a_second_server():
    server = Server()
    try:
        server.start()
        call(server, "CreateCluster", clusterName="demo")
        second = subprocess.run(server.command(0), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30, text=True)
        assert second.returncode == 1, second.returncode
        lines = second.stdout.strip().split("\n")
        assert len(lines) == 1 and server.data in lines[0], second.stdout
        assert names_there(server) == ["demo"], "the first one is disturbed"
        assert server.stop() == 0
        server.start()
        assert names_there(server) == ["demo"]
        return lines[0].replace(server.data, "DIR")
    finally:
        server.close()


TESTS = {
    "what was acknowledged survives kill -9 at any moment, whole": kill_at_any_moment,
    "on a full disk writes are refused, reads go on, and space brings them back": a_full_disk,
    "a second server on the same folder says that there is one": a_second_server,
}


def main():
    failed = 0
    print(f"1..{len(TESTS)}")
    for number, (name, test) in enumerate(TESTS.items(), 1):
        try:
            word = test()
            skip = f" # {word}" if word.startswith("SKIP") else ""
            print(f"ok {number} - {name}{skip}")
            if not skip:
                print(f"# {word}")
        except Exception as problem:  # noqa: BLE001: a test's failure, of whatever kind
            failed += 1
            print(f"not ok {number} - {name}")
            print("\n".join(f"# {line}" for line in f"{type(problem).__name__}: {problem}".split("\n")))
        sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
