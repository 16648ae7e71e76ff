"""The agent against a real Docker Engine: what a container gets, how tasks end, and what survives when a
process is killed in the middle of it."""

import json
import os
import signal
import sys
import unittest
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rig  # noqa: E402

FOREVER = ["sleep", "600"]
NO_IMAGE = "127.0.0.1:1/nothing/here:1"


def setUpModule():
    global machine, slow
    signal.signal(signal.SIGTERM, terminated)
    machine = rig.Machine(env={"ECS_IMAGE_PULL_BEHAVIOR": "prefer-cached", "ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION": "2s",
                               "ECS_CONTAINER_STOP_TIMEOUT": "2s"})
    try:
        slow = {  # tasks that take their time, begun early
            "no image": run([container("app", FOREVER, image=NO_IMAGE)]),
            "healthy": run([
                container("app", FOREVER, dependsOn=[{"containerName": "db", "condition": "HEALTHY"}]),
                container("db", ["sh", "-c", "sleep 2; touch /tmp/ok; sleep 600"], healthCheck={
                    "command": ["CMD-SHELL", "ls /tmp/ok"], "interval": 5, "retries": 5}),
            ]),
        }
    except BaseException:
        machine.close()
        raise


def terminated(*_):
    """A runner that lost its patience: nothing may stay behind."""
    if "machine" in globals():
        machine.close()
    os._exit(1)


def tearDownModule():
    machine.close()


# ---- words


def container(name, command=None, image=rig.IMAGE, **more):
    definition = {"name": name, "image": image, "memory": 16}
    if command is not None:
        definition["command"] = command
    return dict(definition, **more)


families = iter(range(1, 1000))


def run(containers, **more):
    """Registers a definition of its own for the containers, runs it once; the task's ARN."""
    family = f"e2e-{next(families)}"
    flags = []
    for name, value in more.items():
        flags += ["--" + name.replace("_", "-"), value if isinstance(value, str) else json.dumps(value)]
    machine.call("register-task-definition", "--family", family, "--container-definitions", json.dumps(containers), *flags)
    started = machine.call("run-task", "--task-definition", family)
    if started["failures"]:
        raise AssertionError(started["failures"])
    return started["tasks"][0]["taskArn"]


def describe(arn):
    return machine.call("describe-tasks", "--tasks", arn)["tasks"][0]


def await_status(arn, status, seconds=60):
    def reached():
        task = describe(arn)
        if status == "RUNNING" and task["lastStatus"] == "STOPPED":
            raise AssertionError(f"stopped instead of running: {json.dumps(task)}")
        return task if task["lastStatus"] == status else None

    return rig.wait_until(f"{arn} is {status}", reached, seconds)


def of(task, name):
    return next(c for c in task["containers"] if c["name"] == name)


def stop(arn):
    machine.call("stop-task", "--task", arn)
    return await_status(arn, "STOPPED")


def output(arn, name="app"):
    """What the container wrote; it must not have been cleaned up yet."""
    return machine.docker.docker("logs", of(describe(arn), name)["runtimeId"]).stdout


def docker_state(arn, name="app"):
    done = machine.docker.docker("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", of(describe(arn), name)["runtimeId"])
    return done.stdout.strip()


def instance_is_connected():
    return machine.call("list-container-instances", "--filter", "agentConnected == true")["containerInstanceArns"] != []


def ours():
    """Ids of all containers that the agent has made."""
    return machine.docker.docker("ps", "-aq", "--no-trunc", "--filter", "label=com.amazonaws.ecs.task-arn").stdout.split()


class Containers(unittest.TestCase):
    def test_an_exit_code_arrives_with_its_times(self):
        task = await_status(run([container("app", ["sh", "-c", "exit 7"])]), "STOPPED")
        self.assertEqual(of(task, "app")["exitCode"], 7)
        self.assertEqual(task["stopCode"], "EssentialContainerExited")
        self.assertLessEqual(task["pullStartedAt"], task["pullStoppedAt"])
        self.assertLessEqual(task["createdAt"], task["stoppedAt"])

    def test_a_process_that_ignores_sigterm_is_killed_after_its_stop_timeout(self):
        arn = run([container("app", ["sh", "-c", "trap '' TERM; while :; do sleep 1; done"], stopTimeout=2)])
        await_status(arn, "RUNNING")
        task = stop(arn)
        self.assertEqual(of(task, "app")["exitCode"], 137)
        self.assertEqual(task["stopCode"], "UserInitiated")
        self.assertGreaterEqual(task["executionStoppedAt"] - task["stoppingAt"], 1.9)

    def test_a_process_that_heeds_sigterm_ends_by_itself(self):
        arn = run([container("app", ["sh", "-c", "trap 'exit 5' TERM; while :; do sleep 0.1; done"], stopTimeout=60)])
        await_status(arn, "RUNNING")
        self.assertEqual(of(stop(arn), "app")["exitCode"], 5)

    def test_ports_are_reported_and_can_be_reached(self):
        fixed = rig.free_port()
        serve = ["sh", "-c", "echo hello > /tmp/index.html; httpd -f -p 80 -h /tmp"]
        arn = run([container("fixed", serve, portMappings=[{"containerPort": 80, "hostPort": fixed}]),
                   container("any", serve, portMappings=[{"containerPort": 80, "hostPort": 0}])])
        task = await_status(arn, "RUNNING")
        bindings = {c["name"]: c["networkBindings"] for c in task["containers"]}
        self.assertEqual([b["hostPort"] for b in bindings["fixed"]], [fixed])
        self.assertEqual(len(bindings["any"]), 1)
        for binding in bindings["fixed"] + bindings["any"]:
            self.assertEqual((binding["containerPort"], binding["protocol"], binding["bindIP"]), (80, "tcp", "0.0.0.0"))
            url = f"http://127.0.0.1:{binding['hostPort']}/"
            self.assertEqual(rig.wait_until(url, lambda: fetched(url)), b"hello\n")
        stop(arn)

    def test_environment_user_folder_and_entry_point_reach_the_process(self):
        arn = run([container("app", ["echo $A $0 $(id -u):$(id -g) $(pwd); sleep 600", "zero"], entryPoint=["sh", "-c"], user="1000:1001",
                             workingDirectory="/tmp", environment=[{"name": "A", "value": "b c"}])])
        await_status(arn, "RUNNING")
        self.assertEqual(rig.wait_until("output", lambda: output(arn)), "b c zero 1000:1001 /tmp\n")
        stop(arn)

    def test_limits_reach_the_container(self):
        arn = run([container("app", FOREVER, cpu=128, memory=24, memoryReservation=12,
                             ulimits=[{"name": "nofile", "softLimit": 100, "hardLimit": 200}], dockerLabels={"mine": "yes"})])
        task = await_status(arn, "RUNNING")
        seen = json.loads(machine.docker.docker("inspect", of(task, "app")["runtimeId"]).stdout)[0]
        host = seen["HostConfig"]
        self.assertEqual((host["CpuShares"], host["Memory"], host["MemoryReservation"]), (128, 24 << 20, 12 << 20))
        self.assertEqual(host["Ulimits"], [{"Name": "nofile", "Soft": 100, "Hard": 200}])
        self.assertEqual(seen["Config"]["Labels"]["mine"], "yes")
        self.assertEqual(seen["Config"]["Labels"]["com.amazonaws.ecs.task-arn"], arn)
        stop(arn)

    def test_host_network_is_the_hosts(self):
        name = os.uname().nodename
        arn = run([container("app", ["sh", "-c", "hostname; sleep 600"])], network_mode="host")
        await_status(arn, "RUNNING")
        self.assertEqual(rig.wait_until("output", lambda: output(arn)).strip(), name)
        stop(arn)

    def test_a_folder_of_the_host_is_mounted(self):
        folder = os.path.join(machine.folder, "shared")
        os.makedirs(folder)
        arn = run([container("app", ["sh", "-c", "echo from inside > /data/note; touch /fixed/x || exit 9"],
                             mountPoints=[{"sourceVolume": "v", "containerPath": "/data"},
                                          {"sourceVolume": "v", "containerPath": "/fixed", "readOnly": True}])],
                  volumes=[{"name": "v", "host": {"sourcePath": folder}}])
        self.assertEqual(of(await_status(arn, "STOPPED"), "app")["exitCode"], 9)
        with open(os.path.join(folder, "note")) as note:
            self.assertEqual(note.read(), "from inside\n")

    def test_containers_of_a_task_share_its_empty_volume(self):
        mount = [{"sourceVolume": "scratch", "containerPath": "/data"}]
        arn = run([container("first", ["sh", "-c", "echo 1 > /data/n"], essential=False, mountPoints=mount),
                   container("second", ["sh", "-c", "exit $(cat /data/n)3"], mountPoints=mount,
                             dependsOn=[{"containerName": "first", "condition": "SUCCESS"}])],
                  volumes=[{"name": "scratch", "host": {}}])
        self.assertEqual(of(await_status(arn, "STOPPED"), "second")["exitCode"], 13)

    def test_a_shared_docker_volume_outlives_its_task(self):
        volume = {"name": "e2e-shared", "dockerVolumeConfiguration": {"scope": "shared", "autoprovision": True, "driver": "local"}}
        mount = [{"sourceVolume": "e2e-shared", "containerPath": "/data"}]
        await_status(run([container("app", ["sh", "-c", "echo 21 > /data/n"], mountPoints=mount)], volumes=[volume]), "STOPPED")
        task = await_status(run([container("app", ["sh", "-c", "exit $(cat /data/n)"], mountPoints=mount)], volumes=[volume]), "STOPPED")
        self.assertEqual(of(task, "app")["exitCode"], 21)

    def test_a_link_names_another_container(self):
        arn = run([container("web", ["sh", "-c", "echo hello > /tmp/index.html; httpd -f -p 8080 -h /tmp"]),
                   container("app", ["sh", "-c", "until wget -q -O - http://site:8080/; do sleep 0.1; done; sleep 600"], links=["web:site"])])
        await_status(arn, "RUNNING")
        self.assertEqual(rig.wait_until("the page", lambda: output(arn)), "hello\n")
        stop(arn)

    def test_a_container_waits_for_another_to_be_healthy(self):
        task = await_status(slow["healthy"], "RUNNING")
        db, app = (json.loads(machine.docker.docker("inspect", of(task, name)["runtimeId"]).stdout)[0] for name in ("db", "app"))
        self.assertEqual(db["State"]["Health"]["Status"], "healthy")
        self.assertLess(db["State"]["Health"]["Log"][0]["Start"], app["State"]["StartedAt"])
        rig.wait_until("health is told by telemetry", lambda: of(describe(slow["healthy"]), "db")["healthStatus"] == "HEALTHY", 45)
        stop(slow["healthy"])

    def test_a_failed_dependency_stops_the_task(self):
        arn = run([container("init", ["sh", "-c", "exit 4"], essential=False),
                   container("app", FOREVER, dependsOn=[{"containerName": "init", "condition": "SUCCESS"}])])
        task = await_status(arn, "STOPPED")
        self.assertEqual(of(task, "init")["exitCode"], 4)
        self.assertEqual(task["stopCode"], "TaskFailedToStart")

    def test_the_end_of_a_container_that_is_not_essential_is_only_told(self):
        arn = run([container("app", FOREVER), container("side", ["sh", "-c", "sleep 1; exit 3"], essential=False)])
        await_status(arn, "RUNNING")
        rig.wait_until("the end is told", lambda: of(describe(arn), "side").get("exitCode") == 3, 45)
        task = describe(arn)
        self.assertEqual((task["lastStatus"], of(task, "app")["lastStatus"], of(task, "side")["lastStatus"]), ("RUNNING", "RUNNING", "STOPPED"))
        stop(arn)

    def test_the_end_of_an_essential_container_ends_the_others(self):
        arn = run([container("app", ["sh", "-c", "sleep 1; exit 0"]), container("side", FOREVER, essential=False)])
        task = await_status(arn, "STOPPED")
        self.assertEqual(of(task, "app")["exitCode"], 0)
        self.assertEqual(of(task, "side")["exitCode"], 137)
        self.assertEqual((task["stopCode"], task["stoppedReason"]), ("EssentialContainerExited", "Essential container in task exited"))

    def test_a_command_that_is_not_there_is_the_reason(self):
        task = await_status(run([container("app", ["/no/such/program"])]), "STOPPED")
        self.assertEqual(task["stopCode"], "TaskFailedToStart")
        self.assertIn("CannotStartContainerError", of(task, "app")["reason"])

    def test_an_image_that_is_nowhere_is_the_reason(self):
        task = await_status(slow["no image"], "STOPPED", 90)
        self.assertEqual(task["stopCode"], "TaskFailedToStart")
        self.assertRegex(of(task, "app")["reason"], "^CannotPull(ImageManifest|Container)Error: ")  # the first error stays


def fetched(url):
    try:
        with urllib.request.urlopen(url, timeout=2) as reply:
            return reply.read()
    except OSError:
        return None


class Disturbances(unittest.TestCase):
    """In the order of their names, on the same machine: each leaves it working."""

    def kill(self, name):
        (pid,) = machine.children(name)
        os.kill(pid, signal.SIGKILL)
        return pid

    def await_new(self, name, old):
        rig.wait_until(f"a new {name}", lambda: machine.children(name) not in ([], [old]))

    def test_1_an_agent_that_was_killed_finds_its_containers_again(self):
        arns = [run([container("app", FOREVER)]) for _ in range(3)]
        before = [of(await_status(arn, "RUNNING"), "app")["runtimeId"] for arn in arns]
        self.await_new("agent", self.kill("agent"))
        rig.wait_until("connected again", instance_is_connected)
        after = run([container("app", ["sh", "-c", "exit 6"])])
        self.assertEqual(of(await_status(after, "STOPPED"), "app")["exitCode"], 6)
        self.assertEqual([of(describe(arn), "app")["runtimeId"] for arn in arns], before)
        for arn in arns:
            self.assertEqual(docker_state(arn), "running 0")
            self.assertEqual(of(stop(arn), "app")["exitCode"], 137)
        for runtime_id in before:
            self.assertLessEqual(ours().count(runtime_id), 1)

    def test_2_what_ended_while_the_agent_was_dead_is_reported(self):
        gate = os.path.join(machine.folder, "gate")
        os.makedirs(gate)
        arn = run([container("app", ["sh", "-c", "until ls /gate/open; do sleep 0.1; done; exit 9"],
                             mountPoints=[{"sourceVolume": "gate", "containerPath": "/gate"}])],
                  volumes=[{"name": "gate", "host": {"sourcePath": gate}}])
        await_status(arn, "RUNNING")
        machine.process.send_signal(signal.SIGSTOP)  # the parent must not start the agent again yet
        try:
            self.kill("agent")
            with open(os.path.join(gate, "open"), "w"):
                pass
            rig.wait_until("the container ended", lambda: docker_state(arn) == "exited 9")
            self.assertEqual(describe(arn)["lastStatus"], "RUNNING")
        finally:
            machine.process.send_signal(signal.SIGCONT)
        task = await_status(arn, "STOPPED")
        self.assertEqual(of(task, "app")["exitCode"], 9)
        self.assertEqual(task["stopCode"], "EssentialContainerExited")

    def test_3_agents_killed_at_any_moment_double_nothing(self):
        arns = []
        for _ in range(4):  # each kill falls into another part of a task's start
            arns.append(run([container("app", FOREVER)]))
            self.await_new("agent", self.kill("agent"))
        for arn in arns:
            await_status(arn, "RUNNING")
            found = machine.docker.docker("ps", "-aq", "--filter", f"label=com.amazonaws.ecs.task-arn={arn}").stdout.split()
            self.assertEqual(len(found), 1)
        for arn in arns:
            stop(arn)

    def test_4_containers_live_on_while_the_server_is_dead(self):
        arn = run([container("app", FOREVER)])
        await_status(arn, "RUNNING")
        brief = run([container("app", ["sh", "-c", "sleep 3; exit 8"])])
        await_status(brief, "RUNNING")
        machine.process.send_signal(signal.SIGSTOP)
        try:
            ids = {name: of(describe(name), "app")["runtimeId"] for name in (arn, brief)}
            self.kill("server")
            state = lambda name: machine.docker.docker("inspect", "-f", "{{.State.Status}}", ids[name]).stdout.strip()
            rig.wait_until("one ended meanwhile", lambda: state(brief) == "exited")
            self.assertEqual(state(arn), "running")
        finally:
            machine.process.send_signal(signal.SIGCONT)
        rig.wait_until("the server answers", lambda: machine.ecs("list-clusters", check=False).returncode == 0)
        self.assertEqual(of(await_status(brief, "STOPPED"), "app")["exitCode"], 8)
        rig.wait_until("connected again", instance_is_connected)
        self.assertEqual(describe(arn)["lastStatus"], "RUNNING")
        self.assertEqual(of(stop(arn), "app")["exitCode"], 137)

    def test_5_a_docker_that_hangs_does_not_hang_the_agent(self):
        engine = machine.docker.process
        running = run([container("app", FOREVER)])
        await_status(running, "RUNNING")
        engine.send_signal(signal.SIGSTOP)
        try:
            waiting = run([container("app", ["sh", "-c", "exit 2"])])
            machine.call("stop-task", "--task", running)
            self.kill("server")  # whoever hangs would not dial again
            rig.wait_until("the server answers", lambda: machine.ecs("list-clusters", check=False).returncode == 0)
            rig.wait_until("connected again", instance_is_connected)
            self.assertNotEqual(describe(waiting)["lastStatus"], "STOPPED")
        finally:
            engine.send_signal(signal.SIGCONT)
        self.assertEqual(of(await_status(waiting, "STOPPED"), "app")["exitCode"], 2)
        self.assertEqual(of(await_status(running, "STOPPED"), "app")["exitCode"], 137)

    def test_6_a_docker_that_died_is_the_reason(self):
        lost = run([container("app", FOREVER)])
        await_status(lost, "RUNNING")
        machine.docker.process.kill()
        machine.docker.process.wait()
        failed = run([container("app", FOREVER)])
        task = await_status(failed, "STOPPED", 90)
        self.assertEqual(task["stopCode"], "TaskFailedToStart")
        self.assertIn("CannotPull", of(task, "app")["reason"])
        machine.docker.start()
        self.assertNotEqual(await_status(lost, "STOPPED", 90)["stoppedReason"], "")
        task = await_status(run([container("app", ["sh", "-c", "exit 4"])]), "STOPPED")
        self.assertEqual(of(task, "app")["exitCode"], 4)


class Leftovers(unittest.TestCase):
    def test_stopped_tasks_leave_nothing_but_shared_volumes(self):
        for arn in machine.call("list-tasks")["taskArns"]:
            stop(arn)
        rig.wait_until("no container is left", lambda: ours() == [])
        rig.wait_until("no volume is left", lambda: machine.docker.docker("volume", "ls", "-q").stdout.split() in ([], ["e2e-shared"]))


if __name__ == "__main__":
    rig.TapResult.main(__name__)
