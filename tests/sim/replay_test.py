#!/usr/bin/env python3
"""Two runs of the same seeds commit the same things; a shrunk plan is one that can be run.

    replay_test.py GANTRY_SIM
"""

import subprocess
import sys


def digests(*args):
    done = subprocess.run([sys.argv[1], *args, "--digests"], stdout=subprocess.PIPE, text=True, check=True)
    return sorted(line for line in done.stdout.splitlines() if line.startswith("seed "))


once = digests("--from", "7", "--seeds", "6", "--jobs", "2")
again = digests("--from", "7", "--seeds", "6")
assert len(once) == 6, once
assert once == again, (once, again)

# Other actions make another run of the same seed, and the same ones the same.
kept = digests("--seed", "9", "--keep", "0-9")
assert kept == digests("--seed", "9", "--keep", "0-9")
assert kept != [line for line in once if line.startswith("seed 9:")]

bad = subprocess.run([sys.argv[1], "--seed", "9", "--keep", "0-99999"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
assert bad.returncode != 0 or bad.stderr, bad
