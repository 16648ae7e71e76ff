#!/usr/bin/env python3
"""Agents that send garbage: random bytes and frames, broken and unmasked ones, messages of wrong types, huge ones,
about tasks that are nobody's or another instance's, and connections cut at every byte. Prints TAP.

    GANTRY=build/src/gantry [STORM=full] tests/storm/peer_storm.py

A well-behaved agent is connected all the while: it keeps its session and gets its tasks, and no task is changed by what
the others say.
"""

import json
import random
import socket
import struct
import sys
import threading

import storm  # noqa: F401: finds the modules below
from client_storm import reset
from gantry import Agent, Server, Silent
from storm import IS_FULL, SEED, Gauge, call, run_tests, wait_until
from writers import RESOURCES, name_of

MANY = 2000 if IS_FULL else 60
OPCODES = range(16)


class GoodAgent(threading.Thread):
    """Does what is expected of an agent until it is told to leave; `ended` says why it had to go before."""

    def __init__(self, agent):
        super().__init__(daemon=True)
        self.agent = agent
        self.payloads = []
        self.leaving = False
        self.ended = None

    def run(self):
        try:
            while True:
                self.agent.gets("PayloadMessage")
                self.agent.acks(self.agent.last)
                self.payloads.append(json.dumps(self.agent.last))
        except (Silent, OSError) as problem:
            if not self.leaving:
                self.ended = problem

    def has(self, arn):
        assert self.ended is None, f"the good agent lost its session: {self.ended}"
        return any(arn in payload for payload in self.payloads)

    def leave(self):
        self.leaving = True
        self.agent.ws.wire.socket.shutdown(socket.SHUT_RDWR)
        self.join()
        self.agent.ws.wire.close()


class Fleet:
    """A server with a good instance and a bad one, each with tasks."""

    def __init__(self, channel="acs"):
        self.dice = random.Random(SEED)
        self.channel = channel
        self.server = Server()

    def __enter__(self):
        server = self.server.start()
        call(server, "CreateCluster", clusterName="work")
        call(server, "RegisterTaskDefinition", family="job", containerDefinitions=[
            {"name": "main", "image": "busybox", "memory": 4}])
        self.good, self.bad = (call(server, "RegisterContainerInstance", cluster="work", totalResources=RESOURCES)[
            "containerInstance"]["containerInstanceArn"] for _ in range(2))
        agent = Agent(server)
        assert agent.connect("work", self.good) is None
        self.agent = GoodAgent(agent)
        self.agent.start()
        self.tasks = {instance: self.start_tasks(instance) for instance in (self.good, self.bad)}
        wait_until("the good agent has its task", lambda: self.agent.has(self.tasks[self.good][0]))
        self.gauge = Gauge(server.process.pid)
        for _ in range(30):
            self.misbehave(lambda agent: agent.ws.send(b"warm"))
        self.gauge.mark()
        self.before = self.dump()
        return self

    def __exit__(self, kind, problem, trace):
        self.server.close()

    def start_tasks(self, instance):
        other = None
        if instance == self.bad:
            other = Agent(self.server)
            assert other.connect("work", instance) is None
        reply = call(self.server, "StartTask", cluster="work", taskDefinition="job", containerInstances=[instance])
        assert not reply["failures"], reply
        if other:
            other.gets("PayloadMessage")
            other.leaves()
        return [task["taskArn"] for task in reply["tasks"]]

    def dump(self):
        """What must not change, of all tasks and of the good instance."""
        arns = sum(self.tasks.values(), [])
        reply = call(self.server, "DescribeTasks", cluster="work", tasks=arns)
        keep = ("taskArn", "lastStatus", "desiredStatus", "containers", "stoppedReason", "version")
        instances = call(self.server, "DescribeContainerInstances", cluster="work", containerInstances=[self.good, self.bad])
        return ([{name: task.get(name) for name in keep} for task in reply["tasks"]],
                [(one["status"], one["remainingResources"]) for one in instances["containerInstances"]])

    def misbehave(self, function):
        """A session of the bad instance in which that happens; how it ends is the server's affair."""
        agent = Agent(self.server, self.channel)
        refusal = agent.connect("work", self.bad)
        assert refusal is None, refusal and refusal.body
        try:
            function(agent)
        except OSError:
            pass
        (reset if self.dice.random() < 0.3 else socket.socket.close)(agent.ws.wire.socket)

    def check_end(self, grown_kib=8192):
        assert self.dump() == self.before, f"{self.dump()} instead of {self.before}"
        reply = call(self.server, "StartTask", cluster="work", taskDefinition="job", containerInstances=[self.good])
        arn = reply["tasks"][0]["taskArn"]
        wait_until("the good agent gets another", lambda: self.agent.has(arn))
        self.gauge.check(grown_kib)
        told = self.gauge.told()
        self.agent.leave()
        assert self.server.stop() == 0
        log = self.server.log_text()
        assert "Sanitizer" not in log and "runtime error" not in log and "assertion" not in log, log[-3000:]
        return told


# --- frames ------------------------------------------------------------------------------------------


def frame(dice, payload, opcode=1, fin=True, rsv=0, masked=True, length=None):
    head = struct.pack("!B", (0x80 if fin else 0) | rsv << 4 | opcode)
    mask_bit = 0x80 if masked else 0
    size = len(payload) if length is None else length
    if size < 126:
        head += struct.pack("!B", mask_bit | size)
    elif size < 65536:
        head += struct.pack("!BH", mask_bit | 126, size)
    else:
        head += struct.pack("!BQ", mask_bit | 127, size)
    if not masked:
        return head + payload
    mask = dice.randbytes(4)
    key = (mask * (len(payload) // 4 + 1))[:len(payload)]
    said = int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")
    return head + mask + said.to_bytes(len(payload), "big")


def broken_frames(dice):
    """Bytes that are no proper frame of a client."""
    text = b'{"type":"AckRequest","message":{}}'
    return [
        frame(dice, text, masked=False), frame(dice, text, rsv=dice.randrange(1, 8)), frame(dice, text, opcode=dice.choice(OPCODES[3:8])),
        frame(dice, bytes(126), opcode=9), frame(dice, b"\x03", opcode=8), frame(dice, b"\x00\x00", opcode=8),
        frame(dice, struct.pack("!H", 1005), opcode=8), frame(dice, text, opcode=9, fin=False), frame(dice, text, opcode=0),
        frame(dice, text, fin=False) + frame(dice, text), frame(dice, b"\xff\xfe\xfd"), frame(dice, text, opcode=2),
        frame(dice, text, length=1 << 62), frame(dice, text, length=(1 << 64) - 1), frame(dice, text, length=3 << 20),
        b"".join(frame(dice, b"", fin=False, opcode=1 if n == 0 else 0) for n in range(2000)),
        b"".join(frame(dice, b"x" * 60000, fin=False, opcode=1 if n == 0 else 0) for n in range(50)),
        b"".join(frame(dice, b"ping", opcode=9) for _ in range(500)), frame(dice, text)[:-3],
    ]


def random_bytes():
    with Fleet() as fleet:
        for _ in range(MANY):
            data = fleet.dice.randbytes(fleet.dice.randrange(1, 2000))
            fleet.misbehave(lambda agent: agent.ws.wire.send(data))
        return f"{MANY} sessions, {fleet.check_end()}"


def frames(channel):
    rounds = MANY // 20
    with Fleet(channel) as fleet:
        n = 0
        for _ in range(rounds):
            for data in broken_frames(fleet.dice):
                fleet.misbehave(lambda agent: agent.ws.wire.send(data))
                n += 1
        return f"{n} broken frames, {fleet.check_end()}"


def unmasked_is_refused():
    """RFC 6455, 5.1: the connection is closed with 1002."""
    with Fleet() as fleet:
        agent = Agent(fleet.server)
        assert agent.connect("work", fleet.bad) is None
        agent.ws.wire.send(frame(fleet.dice, b"{}", masked=False))
        code, _ = agent.is_told_to_go()
        agent.ws.wire.close()
        assert code == 1002, code
        return f"closed with {code}, {fleet.check_end()}"


# --- messages ----------------------------------------------------------------------------------------

KINDS = ["AckRequest", "HeartbeatAckRequest", "PayloadMessage", "TaskManifestMessage", "TaskStopVerificationMessage",
         "TaskStopVerificationAck", "PerformUpdateMessage", "ErrorMessage", "PublishMetricsRequest", "PublishHealthRequest", "", "nothing",
         "HeartbeatMessage", "CloseMessage", "IAMRoleCredentialsMessage", "AttachTaskNetworkInterfacesMessage"]


def any_value(dice, depth=0):
    kinds = [None, True, 0, -1, 1 << 62, 1.5e308, "", "x" * 3000, "\u0000\ud7ff", [], {}]
    if depth < 4 and dice.random() < 0.5:
        if dice.random() < 0.5:
            return [any_value(dice, depth + 1) for _ in range(dice.randrange(5))]
        return {name: any_value(dice, depth + 1) for name in dice.sample(MEMBERS, dice.randrange(6))}
    return dice.choice(kinds)


MEMBERS = ["cluster", "clusterArn", "containerInstance", "containerInstanceArn", "messageId", "tasks", "stopCandidates", "stopTasks", "seqNum",
           "timeline", "generatedAt", "metadata", "taskMetrics", "containerMetrics", "instanceMetrics", "taskArn", "desiredStatus", "reason",
           "healthy", "cpuStatsSet", "max", "min", "sampleCount", "sum", "timestamp", "idle", "fin", "taskDefinitionFamily"]


def messages(fleet):
    """Whole frames with something else than a sound message in them; those about tasks name every task there is."""
    dice = fleet.dice
    arn = dice.choice(sum(fleet.tasks.values(), []) + ["", "arn:aws:ecs:us-east-1:123456789012:task/work/" + "0" * 32, "x" * 5000])
    told = {"cluster": "work", "containerInstance": dice.choice([fleet.good, fleet.bad, "", "nobody"]), "messageId": dice.choice(["", "1", "2", arn])}
    yield json.dumps({"type": dice.choice(KINDS), "message": any_value(dice)}).encode()
    yield json.dumps({"type": "AckRequest", "message": told}).encode()
    yield json.dumps({"type": "TaskStopVerificationMessage", "message": dict(told, stopCandidates=[{"taskArn": arn}] * dice.choice([1, 500]))}).encode()
    yield json.dumps({"type": "PayloadMessage", "message": dict(told, tasks=[{"arn": arn, "desiredStatus": "STOPPED"}])}).encode()
    yield json.dumps({"type": "PublishMetricsRequest", "message": {"metadata": told, "taskMetrics": [{"taskArn": arn}] * 200}}).encode()
    yield json.dumps({"type": "PublishHealthRequest", "message": {"metadata": told, "tasks": [
        {"taskArn": arn, "containers": [{"containerName": "main", "healthStatus": any_value(dice)}]}]}}).encode()
    yield json.dumps(any_value(dice)).encode()
    yield b'{"type":"AckRequest","message":' + b"[" * 20000 + b"]" * 20000 + b"}"
    yield b'{"type":"AckRequest","message":{"messageId":"' + b"x" * dice.choice([1000, 1 << 20, 3 << 20]) + b'"}}'
    yield b'{"type":"AckRequest","type":"AckRequest","message":{},"message":1}'
    yield dice.choice([b"", b"{", b"null", b"\xff", b'{"type":1,"message":{}}', b'{"message":{}}', b'{"type":"AckRequest"}', b"[" * 100000])


def wrong_messages(channel):
    with Fleet(channel) as fleet:
        n = 0
        for _ in range(MANY // 10):
            for data in messages(fleet):
                head = fleet.dice.choice([b"", b"Host: x\r\n\r\n", b"X" * 3000]) if channel == "tcs" else b""
                payload = frame(fleet.dice, head + data)
                # More of them follow on a session that takes the first.
                fleet.misbehave(lambda agent: [agent.ws.wire.send(payload) for _ in range(3)])
                n += 3
        return f"{n} messages, {fleet.check_end(16384)}"


def submits_about_others():
    """Over the API: unknown tasks, strange statuses and containers are acknowledged and change nothing."""
    with Fleet() as fleet:
        nobody = "arn:aws:ecs:us-east-1:123456789012:task/work/" + "0" * 32
        bodies = [{"cluster": "work", "task": nobody, "status": "STOPPED"}, {"cluster": "work", "task": "x", "status": "RUNNING"},
                  {"cluster": "work", "task": fleet.tasks[fleet.bad][0], "status": "DANCING"}, {"cluster": "work"},
                  {"cluster": "work", "task": fleet.tasks[fleet.bad][0], "containers": [{"containerName": "nobody", "status": "RUNNING"}]}]
        for _ in range(MANY // 10):
            for body in bodies:
                reply = fleet.server.call("SubmitTaskStateChange", **body)
                assert reply.status == 200, reply.body
        return f"{MANY // 10 * len(bodies)} submits, {fleet.check_end()}"


# --- connections -------------------------------------------------------------------------------------


def cut_at_every_byte():
    """Of the handshake, then of a frame."""
    with Fleet() as fleet:
        data = handshake(fleet)
        for at in range(0, len(data), 1 if IS_FULL else 5):
            sock = socket.create_connection(("127.0.0.1", fleet.server.port))
            sock.sendall(data[:at])
            (reset if at % 2 else socket.socket.close)(sock)
        text = frame(fleet.dice, b'{"type":"AckRequest","message":{"cluster":"work","messageId":"1"}}')
        for at in range(len(text)):
            fleet.misbehave(lambda agent: agent.ws.wire.send(text[:at]))
        return f"{len(data)} and {len(text)} bytes, {fleet.check_end()}"


def handshake(fleet):
    """The bytes that an agent says first."""
    said = []

    class Ear:
        def send(self, data):
            said.append(data)

        def reply(self):
            raise Silent("only listening")

    agent = Agent(fleet.server)
    wire, fleet.server.wire = fleet.server.wire, Ear
    try:
        agent.connect("work", fleet.bad)
    except Silent:
        pass
    finally:
        fleet.server.wire = wire
    return said[0]


def take_over(fleet, count):
    agents = []
    for _ in range(count):
        agent = Agent(fleet.server)
        assert agent.connect("work", fleet.bad) is None
        agents.append(agent)
    for agent in agents[:-1]:
        assert agent.is_told_to_go()[0] == 1000
        agent.ws.wire.close()
    return agents[-1]


def takeovers():
    """Connection after connection of one instance, each taking over the one before; the last one works."""
    with Fleet() as fleet:
        take_over(fleet, MANY).leaves()
        fleet.gauge.mark()  # what so many connections need is kept for the next ones; more is not
        last = take_over(fleet, MANY)
        last.gets("PayloadMessage")
        last.leaves()
        wait_until("the bad one is gone", lambda: connected(fleet) == [fleet.good])
        return f"two times {MANY} takeovers, {fleet.check_end(4096)}"


def connected(fleet):
    reply = call(fleet.server, "ListContainerInstances", cluster="work", filter="agentConnected == true")
    return [arn for arn in (fleet.good, fleet.bad) if name_of(arn) in " ".join(reply["containerInstanceArns"])]


TESTS = {
    "random bytes behind a handshake": random_bytes,
    "broken frames on ACS": lambda: frames("acs"),
    "broken frames on TCS": lambda: frames("tcs"),
    "an unmasked frame is a protocol error": unmasked_is_refused,
    "messages of wrong types, huge ones, of other instances' tasks on ACS": lambda: wrong_messages("acs"),
    "the same on TCS": lambda: wrong_messages("tcs"),
    "submits about tasks that are nobody's": submits_about_others,
    "handshakes and frames cut at every byte": cut_at_every_byte,
    "one instance connected many times over": takeovers,
}

if __name__ == "__main__":
    sys.exit(run_tests(TESTS))
