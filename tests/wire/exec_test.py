#!/usr/bin/env python3
"""Sessions of ECS Exec between a session plugin and an agent that are both puppets: what the server does when either
misbehaves, is slow, or is somebody else. Also over TLS.

    GANTRY=build/src/gantry tests/wire/exec_test.py
"""

import base64
import glob
import json
import os
import shutil
import ssl
import subprocess
import sys
import time
import unittest

import plugin
from gantry import CLOSE, TEXT, Agent, Server, Silent, Websocket, Wire, amz_time, sign
from plugin import Lost, Plugin

IDLE_S = 3
WINDOW = 65536


class Host(Agent):
    """An agent that can run commands, as far as the server knows."""

    def __init__(self, server, arn):
        super().__init__(server)
        assert self.connect("demo", arn, abilities="exec") is None

    def relay(self, message, token=None, path=None):
        """The websocket that it opens when it is asked to; None: refused."""
        target = path or message["path"]
        signed = {"Host": self.server.host, "X-Amz-Date": amz_time()}
        headers = dict(signed, Upgrade="websocket", Connection="Upgrade")
        headers["Sec-WebSocket-Version"] = "13"
        headers["Sec-WebSocket-Key"] = base64.b64encode(os.urandom(16)).decode()
        headers["Authorization"] = sign(self.server.keys(), "GET", target, signed, b"")
        wire = self.server.wire()
        wire.send("\r\n".join([f"GET {target} HTTP/1.1"] + [f"{k}: {v}" for k, v in headers.items()] + ["", ""]).encode())
        reply = wire.reply()
        if reply.status != 101:
            return None
        relay = Relay(wire)
        relay.says("RelayOpen", {"sessionId": message["sessionId"], "token": token or message["token"]})
        return relay


class Relay(Websocket):
    def says(self, kind, message):
        self.send(json.dumps({"type": kind, "message": message}).encode())

    def writes(self, data, stream=1):
        self.send(bytes([stream]) + data, plugin.BINARY)

    def gets(self, kind):
        """The next message of that kind; "input" is bytes."""
        while True:
            opcode, payload = self.receive()
            if opcode == CLOSE:
                raise Silent(f"closed by the server: {payload[2:].decode()}")
            if opcode == plugin.BINARY and kind == "input":
                return payload
            if opcode == TEXT and json.loads(payload)["type"] == kind:
                return json.loads(payload)["message"]

    def reason(self):
        while True:
            opcode, payload = self.receive()
            if opcode == CLOSE:
                return payload[2:].decode()


class Sessions(unittest.TestCase):
    flags = [f"--exec-idle={IDLE_S}s"]

    def setUp(self):
        self.server = Server(self.flags)
        self.tls_context = self.prepare()
        self.server.start()
        self.addCleanup(self.server.close)
        self.server.tls = self.tls_context
        self.server.ok("CreateCluster", clusterName="demo")
        self.server.ok("RegisterTaskDefinition", family="web", containerDefinitions=[{"name": "app", "image": "x", "memory": 10}])
        self.arn = self.server.ok("RegisterContainerInstance", cluster="demo", totalResources=[
            {"name": "CPU", "type": "INTEGER", "integerValue": 1000}, {"name": "MEMORY", "type": "INTEGER", "integerValue": 1000},
            {"name": "PORTS", "type": "STRINGSET", "stringSetValue": []}], attributes=[
                {"name": "ecs.capability.execute-command"}])["containerInstance"]["containerInstanceArn"]
        self.host = Host(self.server, self.arn)
        reply = self.server.ok("RunTask", cluster="demo", taskDefinition="web", enableExecuteCommand=True,
                               overrides={"taskRoleArn": "arn:aws:iam::123456789012:role/app"})
        self.task = reply["tasks"][0]["taskArn"]
        self.host.gets("PayloadMessage")
        self.server.ok("SubmitTaskStateChange", cluster="demo", task=self.task, status="RUNNING",
                       containers=[{"containerName": "app", "status": "RUNNING", "runtimeId": "c1"}],
                       managedAgents=[{"containerName": "app", "managedAgentName": "ExecuteCommandAgent", "status": "RUNNING"}])
        self.opened = []
        self.addCleanup(lambda: [one.close() for one in self.opened])

    def prepare(self):
        return None

    def execute(self, command="sh -c 'a b'"):
        return self.server.ok("ExecuteCommand", cluster="demo", task=self.task, command=command, interactive=True)["session"]

    def plugin(self, session=None, **more):
        one = Plugin(session or self.execute(), self.server.port, tls=self.tls_context, **more)
        self.opened.append(one)
        return one.handshake()

    def both(self, **more):
        """A plugin and the agent's relay of an open session."""
        one = self.plugin(**more)
        relay = self.host.relay(self.host.gets("GantryExecMessage"))
        relay.says("RelayStarted", {})
        relay.allowed = relay.gets("RelayWindow")["bytes"]
        self.opened.append(relay)
        return one, relay

    def resume(self, session, **how):
        return self.server.send("ResumeSession", json.dumps({"SessionId": session["sessionId"]}).encode(),
                                target="AmazonSSM.ResumeSession", how=dict({"scope": {"service": "ssm"}}, **how))

    def log(self, session):
        with open(glob.glob(f"{self.server.data}/exec-logs/*/{session['sessionId']}.log")[0]) as log:
            return log.read()

    def test_bytes_pass_both_ways(self):
        one = self.plugin()
        message = self.host.gets("GantryExecMessage")
        self.assertEqual((message["command"], message["containerName"], message["taskArn"], message["terminal"]),
                         (["sh", "-c", "a b"], "app", self.task, True))
        self.assertEqual(message["path"], "/v1/exec-relay/" + one.session["sessionId"])
        one.resize(91, 33)
        one.type("before the agent came")
        one.wait("it is acknowledged", lambda: not one.unacked)
        relay = self.host.relay(message)
        self.assertEqual(relay.gets("RelayResize"), {"columns": 91, "rows": 33})
        self.assertEqual(relay.gets("RelayWindow"), {"bytes": WINDOW})
        relay.says("RelayStarted", {})
        relay.says("RelayWindow", {"bytes": 6})
        self.assertEqual(relay.gets("input"), b"before")
        relay.says("RelayWindow", {"bytes": 1000})
        self.assertEqual(relay.gets("input"), b" the agent came")
        relay.writes(b"out")
        relay.writes(b"err", 2)
        one.until(b"outerr")
        relay.says("RelayEnd", {"exitCode": 3, "reason": ""})
        self.assertEqual(one.until_closed(), "")
        self.assertIsNone(one.exit_code)
        self.assertIn("outerr\n# ended", self.log(one.session))
        self.assertIn(": exit code 3", self.log(one.session))
        self.assertNotIn(message["token"], self.server.log_text())

    def test_a_slow_client_is_waited_for(self):
        one, relay = self.both()
        one.silent = True
        relay.writes(b"x" * relay.allowed)
        for _ in range(20):
            one.turn(0.05)
        self.assertEqual(one.received, 0)
        one.silent = False
        one.wait("all arrives", lambda: one.received == relay.allowed)
        granted = 0  # as the client took it
        while granted < WINDOW:
            granted += relay.gets("RelayWindow")["bytes"]
        self.assertEqual(granted, WINDOW)

    def test_an_agent_that_sends_too_much_is_cut_off(self):
        one, relay = self.both()
        relay.writes(b"x" * relay.allowed)
        relay.writes(b"y" * relay.allowed)
        relay.writes(b"z" * relay.allowed)
        self.assertEqual(one.until_closed(), "The agent sent more than it may.")

    def test_a_container_that_reads_nothing_holds_its_input(self):
        one, relay = self.both()
        for _ in range(80):
            one.send(plugin.OUTPUT, b"k" * 1000)
        time.sleep(0.5)
        one.turn(0.5)
        relay.says("RelayWindow", {"bytes": WINDOW})
        got = 0
        while got < 80000:
            got += len(relay.gets("input"))
            if got == WINDOW:
                relay.says("RelayWindow", {"bytes": WINDOW})
        self.assertEqual(got, 80000)
        one.wait("all is acknowledged", lambda: not one.unacked)

    def test_only_the_agent_that_was_asked_comes_in(self):
        one = self.plugin()
        message = self.host.gets("GantryExecMessage")
        self.assertEqual(self.host.relay(message, token="0" * 64).reason(), "The token is not valid.")
        relay = self.host.relay(message)
        relay.gets("RelayWindow")
        self.assertEqual(self.host.relay(message).reason(), "The token is not valid.")
        self.assertIsNone(self.host.relay(message, path="/v1/exec-relay/none"))
        relay.close()
        self.assertEqual(one.until_closed(), "The connection to the container instance was lost.")

    def test_an_agent_that_is_gone_is_told_of(self):
        session = self.execute()
        self.host.leaves()
        deadline = time.monotonic() + 30
        while self.server.call("ExecuteCommand", cluster="demo", task=self.task, command="x", interactive=True).status == 200:
            self.assertLess(time.monotonic(), deadline)
        one = self.plugin(session)
        self.assertEqual(one.until_closed(), "The agent of the container instance is not connected.")

    def test_a_token_must_be_fresh_and_the_callers(self):
        session = self.execute()
        reply = self.resume(session)
        self.assertEqual(reply.status, 200)
        old = Plugin(session, self.server.port, tls=self.tls_context)  # there is a newer one
        self.assertEqual(old.until_lost(), "The token is not valid.")
        one, fresh = None, dict(session, tokenValue=reply.json()["TokenValue"])
        one = self.plugin(fresh)
        self.assertTrue(one.complete is not None)
        self.assertEqual(self.resume(session, scope={"service": "ecs"}).status, 400)
        self.assertEqual(self.resume(session, secret="wrong").status, 400)
        with open(os.path.join(self.server.data, "credentials"), "a") as credentials:
            credentials.write("\n[mallory]\naws_access_key_id = AKIDMALLORY000000000\naws_secret_access_key = " + "m" * 40 + "\n")
        os.kill(self.server.process.pid, 1)
        deadline = time.monotonic() + 30
        while True:
            reply = self.resume(session, key="AKIDMALLORY000000000", secret="m" * 40)
            if reply.json().get("message") == "The session is not the caller's.":
                break
            self.assertLess(time.monotonic(), deadline)
        self.assertEqual(reply.status, 400)

    def test_a_newer_connection_takes_over(self):
        one, relay = self.both()
        relay.writes(b"first")
        one.until(b"first")
        token = self.resume(one.session).json()["TokenValue"]
        old = one.socket
        one.reopen(token)
        relay.writes(b"second")
        one.until(b"second")
        old.close()

    def test_strangers_are_few_and_short(self):
        session = self.execute()
        sockets = [plugin.Socket(session["streamUrl"], self.server.port, self.tls_context) for _ in range(5)]
        self.assertEqual([one.status for one in sockets], [101] * 4 + [503])
        sockets[0].send(b"\0" * 20000, plugin.TEXT)  # larger than any first message
        with self.assertRaises(Lost):
            while True:
                sockets[0].more(30) and list(sockets[0].messages())
        for one in sockets:
            one.close()

    def test_nothing_happens_for_long(self):
        one, relay = self.both()
        self.assertEqual(one.until_closed(30), f"The session was idle for {IDLE_S} seconds.")
        self.assertEqual(relay.reason(), "")

    def test_the_end_waits_for_a_client_that_is_away(self):
        one, relay = self.both()
        relay.writes(b"begin ")
        one.until(b"begin ")
        one.cut()
        relay.writes(b"and end")
        relay.says("RelayEnd", {"exitCode": 0, "reason": "Container is gone."})
        relay.reason()
        one.reopen(self.resume(one.session).json()["TokenValue"])
        self.assertEqual(one.until_closed(), "Container is gone.")
        self.assertEqual(bytes(one.screen), b"and end")

    def test_a_client_of_ours_hears_all(self):
        one, relay = self.both(gantry={"exitCode": True, "terminal": False})
        relay.says("RelayWindow", {"bytes": 100})
        one.type("in")
        one.send(plugin.FLAG, (1001).to_bytes(4, "big"))
        self.assertEqual(relay.gets("input"), b"in")
        self.assertEqual(relay.gets("RelayInputEnd"), {})
        relay.writes(b"out")
        relay.writes(b"err", 2)
        relay.says("RelayEnd", {"exitCode": 137, "reason": ""})
        one.until_closed()
        self.assertEqual((bytes(one.screen), bytes(one.errors), one.exit_code), (b"out", b"err", 137))

    def test_the_server_says_goodbye(self):
        one, relay = self.both()
        relay.writes(b"hello")
        one.until(b"hello")
        self.assertEqual(self.server.stop(), 0)
        self.assertEqual(one.until_closed(), "The server is stopping.")
        self.assertIn(": The server is stopping.", self.log(one.session))


@unittest.skipUnless(shutil.which("openssl"), "no openssl here")
class OverTls(Sessions):
    """The same, and `wss` is what clients are told."""

    def prepare(self):
        folder = self.server.folder
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout",
                        f"{folder}/key.pem", "-out", f"{folder}/cert.pem"], check=True, stderr=subprocess.DEVNULL)
        self.server.flags += ["--tls-cert", f"{folder}/cert.pem", "--tls-key", f"{folder}/key.pem"]
        return ssl.create_default_context(cafile=f"{folder}/cert.pem")

    def test_clients_are_told_so(self):
        self.assertTrue(self.execute()["streamUrl"].startswith(f"wss://{self.server.host}/"))

    def test_gantry_exec_speaks_it(self):
        argv = [os.environ.get("GANTRY", "build/src/gantry"), "exec", "--data", self.server.data, "--endpoint",
                f"https://127.0.0.1:{self.server.port}", "--ca-file", f"{self.server.folder}/cert.pem",
                "demo/" + self.task.rpartition("/")[2], "cat"]
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            relay = self.host.relay(self.host.gets("GantryExecMessage"))
            relay.gets("RelayWindow")
            relay.says("RelayWindow", {"bytes": 100})
            process.stdin.write(b"over tls")
            process.stdin.close()
            self.assertEqual(relay.gets("input"), b"over tls")
            relay.gets("RelayInputEnd")
            relay.writes(b"and back")
            relay.says("RelayEnd", {"exitCode": 4, "reason": ""})
            self.assertEqual(process.stdout.read(), b"and back")
            self.assertEqual(process.wait(30), 4)


if __name__ == "__main__":
    sys.exit(0 if unittest.main(exit=False).result.wasSuccessful() else 1)
