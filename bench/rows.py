"""What a row of the benchmark is, and what rows have in common: running the C programs, servers with their
stores, reading a process. The rows themselves are in rows_*.py.
"""

import fnmatch
import json
import math
import os
import signal
import subprocess
import tempfile
import time
import traceback

TABLE = []


class Row:
    """A measurement under one name. It gives one or more figures; the names of further ones begin with its own."""

    def __init__(self, name, measure, about, is_large):
        self.name, self.measure, self.about, self.is_large = name, measure, about, is_large


class Figure:
    """A value with its unit. `aim` is what we mean to reach, as text; `peer` a ratio with the peer's name; `note`
    what else belongs beside it."""

    def __init__(self, value, unit, suffix="", aim=None, peer=None, note=None):
        self.value, self.unit, self.suffix = value, unit, suffix
        self.aim, self.peer, self.note = aim, peer, note


class Missing(Exception):
    """Something the row needs is not installed here."""


class Broken(Exception):
    """The measurement met an error, so there is no figure."""


def row(name, about, is_large=False):
    """Enters a function of (bench) that returns figures."""

    def enter(measure):
        TABLE.append(Row(name, measure, about, is_large))
        return measure

    return enter


def choose(patterns, scale):
    """A name that is given is measured whatever its size; a pattern with a star only takes large rows with `scale`."""
    def wanted(entry):
        if not patterns:
            return scale or not entry.is_large
        return any(entry.name == pattern or (fnmatch.fnmatch(entry.name, pattern) and (scale or not entry.is_large))
                   for pattern in patterns)

    return [entry for entry in TABLE if wanted(entry)]


def shown(value):
    if value is None:
        return "-"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def command_of(entry):
    return f"bench/bench.py --only {entry.name}"


def run_all(bench, chosen, measured):
    """Measures, prints each row as soon as it is known, and adds entries for bench.json to `measured`."""
    print(f"{'figure':50} {'value':>10} {'unit':12} {'aim':14} note")
    for entry in chosen:
        try:
            figures = entry.measure(bench)
        except Missing as missing:
            print(f"{entry.name:50} {'-':>10} {'':12} {'':14} skipped: {missing}", flush=True)
            continue
        except Exception as error:  # a row that fails must not take the others with it
            if not isinstance(error, Broken):
                traceback.print_exc()
            figures = [Figure(None, "", note=f"failed: {error}")]
        for figure in figures:
            name = entry.name + (f".{figure.suffix}" if figure.suffix else "")
            notes = [text for text in (figure.peer, figure.note) if text]
            print(f"{name:50} {shown(figure.value):>10} {figure.unit:12} {figure.aim or '':14} {'; '.join(notes)}",
                  flush=True)
            line = {"name": name, "value": figure.value, "unit": figure.unit, "command": command_of(entry)}
            line.update({key: text for key, text in (("aim", figure.aim), ("peer", figure.peer), ("note", figure.note))
                         if text})
            measured.append(line)


def growth(sizes, costs):
    """How cost grows with size, as measured: the exponent between the smallest and the largest, in words."""
    if min(costs) <= 0:
        return "too small to tell"
    exponent = math.log(costs[-1] / costs[0]) / math.log(sizes[-1] / sizes[0])
    if exponent < 0.1:
        word = "flat"
    elif exponent < 0.3:
        word = "logarithmic"
    elif exponent < 0.8:
        word = "between logarithmic and linear"
    elif exponent < 1.2:
        word = "linear"
    else:
        word = "more than linear"
    ratio = " ".join(f"{cost / costs[0]:.2g}x" for cost in costs)
    return f"{word} ({ratio} at {'x '.join(str(int(size / sizes[0])) for size in sizes)}x)"


# --- processes -------------------------------------------------------------------------------------


def memory_mib(pid):
    """Resident memory of a process."""
    for line in open(f"/proc/{pid}/status"):
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise Broken("the process has no memory")


def cpu_seconds(pid):
    """Processor time of a process, all threads, to the nanosecond."""
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/schedstat") as stat:
            total += int(stat.read().split()[0])
    return total / 1e9


class Bench:
    """The build that is measured and a folder for what rows leave behind until the end."""

    def __init__(self, build, folder, seconds, chosen):
        self.build, self.folder, self.seconds = build, folder, seconds
        self.chosen = [entry.name for entry in chosen]
        self.kept, self.failed = {}, {}
        os.environ["GANTRY"] = self.gantry

    @property
    def gantry(self):
        return os.path.join(self.build, "src/gantry")

    def program(self, name):
        folder = "tests/fleet" if name == "gantry-fleet" else "bench"
        return os.path.join(self.build, folder, name)

    def run(self, name, *args, check=True):
        """One of our C programs, to its end: the objects it printed, a line each."""
        done = subprocess.run([self.program(name)] + [str(arg) for arg in args], capture_output=True, text=True)
        if check and done.returncode != 0:
            raise Broken(f"{name} {' '.join(map(str, args))}: {(done.stderr or done.stdout).strip()[-400:]}")
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]

    def new_folder(self, name):
        return tempfile.mkdtemp(prefix=name + "-", dir=self.folder)

    def once(self, key, make):
        """What several rows share: made by the first, closed at the end of the run. What cannot be made is not tried
        again."""
        if key in self.failed:
            raise Broken(self.failed[key])
        if key not in self.kept:
            try:
                self.kept[key] = make()
            except Missing:
                raise
            except Exception as error:
                self.failed[key] = str(error)
                raise
        return self.kept[key]

    def drop(self, key):
        thing = self.kept.pop(key, None)
        if thing is not None:
            thing.close()

    def close(self):
        for key in list(self.kept):
            self.drop(key)


class Background:
    """A process that serves while others are measured."""

    def __init__(self, argv, log):
        self.log = open(log, "ab")
        self.process = subprocess.Popen(argv, stdout=self.log, stderr=self.log)

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()


def wait_until(what, condition, seconds=60, pause=0.01):
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Broken(f"not within {seconds} s: {what}")
        time.sleep(pause)
