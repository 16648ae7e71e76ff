"""RunTask on a real Docker Engine beside `docker run` and the engine's own API, taken in turns. The engine is a private
one, made for this and taken away again; that needs root.
"""

import http.client
import json
import os
import shutil
import socket
import statistics
import subprocess
import tempfile
import time

from rows import Background, Figure, Missing, cpu_seconds, memory_mib, row, wait_until
from world import CLUSTER, BenchServer

ROUNDS = 12
STARTS = 30
AIM = "1.1 times docker run"
COMMAND = ["sleep", "600"]


class Machine:
    """A private Docker Engine, a server and an agent on it."""

    def __init__(self, bench):
        if os.geteuid() != 0 or not all(shutil.which(name) for name in ("dockerd", "docker", "ip", "busybox")):
            raise Missing("root, dockerd, docker, ip and busybox")
        import rig
        self.rig, self.docker, self.server, self.agent = rig, None, None, None
        self.folder = tempfile.mkdtemp(prefix="gt", dir="/tmp")  # a socket's path must be short
        try:
            self.docker = rig.Docker(self.folder)
            self.server = BenchServer(bench).start()
            self.server.ok("CreateCluster", clusterName=CLUSTER)
            self.server.ok("RegisterTaskDefinition", family="sleep", containerDefinitions=[
                {"name": "main", "image": rig.IMAGE, "memory": 16, "command": COMMAND}])
            self.agent = Background(
                ["env", "ECS_IMAGE_PULL_BEHAVIOR=prefer-cached", "GANTRY_METADATA_PORT=0", "GANTRY_INTROSPECTION_PORT=0", "ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION=1h",
                 "ECS_CONTAINER_STOP_TIMEOUT=1s", bench.gantry, "agent", "--endpoint", f"http://{self.server.host}",
                 "--cluster", CLUSTER, "--data", os.path.join(self.folder, "agent"),
                 "--docker-socket", self.docker.socket, "--credentials", self.server.keys_path],
                os.path.join(self.folder, "agent.log"))
            wait_until("the agent is connected", lambda: self.server.ok(
                "ListContainerInstances", cluster=CLUSTER, filter="agentConnected == true")["containerInstanceArns"])
        except BaseException:
            self.close()
            raise

    @property
    def agent_pid(self):
        return self.agent.process.pid

    def sweep(self):
        """Nothing of the last round is left running."""
        for arn in self.server.ok("ListTasks", cluster=CLUSTER)["taskArns"]:
            self.server.ok("StopTask", cluster=CLUSTER, task=arn)
        containers = self.docker.containers()
        if containers:
            self.docker.docker("rm", "-f", *containers, check=False)
        wait_until("tasks have stopped", lambda: not self.server.ok("ListTasks", cluster=CLUSTER)["taskArns"])

    def close(self):
        for part in (self.agent, self.server, self.docker):
            if part:
                part.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def machine(bench):
    return bench.once("docker", lambda: Machine(bench))


class Caller:
    """Calls on one connection, so that asking for a status costs little."""

    def __init__(self, server):
        self.server, self.wire = server, server.wire()

    def ok(self, operation, **members):
        self.wire.send(self.server.request(operation, json.dumps(members).encode()))
        return self.wire.reply().json()

    def await_running(self, arns):
        while True:
            tasks = self.ok("DescribeTasks", cluster=CLUSTER, tasks=arns)["tasks"]
            statuses = {task["lastStatus"] for task in tasks}
            if statuses == {"RUNNING"}:
                return
            if "STOPPED" in statuses:
                raise AssertionError(f"a task stopped: {[task.get('stoppedReason') for task in tasks]}")
            time.sleep(0.001)


def seconds_of(action):
    started = time.monotonic()
    action()
    return time.monotonic() - started


def run_task(world):
    caller = Caller(world.server)
    seconds = seconds_of(lambda: caller.await_running(
        [caller.ok("RunTask", cluster=CLUSTER, taskDefinition="sleep")["tasks"][0]["taskArn"]]))
    caller.wire.close()
    return seconds


def docker_run(world):
    return seconds_of(lambda: world.docker.docker("run", "-d", "--memory", "16m", world.rig.IMAGE, *COMMAND))


class Unix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("docker")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def engine_start(world):
    """Create and start by the engine's API on one connection: what any client must at least pay."""
    engine = Unix(world.docker.socket)

    def post(path, body):
        engine.request("POST", path, json.dumps(body) if body else None, {"Content-Type": "application/json"})
        reply = engine.getresponse()
        return json.loads(reply.read() or b"{}")

    def start():
        made = post("/containers/create", {"Image": world.rig.IMAGE, "Cmd": COMMAND, "HostConfig": {"Memory": 16 << 20}})
        post(f"/containers/{made['Id']}/start", None)

    seconds = seconds_of(start)
    engine.close()
    return seconds


@row("docker.run-task", "RunTask to RUNNING on Docker beside `docker run -d` and the engine's API, in turns")
def _(bench):
    world = machine(bench)
    ours, theirs, bare = [], [], []
    run_task(world), docker_run(world), engine_start(world)
    for number in range(ROUNDS):
        for which, taken in ((run_task, ours), (docker_run, theirs), (engine_start, bare)):
            taken.append(which(world))
        if number % 4 == 3:
            world.sweep()
    world.sweep()
    run, cli, api = (statistics.median(taken) * 1000 for taken in (ours, theirs, bare))
    return [Figure(run, "ms", aim=AIM, peer=f"{run / cli:.2f} times docker run ({cli:.0f} ms)",
                   note=f"{run / api:.2f} times create and start by the engine's API ({api:.0f} ms)")]


@row("docker.starts", f"{STARTS} tasks at once on Docker beside as many `docker run -d` at once")
def _(bench):
    world = machine(bench)
    world.sweep()
    caller = Caller(world.server)

    def run_all():
        arns = []
        for _ in range(STARTS // 10):
            arns += [task["taskArn"] for task in caller.ok("RunTask", cluster=CLUSTER, taskDefinition="sleep", count=10)["tasks"]]
        caller.await_running(arns)

    def docker_all():
        env = dict(os.environ, DOCKER_HOST=f"unix://{world.docker.socket}")
        processes = [subprocess.Popen(["docker", "run", "-d", "--memory", "16m", world.rig.IMAGE, *COMMAND], env=env,
                                      stdout=subprocess.DEVNULL) for _ in range(STARTS)]
        for process in processes:
            process.wait()

    ours = seconds_of(run_all)
    caller.wire.close()
    world.sweep()
    theirs = seconds_of(docker_all)
    world.sweep()
    return [Figure(STARTS / ours, "tasks/s", peer=f"{theirs / ours:.2f} times docker run's {STARTS / theirs:.1f}/s")]


@row("memory.agent", "resident memory of an idle agent")
def _(bench):
    return [Figure(memory_mib(machine(bench).agent_pid), "MiB", aim="10")]


@row("idle.cpu.agent", "processor time of an idle agent")
def _(bench):
    pid = machine(bench).agent_pid
    before = cpu_seconds(pid)
    time.sleep(3)
    return [Figure((cpu_seconds(pid) - before) / 3 * 100, "% of a core", aim="1")]
