"""Debian's Ansible with its stock ECS modules: a playbook makes a service, and its second run changes nothing."""

import json
import os
import re
import shutil
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rig  # noqa: E402

rig.own_network()

PLAYBOOK = os.path.join(os.path.dirname(os.path.abspath(__file__)), "playbook.yml")
ANSIBLE = "/usr/bin/ansible-playbook"
INSTANCE_ID = "i-0123456789abcdef0"


def setUpModule():
    global machine
    machine = rig.Machine()


def tearDownModule():
    machine.close()


def play():
    """Runs the playbook; its recap as {"ok": 8, "changed": 0, ...}."""
    env = dict(machine.aws_env(), ANSIBLE_LOCALHOST_WARNING="false", ANSIBLE_NOCOLOR="1", LC_ALL="C.UTF-8",
               ANSIBLE_DEPRECATION_WARNINGS="false", ANSIBLE_HOME=os.path.join(machine.folder, "ansible"),
               ANSIBLE_LOCAL_TEMP=os.path.join(machine.folder, "tmp"), ANSIBLE_PYTHON_INTERPRETER="/usr/bin/python3")
    more = {"endpoint": machine.endpoint, "image": rig.IMAGE, "fleet": "fleet", "instance_id": INSTANCE_ID}
    done = rig.run(ANSIBLE, "-i", "localhost,", "-e", json.dumps(more), PLAYBOOK, env=env, cwd=machine.folder, check=False)
    recap = re.search(r"^localhost\s*:(.*)$", done.stdout, re.M)
    if done.returncode != 0 or recap is None:
        raise AssertionError(f"ansible-playbook: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return {name: int(n) for name, n in re.findall(r"(\w+)=(\d+)", recap.group(1))}, done.stdout


# The module for attributes finds hosts by their EC2 ids, so one that has such an id is registered by hand.
def register_host():
    machine.call("create-cluster", "--cluster-name", "fleet")
    resources = [{"name": "CPU", "type": "INTEGER", "integerValue": 1024}, {"name": "MEMORY", "type": "INTEGER", "integerValue": 512}]
    machine.call("register-container-instance", "--cluster", "fleet", "--instance-identity-document",
                 json.dumps({"instanceId": INSTANCE_ID}), "--total-resources", json.dumps(resources))


@unittest.skipUnless(shutil.which(ANSIBLE), "there is no ansible-playbook")
class Ansible(unittest.TestCase):
    def test_a_second_run_changes_nothing(self):
        register_host()
        recap, _ = play()
        self.assertEqual((recap["failed"], recap["unreachable"]), (0, 0))
        self.assertGreaterEqual(recap["changed"], 6)
        rig.wait_until("the service runs", lambda: self.service()["runningCount"] == 1)
        recap, text = play()
        self.assertEqual(recap["changed"], 0, text)
        self.assertEqual(len(self.service()["deployments"]), 1)
        attributes = machine.call("list-attributes", "--cluster", "fleet", "--target-type", "container-instance",
                                  "--attribute-name", "rack")["attributes"]
        self.assertEqual([entry["value"] for entry in attributes], ["r1"])
        machine.call("delete-service", "--service", "site", "--force")

    @staticmethod
    def service():
        return machine.call("describe-services", "--services", "site")["services"][0]


if __name__ == "__main__":
    rig.TapResult.main(__name__)
