#!/usr/bin/env python3
"""Clients that no server wishes for: cut at every byte, slow by the thousand, silent in the middle, pipelining, sending
what is too large or no HTTP at all; plain and TLS. Prints TAP.

    GANTRY=build/src/gantry [STORM=full] tests/storm/client_storm.py

Whatever they do, what was not sent whole has not happened, others are served meanwhile, and afterwards memory and
descriptors are what they were.
"""

import json
import os
import random
import socket
import ssl
import struct
import subprocess
import sys
import time

import storm  # noqa: F401: finds the modules below
from gantry import Server, Silent
from storm import IS_FULL, SEED, Gauge, call, every_page, run_tests

SLOW = 1000 if IS_FULL else 100
HEAD_SECONDS = 10  # the server's patience with a head
PIECES = 12  # in which a slow client sends its request


class Service:
    """A server, plain or TLS, that must be as it was at the end."""

    def __init__(self, is_tls=False):
        self.server = Server(["--max-connections", "3000"])
        self.is_tls = is_tls

    def __enter__(self):
        if self.is_tls:
            self.serve_tls()
        self.server.start()
        self.gauge = Gauge(self.server.process.pid)
        for n in range(300):  # warm
            call(self.server, "CreateCluster", clusterName=f"warm-{n % 3}")
        return self

    def serve_tls(self):
        cert, key = (os.path.join(self.server.folder, name) for name in ("cert.pem", "key.pem"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", cert],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.server.flags += ["--tls-cert", cert, "--tls-key", key]
        self.server.tls = ssl.create_default_context(cafile=cert)

    def __exit__(self, kind, problem, trace):
        self.server.close()

    def raw(self):
        return socket.create_connection(("127.0.0.1", self.server.port), timeout=60)

    def request(self, name):
        return self.server.request("CreateCluster", json.dumps({"clusterName": name}).encode())

    def clusters(self):
        arns = every_page(self.server, "ListClusters", "clusterArns")
        return {arn.rpartition("/")[2] for arn in arns if "/warm-" not in arn}

    def check_end(self, grown_kib=8192):
        """It serves, has not grown, and ends as it should."""
        call(self.server, "CreateCluster", clusterName="after")
        assert "after" in self.clusters()
        self.gauge.check(grown_kib)
        told = self.gauge.told()
        assert self.server.stop() == 0
        log = self.server.log_text()
        assert "Sanitizer" not in log and "runtime error" not in log and "assertion" not in log, log[-3000:]
        return told


def reset(sock):
    """Closes so that the peer gets a reset, not an end."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


# --- cut ---------------------------------------------------------------------------------------------


def cut_at_every_byte(is_tls):
    """Ends and resets after every byte; the same request whole, in two parts split there, is answered."""
    step = 1 if IS_FULL else 23 if is_tls else 5
    with Service(is_tls) as service:
        length = len(service.request("cut-0000-x"))
        service.gauge.mark()
        n = 0
        for at in range(0, length, step):
            for how in ("end", "reset"):
                wire = service.server.wire()
                wire.send(service.request(f"cut-{at:04}-{how[0]}")[:at])
                (reset if how == "reset" else socket.socket.close)(wire.socket)
            wire = service.server.wire()
            wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            data = service.request("split")
            wire.send(data[:at])
            wire.send(data[at:])
            assert wire.reply().status == 200
            wire.close()
            n += 3
        assert service.clusters() == {"split"}, service.clusters()
        return f"{n} connections over a request of {length} bytes, {service.check_end()}"


def handshake_cut_at_every_byte():
    """A TLS client's first flight, cut; then bytes that are no TLS at all."""
    dice = random.Random(SEED)
    with Service(is_tls=True) as service:
        hello = first_flight(service.server.tls)
        service.gauge.mark()
        for at in range(0, len(hello), 1 if IS_FULL else 5):
            sock = service.raw()
            sock.sendall(hello[:at])
            (reset if at % 2 else socket.socket.close)(sock)
        for _ in range(300 if IS_FULL else 40):
            sock = service.raw()
            send_all(sock, dice.choice([hello[:5], b"\x16\x03\x01", b"GET / HTTP/1.1\r\n\r\n", b""]) + dice.randbytes(dice.randrange(2000)))
            sock.close()
        return f"{len(hello)} bytes of handshake, {service.check_end()}"


def first_flight(context):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        context.wrap_bio(incoming, outgoing, server_hostname="localhost").do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def send_all(sock, data):
    """The peer may be of the opinion that it has heard enough."""
    try:
        sock.sendall(data)
    except OSError:
        pass


# --- slow --------------------------------------------------------------------------------------------


def slow_clients(is_tls):
    """All at once, each a few bytes at a time; somebody in a hurry is served in between."""
    with Service(is_tls) as service:
        warm_up_crowd(service)
        service.gauge.mark()
        began = time.monotonic()
        wires = [service.server.wire() for _ in range(SLOW)]
        requests = [service.request(f"slow-{n % 10}") for n in range(SLOW)]
        size = -(-len(requests[0]) // PIECES)
        hurried = 0
        for piece in range(PIECES):
            for n, wire in enumerate(wires):
                send_all(wire.socket, requests[n][piece * size:(piece + 1) * size])
                if n % 50 == 0:
                    call(service.server, "ListClusters")
                    hurried += 1
        late = time.monotonic() - began > HEAD_SECONDS * 0.8  # on a busy machine: too slow for the server, too
        served = sum(is_served(wire, late) for wire in wires)
        for wire in wires:
            wire.close()
        return f"{served} of {SLOW} slow clients served{' (the others came too late)' if late else ''}, {hurried} calls in between, {service.check_end(16384)}"


def is_served(wire, may_be_late):
    try:
        status = wire.reply().status
    except (Silent, OSError):
        status = 408  # and what we sent after that made it a reset
    assert status == 200 or may_be_late and status == 408, status
    return status == 200


def warm_up_crowd(service):
    """What so many connections need once is kept by the allocator."""
    wires = [service.server.wire() for _ in range(SLOW)]
    for wire in wires:
        wire.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    for wire in wires:
        assert wire.reply().status == 200
        wire.close()
    time.sleep(0.5)


def half_requests():
    """Silent in the head, after it, in the body: told that it took too long, or cut, and nothing has happened."""
    with Service() as service:
        warm_up_crowd(service)
        service.gauge.mark()
        whole = service.request("half")
        head = whole.index(b"\r\n\r\n") + 4
        # A silent body has thirty seconds; only the full version waits for that.
        ends = [1, head // 2, head - 1] + ([head, head + 5, len(whole) - 1] if IS_FULL else [])
        wires = [service.server.wire() for _ in range(SLOW)]
        for n, wire in enumerate(wires):
            wire.send(whole[:ends[n % len(ends)]])
        for wire in wires:
            reply = wire.reply()
            assert reply.status == 408, reply.body
            assert wire.is_closed()
            wire.close()
        assert service.clusters() == set()
        return f"{SLOW} half requests, each answered 408, {service.check_end(16384)}"


def stuff_deaf_clients(service, count):
    """How many requests they sent; in the full version they are waited for until they are cut."""
    request = service.server.request("ListClusters", b"{}")
    before = service.gauge.read()["rss_kib"]
    deaf = []
    for _ in range(count):
        sock = service.raw()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setblocking(False)
        deaf.append(sock)
    stuffed = sum(stuff(sock, request) for sock in deaf)
    for _ in range(50):
        call(service.server, "ListClusters")
    grown = service.gauge.read()["rss_kib"] - before
    # Sixteen answers of a page each, and what may lie before and behind them.
    assert grown < 800 * count + 4096 or storm.is_sanitized(), f"{grown} KiB for {count} connections that do not read"
    if IS_FULL:
        time.sleep(35)  # longer than a client may take nothing
        assert all(is_cut(sock) for sock in deaf), "a client that takes nothing is kept"
    for sock in deaf:
        sock.close()
    return stuffed


def readers_that_do_not_read():
    """Requests go in, answers are never taken: the connection is held back and cut in the end, others are served."""
    count = 100 if IS_FULL else 10
    with Service() as service:
        for n in range(100):
            call(service.server, "CreateCluster", clusterName=f"warm-{n:03}-{'x' * 200}")
        stuffed = stuff_deaf_clients(service, count)
        service.gauge.mark()  # what so many need is kept for the next ones; more is not
        stuffed += stuff_deaf_clients(service, count)
        return f"two times {count} clients stuffed {stuffed} requests, {service.check_end(8192)}"


def stuff(sock, request):
    """Sends until nothing more is taken for a while; how many requests went out."""
    sent = 0
    quiet = 0
    while quiet < 5 and sent < 5000 * len(request):
        try:
            sent += sock.send(request)
            quiet = 0
        except BlockingIOError:
            quiet += 1
            time.sleep(0.02)
    return sent // len(request)


def is_cut(sock):
    sock.setblocking(True)
    sock.settimeout(10)
    try:
        while sock.recv(65536):
            pass
        return True
    except ConnectionError:
        return True
    except socket.timeout:
        return False


# --- much --------------------------------------------------------------------------------------------


def pipelined():
    count = 2000 if IS_FULL else 300
    with Service() as service:
        service.gauge.mark()
        wire = service.server.wire()
        names = [f"p-{n % 50}" for n in range(count)]
        for at in range(0, count, 100):
            wire.send(b"".join(service.request(name) for name in names[at:at + 100]))
            for name in names[at:at + 100]:
                reply = wire.reply()
                assert reply.status == 200 and reply.json()["cluster"]["clusterName"] == name, reply.body
        # The last ones are cut off before their answers.
        wire.send(b"".join(service.request("last") for _ in range(20)))
        reset(wire.socket)
        assert service.clusters() - {"last"} == {f"p-{n}" for n in range(50)}
        return f"{count} requests on one connection answered in order, {service.check_end()}"


def giants(service):
    """(what, bytes, statuses that may answer; 0: closed without a word)."""
    host = f"Host: {service.server.host}\r\n".encode()
    post = b"POST / HTTP/1.1\r\n" + host
    million = b"x" * (1 << 20)
    yield "one header of a MiB", post + b"X-A: " + million + b"\r\n\r\n", {431}
    yield "a header name of a MiB", post + million + b": 1\r\n\r\n", {400, 431}
    yield "a hundred thousand headers", post + b"".join(b"X-%d: 1\r\n" % n for n in range(100000)) + b"\r\n", {431}
    yield "two hundred short headers", post + b"".join(b"X-%d: 1\r\n" % n for n in range(200)) + b"\r\n", {431}
    yield "a target of a MiB", b"GET /" + million + b" HTTP/1.1\r\n" + host + b"\r\n", {414, 431}
    yield "a method of a MiB", million + b" / HTTP/1.1\r\n" + host + b"\r\n", {400, 414, 431, 501}
    yield "a body of four MiB", post + b"Content-Length: 4194304\r\n\r\n" + million * 4, {413}
    yield "chunks of four MiB", post + b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(
        b"10000\r\n" + bytes(65536) + b"\r\n" for _ in range(64)) + b"0\r\n\r\n", {413}
    yield "a chunk that claims more than there is memory", post + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffff\r\n" + million * 2, {400, 413}
    yield "chunk sizes that overflow", post + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 40 + b"\r\n", {400, 413}
    yield "a chunk extension of a MiB", post + b"Transfer-Encoding: chunked\r\n\r\n1;" + million + b"\r\nx\r\n0\r\n\r\n", {400, 413, 431}
    yield "trailers of a MiB", post + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: " + million + b"\r\n\r\n", {400, 413, 431}
    yield "two lengths", post + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x", {400}
    yield "a length and chunks", post + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", {400}
    yield "lines of nothing", b"\r\n" * 500000, {0, 400, 431}


def giants_are_refused():
    rounds = 20 if IS_FULL else 1
    with Service() as service:
        for what, data, due in giants(service):  # warm
            answer_to(service, data)
        service.gauge.mark()
        n = 0
        for _ in range(rounds):
            for what, data, due in giants(service):
                status = answer_to(service, data)
                assert status in due, f"{what}: {status}"
                n += 1
        assert service.clusters() == set()
        return f"{n} giants, {service.check_end()}"


def answer_to(service, data):
    """The status of the first answer, 0 when there is none."""
    wire = service.server.wire()
    try:
        send_all(wire.socket, data)
        return wire.reply().status
    except (Silent, OSError):
        return 0
    finally:
        wire.close()


def garbage():
    """Random bytes, and requests with random damage, some of it behind a signature that was right."""
    dice = random.Random(SEED)
    count = 5000 if IS_FULL else 400
    with Service() as service:
        service.gauge.mark()
        for n in range(count):
            if n % 3 == 0:
                data = dice.randbytes(dice.randrange(1, 3000))
            else:
                data = bytearray(service.request("garbage"))
                for _ in range(dice.randrange(1, 6)):
                    data[dice.randrange(len(data))] = dice.randrange(256)
            sock = service.raw()
            send_all(sock, bytes(data))
            (reset if dice.random() < 0.3 else socket.socket.close)(sock)
        # Damage in the spelling of a header or in letters that do not count may leave a request as good as it was.
        assert service.clusters() <= {"garbage"}, service.clusters()
        return f"{count} connections, {service.check_end()}"


TESTS = {
    "a connection cut at every byte of a signed request does nothing; split there, it is served": lambda: cut_at_every_byte(False),
    "the same over TLS": lambda: cut_at_every_byte(True),
    "TLS handshakes cut at every byte and bytes that are no TLS leave nothing": handshake_cut_at_every_byte,
    f"{SLOW} slow clients at once are all served, and others meanwhile": lambda: slow_clients(False),
    f"{SLOW} slow clients at once over TLS are all served": lambda: slow_clients(True),
    f"{SLOW} half requests are given up": half_requests,
    "clients that take no answers are held back and cut": readers_that_do_not_read,
    "pipelined requests are answered in order": pipelined,
    "giant heads and bodies are refused": giants_are_refused,
    "garbage leaves nothing": garbage,
}

if __name__ == "__main__":
    sys.exit(run_tests(TESTS))
