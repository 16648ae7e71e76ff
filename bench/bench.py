#!/usr/bin/env python3
"""The benchmark: builds a release, measures, prints a table and writes build/bench.json.

    bench/bench.py                    everything that fits into ten minutes (make bench)
    bench/bench.py --scale            the large sizes, too (make bench-scale)
    bench/bench.py --only 'api.*'     the rows whose names match; a name, or a pattern of the shell's kind
    bench/bench.py --list             the names

Each entry of bench.json is {"name", "value", "unit", "command"}, with "aim" and "peer" (a ratio) where there are
some. Peers are measured in the same run, interleaved with what they are held against, when they are installed.
Rows are in rows_*.py beside this file; a row with an error is reported as such and has no value.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
sys.path[:0] = [HERE, os.path.join(ROOT, "tests/wire"), os.path.join(ROOT, "tests/e2e")]
sys.dont_write_bytecode = True

import rows  # noqa: E402
import rows_agent  # noqa: E402,F401: they enter themselves into rows.TABLE
import rows_api  # noqa: E402,F401
import rows_core  # noqa: E402,F401
import rows_docker  # noqa: E402,F401
import rows_fleet  # noqa: E402,F401
import rows_services  # noqa: E402,F401
import rows_start  # noqa: E402,F401


def build(folder):
    """A release build; says nothing unless it fails."""
    steps = [["ninja", "-C", folder], ["ninja", "-C", folder, "bench-programs"]]
    if not os.path.exists(os.path.join(folder, "build.ninja")):
        steps.insert(0, ["meson", "setup", folder, ROOT, "--buildtype=release", "-Db_lto=true", "-Dtests=disabled"])
    for step in steps:
        done = subprocess.run(step, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            sys.exit(f"{' '.join(step)} failed:\n{done.stdout}")


def machine():
    """One line on what this was measured on."""
    model = "unknown"
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 30
    load = os.getloadavg()[0]
    commit = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    return (f"{os.cpu_count()} x {model}, {memory} GiB, kernel {os.uname().release}, load {load:.1f}, "
            f"commit {commit.stdout.strip() or 'unknown'}, {time.strftime('%Y-%m-%d %H:%M')} UTC")


def keep(path, measured, whole):
    """Rows of a partial run replace their namesakes and leave the others as they were."""
    entries = []
    if not whole and os.path.exists(path):
        names = {entry["name"] for entry in measured}
        with open(path) as before:
            entries = [entry for entry in json.load(before) if entry["name"] not in names]
    with open(path + ".new", "w") as out:
        out.write("[\n" + ",\n".join(json.dumps(entry) for entry in entries + measured) + "\n]\n")
    os.replace(path + ".new", path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", action="append", metavar="NAME", help="rows to measure, a shell pattern; may be repeated")
    parser.add_argument("--scale", action="store_true", help="the large sizes, too")
    parser.add_argument("--list", action="store_true", help="print the names of the rows")
    parser.add_argument("--build", default=os.path.join(ROOT, "build"), help="build folder (build)")
    parser.add_argument("--no-build", action="store_true", help="take the programs as they are")
    parser.add_argument("--seconds", type=float, default=1.5, help="how long a row of calls is measured (1.5)")
    args = parser.parse_args()
    chosen = rows.choose(args.only, args.scale)
    if args.list:
        for row in rows.choose(args.only, True):
            print(f"{row.name:42} {'scale ' if row.is_large else '      '} {row.about}")
        return 0
    if not chosen:
        sys.exit("no row of that name; see --list")
    if not args.no_build:
        build(args.build)
    where = machine()
    print(where, flush=True)
    measured = []
    with tempfile.TemporaryDirectory(prefix="gantry-bench-") as folder:
        bench = rows.Bench(os.path.abspath(args.build), folder, args.seconds, chosen)
        try:
            rows.run_all(bench, chosen, measured)
        finally:
            bench.close()
    for entry in measured:
        entry["machine"] = where
    keep(os.path.join(args.build, "bench.json"), measured, not args.only)
    failed = [entry["name"] for entry in measured if entry["value"] is None]
    if failed:
        print(f"no figure: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
