"""Starts a machine and lets js/tour.mjs, on AWS's SDK for JavaScript, speak to it."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rig  # noqa: E402

JS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "js")


NODE_MAJOR = 20  # the oldest that the SDK runs on


def node_argv():
    """The installed Node.js when it is new enough (Debian 12's is not), else one from the npm registry."""
    version = subprocess.run(["node", "--version"], stdout=subprocess.PIPE, text=True).stdout
    if int(version.lstrip("v").split(".")[0]) >= NODE_MAJOR:
        return ["node"]
    return ["npx", "--yes", f"--package=node@{NODE_MAJOR}", "--", "node"]


def main():
    if not os.path.isdir(os.path.join(JS, "node_modules")):
        subprocess.run(["npm", "ci", "--silent"], cwd=JS, check=True, stdout=subprocess.DEVNULL)
    machine = rig.Machine()
    try:
        env = dict(machine.aws_env(), GANTRY_E2E_IMAGE=rig.IMAGE)
        status = subprocess.run([*node_argv(), "tour.mjs"], cwd=JS, env=env).returncode
    finally:
        machine.close()
    calls, findings = rig.traffic.check()
    for finding in findings or ([] if calls else ["no call was recorded"]):
        print(f"# {finding}", flush=True)
    return status or int(bool(findings) or not calls)


if __name__ == "__main__":
    sys.exit(main())
