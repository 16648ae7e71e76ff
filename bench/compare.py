#!/usr/bin/env python3
"""Two builds against each other: the same rows in turns, so that whatever else the machine does meets both.

    bench/compare.py BUILD_A BUILD_B --only 'api.DescribeTasks-1.64' [--rounds 5]

Prints the median of each figure and the ratio B / A with its spread. Processor time (in the notes of rows of calls,
"us of CPU") is compared, too; on a busy machine it is the figure to look at.
"""

import argparse
import os
import re
import statistics
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../tests/wire"), os.path.join(HERE, "../tests/e2e")]
sys.dont_write_bytecode = True

import bench  # noqa: E402,F401: enters the rows
import rows  # noqa: E402


def measure(build, chosen, seconds):
    """Name -> value of every figure, and of the server's processor time where the note tells it."""
    values = {}
    with tempfile.TemporaryDirectory(prefix="gantry-compare-") as folder:
        world = rows.Bench(os.path.abspath(build), folder, seconds, chosen)
        try:
            for row in chosen:
                for figure in row.measure(world):
                    name = row.name + (f".{figure.suffix}" if figure.suffix else "")
                    values[f"{name} ({figure.unit})"] = figure.value
                    cpu = re.search(r"([\d.]+) us of CPU", figure.note or "")
                    if cpu:
                        values[f"{name} (us of CPU)"] = float(cpu.group(1))
        finally:
            world.close()
    return values


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("builds", nargs=2, metavar="BUILD")
    parser.add_argument("--only", action="append", required=True, metavar="NAME", help="as for bench.py")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0)
    args = parser.parse_args()
    chosen = rows.choose(args.only, False)
    if not chosen:
        sys.exit("no row of that name; see bench.py --list")
    taken = [[], []]
    for _ in range(args.rounds):
        for which, build in enumerate(args.builds):
            taken[which].append(measure(build, chosen, args.seconds))
    print(f"{'figure':56} {'A':>10} {'B':>10} {'B / A':>7}  of each round")
    for name in taken[0][0]:
        pairs = [(a[name], b[name]) for a, b in zip(*taken)]
        ratios = [b / a for a, b in pairs if a]
        if ratios:
            middle = [rows.shown(statistics.median(side)) for side in zip(*pairs)]
            print(f"{name:56} {middle[0]:>10} {middle[1]:>10} {statistics.median(ratios):7.2f}  "
                  f"{' '.join(f'{ratio:.2f}' for ratio in sorted(ratios))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
