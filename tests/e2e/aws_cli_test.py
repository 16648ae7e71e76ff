"""The stock AWS CLI against a one-machine cluster with real containers: the tour of the README."""

import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rig  # noqa: E402

rig.own_network()

AWS = os.environ.get("GANTRY_E2E_AWS", "/usr/bin/aws")


def setUpModule():
    global machine
    # The CLI's waiters ask every six seconds; what a task wrote must still be there then.
    machine = rig.Machine(env={"ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION": "1m"})


def tearDownModule():
    machine.close()


def aws(*args, check=True):
    done = subprocess.run([AWS, "ecs", *args, "--endpoint-url", machine.endpoint, "--output", "json", "--no-cli-pager"],
                          env=machine.aws_env(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if check and done.returncode != 0:
        raise AssertionError(f"aws ecs {' '.join(args)}: {done.stderr}")
    if not check:
        return done
    return json.loads(done.stdout) if done.stdout.strip() else {}


def register(family, command, **more):
    container = dict({"name": "app", "image": rig.IMAGE, "memory": 32, "command": command}, **more)
    return aws("register-task-definition", "--family", family, "--container-definitions", json.dumps([container]))


class Tour(unittest.TestCase):
    def test_a_task_runs_is_described_and_stops(self):
        register("tour", ["sh", "-c", "echo hello; sleep 600"])
        started = aws("run-task", "--cluster", "default", "--task-definition", "tour", "--started-by", "me")
        self.assertEqual(started["failures"], [])
        arn = started["tasks"][0]["taskArn"]
        aws("wait", "tasks-running", "--cluster", "default", "--tasks", arn)

        task = aws("describe-tasks", "--tasks", arn)["tasks"][0]
        self.assertEqual(task["lastStatus"], "RUNNING")
        self.assertEqual(task["containers"][0]["lastStatus"], "RUNNING")
        runtime_id = task["containers"][0]["runtimeId"]
        state = machine.docker.docker("inspect", "-f", "{{.State.Running}}", runtime_id).stdout.strip()
        self.assertEqual(state, "true")  # RUNNING means that the container runs
        self.assertIn(arn, aws("list-tasks", "--started-by", "me")["taskArns"])
        logs = rig.run(machine.gantry, "logs", arn, "--data", machine.data, "--endpoint", machine.endpoint)
        self.assertEqual(logs.stdout, "hello\n")

        aws("stop-task", "--task", arn, "--reason", "seen enough")
        aws("wait", "tasks-stopped", "--tasks", arn)
        task = aws("describe-tasks", "--tasks", arn)["tasks"][0]
        self.assertEqual(task["stopCode"], "UserInitiated")
        self.assertEqual(task["stoppedReason"], "seen enough")
        self.assertEqual(task["containers"][0]["exitCode"], 137)
        for name in ["createdAt", "startedAt", "stoppingAt", "executionStoppedAt", "stoppedAt", "connectivityAt", "pullStartedAt", "pullStoppedAt"]:
            self.assertIn(name, task)
        self.assertIn(arn, aws("list-tasks", "--desired-status", "STOPPED")["taskArns"])

    def test_an_exit_code_arrives(self):
        register("exit7", ["sh", "-c", "exit 7"])
        arn = aws("run-task", "--task-definition", "exit7")["tasks"][0]["taskArn"]
        aws("wait", "tasks-stopped", "--tasks", arn)
        task = aws("describe-tasks", "--tasks", arn)["tasks"][0]
        self.assertEqual(task["containers"][0]["exitCode"], 7)
        self.assertEqual(task["stopCode"], "EssentialContainerExited")
        self.assertEqual(task["stoppedReason"], "Essential container in task exited")

    def test_overrides_reach_the_container(self):
        register("over", ["true"], environment=[{"name": "A", "value": "1"}])
        overrides = {"containerOverrides": [{"name": "app", "command": ["sh", "-c", "echo $A $B"],
                                             "environment": [{"name": "B", "value": "two"}]}]}
        arn = aws("run-task", "--task-definition", "over", "--overrides", json.dumps(overrides))["tasks"][0]["taskArn"]
        aws("wait", "tasks-stopped", "--tasks", arn)
        logs = rig.run(machine.gantry, "logs", arn, "--data", machine.data, "--endpoint", machine.endpoint)
        self.assertEqual(logs.stdout, "1 two\n")

    def test_logs_end_with_their_reader(self):
        register("ticks", ["sh", "-c", "while true; do echo tick; sleep 0.2; done"])
        arn = aws("run-task", "--task-definition", "ticks")["tasks"][0]["taskArn"]
        aws("wait", "tasks-running", "--tasks", arn)
        logs = subprocess.Popen([machine.gantry, "logs", "-f", arn, "--data", machine.data, "--endpoint", machine.endpoint],
                                stdout=subprocess.PIPE, env=machine.env())
        self.assertEqual(logs.stdout.readline(), b"tick\n")
        logs.stdout.close()
        self.assertEqual(logs.wait(30), 1)
        aws("stop-task", "--task", arn)

    def test_too_large_a_task_names_the_reason(self):
        register("huge", ["true"], memory=10_000_000)
        reply = aws("run-task", "--task-definition", "huge")
        self.assertEqual(reply["tasks"], [])
        self.assertEqual(reply["failures"][0]["reason"], "RESOURCE:MEMORY")

    def test_clusters(self):
        created = aws("create-cluster", "--cluster-name", "demo", "--tags", "key=a,value=b")["cluster"]
        self.assertEqual(created["status"], "ACTIVE")
        described = aws("describe-clusters", "--clusters", "demo", "nope", "--include", "TAGS")
        self.assertEqual(described["clusters"][0]["tags"], [{"key": "a", "value": "b"}])
        self.assertEqual(described["failures"][0]["reason"], "MISSING")
        self.assertIn(created["clusterArn"], aws("list-clusters")["clusterArns"])
        self.assertEqual(aws("delete-cluster", "--cluster", "demo")["cluster"]["status"], "INACTIVE")

    def test_an_error_has_its_type_and_text(self):
        done = aws("describe-tasks", "--cluster", "nowhere", "--tasks", "x", check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("(ClusterNotFoundException)", done.stderr)
        self.assertIn("Cluster not found.", done.stderr)

    def test_the_instance_shows_what_it_has(self):
        arns = aws("list-container-instances")["containerInstanceArns"]
        instance = aws("describe-container-instances", "--container-instances", *arns)["containerInstances"][0]
        self.assertTrue(instance["agentConnected"])
        resources = {r["name"]: r for r in instance["registeredResources"]}
        self.assertEqual(resources["CPU"]["integerValue"], (os.cpu_count() or 1) * 1024)
        self.assertEqual(instance["status"], "ACTIVE")


if __name__ == "__main__":
    rig.TapResult.main(__name__)
