#!/usr/bin/env python3
"""The simulated fleet against a started server: twenty agents connect, forty tasks are placed on them, run and stop.
Prints TAP.

    GANTRY=build/src/gantry GANTRY_FLEET=build/tests/fleet/gantry-fleet tests/fleet/fleet_test.py
"""

import json
import os
import subprocess
import sys
import unittest

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../wire"))

from gantry import Server  # noqa: E402

FLEET = os.path.abspath(os.environ.get("GANTRY_FLEET", "build/tests/fleet/gantry-fleet"))


class FleetTest(unittest.TestCase):
    def setUp(self):
        self.server = Server().start()
        self.addCleanup(self.server.close)
        self.server.ok("CreateCluster", clusterName="fleet")
        self.server.ok("RegisterTaskDefinition", family="web", containerDefinitions=[
            {"name": "main", "image": "app", "cpu": 10, "memory": 16}])

    def fleet(self, *flags):
        """Started; its lines are read with self.line."""
        process = subprocess.Popen(
            [FLEET, "--port", str(self.server.port), "--keys", os.path.join(self.server.data, "credentials"),
             "--cluster", "fleet"] + [str(flag) for flag in flags], stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def line(self, process, event):
        found = json.loads(process.stdout.readline())
        self.assertEqual(found["event"], event)
        return found

    def run_tasks(self, calls):
        arns = []
        for _ in range(calls):
            reply = self.server.ok("RunTask", cluster="fleet", taskDefinition="web", count=10, placementStrategy=[
                {"type": "spread", "field": "instanceId"}])
            self.assertEqual(reply["failures"], [])
            arns += [task["taskArn"] for task in reply["tasks"]]
        return arns

    def statuses(self, arns):
        tasks = self.server.ok("DescribeTasks", cluster="fleet", tasks=arns)["tasks"]
        return {task["lastStatus"] for task in tasks}

    def test_tasks_run_on_every_agent(self):
        fleet = self.fleet("--agents", 20, "--until-running", 40)
        connected = self.line(fleet, "connected")
        self.assertEqual((connected["acs"], connected["tcs"]), (20, 20))
        arns = self.run_tasks(4)
        self.assertEqual(self.line(fleet, "running")["running"], 40)
        self.assertEqual(self.line(fleet, "end")["errors"], 0)
        self.assertEqual(fleet.wait(30), 0)
        self.assertEqual(self.statuses(arns), {"RUNNING"})
        instances = self.server.ok("ListContainerInstances", cluster="fleet")["containerInstanceArns"]
        described = self.server.ok("DescribeContainerInstances", cluster="fleet", containerInstances=instances)
        self.assertEqual({i["runningTasksCount"] for i in described["containerInstances"]}, {2})

    def test_tasks_end_by_themselves_and_when_told_although_connections_break(self):
        fleet = self.fleet("--agents", 5, "--life-ms", 500, "--cut-ms", 50, "--seconds", 30)
        self.line(fleet, "connected")
        arns = self.run_tasks(2)
        for arn in arns[:5]:
            self.server.ok("StopTask", cluster="fleet", task=arn)
        while self.statuses(arns) != {"STOPPED"}:
            pass
        fleet.terminate()
        ended = self.line(fleet, "end")
        self.assertEqual(fleet.wait(30), 0)
        self.assertEqual(ended["errors"], 0)
        self.assertGreater(ended["reconnects"], 0)


class Tap(unittest.TextTestResult):
    """A line a test; what failed goes to standard error."""

    number = 0

    def tell(self, word, test):
        Tap.number += 1
        print(f"{word} {Tap.number} - {test.id().split('.')[-1].replace('_', ' ')}", flush=True)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.tell("ok", test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.tell("not ok", test)

    def addError(self, test, err):
        super().addError(test, err)
        self.tell("not ok", test)


if __name__ == "__main__":
    tests = unittest.defaultTestLoader.loadTestsFromTestCase(FleetTest)
    print(f"1..{tests.countTestCases()}", flush=True)
    sys.exit(0 if unittest.TextTestRunner(resultclass=Tap).run(tests).wasSuccessful() else 1)
