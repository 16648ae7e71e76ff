"""The agent on a real Docker Engine: how soon a task runs, how many start in a second beside Docker Swarm, what idle
tasks cost. On the machine of rows_docker.py.
"""

import statistics
import time

from rows import Broken, Figure, cpu_seconds, memory_mib, row, wait_until
from rows_docker import COMMAND, Caller, docker_run, machine, run_task, seconds_of
from world import CLUSTER

ROUNDS = 20
REPLICAS = 40
IDLE = 100
IDLE_SECONDS = 40  # two rounds of telemetry


@row("agent.start-latency", f"RunTask to RUNNING beside `docker run -d`, in turns, {ROUNDS} times")
def _(bench):
    world = machine(bench)
    ours, theirs = [], []
    run_task(world), docker_run(world)
    for number in range(ROUNDS):
        pair = [(run_task, ours), (docker_run, theirs)]
        for which, taken in pair if number % 2 else reversed(pair):
            taken.append(which(world) * 1000)
        if number % 5 == 4:
            world.sweep()
    world.sweep()
    figures = []
    for name, of in (("p50", statistics.median), ("p90", lambda taken: statistics.quantiles(taken, n=10)[8])):
        figures.append(Figure(of(ours), "ms", suffix=name, aim="1.1 times docker run",
                              peer=f"{of(ours) / of(theirs):.2f} times docker run ({of(theirs):.0f} ms)"))
    return figures


def start_service(world, caller):
    """A service of many tasks, until all of them run."""
    caller.ok("CreateService", cluster=CLUSTER, serviceName="replicas", taskDefinition="sleep", desiredCount=REPLICAS)
    while caller.ok("DescribeServices", cluster=CLUSTER, services=["replicas"])["services"][0]["runningCount"] < REPLICAS:
        time.sleep(0.01)


def start_swarm(world):
    docker = world.docker.docker
    docker("service", "create", "--detach", "--no-resolve-image", "--name", "replicas", "--replicas", str(REPLICAS),
           "--limit-memory", "16m", "--restart-condition", "none", world.rig.IMAGE, *COMMAND)
    while docker("ps", "-q", "--filter", "label=com.docker.swarm.service.name=replicas").stdout.count("\n") < REPLICAS:
        time.sleep(0.01)


@row("agent.starts", f"a service of {REPLICAS} tasks on one host beside `docker service create --replicas {REPLICAS}`")
def _(bench):
    world = machine(bench)
    world.sweep()
    docker = world.docker.docker
    caller = Caller(world.server)
    ours = seconds_of(lambda: start_service(world, caller))
    caller.ok("DeleteService", cluster=CLUSTER, service="replicas", force=True)
    wait_until("the service is gone", lambda: not world.server.ok("ListTasks", cluster=CLUSTER)["taskArns"], 120)
    caller.wire.close()
    world.sweep()
    made = docker("swarm", "init", "--advertise-addr", "127.0.0.1", "--listen-addr", f"127.0.0.1:{world.rig.free_port()}", check=False)
    if made.returncode != 0:
        return [Figure(REPLICAS / ours, "tasks/s", note=f"no swarm here: {made.stderr.strip()[:80]}")]
    try:
        theirs = seconds_of(lambda: start_swarm(world))
        docker("service", "rm", "replicas")
    finally:
        docker("swarm", "leave", "--force", check=False)
        docker("network", "rm", "docker_gwbridge", check=False)  # a device of the host that would stay
    wait_until("the swarm's containers are gone", lambda: docker("ps", "-q").stdout == "", 120)
    world.sweep()
    return [Figure(REPLICAS / ours, "tasks/s", peer=f"{theirs / ours:.2f} times Swarm's {REPLICAS / theirs:.1f}/s")]


@row("agent.idle-tasks", f"memory of the agent a task, and its processor time, with {IDLE} idle tasks")
def _(bench):
    world = machine(bench)
    world.sweep()
    before = memory_mib(world.agent_pid)
    caller = Caller(world.server)
    arns = []
    for _ in range(IDLE // 10):
        reply = caller.ok("RunTask", cluster=CLUSTER, taskDefinition="sleep", count=10)
        if reply["failures"]:
            raise Broken(f"no room for {IDLE} tasks: {reply['failures'][0]}")
        arns += [task["taskArn"] for task in reply["tasks"]]
    for at in range(0, IDLE, 100):
        caller.await_running(arns[at:at + 100])
    caller.wire.close()
    time.sleep(5)  # until the streams of samples are open
    started, used = time.monotonic(), cpu_seconds(world.agent_pid)
    time.sleep(IDLE_SECONDS)
    used = (cpu_seconds(world.agent_pid) - used) / (time.monotonic() - started) * 100
    after = memory_mib(world.agent_pid)
    world.sweep()
    return [Figure((after - before) * 1024 / IDLE, "KiB/task", suffix="memory", note=f"{before:.1f} MiB without, {after:.1f} MiB with"),
            Figure(used, "% of a core", suffix="cpu", note="with a sample a second and container")]
