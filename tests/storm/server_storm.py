#!/usr/bin/env python3
"""What a server must survive: kill -9 at any moment under every kind of write, a full disk, a second server on its
folder. Prints TAP.

    GANTRY=build/src/gantry [STORM=full] tests/storm/server_storm.py

STORM_ROUNDS says how often the server is killed.
"""

import os
import random
import signal
import subprocess
import sys
import time

import storm  # noqa: F401: finds the modules below
from gantry import Server, Wire
from ledger import Busy
from storm import IS_FULL, SEED, Gauge, Refused, SmallDisk, call, every_page, rounds, run_tests, wait_until
from writers import Corner

KILLS = rounds(12, 1000)
WARM_ROUNDS = 6000 if IS_FULL else 400  # in full, the store's page cache is full by then
KILLS_A_FOLDER = 50  # then a new one, so that what is compared after each kill stays small


# --- kills -------------------------------------------------------------------------------------------


def files_of(server):
    return sorted(os.listdir(server.data))


def kill_at_start(server, dice):
    """Some restarts are killed before they are through."""
    while dice.random() < 0.2:
        process = server.launch(server.port)
        time.sleep(dice.uniform(0, 0.06))
        process.kill()
        process.wait()


def kill_once(corner, dice):
    busy = [Busy(writer) for writer in corner.writers()]
    for thread in busy:
        thread.start()
    time.sleep(dice.uniform(0.01, 0.35))
    corner.server.stop(signal.SIGKILL)
    for thread in busy:
        thread.finish()
    kill_at_start(corner.server, dice)
    corner.server.start()
    corner.settle()
    corner.connect()


def one_folder(kills, dice, counts):
    server = Server()
    try:
        corner = Corner(server.start(), dice)
        corner.prepare()
        for _ in range(kills):
            kill_once(corner, dice)
        counts["writes"] += corner.writes()
        counts["facts"] += corner.facts()
        counts["kills"] += kills
        for ledger in corner.ledgers.values():
            assert ledger.writes > 0, f"{ledger.name}: nothing was written"
        assert server.stop() == 0
        assert files_of(server) == ["credentials", "role-key", "server.db"], files_of(server)
    finally:
        server.close()


def kill_at_any_moment():
    dice = random.Random(SEED)
    counts = {"kills": 0, "writes": 0, "facts": 0}
    while counts["kills"] < KILLS:
        one_folder(min(KILLS_A_FOLDER, KILLS - counts["kills"]), dice, counts)
    return (f"{counts['kills']} kills, {counts['writes']} acknowledged writes, {counts['facts']} facts compared at the end "
            f"of each folder, seed {SEED}")


# --- steady ------------------------------------------------------------------------------------------


def churn(corner, times):
    """Attributes and tags put over each other, and read: the state stays of one size."""
    server = corner.server
    writers = [w for w in corner.writers() if w.ledger.name in ("attributes", "tags")]
    for _ in range(times):
        for writer in writers:
            writer.write()
        every_page(server, "ListAttributes", "attributes", cluster="work", targetType="container-instance")


def flat_under_steady_writes():
    server = Server()
    try:
        corner = Corner(server.start(), random.Random(SEED))
        corner.prepare()
        gauge = Gauge(server.process.pid)
        churn(corner, WARM_ROUNDS)
        gauge.mark()
        churn(corner, 2 * WARM_ROUNDS)
        gauge.check(4096)
        corner.settle(is_same_server=True)
        return f"{2 * WARM_ROUNDS} times all of them, {gauge.told()}"
    finally:
        server.close()


# --- the disk ----------------------------------------------------------------------------------------


def health(server):
    wire = Wire(server.port)
    wire.send(f"GET /healthz HTTP/1.1\r\nHost: {server.host}\r\n\r\n".encode())
    reply = wire.reply()
    wire.close()
    return reply.status


UNAVAILABLE = {"__type": "ServerException", "message": "Service Unavailable. Please try again later."}


def refused_writes(corner):
    return sum(ledger.refusals for ledger in corner.ledgers.values())


def all_are_refused(corner, before, busy):
    for thread in busy:
        thread.check()
    return all(ledger.refusals > before[name] for name, ledger in corner.ledgers.items())


def fill_and_free(corner, disk):
    """With all writers at it: the disk fills up, every kind of write is refused, reads go on; with room all go on."""
    server = corner.server
    busy = [Busy(writer) for writer in corner.writers()]
    for thread in busy:
        thread.start()
    time.sleep(0.3)
    before = {name: ledger.refusals for name, ledger in corner.ledgers.items()}
    disk.fill()
    try:
        wait_until("every kind of write is refused", lambda: all_are_refused(corner, before, busy))
    except AssertionError as problem:
        counts = {name: ledger.refusals - before.get(name, 0) for name, ledger in corner.ledgers.items()}
        raise AssertionError(f"{problem}: {counts}\n{server.log_text()[-2000:]}") from problem
    for thread in busy:
        thread.finish()
    reply = server.call("CreateCluster", clusterName="one-more")
    assert reply.status == 500 and reply.json() == UNAVAILABLE, reply.body
    assert health(server) == 503
    corner.settle(is_same_server=True)  # reads go on
    disk.free()
    wait_until("writes are taken again", lambda: server.call("DeleteAttributes", cluster="work", attributes=[
        {"name": "nothing", "targetId": corner.instances["tasks-a"]}]).status == 200 and health(server) == 200)
    corner.settle(is_same_server=True)
    corner.connect()
    for writer in corner.writers():
        writer.write()


def a_full_disk():
    disk = SmallDisk("96m")  # in full, what was acknowledged alone takes some 30
    if not disk.is_mounted:
        disk.close()
        return "SKIP no right to mount"
    server = Server(folder=disk.folder)
    times = rounds(2, 20)
    try:
        corner = Corner(server.start(), random.Random(SEED))
        corner.prepare()
        for n in range(times):
            fill_and_free(corner, disk)
            if n % 2 == 0:
                server.stop(signal.SIGKILL)
                server.start()
                corner.settle()
                corner.connect()
        assert server.stop() == 0
        assert files_of(server) == ["credentials", "role-key", "server.db"], files_of(server)
        return f"{times} times full, {corner.writes()} acknowledged writes, {refused_writes(corner)} refused ones"
    finally:
        server.close()
        disk.close()


def a_disk_full_of_our_own():
    """Log and records take all of it; a little room is enough: the log is moved into the file, and there is room for more."""
    disk = SmallDisk("6m")
    if not disk.is_mounted:
        disk.close()
        return "SKIP no right to mount"
    server = Server(folder=disk.folder)
    server.log_path = disk.folder + ".log"
    try:
        corner = Corner(server.start(), random.Random(SEED))
        corner.prepare()
        writer = next(writer for writer in corner.writers() if writer.ledger.name == "attributes")
        with open(os.path.join(disk.folder, "filler"), "wb") as filler:
            filler.write(bytes(1 << 20))
        before = write_until_refused(writer)
        disk.free()
        wait_until("it comes back by itself", lambda: health(server) == 200, 20)
        writer.settle(is_same_server=True)
        after = write_until_refused(writer)
        assert after > 100, f"{before} writes filled the disk, then {after}"
        server.stop(signal.SIGKILL)
        server.start()
        writer.settle()
        return f"{before} writes until it was full, {after} after a MiB of room"
    finally:
        server.close()
        disk.close()
        os.unlink(server.log_path)


def write_until_refused(writer):
    for n in range(5000):
        try:
            writer.write()
        except Refused:
            return n
    raise AssertionError("the disk does not fill up")


def killed_while_full():
    """The folder is still full when the next server starts: it serves what there is."""
    disk = SmallDisk("24m")
    if not disk.is_mounted:
        disk.close()
        return "SKIP no right to mount"
    server = Server(folder=disk.folder)
    server.log_path = disk.folder + ".log"
    try:
        corner = Corner(server.start(), random.Random(SEED))
        corner.prepare()
        for _ in range(3):
            for writer in corner.writers():
                writer.write()
        disk.fill()
        server.stop(signal.SIGKILL)
        server.start()
        corner.settle()
        status = server.call("CreateCluster", clusterName="one-more").status  # its file may have room for it
        assert status in (200, 500), status
        server.stop(signal.SIGKILL)
        disk.free()
        server.start()
        corner.settle()
        assert status == 500 or call(server, "DescribeClusters", clusters=["one-more"])["clusters"], "an acknowledged write is lost"
        corner.connect()
        for writer in corner.writers():
            writer.write()
        return f"{corner.writes()} acknowledged writes"
    finally:
        server.close()
        disk.close()
        os.unlink(server.log_path)


# --- one server a folder -------------------------------------------------------------------------------


def names_there(server):
    return sorted(arn.rpartition("/")[2] for arn in every_page(server, "ListClusters", "clusterArns"))


def a_second_server():
    server = Server()
    try:
        server.start()
        call(server, "CreateCluster", clusterName="demo")
        second = subprocess.run(server.command(0), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30, text=True)
        assert second.returncode == 1, second.returncode
        lines = second.stdout.strip().split("\n")
        assert len(lines) == 1 and server.data in lines[0], second.stdout
        assert names_there(server) == ["demo"], "the first one is disturbed"
        assert server.stop() == 0
        server.start()
        assert names_there(server) == ["demo"]
        return lines[0].replace(server.data, "DIR")
    finally:
        server.close()


TESTS = {
    "what was acknowledged survives kill -9 at any moment, whole": kill_at_any_moment,
    "memory and descriptors stay flat under steady writes": flat_under_steady_writes,
    "on a full disk writes are refused, reads go on, and room brings them back": a_full_disk,
    "on a disk full of the server's own records a little room is enough": a_disk_full_of_our_own,
    "a server killed on a full disk starts again and serves what there is": killed_while_full,
    "a second server on the same folder says that there is one": a_second_server,
}


if __name__ == "__main__":
    sys.exit(run_tests(TESTS))
