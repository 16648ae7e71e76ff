#!/usr/bin/env python3
"""`gantry up` with an engine that answers a ping and nothing else: what its flags become, and what it makes of signals.

    GANTRY=build/src/gantry tests/wire/up_test.py
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

from gantry import PATIENCE, binary


class Engine:
    """A container engine's socket."""

    def __init__(self, path):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(16)
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.answer, args=(peer,), daemon=True).start()

    def answer(self, peer):
        with peer:
            asked = peer.recv(65536)
            status = "200 OK" if b"/_ping " in asked else "500 Internal Server Error"
            peer.sendall(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Up(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="gantry-up-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        engine = Engine(os.path.join(self.folder, "engine.sock"))
        self.addCleanup(engine.listener.close)

    def argv(self, *flags):
        return [binary(), "up", "--data", os.path.join(self.folder, "data"), "--listen", f"127.0.0.1:{free_port()}",
                "--docker-socket", os.path.join(self.folder, "engine.sock"), *flags]

    def test_passes_the_agents_flags_on_when_it_is_detached(self):
        done = subprocess.run(self.argv("--detach", "--awsvpc-pool", "nonsense"), stderr=subprocess.PIPE, text=True,
                              timeout=2 * PATIENCE)
        self.assertEqual(done.returncode, 1)
        self.assertIn("it did not come up", done.stderr)
        with open(os.path.join(self.folder, "data", "up.log")) as log:
            self.assertIn("nonsense", log.read())

    def test_stays_when_a_hang_up_is_ignored(self):
        up = subprocess.Popen(self.argv(), preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + PATIENCE
            while not os.path.exists(os.path.join(self.folder, "data", "credentials")):
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.05)
            up.send_signal(signal.SIGHUP)
            with self.assertRaises(subprocess.TimeoutExpired):
                up.wait(1)
        finally:
            up.terminate()
            self.assertEqual(up.wait(PATIENCE), 0)


if __name__ == "__main__":
    unittest.main()
