#!/usr/bin/env python3
"""Every call of the server that changes a file fails in its turn, is cut short, or is its last. Prints TAP.

    GANTRY=build/src/gantry FAULTY=build/tests/storm/libfaulty.so [STORM=full] tests/storm/fault_storm.py

A script of writes runs again and again; in run n the n-th call that changes a file below the data folder is the one,
until the script has fewer calls than that. In the short version only some n are tried. Whatever happens, the server
refuses what it cannot keep, or says why it ends; and the next one finds everything that was acknowledged.
"""

import copy
import os
import random
import shutil
import signal
import sys
import tempfile

import storm  # noqa: F401: finds the modules below
from gantry import Server, Silent
from server_storm import files_of, health
from storm import FAULTY, IS_FULL, SEED, Down, Refused, run_tests, wait_until
from writers import ClusterWriter, Corner, TaskWriter

FAILURES = ["ENOSPC", "EIO", "EDQUOT", "torn"]
KILLS = ["kill-before", "kill-after", "kill-torn"]
SHORT_SAMPLE = 3  # values of n a deed in the short version
NEVER = 10**9     # a value of n that no script reaches


def preload(folder, deed, n, note, stays):
    options = os.environ.get("ASAN_OPTIONS", "")
    env = {"LD_PRELOAD": FAULTY, "FAULTY_FOLDER": folder, "FAULTY_AT": str(n), "FAULTY_DO": deed, "FAULTY_NOTE": note,
           "ASAN_OPTIONS": f"{options}:verify_asan_link_order=0".strip(":")}
    return dict(env, FAULTY_STAY="1") if stays else env


class Template:
    """A data folder with something in it, as a killed server left it, and the ledgers that belong to it."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="gantry-template-")
        self.server = Server(folder=self.folder)
        self.corner = Corner(self.server.start(), random.Random(SEED))
        self.corner.prepare()
        for writer in script_writers(self.corner):
            writer.write()
        self.server.stop(signal.SIGKILL)

    def copy(self):
        """A stopped server on a copy, with the corner that knows what is in it."""
        folder = tempfile.mkdtemp(prefix="gantry-fault-")
        shutil.copytree(os.path.join(self.folder, "data"), os.path.join(folder, "data"))
        server = Server(folder=folder)
        server.is_mine = True
        corner = Corner(server, random.Random(SEED))
        corner.ledgers = copy.deepcopy(self.corner.ledgers)
        corner.instances, corner.tagged = self.corner.instances, self.corner.tagged
        return server, corner

    def close(self):
        shutil.rmtree(self.folder)


def script_writers(corner):
    writers = [writer for writer in corner.writers() if writer.ledger.name not in ("clusters-b", "tasks-b")]
    for writer in writers:
        if isinstance(writer, TaskWriter):
            writer.lived = 2
    return writers


class Run:
    """One run of the script with one fault in it."""

    def __init__(self, template, deed, n, stays=False):
        self.deed, self.n, self.stays = deed, n, stays
        self.server, self.corner = template.copy()
        self.note = os.path.join(self.server.folder, "note")
        self.server.env = preload(self.server.data, deed, n, self.note, stays)
        self.is_kill = deed in KILLS
        self.reached = ""  # the call that the fault met

    def go(self):
        try:
            self.faulty_life()
            self.read_note()
            self.next_life()
            return self.reached != ""
        except Exception as problem:
            self.read_note()
            log = self.server.log_text()[-1500:]
            raise AssertionError(f"{self.deed} at call {self.n} ({self.reached or 'not reached'}): "
                                 f"{type(problem).__name__}: {problem}\n{log}") from problem
        finally:
            self.server.env = {}
            self.server.close()

    def read_note(self):
        if os.path.exists(self.note):
            with open(self.note) as note:
                self.reached = note.read().strip().replace(self.server.folder + "/", "")

    def faulty_life(self):
        try:
            self.server.start()
        except Silent:
            self.ended_honestly()
            return
        try:
            self.connect()
            self.script()
        except Down:
            assert self.is_kill, "the server is gone"
            self.server.stop(signal.SIGKILL)
            return
        self.read_note()
        if self.reached and self.n % 2:
            self.server.stop(signal.SIGKILL)
        else:  # the end of the script
            status = self.server.stop()
            assert status == 0 or self.is_kill and status == -signal.SIGKILL, f"exit {status}"

    def connect(self):
        try:
            self.corner.connect()
        except Refused:
            self.await_back()
            self.corner.connect()
        except (Silent, OSError) as problem:
            raise Down("connect") from problem

    def script(self):
        for writer in script_writers(self.corner):
            try:
                writer.write()
            except Refused:
                self.await_back()
                self.connect()

    def await_back(self):
        """The store is down: nothing that was refused is there. With the fault gone it comes back by itself."""
        if self.stays or self.deed == "torn":
            self.corner.settle(is_same_server=True)
            assert health(self.server) == 503
            self.read_note()
            os.unlink(self.note)
        wait_until("the store is back", lambda: health(self.server) == 200, 20)

    def ended_honestly(self):
        status = self.server.process.wait(20)
        if self.is_kill:
            assert status == -signal.SIGKILL, f"exit {status}"
        else:
            last = self.server.log_text().strip().split("\n")[-1]
            assert status == 1 and last.startswith("gantry server: "), f"exit {status}: {last}"
        self.server.process = None

    def next_life(self):
        self.server.env = {}
        self.server.start()
        self.corner.settle()
        self.corner.connect()
        for writer in script_writers(self.corner):
            writer.write()
        self.corner.settle(is_same_server=True)
        assert self.server.stop() == 0
        assert files_of(self.server) == ["credentials", "role-key", "server.db"], files_of(self.server)


def count_calls(template):
    """The number of calls that a run without a fault makes."""
    run = Run(template, "EIO", NEVER)
    count = os.path.join(run.server.folder, "count")
    run.server.env["FAULTY_COUNT"] = count
    try:
        run.faulty_life()
        with open(count) as text:
            return int(text.read())
    finally:
        run.server.close()


def numbers(calls, dice):
    """In the full version one more than there are, since that depends a little on the moment."""
    if IS_FULL:
        return range(1, calls + 2)
    return sorted(dice.sample(range(1, calls + 1), SHORT_SAMPLE))


def try_all(template, plans):
    """Each of the plans (deed, stays) with every n; what was counted."""
    dice = random.Random(SEED)
    runs = reached = 0
    try:
        calls = count_calls(template)
        for deed, stays in plans:
            for n in numbers(calls, dice):
                reached += Run(template, deed, n, stays).go()
                runs += 1
        assert reached >= runs * 9 / 10, f"only {reached} of {runs} faults were reached"
        return f"{reached} faults at {calls} calls, seed {SEED}"
    finally:
        template.close()


class Empty:
    """No data folder at all: the first start, with its keys and its new store."""

    folder = None

    def copy(self):
        server = Server()
        return server, FirstCorner(server)

    def close(self):
        pass


class FirstCorner(Corner):
    """One cluster is all that is there."""

    def __init__(self, server):
        super().__init__(server, random.Random(SEED))

    def connect(self):
        pass

    def writers(self):
        return [ClusterWriter(self.server, self.ledger("clusters-a"), self.dice)]


def what_fails():
    return try_all(Template(), [(deed, False) for deed in FAILURES])


def what_stays_broken():
    return try_all(Template(), [("ENOSPC", True), ("EIO", True)])


def what_is_short():
    """Half of the bytes is no error: the rest follows."""
    return try_all(Template(), [("short", False), ("short", True)])


def what_kills():
    return try_all(Template(), [(deed, False) for deed in KILLS])


def first_start():
    return try_all(Empty(), [(deed, stays) for deed in ["ENOSPC", "EIO"] for stays in (False, True)]
                   + [(deed, False) for deed in ["torn", "short"] + KILLS])


TESTS = {
    "a call that fails is refused or said, and the next server has all that was acknowledged": what_fails,
    "calls that go on failing: writes are refused, reads go on, and it comes back by itself": what_stays_broken,
    "writes that take half of their bytes are finished": what_is_short,
    "a server killed before, after and in the middle of a call loses nothing": what_kills,
    "a first start that fails or is killed does not stand in the way of the next": first_start,
}

if __name__ == "__main__":
    sys.exit(run_tests(TESTS))
