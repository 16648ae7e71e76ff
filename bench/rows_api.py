"""Calls of the API against a started server: reads and writes, one and many connections, plain and TLS, signed and
not. The load generator runs on the same processors, and its share is told.
"""

import base64
import os
import re
import shutil
import socket
import subprocess

from rows import Background, Figure, Missing, growth, row, wait_until
from world import CLUSTER, BenchServer, load, task_arns

INSTANCES = 100
TASKS = 1000
AIM_READS = "50,000/s"
AIM_WRITES = "10,000/s"

# Ways to call: suffix -> (connections, signed, TLS).
WAYS = {
    "1": (1, True, False),
    "64": (64, True, False),
    "64.unsigned": (64, False, False),
    "1.tls": (1, True, True),
    "64.tls": (64, True, True),
}


def plain(bench):
    return bench.once("plain", lambda: BenchServer(bench, INSTANCES, TASKS).start())


def unsigned(bench):
    return bench.once("unsigned", lambda: BenchServer(bench, INSTANCES, TASKS, flags=["--auth", "none"]).start())


def encrypted(bench):
    return bench.once("tls", lambda: BenchServer(bench, INSTANCES, TASKS, tls=True).start())


def tasks_of(server):
    if not hasattr(server, "arns"):
        server.arns = task_arns(server, TASKS)
    return server.arns


def instances_of(server):
    if not hasattr(server, "instances"):
        server.instances = server.ok("ListContainerInstances", cluster=CLUSTER, maxResults=100)["containerInstanceArns"]
    return server.instances


# --- what is called ----------------------------------------------------------------------------------


def describe_1(server):
    return [{"cluster": CLUSTER, "tasks": [arn]} for arn in tasks_of(server)[:256]]


def describe_100(server):
    arns = tasks_of(server)
    return [{"cluster": CLUSTER, "tasks": arns[i : i + 100]} for i in range(0, len(arns) - 99, 100)]


def describe_clusters(_):
    return [{"clusters": [CLUSTER]}]


def list_tasks(_):
    return [{"cluster": CLUSTER}, {"cluster": CLUSTER, "maxResults": 100}]


def describe_definition(_):
    return [{"taskDefinition": f"family-{i}"} for i in range(50)]


def tag_resource(server):
    return [{"resourceArn": arn, "tags": [{"key": "owner", "value": f"team-{i}"}]}
            for i in range(4) for arn in tasks_of(server)[:100]]


def put_attributes(server):
    return [{"cluster": CLUSTER, "attributes": [
        {"name": "slot", "value": str(i), "targetType": "container-instance", "targetId": arn}]}
        for i in range(4) for arn in instances_of(server)[:64]]


def register_definition(_):
    return [{"family": f"new-{i}", "containerDefinitions": [
        {"name": "main", "image": f"registry.example/app:{i}", "cpu": 256, "memory": 512,
         "portMappings": [{"containerPort": 80, "hostPort": 0}],
         "environment": [{"name": "MODE", "value": "production"}, {"name": "ZONE", "value": "a"}],
         "dependsOn": [{"containerName": "side", "condition": "START"}]},
        {"name": "side", "image": "registry.example/side:1", "cpu": 64, "memory": 128, "essential": False}]}
        for i in range(64)]


READS = {
    "DescribeTasks-1": ("DescribeTasks", describe_1),
    "DescribeTasks-100": ("DescribeTasks", describe_100),
    "DescribeClusters": ("DescribeClusters", describe_clusters),
    "ListTasks": ("ListTasks", list_tasks),
    "DescribeTaskDefinition": ("DescribeTaskDefinition", describe_definition),
}
WRITES = {
    "TagResource": ("TagResource", tag_resource),
    "PutAttributes": ("PutAttributes", put_attributes),
    "RegisterTaskDefinition": ("RegisterTaskDefinition", register_definition),
}


def figures(line, aim, aim_p99):
    note = (f"{line['connections']} connections, server {line['server_cpu_us']:.1f} us of CPU a call, "
            f"generator {line['client_cpu_us']:.1f}, reply {line['reply_bytes']:.0f} B")
    return [
        Figure(line["per_s"], "/s", aim=aim, note=note),
        Figure(line["p50_us"] / 1000, "ms", suffix="p50"),
        Figure(line["p99_us"] / 1000, "ms", suffix="p99", aim=aim_p99),
        Figure(line["max_us"] / 1000, "ms", suffix="max"),
    ]


def server_for(bench, signed, tls):
    return encrypted(bench) if tls else plain(bench) if signed else unsigned(bench)


def enter_call(name, operation, bodies, way, aim, aim_p99):
    connections, signed, tls = WAYS[way]

    @row(f"api.{name}.{way}", f"{operation}, {connections} connections{', TLS' if tls else ''}"
                              f"{'' if signed else ', unsigned'}")
    def _(bench):
        server = server_for(bench, signed, tls)
        line = load(bench, server, operation, bodies(server), connections, signed)
        return figures(line, aim if connections > 1 else None, aim_p99 if connections > 1 else None)


for NAME, (OPERATION, BODIES) in READS.items():
    for WAY in WAYS:
        is_small = NAME != "DescribeTasks-100"
        enter_call(NAME, OPERATION, BODIES, WAY, AIM_READS if is_small else None, "2 ms" if is_small else None)
for NAME, (OPERATION, BODIES) in WRITES.items():
    for WAY in ("1", "64", "64.tls"):
        enter_call(NAME, OPERATION, BODIES, WAY, AIM_WRITES, None)


# --- how cost grows ----------------------------------------------------------------------------------

GROWING = {"DescribeTasks-1": READS, "DescribeTasks-100": READS, "DescribeClusters": READS, "ListTasks": READS,
           "DescribeTaskDefinition": READS, "TagResource": WRITES, "PutAttributes": WRITES, "RegisterTaskDefinition": WRITES}
TASK_SIZES = (1000, 10000, 100000)
TASK_SIZES_LARGE = (10000, 100000, 1000000)
CONNECTION_SIZES = (10, 100, 1000)


def sized(bench, tasks):
    return bench.once(("sized", tasks), lambda: BenchServer(bench, INSTANCES, tasks).start())


def enter_growth(name, sizes, is_large):
    operation, bodies = GROWING[name][name]

    @row(f"grow.api.{name}.tasks" + (".large" if is_large else ""),
         f"how the server's cost of {operation} grows with the tasks in state", is_large)
    def _(bench):
        servers = [sized(bench, tasks) for tasks in sizes]
        costs = [load(bench, server, operation, bodies(server), 64)["server_cpu_us"] for server in servers]
        return [Figure(costs[-1], "us CPU", note=f"{growth(sizes, costs)}; {sizes[0]:,} to {sizes[-1]:,} tasks")]


for NAME in GROWING:
    enter_growth(NAME, TASK_SIZES, is_large=False)
for NAME in GROWING:
    enter_growth(NAME, TASK_SIZES_LARGE, is_large=True)


@row("grow.api.connections", "how the server's cost of DescribeTasks of one task grows with connections")
def _(bench):
    server = plain(bench)
    lines = [load(bench, server, "DescribeTasks", describe_1(server), n) for n in CONNECTION_SIZES]
    costs = [line["server_cpu_us"] for line in lines]
    return [Figure(costs[-1], "us CPU", note=f"{growth(CONNECTION_SIZES, costs)}; 10 to 1,000 connections, "
                                             f"p99 {lines[-1]['p99_us'] / 1000:.3g} ms at most")]


# --- what the machine can do -------------------------------------------------------------------------


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Floor:
    """A bare epoll loop that answers every request alike."""

    def __init__(self, bench):
        self.port = free_port()
        self.background = Background([bench.program("bench-floor"), "http", "--port", str(self.port)],
                                     os.path.join(bench.folder, "floor.log"))
        self.process, self.folder, self.tls, self.keys_path = self.background.process, bench.folder, False, None
        wait_until("the floor listens", self.answers)

    def answers(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def close(self):
        self.background.close()


@row("floor.http.64", "a bare epoll server with a fixed reply, 64 connections: what the generator can drive")
def _(bench):
    floor = bench.once("floor", lambda: Floor(bench))
    return figures(load(bench, floor, "DescribeTasks", [{"cluster": CLUSTER, "tasks": ["x"]}], 64, signed=False), None, None)


@row("peer.http.64", "DescribeTasks-1 and the bare epoll server, taken in turns")
def _(bench):
    floor = bench.once("floor", lambda: Floor(bench))
    server = server_for(bench, True, False)
    ours, bare = [], []
    for _ in range(3):
        ours.append(load(bench, server, "DescribeTasks", describe_1(server), 64)["per_s"])
        bare.append(load(bench, floor, "DescribeTasks", [{}], 64, signed=False)["per_s"])
    ratio = sorted(ours)[1] / sorted(bare)[1]
    return [Figure(sorted(ours)[1], "/s", aim=AIM_READS, peer=f"{ratio:.2f} of bare epoll with a fixed reply")]


@row("floor.sqlite.1", "SQLite alone: one record of 500 bytes a synced transaction")
def _(bench):
    return sqlite_floor(bench, 1)


@row("floor.sqlite.64", "SQLite alone: 64 records a synced transaction")
def _(bench):
    return sqlite_floor(bench, 64)


def sqlite_floor(bench, batch):
    line, = bench.run("bench-floor", "sqlite", os.path.join(bench.new_folder("sqlite"), "db"), "--batch", batch)
    return [Figure(line["per_s"], "/s")]


@row("floor.sync", "4 KiB appended and synced")
def _(bench):
    line, = bench.run("bench-floor", "sync", os.path.join(bench.new_folder("sync"), "file"))
    return [Figure(line["per_s"], "/s")]


class Etcd:
    """A single etcd on a folder of its own, called through its JSON gateway."""

    tls, keys_path = False, None

    def __init__(self, bench):
        self.folder = bench.new_folder("etcd")
        self.port, peers = free_port(), free_port()
        url = f"http://127.0.0.1:{self.port}"
        self.background = Background(
            ["etcd", "--data-dir", self.folder, "--listen-client-urls", url, "--advertise-client-urls", url,
             "--listen-peer-urls", f"http://127.0.0.1:{peers}"], os.path.join(self.folder, "log"))
        self.process = self.background.process
        wait_until("etcd answers", self.answers)

    def answers(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def close(self):
        self.background.close()


def etcd_puts():
    """Records as long as a task's."""
    value = base64.b64encode(b"x" * 500).decode()
    return [{"key": base64.b64encode(f"task/{i}".encode()).decode(), "value": value} for i in range(1000)]


@row("peer.etcd.put", "durable writes on 64 connections, TagResource and puts of 500 bytes to etcd, taken in turns")
def _(bench):
    if not shutil.which("etcd"):
        raise Missing("etcd")
    server, ours, theirs = server_for(bench, True, False), [], []
    etcd = Etcd(bench)
    try:
        load(bench, etcd, "POST", etcd_puts(), 64, signed=False, calls=1000, path="/v3/kv/put")
        for _ in range(3):
            ours.append(load(bench, server, "TagResource", tag_resource(server), 64)["per_s"])
            theirs.append(load(bench, etcd, "POST", etcd_puts(), 64, signed=False, path="/v3/kv/put")["per_s"])
    finally:
        etcd.close()
    ours, theirs = sorted(ours)[1], sorted(theirs)[1]
    return [Figure(ours, "/s", aim=AIM_WRITES, peer=f"{ours / theirs:.1f} times etcd's {theirs:,.0f} puts/s")]


@row("peer.wrk", "the bare epoll server driven by wrk: whether our generator is what limits")
def _(bench):
    if not shutil.which("wrk"):
        raise Missing("wrk")
    floor = bench.once("floor", lambda: Floor(bench))
    ours, theirs = [], []
    for _ in range(3):
        ours.append(load(bench, floor, "GET", [{}], 64, signed=False)["per_s"])
        done = subprocess.run(["wrk", "-t1", "-c64", f"-d{max(1, round(bench.seconds))}s", f"http://127.0.0.1:{floor.port}/"],
                              capture_output=True, text=True)
        theirs.append(float(re.search(r"Requests/sec: *([\d.]+)", done.stdout).group(1)))
    ours, theirs = sorted(ours)[1], sorted(theirs)[1]
    return [Figure(ours, "/s", peer=f"{ours / theirs:.2f} of what wrk drives ({theirs:,.0f}/s)")]
