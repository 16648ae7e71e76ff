"""Servers with agents: what connected agents cost, and RunTask through everything there is between a call and a task
reported RUNNING. The agents are simulated (tests/fleet), their sockets are real.
"""

import time

from rows import Figure, cpu_seconds, growth, memory_mib, row
from rows_api import AIM_WRITES, WAYS, figures
from world import CLUSTER, BenchServer, Fleet, load

RUN_AGENTS = 100
IDLE_SECONDS = 3


def definition(server):
    server.ok("RegisterTaskDefinition", family="web", containerDefinitions=[
        {"name": "main", "image": "app:1", "cpu": 10, "memory": 16, "environment": [{"name": "MODE", "value": "production"}]}])


class Connected:
    """A server with agents that only stay connected."""

    def __init__(self, bench, agents, flags=(), tls=False):
        self.server = BenchServer(bench, tls=tls).start()
        self.fleet = None
        try:
            self.server.ok("CreateCluster", clusterName=CLUSTER)
            definition(self.server)
            time.sleep(0.2)
            self.memory_before = memory_mib(self.server.process.pid)
            self.fleet = Fleet(bench, self.server, agents, *flags)
        except BaseException:
            self.close()
            raise

    def close(self):
        if self.fleet:
            self.fleet.close()
        self.server.close()


def connected(bench, agents):
    return bench.once(("agents", agents), lambda: Connected(bench, agents))


def per_agent_kib(bench, agents):
    world = connected(bench, agents)
    return (memory_mib(world.server.process.pid) - world.memory_before) * 1024 / agents


def enter_agents(agents, is_large):
    @row(f"agents.connect.{agents}", f"{agents:,} agents register and open their two websockets", is_large)
    def _(bench):
        world = connected(bench, agents)
        seconds = world.fleet.connected["seconds"]
        return [Figure(agents / seconds, "agents/s", note=f"{seconds:.2f} s in all; {world.fleet.telemetry:,} with telemetry")]

    @row(f"agents.memory.{agents}", f"resident memory of a server with {agents:,} agents connected", is_large)
    def _(bench):
        each = per_agent_kib(bench, agents)
        return [Figure(memory_mib(connected(bench, agents).server.process.pid), "MiB",
                       aim="1,000" if agents == 10000 else None, note=f"{each:.1f} KiB an agent")]

    @row(f"agents.idle.{agents}", f"processor time of a server with {agents:,} agents and nothing to do", is_large)
    def _(bench):
        pid = connected(bench, agents).server.process.pid
        before = cpu_seconds(pid)
        time.sleep(IDLE_SECONDS)
        return [Figure((cpu_seconds(pid) - before) / IDLE_SECONDS * 100, "% of a core", aim="1",
                       note="heartbeats every 30 s, telemetry every 20 s")]


for AGENTS in (100, 1000):
    enter_agents(AGENTS, False)
enter_agents(10000, True)


@row("grow.agents.memory", "how memory grows with connected agents")
def _(bench):
    return [Figure(per_agent_kib(bench, 1000), "KiB each",
                   note=growth([100, 1000], [per_agent_kib(bench, n) * n for n in (100, 1000)]))]


@row("grow.agents.memory.large", "how memory grows with connected agents", is_large=True)
def _(bench):
    sizes = (100, 1000, 10000)
    return [Figure(per_agent_kib(bench, 10000), "KiB each",
                   note=growth(sizes, [per_agent_kib(bench, n) * n for n in sizes]))]


# --- RunTask -----------------------------------------------------------------------------------------


def run_task(count, **more):
    return [dict({"cluster": CLUSTER, "taskDefinition": "web", "count": count}, **more)]


def silent(bench, tls=False):
    """Agents that take tasks and report nothing, so that the calls are what is measured."""
    return bench.once(("silent", tls), lambda: Connected(bench, RUN_AGENTS, ["--silent", 1], tls))


def enter_run_task(way):
    connections, _, tls = WAYS[way]

    @row(f"api.RunTask.{way}", f"RunTask of one task on {RUN_AGENTS} connected agents, {connections} connections"
                               f"{', TLS' if tls else ''}")
    def _(bench):
        line = load(bench, silent(bench, tls).server, "RunTask", run_task(1), connections)
        return figures(line, AIM_WRITES if connections > 1 else None, None)


for WAY in ("1", "64", "64.tls"):
    enter_run_task(WAY)


def enter_placements(strategy, more):
    @row(f"placed.{strategy}", f"placements through the whole server: RunTask of ten, {strategy}, {RUN_AGENTS} agents, "
                               "64 connections")
    def _(bench):
        line = load(bench, silent(bench).server, "RunTask", run_task(10, **more), 64)
        return [Figure(line["per_s"] * 10, "/s", aim="20,000/s",
                       note=f"server {line['server_cpu_us'] / 10:.1f} us of CPU each")]


enter_placements("random", {})
enter_placements("binpack", {"placementStrategy": [{"type": "binpack", "field": "memory"}]})
enter_placements("spread-instance", {"placementStrategy": [{"type": "spread", "field": "instanceId"}]})


def tasks_running(bench, agents, tasks):
    """Tasks a second from the first RunTask to the last report accepted."""
    world = Connected(bench, agents, ["--start-ms", 0, "--until-running", tasks])
    try:
        started = time.monotonic()
        load(bench, world.server, "RunTask",
             run_task(10, placementStrategy=[{"type": "spread", "field": "instanceId"}]), 16, calls=tasks // 10)
        world.fleet.line("running")
        seconds = time.monotonic() - started
        cpu = cpu_seconds(world.server.process.pid)
    finally:
        world.close()
    return [Figure(tasks / seconds, "tasks/s", note=f"{tasks:,} tasks on {agents:,} agents in {seconds:.2f} s, "
                                                    f"server {cpu / tasks * 1e6:.0f} us of CPU each")]


@row("fleet.running.100", "from RunTask to RUNNING: 10,000 tasks on 100 agents that start them at once")
def _(bench):
    return tasks_running(bench, 100, 10000)


@row("fleet.running.1000", "from RunTask to RUNNING: 20,000 tasks on 1,000 agents", is_large=True)
def _(bench):
    return tasks_running(bench, 1000, 20000)


@row("fleet.running.10000", "from RunTask to RUNNING: 100,000 tasks on 10,000 agents", is_large=True)
def _(bench):
    return tasks_running(bench, 10000, 100000)
