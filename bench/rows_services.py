"""What keeping services costs: many of them in one process (bench-services), and one with real containers."""

import os
import statistics
import time

from rows import Figure, row
from rows_docker import Caller, machine, seconds_of
from world import CLUSTER

REPLACED = 10
ROUNDS = 5
# Ends at once when it is told to, as a program should that is the first of its container.
COMMAND = ["sh", "-c", "trap 'exit 0' TERM; sleep 600 & wait"]
WORDS = {
    "converge": "from nothing",
    "lose": "after the loss of one instance in ten",
    "deploy": "to a new deployment of every one",
}


class Results:
    def __init__(self, lines):
        self.lines = lines

    def close(self):
        pass


def measured(bench, instances, services, tasks, stored):
    def make():
        flags = ["--instances", instances, "--services", services, "--tasks", tasks]
        if stored:
            flags += ["--store", os.path.join(bench.new_folder("services"), "server.db")]
        return Results({line["case"]: line for line in bench.run("bench-services", *flags)})
    return bench.once(("services", instances, services, tasks, stored), make).lines


def enter(case, instances, services, stored, is_large):
    where = "store" if stored else "core"

    @row(f"services.{case}.{where}.{services}s.{instances}i",
         f"{services:,} services of 10 tasks on {instances:,} instances, {WORDS[case]}, {'durable' if stored else 'in memory'}",
         is_large)
    def _(bench):
        line = measured(bench, instances, services, 10, stored)[case]
        rate = line["starts"] / line["seconds"]
        return [Figure(line["seconds"], "s", note=f"{line['starts']:,} task starts, {rate:,.0f}/s; {line['cpu_seconds']:.2f} s of CPU "
                       f"deciding; {line['virtual_s']:.0f} s of waiting for tasks to count left out"),
                Figure(line["p99_us"] / 1000, "ms p99", aim="1", suffix="decision",
                       note=f"of {line['decisions']:,} calls, reports and looks at services; longest {line['max_us'] / 1000:.1f} ms")]


for CASE in WORDS:
    enter(CASE, 1000, 500, False, False)
    enter(CASE, 10000, 5000, False, True)
    enter(CASE, 10000, 5000, True, True)


@row("services.idle.1000000t", "processor time of the core for an hour in which 1,000,000 tasks of 5,000 services run on", True)
def _(bench):
    line = measured(bench, 10000, 5000, 200, False)["idle-hour"]
    return [Figure(line["cpu_seconds"] / 3600 * 100, "% of a core", aim="1", note=f"{line['cpu_seconds']:.2f} s in an hour")]


# ---- with real containers

def replace(world, caller):
    caller.ok("UpdateService", cluster=CLUSTER, service="replaced", forceNewDeployment=True)
    while True:
        service = caller.ok("DescribeServices", cluster=CLUSTER, services=["replaced"])["services"][0]
        newest = service["deployments"][0]
        if newest["runningCount"] == REPLACED and service["runningCount"] == REPLACED and service["pendingCount"] == 0:
            return
        time.sleep(0.005)


@row("services.replace.docker", f"a service of {REPLACED} tasks replaced by a new deployment, from the call until the new ones run "
     "and the old ones have stopped")
def _(bench):
    world = machine(bench)
    caller = Caller(world.server)
    caller.ok("RegisterTaskDefinition", family="replaced", containerDefinitions=[
        {"name": "main", "image": world.rig.IMAGE, "memory": 16, "command": COMMAND}])
    caller.ok("CreateService", cluster=CLUSTER, serviceName="replaced", taskDefinition="replaced", desiredCount=REPLACED,
              deploymentConfiguration={"minimumHealthyPercent": 0, "maximumPercent": 200})
    seconds = []
    for _ in range(ROUNDS):
        replace(world, caller)  # the first of them waits for the service to start
        seconds.append(seconds_of(lambda: replace(world, caller)))
    caller.ok("DeleteService", cluster=CLUSTER, service="replaced", force=True)
    world.sweep()
    return [Figure(statistics.median(seconds), "s", aim="5", note=f"median of {ROUNDS}")]
