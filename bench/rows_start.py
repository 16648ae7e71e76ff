"""Starting a server on stores of growing size, what its state takes in memory, and what it does when idle."""

import time

from gantry import Silent, Wire
from rows import Figure, cpu_seconds, growth, memory_mib, row
from world import BenchServer

IDLE_SECONDS = 3
SIZES = {"0": (0, 0), "10k": (100, 10000), "100k": (100, 100000), "1m": (1000, 1000000)}
AIM_START = {"0": "0.1 s", "100k": "1 s", "1m": "10 s"}


class Started:
    """A server on a store of that size, with the time until it answered and its memory when it was quiet."""

    def __init__(self, bench, size):
        self.server = BenchServer(bench, *SIZES[size])
        first = self.timed_start()
        self.server.stop()  # the second start finds the file in the page cache, as the first did, and keys in place
        self.seconds = min(first, self.timed_start())
        time.sleep(0.5)
        self.memory = memory_mib(self.server.process.pid)

    def timed_start(self):
        started = time.monotonic()
        self.server.start()
        while True:
            try:
                wire = Wire(self.server.port)
                wire.send(f"GET /healthz HTTP/1.1\r\nHost: {self.server.host}\r\n\r\n".encode())
                answered = wire.reply().status == 200
                wire.close()
                if answered:
                    self.cpu = cpu_seconds(self.server.process.pid)
                    return time.monotonic() - started
            except (OSError, Silent):
                pass

    def idle_percent(self):
        before = cpu_seconds(self.server.process.pid)
        time.sleep(IDLE_SECONDS)
        return (cpu_seconds(self.server.process.pid) - before) / IDLE_SECONDS * 100

    def close(self):
        self.server.close()


def started(bench, size):
    return bench.once(("started", size), lambda: Started(bench, size))


def enter_size(size, is_large):
    tasks = SIZES[size][1]

    @row(f"start.{size}", f"from exec to the first answer with {tasks:,} tasks in the store", is_large)
    def _(bench):
        return [Figure(started(bench, size).seconds, "s", aim=AIM_START.get(size),
                       note=f"{started(bench, size).cpu:.3g} s of CPU")]

    if tasks:
        @row(f"memory.task.{size}", f"resident memory of a server with {tasks:,} tasks less that of an empty one, a task",
             is_large)
        def _(bench):
            ours = started(bench, size).memory
            return [Figure((ours - started(bench, "0").memory) * 2**20 / tasks, "bytes", aim="1,000",
                           note=f"{ours:.0f} MiB resident")]

    @row(f"idle.cpu.{size}", f"processor time of an idle server with {tasks:,} tasks", is_large)
    def _(bench):
        return [Figure(started(bench, size).idle_percent(), "% of a core", aim="1")]


enter_size("0", False)


@row("memory.idle", "resident memory of an empty server")
def _(bench):
    return [Figure(started(bench, "0").memory, "MiB", aim="30")]


enter_size("10k", False)
enter_size("100k", False)
enter_size("1m", True)


def enter_growth(sizes, is_large):
    end = ".large" if is_large else ""
    tasks = [SIZES[size][1] for size in sizes]

    @row(f"grow.start.tasks{end}", "how the start grows with the tasks in the store", is_large)
    def _(bench):
        costs = [started(bench, size).cpu for size in sizes]
        return [Figure(costs[-1], "s CPU", note=f"{growth(tasks, costs)}; every task is read once")]

    @row(f"grow.memory.tasks{end}", "how memory grows with the tasks in state", is_large)
    def _(bench):
        costs = [started(bench, size).memory - started(bench, "0").memory for size in sizes]
        return [Figure(costs[-1], "MiB", note=f"{growth(tasks, costs)}; every task is kept in memory")]


enter_growth(("10k", "100k"), False)
enter_growth(("10k", "100k", "1m"), True)
