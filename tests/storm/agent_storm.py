#!/usr/bin/env python3
"""What an agent must survive: kill -9 with live containers, alone and together with its server; a Docker Engine that
dies, hangs and comes back; a full disk; calls that fail. Prints TAP. Needs root and dockerd.

    GANTRY=build/src/gantry FAULTY=build/tests/storm/libfaulty.so [STORM=full] tests/storm/agent_storm.py

STORM_ROUNDS says how often something is killed.
"""

import signal
import sys

import storm
import rig
from host import BRIDGE, Host, pause
from storm import SEED, Gauge, rounds, run_tests, wait_until

LIVE = 8  # endless tasks at a time


def start_some(host):
    """A few tasks of every kind; endless ones that are too many are stopped."""
    for _ in range(host.dice.randrange(1, 4)):
        kind = host.dice.choice(["brief", "endless", "pair"] + ["own", "own"] * host.has_networks)
        host.run(kind, last=host.dice.choice([0, 0.3, 2]))
    live = [task for task in host.tasks if task.kind == "endless" and not task.is_stopped]
    for task in host.dice.sample(live, max(0, len(live) - LIVE)):
        host.stop_task(task)


def restart_agent(host):
    host.agent.kill()
    pause(host.dice, 0, 0.2)
    host.agent.start()


def some_work(host):
    """Mostly tasks, killed at some point of their starts; sometimes a kill before the agent has connected."""
    if host.dice.random() < 0.8:
        host.await_connected()
        start_some(host)
    pause(host.dice, 0, host.dice.choice([0.1, 0.5, 1.5]))


def told(host, kills, what):
    started = sum(host.starts(task) for task in host.tasks)
    networks = sum(task.kind == "own" for task in host.tasks)
    return f"{kills} {what}, {len(host.tasks)} accepted tasks ({networks} with networks), {started} containers, seed {SEED}"


def agent_killed():
    kills = rounds(6, 200)
    host = Host(networks=True)
    try:
        host.agent.start()
        host.await_connected()
        for n in range(kills):
            some_work(host)
            restart_agent(host)
            if n % 5 == 4:
                host.await_connected()
                host.check_nothing_doubled()
        host.await_connected()
        host.finish()
        assert host.agent.stop() == 0
        left = [name for name in host.agent.files() if not name.startswith(f"agent/cni/leases/{BRIDGE}/")]  # its lock and its last number
        assert left == ["agent/agent.db"], left
        return told(host, kills, "kills")
    finally:
        host.close()


def both_killed():
    kills = rounds(4, 100)
    host = Host(networks=True)
    try:
        host.agent.start()
        host.await_connected()
        for n in range(kills):
            some_work(host)
            first, second = host.dice.sample([host.agent.kill, lambda: host.server.stop(signal.SIGKILL)], 2)
            first()
            pause(host.dice, 0, 0.05)
            second()
            host.server.start()
            host.settle_unsure()
            host.agent.start()
            host.await_connected()
            host.check_nothing_doubled()
        host.finish()
        return told(host, kills, "kills of both")
    finally:
        host.close()


def flat_under_tasks():
    host = Host(server_flags=["--events-kept=1000"])  # full before it is measured, and with it the store's page cache
    try:
        host.agent.start()
        host.await_connected()
        gauges = [Gauge(host.agent.process.pid), Gauge(host.server.process.pid)]
        run_through(host, rounds(5, 100))
        for gauge in gauges:
            gauge.mark()
        run_through(host, rounds(5, 300))
        # What a stopped task may keep at the server for an hour, and room for what the allocator does.
        gauges[0].check(2048)
        gauges[1].check(2048 + 8 * len(host.tasks))
        return f"{len(host.tasks)} tasks, agent {gauges[0].told()}, server {gauges[1].told()}"
    finally:
        host.close()


def run_through(host, count):
    for _ in range(0, count, 5):
        for _ in range(5):
            assert host.run(host.dice.choice(["brief", "pair"]), last=0), "no agent"
        host.finish()


# --- the engine --------------------------------------------------------------------------------------


def engine_dies(host):
    host.kill_engine()
    try_run(host)
    pause(host.dice, 0, 1)
    host.docker.start()


def engine_hangs(host):
    host.docker.process.send_signal(signal.SIGSTOP)
    try_run(host)
    pause(host.dice, 0.1, host.dice.choice([1, 7]))
    host.docker.process.send_signal(signal.SIGCONT)


def engine_restarts(host):
    host.docker.process.send_signal(signal.SIGTERM)
    host.docker.process.wait(60)
    host.docker.start()


def store_full():
    """The engine's file system is full: nothing can be made, what runs goes on; then there is room again."""
    times = rounds(1, 8)
    host = Host(store_mib=64, networks=True)
    try:
        if not host.has_small_store:
            return "SKIP no right to mount"
        host.agent.start()
        host.await_connected()
        refused = 0
        for _ in range(times):
            whole = [host.run("brief", last=3), host.run("endless")]
            host.await_running([task for task in whole if task])
            host.fill_store()
            hungry = [host.run(kind, last=0) for kind in ["brief", "pair", "own" if host.has_networks else "brief", host.dice.choice(["brief", "pair"])]]
            wait_until("they have ended", lambda: host.have_ended([task for task in hungry if task]), 120)
            refused += host.forget_those_that_did_not_begin()
            if host.dice.random() < 0.5:
                restart_agent(host)
            host.free_store()
            host.await_connected()
        host.finish(180)
        assert refused > 0, "the store was not full"
        return told(host, refused, "tasks without room")
    finally:
        host.close()


def server_away():
    """No control plane for long: what runs goes on, what ends is kept, and all of it is told afterwards."""
    times, seconds = rounds(1, 4), 90 if storm.IS_FULL else 15
    host = Host(networks=True)
    try:
        host.agent.start()
        host.await_connected()
        for n in range(times):
            start_some(host)
            late = [host.run("brief", last=seconds / 3) for _ in range(3)]
            host.await_running([task for task in late if task])
            host.server.stop(signal.SIGKILL)
            for _ in range(3 if n % 2 else 0):
                pause(host.dice, 0, seconds / 6)
                restart_agent(host)
            pause(host.dice, seconds, seconds + 1)
            assert host.agent.is_alive() or n % 2 == 1, "the agent ended"
            host.server.start()
            if not host.agent.is_alive():  # it could not register; whoever watches it starts it again
                restart_agent(host)
            host.await_connected()
            host.check_nothing_doubled()
        host.finish()
        return told(host, times, f"times away for {seconds} s")
    finally:
        host.close()


JUMPS_MS = [int(hours * 3600 * 1000) for hours in (1, -1, 26, -30, 0.05, -0.05, 24 * 80)]


def clock_jumps():
    """The machine's wall clock jumps under agent and server alike; Docker's own does not.

    The server has seen the furthest jump before there is a task, since it forgets those that have stopped an hour before.
    To agents, which begin anew, the clock jumps ahead as well as back."""
    jumps = rounds(4, 40)
    host = Host(clock=True)
    try:
        host.set_clock(max(JUMPS_MS))
        host.agent.start()
        host.await_connected()
        host.set_clock(0)
        restart_agent(host)
        host.await_connected()
        for n in range(jumps):
            start_some(host)
            pause(host.dice, 0, 1)
            host.set_clock(host.dice.choice([0, *JUMPS_MS]))
            if n % 3 == 2:
                restart_agent(host)
            start_some(host)
            pause(host.dice, 0, 1)
            host.check_nothing_doubled()
        host.set_clock(0)
        host.await_connected()
        host.finish()
        return told(host, jumps, "jumps")
    finally:
        host.close()


def try_run(host):
    host.run(host.dice.choice(["brief", "endless"] + ["own", "own"] * host.has_networks))


def engine_disturbed():
    disturbances = rounds(3, 45)
    host = Host(networks=True)
    kinds = [engine_dies, engine_hangs, engine_restarts]
    try:
        host.agent.start()
        host.await_connected()
        gauge = None
        for n in range(disturbances):
            some_work(host)
            kinds[n % 3](host)
            pause(host.dice, 0, 2)
            if n == disturbances // 3:
                gauge = Gauge(host.agent.process.pid)
                gauge.mark()
        assert host.agent.is_alive(), "the agent ended"
        host.finish(240, is_engine_whole=False)
        gauge.check(4096)
        after = [host.run("brief", last=0) for _ in range(3)]
        assert all(after)
        host.finish(60, is_engine_whole=False)
        seen = host.describe(after)
        assert [seen[task.arn]["containers"][0]["exitCode"] for task in after] == [task.code for task in after]
        return told(host, disturbances, "disturbances") + f", agent {gauge.told()}"
    finally:
        if host.docker and host.docker.process.poll() is None:
            host.docker.process.send_signal(signal.SIGCONT)
        host.close()


TESTS = {
    "agents killed at any moment lose no task, start none twice and keep exit codes": agent_killed,
    "agent and server killed together lose no task and start none twice": both_killed,
    "a Docker Engine that dies, hangs and restarts leaves nothing behind and nothing doubled": engine_disturbed,
    "a full image store refuses what is new, says so, and leaves nothing behind": store_full,
    "a control plane that is away for long is told everything afterwards": server_away,
    "a wall clock that jumps loses no task and starts none twice": clock_jumps,
    "memory and descriptors of agent and server stay flat under tasks": flat_under_tasks,
}

if __name__ == "__main__":
    rig.own_network()  # networks of tasks and their packet rules are this storm's alone
    sys.exit(run_tests(TESTS))
