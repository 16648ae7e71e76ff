"""Settings of tasks that only a real host can show: control groups, secrets, environment files, private images, log
routers and the services that AWS's own names stand for (played here by a small server)."""

import http.server
import json
import os
import shutil
import signal
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import registry  # noqa: E402
import rig  # noqa: E402
from tasks import FOREVER, Tasks, container, of, shell  # noqa: E402

rig.own_network()

ROLE = "arn:aws:iam::123456789012:role/reader"
SSM = "arn:aws:ssm:us-east-1:123456789012:parameter"
ASM = "arn:aws:secretsmanager:us-east-1:123456789012:secret"
SWORDFISH = "swordfish-7d1f"
CGROUPS = "/sys/fs/cgroup"


class Services(http.server.BaseHTTPRequestHandler):
    """As much of Systems Manager, Secrets Manager and S3 as it takes; who signed is remembered."""

    signers = []  # (key id, whether a session token came along)

    def note_signer(self):
        key = self.headers.get("Authorization", "").partition("Credential=")[2].partition("/")[0]
        Services.signers.append((key, "X-Amz-Security-Token" in self.headers))

    def answer(self, status, body):
        data = body.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.note_signer()
        if self.headers["X-Amz-Target"] == "AmazonSSM.GetParameters":
            known = {SSM + "/remote/one": "one-" + SWORDFISH}
            self.answer(200, json.dumps({
                "Parameters": [{"Name": name[len(SSM):], "ARN": name, "Value": known[name]} for name in asked["Names"] if name in known],
                "InvalidParameters": [name for name in asked["Names"] if name not in known]}))
        elif asked["SecretId"] == ASM + ":remote-a1b2c3":
            self.answer(200, json.dumps({"SecretString": json.dumps({"key": "two-" + SWORDFISH})}))
        else:
            self.answer(400, json.dumps({"__type": "ResourceNotFoundException", "message": "none"}))

    def do_GET(self):
        self.note_signer()
        if self.path == "/bucket/remote.env":
            self.answer(200, "REMOTE=three\n")
        else:
            self.answer(404, "<Error/>")

    def log_message(self, *_):
        pass


def setUpModule():
    global machine, tasks, agent, services, roles
    signal.signal(signal.SIGTERM, lambda *_: (tearDownModule(), os._exit(1)))
    roles = tempfile.mkdtemp(prefix="gtroles", dir="/tmp")
    with open(roles + "/outsider.ini", "w") as file:
        file.write("[default]\naws_access_key_id = AKIAOUTSIDE\naws_secret_access_key = secret\n")
    with open(roles + "/roles", "w") as file:
        file.write(f"[outsider]\nkeys-file = {roles}/outsider.ini\n")
    machine = rig.Machine(flags=["--roles", roles + "/roles"])
    try:
        services = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Services)
        threading.Thread(target=services.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{services.server_port}"
        keep("secrets/plain", "plain-" + SWORDFISH + "\n")
        keep("secrets/deep/json", json.dumps({"user": "anna", "password": "deep-" + SWORDFISH}))
        keep("files/bucket/a.env", "A=1\nX=0\nB=first\nC=\"x y\"\n# D=4\nE\n")
        keep("files/bucket/b.env", "B=second\nF=6\n")
        machine.call("create-cluster", "--cluster-name", "settings")
        agent = rig.Agent(machine, "settings", flags=["--secrets", machine.folder + "/secrets", "--env-files", machine.folder + "/files"],
                          env={"AWS_ENDPOINT_URL_SSM": url, "AWS_ENDPOINT_URL_SECRETS_MANAGER": url, "AWS_ENDPOINT_URL_S3": url,
                               "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS": url, "ECS_TASK_PIDS_LIMIT": "100", "ECS_CONTAINER_STOP_TIMEOUT": "2s",
                               "ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION": "6s"})
        tasks = Tasks(machine, "settings")
        rig.wait_until("the agent is connected", tasks.instance_is_connected)
    except BaseException:
        tearDownModule()
        raise


def tearDownModule():
    if "agent" in globals():
        agent.stop()
    if "services" in globals():
        services.shutdown()
        services.server_close()
    machine.close()
    shutil.rmtree(roles, ignore_errors=True)


def keep(name, text):
    path = os.path.join(machine.folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)


def attributes():
    arn = tasks.call("list-container-instances")["containerInstanceArns"][0]
    return {one["name"] for one in tasks.call("describe-container-instances", "--container-instances", arn)["containerInstances"][0]["attributes"]}


def has_groups():
    return "ecs.capability.task-cpu-mem-limit" in attributes()


def environment(arn, name="app"):
    return dict(line.split("=", 1) for line in tasks.inspect(arn, name)["Config"]["Env"])


def group_files(task_id):
    """What the kernel says of the task's group, v1 or v2: (cpu, memory, pids)."""
    if os.path.exists(CGROUPS + "/cgroup.controllers"):
        folders = [f"{CGROUPS}/ecs/{task_id}"] * 3
        names = ["cpu.max", "memory.max", "pids.max"]
    else:
        folders = [f"{CGROUPS}/{controller}/ecs/{task_id}" for controller in ("cpu", "memory", "pids")]
        names = ["cpu.cfs_quota_us", "memory.limit_in_bytes", "pids.max"]
    return [open(os.path.join(folder, name)).read().strip() for folder, name in zip(folders, names)]


def groups_left(task_id):
    return [folder for folder, _, _ in os.walk(CGROUPS) if task_id in folder]


class Groups(unittest.TestCase):
    def setUp(self):
        if not has_groups():
            self.skipTest("this machine's control groups cannot be written")

    def test_3_limits_of_a_task_hold_for_its_group_and_go_with_it(self):
        arn = tasks.run([container("app", FOREVER)], cpu="512", memory="1024")
        tasks.await_status(arn, "RUNNING")
        task_id = arn.rpartition("/")[2]
        cpu, memory, pids = group_files(task_id)
        self.assertEqual(cpu.split()[0], "50000")
        self.assertEqual((memory, pids), (str(1024 << 20), "100"))
        self.assertIn(tasks.inspect(arn)["HostConfig"]["CgroupParent"], [f"/ecs/{task_id}", f"ecstasks-{task_id}.slice"])
        tasks.stop(arn)
        rig.wait_until("the group is gone", lambda: not groups_left(task_id), 90)

    def test_4_without_cpu_the_group_has_the_sum_of_shares(self):
        arn = tasks.run([container("app", FOREVER, cpu=0), container("b", FOREVER, cpu=256)])
        tasks.await_status(arn, "RUNNING")
        task_id = arn.rpartition("/")[2]
        path = f"{CGROUPS}/cpu/ecs/{task_id}/cpu.shares"
        self.assertEqual(open(path).read().strip() if os.path.exists(path) else "258", "258")
        tasks.stop(arn)


class Limits(unittest.TestCase):
    def test_5_a_container_larger_than_its_task_is_refused(self):
        family = None
        try:
            family = tasks.define([container("app", FOREVER, memory=64)], memory="32")
        except AssertionError as refused:
            self.assertIn("memory", str(refused))  # the server says so before an agent can
            return
        arn = tasks.try_to_run(family)["tasks"][0]["taskArn"]
        self.assertIn("task memory limit", tasks.await_status(arn, "STOPPED")["stoppedReason"])


class Docker(unittest.TestCase):
    """What has no words of its own in an agent's life: it goes to the engine and must be true inside."""

    def test_every_setting_of_a_container_is_what_its_processes_find(self):
        say = ("hostname; cat /proc/sys/net/core/somaxconn /proc/sys/kernel/msgmax; ulimit -Sn; ulimit -Hn; cat /proc/1/comm; "
               "grep -o 'CapEff.*' /proc/self/status; grep -o 'NoNewPrivs.*' /proc/self/status; "
               "busybox df -k /dev/shm | busybox tail -1 | busybox awk '{print $2}'; ls -l /dev/filled | busybox awk '{print $5 $6}'; "
               "echo x > /dev/filled || echo full; grep corp /etc/resolv.conf; grep nameserver /etc/resolv.conf; grep shelf /etc/hosts; "
               "read line; echo input was $line; sleep 600")
        arn = tasks.run([shell(
            "app", say.replace("grep", "busybox grep"), hostname="somebody", dnsServers=["192.0.2.53"], dnsSearchDomains=["corp.test"],
            extraHosts=[{"hostname": "shelf", "ipAddress": "192.0.2.7"}], dockerSecurityOptions=["no-new-privileges"], interactive=True,
            ulimits=[{"name": "nofile", "softLimit": 64, "hardLimit": 128}], memory=24, memoryReservation=12,
            systemControls=[{"namespace": "net.core.somaxconn", "value": "77"}, {"namespace": "kernel.msgmax", "value": "9000"}],
            linuxParameters={"capabilities": {"add": ["NET_ADMIN"], "drop": ["ALL"]}, "initProcessEnabled": True, "sharedMemorySize": 9,
                             "devices": [{"hostPath": "/dev/full", "containerPath": "/dev/filled", "permissions": ["read", "write"]}],
                             "maxSwap": 8})])
        tasks.await_status(arn, "RUNNING")
        rig.wait_until("all is said", lambda: "shelf" in tasks.output(arn), 20)
        self.assertEqual(tasks.output(arn).split("\n")[:-1], [
            "somebody", "77", "9000", "64", "128", "docker-init", "CapEff:\t0000000000001000", "NoNewPrivs:\t1", str(9 << 10), "1,7", "full",
            "search corp.test", "nameserver 192.0.2.53", "192.0.2.7\tshelf"])
        seen = tasks.inspect(arn)
        host = seen["HostConfig"]
        self.assertEqual((host["MemorySwap"], host["MemoryReservation"], seen["Config"]["OpenStdin"]), (32 << 20, 12 << 20, True))
        self.assertEqual(host["Devices"], [{"PathOnHost": "/dev/full", "PathInContainer": "/dev/filled", "CgroupPermissions": "rw"}])
        tasks.stop(arn)

    def test_a_privileged_container_is_one_to_the_engine(self):
        arn = tasks.run([shell("app", "busybox grep CapEff /proc/self/status; sleep 600", privileged=True)])
        rig.wait_until("it was tried", lambda: tasks.describe(arn)["lastStatus"] in ("RUNNING", "STOPPED"))
        self.assertIs(json.loads(machine.docker.docker("inspect", tasks.of_docker(arn)[0]).stdout)[0]["HostConfig"]["Privileged"], True)
        task = tasks.describe(arn)
        if task["lastStatus"] == "STOPPED":  # a machine that is a container itself has not all there is to give
            self.assertIn("unable to apply caps", of(task, "app")["reason"])
            return
        with open("/proc/self/status") as status:
            ours = next(line.split()[1] for line in status if line.startswith("CapBnd"))
        self.assertIn(ours, tasks.await_output(arn))
        tasks.stop(arn)

    def test_a_container_without_a_network_has_none(self):
        arn = tasks.run([shell("app", "ls /sys/class/net; sleep 600", disableNetworking=True)])
        tasks.await_status(arn, "RUNNING")
        self.assertEqual(tasks.await_output(arn), "lo\n")
        tasks.stop(arn)

    def test_volumes_of_another_container_and_of_docker_come_with_what_they_were_given(self):
        volume = {"name": "disk", "dockerVolumeConfiguration": {
            "scope": "task", "driver": "local", "driverOpts": {"type": "tmpfs", "device": "tmpfs", "o": "size=1m"}, "labels": {"mine": "yes"}}}
        arn = tasks.run([shell("app", "echo made > /disk/file; sleep 600", mountPoints=[{"sourceVolume": "disk", "containerPath": "/disk"}]),
                         shell("other", "until cat /disk/file; do sleep 0.1; done; echo no > /disk/x; echo $?; sleep 600",
                               volumesFrom=[{"sourceContainer": "app", "readOnly": True}])], volumes=[volume])
        tasks.await_status(arn, "RUNNING")
        rig.wait_until("output", lambda: tasks.output(arn, "other").endswith("made\n1\n"))
        (mount,) = tasks.inspect(arn)["Mounts"]
        made = json.loads(machine.docker.docker("volume", "inspect", mount["Name"]).stdout)[0]
        self.assertEqual((made["Options"]["o"], made["Labels"]["mine"]), ("size=1m", "yes"))
        self.assertRegex(mount["Name"], r"^ecs-e2e-\d+-1-disk-[0-9a-f]{20}$")
        tasks.stop(arn)

    def test_names_and_overrides(self):
        arn = tasks.run([container("my_app", FOREVER, environment=[{"name": "A", "value": "1"}, {"name": "B", "value": "2"}])], overrides={
            "containerOverrides": [{"name": "my_app", "command": ["sleep", "601"], "environment": [{"name": "B", "value": "3"}], "memory": 20}]})
        tasks.await_status(arn, "RUNNING")
        seen = tasks.inspect(arn, "my_app")
        self.assertRegex(seen["Name"], r"^/ecs-e2e-\d+-1-myapp-[0-9a-f]{20}$")
        self.assertEqual((seen["Config"]["Cmd"], seen["HostConfig"]["Memory"]), (["sleep", "601"], 20 << 20))
        got = environment(arn, "my_app")
        self.assertEqual((got["A"], got["B"]), ("1", "3"))
        labels = seen["Config"]["Labels"]
        self.assertEqual([labels["com.amazonaws.ecs." + name] for name in ("container-name", "task-arn", "cluster", "task-definition-version")],
                         ["my_app", arn, "settings", "1"])
        tasks.stop(arn)


class Secrets(unittest.TestCase):
    def test_8_9_10_secrets_go_over_the_environment_and_files_under_it(self):
        arn = tasks.run([container(
            "app", FOREVER, environment=[{"name": "X", "value": "x"}],
            secrets=[{"name": "A", "valueFrom": "plain"}, {"name": "P", "valueFrom": SSM + "/plain"},
                     {"name": "J", "valueFrom": ASM + ":deep/json-a1b2c3:password::"}],
            environmentFiles=[{"type": "s3", "value": "arn:aws:s3:::bucket/a.env"}, {"type": "s3", "value": "arn:aws:s3:::bucket/b.env"}])],
            execution_role_arn=ROLE)
        tasks.await_status(arn, "RUNNING")
        got = environment(arn)
        self.assertEqual({name: got.get(name) for name in "ABCFXPJ"},
                         {"A": "plain-" + SWORDFISH, "B": "first", "C": '"x y"', "F": "6", "X": "x", "P": "plain-" + SWORDFISH,
                          "J": "deep-" + SWORDFISH})
        self.assertNotIn("D", got)
        tasks.stop(arn)

    def test_secrets_come_from_services_when_no_file_has_them_and_are_fetched_as_the_execution_role(self):
        Services.signers.clear()
        arn = tasks.run([container(
            "app", FOREVER, secrets=[{"name": "ONE", "valueFrom": SSM + "/remote/one"}, {"name": "TWO", "valueFrom": ASM + ":remote-a1b2c3:key::"}],
            environmentFiles=[{"type": "s3", "value": "arn:aws:s3:::bucket/remote.env"}])], execution_role_arn=ROLE)
        task = rig.wait_until("it runs or says why not", lambda: next(
            (t for t in [tasks.describe(arn)] if t["lastStatus"] in ("RUNNING", "STOPPED")), None))
        if task["lastStatus"] == "STOPPED":
            self.fail(task.get("stoppedReason"))
        got = environment(arn)
        self.assertEqual((got.get("ONE"), got.get("TWO"), got.get("REMOTE")), ("one-" + SWORDFISH, "two-" + SWORDFISH, "three"))
        self.assertEqual(len(Services.signers), 3)
        self.assertEqual(len(set(Services.signers)), 1)
        self.assertRegex(Services.signers[0][0], "^ASIA")
        self.assertTrue(Services.signers[0][1])
        tasks.stop(arn)

    def test_a_role_with_keys_of_its_operator_fetches_with_these(self):
        Services.signers.clear()
        arn = tasks.run([container("app", FOREVER, secrets=[{"name": "ONE", "valueFrom": SSM + "/remote/one"}])],
                        execution_role_arn=ROLE.replace("reader", "outsider"))
        tasks.await_status(arn, "RUNNING")
        self.assertEqual(Services.signers, [("AKIAOUTSIDE", False)])
        tasks.stop(arn)

    def test_a_secret_that_is_nowhere_stops_the_task_and_says_which(self):
        arn = tasks.run([container("app", FOREVER, secrets=[{"name": "A", "valueFrom": "/none"}])], execution_role_arn=ROLE)
        stopped = tasks.await_status(arn, "STOPPED")
        self.assertEqual(stopped["stopCode"], "TaskFailedToStart")
        self.assertEqual(stopped["stoppedReason"], "Fetching secret data from SSM Parameter Store in us-east-1: invalid parameters: /none")

    def test_no_secret_is_in_a_log_or_in_a_store(self):
        arn = tasks.run([container("app", FOREVER, secrets=[{"name": "A", "valueFrom": "plain"}])], execution_role_arn=ROLE)
        tasks.await_status(arn, "RUNNING")
        found = []
        for folder in (machine.data, agent.data, machine.folder):
            names = sorted(os.listdir(folder)) if folder == machine.folder else [
                os.path.join(base, name) for base, _, files in os.walk(folder) for name in files]
            for name in names:
                path = os.path.join(folder, name)
                if os.path.isfile(path) and SWORDFISH.encode() in open(path, "rb").read():
                    found.append(path)
        self.assertEqual(found, [])
        self.assertNotIn(SWORDFISH, json.dumps(tasks.describe(arn)))
        tasks.stop(arn)


@unittest.skipUnless(registry.BINARY, "there is no docker-registry")
class Images(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.registries = []

    @classmethod
    def tearDownClass(cls):
        for one in cls.registries:
            one.stop()

    def add(self, name, login=None):
        folder = os.path.join(machine.folder, "registry-" + name)
        os.makedirs(folder)
        self.registries.append(registry.Registry(machine.docker, folder, login))
        return self.registries[-1]

    def test_a_private_image_is_pulled_with_the_login_that_a_secret_holds(self):
        locked = self.add("locked", ("reader", "a pass:word"))
        image, digest = locked.push("private:1")
        keep("secrets/login", json.dumps({"username": "reader", "password": "a pass:word"}))
        arn = tasks.run([container("app", FOREVER, image=image, repositoryCredentials={"credentialsParameter": ASM + ":login-a1b2c3"})],
                        execution_role_arn=ROLE)
        self.assertEqual(of(tasks.await_status(arn, "RUNNING"), "app")["imageDigest"], digest)
        tasks.stop(arn)

    def test_tasks_of_a_services_revision_run_one_digest_whatever_the_tag_means_by_then(self):
        shop = self.add("open")
        image, digest = shop.push("app:v1")
        check = {"command": ["CMD", "true"], "interval": 5, "retries": 1}  # counts as healthy long before the forty seconds without one
        family = tasks.define([container("app", FOREVER, image=image, healthCheck=check)])
        tasks.call("create-service", "--service-name", "pinned", "--task-definition", family, "--desired-count", "1")
        running = lambda n: rig.wait_until(f"{n} run", lambda: self.running(n), 90)  # noqa: E731
        self.assertEqual(running(1), {digest})
        made = machine.docker.docker("create", rig.IMAGE, "true").stdout.strip()
        machine.docker.docker("commit", "-c", "ENV NEWER=1", made, "gantry/newer:latest")
        machine.docker.docker("rm", made)
        _, newer = shop.push("app:v1", "gantry/newer:latest")
        self.assertNotEqual(newer, digest)
        tasks.call("update-service", "--service", "pinned", "--desired-count", "2")
        self.assertEqual(running(2), {digest})
        tasks.call("update-service", "--service", "pinned", "--desired-count", "1", "--force-new-deployment")
        rig.wait_until("the new image runs", lambda: self.running(1) == {newer}, 150)
        tasks.call("delete-service", "--service", "pinned", "--force")

    def running(self, n):
        """Digests of the service's tasks when that many run; or None."""
        arns = tasks.call("list-tasks", "--service-name", "pinned")["taskArns"]
        if len(arns) != n:
            return None
        seen = tasks.call("describe-tasks", "--tasks", *arns)["tasks"]
        return {of(task, "app")["imageDigest"] for task in seen} if all(task["lastStatus"] == "RUNNING" for task in seen) else None


class Logs(unittest.TestCase):
    def test_a_sender_logs_through_its_router(self):
        # The router is no more than what takes bytes from the socket: nc stands for it.
        router = shell("router", "nc -l -U /var/run/fluent.sock > /dev/null 2>&1; exec sleep 600", essential=True,
                       firelensConfiguration={"type": "fluentbit"})
        sender = shell("app", "env; sleep 600", logConfiguration={"logDriver": "awsfirelens", "options": {"Name": "null"}})
        arn = tasks.run([router, sender])
        tasks.await_status(arn, "RUNNING")
        task_id = arn.rpartition("/")[2]
        binds = {bind.split(":")[1]: bind.split(":")[0] for bind in tasks.inspect(arn, "router")["HostConfig"]["Binds"]}
        config = open(binds["/fluent-bit/etc/fluent-bit.conf"]).read()
        self.assertIn("[OUTPUT]\n    Name null\n    Match app-firelens*", config)
        self.assertIn(f"Record ecs_task_arn {arn}", config)
        log = tasks.inspect(arn)["HostConfig"]["LogConfig"]
        self.assertEqual(log["Type"], "fluentd")
        self.assertEqual(log["Config"]["tag"], f"app-firelens-{task_id}")
        got = environment(arn)
        self.assertEqual(got["FLUENT_PORT"], "24224")
        self.assertRegex(got["FLUENT_HOST"], r"^\d+\.\d+\.\d+\.\d+$")
        tasks.stop(arn)
        rig.wait_until("the router's files are gone", lambda: not os.path.exists(os.path.dirname(os.path.dirname(binds["/fluent-bit/etc/fluent-bit.conf"]))), 90)

    def test_awslogs_is_told_of_the_configured_endpoint(self):
        arn = tasks.run([container("app", FOREVER, logConfiguration={
            "logDriver": "awslogs", "options": {"awslogs-group": "g", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "p"}})])
        task = rig.wait_until("it was tried", lambda: next(
            (t for t in [tasks.describe(arn)] if t["lastStatus"] in ("RUNNING", "STOPPED")), None))
        made = tasks.of_docker(arn)
        config = json.loads(machine.docker.docker("inspect", made[0]).stdout)[0]["HostConfig"]["LogConfig"]["Config"]
        self.assertEqual(config["awslogs-endpoint"], f"http://127.0.0.1:{services.server_port}")
        self.assertEqual(config["awslogs-stream"], "p/app/" + arn.rpartition("/")[2])
        if task["lastStatus"] == "RUNNING":
            tasks.stop(arn)


if __name__ == "__main__":
    rig.TapResult.main(__name__)
