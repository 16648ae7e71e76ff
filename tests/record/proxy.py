"""A proxy that records API calls between any client and a server, for tools/check-traffic.py.

    proxy = Proxy(server_port, "traffic.jsonl")     # then point the client at proxy.port
    ...
    proxy.close()

It passes HTTP/1.1 messages on byte by byte, so signatures still hold (the Host they cover is the proxy's own).
A call becomes a line {"operation", "request", "status", "reply"}. Connections that were upgraded are passed on
unread. It does not know messages that end with the connection, nor clients that wait for a 100.
"""

import json
import socket
import threading


def as_json(data):
    try:
        return json.loads(data)
    except ValueError:
        return data.decode(errors="replace")


class Stream:
    """One side of a connection, read message by message."""

    def __init__(self, sock):
        self.socket, self.pending = sock, b""

    def more(self):
        data = self.socket.recv(65536)
        self.pending += data
        return bool(data)

    def take(self, n):
        while len(self.pending) < n and self.more():
            pass
        data, self.pending = self.pending[:n], self.pending[n:]
        return data

    def head(self):
        """The bytes of a head, empty when the stream has ended."""
        while b"\r\n\r\n" not in self.pending:
            if not self.more():
                return b""
        return self.take(self.pending.index(b"\r\n\r\n") + 4)


def header(head, name):
    for line in head.split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.strip().lower() == name:
            return value.strip()
    return None


def body_of(stream, head):
    """The body as it came, and without its framing."""
    if (header(head, b"transfer-encoding") or b"").lower() != b"chunked":
        data = stream.take(int(header(head, b"content-length") or 0))
        return data, data
    raw, plain = b"", b""
    while True:
        line = b""
        while not line.endswith(b"\r\n"):
            line += stream.take(1)
        size = int(line.split(b";")[0], 16)
        chunk = stream.take(size + 2)
        raw, plain = raw + line + chunk, plain + chunk[:-2]
        if size == 0:
            return raw, plain


def pump(source, target):
    """Bytes from one to the other until there are no more."""
    try:
        while source.pending or source.more():
            target.socket.sendall(source.take(len(source.pending)))
    except OSError:
        pass
    for stream in (source, target):
        try:
            stream.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


class Proxy:
    def __init__(self, server_port, path):
        self.server_port = server_port
        self.file = open(path, "a")
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self.lock:
            self.file.close()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, sock):
        try:
            with sock, socket.create_connection(("127.0.0.1", self.server_port)) as upstream:
                client, server = Stream(sock), Stream(upstream)
                while self.exchange(client, server):
                    pass
        except OSError:
            pass

    def exchange(self, client, server):
        """One request and its answer; false when the connection carries no further one."""
        request = client.head()
        if not request:
            return False
        raw, body = body_of(client, request)
        server.socket.sendall(request + raw)
        reply = server.head()
        if not reply:
            return False
        status = int(reply.split()[1])
        if status == 101:
            client.socket.sendall(reply)
            threading.Thread(target=pump, args=(client, server), daemon=True).start()
            pump(server, client)
            return False
        reply_raw, reply_body = body_of(server, reply)
        self.note(request, body, status, reply_body)
        client.socket.sendall(reply + reply_raw)
        return (header(reply, b"connection") or b"").lower() != b"close"

    def note(self, request, body, status, reply):
        target = (header(request, b"x-amz-target") or b"").decode()
        if not target:
            return
        line = {"operation": target.rpartition(".")[2], "request": as_json(body or b"{}"), "status": status,
                "reply": as_json(reply)}
        with self.lock:
            if not self.file.closed:
                self.file.write(json.dumps(line) + "\n")
                self.file.flush()
