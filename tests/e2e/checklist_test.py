"""The acceptance list: what a task definition promises, one check a test, in the order of the list. Every check is begun
before the first is looked at, so that those that take a minute take it together.

Checks that need what this machine has not (a registry, cgroups that can be written) are skipped and say so."""

import http.server
import json
import os
import signal
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import registry  # noqa: E402
import rig  # noqa: E402
from tasks import FOREVER, NO_IMAGE, Tasks, container, fetched, file_in, of, ours, shell  # noqa: E402

rig.own_network()

SETTINGS = {"ECS_IMAGE_PULL_BEHAVIOR": "prefer-cached", "ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION": "10m",
            "ECS_CONTAINER_STOP_TIMEOUT": "2s", "ECS_AVAILABLE_LOGGING_DRIVERS": '["json-file","none","awslogs"]'}
DEAF = "trap '' TERM; while :; do sleep 0.2; done"
LOGIN = ("reader", "a password")
begun = {}


def setUpModule():
    global machine, tasks, refuser
    signal.signal(signal.SIGTERM, terminated)
    os.environ.update({"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret"})  # of the engine's own awslogs driver
    refuser = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refuser)
    threading.Thread(target=refuser.serve_forever, daemon=True).start()
    machine = rig.Machine(env=SETTINGS)
    tasks = Tasks(machine)
    try:
        make_images()
        for name in sorted((name for name in dir(Begin) if name.startswith("check_")), key=lambda name: name not in SLOW):
            begun[name[6:8]] = getattr(Begin, name)()
    except BaseException:
        machine.close()
        raise


class Refuser(http.server.BaseHTTPRequestHandler):
    """Plays CloudWatch Logs to somebody who has no rights."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        body = b'{"__type":"AccessDeniedException","message":"not authorized to perform: logs:CreateLogStream"}'
        self.send_response(400)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def terminated(*_):
    """A runner that lost its patience: nothing may stay behind."""
    tearDownModule()
    os._exit(1)


def tearDownModule():
    Registries.close()
    if "machine" in globals():
        machine.close()


def make_images():
    """Copies of the test's image with a setting of their own."""
    for name, change in (("gantry/cmd:latest", 'CMD ["from-the-image"]'), ("gantry/checked:latest", 'HEALTHCHECK --interval=1s CMD ["true"]')):
        made = machine.docker.docker("create", rig.IMAGE, "true").stdout.strip()
        machine.docker.docker("commit", "-c", change, made, name)
        machine.docker.docker("rm", made)


def mount(volume, path):
    return {"sourceVolume": volume, "containerPath": path}


SLOW = ["check_27", "check_28", "check_26", "check_19", "check_15", "check_39"]


class Begin:
    """What each check runs; a task's ARN or whatever else its test wants."""

    def check_01():
        return tasks.run([container("app", FOREVER, cpu=0)])

    def check_02():
        return tasks.run([container("app", FOREVER, memory=4)])

    def check_06():
        serve = "echo hello > /tmp/index.html; httpd -f -p 80 -h /tmp"
        fixed = rig.free_port()
        return fixed, tasks.run([shell("fixed", serve, portMappings=[{"containerPort": 80, "hostPort": fixed}]),
                                 shell("any", serve, portMappings=[{"containerPort": 80, "hostPort": 0}])])

    def check_07():
        return tasks.run([container("app", FOREVER, portMappings=[{"containerPortRange": "8000-8003", "protocol": "tcp"}])])

    def check_11():
        return tasks.run([container("app", image="gantry/cmd:latest", entryPoint=["sh", "-c", "echo args: $*; sleep 600", "zero"])])

    def check_12():
        return tasks.run([shell("app", "sleep 1; exit 0"), container("side", FOREVER, essential=False)])

    def check_13():
        return tasks.run([container("app", FOREVER), shell("side", "sleep 1; exit 1", essential=False)])

    def check_14():
        return tasks.run([shell("b", "exit 1", essential=False),
                          container("a", FOREVER, dependsOn=[{"containerName": "b", "condition": "SUCCESS"}])])

    def check_15():
        ill = {"command": ["CMD", "false"], "interval": 5, "retries": 10}
        return tasks.run([container("b", FOREVER, essential=False, healthCheck=ill, startTimeout=10),
                          container("a", FOREVER, dependsOn=[{"containerName": "b", "condition": "HEALTHY"}])])

    def check_16():
        return tasks.run([shell("app", DEAF, stopTimeout=5)])

    def check_17():
        now = "read now rest < /proc/uptime; echo $now >> /said/$0; "
        said = f"trap '{now} sleep 1; {now} exit 0' TERM; while :; do sleep 0.1; done"
        folder = os.path.join(machine.folder, "said17")
        os.makedirs(folder)
        more = {"mountPoints": [mount("said", "/said")], "stopTimeout": 20}
        return folder, tasks.run([container("b", ["sh", "-c", said, "b"], **more),
                                  container("a", ["sh", "-c", said, "a"], dependsOn=[{"containerName": "b", "condition": "START"}], **more)],
                                 volumes=[{"name": "said", "host": {"sourcePath": folder}}])

    def check_18():
        return tasks.run([shell("app", "x=0123456789abcdef; while :; do x=$x$x; done", linuxParameters={"maxSwap": 0})])

    def check_19():
        return tasks.run([container("app", FOREVER, image=NO_IMAGE)])

    def check_24():
        check = {"command": ["CMD-SHELL", "echo it is ill; exit 1"], "interval": 5, "retries": 2}
        return tasks.run([container("app", FOREVER, healthCheck=check)])

    def check_25():
        return tasks.run([container("app", FOREVER, image="gantry/checked:latest")])

    def check_26():
        policy = {"enabled": True, "restartAttemptPeriod": 60}
        return tasks.run([shell("app", "sleep 3; exit 1", restartPolicy=policy)])

    def check_27():
        policy = {"enabled": True, "restartAttemptPeriod": 60}
        return tasks.run([shell("app", "[ -e /tmp/again ] && { sleep 4; exit 9; }; touch /tmp/again; sleep 61; exit 8", restartPolicy=policy)])

    def check_28():
        policy = {"enabled": True, "restartAttemptPeriod": 60, "ignoredExitCodes": [0]}
        return tasks.run([shell("app", "sleep 61; exit 0", restartPolicy=policy)])

    def check_29():
        return tasks.run([shell("first", "echo 1 > /data/n", essential=False, mountPoints=[mount("scratch", "/data")]),
                          shell("second", "exit $(cat /data/n)3", mountPoints=[mount("scratch", "/data")],
                                dependsOn=[{"containerName": "first", "condition": "SUCCESS"}])],
                         volumes=[{"name": "scratch", "host": {}}])

    def check_30():
        return run_with_shared_volume("echo 21 > /data/n")

    def check_33():
        return tasks.run([shell("app", "test -t 1 && echo terminal; echo an error >&2; sleep 600", pseudoTerminal=True)])

    def check_34():
        script = "touch /no 2>&1; echo $?; touch /tmp/yes; echo $?; sleep 600"
        return tasks.run([shell("app", script, readonlyRootFilesystem=True,
                                linuxParameters={"tmpfs": [{"containerPath": "/tmp", "size": 1, "mountOptions": ["rw", "noexec"]}]})])

    def check_35():
        return tasks.run([shell("app", "until wget -q -O - http://database:8080/; do sleep 0.1; done; cat /etc/hosts; sleep 600", links=["db:database"]),
                          shell("db", "echo hello > /tmp/index.html; httpd -f -p 8080 -h /tmp")])

    def check_36():
        return tasks.run([shell("app", "echo $(id -u) $(id -g) $HOME; sleep 600", user="1000:1000")])

    def check_39():
        log = {"logDriver": "awslogs", "options": {"awslogs-group": "nobody-may", "awslogs-region": "us-east-1", "mode": "blocking",
                                                   "awslogs-endpoint": f"http://127.0.0.1:{refuser.server_port}"}}
        return tasks.run([container("app", FOREVER, logConfiguration=log)])


def run_with_shared_volume(script):
    volume = {"name": "e2e-shared", "dockerVolumeConfiguration": {"scope": "shared", "autoprovision": True, "driver": "local"}}
    return tasks.run([shell("app", script, mountPoints=[mount("e2e-shared", "/data")])], volumes=[volume])


class Checklist(unittest.TestCase):
    def test_01_cpu_0_means_2_shares(self):
        tasks.await_status(begun["01"], "RUNNING")
        self.assertEqual(tasks.inspect(begun["01"])["HostConfig"]["CpuShares"], 2)

    def test_02_memory_below_4_mib_never_reaches_the_engine(self):
        """The API takes nothing below 4, and the agent raises what came around it (engine/create_test.c). This engine
        wants 6, and says so."""
        refused = machine.ecs("register-task-definition", "--family", "small", "--container-definitions",
                              json.dumps([container("app", FOREVER, memory=3)]), check=False)
        self.assertIn("'memory' must be at least 4", refused.stderr)
        task = tasks.await_status(begun["02"], "STOPPED")
        self.assertRegex(of(task, "app")["reason"], "^CannotCreateContainerError: .*Minimum memory limit allowed is 6MB")

    def test_06_host_port_0_is_an_ephemeral_port(self):
        fixed, arn = begun["06"]
        task = tasks.await_status(arn, "RUNNING")
        bindings = {c["name"]: c["networkBindings"] for c in task["containers"]}
        self.assertEqual([b["hostPort"] for b in bindings["fixed"]], [fixed])
        self.assertEqual(len(bindings["any"]), 1)
        for binding in bindings["fixed"] + bindings["any"]:
            self.assertEqual((binding["containerPort"], binding["protocol"], binding["bindIP"]), (80, "tcp", "0.0.0.0"))
            url = f"http://127.0.0.1:{binding['hostPort']}/"
            self.assertEqual(rig.wait_until(url, lambda: fetched(url)), b"hello\n")

    def test_07_a_range_of_ports_is_contiguous(self):
        (binding,) = of(tasks.await_status(begun["07"], "RUNNING"), "app")["networkBindings"]
        first, last = (int(port) for port in binding["hostPortRange"].split("-"))
        self.assertEqual((binding["containerPortRange"], last - first), ("8000-8003", 3))
        published = tasks.inspect(begun["07"])["NetworkSettings"]["Ports"]
        self.assertEqual([int(published[f"{8000 + i}/tcp"][0]["HostPort"]) for i in range(4)], list(range(first, last + 1)))

    def test_11_an_entry_point_discards_the_images_command(self):
        tasks.await_status(begun["11"], "RUNNING")
        self.assertEqual(tasks.await_output(begun["11"]), "args:\n")

    def test_12_the_end_of_an_essential_container_ends_the_task(self):
        task = tasks.await_status(begun["12"], "STOPPED")
        self.assertEqual((of(task, "app")["exitCode"], of(task, "side")["exitCode"]), (0, 137))
        self.assertEqual((task["stopCode"], task["stoppedReason"]), ("EssentialContainerExited", "Essential container in task exited"))

    def test_13_the_end_of_another_container_is_told_within_30_seconds(self):
        arn = begun["13"]
        tasks.await_status(arn, "RUNNING")
        rig.wait_until("the end is told", lambda: of(tasks.describe(arn), "side").get("exitCode") == 1, 45)
        task = tasks.describe(arn)
        self.assertEqual((task["lastStatus"], of(task, "app")["lastStatus"], of(task, "side")["lastStatus"]), ("RUNNING", "RUNNING", "STOPPED"))

    def test_14_a_dependency_that_fails_ends_who_waits_for_its_success(self):
        task = tasks.await_status(begun["14"], "STOPPED")
        self.assertEqual((of(task, "b")["exitCode"], of(task, "a")["exitCode"]), (1, 143))
        self.assertRegex(of(task, "a")["reason"], "^CannotStartContainerError: ")
        self.assertEqual(task["stopCode"], "TaskFailedToStart")

    def test_15_a_start_timeout_ends_the_wait_for_health(self):
        task = tasks.await_status(begun["15"], "STOPPED")
        self.assertEqual(of(task, "a")["exitCode"], 143)
        self.assertRegex(of(task, "a")["reason"], "^CannotStartContainerError: ")
        state = tasks.inspect(begun["15"], "b")["State"]
        lasted = seconds_of(state["FinishedAt"]) - seconds_of(state["StartedAt"])
        self.assertTrue(10 <= lasted <= 10 + 5 + 2 + 5, f"b ran for {lasted} s")  # looked at every 5 s, 2 s to stop

    def test_16_who_ignores_sigterm_is_killed_after_the_stop_timeout(self):
        tasks.await_status(begun["16"], "RUNNING")
        task = tasks.stop(begun["16"])
        self.assertEqual((of(task, "app")["exitCode"], task["stopCode"]), (137, "UserInitiated"))
        lasted = task["executionStoppedAt"] - task["stoppingAt"]
        self.assertTrue(4.9 <= lasted <= 12, f"{lasted} s")

    def test_17_containers_stop_in_the_reverse_order_of_their_dependencies(self):
        folder, arn = begun["17"]
        tasks.await_status(arn, "RUNNING")
        time.sleep(1)  # until both listen
        tasks.stop(arn)
        times = {}
        for name in "ab":
            with open(os.path.join(folder, name)) as file:
                times[name] = [float(line) for line in file.read().split()]
        self.assertGreater(times["b"][0], times["a"][1], times)

    def test_18_who_takes_too_much_memory_is_killed_and_says_so(self):
        task = tasks.await_status(begun["18"], "STOPPED")
        self.assertEqual((of(task, "app")["exitCode"], of(task, "app")["reason"]),
                         (137, "OutOfMemoryError: Container killed due to memory usage"))

    def test_19_an_image_that_is_nowhere_is_the_reason(self):
        task = tasks.await_status(begun["19"], "STOPPED", 120)
        self.assertEqual(task["stopCode"], "TaskFailedToStart")
        self.assertRegex(of(task, "app")["reason"], "^CannotPull(ImageManifest|Container)Error: ")  # the first error stays

    def test_24_failing_health_checks_are_told_and_nothing_is_stopped(self):
        arn = begun["24"]
        tasks.await_status(arn, "RUNNING")
        rig.wait_until("UNHEALTHY is told", lambda: of(tasks.describe(arn), "app")["healthStatus"] == "UNHEALTHY", 5 * 2 + 20 + 15)
        self.assertEqual(tasks.describe(arn)["healthStatus"], "UNHEALTHY")
        self.assertEqual(tasks.docker_state(arn), "running 0")

    def test_25_an_images_own_health_check_is_nobodys_business(self):
        tasks.await_status(begun["25"], "RUNNING")
        rig.wait_until("Docker finds it healthy", lambda: tasks.inspect(begun["25"])["State"]["Health"]["Status"] == "healthy", 30)
        self.assertEqual(of(tasks.describe(begun["25"]), "app")["healthStatus"], "UNKNOWN")

    def test_29_an_empty_volume_is_shared_by_the_tasks_containers(self):
        task = tasks.await_status(begun["29"], "STOPPED")
        self.assertEqual(of(task, "second")["exitCode"], 13)
        self.assertEqual(len(volumes_of(task)), 1)  # until the task is cleaned up, which upkeep_test.py waits for

    def test_30_a_shared_volume_outlives_its_task(self):
        tasks.await_status(begun["30"], "STOPPED")
        again = tasks.await_status(run_with_shared_volume("exit $(cat /data/n)"), "STOPPED")
        self.assertEqual(of(again, "app")["exitCode"], 21)

    def test_33_a_terminal_merges_the_streams(self):
        tasks.await_status(begun["33"], "RUNNING")
        rig.wait_until("both lines", lambda: "error" in tasks.output(begun["33"]))
        self.assertEqual(tasks.output(begun["33"]).split("\n"), ["terminal", "an error", ""])
        self.assertEqual(tasks.output(begun["33"], stream="stderr"), "")

    def test_34_a_root_that_cannot_be_written_has_room_in_a_tmpfs(self):
        tasks.await_status(begun["34"], "RUNNING")
        rig.wait_until("output", lambda: tasks.output(begun["34"]).count("\n") == 3)
        self.assertEqual(tasks.output(begun["34"]), "touch: /no: Read-only file system\n1\n0\n")

    def test_35_a_link_resolves_and_orders(self):
        tasks.await_status(begun["35"], "RUNNING")
        rig.wait_until("the page", lambda: tasks.output(begun["35"]).count("\n") > 2)
        self.assertRegex(tasks.output(begun["35"]), r"^hello\n(.*\n)*[0-9.]+\s+database\s")
        db, app = (tasks.inspect(begun["35"], name)["State"]["StartedAt"] for name in ("db", "app"))
        self.assertLess(db, app)

    def test_36_a_user_the_image_does_not_know(self):
        tasks.await_status(begun["36"], "RUNNING")
        self.assertEqual(tasks.await_output(begun["36"]), "1000 1000 /\n")

    def test_38_room_is_there_when_the_task_before_has_fully_stopped(self):
        arn = tasks.call("list-container-instances")["containerInstanceArns"][0]
        instance = tasks.call("describe-container-instances", "--container-instances", arn)["containerInstances"][0]
        left = next(r["integerValue"] for r in instance["remainingResources"] if r["name"] == "MEMORY")
        family = tasks.define([shell("app", DEAF, memory=None, memoryReservation=left // 3 * 2, stopTimeout=6)])
        first = tasks.try_to_run(family)["tasks"][0]["taskArn"]
        tasks.await_status(first, "RUNNING")
        tasks.call("stop-task", "--task", first)
        refused = tasks.try_to_run(family)
        self.assertEqual([failure["reason"] for failure in refused["failures"]], ["RESOURCE:MEMORY"])
        second = rig.wait_until("room for the second", lambda: tasks.try_to_run(family)["tasks"])[0]["taskArn"]
        self.assertEqual(tasks.docker_state(first), "exited 137")
        tasks.await_status(second, "RUNNING")
        tasks.stop(second)

    def test_39_a_log_driver_that_cannot_begin_is_the_reason(self):
        task = tasks.await_status(begun["39"], "STOPPED", 90)
        self.assertRegex(of(task, "app")["reason"], "^CannotStartContainerError: .*failed to initialize logging driver.*AccessDenied")


class Later(unittest.TestCase):
    """The checks that take a minute; they were begun first."""

    def test_26_who_crashes_within_the_period_is_not_restarted(self):
        task = tasks.await_status(begun["26"], "STOPPED", 90)
        self.assertEqual((of(task, "app")["exitCode"], tasks.inspect(begun["26"])["RestartCount"]), (1, 0))

    def test_27_who_crashes_after_the_period_is_restarted_until_he_does_within(self):
        task = tasks.await_status(begun["27"], "STOPPED", 120)
        self.assertEqual(of(task, "app")["exitCode"], 9)  # the second run's
        self.assertEqual(len(tasks.of_docker(begun["27"])), 1)
        self.assertGreater(task["executionStoppedAt"] - task["startedAt"], 61)

    def test_28_an_ignored_exit_code_is_no_reason_to_restart(self):
        task = tasks.await_status(begun["28"], "STOPPED", 120)
        self.assertEqual(of(task, "app")["exitCode"], 0)
        self.assertLess(task["executionStoppedAt"] - task["startedAt"], 75)


class Registries(unittest.TestCase):
    """Agents of other pull behaviours, in clusters of their own on the same engine."""

    agents, registries = [], []

    @classmethod
    def setUpClass(cls):
        if not registry.BINARY:
            raise unittest.SkipTest("there is no docker-registry")
        for cluster in ("pulls", "always"):
            machine.call("create-cluster", "--cluster-name", cluster)
        cls.open = cls.add(None, "open")
        cls.locked = cls.add(LOGIN, "locked")
        logins = {cls.locked.host: {"username": LOGIN[0], "password": LOGIN[1]}}
        for cluster, behaviour in (("pulls", "default"), ("always", "always")):
            cls.agents.append(rig.Agent(machine, cluster, {"ECS_IMAGE_PULL_BEHAVIOR": behaviour, "ECS_ENGINE_AUTH_TYPE": "docker",
                                                           "ECS_ENGINE_AUTH_DATA": json.dumps(logins)}))
        cls.pulls, cls.always = Tasks(machine, "pulls"), Tasks(machine, "always")
        for here in (cls.pulls, cls.always):
            rig.wait_until(f"an agent in {here.cluster}", here.instance_is_connected)

    @classmethod
    def add(cls, login, name):
        folder = os.path.join(machine.folder, "registry-" + name)
        os.makedirs(folder)
        cls.registries.append(registry.Registry(machine.docker, folder, login))
        return cls.registries[-1]

    @classmethod
    def close(cls):
        while cls.agents:
            cls.agents.pop().stop()
        while cls.registries:
            cls.registries.pop().stop()

    @classmethod
    def tearDownClass(cls):
        cls.close()

    def test_1_an_image_is_pulled_by_its_digest_and_the_digest_is_told(self):
        image, digest = self.open.push("group/app:v1")
        task = self.pulls.await_status(self.pulls.run([container("app", FOREVER, image=image)]), "RUNNING")
        self.assertEqual((of(task, "app")["image"], of(task, "app")["imageDigest"]), (image, digest))
        self.assertLessEqual(task["pullStartedAt"], task["pullStoppedAt"])
        by_digest = f"{self.open.host}/group/app@{digest}"
        task = self.pulls.await_status(self.pulls.run([container("app", FOREVER, image=by_digest)]), "RUNNING")
        self.assertEqual(of(task, "app")["imageDigest"], digest)

    def test_2_private_images_need_the_login_of_the_instance(self):
        image, digest = self.locked.push("private:1")
        task = self.always.await_status(self.always.run([container("app", FOREVER, image=image)]), "RUNNING")
        self.assertEqual(of(task, "app")["imageDigest"], digest)

    def test_3_an_image_that_the_registry_has_not_is_the_reason(self):
        task = self.pulls.await_status(self.pulls.run([container("app", FOREVER, image=f"{self.open.host}/group/app:v2")]), "STOPPED", 90)
        self.assertRegex(of(task, "app")["reason"], "^CannotPull(ImageManifest|Container)Error: ")
        self.assertEqual(task["stopCode"], "TaskFailedToStart")

    def test_4_a_registry_that_is_down_checks_20_and_21(self):
        image, _ = self.open.push("down:1")
        for here in (self.pulls, self.always):
            here.await_status(here.run([container("app", FOREVER, image=image)]), "RUNNING")
        self.open.stop()
        try:
            cached = self.pulls.run([container("app", FOREVER, image=image)])
            must = self.always.run([container("app", FOREVER, image=image)])
            task = self.always.await_status(must, "STOPPED", 150)
            self.assertRegex(of(task, "app")["reason"], "^CannotPull(ImageManifest|Container)Error: ")
            self.pulls.await_status(cached, "RUNNING", 150)
        finally:
            self.open.start()


class Restarts(unittest.TestCase):
    """Checks about whoever dies; in the order of their names, on the same machine."""

    def kill(self, name):
        (pid,) = machine.children(name)
        os.kill(pid, signal.SIGKILL)
        return pid

    def await_new(self, name, old):
        rig.wait_until(f"a new {name}", lambda: machine.children(name) not in ([], [old]))

    def test_22_what_ended_while_the_agent_was_dead_is_reported_once(self):
        gate = os.path.join(machine.folder, "gate")
        os.makedirs(gate)
        arn = tasks.run([shell("app", "until ls /gate/open; do sleep 0.1; done; exit 7", mountPoints=[mount("gate", "/gate")])],
                        volumes=[{"name": "gate", "host": {"sourcePath": gate}}])
        tasks.await_status(arn, "RUNNING")
        machine.process.send_signal(signal.SIGSTOP)  # the parent must not start the agent again yet
        try:
            self.kill("agent")
            file_in(gate, "open")
            rig.wait_until("the container ended", lambda: tasks.docker_state(arn) == "exited 7")
            self.assertEqual(tasks.describe(arn)["lastStatus"], "RUNNING")
        finally:
            machine.process.send_signal(signal.SIGCONT)
        task = tasks.await_status(arn, "STOPPED")
        self.assertEqual((of(task, "app")["exitCode"], task["stopCode"]), (7, "EssentialContainerExited"))
        told = [json.loads(line) for line in rig.run(machine.gantry, "events", "--data", machine.data, "--endpoint", machine.endpoint,
                                                      env=machine.env()).stdout.splitlines()]
        ends = [event for event in told if event["detail"].get("taskArn") == arn and event["detail"].get("lastStatus") == "STOPPED"]
        self.assertEqual(len(ends), 1)

    def test_23_agents_killed_at_any_moment_double_nothing(self):
        arns = []
        for _ in range(4):  # each kill falls into another part of a task's start
            rig.wait_until("an agent is connected", tasks.instance_is_connected)
            arns.append(tasks.run([container("app", FOREVER)]))
            self.await_new("agent", self.kill("agent"))
        for arn in arns:
            tasks.await_status(arn, "RUNNING")
            self.assertEqual(len(tasks.of_docker(arn)), 1)
        for arn in arns:
            tasks.stop(arn)

    def test_40_after_a_reboot_tasks_have_stopped_and_services_replace_them(self):
        rig.wait_until("an agent is connected", tasks.instance_is_connected)
        alone = tasks.run([container("app", FOREVER)])
        family = tasks.define([container("app", FOREVER)])
        tasks.call("create-service", "--service-name", "kept", "--task-definition", family, "--desired-count", "2")
        before = set(rig.wait_until("the service's tasks run", lambda: self.running_of("kept", 2)))
        tasks.await_status(alone, "RUNNING")
        machine.process.send_signal(signal.SIGSTOP)
        try:
            self.kill("agent")
            machine.docker.reboot()
        finally:
            machine.process.send_signal(signal.SIGCONT)
        task = tasks.await_status(alone, "STOPPED", 90)
        self.assertEqual(task["stopCode"], "EssentialContainerExited")
        self.assertIn(of(task, "app").get("exitCode"), (137, 255))  # 255: the engine does not know
        after = set(rig.wait_until("the service has replaced them", lambda: self.running_of("kept", 2), 120))
        self.assertEqual(before & after, set())
        tasks.call("delete-service", "--service", "kept", "--force")

    def running_of(self, service, count):
        arns = tasks.call("list-tasks", "--service-name", service)["taskArns"]
        if len(arns) != count:
            return None
        seen = tasks.call("describe-tasks", "--tasks", *arns)["tasks"]
        return arns if all(task["lastStatus"] == "RUNNING" for task in seen) else None


class Whole(unittest.TestCase):
    def test_every_check_of_the_list_has_a_test_here_or_in_the_file_that_is_named(self):
        here = set()
        for case in (Checklist, Later, Restarts):
            here |= {name[5:7] for name in dir(case) if name[5:7].isdigit()}
        here |= {"20", "21"}  # of Registries
        self.assertEqual({f"{n:02}" for n in range(1, 41)} - here - set(ELSEWHERE), set())
        for check, (name, words) in [*ELSEWHERE.items(), *OTHER_HALVES.items()]:
            with open(os.path.join(rig.HERE, name)) as file:
                self.assertIn(words, file.read(), f"check {check} in {name}")


# What a container reads of the limits that these checks are about.
OTHER_HALVES = {"01": ("metadata_test.py", '"CPU": 2, "Memory": 16})  # of cpu 0'), "03": ("metadata_test.py", '"CPU": 0.5, "Memory": 1024}')}

# Which test shows a check that is not in this file: its file, and words of it.
ELSEWHERE = {
    "03": ("settings_test.py", "def test_3_"),
    "04": ("settings_test.py", "def test_4_"),
    "05": ("settings_test.py", "def test_5_"),
    **dict.fromkeys(("08", "09", "10"), ("settings_test.py", "def test_8_9_10_")),
    "31": ("metadata_test.py", "def test_a_container_reads_of_its_task"),
    "32": ("metadata_test.py", "InvalidIdInRequest"),
    "37": ("network_test.py", "def test_processes_are_visible"),
}


def seconds_of(text):
    """An engine's time, "2026-01-05T10:00:05.123456789Z", in seconds."""
    from datetime import datetime, timezone
    whole, _, fraction = text.rstrip("Z").partition(".")
    return datetime.strptime(whole, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc).timestamp() + float("0." + (fraction or "0"))


def volumes_of(task):
    """Names of the volumes that were made for the task."""
    head = "ecs-" + task["taskDefinitionArn"].split("/")[1].replace(":", "-") + "-"
    return [name for name in machine.docker.docker("volume", "ls", "-q").stdout.split() if name.startswith(head)]


if __name__ == "__main__":
    rig.TapResult.main(__name__)
