"""Starts a machine and lets js/tour.mjs, on AWS's SDK for JavaScript, speak to it."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rig  # noqa: E402

JS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "js")


def main():
    if not os.path.isdir(os.path.join(JS, "node_modules")):
        subprocess.run(["npm", "ci", "--silent"], cwd=JS, check=True, stdout=subprocess.DEVNULL)
    machine = rig.Machine()
    try:
        env = dict(machine.aws_env(), GANTRY_E2E_IMAGE=rig.IMAGE)
        return subprocess.run(["node", "tour.mjs"], cwd=JS, env=env).returncode
    finally:
        machine.close()


if __name__ == "__main__":
    sys.exit(main())
