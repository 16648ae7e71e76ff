#!/usr/bin/env python3
"""Tests of tests/record/proxy.py against `gantry server` (GANTRY)."""

import json
import os
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../wire")]

from gantry import Agent, Server, Wire  # noqa: E402
from proxy import Proxy  # noqa: E402


class Recording(unittest.TestCase):
    def setUp(self):
        self.server = Server().start()
        self.file = tempfile.NamedTemporaryFile()
        self.proxy = Proxy(self.server.port, self.file.name)
        self.server.port = self.proxy.port  # from here on everything goes through it
        self.server.host = f"127.0.0.1:{self.proxy.port}"

    def tearDown(self):
        self.proxy.close()
        self.server.close()
        self.file.close()

    def recorded(self):
        with open(self.file.name) as lines:
            return [json.loads(line) for line in lines]

    def test_calls_and_errors_are_recorded_and_signatures_hold(self):
        self.server.ok("CreateCluster", clusterName="demo")
        self.assertEqual(400, self.server.call("DeleteCluster", cluster="nope").status)
        first, second = self.recorded()
        self.assertEqual(("CreateCluster", {"clusterName": "demo"}, 200), (first["operation"], first["request"], first["status"]))
        self.assertEqual("demo", first["reply"]["cluster"]["clusterName"])
        self.assertEqual("ClusterNotFoundException", second["reply"]["__type"])

    def test_several_calls_on_one_connection(self):
        wire = Wire(self.proxy.port)
        for _ in range(3):
            wire.send(self.server.request("ListClusters", b"{}"))
            self.assertEqual(200, wire.reply().status)
        wire.close()
        self.assertEqual(3, len(self.recorded()))

    def test_what_is_no_call_is_passed_on_unrecorded(self):
        wire = Wire(self.proxy.port)
        wire.send(f"GET /healthz HTTP/1.1\r\nHost: {self.server.host}\r\n\r\n".encode())
        self.assertEqual(200, wire.reply().status)
        wire.close()
        self.assertEqual([], self.recorded())

    def test_websockets_pass(self):
        self.server.ok("CreateCluster", clusterName="demo")
        reply = self.server.ok("RegisterContainerInstance", cluster="demo", totalResources=[])
        agent = Agent(self.server)
        self.assertIsNone(agent.connect("demo", reply["containerInstance"]["containerInstanceArn"]))
        self.assertEqual([], agent.gets("TaskManifestMessage")["tasks"])
        agent.leaves()


if __name__ == "__main__":
    unittest.main()
