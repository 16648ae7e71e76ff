#!/usr/bin/env python3
"""An agent whose disk is full or fails: each of its calls that changes a file in its turn, and a full file system. Prints
TAP. Needs root and dockerd.

    GANTRY=build/src/gantry FAULTY=build/tests/storm/libfaulty.so [STORM=full] tests/storm/agent_fault_storm.py

An agent that cannot keep its records ends and says why; the next one goes on from what was kept, starts nothing twice
and reports every end with its exit code.
"""

import os
import random
import sys

import storm  # noqa: F401: finds the modules below
import rig
from fault_storm import KILLS, NEVER, preload
from host import Host, RealAgent, pause
from storm import IS_FULL, SEED, SmallDisk, call, rounds, run_tests, wait_until

DEEDS = ["ENOSPC", "EIO", "torn"] + KILLS


def check_honest(agent, status):
    """Exit status 1 and a line that says why."""
    said = agent.log_text(last_life_only=True)
    assert status == 1 and "level=error" in said, f"exit {status}: {said}"


def agent_ended_honestly(agent):
    check_honest(agent, agent.process.wait(20))
    agent.process = None


class FaultyRun:
    """One life of an agent with a fault in it, one without; a task or two in each."""

    def __init__(self, host, deed, n, folder="", kinds=("brief", "pair")):
        self.host, self.deed, self.n, self.kinds = host, deed, n, list(kinds)
        self.note = os.path.join(host.folder, f"note-{deed}-{n}")
        host.agent.env = preload(os.path.join(host.agent.folder, folder).rstrip("/"), deed, n, self.note, False)

    def go(self):
        """Whether the fault was reached."""
        host = self.host
        try:
            host.agent.start()
            self.faulty_life()
            host.agent.env = {}
            host.agent.start()
            host.await_connected()
            assert host.run("brief", last=0), "no agent"
            wait_until("tasks have ended", self.all_have_ended, 60)
            for task in host.tasks:
                host.check_end(task, host.describe([task])[task.arn], True)
            host.check_nothing_doubled()
            host.agent.stop()
            host.past += host.tasks
            host.tasks = []
        except AssertionError as problem:
            raise AssertionError(f"{self.deed} at call {self.n} ({self.reached()}): {problem}\n{host.agent.log_text()[-2500:]}") from problem
        return self.reached() != ""

    def reached(self):
        if not os.path.exists(self.note):
            return ""
        with open(self.note) as note:
            return note.read().strip()

    def faulty_life(self):
        host = self.host
        wait_until("connected or gone", lambda: not host.agent.is_alive() or host.connected(), 60)
        if host.agent.is_alive():
            for kind in self.kinds:
                host.run(kind, last=0)
        wait_until("the tasks' end or its own", lambda: not host.agent.is_alive() or self.all_have_ended(), 60)
        if host.agent.is_alive():
            wait_until("the rows are removed, or its own end", lambda: not host.agent.is_alive() or host.containers() == {}, 60)
        if host.agent.is_alive():
            status = host.agent.stop()  # the fault may meet its last writes
            if status != 0 and self.deed not in KILLS:
                check_honest(host.agent, status)
        elif self.deed in KILLS:
            host.agent.kill()
        else:
            agent_ended_honestly(host.agent)

    def all_have_ended(self):
        return all(task["lastStatus"] == "STOPPED" for task in self.host.describe(self.host.tasks).values())


def count_calls(host):
    """How many calls a life without a fault makes that is not the first: that one makes the store, too."""
    FaultyRun(host, "EIO", NEVER).go()
    run = FaultyRun(host, "EIO", NEVER)
    count = os.path.join(host.folder, "count")
    host.agent.env["FAULTY_COUNT"] = count
    run.go()
    with open(count) as text:
        return int(text.read().split()[0])


def numbers(calls, deed, dice):
    """In the full version every call meets one failure and one kill, by turns."""
    if IS_FULL:
        return range(1 + DEEDS.index(deed) % 3, calls + 1, 3)
    return [dice.randrange(1, calls + 1)]


def each_call():
    host = Host()
    dice = random.Random(SEED)
    reached = tried = 0
    try:
        calls = count_calls(host)
        for deed in DEEDS:
            for n in numbers(calls, deed, dice):
                reached += FaultyRun(host, deed, n).go()
                tried += 1
        assert reached >= tried * 8 / 10, f"only {reached} of {tried} faults were reached"
        host.agent.start()
        host.await_connected()
        host.check_nothing_left()
        return f"{reached} faults at {calls} calls, seed {SEED}"
    finally:
        host.close()


def each_note_of_a_network():
    """What there is of a task's network stands in a file before it is made and after. In the short version one kill behind
    each fourth call, from one of the first on: one of them always leaves an interface that its note does not have yet."""
    host = Host(networks=True)
    reached = 0
    try:
        if not host.has_networks:
            return "SKIP no CNI plugins, or no nft"
        FaultyRun(host, "EIO", NEVER).go()
        for deed in KILLS if IS_FULL else [random.Random(SEED).choice(KILLS)]:
            n, is_reached = 1 if IS_FULL else random.Random(SEED).randrange(1, 5), True
            while is_reached:
                is_reached = FaultyRun(host, deed, n, "agent/cni", ["own"]).go()
                reached += is_reached
                n += 1 if IS_FULL else 4
        assert reached >= 2, "no note was written"
        host.agent.start()
        host.await_connected()
        host.check_nothing_left()
        return f"{reached} kills, seed {SEED}"
    finally:
        host.close()


def first_start():
    """The store is made, the registration is kept: at every call of that."""
    host = Host()
    folder = host.agent.folder
    reached = 0
    try:
        plans = [(deed, n) for deed in DEEDS for n in range(1, 200)] if IS_FULL else [(deed, 4 + 9 * i) for i, deed in enumerate(DEEDS)]
        done = set()
        for deed, n in plans:
            if deed in done:
                continue
            host.agent = RealAgent(host.server, host.docker.socket, os.path.join(host.folder, f"{deed}-{n}"))
            run = FaultyRun(host, deed, n)
            host.agent.start()
            wait_until("connected or gone", lambda: not host.agent.is_alive() or host.connected(), 60)
            if host.agent.is_alive():
                host.agent.stop()
            elif deed in KILLS:
                host.agent.kill()
            else:
                agent_ended_honestly(host.agent)
            if not run.reached():
                done.add(deed)
            reached += run.reached() != ""
            host.agent.env = {}
            host.agent.start()
            host.await_connected()
            assert host.agent.stop() == 0
            assert host.agent.files() == ["agent/agent.db"], host.agent.files()
            deregister(host)
        host.agent = RealAgent(host.server, host.docker.socket, folder)
        return f"{reached} faults, seed {SEED}"
    finally:
        host.close()


def deregister(host):
    """One agent, one instance: whatever happened to it on the way."""
    arns = call(host.server, "ListContainerInstances")["containerInstanceArns"]
    assert len(arns) == 1, f"one agent registered {len(arns)} times"
    call(host.server, "DeregisterContainerInstance", containerInstance=arns[0])


def await_revival(host):
    """There is room again; what began on the full disk may still end the agent, however late. How often it did."""
    ends = 0

    def is_back():
        nonlocal ends
        if not host.agent.is_alive():
            if host.agent.process:
                agent_ended_honestly(host.agent)
                ends += 1
            host.agent.start()
        return host.connected()

    try:
        wait_until("the agent is connected", is_back, 60, 0.2)
    except AssertionError as problem:
        sizes = {name: os.path.getsize(os.path.join(host.agent.folder, name)) for name in host.agent.files()}
        raise AssertionError(f"{problem}; alive: {host.agent.is_alive()}, ends: {ends}, files: {sizes}\n"
                             f"{host.agent.log_text()[-3000:]}") from problem
    return ends


def a_full_disk():
    times = rounds(1, 10)
    disk = SmallDisk("4m")
    if not disk.is_mounted:
        disk.close()
        return "SKIP no right to mount"
    host = None
    ends = 0
    try:
        host = Host(agent_folder=os.path.join(disk.folder, "agent"))
        host.agent.log_path = os.path.join(host.folder, "agent.log")
        host.agent.start()
        host.await_connected()
        for _ in range(times):
            host.run("brief", last=1)
            host.run("endless")
            pause(host.dice, 0, 1)
            disk.fill()
            for _ in range(3):  # somebody starts it again and again
                for _ in range(host.dice.randrange(1, 20)):
                    if host.agent.is_alive():
                        host.run("brief", last=0)
                pause(host.dice, 0.5, 2)
                if host.agent.is_alive():
                    continue  # there is room in its file yet
                agent_ended_honestly(host.agent)
                ends += 1
                host.agent.start()
                pause(host.dice, 0.2, 1)
            host.check_nothing_doubled()
            disk.free()
            pause(host.dice, 1, 2)
            ends += await_revival(host)
        host.finish()
        return f"{times} times full, {ends} ends of the agent, {len(host.tasks)} accepted tasks"
    finally:
        if host:
            host.close()
        disk.close()


TESTS = {
    "a call that fails ends the agent, a kill at any call is survived: nothing lost, nothing twice": each_call,
    "a kill at any note of a task's network leaves one network, and then none": each_note_of_a_network,
    "a first start that fails or is killed does not stand in the way of the next, and registers once": first_start,
    "on a full disk the agent lives on the room of its file, or ends and says so; then everything comes to its end": a_full_disk,
}

if __name__ == "__main__":
    rig.own_network()  # networks of tasks and their packet rules are this storm's alone
    sys.exit(run_tests(TESTS))
