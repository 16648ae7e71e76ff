#!/usr/bin/env python3
"""GET /usage and `gantry top`: who may ask, what is refused, what an empty cluster looks like. With tasks that run they
are seen by the end-to-end tests.

    GANTRY=build/src/gantry tests/wire/usage_test.py
"""

import json
import subprocess
import unittest
import urllib.error
import urllib.request

from gantry import Server, binary


class Usage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(["--metrics-tasks", "--usage-tasks", "5"]).start()

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def top(self, *args):
        argv = [binary(), "top", "--endpoint", f"http://{self.server.host}", "--data", self.server.data, *args]
        return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=30)

    def test_whoever_does_not_sign_is_refused(self):
        with self.assertRaises(urllib.error.HTTPError) as refusal:
            urllib.request.urlopen(f"http://{self.server.host}/usage", timeout=10)
        self.assertEqual(refusal.exception.code, 403)
        self.assertEqual(json.load(refusal.exception)["__type"], "MissingAuthenticationTokenException")

    def test_a_cluster_without_tasks_uses_nothing(self):
        done = self.top("--cluster", "nobody", "-o", "json")
        self.assertEqual(done.returncode, 0, done.stderr)
        reply = json.loads(done.stdout)
        self.assertEqual((reply["services"], reply["tasks"], reply["omitted"]), ([], [], 0))

    def test_a_table_is_written_once_into_a_pipe(self):
        done = self.top()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.splitlines()[0], "default: 0 services, 0 tasks, 0.00 cores, 0B of memory")

    def test_what_makes_no_sense_is_refused(self):
        done = self.top("--limit", "many")
        self.assertEqual((done.returncode, done.stderr), (1, "gantry top: InvalidParameterException: limit is a number from 0 to 10000.\n"))
        self.assertEqual(self.top("-o", "xml").returncode, 2)

    def test_metrics_have_the_names_of_services(self):
        with urllib.request.urlopen(f"http://{self.server.host}/metrics", timeout=10) as reply:
            text = reply.read().decode()
        self.assertIn("\ngantry_usage_tasks 0\n", text)
        self.assertIn("# TYPE gantry_service_cpu_units gauge\n", text)
        self.assertIn("# TYPE gantry_task_cpu_units gauge\n", text)


if __name__ == "__main__":
    unittest.main(verbosity=2)
