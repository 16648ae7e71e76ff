#!/usr/bin/env python3
"""All storms in their full length on a built tree, two at a time; prints a table and exits 1 on any miss.

    tests/storm/run.py BUILD_FOLDER [NAME...]        NAME: server, fault, agent, agent_fault, client, peer

STORM_JOBS says how many at a time; what each said is in BUILD_FOLDER/storm-NAME.log.
"""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
# The longest first.
NAMES = ["agent_fault", "fault", "agent", "server", "client", "peer"]


def run(build, name):
    """Seconds, and the log's lines."""
    env = dict(os.environ, STORM="full", GANTRY=os.path.join(build, "src/gantry"),
               FAULTY=os.path.join(build, "tests/storm/libfaulty.so"))
    path = os.path.join(build, f"storm-{name}.log")
    began = time.monotonic()
    with open(path, "w") as log:
        status = subprocess.run([sys.executable, os.path.join(HERE, f"{name}_storm.py")], stdout=log, stderr=log, env=env).returncode
    with open(path) as log:
        return time.monotonic() - began, status, log.read().splitlines()


def rows_of(lines):
    """(verdict, sentence, what was counted) of each test."""
    rows = []
    for line in lines:
        if line.startswith(("ok ", "not ok ")):
            verdict, _, sentence = line.partition(" - ")
            rows.append(["ok" if verdict.startswith("ok") else "MISS", sentence, ""])
        elif line.startswith("# ") and rows and not rows[-1][2]:
            rows[-1][2] = line[2:]
    return rows


def main(argv):
    build, names = os.path.abspath(argv[1]), argv[2:] or NAMES
    failed = passed = 0
    with ThreadPoolExecutor(int(os.environ.get("STORM_JOBS", "2"))) as pool:
        results = {name: pool.submit(run, build, name) for name in NAMES if name in names}
        for name, result in results.items():
            seconds, status, lines = result.result()
            rows = rows_of(lines)
            print(f"\n{name}: {seconds:.0f} s")
            for verdict, sentence, told in rows:
                print(f"  {verdict:4} {sentence}\n       {told[:200]}")
            misses = sum(row[0] != "ok" for row in rows)
            if (status != 0 or not rows) and not misses:
                misses = 1
                print("  MISS the storm itself failed:\n" + "\n".join(lines[-20:]))
            failed += misses
            passed += len(rows) - misses
            sys.stdout.flush()
    print(f"\n{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
