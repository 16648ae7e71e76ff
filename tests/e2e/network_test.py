"""Tasks with networks of their own: interfaces by CNI plugins, security groups, FARGATE, and two hosts that reach each
other's tasks. The two hosts are network namespaces: this process and everything that it starts is in one of its own."""

import glob
import json
import os
import shutil
import signal
import subprocess
import sys
import unittest
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rig  # noqa: E402

if sys.argv[1:2] != ["forward"]:
    rig.own_network()

POOL_A, POOL_B = "10.71.0.0/24", "10.72.0.0/24"
HOST_A, HOST_B = "10.70.0.1", "10.70.0.2"
SERVE = "mkdir -p /tmp/w; echo here > /tmp/w/x; httpd -p 8081 -h /tmp/w; exec httpd -f -p 8080 -h /tmp/w"

GROUPS = f"""
[sg-web]
ingress = tcp 8080 {POOL_A}
[sg-quiet]
ingress = all sg-web
egress = tcp 1 {POOL_A}
"""


def setUpModule():
    global machine, far
    signal.signal(signal.SIGTERM, terminated)
    folder = os.environ.get("TMPDIR", "/tmp")
    groups = os.path.join(folder, f"groups.{os.getpid()}")
    with open(groups, "w", encoding="utf-8") as file:
        file.write(GROUPS)
    machine = rig.Machine(env={
        "ECS_CONTAINER_STOP_TIMEOUT": "2s", "GANTRY_AWSVPC_POOL": POOL_A, "GANTRY_AWSVPC_BRIDGE": "gtnet0",
        "GANTRY_AWSVPC_DIRECT": POOL_B, "GANTRY_SECURITY_GROUPS": groups})
    machine.groups = groups
    try:
        far = FarHost()
    except BaseException:
        machine.close()
        raise


def terminated(*_):
    tearDownModule()
    os._exit(1)


def tearDownModule():
    if "far" in globals():
        far.close()
    machine.close()
    os.unlink(machine.groups)


class FarHost:
    """A second host, which serves FARGATE: a network namespace with an agent in it. Its containers are the same
    Docker Engine's, but their network is this host's."""

    def __init__(self):
        self.name = f"gtfar{os.getpid()}"
        self.processes = []
        self.agent = None
        rig.run("ip", "netns", "add", self.name)
        try:
            self.wire()
            self.pass_port_on()
            self.start()
        except BaseException:
            self.close()
            raise

    def ip(self, *args):
        return rig.run("ip", "-n", self.name, *args)

    def wire(self):
        rig.run("ip", "link", "add", "gtwire0", "type", "veth", "peer", "name", "gtwire1", "netns", self.name)
        rig.run("ip", "addr", "add", f"{HOST_A}/24", "dev", "gtwire0")
        rig.run("ip", "link", "set", "gtwire0", "up")
        self.ip("link", "set", "lo", "up")
        self.ip("addr", "add", f"{HOST_B}/24", "dev", "gtwire1")
        self.ip("link", "set", "gtwire1", "up")

    def spawn(self, *argv, log):
        self.processes.append(subprocess.Popen(["ip", "netns", "exec", self.name, *argv], stdout=log, stderr=log, env=machine.env()))

    def pass_port_on(self):
        """The server listens on loopback; both ends of the wire pass its port on."""
        forward = [sys.executable, os.path.abspath(__file__), "forward"]
        self.log = open(os.path.join(machine.folder, "far.log"), "a")
        self.processes.append(subprocess.Popen(forward + [f"{HOST_A}:{machine.port}", f"127.0.0.1:{machine.port}"], stderr=self.log))
        self.spawn(*forward, f"127.0.0.1:{machine.port}", f"{HOST_A}:{machine.port}", log=self.log)

    def start(self, how=("--awsvpc-pool", POOL_B, "--awsvpc-direct", POOL_A, "--awsvpc-bridge", "gtnet1")):
        said = self.text().count("agent.connected")
        env = {k: v for k, v in machine.env().items() if not k.startswith("GANTRY_")}
        self.agent = subprocess.Popen(
            ["ip", "netns", "exec", self.name, machine.gantry, "agent", "--data", os.path.join(machine.folder, "far"),
             "--endpoint", f"http://127.0.0.1:{machine.port}", "--docker-socket", machine.docker.socket,
             "--credentials", f"{machine.data}/credentials", "--fargate", "on-demand", *how], stdout=self.log, stderr=self.log, env=env)
        rig.wait_until("the far agent is connected", lambda: self.text().count("agent.connected") >= said + 2, 60)

    def stop(self):
        self.agent.kill()
        self.agent.wait()

    def text(self):
        return open(self.log.name, encoding="utf-8").read()

    def close(self):
        for process in self.processes + ([self.agent] if self.agent else []):
            process.terminate()
        for process in self.processes + ([self.agent] if self.agent else []):
            process.wait(20)
        rig.run("ip", "netns", "del", self.name, check=False)
        if os.environ.get("GANTRY_E2E_LOGS"):
            print(self.text(), file=sys.stderr)


# ---- words


def container(name, command, **more):
    return dict({"name": name, "image": rig.IMAGE, "memory": 16, "command": ["sh", "-c", command]}, **more)


families = iter(range(1, 1000))


def register(containers, **more):
    family = f"net-{next(families)}"
    flags = []
    for name, value in more.items():
        flags += ["--" + name.replace("_", "-"), value if isinstance(value, str) else json.dumps(value)]
    machine.call("register-task-definition", "--family", family, "--container-definitions", json.dumps(containers), *flags)
    return family


def run(containers, groups=(), **more):
    """A task with a network of its own on the near host; its ARN."""
    family = register(containers, network_mode="awsvpc", **more)
    network = {"awsvpcConfiguration": {"subnets": ["subnet-1"], "securityGroups": list(groups)}}
    started = machine.call("run-task", "--task-definition", family, "--network-configuration", json.dumps(network))
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


def stop(arn):
    machine.call("stop-task", "--task", arn)
    return await_status(arn, "STOPPED")


def address(task):
    return task["containers"][0]["networkInterfaces"][0]["privateIpv4Address"]


def inside(task, *argv, name="app"):
    """Runs something in a container of the task."""
    runtime = next(c for c in task["containers"] if c["name"] == name)["runtimeId"]
    return machine.docker.docker("exec", runtime, *argv, check=False)


def can_fetch(task, host, port=8080):
    return inside(task, "busybox", "timeout", "2", "wget", "-q", "-O", "-", f"http://{host}:{port}/x").stdout == "here\n"


def host_can_fetch(host, port=8080):
    try:
        return urllib.request.urlopen(f"http://{host}:{port}/x", timeout=2).read() == b"here\n"
    except OSError:
        return False


def traces():
    """What there is of networks on the near host."""
    links = json.loads(rig.run("ip", "-j", "link", "show", "master", "gtnet0").stdout or "[]")
    notes = glob.glob(f"{machine.data}/agent/cni/*.json")
    leases = glob.glob(f"{machine.data}/agent/cni/leases/gtnet0/10.*")
    return links, notes, leases


class Interfaces(unittest.TestCase):
    def test_a_task_has_an_address_of_its_own_and_shows_it(self):
        arn = run([container("app", SERVE)])
        task = await_status(arn, "RUNNING")
        details = {d["name"]: d["value"] for d in task["attachments"][0]["details"]}
        self.assertEqual((task["attachments"][0]["type"], task["attachments"][0]["status"]), ("ElasticNetworkInterface", "ATTACHED"))
        self.assertTrue(details["privateIPv4Address"].startswith("10.71.0."))
        self.assertEqual(address(task), details["privateIPv4Address"])
        shown = inside(task, "busybox", "ip", "addr", "show", "eth0").stdout
        self.assertIn(details["privateIPv4Address"] + "/24", shown)
        self.assertIn(details["macAddress"], shown)
        self.assertEqual(details["privateDnsName"], f"ip-{address(task).replace('.', '-')}.ec2.internal")
        self.assertEqual(inside(task, "hostname", "-i").stdout.strip(), address(task))
        rig.wait_until("its server answers the host", lambda: host_can_fetch(address(task)))
        stop(arn)

    def test_containers_of_a_task_share_it(self):
        arn = run([container("app", SERVE), container("side", "sleep 600")])
        task = await_status(arn, "RUNNING")
        rig.wait_until("the other container's server", lambda: inside(
            task, "wget", "-q", "-O", "-", "http://127.0.0.1:8080/x", name="side").stdout == "here\n")
        stop(arn)

    def test_nothing_of_it_is_left_after_its_end(self):
        arn = run([container("app", "sleep 600")])
        await_status(arn, "RUNNING")
        before = traces()
        self.assertEqual([len(kind) for kind in before], [len(before[0])] * 3)
        task = stop(arn)
        self.assertEqual(task["attachments"][0]["status"], "DELETED")
        rig.wait_until("nothing is left", lambda: all(len(now) < len(then) for now, then in zip(traces(), before)))

    def test_processes_are_visible_to_siblings_in_a_shared_namespace(self):
        arn = run([container("app", "sleep 654"), container("side", "sleep 600")], pid_mode="task")
        task = await_status(arn, "RUNNING")
        self.assertIn("sleep 654", inside(task, "busybox", "ps", name="side").stdout)
        self.assertIn("/pause", inside(task, "busybox", "ps", name="side").stdout)
        stop(arn)

    def test_it_outlives_the_agent(self):
        arn = run([container("app", SERVE)])
        before = await_status(arn, "RUNNING")
        for pid in machine.children("agent"):
            os.kill(pid, signal.SIGKILL)
        rig.wait_until("an agent is back", lambda: machine.call(
            "list-container-instances", "--filter", "agentConnected == true")["containerInstanceArns"])
        self.assertEqual(address(describe(arn)), address(before))
        self.assertTrue(host_can_fetch(address(before)))
        stop(arn)
        rig.wait_until("its lease is given back", lambda: not any(address(before) in lease for lease in traces()[2]))


class Groups(unittest.TestCase):
    def test_what_no_group_lets_through_is_dropped(self):
        web = run([container("app", SERVE)], groups=["sg-web"])
        other = run([container("app", SERVE)])
        quiet = run([container("app", SERVE)], groups=["sg-quiet"])
        web, other, quiet = (await_status(arn, "RUNNING") for arn in (web, other, quiet))
        rig.wait_until("8080 is let in", lambda: can_fetch(other, address(web)))
        self.assertFalse(can_fetch(other, address(web), 8081))
        self.assertFalse(host_can_fetch(address(web), 8081))
        self.assertFalse(can_fetch(other, address(quiet)))  # is not of sg-web
        self.assertTrue(can_fetch(web, address(quiet)))     # is
        self.assertFalse(can_fetch(quiet, address(web)))    # may not send there
        self.assertTrue(can_fetch(web, address(other)))
        for task in (web, other, quiet):
            stop(task["taskArn"])

    def test_a_changed_file_counts_after_a_hangup(self):
        web = await_status(run([container("app", SERVE)], groups=["sg-web"]), "RUNNING")
        other = await_status(run([container("app", SERVE)]), "RUNNING")
        self.assertFalse(can_fetch(other, address(web), 8081))
        with open(machine.groups, "w", encoding="utf-8") as file:
            file.write(GROUPS.replace("tcp 8080", "tcp 8080-8081"))
        for pid in machine.children("agent"):
            os.kill(pid, signal.SIGHUP)
        rig.wait_until("8081 is let in, too", lambda: can_fetch(other, address(web), 8081))
        with open(machine.groups, "w", encoding="utf-8") as file:
            file.write(GROUPS)
        for pid in machine.children("agent"):
            os.kill(pid, signal.SIGHUP)
        stop(web["taskArn"])
        stop(other["taskArn"])

    def test_an_unknown_group_fails_the_task(self):
        task = await_status(run([container("app", "sleep 600")], groups=["sg-none"]), "STOPPED")
        self.assertEqual(task["stoppedReason"], "ContainerNetworkingError: The security group 'sg-none' does not exist")
        self.assertEqual(task["stopCode"], "TaskFailedToStart")


class Leftovers(unittest.TestCase):
    def test_what_an_agent_without_memory_finds_is_removed(self):
        """Killed, its store lost, its containers removed by hand: the note of the interface is all there is."""
        far.stop()
        folder = os.path.join(machine.folder, "far/agent")
        note = {"list": open_list(f"{folder}/cni"), "result": {}}
        os.makedirs(f"{folder}/cni/leases/gtnet1", exist_ok=True)
        with open(f"{folder}/cni/leases/gtnet1/10.72.0.77", "w", encoding="utf-8") as lease:
            lease.write("deadbeef\r\neth0")
        with open(f"{folder}/cni/deadbeef.json", "w", encoding="utf-8") as out:
            json.dump(note, out)
        far.start()
        rig.wait_until("note and lease are gone", lambda: not glob.glob(f"{folder}/cni/*.json")
                       and not os.path.exists(f"{folder}/cni/leases/gtnet1/10.72.0.77"))

    def test_a_task_whose_engine_was_restarted_leaves_nothing(self):
        arn = run([container("app", "sleep 600")])
        lease = address(await_status(arn, "RUNNING"))
        machine.docker.process.terminate()
        machine.docker.process.wait(60)
        machine.docker.start()
        await_status(arn, "STOPPED", 90)
        rig.wait_until("its lease is given back", lambda: not any(path.endswith("/" + lease) for path in traces()[2]))
        stop(await_status(run([container("app", "sleep 600")]), "RUNNING")["taskArn"])  # and it goes on


def open_list(folder):
    """The list of the agent's own bridge, as its notes have it."""
    return json.dumps({"cniVersion": "1.0.0", "name": "gtnet1", "plugins": [{
        "type": "bridge", "bridge": "gtnet1", "isGateway": True, "ipam": {
            "type": "host-local", "dataDir": f"{folder}/leases", "ranges": [[{"subnet": POOL_B}]]}}]})


class Lists(unittest.TestCase):
    def test_an_operators_own_list_of_plugins_is_used(self):
        """Point to point interfaces instead of a bridge, and a second plugin behind the first."""
        own = os.path.join(machine.folder, "own.conflist")
        with open(own, "w", encoding="utf-8") as file:
            json.dump({"cniVersion": "1.0.0", "name": "own", "plugins": [
                {"type": "ptp", "ipam": {"type": "host-local", "dataDir": f"{machine.folder}/own", "ranges": [[{"subnet": "10.73.0.0/24"}]],
                                         "routes": [{"dst": "0.0.0.0/0"}]}},
                {"type": "tuning", "sysctl": {"net.ipv4.conf.IFNAME.arp_filter": "1"}}]}, file)
        far.stop()
        far.start(how=("--cni-config", own))
        try:
            task = fargate_task()
            self.assertTrue(address(task).startswith("10.73.0."))
            self.assertEqual(inside(task, "cat", "/proc/sys/net/ipv4/conf/eth0/arp_filter").stdout, "1\n")
            stop(task["taskArn"])
            rig.wait_until("its lease is given back", lambda: not glob.glob(f"{machine.folder}/own/own/10.*"))
        finally:
            far.stop()
            far.start()


def fargate_task():
    family = register([container("app", SERVE)], network_mode="awsvpc", cpu="256", memory="512", requires_compatibilities=["FARGATE"])
    argv = ["ecs", "run-task", "--launch-type", "FARGATE", "--task-definition", family,
            "--network-configuration", "awsvpcConfiguration={subnets=[subnet-1]}"]
    started = json.loads(rig.run(shutil.which("aws"), *argv, "--output", "json", env=machine.aws_env()).stdout)
    if started["failures"]:
        raise AssertionError(started["failures"])
    return await_status(started["tasks"][0]["taskArn"], "RUNNING")


class Hosts(unittest.TestCase):
    def test_fargate_runs_a_task_on_a_host_that_nobody_sees(self):
        task = fargate_task()
        self.assertTrue(address(task).startswith("10.72.0."))
        self.assertNotIn("containerInstanceArn", task)
        self.assertEqual((task["launchType"], task["platformVersion"], task["platformFamily"]), ("FARGATE", "1.4.0", "Linux"))
        self.assertEqual(len(machine.call("list-container-instances")["containerInstanceArns"]), 1)
        self.assertIn("AWS_EXECUTION_ENV=AWS_ECS_FARGATE", inside(task, "env").stdout)
        stop(task["taskArn"])

    def test_tasks_of_two_hosts_reach_each_other_by_routes_or_by_vxlan(self):
        near = await_status(run([container("app", SERVE)]), "RUNNING")
        there = fargate_task()
        self.assertFalse(can_fetch(near, address(there)))
        for way in (self.routes, self.vxlan):
            commands = way()
            try:
                rig.wait_until(f"near to far by {way.__name__}", lambda: can_fetch(near, address(there)))
                self.assertTrue(can_fetch(there, address(near)))
            finally:
                for undo in commands:
                    rig.run(*undo)
        stop(near["taskArn"])
        stop(there["taskArn"])

    def routes(self):
        rig.run("ip", "route", "add", POOL_B, "via", HOST_B)
        far.ip("route", "add", POOL_A, "via", HOST_A)
        return [["ip", "route", "del", POOL_B], ["ip", "-n", far.name, "route", "del", POOL_A]]

    def vxlan(self):
        for ip, own, other, tunnel, pool, gate in (
                (lambda *a: rig.run("ip", *a), HOST_A, HOST_B, "10.69.0.1", POOL_B, "10.69.0.2"),
                (far.ip, HOST_B, HOST_A, "10.69.0.2", POOL_A, "10.69.0.1")):
            ip("link", "add", "gantry-vx", "type", "vxlan", "id", "42", "dstport", "4789", "local", own, "remote", other)
            ip("addr", "add", f"{tunnel}/24", "dev", "gantry-vx")
            ip("link", "set", "gantry-vx", "up")
            ip("route", "add", pool, "via", gate)
        return [["ip", "link", "del", "gantry-vx"], ["ip", "-n", far.name, "link", "del", "gantry-vx"]]

    def test_what_goes_elsewhere_bears_the_hosts_address(self):
        near = await_status(run([container("app", SERVE)]), "RUNNING")
        log = os.path.join(machine.folder, "seen")
        with open(log, "w", encoding="utf-8") as out:
            server = subprocess.Popen(["ip", "netns", "exec", far.name, sys.executable, "-u", "-m", "http.server", "8099", "--bind", HOST_B],
                                      cwd=machine.folder, stdout=out, stderr=out)
        try:
            rig.wait_until("the far host's server answers", lambda: inside(
                near, "wget", "-q", "-O", "/dev/null", f"http://{HOST_B}:8099/").returncode == 0)
            self.assertIn(f"{HOST_A} - -", open(log, encoding="utf-8").read())
        finally:
            server.terminate()
            server.wait()
        stop(near["taskArn"])


def forward(listen, target):
    """Passes connections to `listen` on to `target`, until it is killed."""
    import socket
    import threading

    def pump(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    host, port = listen.split(":")
    server = socket.create_server((host, int(port)))
    while True:
        near, _ = server.accept()
        try:
            host, port = target.split(":")
            there = socket.create_connection((host, int(port)))
        except OSError:
            near.close()
            continue
        for pair in ((near, there), (there, near)):
            threading.Thread(target=pump, args=pair, daemon=True).start()


if __name__ == "__main__":
    if sys.argv[1:2] == ["forward"]:
        forward(*sys.argv[2:])
    rig.TapResult.main(__name__)
