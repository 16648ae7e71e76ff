"""A session plugin made of its published rules: the client's end of ECS Exec's data channel, byte for byte, from
Python's standard library. It can also misbehave: keep silent, repeat itself, lose and mix up messages.

    plugin = Plugin(session, port)
    plugin.handshake()
    plugin.type("ls\\r")
    plugin.until(b"bin")
"""

import base64
import collections
import hashlib
import json
import os
import select
import socket
import ssl
import struct
import time
import urllib.parse
import uuid

HEAD = struct.Struct(">I32sIQqQ16s32sII")  # 120 bytes
OUTPUT, SIZE, HANDSHAKE_REQUEST, HANDSHAKE_RESPONSE, HANDSHAKE_COMPLETE, FLAG, STDERR, EXIT_CODE = 1, 3, 5, 6, 7, 10, 11, 12
TERMINATE = 2
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10

Frame = collections.namedtuple("Frame", "type sequence flags id payload_type payload")


class Lost(Exception):
    """The server closed the connection."""


def pack(kind, sequence, payload_type, payload, flags=0, digest=None):
    identity = uuid.uuid4().bytes
    return HEAD.pack(116, kind.encode().ljust(32), 1, int(time.time() * 1000), sequence, flags, identity[8:] + identity[:8],
                     digest or hashlib.sha256(payload).digest(), payload_type, len(payload)) + payload


def unpack(data):
    length, kind, schema, created, sequence, flags, identity, digest, payload_type, size = HEAD.unpack_from(data)
    payload = data[120:]
    assert length == 116 and schema == 1 and created > 0 and size == len(payload), data[:120]
    assert hashlib.sha256(payload).digest() == digest, "a wrong digest"
    assert kind.endswith(b" ") and b"\0" not in kind, kind
    return Frame(kind.decode().rstrip(), sequence, flags, uuid.UUID(bytes=identity[8:] + identity[:8]), payload_type, payload)


class Socket:
    """A websocket over a plain socket, or over TLS."""

    def __init__(self, url, port=None, tls=None):
        parts = urllib.parse.urlsplit(url)
        self.socket = socket.create_connection((parts.hostname, port or parts.port), timeout=30)
        if parts.scheme == "wss":
            self.socket = tls.wrap_socket(self.socket, server_hostname=parts.hostname)
        self.pending = bytearray()
        key = base64.b64encode(os.urandom(16)).decode()
        target = parts.path + ("?" + parts.query if parts.query else "")
        self.socket.sendall(f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nUser-Agent: Go-http-client/1.1\r\n"
                            f"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                            f"Sec-WebSocket-Key: {key}\r\n\r\n".encode())
        while b"\r\n\r\n" not in self.pending:
            self.more(30)
        head, _, rest = bytes(self.pending).partition(b"\r\n\r\n")
        self.pending = bytearray(rest)
        self.status = int(head.split()[1])

    def more(self, seconds):
        """False: nothing came in time."""
        ready = isinstance(self.socket, ssl.SSLSocket) and self.socket.pending()
        if not ready and not select.select([self.socket], [], [], max(0, seconds))[0]:
            return False
        try:
            data = self.socket.recv(262144)
        except ConnectionError:
            data = b""
        if not data:
            raise Lost("the connection ended")
        self.pending += data
        return True

    def send(self, payload, opcode):
        mask = os.urandom(4)
        size = len(payload)
        head = bytes([0x80 | opcode, 0x80 | size]) if size < 126 else struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, size)
        words = (mask * (size // 4 + 1))[:size]
        masked = (int.from_bytes(payload, "big") ^ int.from_bytes(words, "big")).to_bytes(size, "big")
        self.socket.sendall(head + mask + masked)

    def messages(self):
        """What has arrived whole."""
        while len(self.pending) >= 2:
            size, start = self.pending[1] & 127, 2
            if size == 126:
                size, start = int.from_bytes(self.pending[2:4], "big"), 4
            elif size == 127:
                size, start = int.from_bytes(self.pending[2:10], "big"), 10
            if len(self.pending) < start + size:
                return
            opcode, payload = self.pending[0] & 15, bytes(self.pending[start:start + size])
            del self.pending[:start + size]
            yield opcode, payload

    def close(self):
        self.socket.close()


class Plugin:
    def __init__(self, session, port=None, gantry=None, tls=None):
        self.session, self.port, self.gantry, self.tls = session, port, gantry, tls
        self.client_id = str(uuid.uuid4())
        self.next_in, self.next_out = 0, 0
        self.unacked = {}  # sequence -> frame
        self.early = {}
        self.screen = bytearray()
        self.errors = bytearray()
        self.received = 0  # bytes of output, also when they are not kept
        self.keeps = True
        self.requests, self.complete, self.closed, self.exit_code = [], None, None, None
        self.duplicates = 0
        self.drop_acks = 0  # so many acknowledgements are lost
        self.silent = False  # acknowledges nothing
        self.acks = []
        self.reason = None  # of the server's close
        self.socket = None
        self.open(session["tokenValue"])

    def open(self, token, ping=True):
        self.socket = Socket(self.session["streamUrl"], self.port, self.tls)
        if self.socket.status != 101:
            return
        if ping:
            self.socket.send(b"keepalive", PING)
        hello = {"MessageSchemaVersion": "1.0", "RequestId": str(uuid.uuid4()), "TokenValue": token,
                 "ClientId": self.client_id, "ClientVersion": "1.2.0.0"}
        if self.gantry is not None:
            hello["Gantry"] = self.gantry
        self.socket.send(json.dumps(hello).encode(), TEXT)

    def reopen(self, token):
        """A new connection; what was not acknowledged is sent again."""
        self.open(token)
        for frame in [self.unacked[key] for key in sorted(self.unacked)]:
            self.socket.send(frame, BINARY)

    def cut(self):
        """The connection breaks."""
        self.socket.close()
        self.socket = None

    # ---- in

    def acknowledge(self, frame):
        if self.silent:
            return
        if self.drop_acks > 0:
            self.drop_acks -= 1
            return
        self.socket.send(pack("acknowledge", 0, 0, json.dumps({
            "AcknowledgedMessageType": frame.type, "AcknowledgedMessageId": str(frame.id),
            "AcknowledgedMessageSequenceNumber": frame.sequence, "IsSequentialMessage": True}).encode(), 3), BINARY)

    def process(self, frame):
        if frame.payload_type == HANDSHAKE_REQUEST:
            self.requests.append(json.loads(frame.payload))
        elif frame.payload_type == HANDSHAKE_COMPLETE:
            self.complete = json.loads(frame.payload)
        elif frame.payload_type == EXIT_CODE and self.gantry:
            self.exit_code = int(frame.payload)
        else:
            self.received += len(frame.payload)
            if self.keeps:
                (self.errors if frame.payload_type == STDERR else self.screen).extend(frame.payload)

    def take_numbered(self, frame):
        assert len(frame.payload) <= 1024
        if frame.sequence < self.next_in:
            self.duplicates += 1
            return  # without a word, as the plugin does
        self.acknowledge(frame)
        if self.silent:
            return
        self.early[frame.sequence] = frame
        while self.next_in in self.early:
            self.process(self.early.pop(self.next_in))
            self.next_in += 1

    def take(self, data):
        frame = unpack(data)
        if frame.type == "output_stream_data":
            self.take_numbered(frame)
        elif frame.type == "acknowledge":
            ack = json.loads(frame.payload)
            assert ack["AcknowledgedMessageType"] == "input_stream_data" and ack["IsSequentialMessage"] is True
            self.acks.append(ack["AcknowledgedMessageSequenceNumber"])
            self.unacked.pop(ack["AcknowledgedMessageSequenceNumber"], None)
        elif frame.type == "channel_closed":
            self.closed = json.loads(frame.payload)
            assert self.closed["SessionId"] == self.session["sessionId"] and self.closed["SchemaVersion"] == 1
            assert self.closed["DestinationId"] == self.client_id
        else:
            raise AssertionError(frame)

    def turn(self, seconds=0.05):
        """Whatever comes within that time."""
        self.socket.more(seconds)
        for opcode, payload in self.socket.messages():
            if opcode == BINARY:
                self.take(payload)
            elif opcode == PING:
                self.socket.send(payload, PONG)
            elif opcode == CLOSE:
                self.reason = payload[2:].decode()
                raise Lost(self.reason)

    def wait(self, what, condition, seconds=30):
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {seconds} s: {what}; screen: {bytes(self.screen[-300:])!r}")
            try:
                self.turn()
            except Lost:
                if condition():
                    return
                raise

    def until(self, text, seconds=30):
        """The screen shows the text; what comes up to it is taken off the screen and returned."""
        self.wait(text, lambda: text in self.screen, seconds)
        end = self.screen.index(text) + len(text)
        shown, self.screen = bytes(self.screen[:end]), self.screen[end:]
        return shown

    def until_closed(self, seconds=30):
        """The farewell's text."""
        self.wait("channel_closed", lambda: self.closed is not None, seconds)
        return self.closed["Output"]

    def until_lost(self, seconds=30):
        """The reason of the server's close."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.reason is None:
            try:
                self.turn()
            except Lost as lost:
                self.reason = str(lost)
        assert self.reason is not None, "the server did not close"
        return self.reason

    # ---- out

    def send(self, payload_type, payload, sequence=None, digest=None):
        if sequence is None:
            sequence, self.next_out = self.next_out, self.next_out + 1
        frame = pack("input_stream_data", sequence, payload_type, payload, digest=digest)
        if digest is None:
            self.unacked[sequence] = frame
        self.socket.send(frame, BINARY)
        return frame

    def handshake(self):
        self.wait("a handshake request", lambda: self.requests)
        answers = [{"ActionType": action["ActionType"], "ActionStatus": 1, "ActionResult": None, "Error": ""}
                   for action in self.requests[0]["RequestedClientActions"]]
        self.send(HANDSHAKE_RESPONSE, json.dumps({"ClientVersion": "1.2.0.0", "ProcessedClientActions": answers,
                                                  "Errors": None}).encode())
        self.wait("the end of the handshake", lambda: self.complete is not None)
        return self

    def type(self, text):
        self.send(OUTPUT, text if isinstance(text, bytes) else text.encode())

    def resize(self, columns, rows):
        self.send(SIZE, json.dumps({"cols": columns, "rows": rows}).encode())

    def terminate(self):
        self.send(FLAG, struct.pack(">I", TERMINATE))

    def close(self):
        if self.socket:
            self.socket.close()
