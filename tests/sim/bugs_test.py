#!/usr/bin/env python3
"""The test of the simulator: it finds every bug that is planted.

    bugs_test.py GANTRY_SIM [SEEDS]

Each bug of src/base/proof.c is switched on alone, and seeds are run from the first one on until one of them
fails; SEEDS (10,000) is how many it may take. Prints TAP, with the seed and what was broken there.
"""

import os
import re
import subprocess
import sys

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "src", "base", "proof.c")


def bugs():
    with open(SOURCE, encoding="utf-8") as text:
        names = re.findall(r'\[PLANT_\w+\] = STR_INIT\("([a-z-]+)"\)', text.read())
    return [name for name in names if name != "none"]


def hunt(simulator, bug, seeds):
    """(seed, what was broken) of the first seed that fails; (None, what was said) when none does."""
    command = [simulator, "--seeds", str(seeds), "--bug", bug]
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    seed = re.search(r"--seed (\d+) ", run.stdout)
    if run.returncode == 0 or seed is None:
        return None, run.stdout[-300:]
    broken = re.search(r"(?:broken|assertion failed): (.*)", run.stdout)
    return int(seed.group(1)), broken.group(1) if broken else "it ended by a signal"


def main(argv):
    simulator = argv[1]
    seeds = int(argv[2]) if len(argv) > 2 else 10000
    names = bugs()
    failed = 0 if names else 1
    print(f"1..{len(names)}")
    for number, bug in enumerate(names, 1):
        seed, what = hunt(simulator, bug, seeds)
        if seed is None:
            failed += 1
            print(f"not ok {number} - {bug} is found within {seeds} seeds")
            for line in what.split("\n"):
                print(f"# {line}")
        else:
            print(f"ok {number} - {bug} is found at seed {seed}: {what}")
        sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
