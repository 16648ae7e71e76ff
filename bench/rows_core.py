"""What deciding costs: placements and other calls through the operations, in one process (bench-core), at growing
sizes, in memory and through the store.
"""

import os

from rows import Figure, growth, row

PLACE = ["place-random", "place-binpack", "place-spread-zone", "place-spread-instance", "place-spread-binpack",
         "place-member-of", "place-distinct", "place-ports"]
CALLS = ["register-definition", "put-attributes", "submit-running", "submit-stopped", "stop-task", "describe-task",
         "describe-cluster", "list-tasks", "list-by-family", "list-by-unknown-family", "list-by-started-by",
         "list-by-instance", "list-stopped"]
AIM_MEMORY = "100,000/s"
AIM_STORE = "20,000/s"


def measured(bench, instances, tasks):
    """The cases that this run is about on one scene of that size: case -> what bench-core printed."""
    def make():
        cases = [case for case in PLACE + CALLS if any(f".{case}." in name for name in bench.chosen)]
        return Results({line["case"]: line for line in bench.run(
            "bench-core", *cases, "--instances", instances, "--tasks", tasks)})
    return bench.once(("core", instances, tasks), make).cases


class Results:
    def __init__(self, cases):
        self.cases = cases

    def close(self):
        pass


def enter_sizes(case, instances, tasks, is_large):
    aim = AIM_MEMORY if case in PLACE else None

    @row(f"core.{case}.{instances}i.{tasks}t", f"{case} in memory, {instances} instances, {tasks} tasks", is_large)
    def _(bench):
        line = measured(bench, instances, tasks)[case]
        return [Figure(line["per_s"], "/s", aim=aim, note=f"{line['cpu_us']:.3g} us of CPU each")]


def enter_growth(case, axis, sizes, is_large):
    name = f"grow.{case}.{axis}" + (".large" if is_large else "")

    @row(name, f"how the cost of {case} grows with {axis}", is_large)
    def _(bench):
        costs = [measured(bench, *size)[case]["cpu_us"] for size in sizes]
        at = [size[0 if axis == "instances" else 1] for size in sizes]
        return [Figure(costs[-1], "us CPU", note=growth(at, costs))]


def enter_store(case, instances, tasks, is_large):
    @row(f"store.{case}.{instances}i.{tasks}t", f"{case} committed to SQLite in batches of 1,000", is_large)
    def _(bench):
        path = os.path.join(bench.new_folder("store"), "server.db")
        line, = bench.run("bench-core", case, "--instances", instances, "--tasks", tasks, "--store", path)
        floor, = bench.run("bench-floor", "sqlite", path + ".floor", "--batch", 1000)
        for name in os.listdir(os.path.dirname(path)):
            os.remove(os.path.join(os.path.dirname(path), name))
        ratio = line["per_s"] / floor["per_s"]
        return [Figure(line["per_s"], "/s", aim=AIM_STORE if case in PLACE else None,
                       peer=f"{ratio:.2f} of bare SQLite inserts", note=f"{line['cpu_us']:.3g} us of CPU deciding each")]


BY_INSTANCES = [(100, 10000), (1000, 10000), (10000, 10000)]
BY_TASKS = [(1000, 10000), (1000, 100000)]
BY_TASKS_LARGE = [(1000, 10000), (1000, 100000), (1000, 1000000)]

for CASE in PLACE + CALLS:
    for SIZE in BY_INSTANCES + BY_TASKS[1:]:
        enter_sizes(CASE, *SIZE, is_large=False)
    enter_sizes(CASE, 1000, 1000000, is_large=True)
    enter_sizes(CASE, 10000, 1000000, is_large=True)
    enter_growth(CASE, "instances", BY_INSTANCES, is_large=False)
    enter_growth(CASE, "tasks", BY_TASKS, is_large=False)
    enter_growth(CASE, "tasks", BY_TASKS_LARGE, is_large=True)
for CASE in ["place-binpack", "place-spread-zone", "place-random", "register-definition", "put-attributes"]:
    enter_store(CASE, 1000, 10000, is_large=False)
    enter_store(CASE, 10000, 1000000, is_large=True)
