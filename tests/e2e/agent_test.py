"""The agent against a real Docker Engine: what a container gets, how tasks end, and what survives when a
process is killed in the middle of it."""

import json
import os
import signal
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rig  # noqa: E402
from tasks import FOREVER, Tasks, container, of, ours  # noqa: E402

rig.own_network()


def setUpModule():
    global machine, tasks, slow
    signal.signal(signal.SIGTERM, terminated)
    machine = rig.Machine(env={"ECS_IMAGE_PULL_BEHAVIOR": "prefer-cached", "ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION": "2s",
                               "ECS_CONTAINER_STOP_TIMEOUT": "2s"})
    tasks = Tasks(machine)
    try:
        slow = {  # tasks that take their time, begun early
            "healthy": tasks.run([
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


class Containers(unittest.TestCase):
    def test_an_exit_code_arrives_with_its_times(self):
        task = tasks.await_status(tasks.run([container("app", ["sh", "-c", "exit 7"])]), "STOPPED")
        self.assertEqual(of(task, "app")["exitCode"], 7)
        self.assertEqual(task["stopCode"], "EssentialContainerExited")
        self.assertLessEqual(task["pullStartedAt"], task["pullStoppedAt"])
        self.assertLessEqual(task["createdAt"], task["stoppedAt"])

    def test_a_process_that_heeds_sigterm_ends_by_itself(self):
        arn = tasks.run([container("app", ["sh", "-c", "trap 'exit 5' TERM; while :; do sleep 0.1; done"], stopTimeout=60)])
        tasks.await_status(arn, "RUNNING")
        self.assertEqual(of(tasks.stop(arn), "app")["exitCode"], 5)

    def test_environment_user_folder_and_entry_point_reach_the_process(self):
        arn = tasks.run([container("app", ["echo $A $0 $(id -u):$(id -g) $(pwd); sleep 600", "zero"], entryPoint=["sh", "-c"], user="1000:1001",
                             workingDirectory="/tmp", environment=[{"name": "A", "value": "b c"}])])
        tasks.await_status(arn, "RUNNING")
        self.assertEqual(rig.wait_until("output", lambda: tasks.output(arn)), "b c zero 1000:1001 /tmp\n")
        tasks.stop(arn)

    def test_limits_reach_the_container(self):
        arn = tasks.run([container("app", FOREVER, cpu=128, memory=24, memoryReservation=12,
                             ulimits=[{"name": "nofile", "softLimit": 100, "hardLimit": 200}], dockerLabels={"mine": "yes"})])
        task = tasks.await_status(arn, "RUNNING")
        seen = json.loads(machine.docker.docker("inspect", of(task, "app")["runtimeId"]).stdout)[0]
        host = seen["HostConfig"]
        self.assertEqual((host["CpuShares"], host["Memory"], host["MemoryReservation"]), (128, 24 << 20, 12 << 20))
        self.assertEqual(host["Ulimits"], [{"Name": "nofile", "Soft": 100, "Hard": 200}])
        self.assertEqual(seen["Config"]["Labels"]["mine"], "yes")
        self.assertEqual(seen["Config"]["Labels"]["com.amazonaws.ecs.task-arn"], arn)
        tasks.stop(arn)

    def test_host_network_is_the_hosts(self):
        name = os.uname().nodename
        arn = tasks.run([container("app", ["sh", "-c", "hostname; sleep 600"])], network_mode="host")
        tasks.await_status(arn, "RUNNING")
        self.assertEqual(rig.wait_until("output", lambda: tasks.output(arn)).strip(), name)
        tasks.stop(arn)

    def test_a_folder_of_the_host_is_mounted(self):
        folder = os.path.join(machine.folder, "shared")
        os.makedirs(folder)
        arn = tasks.run([container("app", ["sh", "-c", "echo from inside > /data/note; touch /fixed/x || exit 9"],
                             mountPoints=[{"sourceVolume": "v", "containerPath": "/data"},
                                          {"sourceVolume": "v", "containerPath": "/fixed", "readOnly": True}])],
                  volumes=[{"name": "v", "host": {"sourcePath": folder}}])
        self.assertEqual(of(tasks.await_status(arn, "STOPPED"), "app")["exitCode"], 9)
        with open(os.path.join(folder, "note")) as note:
            self.assertEqual(note.read(), "from inside\n")

    def test_a_container_waits_for_another_to_be_healthy(self):
        task = tasks.await_status(slow["healthy"], "RUNNING")
        db, app = (json.loads(machine.docker.docker("inspect", of(task, name)["runtimeId"]).stdout)[0] for name in ("db", "app"))
        self.assertEqual(db["State"]["Health"]["Status"], "healthy")
        self.assertLess(db["State"]["Health"]["Log"][0]["Start"], app["State"]["StartedAt"])
        rig.wait_until("health is told by telemetry", lambda: of(tasks.describe(slow["healthy"]), "db")["healthStatus"] == "HEALTHY", 45)
        tasks.stop(slow["healthy"])

    def test_a_command_that_is_not_there_is_the_reason(self):
        task = tasks.await_status(tasks.run([container("app", ["/no/such/program"])]), "STOPPED")
        self.assertEqual(task["stopCode"], "TaskFailedToStart")
        self.assertIn("CannotStartContainerError", of(task, "app")["reason"])



class Disturbances(unittest.TestCase):
    """In the order of their names, on the same machine: each leaves it working."""

    def kill(self, name):
        (pid,) = machine.children(name)
        os.kill(pid, signal.SIGKILL)
        return pid

    def await_new(self, name, old):
        rig.wait_until(f"a new {name}", lambda: machine.children(name) not in ([], [old]))

    def test_1_an_agent_that_was_killed_finds_its_containers_again(self):
        arns = [tasks.run([container("app", FOREVER)]) for _ in range(3)]
        before = [of(tasks.await_status(arn, "RUNNING"), "app")["runtimeId"] for arn in arns]
        self.await_new("agent", self.kill("agent"))
        rig.wait_until("connected again", tasks.instance_is_connected)
        after = tasks.run([container("app", ["sh", "-c", "exit 6"])])
        self.assertEqual(of(tasks.await_status(after, "STOPPED"), "app")["exitCode"], 6)
        self.assertEqual([of(tasks.describe(arn), "app")["runtimeId"] for arn in arns], before)
        for arn in arns:
            self.assertEqual(tasks.docker_state(arn), "running 0")
            self.assertEqual(of(tasks.stop(arn), "app")["exitCode"], 137)
        for runtime_id in before:
            self.assertLessEqual(ours(machine).count(runtime_id), 1)

    def test_4_containers_live_on_while_the_server_is_dead(self):
        arn = tasks.run([container("app", FOREVER)])
        tasks.await_status(arn, "RUNNING")
        brief = tasks.run([container("app", ["sh", "-c", "sleep 3; exit 8"])])
        tasks.await_status(brief, "RUNNING")
        machine.process.send_signal(signal.SIGSTOP)
        try:
            ids = {name: of(tasks.describe(name), "app")["runtimeId"] for name in (arn, brief)}
            self.kill("server")
            state = lambda name: machine.docker.docker("inspect", "-f", "{{.State.Status}}", ids[name]).stdout.strip()
            rig.wait_until("one ended meanwhile", lambda: state(brief) == "exited")
            self.assertEqual(state(arn), "running")
        finally:
            machine.process.send_signal(signal.SIGCONT)
        rig.wait_until("the server answers", lambda: machine.ecs("list-clusters", check=False).returncode == 0)
        self.assertEqual(of(tasks.await_status(brief, "STOPPED"), "app")["exitCode"], 8)
        rig.wait_until("connected again", tasks.instance_is_connected)
        self.assertEqual(tasks.describe(arn)["lastStatus"], "RUNNING")
        self.assertEqual(of(tasks.stop(arn), "app")["exitCode"], 137)

    def test_5_a_docker_that_hangs_does_not_hang_the_agent(self):
        engine = machine.docker.process
        running = tasks.run([container("app", FOREVER)])
        tasks.await_status(running, "RUNNING")
        engine.send_signal(signal.SIGSTOP)
        try:
            waiting = tasks.run([container("app", ["sh", "-c", "exit 2"])])
            machine.call("stop-task", "--task", running)
            self.kill("server")  # whoever hangs would not dial again
            rig.wait_until("the server answers", lambda: machine.ecs("list-clusters", check=False).returncode == 0)
            rig.wait_until("connected again", tasks.instance_is_connected)
            self.assertNotEqual(tasks.describe(waiting)["lastStatus"], "STOPPED")
        finally:
            engine.send_signal(signal.SIGCONT)
        self.assertEqual(of(tasks.await_status(waiting, "STOPPED"), "app")["exitCode"], 2)
        self.assertEqual(of(tasks.await_status(running, "STOPPED"), "app")["exitCode"], 137)

    def test_6_a_docker_that_died_is_the_reason(self):
        lost = tasks.run([container("app", FOREVER)])
        tasks.await_status(lost, "RUNNING")
        machine.docker.process.kill()
        machine.docker.process.wait()
        failed = tasks.run([container("app", FOREVER)])
        task = tasks.await_status(failed, "STOPPED", 90)
        self.assertEqual(task["stopCode"], "TaskFailedToStart")
        self.assertIn("CannotPull", of(task, "app")["reason"])
        machine.docker.start()
        self.assertNotEqual(tasks.await_status(lost, "STOPPED", 90)["stoppedReason"], "")
        task = tasks.await_status(tasks.run([container("app", ["sh", "-c", "exit 4"])]), "STOPPED")
        self.assertEqual(of(task, "app")["exitCode"], 4)


class Leftovers(unittest.TestCase):
    def test_stopped_tasks_leave_nothing(self):
        for arn in machine.call("list-tasks")["taskArns"]:
            tasks.stop(arn)
        rig.wait_until("no container is left", lambda: ours(machine) == [])
        rig.wait_until("no volume is left", lambda: machine.docker.docker("volume", "ls", "-q").stdout.split() == [])


if __name__ == "__main__":
    rig.TapResult.main(__name__)
