"""A machine for the agent's storms: a Docker Engine of its own, a server, an agent, each a process that can be killed
on its own; and the ledger of the tasks that were accepted."""

import glob
import json
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import tempfile
import time
import uuid

import storm  # noqa: F401: finds the modules below
import gantry
import rig
from gantry import Server, binary
from tasks import of
from storm import Down, call, in_batches, wait_until

CLUSTER = "default"
# The container says that it started, by a line in a file named after its task, and ends as it is told to.
BRIEF = ["sh", "-c", "echo started >> /runs/$ID; sleep $LAST; exit $CODE"]
ENDLESS = ["sh", "-c", "trap 'exit 5' TERM; echo started >> /runs/$ID; while :; do sleep 0.1; done"]
POOL, BRIDGE = "10.74.0.0/24", "gtstorm0"
LEASED = r"10\.74\.0\.([2-9]|[1-9]\d|1\d\d|2[0-4]\d|25[0-4])\b"  # an address that a task may have
NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}
STOPPED_CODES = {5, 137}  # of an endless one; 137 when it was told to stop before it listened


class RealAgent:
    """`gantry agent` with a data folder of its own."""

    def __init__(self, server, docker_socket, folder, env=None, flags=()):
        self.server, self.docker_socket, self.folder = server, docker_socket, folder
        self.env = env or {}
        self.flags = list(flags)
        self.process = None
        self.log_path = folder + ".log"
        self.log_began = 0
        os.makedirs(folder, exist_ok=True)

    def start(self):
        env = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "ECS_", "GANTRY_"))}
        env.update({"ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION": "1s", "ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION_JITTER": "0s",
                    "ECS_IMAGE_PULL_BEHAVIOR": "prefer-cached", "ECS_CONTAINER_STOP_TIMEOUT": "1s",
                    "GANTRY_METADATA_PORT": "0", "GANTRY_INTROSPECTION_PORT": "0"}, **self.env)
        argv = [binary(), "agent", "--endpoint", f"http://{self.server.host}", "--cluster", CLUSTER, "--data", self.folder,
                "--docker-socket", self.docker_socket, "--credentials", os.path.join(self.server.data, "credentials"), *self.flags]
        with open(self.log_path, "ab") as log:
            self.log_began = log.tell()
            self.process = subprocess.Popen(argv, stdout=log, stderr=log, env=env)

    def is_alive(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self):
        """The exit status."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(30)
        self.process = None
        return status

    def log_text(self, last_life_only=False):
        with open(self.log_path, "rb") as log:
            log.seek(self.log_began if last_life_only else 0)
            return log.read().decode(errors="replace")

    def files(self):
        return sorted(os.path.relpath(os.path.join(folder, name), self.folder)
                      for folder, _, names in os.walk(self.folder) for name in names)


def can_make_networks():
    return os.path.exists("/usr/lib/cni/bridge") and shutil.which("nft") is not None


def pids_with(argument):
    done = subprocess.run(["pgrep", "-f", f"containerd-shim.*{argument}"], stdout=subprocess.PIPE, text=True)
    return [int(pid) for pid in done.stdout.split()]


def children_of(pid):
    done = subprocess.run(["pgrep", "-P", str(pid)], stdout=subprocess.PIPE, text=True)
    return [int(child) for child in done.stdout.split()]


def cgroups_of_tasks():
    """Paths of the groups that agents make for tasks, of either version."""
    found = set()
    for top in ("/sys/fs/cgroup", "/sys/fs/cgroup/memory", "/sys/fs/cgroup/cpu"):
        for name in ("ecs", "ecstasks.slice"):
            folder = os.path.join(top, name)
            found |= {os.path.join(folder, task) for task in (os.listdir(folder) if os.path.isdir(folder) else [])
                      if os.path.isdir(os.path.join(folder, task))}
    return found


def is_running(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Task:
    """What was asked for and what is known of it."""

    def __init__(self, kind, code):
        self.id = uuid.uuid4().hex
        self.kind, self.code = kind, code
        self.arn = None
        self.is_stopped = False  # StopTask was acknowledged
        self.container = None    # as soon as it was seen running


class Host:
    """Server and agent on a private engine. `tasks` is the ledger: what RunTask has acknowledged."""

    def __init__(self, agent_folder=None, server_flags=(), store_mib=None, clock=False, networks=False):
        self.folder = tempfile.mkdtemp(prefix="gts", dir="/tmp")
        self.runs = os.path.join(self.folder, "runs")
        self.docker = self.agent = self.server = None
        self.tasks = []
        self.past = []    # tasks that were checked; their containers may wait for their removal
        self.unsure = []  # tasks of calls whose answer was lost
        self.dice = random.Random(storm.SEED)
        try:
            os.makedirs(self.runs)
            os.chmod(self.runs, 0o777)
            self.has_small_store = store_mib is not None and self.make_small_store(store_mib)
            self.docker = rig.Docker(self.folder)
            env = self.clock_env() if clock else {}
            self.server = Server(server_flags, env=env).start()
            self.has_networks = networks and can_make_networks()
            self.agent = RealAgent(self.server, self.docker.socket, agent_folder or os.path.join(self.folder, "agent"), env,
                                   ["--awsvpc-pool", POOL, "--awsvpc-bridge", BRIDGE] if self.has_networks else [])
            self.prepare()
        except BaseException:
            self.close()
            raise
        self.networks = self.docker.docker("network", "ls", "-q").stdout.split()
        self.mounts = self.mounts_now()

    def prepare(self):
        call(self.server, "CreateCluster", clusterName=CLUSTER)
        runs = {"name": "runs", "host": {"sourcePath": self.runs}}
        for family, command in (("brief", BRIEF), ("endless", ENDLESS)):
            main = {"name": "main", "image": rig.IMAGE, "memory": 8, "command": command,
                    "mountPoints": [{"sourceVolume": "runs", "containerPath": "/runs"}]}
            call(self.server, "RegisterTaskDefinition", family=family, containerDefinitions=[main], volumes=[runs])
            if family == "brief":
                call(self.server, "RegisterTaskDefinition", family="own", containerDefinitions=[main], volumes=[runs], networkMode="awsvpc")
        mount = {"sourceVolume": "scratch", "containerPath": "/scratch"}
        first = {"name": "first", "image": rig.IMAGE, "memory": 8, "essential": False, "mountPoints": [mount],
                 "command": ["sh", "-c", "echo yes > /scratch/said"]}
        main = {"name": "main", "image": rig.IMAGE, "memory": 8, "command": ["sh", "-c", "grep yes /scratch/said || exit 99; " + BRIEF[2]],
                "mountPoints": [mount, {"sourceVolume": "runs", "containerPath": "/runs"}],
                "dependsOn": [{"containerName": "first", "condition": "SUCCESS"}]}
        call(self.server, "RegisterTaskDefinition", family="pair", containerDefinitions=[first, main],
             volumes=[runs, {"name": "scratch", "host": {}}])

    # --- the engine

    def clock_env(self):
        """Of processes whose wall clock set_clock moves."""
        self.clock = os.path.join(self.folder, "clock")
        with open(self.clock, "wb") as file:
            file.write(bytes(8))
        asan = f"{os.environ.get('ASAN_OPTIONS', '')}:verify_asan_link_order=0".strip(":")
        return {"LD_PRELOAD": storm.FAULTY, "FAULTY_CLOCK": self.clock, "ASAN_OPTIONS": asan}

    def set_clock(self, ahead_ms):
        with open(self.clock, "r+b") as file:
            file.write(struct.pack("=q", ahead_ms))
        gantry.CLOCK_AHEAD_S = ahead_ms / 1000  # of our own signatures

    def make_small_store(self, mib):
        """The engine's folder is a file system of its own. False: there is no right to mount."""
        self.store = os.path.join(self.folder, "data")
        os.makedirs(self.store)
        return subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", self.store], stderr=subprocess.PIPE).returncode == 0

    def fill_store(self):
        filler = os.open(os.path.join(self.store, "filler"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            while True:
                os.write(filler, bytes(4096))
        except OSError:
            os.close(filler)

    def free_store(self):
        os.unlink(os.path.join(self.store, "filler"))

    def containers(self):
        """{task ARN: [container of "main", ...]}, whatever their state."""
        out = self.docker.docker("ps", "-a", "--no-trunc", "--filter", "label=com.amazonaws.ecs.container-name=main", "--format",
                                 '{{.ID}} {{.Label "com.amazonaws.ecs.task-arn"}}').stdout
        found = {}
        for line in out.splitlines():
            container, arn = line.split()
            found.setdefault(arn, []).append(container)
        return found

    def mounts_now(self):
        with open("/proc/mounts") as mounts:
            return sorted(line.split()[1] for line in mounts if line.split()[1].startswith(self.folder))

    def kill_engine(self):
        """SIGKILL. containerd follows its parent; its number must not make the next engine wait for it."""
        path = f"{self.folder}/exec/containerd/containerd.pid"
        with open(path) as file:
            containerd = int(file.read())
        self.docker.process.kill()
        self.docker.process.wait()
        wait_until("containerd is gone", lambda: not is_running(containerd), 30)
        os.unlink(path)

    # --- calls

    def connected(self):
        try:
            return call(self.server, "ListContainerInstances", filter="agentConnected == true")["containerInstanceArns"]
        except Down:
            return []

    def await_connected(self):
        wait_until("the agent is connected", self.connected, 60)

    def run(self, kind, code=None, last=0.2):
        """Starts a task; None when the server has no connected agent for it (nothing is entered then)."""
        task = Task(kind, self.dice.randrange(1, 100) if code is None else code)
        environment = [{"name": "ID", "value": task.id}, {"name": "CODE", "value": str(task.code)}, {"name": "LAST", "value": str(last)}]
        try:
            reply = call(self.server, "RunTask", taskDefinition=kind, startedBy=task.id, clientToken=task.id,
                         overrides={"containerOverrides": [{"name": "main", "environment": environment}]},
                         **({"networkConfiguration": NETWORK} if kind == "own" else {}))
        except Down:
            self.unsure.append(task)
            raise
        if reply["failures"]:
            assert reply["failures"][0]["reason"] == "AGENT", reply["failures"]
            return None
        task.arn = reply["tasks"][0]["taskArn"]
        self.tasks.append(task)
        return task

    def stop_task(self, task):
        try:
            call(self.server, "StopTask", task=task.arn, reason="enough")
        except AssertionError as problem:
            log = "\n".join(line for line in self.agent.log_text().splitlines() if task.arn in line or "agent." in line)
            raise AssertionError(f"{problem}\n{log[-6000:]}") from problem
        task.is_stopped = True

    def describe(self, tasks):
        """{ARN: task as described}."""
        found = {}
        for batch in in_batches(task.arn for task in tasks):
            reply = call(self.server, "DescribeTasks", tasks=batch)
            assert not reply["failures"], f"lost: {reply['failures']}"
            found.update({task["taskArn"]: task for task in reply["tasks"]})
        return found

    def await_running(self, tasks):
        wait_until("tasks run", lambda: all(seen["lastStatus"] in ("RUNNING", "STOPPED") for seen in self.describe(tasks).values()), 60, 0.1)

    def have_ended(self, tasks):
        return all(seen["lastStatus"] == "STOPPED" for seen in self.describe(tasks).values())

    def forget_those_that_did_not_begin(self):
        """Tasks that ended with a reason before their container began are done with; how many."""
        seen = self.describe(self.tasks)
        gone = [task for task in self.tasks if seen[task.arn]["lastStatus"] == "STOPPED" and self.starts(task) == 0]
        for task in gone:
            code = of(seen[task.arn], "main").get("exitCode")  # 143: the first of a pair could not be made
            assert code in (None, 143) or task.is_stopped, seen[task.arn]
            assert seen[task.arn]["stopCode"] in ("TaskFailedToStart", "EssentialContainerExited"), seen[task.arn]
        self.past += gone
        self.tasks = [task for task in self.tasks if task not in gone]
        return len(gone)

    def settle_unsure(self):
        """Tasks of lost answers are in the ledger if they are there."""
        for task in self.unsure:
            for desired in ("RUNNING", "STOPPED"):
                arns = call(self.server, "ListTasks", startedBy=task.id, desiredStatus=desired)["taskArns"]
                assert len(arns) <= 1 and not (arns and task.arn), f"doubled: {arns}"
                if arns:
                    task.arn = arns[0]
                    self.tasks.append(task)
        self.unsure = []

    # --- the ledger

    def starts(self, task):
        """How often its container has begun."""
        try:
            with open(os.path.join(self.runs, task.id)) as file:
                return len(file.readlines())
        except FileNotFoundError:
            return 0

    def check_nothing_doubled(self):
        there = self.containers()
        for task in self.tasks:
            assert len(there.get(task.arn, [])) <= 1, f"containers of {task.arn}: {there[task.arn]}"
            assert self.starts(task) <= 1, f"{task.arn} was started {self.starts(task)} times"
        known = {task.arn for task in self.tasks + self.past}
        assert set(there) <= known, f"containers of nobody: {set(there) - known}"

    def check_end(self, task, seen, is_engine_whole):
        main = next(container for container in seen["containers"] if container["name"] == "main")
        code, said = main.get("exitCode"), f"{seen['stopCode']}: {seen.get('stoppedReason')} {main.get('reason')}"
        starts = self.starts(task)
        if not is_engine_whole:
            return
        if task.kind == "endless" or task.is_stopped:
            assert task.is_stopped, f"an endless task ended: {said}"
            due = STOPPED_CODES | ({task.code} if task.kind != "endless" else set())
            assert code in due if starts else code in due | {None}, f"{task.kind} ended with {code}, {said}"
        else:
            assert starts == 1 and code == task.code, f"{task.arn} started {starts} times, {code} instead of {task.code}, {said}"

    def finish(self, seconds=180, is_engine_whole=True):
        """Stops what is endless and waits until every accepted task has come to its end; nothing is left behind."""
        for task in self.tasks:
            if task.kind == "endless" and not task.is_stopped:
                self.stop_task(task)
        found = {}

        def all_stopped():
            found.update(self.describe(self.tasks))
            return all(task["lastStatus"] == "STOPPED" for task in found.values())

        def missing():
            return [task for task in found.values() if task["lastStatus"] != "STOPPED"]
        try:
            wait_until("all tasks have ended", all_stopped, seconds, 0.3)
        except AssertionError as problem:
            first = missing()[0]
            log = "\n".join(line for line in self.agent.log_text().splitlines() if first["taskArn"] in line or "agent." in line)
            raise AssertionError(f"{problem}: {len(missing())} have not, the first: {json.dumps(first)[:1500]}\n{log[-6000:]}") from problem
        for task in self.tasks:
            self.check_end(task, found[task.arn], is_engine_whole)
        self.check_nothing_doubled()
        self.check_nothing_left()

    def check_nothing_left(self):
        docker = self.docker.docker
        try:
            wait_until("no container is left", lambda: self.containers() == {} and docker("ps", "-aq").stdout == "", 90, 0.3)
        except AssertionError as problem:
            listed = docker("ps", "-a", "--format", '{{.ID}} {{.Status}} {{.Label "com.amazonaws.ecs.task-arn"}}').stdout
            log = "\n".join(line for line in self.agent.log_text().splitlines() if (listed.split() or ["-"])[-1] in line or "agent." in line)
            raise AssertionError(f"{problem}:\n{listed}{log[-6000:]}") from problem
        wait_until("no volume is left", lambda: docker("volume", "ls", "-q").stdout == "", 30, 0.3)
        networks = docker("network", "ls", "-q").stdout.split()
        assert len(networks) == len(self.networks), f"networks: {networks}"
        wait_until("no task's network is left", lambda: self.traces_of_networks() == [], 30, 0.3)
        ours = {task.arn.split("/")[-1] for task in self.tasks + self.past}  # others may run tasks here, too

        def groups():
            return [path for path in cgroups_of_tasks() if any(id in path for id in ours)]
        try:
            wait_until("no task's group is left", lambda: groups() == [], 30, 0.3)
        except AssertionError as problem:
            raise AssertionError(f"cgroups: {groups()}\n{self.agent.log_text()[-6000:]}") from problem
        assert self.mounts_now() == self.mounts, f"mounts: {set(self.mounts_now()) - set(self.mounts)}"
        reply = call(self.server, "DescribeContainerInstances", containerInstances=self.connected())
        for instance in reply["containerInstances"]:
            left, all_of = ({r["name"]: (r["integerValue"], r.get("stringSetValue")) for r in instance[name]}
                            for name in ("remainingResources", "registeredResources"))
            assert left == all_of, f"the server's books: {left} of {all_of}"
        assert len(reply["containerInstances"]) == 1, "the agent registered more than once"

    def traces_of_networks(self):
        """What there is of the tasks' own networks: ends of their interfaces, leases, the agent's notes, rules that name them."""
        if not self.has_networks:
            return []
        links = json.loads(subprocess.run(["ip", "-j", "link", "show", "master", BRIDGE], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                          text=True).stdout or "[]")
        rules = subprocess.run(["nft", "list", "table", "ip", "gantry"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True).stdout
        folder = os.path.join(self.agent.folder, "agent/cni")
        return ([link["ifname"] for link in links] + glob.glob(f"{folder}/*.json") + glob.glob(f"{folder}/leases/{BRIDGE}/10.*")
                + [line.strip() for line in rules.splitlines() if re.search(LEASED, line)])

    def kill_shims(self):
        """What an engine that was not there at the end could not take away: shims of this folder, with their containers."""
        for shim in pids_with(f"{self.folder}/exec/containerd/containerd.sock"):
            for pid in children_of(shim) + [shim]:
                os.kill(pid, signal.SIGKILL)

    def close(self):
        if self.agent:
            self.agent.kill()
        if self.server:
            self.server.close()
        if self.docker:
            self.docker.close()
            self.kill_shims()
        shutil.rmtree(self.folder, ignore_errors=True)


def pause(dice, least, most):
    time.sleep(dice.uniform(least, most))
