"""What a container can ask of its agent: metadata, statistics, credentials of its role, task protection, faults;
and what it cannot: anything of another task's. Packet rules belong to one agent a host, and this process is one, with
a network of its own."""

import json
import os
import shutil
import signal
import socket
import sys
import time
import unittest
import urllib.error
import urllib.request

import boto3
import botocore.exceptions

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rig  # noqa: E402

rig.own_network()

FOREVER = ["sleep", "600"]
ROLE = "arn:aws:iam::123456789012:role/team/app"


def setUpModule():
    global machine, introspection, roles
    signal.signal(signal.SIGTERM, terminated)
    if shutil.which("nft") is None:
        raise unittest.SkipTest("nftables is not installed")
    rig.run("ip", "route", "add", "default", "dev", "lo")  # a redirect on its way out needs a way out
    introspection = rig.free_port()
    roles = os.path.join("/tmp", f"gtroles{os.getpid()}")
    with open(roles, "w") as file:
        file.write("[reader]\nallow = ecs:List* ecs:DescribeClusters\ncluster = *\n")
    machine = rig.Machine(flags=["--roles", roles], env={
        "GANTRY_METADATA_PORT": str(rig.free_port()), "GANTRY_INTROSPECTION_PORT": str(introspection),
        "ECS_CONTAINER_STOP_TIMEOUT": "2s", "ECS_ENABLE_CONTAINER_METADATA": "true",
        "ECS_INSTANCE_ATTRIBUTES": json.dumps({"ecs.capability.fault-injection": ""}),
        "ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION": "2s", "GANTRY_AWSVPC_POOL": "10.73.0.0/24", "GANTRY_AWSVPC_BRIDGE": "gtmeta0"})


def terminated(*_):
    if "machine" in globals():
        machine.close()
    os._exit(1)


def tearDownModule():
    if "machine" in globals():
        machine.close()
        os.unlink(roles)
        left = rig.run("nft", "list", "table", "ip", "gantry", check=False).stdout
        if "dnat" in left:
            raise AssertionError("the redirect outlived the agent:\n" + left)


families = iter(range(1, 1000))


def start(command=None, name="app", **more):
    """A task of one container that runs; its ARN."""
    family = f"meta-{next(families)}"
    flags = []
    for key, value in more.items():
        flags += ["--" + key.replace("_", "-"), value if isinstance(value, str) else json.dumps(value)]
    machine.call("register-task-definition", "--family", family, *flags, "--container-definitions", json.dumps([
        {"name": name, "image": rig.IMAGE, "memory": 16, "command": command or FOREVER}]))
    own = more.get("network_mode") == "awsvpc"
    started = machine.call("run-task", "--task-definition", family, *(
        ["--network-configuration", '{"awsvpcConfiguration":{"subnets":["subnet-1"]}}'] if own else []))
    if started["failures"]:
        raise AssertionError(started["failures"])
    return running(started["tasks"][0]["taskArn"])


def running(arn):
    def is_running():
        task = machine.call("describe-tasks", "--tasks", arn)["tasks"][0]
        if task["lastStatus"] == "STOPPED":
            raise AssertionError(json.dumps(task))
        return task["lastStatus"] == "RUNNING"

    rig.wait_until(f"{arn} runs", is_running)
    return arn


def inside(arn, *command, check=True):
    task = machine.call("describe-tasks", "--tasks", arn)["tasks"][0]
    return machine.docker.docker("exec", task["containers"][0]["runtimeId"], *command, check=check)


def shell(arn, script, check=True):
    return inside(arn, "sh", "-c", script, check=check)


def fetch(arn, url):
    return json.loads(shell(arn, f"wget -qO- {url}").stdout)


def ask(arn, method, path, body=""):
    """A request that busybox's wget cannot make: status and JSON."""
    head = f"{method} {path} HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\nContent-Length: {len(body)}\\r\\n\\r\\n"
    answer = shell(arn, f"printf '{head}%s' '{body}' | nc 169.254.170.2 80").stdout
    status, _, rest = answer.partition("\n")  # line ends have become plain on the way
    return int(status.split()[1]), json.loads(rest.partition("\n\n")[2])


def environment(arn):
    return dict(line.split("=", 1) for line in inside(arn, "env").stdout.splitlines() if "=" in line)


def credentials(arn):
    return fetch(arn, "http://169.254.170.2$AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")


def ecs(keys):
    return boto3.client("ecs", endpoint_url=machine.endpoint, region_name="us-east-1",
                        aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"],
                        aws_session_token=keys["Token"])


def refusal(call, **arguments):
    try:
        call(**arguments)
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"]["Message"]
    raise AssertionError("not refused")


class Documents(unittest.TestCase):
    def test_a_container_reads_of_its_task(self):
        arn = start(cpu="512", memory="1024")
        task = fetch(arn, "$ECS_CONTAINER_METADATA_URI_V4/task")
        self.assertEqual((task["TaskARN"], task["Cluster"], task["KnownStatus"], task["Revision"]), (arn, "default", "RUNNING", "1"))
        self.assertEqual(task["Limits"], {"CPU": 0.5, "Memory": 1024})
        self.assertEqual(task["LaunchType"], "EC2")
        self.assertFalse(task["FaultInjectionEnabled"])
        own = fetch(arn, "$ECS_CONTAINER_METADATA_URI_V4")
        self.assertEqual(task["Containers"], [own])
        self.assertEqual((own["Name"], own["Image"], own["Type"]), ("app", rig.IMAGE, "NORMAL"))
        self.assertEqual(own["Limits"], {"CPU": 2, "Memory": 16})  # of cpu 0
        self.assertEqual(own["Labels"]["com.amazonaws.ecs.task-arn"], arn)
        self.assertEqual(own["Networks"][0]["NetworkMode"], "bridge")
        self.assertIn(own["Networks"][0]["IPv4Addresses"][0], shell(arn, "cat /etc/hosts").stdout)
        self.assertNotIn("LaunchType", fetch(arn, "$ECS_CONTAINER_METADATA_URI/task"))
        machine.call("stop-task", "--task", arn)

    def test_it_reads_what_it_uses(self):
        arn = start()

        def has_rates():
            stats = fetch(arn, "$ECS_CONTAINER_METADATA_URI_V4/stats")
            return stats if "network_rate_stats" in stats else None

        stats = rig.wait_until("two samples", has_rates, 30)
        self.assertGreater(stats["memory_stats"]["usage"], 0)
        self.assertIn("system_cpu_usage", stats["cpu_stats"])
        whole = fetch(arn, "$ECS_CONTAINER_METADATA_URI_V4/task/stats")
        self.assertEqual(list(whole), [fetch(arn, "$ECS_CONTAINER_METADATA_URI_V4")["DockerId"]])
        machine.call("stop-task", "--task", arn)

    def test_on_the_hosts_network_too(self):
        arn = start(network_mode="host")
        task = fetch(arn, "$ECS_CONTAINER_METADATA_URI_V4/task")
        self.assertEqual(task["Containers"][0]["Networks"], [{"NetworkMode": "host", "IPv4Addresses": [""]}])
        machine.call("stop-task", "--task", arn)

    def test_tags_come_from_the_server(self):
        arn = start()
        machine.call("tag-resource", "--resource-arn", arn, "--tags", '[{"key":"team","value":"x"}]')
        self.assertEqual(fetch(arn, "$ECS_CONTAINER_METADATA_URI_V4/taskWithTags")["TaskTags"], {"team": "x"})
        machine.call("stop-task", "--task", arn)

    def test_a_file_says_the_same(self):
        arn = start()
        read = lambda: json.loads(shell(arn, "cat $ECS_CONTAINER_METADATA_FILE").stdout)
        file = rig.wait_until("the file is ready", lambda: (lambda f: f if f.get("MetadataFileStatus") == "READY" else None)(read()))
        self.assertEqual((file["TaskARN"], file["ContainerName"], file["Cluster"]), (arn, "app", "default"))
        folder = os.path.join(machine.data, "agent/metadata", arn.split("/")[-1])
        self.assertTrue(os.path.isdir(folder))
        machine.call("stop-task", "--task", arn)
        rig.wait_until("the file is gone with its task", lambda: not os.path.exists(folder))

    def test_people_look_from_the_host(self):
        arn = start()
        look = lambda path: json.load(urllib.request.urlopen(f"http://127.0.0.1:{introspection}{path}", timeout=10))
        self.assertEqual(look("/v1/metadata")["Cluster"], "default")
        task = look(f"/v1/tasks?taskarn={arn}")
        self.assertEqual((task["Arn"], task["KnownStatus"]), (arn, "RUNNING"))
        short = task["Containers"][0]["DockerId"][:12]
        self.assertEqual(look(f"/v1/tasks?dockerid={short}"), task)
        self.assertIn(task, look("/v1/tasks")["Tasks"])
        machine.call("stop-task", "--task", arn)

    def test_the_rest_of_the_host_stays_closed(self):
        arn = start()
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            port = listener.getsockname()[1]
            self.assertNotEqual(shell(arn, f"echo x | nc -w 2 127.0.0.1 {port}", check=False).returncode, 0)
            gateway = fetch(arn, "$ECS_CONTAINER_METADATA_URI_V4")["Networks"][0]["IPv4Addresses"][0].rsplit(".", 1)[0] + ".1"
            self.assertNotEqual(shell(arn, f"echo x | nc -w 2 {gateway} {machine.env()['GANTRY_METADATA_PORT']}", check=False).returncode, 0)
        machine.call("stop-task", "--task", arn)


class BlackHole(unittest.TestCase):
    # First of all: an agent that registers again does not repeat the operator's attributes.
    def test_a_port_swallows_what_is_sent_to_it(self):
        arn = start(network_mode="host", enable_fault_injection="true")
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            port = listener.getsockname()[1]
            body = json.dumps({"Port": port, "Protocol": "tcp", "TrafficType": "ingress"})
            path = environment(arn)["ECS_AGENT_URI"][len("http://169.254.170.2"):] + "/fault/v1/network-blackhole-port/"
            reaches = lambda: socket.create_connection(("127.0.0.1", port), 1).close()
            reaches()
            self.assertEqual(ask(arn, "POST", path + "status", body), (200, {"Status": "not-running"}))
            self.assertEqual(ask(arn, "POST", path + "start", body), (200, {"Status": "running"}))
            self.assertRaises(TimeoutError, reaches)
            time.sleep(5.1)  # one question of a kind in five seconds
            self.assertEqual(ask(arn, "POST", path + "status", body), (200, {"Status": "running"}))
            self.assertEqual(ask(arn, "POST", path + "stop", body), (200, {"Status": "stopped"}))
            reaches()
        machine.call("stop-task", "--task", arn)


class Awsvpc(unittest.TestCase):
    def test_a_task_with_its_own_address_is_served_and_known_by_it(self):
        arn = start(network_mode="awsvpc", task_role_arn=ROLE, enable_fault_injection="true")
        other = start(network_mode="awsvpc", task_role_arn=ROLE)
        task = fetch(arn, "$ECS_CONTAINER_METADATA_URI_V4/task")
        self.assertEqual(sorted(c["Type"] for c in task["Containers"]), ["CNI_PAUSE", "NORMAL"])
        network = next(c for c in task["Containers"] if c["Name"] == "app")["Networks"][0]
        details = {d["name"]: d["value"] for d in machine.call("describe-tasks", "--tasks", arn)["tasks"][0]["attachments"][0]["details"]}
        self.assertEqual((network["NetworkMode"], network["IPv4Addresses"], network["MACAddress"]),
                         ("awsvpc", [details["privateIPv4Address"]], details["macAddress"]))
        self.assertEqual((network["AttachmentIndex"], network["IPv4SubnetCIDRBlock"]), (0, "10.73.0.0/24"))
        plain = fetch(arn, "http://169.254.170.2/v2/metadata")
        self.assertEqual(plain["TaskARN"], arn)
        self.assertNotIn("MACAddress", next(c for c in plain["Containers"] if c["Name"] == "app")["Networks"][0])
        self.assertEqual(ecs(credentials(arn)).get_task_protection(cluster="default", tasks=[arn])["failures"][0]["reason"], "TASK_NOT_VALID")
        path = environment(arn)["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"]
        self.assertEqual(ask(other, "GET", path)[1]["code"], "InvalidIdInRequest")
        hole = environment(arn)["ECS_AGENT_URI"][len("http://169.254.170.2"):] + "/fault/v1/network-blackhole-port/"
        body = '{"Port":80,"Protocol":"tcp","TrafficType":"egress"}'
        self.assertEqual(ask(arn, "POST", hole + "start", body), (200, {"Status": "running"}))
        self.assertEqual(ask(arn, "POST", hole + "status", body), (200, {"Status": "running"}))  # the agent is spared
        self.assertNotIn("egress-tcp-80", rig.run("nft", "list", "ruleset").stdout)  # it is in the task's network
        for one in (arn, other):
            machine.call("stop-task", "--task", one)


class Credentials(unittest.TestCase):
    def test_a_role_may_look_after_its_own_task_and_nothing_else(self):
        arn = start(task_role_arn=ROLE)
        other = start()
        keys = credentials(arn)
        self.assertEqual(keys["RoleArn"], ROLE)
        self.assertTrue(keys["AccessKeyId"].startswith("ASIA"))
        client = ecs(keys)
        answer = client.get_task_protection(cluster="default", tasks=[arn])
        self.assertEqual(answer["failures"][0]["reason"], "TASK_NOT_VALID")  # no service's
        code, text = refusal(client.get_task_protection, cluster="default", tasks=[other])
        self.assertEqual(code, "AccessDeniedException")
        self.assertTrue(text.startswith(
            f"User: arn:aws:sts::123456789012:assumed-role/app/{arn.split('/')[-1]} is not authorized to perform: "
            "ecs:GetTaskProtection on resource: arn:aws:ecs:us-east-1:123456789012:cluster/default"), text)
        self.assertEqual(refusal(client.list_clusters)[0], "AccessDeniedException")
        self.assertEqual(refusal(client.run_task, taskDefinition="x")[0], "AccessDeniedException")
        for task in (arn, other):
            machine.call("stop-task", "--task", task)

    def test_an_operator_may_allow_more(self):
        arn = start(task_role_arn="reader")
        client = ecs(credentials(arn))
        self.assertEqual(len(client.list_clusters()["clusterArns"]), 1)
        self.assertEqual(refusal(client.stop_task, task=arn)[0], "AccessDeniedException")
        machine.call("stop-task", "--task", arn)

    def test_keys_are_worth_nothing_changed_or_late(self):
        arn = start(task_role_arn=ROLE)
        keys = credentials(arn)
        changed = dict(keys, Token=("B" if keys["Token"][0] == "A" else "A") + keys["Token"][1:])
        self.assertEqual(refusal(ecs(changed).list_clusters)[0], "UnrecognizedClientException")
        self.assertEqual(refusal(ecs(dict(keys, Token="")).list_clusters)[0], "UnrecognizedClientException")
        self.assertEqual(refusal(ecs(dict(keys, SecretAccessKey="x" * 40)).list_clusters)[0], "InvalidSignatureException")
        url = "http://169.254.170.2" + environment(arn)["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"]
        machine.call("stop-task", "--task", arn)
        rig.wait_until("it has stopped", lambda: machine.call("describe-tasks", "--tasks", arn)["tasks"][0]["lastStatus"] == "STOPPED")
        self.assertEqual(refusal(ecs(keys).get_task_protection, cluster="default", tasks=[arn])[0], "ExpiredTokenException")
        self.assertIn("400", shell(start(), f"wget -qO- {url}", check=False).stderr)

    def test_another_tasks_credentials_are_out_of_reach(self):
        owner = start(task_role_arn=ROLE)
        thief = start(task_role_arn=ROLE)
        path = environment(owner)["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"]
        status, answer = ask(thief, "GET", path)
        self.assertEqual((status, answer["code"]), (400, "InvalidIdInRequest"))
        self.assertEqual(ask(owner, "GET", path)[0], 200)
        status, answer = ask(owner, "GET", "/v2/credentials/0d5cd0ab-9d4f-4c6b-8b9c-6a3f0a3d7f11")
        self.assertEqual((status, answer["code"], answer["message"]),
                         (400, "InvalidIdInRequest", "CredentialsV2Request: Credentials not found"))
        for task in (owner, thief):
            machine.call("stop-task", "--task", task)

    def test_they_outlive_the_agent_and_the_server(self):
        arn = start(task_role_arn=ROLE)
        before = environment(arn)
        keys = credentials(arn)
        for name in ("agent", "server"):
            pid = machine.children(name)[0]
            os.kill(pid, signal.SIGKILL)
            rig.wait_until(f"another {name}", lambda: any(p != pid for p in machine.children(name)))
        rig.wait_until("the server answers", lambda: machine.ecs("list-clusters", check=False).returncode == 0)
        ecs(keys).get_task_protection(cluster="default", tasks=[arn])  # keys of before

        def again():
            done = shell(arn, "wget -qO- http://169.254.170.2$AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", check=False)
            return json.loads(done.stdout) if done.returncode == 0 else None

        renewed = rig.wait_until("the agent has keys again", again)
        self.assertEqual(renewed["RoleArn"], ROLE)
        ecs(renewed).get_task_protection(cluster="default", tasks=[arn])
        self.assertEqual(environment(arn), before)
        self.assertEqual(fetch(arn, "$ECS_CONTAINER_METADATA_URI_V4/task")["TaskARN"], arn)
        machine.call("stop-task", "--task", arn)

    def test_nothing_secret_is_stored(self):
        arn = start(task_role_arn=ROLE)
        keys = credentials(arn)
        for name in ("server.db", "server.db-wal", "agent/agent.db", "agent/agent.db-wal"):
            path = os.path.join(machine.data, name)
            if os.path.exists(path):
                with open(path, "rb") as file:
                    content = file.read()
                self.assertNotIn(keys["SecretAccessKey"].encode(), content)
                self.assertNotIn(keys["Token"].encode(), content)
        with open(os.path.join(machine.folder, "up.log")) as log:
            text = log.read()
        self.assertNotIn(keys["SecretAccessKey"], text)
        self.assertRegex(text, f"event=audit time=[^ ]* status=200 from=[^ ]* role={ROLE} .*call=GetCredentials")
        self.assertNotIn(environment(arn)["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"].split("/")[-1], text)
        self.assertEqual(os.stat(os.path.join(machine.data, "role-key")).st_mode & 0o777, 0o600)
        machine.call("stop-task", "--task", arn)


class TaskApi(unittest.TestCase):
    def test_a_service_task_protects_itself(self):
        machine.call("register-task-definition", "--family", "guarded", "--task-role-arn", ROLE, "--container-definitions",
                     json.dumps([{"name": "app", "image": rig.IMAGE, "memory": 16, "command": FOREVER}]))
        machine.call("create-service", "--service-name", "guarded", "--task-definition", "guarded", "--desired-count", "1")
        arn = rig.wait_until("the service has a task", lambda: machine.call("list-tasks", "--service-name", "guarded")["taskArns"])[0]
        running(arn)
        path = shell(arn, "echo ${ECS_AGENT_URI#http://169.254.170.2}").stdout.strip() + "/task-protection/v1/state"
        status, answer = ask(arn, "PUT", path, '{"ProtectionEnabled":true,"ExpiresInMinutes":60}')
        self.assertEqual((status, answer["protection"]["ProtectionEnabled"], answer["protection"]["TaskArn"]), (200, True, arn))
        self.assertTrue(machine.call("get-task-protection", "--cluster", "default", "--tasks", arn)["protectedTasks"][0]["protectionEnabled"])
        self.assertEqual(ask(arn, "GET", path)[1]["protection"]["ExpirationDate"], answer["protection"]["ExpirationDate"])
        status, answer = ask(arn, "PUT", path, '{"ProtectionEnabled":false}')
        self.assertEqual((status, answer["protection"]), (200, {"ProtectionEnabled": False, "TaskArn": arn}))
        status, answer = ask(arn, "PUT", path, '{"Protection":false}')
        self.assertEqual((status, answer["error"]["Code"]), (400, "InvalidParameterException"))
        machine.call("delete-service", "--service", "guarded", "--force")


if __name__ == "__main__":
    rig.TapResult.main(__name__)
