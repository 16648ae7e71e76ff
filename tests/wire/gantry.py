"""A started `gantry server` and everything a client or an agent says to it, from Python's standard library:
requests signed by SigV4, raw bytes, websockets. Tests build on this; it judges nothing.
"""

import base64
import datetime
import hashlib
import hmac
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import urllib.parse

TARGET = "AmazonEC2ContainerServiceV20141113."
CONTENT_TYPE = "application/x-amz-json-1.1"
PATIENCE = 60  # seconds for anything that must happen
CLOCK_AHEAD_S = 0  # of a server whose wall clock is wrong; requests are signed by it


class Silent(Exception):
    """The peer closed the connection or said nothing where an answer was due."""


def binary():
    return os.path.abspath(os.environ.get("GANTRY", "build/src/gantry"))


# --- signatures ------------------------------------------------------------------------------------


def amz_time(shift=0):
    return (datetime.datetime.utcnow() + datetime.timedelta(seconds=shift + CLOCK_AHEAD_S)).strftime("%Y%m%dT%H%M%SZ")


def _hmac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def sign(keys, method, target, headers, body, scope=None, names=None):
    """The Authorization header. `headers` holds what is signed, with X-Amz-Date among it; `scope` replaces
    parts of the credential scope, `names` the list of signed headers."""
    lower = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
    names = names or sorted(lower)
    path, _, query = target.partition("?")
    pairs = sorted(part.partition("=")[::2] for part in query.split("&") if part)
    date = lower["x-amz-date"]
    parts = dict({"date": date[:8], "region": "us-east-1", "service": "ecs", "end": "aws4_request"}, **(scope or {}))
    scope_text = "/".join(parts[name] for name in ("date", "region", "service", "end"))
    canonical = "\n".join(
        [method, path, "&".join(f"{k}={v}" for k, v in pairs)]
        + [f"{name}:{lower.get(name, '')}" for name in names]
        + ["", ";".join(names), hashlib.sha256(body).hexdigest()])
    to_sign = "\n".join(["AWS4-HMAC-SHA256", date, scope_text, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + keys["secret"]).encode()
    for part in scope_text.split("/"):
        key = _hmac(key, part)
    signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    return (f"AWS4-HMAC-SHA256 Credential={keys['id']}/{scope_text}, "
            f"SignedHeaders={';'.join(names)}, Signature={signature}")


# --- HTTP ------------------------------------------------------------------------------------------


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body.decode())


class Wire:
    """One TCP connection, TLS with a context for it: bytes out, HTTP responses in."""

    def __init__(self, port, tls=None):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self.pending = b""

    def send(self, data):
        self.socket.sendall(data)

    def _more(self):
        try:
            data = self.socket.recv(65536)
        except ConnectionError:
            data = b""
        except socket.timeout:
            raise Silent(f"nothing within {PATIENCE} s")
        if not data:
            raise Silent("the connection was closed")
        self.pending += data

    def exactly(self, n):
        while len(self.pending) < n:
            self._more()
        data, self.pending = self.pending[:n], self.pending[n:]
        return data

    def until(self, mark):
        while mark not in self.pending:
            self._more()
        data, _, self.pending = self.pending.partition(mark)
        return data

    def reply(self, has_body=True):
        """The next response; those to HEAD have no body, whatever length they tell."""
        head = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        headers = {}
        for line in head[1:]:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        length = int(headers.get("content-length", 0)) if has_body else 0
        return Reply(int(head[0].split()[1]), headers, self.exactly(length))

    def is_closed(self):
        """Waits for the peer to close; true when nothing more was said."""
        try:
            self._more()
        except Silent as silent:
            return "closed" in str(silent)
        return False

    def close(self):
        self.socket.close()


# --- websockets ------------------------------------------------------------------------------------

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


class Websocket:
    """The client's end of an open websocket."""

    def __init__(self, wire):
        self.wire = wire

    def send(self, payload, opcode=TEXT):
        mask = os.urandom(4)
        head = struct.pack("!B", 0x80 | opcode)
        if len(payload) < 126:
            head += struct.pack("!B", 0x80 | len(payload))
        elif len(payload) < 65536:
            head += struct.pack("!BH", 0x80 | 126, len(payload))
        else:
            head += struct.pack("!BQ", 0x80 | 127, len(payload))
        masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
        self.wire.send(head + mask + masked)

    def receive(self):
        """(opcode, payload) of the next message; pings are answered on the way."""
        message = b""
        opcode = None
        while True:
            first, second = self.wire.exactly(2)
            size = second & 127
            if size == 126:
                size = struct.unpack("!H", self.wire.exactly(2))[0]
            elif size == 127:
                size = struct.unpack("!Q", self.wire.exactly(8))[0]
            payload = self.wire.exactly(size)
            kind = first & 15
            if kind == PING:
                self.send(payload, PONG)
                continue
            if kind == CLOSE:
                return CLOSE, payload
            opcode = opcode or kind
            message += payload
            if first & 0x80:
                return opcode, message

    def close(self, code=1000):
        try:
            self.send(struct.pack("!H", code), CLOSE)
        except OSError:
            pass
        self.wire.close()


class Agent:
    """A container instance's end of ACS or TCS. The agent is a puppet: it only does what it is told to."""

    def __init__(self, server, channel="acs"):
        self.server, self.channel = server, channel
        self.ws = None
        self.last = None
        self.head = b""

    def connect(self, cluster, instance, version="1.103.0", abilities=None):
        """The handshake's reply when it was refused, else None."""
        query = {"agentHash": "01234567", "agentVersion": version}
        if self.channel == "acs":
            query.update(clusterArn=cluster, containerInstanceArn=instance, dockerVersion="DockerVersion: 20.10.24",
                         protocolVersion="2", sendCredentials="true", seqNum="1")
        else:
            query.update(cluster=cluster, containerInstance=instance, dockerVersion="20.10.24")
        if abilities:
            query["abilities"] = abilities
        target = f"/{self.channel}/ws?" + "&".join(
            f"{key}={urllib.parse.quote(value, safe='-_.~')}" for key, value in sorted(query.items()))
        signed = {"Host": self.server.host, "X-Amz-Date": amz_time()}
        headers = dict(signed, Upgrade="websocket", Connection="Upgrade")
        headers["Sec-WebSocket-Version"] = "13"
        headers["Sec-WebSocket-Key"] = base64.b64encode(os.urandom(16)).decode()
        headers["Authorization"] = sign(self.server.keys(), "GET", target, signed, b"")
        wire = self.server.wire()
        lines = [f"GET {target} HTTP/1.1"] + [f"{name}: {value}" for name, value in headers.items()]
        wire.send("\r\n".join(lines + ["", ""]).encode())
        reply = wire.reply()
        if reply.status != 101:
            wire.close()
            return reply
        self.ws = Websocket(wire)
        if self.channel == "tcs":
            self.head = f"Host: {self.server.host}\r\nX-Amz-Date: {signed['X-Amz-Date']}\r\n\r\n".encode()
        return None

    def says(self, kind, message):
        self.ws.send(self.head + json.dumps({"type": kind, "message": message}).encode())

    def acks(self, message):
        self.says("AckRequest", {"cluster": message.get("clusterArn", ""), "messageId": message.get("messageId"),
                                 "containerInstance": message.get("containerInstanceArn", "")})

    def gets(self, kind):
        """The next message of that kind; what comes before it is acknowledged and dropped."""
        while True:
            opcode, payload = self.ws.receive()
            if opcode == CLOSE:
                raise Silent(f"closed by the server: {payload[2:].decode()}")
            frame = json.loads(payload)
            if frame["type"] == "HeartbeatMessage" and self.channel == "acs":
                self.says("HeartbeatAckRequest", {"messageId": frame["message"]["messageId"]})
            if frame["type"] == kind:
                self.last = frame["message"]
                return self.last
            if frame["type"] in ("PayloadMessage", "TaskManifestMessage"):
                self.acks(frame["message"])

    def is_told_to_go(self):
        """(code, text) of the server's close frame."""
        while True:
            opcode, payload = self.ws.receive()
            if opcode == CLOSE:
                return struct.unpack("!H", payload[:2])[0], payload[2:].decode()

    def leaves(self):
        self.ws.close()
        self.ws = None


# --- the server ------------------------------------------------------------------------------------


class Server:
    """`gantry server` on a free port of loopback, with a data folder of its own unless one is given."""

    def __init__(self, flags=(), folder=None, recorder=None, env=None):
        self.flags, self.env = list(flags), env or {}
        self.recorder = recorder
        self.is_mine = folder is None
        self.folder = folder or tempfile.mkdtemp(prefix="gantry-wire-")
        self.data = os.path.join(self.folder, "data")
        self.log_path = os.path.join(self.folder, "server.log")
        self.process = None
        self.port = None
        self.tls = None  # the client's context when the server was told to serve TLS
        self._keys = None

    def wire(self):
        """A new connection to it."""
        return Wire(self.port, self.tls)

    def command(self, port):
        return [binary(), "server", "--data", self.data, "--listen", f"127.0.0.1:{port}"] + self.flags

    def launch(self, port):
        """Starts the process without waiting for anything."""
        env = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "ECS_", "GANTRY_"))}
        with open(self.log_path, "ab") as log:
            return subprocess.Popen(self.command(port), stdout=log, stderr=log, env=dict(env, **self.env))

    def start(self):
        """On a port that the system picks; again on the same one after a stop."""
        said = os.path.getsize(self.log_path) if os.path.exists(self.log_path) else 0
        self.process = self.launch(self.port or 0)
        deadline = time.monotonic() + PATIENCE
        while True:
            listening = re.search(r"event=server.listening .*url=https?://127\.0\.0\.1:(\d+)\s", self.log_text(said))
            if listening:
                break
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise Silent(f"the server does not start:\n{self.log_text(said)}")
            time.sleep(0.01)
        self.port = int(listening.group(1))
        self.host = f"127.0.0.1:{self.port}"
        return self

    def log_text(self, offset=0):
        with open(self.log_path, "rb") as log:
            log.seek(offset)
            return log.read().decode(errors="replace")

    def keys(self):
        if self._keys is None:
            path = os.path.join(self.data, "credentials")
            text = ""
            if os.path.exists(path):
                with open(path) as credentials:
                    text = credentials.read()
            found = dict(re.findall(r"^(aws_\w+) *= *(\S+)", text, re.M))
            self._keys = {"id": found.get("aws_access_key_id", "AKIDNOBODY"),
                          "secret": found.get("aws_secret_access_key", "none")}
        return self._keys

    def request(self, operation, body, target=None, headers=None, how=None, method="POST", path="/"):
        """Bytes of a signed request. `how` bends the signature: key, secret, shift (seconds), scope, names,
        unsigned (headers added after signing), authorization (the whole header)."""
        how = how or {}
        keys = {"id": how.get("key", self.keys()["id"]), "secret": how.get("secret", self.keys()["secret"])}
        signed = {"Host": self.host, "X-Amz-Date": amz_time(how.get("shift", 0)), "Content-Type": CONTENT_TYPE,
                  "X-Amz-Target": (TARGET + operation) if target is None else target}
        signed.update(headers or {})
        signed = {name: value for name, value in signed.items() if value is not None}
        authorization = how.get("authorization")
        if authorization is None:
            authorization = sign(keys, method, path, signed, body, how.get("scope"), how.get("names"))
        lines = [f"{method} {path} HTTP/1.1"] + [f"{name}: {value}" for name, value in signed.items()]
        if authorization:
            lines.append(f"Authorization: {authorization}")
        lines += [f"{name}: {value}" for name, value in how.get("unsigned", {}).items()]
        lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join(lines + ["", ""]).encode() + body

    def send(self, operation, body, **kwargs):
        """One request on a connection of its own."""
        wire = self.wire()
        try:
            wire.send(self.request(operation, body, **kwargs))
            reply = wire.reply()
        finally:
            wire.close()
        target = (kwargs.get("headers") or {}).get("X-Amz-Target") or TARGET
        if self.recorder and target.startswith(TARGET):  # what the session plugin says is another API's
            self.recorder.note(operation, body, reply)
        return reply

    def call(self, operation, **members):
        return self.send(operation, json.dumps(members).encode())

    def ok(self, operation, **members):
        reply = self.call(operation, **members)
        if reply.status != 200:
            raise AssertionError(f"{operation}: {reply.status} {reply.body.decode()}")
        return reply.json()

    def stop(self, how=signal.SIGTERM):
        """The exit status."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(how)
        status = self.process.wait(PATIENCE)
        self.process = None
        return status

    def close(self):
        try:
            self.stop()
        finally:
            if self.is_mine:
                shutil.rmtree(self.folder, ignore_errors=True)


class Recorder:
    """Appends calls to a file as lines of JSON: {"operation", "request", "status", "reply"}. tools/check-traffic.py
    reads it."""

    def __init__(self, path):
        self.file = open(path, "a")
        self.lock = threading.Lock()

    def note(self, operation, body, reply):
        line = {"operation": operation, "request": _json_or_text(body), "status": reply.status,
                "reply": _json_or_text(reply.body)}
        with self.lock:
            self.file.write(json.dumps(line) + "\n")
            self.file.flush()


def _json_or_text(data):
    try:
        return json.loads(data)
    except ValueError:
        return data.decode(errors="replace")
