"""What an agent does beside its tasks: what they use is shown, old images and what nobody knows are removed, a disk that
fills up is told, and Docker may be restarted under it."""

import json
import os
import signal
import sys
import unittest
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import registry  # noqa: E402
import rig  # noqa: E402
from tasks import FOREVER, Tasks, container, of, ours, shell  # noqa: E402

rig.own_network()

SETTINGS = {"ECS_IMAGE_PULL_BEHAVIOR": "prefer-cached", "ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION": "2s", "ECS_CONTAINER_STOP_TIMEOUT": "2s",
            "GANTRY_METRICS_TASKS": "true"}


def setUpModule():
    global machine, tasks
    signal.signal(signal.SIGTERM, terminated)
    machine = rig.Machine(env=SETTINGS)
    tasks = Tasks(machine)


def terminated(*_):
    """A runner that lost its patience: nothing may stay behind."""
    tearDownModule()
    os._exit(1)


def tearDownModule():
    if "machine" in globals():
        machine.close()


def health_of(here):
    """(status, reason) of the only instance's container runtime; None before it was told."""
    arn = here.call("list-container-instances")["containerInstanceArns"][0]
    seen = here.call("describe-container-instances", "--container-instances", arn, "--include", "CONTAINER_INSTANCE_HEALTH")
    details = seen["containerInstances"][0]["healthStatus"]["details"]
    return (details[0]["status"], details[0].get("statusReason", "")) if details else None


def groups_of(arn):
    """The task's own groups, without those of its containers."""
    return [folder for folder, _, _ in os.walk("/sys/fs/cgroup") if os.path.basename(folder) == arn.split("/")[-1]]


class Usage(unittest.TestCase):
    def test_what_a_service_uses_is_shown(self):
        serve = "httpd -f -p 80 -h /tmp & while :; do :; done"
        family = tasks.define([shell("app", "echo hello > /tmp/index.html; " + serve, cpu=256, memory=64,
                                     portMappings=[{"containerPort": 80, "hostPort": 0}])])
        tasks.call("create-service", "--service-name", "busy", "--task-definition", family, "--desired-count", "1")
        (arn,) = rig.wait_until("the service's task", lambda: tasks.call("list-tasks", "--service-name", "busy")["taskArns"])
        port = of(tasks.await_status(arn, "RUNNING"), "app")["networkBindings"][0]["hostPort"]
        for _ in range(5):
            rig.wait_until("a page", lambda: self.fetched(port))
        seen = rig.wait_until("its use is told", lambda: self.usage()["services"], 60)[0]
        self.assertEqual((seen["service"], seen["tasks"], seen["cpuReserved"], seen["memoryReservedMib"]), ("busy", 1, 256, 64))
        self.assertGreater(seen["cpuUnits"], 100)  # a loop takes what it gets of a core
        self.assertGreaterEqual(seen["memoryMib"], 0)
        task = self.usage()["tasks"][0]
        self.assertEqual((task["task"], task["service"], task["family"]), (arn.split("/")[-1], "busy", family))
        self.assertGreater(task["rxBytes"], 300)
        rows = self.top().splitlines()
        self.assertTrue(rows[0].startswith("default: 1 services, 1 tasks, "), rows)
        self.assertTrue(any(row.startswith(arn.split("/")[-1]) for row in rows), rows)
        metrics = urllib.request.urlopen(f"http://127.0.0.1:{machine.port}/metrics", timeout=10).read().decode()
        labels = '{region="us-east-1",cluster="default",service="busy"'
        self.assertIn(f"\ngantry_service_cpu_units{labels}}} ", metrics)
        self.assertIn(f"\ngantry_task_memory_mebibytes{labels},family=\"{family}\",task=\"{arn.split('/')[-1]}\"}} ", metrics)
        tasks.call("delete-service", "--service", "busy", "--force")
        tasks.await_status(arn, "STOPPED")
        self.assertEqual(self.usage()["tasks"], [])

    def fetched(self, port):
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2).read()
        except OSError:
            return None

    def top(self, *flags):
        return rig.run(machine.gantry, "top", "--data", machine.data, "--endpoint", machine.endpoint, *flags).stdout

    def usage(self):
        return json.loads(self.top("-o", "json"))

    def test_a_runtime_that_answers_is_well(self):
        rig.wait_until("the runtime is well, whatever was before", lambda: health_of(tasks) == ("OK", ""), 60)


class Images(unittest.TestCase):
    """With an agent that pulls, in a cluster of its own."""

    @classmethod
    def setUpClass(cls):
        if not registry.BINARY:
            raise unittest.SkipTest("there is no docker-registry")
        folder = os.path.join(machine.folder, "registry")
        os.makedirs(folder)
        cls.registry = registry.Registry(machine.docker, folder)
        machine.call("create-cluster", "--cluster-name", "pulls")
        cls.disk = SmallDisk(os.path.join(machine.folder, "agent-pulls"), 16)
        cls.agent = rig.Agent(machine, "pulls", {"ECS_IMAGE_PULL_BEHAVIOR": "default"}, ["--disk-reserve", "20"])
        cls.tasks = Tasks(machine, "pulls")
        rig.wait_until("the agent is connected", cls.tasks.instance_is_connected)

    @classmethod
    def tearDownClass(cls):
        cls.agent.stop()
        cls.registry.stop()
        cls.disk.close()

    def images(self):
        return machine.docker.docker("images", "--format", "{{.Repository}}:{{.Tag}}").stdout.split()

    def test_unused_images_go_when_the_disk_is_nearly_full(self):
        if not self.disk.is_mounted:
            self.skipTest("no right to mount")
        used, _ = self.registry.push("used:1")
        unused, _ = self.registry.push("unused:1")
        self.tasks.await_status(self.tasks.run([shell("app", "exit 0", image=unused)]), "STOPPED")
        holder = self.tasks.run([container("app", FOREVER, image=used)])
        self.tasks.await_status(holder, "RUNNING")
        rig.wait_until("the first is cleaned up", lambda: self.tasks.of_docker(holder) == ours(machine))
        self.assertTrue({used, unused} <= set(self.images()))
        self.disk.fill()
        rig.wait_until("the unused image is gone", lambda: unused not in self.images(), 60)
        self.assertIn(used, self.images())
        status, reason = rig.wait_until("it is told", lambda: (health_of(self.tasks) or "OK")[0] == "IMPAIRED" and health_of(self.tasks), 45)
        self.assertRegex(reason, "nearly full")
        self.assertIn("agent.disk_low", self.agent.log())
        self.disk.free()
        rig.wait_until("it is well again", lambda: health_of(self.tasks)[0] == "OK", 60)
        self.assertIn("agent.disk_again", self.agent.log())
        again = self.tasks.run([shell("app", "exit 3", image=unused)])
        self.assertEqual(of(self.tasks.await_status(again, "STOPPED"), "app")["exitCode"], 3)
        self.tasks.stop(holder)
        rig.wait_until("nothing is left of them", lambda: ours(machine) == [])  # before their agent ends


class SmallDisk:
    """A file system of a few MiB in memory at that path."""

    def __init__(self, path, mib):
        self.path = path
        os.makedirs(path, exist_ok=True)
        self.is_mounted = rig.run("mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", path, check=False).returncode == 0

    def fill(self):
        """Nine tenths of it, so that whoever writes there can go on."""
        room = os.statvfs(self.path)
        with open(os.path.join(self.path, "ballast"), "wb") as ballast:
            ballast.write(b"\0" * (room.f_blocks * room.f_frsize * 85 // 100 - (room.f_blocks - room.f_bavail) * room.f_frsize))

    def free(self):
        os.unlink(os.path.join(self.path, "ballast"))

    def close(self):
        if self.is_mounted:
            rig.run("umount", "-l", self.path, check=False)


class Orphans(unittest.TestCase):
    def test_what_a_lost_data_folder_knew_is_removed_and_nothing_else(self):
        machine.call("create-cluster", "--cluster-name", "lost")
        agent = rig.Agent(machine, "lost")
        here = Tasks(machine, "lost")
        rig.wait_until("the agent is connected", here.instance_is_connected)
        arn = here.run([container("app", FOREVER, mountPoints=[{"sourceVolume": "scratch", "containerPath": "/scratch"}])],
                       volumes=[{"name": "scratch", "host": {}}])
        here.await_status(arn, "RUNNING")
        others = tasks.run([container("app", FOREVER)])
        tasks.await_status(others, "RUNNING")
        kept = groups_of(others)
        self.assertEqual(bool(groups_of(arn)), bool(kept))  # not every machine lets them be made
        strange = machine.docker.docker("run", "-d", rig.IMAGE, "sleep", "600").stdout.strip()
        agent.kill()
        os.unlink(os.path.join(agent.data, "agent", "agent.db"))
        agent.start()
        rig.wait_until("the orphan is gone", lambda: here.of_docker(arn) == [], 60)
        rig.wait_until("its control group, too", lambda: groups_of(arn) == [], 30)
        rig.wait_until("and its volume", lambda: machine.docker.docker("volume", "ls", "-q").stdout == "", 60)
        self.assertIn("orphan.container", agent.log())
        self.assertEqual(tasks.docker_state(others), "running 0")
        self.assertEqual(groups_of(others), kept)
        self.assertEqual(machine.docker.docker("inspect", "-f", "{{.State.Status}}", strange).stdout.strip(), "running")
        machine.docker.docker("rm", "-f", strange)
        tasks.stop(others)
        agent.stop()


class Restarts(unittest.TestCase):
    """Docker is restarted under the agent; in the order of their names."""

    def restart(self, *flags):
        machine.docker.process.send_signal(signal.SIGTERM)
        machine.docker.process.wait(60)
        machine.docker.flags = list(flags)
        machine.docker.start()

    def test_1_without_live_restore_containers_end_and_that_is_told(self):
        arn = tasks.run([container("app", FOREVER)])
        tasks.await_status(arn, "RUNNING")
        self.restart()
        task = tasks.await_status(arn, "STOPPED", 90)
        self.assertEqual(task["stopCode"], "EssentialContainerExited")
        self.assertIn(of(task, "app")["exitCode"], (137, 143))
        again = tasks.run([shell("app", "exit 4")])
        self.assertEqual(of(tasks.await_status(again, "STOPPED"), "app")["exitCode"], 4)

    def test_2_with_live_restore_they_go_on(self):
        self.restart("--live-restore")
        rig.wait_until("the runtime is back", lambda: (health_of(tasks) or "")[0] == "OK", 60)
        arn = tasks.run([container("app", FOREVER)])
        before = of(tasks.await_status(arn, "RUNNING"), "app")["runtimeId"]
        self.restart("--live-restore")
        again = tasks.run([shell("app", "exit 5")])
        self.assertEqual(of(tasks.await_status(again, "STOPPED", 90), "app")["exitCode"], 5)
        self.assertEqual((tasks.describe(arn)["lastStatus"], of(tasks.describe(arn), "app")["runtimeId"]), ("RUNNING", before))
        self.assertEqual(tasks.docker_state(arn), "running 0")
        self.assertEqual(of(tasks.stop(arn), "app")["exitCode"], 137)
        self.restart()


class Whole(unittest.TestCase):
    def test_nothing_is_left(self):
        for arn in tasks.call("list-tasks")["taskArns"]:
            tasks.stop(arn)
        rig.wait_until("no container is left", lambda: ours(machine) == [])
        rig.wait_until("no volume is left", lambda: machine.docker.docker("volume", "ls", "-q").stdout == "")


if __name__ == "__main__":
    rig.TapResult.main(__name__)
