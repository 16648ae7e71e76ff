"""A server to measure, on a store made by bench-fill, and what calls of it are made of."""

import json
import os
import re
import resource
import signal
import ssl
import subprocess
import threading
import time

from gantry import Server, Silent
from rows import Broken, Missing

CLUSTER = "bench"
DESCRIPTORS_SPARE = 200
START_PATIENCE = 600  # seconds: a million tasks on a busy machine


class BenchServer(Server):
    """`gantry server` of a release build on a data folder with a filled cluster, plain or TLS."""

    def __init__(self, bench, instances=0, tasks=0, flags=(), tls=False):
        super().__init__(flags=flags, folder=bench.new_folder("server"))
        self.ca = None
        os.makedirs(self.data, 0o700)
        if instances > 0:
            bench.run("bench-fill", os.path.join(self.data, "server.db"), "--instances", instances, "--tasks", tasks)
        if tls:
            self.ca = os.path.join(self.folder, "cert.pem")
            key = os.path.join(self.folder, "key.pem")
            make_certificate(self.ca, key)
            self.tls = ssl.create_default_context(cafile=self.ca)
            self.flags += ["--tls-cert", self.ca, "--tls-key", key]

    def start(self):
        """Like Server.start, for either scheme; notes how long it took until the server said that it listens."""
        said = os.path.getsize(self.log_path) if os.path.exists(self.log_path) else 0
        started = time.monotonic()
        self.process = self.launch(self.port or 0)
        while True:
            listening = re.search(r"event=server.listening .*url=https?://127\.0\.0\.1:(\d+)\s", self.log_text(said))
            if listening:
                break
            if self.process.poll() is not None or time.monotonic() > started + START_PATIENCE:
                self.stop(signal.SIGKILL)
                raise Silent(f"the server does not start:\n{self.log_text(said)}")
            time.sleep(0.002)
        self.start_seconds = time.monotonic() - started
        self.port = int(listening.group(1))
        self.host = f"127.0.0.1:{self.port}"
        return self

    @property
    def keys_path(self):
        return os.path.join(self.data, "credentials")


def make_certificate(cert, key):
    done = subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                           "-nodes", "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=127.0.0.1",
                           "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"], capture_output=True, text=True)
    if done.returncode != 0:
        raise Missing("openssl")


def load(bench, server, operation, bodies, connections, signed=True, calls=0, path="/"):
    """bench-load against the server, for a while or for so many calls; the object it printed. Errors are no figure.
    POST as the operation speaks plain HTTP to `path`."""
    file = os.path.join(server.folder, f"bodies-{operation}.jsonl")
    with open(file, "w") as out:
        out.write("\n".join(json.dumps(body) for body in bodies) + "\n")
    args = [operation, "--port", server.port, "--path", path, "--bodies", file, "--connections", connections,
            "--ms", 60000 if calls else int(bench.seconds * 1000), "--calls", calls, "--server", server.process.pid]
    if signed:
        args += ["--keys", server.keys_path]
    if server.tls:
        args += ["--ca", server.ca]
    line, = bench.run("bench-load", *args)
    if line["errors"] > 0 or line["requests"] == 0:
        raise Broken(f"{line['errors']} errors in {line['requests']} replies")
    return line


class Fleet:
    """gantry-fleet against the server: `agents` of them, connected when this returns. Where a process may not have
    descriptors for two websockets of each, only `telemetry` of them have the second one."""

    def __init__(self, bench, server, agents, *flags):
        self.telemetry = min(agents, resource.getrlimit(resource.RLIMIT_NOFILE)[1] - agents - DESCRIPTORS_SPARE)
        self.log = open(os.path.join(server.folder, "fleet.log"), "ab")
        self.process = subprocess.Popen(
            [bench.program("gantry-fleet"), "--port", str(server.port), "--keys", server.keys_path,
             "--cluster", CLUSTER, "--agents", str(agents), "--telemetry", str(self.telemetry), "--seconds", "3600"] + [str(flag) for flag in flags]
            + (["--ca", server.ca] if server.tls else []),
            stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.connected = self.line("connected", 300)

    def line(self, event, seconds=120):
        """The next line, which tells this event."""
        timer = threading.Timer(seconds, self.process.kill)
        timer.start()
        text = self.process.stdout.readline()
        timer.cancel()
        line = json.loads(text) if text else {"event": "nothing"}
        if line["event"] != event:
            raise Broken(f"the fleet says {line} where it should be {event}")
        return line

    def end(self):
        """Stops it; what it has seen."""
        self.process.terminate()
        line = self.line("end")
        self.close()
        return line

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.log.close()


def task_arns(server, n):
    """The first n tasks of the cluster."""
    arns, token = [], None
    while len(arns) < n:
        page = server.ok("ListTasks", cluster=CLUSTER, maxResults=100, **({"nextToken": token} if token else {}))
        arns += page["taskArns"]
        token = page.get("nextToken")
        if not token:
            break
    return arns[:n]
