"""What the storms share: calls that may meet a dead server, TAP, gauges of a process, a small disk.

STORM=full asks for the long version of a storm, anything else for the short one. STORM_SEED makes what is left
to chance repeatable. FAULTY names the library made from faulty.c.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../wire"))
sys.path.insert(0, os.path.join(HERE, "../e2e"))

from gantry import Silent, binary  # noqa: E402

# Freed memory that a sanitizer keeps back must not look like a leak.
os.environ["ASAN_OPTIONS"] = f"{os.environ.get('ASAN_OPTIONS', '')}:quarantine_size_mb=8".strip(":")

IS_FULL = os.environ.get("STORM") == "full"
SEED = int(os.environ.get("STORM_SEED", "0")) or random.randrange(1, 10**6)
FAULTY = os.path.abspath(os.environ.get("FAULTY", "build/tests/storm/libfaulty.so"))


def rounds(short, full):
    """How often; STORM_ROUNDS overrules both."""
    return int(os.environ.get("STORM_ROUNDS", full if IS_FULL else short))


# --- calls -------------------------------------------------------------------------------------------


class Down(Exception):
    """The server is gone; whether the call was carried out is unknown."""


class Refused(Exception):
    """The server says that it cannot write: whether it was carried out is known, it was not."""


def call(server, operation, **members):
    try:
        reply = server.call(operation, **members)
    except (Silent, OSError) as problem:
        raise Down(f"{operation} {members}: {type(problem).__name__} {problem}") from problem
    if reply.status == 500:
        raise Refused(reply.body.decode())
    if reply.status != 200:
        raise AssertionError(f"{operation} {members}: {reply.status} {reply.body.decode()}")
    return reply.json()


def in_batches(items, size=100):
    items = list(items)
    return (items[at:at + size] for at in range(0, len(items), size))


def every_page(server, operation, result, **members):
    found, more = [], {}
    while True:
        reply = call(server, operation, **members, **more)
        found += reply[result]
        if "nextToken" not in reply:
            return found
        more = {"nextToken": reply["nextToken"]}


def wait_until(what, condition, seconds=60, pause=0.05):
    """Asks until the condition holds; its value is returned."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(pause)


# --- gauges ------------------------------------------------------------------------------------------


def is_sanitized():
    """A sanitizer keeps freed memory back, so that bounds on memory must be wider."""
    with open(binary(), "rb") as file:
        return b"__asan_init" in file.read()


class Gauge:
    """Memory and descriptors of a process: `mark` when it is warm, `check` when it must not have grown."""

    def __init__(self, pid):
        self.pid = pid
        self.before = None

    def read(self):
        with open(f"/proc/{self.pid}/status") as status:
            lines = dict(line.split(":", 1) for line in status)
        return {"rss_kib": int(lines["VmRSS"].split()[0]), "threads": int(lines["Threads"]),
                "descriptors": len(os.listdir(f"/proc/{self.pid}/fd"))}

    def mark(self):
        self.before = self.read()

    def check(self, grown_kib, more_descriptors=0):
        """Waits a while for connections on their way out, then compares."""
        if is_sanitized():
            grown_kib = grown_kib * 4 + 64 * 1024

        def is_flat():
            now = self.read()
            return (now["descriptors"] <= self.before["descriptors"] + more_descriptors
                    and now["threads"] <= self.before["threads"]
                    and now["rss_kib"] <= self.before["rss_kib"] + grown_kib)
        try:
            wait_until("flat", is_flat, 40)
        except AssertionError as problem:
            raise AssertionError(f"grown from {self.before} to {self.read()}") from problem

    def told(self):
        now = self.read()
        return (f"RSS {self.before['rss_kib']} -> {now['rss_kib']} KiB, "
                f"descriptors {self.before['descriptors']} -> {now['descriptors']}")


# --- the disk ----------------------------------------------------------------------------------------


class SmallDisk:
    """A file system of a few MiB."""

    def __init__(self, size):
        self.folder = tempfile.mkdtemp(prefix="gantry-disk-")
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", self.folder], stderr=subprocess.PIPE)
        self.is_mounted = done.returncode == 0

    def fill(self):
        filler = os.open(os.path.join(self.folder, "filler"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            while True:
                os.write(filler, bytes(4096))
        except OSError:
            os.close(filler)

    def free(self):
        os.unlink(os.path.join(self.folder, "filler"))

    def close(self):
        if self.is_mounted:
            subprocess.run(["umount", "-l", self.folder], check=False)
        os.rmdir(self.folder)


# --- TAP ---------------------------------------------------------------------------------------------


def skip_reason(word):
    return f" # {word}" if word.startswith("SKIP") else ""


def run_tests(tests):
    """Runs {sentence: function}; a function returns a line that tells what it counted. The exit status. STORM_ONLY
    picks those whose sentence has that text in it."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started is ended on the way out
    failed = 0
    tests = {name: test for name, test in tests.items() if os.environ.get("STORM_ONLY", "") in name}
    print(f"1..{len(tests)}")
    for number, (name, test) in enumerate(tests.items(), 1):
        began = time.monotonic()
        try:
            word = test()
            print(f"ok {number} - {name}{skip_reason(word)}")
            if not skip_reason(word):
                print(f"# {word}; {time.monotonic() - began:.0f} s")
        except Exception as problem:  # noqa: BLE001: a test's failure, of whatever kind
            failed += 1
            print(f"not ok {number} - {name}")
            print("\n".join(f"# {line}" for line in f"seed {SEED}: {type(problem).__name__}: {problem}".split("\n")))
        sys.stdout.flush()
    return 1 if failed else 0
