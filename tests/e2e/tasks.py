"""Words for tests that run tasks on a machine of rig.py: a container's definition, a task, what became of it."""

import itertools
import json
import os
import urllib.request

import rig

FOREVER = ["sleep", "600"]
NO_IMAGE = "127.0.0.1:1/nothing/here:1"

families = itertools.count(1)


def container(name, command=None, image=rig.IMAGE, **more):
    definition = {"name": name, "image": image, "memory": 16}
    if command is not None:
        definition["command"] = command
    return dict(definition, **more)


def shell(name, script, **more):
    return container(name, ["sh", "-c", script], **more)


def of(task, name):
    return next(c for c in task["containers"] if c["name"] == name)


def fetched(url):
    try:
        with urllib.request.urlopen(url, timeout=2) as reply:
            return reply.read()
    except OSError:
        return None


class Tasks:
    """Tasks of one cluster of a machine."""

    def __init__(self, machine, cluster="default"):
        self.machine, self.cluster = machine, cluster

    def call(self, operation, *args):
        return self.machine.call(operation, "--cluster", self.cluster, *args)

    def define(self, containers, **more):
        """Registers a definition of its own for the containers; its family."""
        family = f"e2e-{next(families)}"
        flags = []
        for name, value in more.items():
            flags += ["--" + name.replace("_", "-"), value if isinstance(value, str) else json.dumps(value)]
        self.machine.call("register-task-definition", "--family", family, "--container-definitions", json.dumps(containers), *flags)
        return family

    def try_to_run(self, family, *flags):
        """RunTask's reply."""
        return self.call("run-task", "--task-definition", family, *flags)

    def run(self, containers, **more):
        """Runs a definition of its own once; the task's ARN."""
        overrides = more.pop("overrides", None)
        flags = ["--overrides", json.dumps(overrides)] if overrides else []
        started = self.try_to_run(self.define(containers, **more), *flags)
        if started["failures"]:
            raise AssertionError(started["failures"])
        return started["tasks"][0]["taskArn"]

    def describe(self, arn):
        return self.call("describe-tasks", "--tasks", arn)["tasks"][0]

    def await_status(self, arn, status, seconds=60):
        def reached():
            task = self.describe(arn)
            if status == "RUNNING" and task["lastStatus"] == "STOPPED":
                raise AssertionError(f"stopped instead of running: {json.dumps(task)}")
            return task if task["lastStatus"] == status else None

        return rig.wait_until(f"{arn} is {status}", reached, seconds)

    def stop(self, arn, seconds=60):
        self.call("stop-task", "--task", arn)
        return self.await_status(arn, "STOPPED", seconds)

    def output(self, arn, name="app", stream="stdout"):
        """What the container wrote; it must not have been cleaned up yet."""
        return getattr(self.machine.docker.docker("logs", of(self.describe(arn), name)["runtimeId"]), stream)

    def await_output(self, arn, name="app"):
        return rig.wait_until(f"output of {name}", lambda: self.output(arn, name))

    def inspect(self, arn, name="app"):
        return json.loads(self.machine.docker.docker("inspect", of(self.describe(arn), name)["runtimeId"]).stdout)[0]

    def docker_state(self, arn, name="app"):
        done = self.machine.docker.docker("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", of(self.describe(arn), name)["runtimeId"])
        return done.stdout.strip()

    def of_docker(self, arn):
        """Ids of the task's containers that the engine has."""
        found = self.machine.docker.docker("ps", "-aq", "--no-trunc", "--filter", f"label=com.amazonaws.ecs.task-arn={arn}")
        return found.stdout.split()

    def instance_is_connected(self):
        return self.call("list-container-instances", "--filter", "agentConnected == true")["containerInstanceArns"] != []


def ours(machine):
    """Ids of all containers that agents have made."""
    return machine.docker.docker("ps", "-aq", "--no-trunc", "--filter", "label=com.amazonaws.ecs.task-arn").stdout.split()


def file_in(folder, name, text=""):
    path = os.path.join(folder, name)
    with open(path, "w") as file:
        file.write(text)
    return path
