#!/usr/bin/env python3
"""The event log under kill -9: whoever reads it by cursor, `gantry events -f` and the webhook each see every event,
in one order; only the webhook sees some twice.

    GANTRY=build/src/gantry tests/wire/events_test.py
"""

import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time
import unittest

from gantry import PATIENCE, Server, Silent, Wire, binary

KILLS = 4
INSTANCES = 40  # registered between two kills


class Hook(http.server.ThreadingHTTPServer):
    """Takes pages of events; refuses every fourth, and the first few."""

    def __init__(self):
        self.pages, self.posts = [], 0
        super().__init__(("127.0.0.1", 0), HookHandler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class HookHandler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posts += 1
        takes = self.server.posts > 2 and self.server.posts % 4
        if takes:
            self.server.pages.append(json.loads(body))
        self.send_response(200 if takes else 503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


class Reader(threading.Thread):
    """Follows GET /events by its cursor, through every outage."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.cursor, self.events, self.refusals = server, "", [], []
        self.is_stopped = False
        self.start()

    def run(self):
        while not self.is_stopped:
            try:
                reply = get(self.server, f"/events?after={self.cursor}&wait=1&limit=7")
            except (OSError, Silent, ValueError, IndexError):
                time.sleep(0.01)
                continue
            if reply.status != 200:
                self.refusals.append(reply.body)
                continue
            page = reply.json()
            self.events += page["events"]
            self.cursor = page["cursor"]


def get(server, path):
    wire = Wire(server.port)
    try:
        wire.send(server.request("", b"", headers={"X-Amz-Target": None, "Content-Type": None}, method="GET", path=path))
        return wire.reply()
    finally:
        wire.close()


def everything(server):
    events, cursor = [], ""
    while True:
        page = get(server, f"/events?after={cursor}&limit=1000").json()
        if not page["events"]:
            return events
        events, cursor = events + page["events"], page["cursor"]


def register(server):
    return server.call("RegisterContainerInstance", cluster="demo", totalResources=[
        {"name": "CPU", "type": "INTEGER", "integerValue": 1000},
        {"name": "MEMORY", "type": "INTEGER", "integerValue": 1000}])


def until(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.02)


def keep_writing(server, stop):
    """Registers instances until told to stop; what is in the way of a kill is not known to be done."""
    while not stop.is_set():
        try:
            register(server)
        except (OSError, Silent, ValueError, IndexError):
            time.sleep(0.01)


class EventsTest(unittest.TestCase):
    def setUp(self):
        self.hook = Hook()
        self.server = Server(["--events-webhook", f"http://127.0.0.1:{self.hook.server_port}/take"])
        self.server.start()
        self.addCleanup(self.server.close)

    def env(self):
        return dict(os.environ, GANTRY_ENDPOINT=f"http://{self.server.host}", GANTRY_DATA=self.server.data)

    def follow(self):
        path = os.path.join(self.server.folder, "followed")
        with open(path, "w") as out:
            process = subprocess.Popen([binary(), "events", "--follow"], stdout=out, stderr=subprocess.DEVNULL, env=self.env())
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        return path

    def test_nothing_is_left_out_and_nothing_goes_back(self):
        reader, followed = Reader(self.server), self.follow()
        self.server.ok("CreateCluster", clusterName="demo")
        stop = threading.Event()
        writers = [threading.Thread(target=keep_writing, args=(self.server, stop)) for _ in range(3)]
        for writer in writers:
            writer.start()
        for _ in range(KILLS):
            seen = len(reader.events)
            until(lambda: len(reader.events) > seen + INSTANCES)
            self.server.stop(signal.SIGKILL)
            self.server.start()
        stop.set()
        for writer in writers:
            writer.join()
        ids = [event["id"] for event in everything(self.server)]
        self.assertEqual(len(set(ids)), len(ids))
        until(lambda: len(reader.events) >= len(ids))
        reader.is_stopped = True
        self.assertEqual([event["id"] for event in reader.events], ids)
        self.assertEqual(reader.refusals, [])
        listed = self.server.ok("DescribeClusters", clusters=["demo"])["clusters"][0]
        self.assertEqual(listed["registeredContainerInstancesCount"], len(ids))
        self.check_hook(ids)
        until(lambda: len(lines(followed)) >= len(ids))
        self.assertEqual([json.loads(line)["id"] for line in lines(followed)], ids)

    def check_hook(self, ids):
        """In order, whole pages again at most after a kill."""
        until(lambda: self.hook.pages and self.hook.pages[-1]["events"][-1]["id"] == ids[-1])
        place = {event: i for i, event in enumerate(ids)}
        repeated, at = 0, 0
        for page in self.hook.pages:
            self.assertNotIn("lost", page)
            first = place[page["events"][0]["id"]]
            self.assertLessEqual(first, at)
            repeated += first < at
            self.assertEqual([event["id"] for event in page["events"]], ids[first:first + len(page["events"])])
            at = first + len(page["events"])
        self.assertLessEqual(repeated, KILLS)

    def events(self, *flags):
        return subprocess.run([binary(), "events", *flags], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.env())

    def register(self, count):
        for _ in range(count):
            self.assertEqual(register(self.server).status, 200)

    def test_a_reader_goes_on_where_its_file_says(self):
        path = os.path.join(self.server.folder, "cursor")
        self.server.ok("CreateCluster", clusterName="demo")
        self.register(3)
        first = self.events("--cursor-file", path)
        self.assertEqual((first.returncode, first.stderr), (0, ""))
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        self.register(2)
        second = self.events("--cursor-file", path).stdout.splitlines()
        self.assertEqual(len(second), 2)
        self.assertEqual(first.stdout.splitlines() + second, self.events().stdout.splitlines())
        self.assertEqual(self.events("--cursor-file", path).stdout, "")
        for cursor in ["no cursor", "x" * 300]:
            with open(path, "w") as file:
                file.write(cursor)
            wrong = self.events("--cursor-file", path)
            self.assertEqual((wrong.returncode, wrong.stdout), (1, ""))
            self.assertIn("gantry events: ", wrong.stderr)
        nowhere = self.events("--cursor-file", os.path.join(self.server.folder, "no/such/file"))
        self.assertEqual(nowhere.returncode, 1)
        self.assertIn("cannot write", nowhere.stderr)

    def test_what_is_dropped_is_said(self):
        self.server.close()
        self.server = Server(["--events-kept", "5"])
        self.server.start()
        self.addCleanup(self.server.close)
        cursor = get(self.server, "/events?after=now").json()["cursor"]
        self.server.ok("CreateCluster", clusterName="demo")
        self.register(12)
        reply = get(self.server, f"/events?after={cursor}")
        self.assertEqual(reply.status, 410)
        self.assertEqual(reply.json()["lost"], 7)
        self.assertEqual(len(get(self.server, f"/events?after={reply.json()['cursor']}").json()["events"]), 5)


def lines(path):
    with open(path) as source:
        return [line for line in source.read().split("\n")[:-1]]


if __name__ == "__main__":
    sys.exit(0 if unittest.main(exit=False).result.wasSuccessful() else 1)
