"""Services with the stock AWS CLI and real containers: made, rolled over, scaled, broken, taken away."""

import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rig  # noqa: E402

rig.own_network()

AWS = os.environ.get("GANTRY_E2E_AWS", "/usr/bin/aws")
# Healthy by a check, so that a task counts after seconds and not after the forty it takes without one.
PROBE = {"command": ["CMD-SHELL", "true"], "interval": 5, "timeout": 2, "retries": 2}
BREAKER = "deploymentCircuitBreaker={enable=true,rollback=true}"


def setUpModule():
    global machine
    machine = rig.Machine()


def tearDownModule():
    machine.close()


def aws(*args):
    done = subprocess.run([AWS, "ecs", *args, "--endpoint-url", machine.endpoint, "--output", "json", "--no-cli-pager"],
                          env=machine.aws_env(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise AssertionError(f"aws ecs {' '.join(args)}: {done.stderr}")
    return json.loads(done.stdout) if done.stdout.strip() else {}


def register(command):
    container = {"name": "app", "image": rig.IMAGE, "memory": 32, "command": command, "healthCheck": PROBE,
                 "stopTimeout": 2}
    return machine.call("register-task-definition", "--family", "web", "--container-definitions", json.dumps([container]))


def service():
    return machine.call("describe-services", "--services", "web")["services"][0]


# More than what the CLI's waiter wants, which does not ask whether the tasks are healthy.
def is_stable():
    seen = service()
    return (len(seen["deployments"]) == 1 and seen["runningCount"] == seen["desiredCount"]
            and seen["deployments"][0]["rolloutState"] == "COMPLETED" and seen)


def said(words):
    return any(words in event["message"] for event in service()["events"])


class Services(unittest.TestCase):
    def test_from_its_creation_to_its_end(self):
        register(["sh", "-c", "sleep 600"])
        made = aws("create-service", "--service-name", "web", "--task-definition", "web", "--desired-count", "2",
                   "--deployment-configuration", BREAKER)["service"]
        self.assertEqual(made["status"], "ACTIVE")
        first = self.stable()
        aws("wait", "services-stable", "--services", "web")
        self.assertEqual(len(machine.docker.containers()), 2)

        aws("update-service", "--service", "web", "--force-new-deployment")
        second = self.stable(lambda seen: seen["deployments"][0]["id"] != first["deployments"][0]["id"])
        self.assertEqual(second["runningCount"], 2)

        aws("update-service", "--service", "web", "--desired-count", "3")
        self.stable(lambda seen: seen["desiredCount"] == 3)
        aws("update-service", "--service", "web", "--desired-count", "1")
        self.stable(lambda seen: seen["desiredCount"] == 1)

        self.rolled_back(second)
        aws("delete-service", "--service", "web", "--force")
        rig.wait_until("the service is INACTIVE", lambda: service()["status"] == "INACTIVE", 60)
        aws("wait", "services-inactive", "--services", "web")
        rig.wait_until("its containers are gone", lambda: machine.docker.containers() == [], 60)

    # A release whose command is not in the image never starts.
    def rolled_back(self, before):
        register(["/no/such/program"])
        aws("update-service", "--service", "web", "--task-definition", "web")
        rig.wait_until("the breaker rolls back", lambda: said("rolling back to deployment"), 60)
        after = self.stable(lambda seen: seen["deployments"][0]["id"] == before["deployments"][0]["id"])
        self.assertEqual(after["runningCount"], 1)
        self.assertTrue(said("deployment failed: tasks failed to start."))
        newest = machine.call("list-service-deployments", "--service", "web")["serviceDeployments"][0]
        self.assertEqual(newest["status"], "ROLLBACK_SUCCESSFUL")

    def stable(self, more=lambda seen: True):
        def look():
            seen = is_stable()
            return seen and more(seen) and seen
        return rig.wait_until("the service is stable", look, 60)


if __name__ == "__main__":
    rig.TapResult.main(__name__)
