#!/usr/bin/env python3
"""Managed scaling of a started server: the operator's command and URL are told what there shall be, and what becomes of
them is shown. Prints TAP.

    GANTRY=build/src/gantry tests/wire/scaling_test.py
"""

import http.server
import json
import os
import sys
import threading
import time
import unittest

sys.path.append(os.path.dirname(os.path.abspath(__file__)))

from gantry import PATIENCE, Server  # noqa: E402


def until(look):
    """What `look` gives as soon as it gives something."""
    deadline = time.monotonic() + PATIENCE
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError("it does not happen")
        time.sleep(0.02)


class ScalingTest(unittest.TestCase):
    def start(self, settings):
        server = Server()
        self.addCleanup(server.close)
        self.said = os.path.join(server.folder, "said")
        path = os.path.join(server.folder, "scaling.conf")
        with open(path, "w") as file:
            file.write(settings.replace("SAID", self.said))
        server.flags = ["--scaling", path]
        server.start()
        server.ok("CreateCapacityProvider", name="metal", autoScalingGroupProvider={
            "autoScalingGroupArn": "rack-1", "managedScaling": {"status": "ENABLED"}})
        server.ok("CreateCluster", clusterName="demo")
        server.ok("RegisterTaskDefinition", family="web", containerDefinitions=[
            {"name": "main", "image": "app", "cpu": 512, "memory": 64}])
        return server

    @staticmethod
    def associate(server):
        server.ok("PutClusterCapacityProviders", cluster="demo", capacityProviders=["metal"],
                  defaultCapacityProviderStrategy=[{"capacityProvider": "metal"}])

    @staticmethod
    def register(server):
        return server.ok("RegisterContainerInstance", cluster="demo", totalResources=[
            {"name": "CPU", "type": "INTEGER", "integerValue": 1024},
            {"name": "MEMORY", "type": "INTEGER", "integerValue": 1024},
            {"name": "PORTS", "type": "STRINGSET", "stringSetValue": []},
            {"name": "PORTS_UDP", "type": "STRINGSET", "stringSetValue": []}],
            attributes=[{"name": "gantry.capacity-provider", "value": "metal"}])["containerInstance"]

    @staticmethod
    def provider(server):
        return server.ok("DescribeCapacityProviders", capacityProviders=["metal"])["capacityProviders"][0]

    def lines(self):
        if not os.path.exists(self.said):
            return []
        with open(self.said) as file:
            return [line for line in file.read().splitlines() if line.endswith(".")]

    def test_a_command_is_told_how_many_machines_there_shall_be(self):
        server = self.start('[metal]\ncommand = echo "$GANTRY_REGION $GANTRY_CLUSTER $GANTRY_PROVIDER $GANTRY_GROUP '
                            '$GANTRY_DESIRED_SIZE of $GANTRY_PRESENT_SIZE [$GANTRY_REMOVE]." >> SAID\n')
        self.associate(server)
        task = server.ok("RunTask", cluster="demo", taskDefinition="web")["tasks"][0]
        self.assertEqual(task["lastStatus"], "PROVISIONING")
        self.assertEqual(until(self.lines), ["us-east-1 demo metal rack-1 2 of 0 []."])
        self.register(server)  # no agent is connected, so the task goes on waiting
        text = server.wire()
        text.send(f"GET /metrics HTTP/1.1\r\nHost: {server.host}\r\nConnection: close\r\n\r\n".encode())
        self.assertIn(b'gantry_capacity_provider_reservation{region="us-east-1",cluster="demo",'
                      b'capacity_provider="metal"} 200\n', text.reply().body)
        text.close()

    def test_a_machine_too_many_is_drained_and_given_up(self):
        server = self.start('[metal]\ncommand = echo "$GANTRY_DESIRED_SIZE of $GANTRY_PRESENT_SIZE $GANTRY_REMOVE '
                            '$GANTRY_REMOVE_MACHINES." >> SAID\nmax-size = 1\n')
        arns = [self.register(server)["containerInstanceArn"] for _ in range(2)]
        self.associate(server)
        line = until(self.lines)[0]
        gone = [arn for arn in arns if line == f"1 of 2 {arn.rsplit('/', 1)[1]} -."]
        self.assertEqual(len(gone), 1, line)
        until(lambda: server.ok("DescribeContainerInstances", cluster="demo", containerInstances=gone)
              ["containerInstances"][0]["status"] == "INACTIVE")
        self.assertEqual(len(server.ok("ListContainerInstances", cluster="demo")["containerInstanceArns"]), 1)

    def test_a_command_that_fails_is_logged_and_shown(self):
        server = self.start("[metal]\ncommand = exit 3\n")
        self.associate(server)
        server.ok("RunTask", cluster="demo", taskDefinition="web")
        shown = until(lambda: self.provider(server).get("updateStatusReason"))
        self.assertEqual(shown, "The scaling command ended with status 3.")
        self.assertEqual(self.provider(server)["updateStatus"], "UPDATE_FAILED")
        self.assertIn("event=scaling.failed", server.log_text())

    def test_without_an_action_that_is_shown(self):
        server = self.start("")
        self.associate(server)
        server.ok("RunTask", cluster="demo", taskDefinition="web")
        self.assertEqual(until(lambda: self.provider(server).get("updateStatusReason")),
                         "No scaling action is configured for this capacity provider.")

    def test_a_url_is_posted_to(self):
        told = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                told.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        listener = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=listener.serve_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(listener.server_close)
        self.addCleanup(listener.shutdown)
        server = self.start(f"[metal]\nurl = http://127.0.0.1:{listener.server_port}/scale?x=1\n")
        self.associate(server)
        server.ok("RunTask", cluster="demo", taskDefinition="web")
        until(lambda: told)
        self.assertEqual(told[0], ("/scale?x=1", {
            "region": "us-east-1", "cluster": "demo", "capacityProvider": "metal", "autoScalingGroupArn": "rack-1",
            "desiredSize": 2, "presentSize": 0, "remove": [], "removeMachines": []}))

    def test_an_unanswered_url_is_shown(self):
        server = self.start("[metal]\nurl = http://127.0.0.1:1/\n")
        self.associate(server)
        server.ok("RunTask", cluster="demo", taskDefinition="web")
        self.assertIn("The scaling URL did not answer: ",
                      until(lambda: self.provider(server).get("updateStatusReason")))


def main():
    suite = unittest.TestLoader().loadTestsFromTestCase(ScalingTest)
    names = [test._testMethodName for test in suite]
    print(f"1..{len(names)}")
    failed = 0
    for number, test in enumerate(suite, 1):
        result = unittest.TestResult()
        test.run(result)
        problems = result.failures + result.errors
        failed += bool(problems)
        print(f"{'not ok' if problems else 'ok'} {number} - {names[number - 1]}")
        for _, text in problems:
            print("\n".join("# " + line for line in text.splitlines()))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
