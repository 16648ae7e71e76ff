"""A private machine for end-to-end tests: a Docker Engine of its own, an image made on the spot, and
`gantry up` on free ports. Nothing is left behind.

Clients reach the server through a proxy that records their calls; the last lines of each file are a check of all
that was recorded against the model of the API, and one for reports of sanitizers.

    GANTRY=build/src/gantry python3 tests/e2e/aws_cli_test.py

With GANTRY_E2E_ENDPOINT set the tests face that endpoint instead (the real service, too), and tests that
need the machine underneath are skipped.
"""

import glob
import importlib.util
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(HERE, "../record"))

from proxy import Proxy  # noqa: E402

IMAGE = "gantry/test:latest"


def own_network():
    """Starts this program anew in a network namespace of its own: bridges, packet rules and ports of tests that run at the
    same time must not meet. Only loopback is there."""
    if "GANTRY_E2E_NETWORK" not in os.environ:
        os.environ["GANTRY_E2E_NETWORK"] = "1"
        traffic.folder.cleanup()
        os.execvp("unshare", ["unshare", "--net", sys.executable] + sys.argv)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def load_checker():
    """tools/check-traffic.py as a module; its name is none that can be imported."""
    spec = importlib.util.spec_from_file_location("check_traffic", os.path.join(HERE, "../../tools/check-traffic.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Traffic:
    """The calls of this process's machines, and what is wrong with them."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="gttraffic")
        self.path = os.path.join(self.folder.name, "calls.jsonl")

    def check(self):
        """The number of calls and the findings, a line each."""
        tool = load_checker()
        checker = tool.Checker(tool.gen.load([os.path.join(HERE, "../../api/ecs.idl")])["ecs"])
        calls = []
        if os.path.exists(self.path):
            with open(self.path) as lines:
                calls = [json.loads(line) for line in lines]
        for number, call in enumerate(calls, 1):
            checker.call(call, f"call {number}")
        return len(calls), [f"{where}: {text}" for text, where in checker.findings.items()]


traffic = Traffic()
reports = []  # lines of what the sanitizers said in the programs' logs


def collect_reports(folder):
    """The first report of each log: a program that aborted may be started anew, and no test need notice."""
    telling = re.compile(r"ERROR: \w+Sanitizer|\.[ch]:\d+:\d+: runtime error: |assertion failed: ")
    for path in sorted(glob.glob(f"{folder}/up.log") + glob.glob(f"{folder}/agent-*.log")):
        with open(path, errors="replace") as log:
            lines = log.read().splitlines()
        start = next((number for number, line in enumerate(lines) if telling.search(line)), None)
        if start is not None:
            reports.extend([os.path.basename(path)] + lines[start:start + 30])


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_until(what, condition, seconds=60):
    """Asks until the condition holds; its value is returned."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.1)


def run(*argv, check=True, **kwargs):
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **kwargs)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(argv)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


class Docker:
    """A dockerd with its own folder, socket and bridge."""

    def __init__(self, folder):
        self.folder = folder
        self.socket = os.path.join(folder, "docker.sock")
        self.bridge = f"gt{os.getpid() % 100000}"
        self.process = None
        self.flags = []
        run("ip", "link", "add", self.bridge, "type", "bridge")
        run("ip", "addr", "add", f"10.{200 + os.getpid() % 40}.{os.getpid() % 200}.1/24", "dev", self.bridge)
        run("ip", "link", "set", self.bridge, "up")
        try:
            self.start()
            self.make_image()
        except BaseException:
            self.close()
            raise

    def start(self):
        """On a busy machine its containerd may come too late for it, and it ends; then it is started again."""
        log = open(os.path.join(self.folder, "dockerd.log"), "a")
        for _ in range(4):
            self.process = subprocess.Popen(
                ["dockerd", "--data-root", f"{self.folder}/data", "--exec-root", f"{self.folder}/exec",
                 "-H", f"unix://{self.socket}", "--pidfile", f"{self.folder}/dockerd.pid", "--bridge", self.bridge, *self.flags],
                stdout=log, stderr=log)
            wait_until("dockerd answers or ends", lambda: self.process.poll() is not None or self.answers(), 120)
            if self.process.poll() is None:
                return
        raise AssertionError("dockerd does not start")

    def answers(self):
        return self.docker("version", check=False).returncode == 0

    def docker(self, *args, check=True, **kwargs):
        env = dict(os.environ, DOCKER_HOST=f"unix://{self.socket}")
        return run("docker", *args, check=check, env=env, **kwargs)

    def make_image(self):
        root = os.path.join(self.folder, "image")
        os.makedirs(f"{root}/bin")
        os.makedirs(f"{root}/tmp")
        shutil.copy("/bin/busybox", f"{root}/bin/busybox")
        for name in ["sh", "echo", "sleep", "cat", "env", "id", "pwd", "httpd", "nc", "ls", "touch", "kill", "wget", "true", "false", "hostname"]:
            os.symlink("busybox", f"{root}/bin/{name}")
        tar = subprocess.Popen(["tar", "-C", root, "-c", "."], stdout=subprocess.PIPE)
        self.docker("import", "-", IMAGE, stdin=tar.stdout)
        tar.wait()

    def containers(self):
        return self.docker("ps", "-aq").stdout.split()

    def processes(self):
        """Pids of what belongs to this engine: itself, its containerd, the shims and what runs below them."""
        parents, ours = {}, set()
        for name in os.listdir("/proc"):
            try:
                with open(f"/proc/{name}/stat") as stat, open(f"/proc/{name}/cmdline") as command:
                    parents[int(name)] = int(stat.read().rpartition(")")[2].split()[1])
                    if f"{self.folder}/exec/" in command.read():
                        ours.add(int(name))
            except (ValueError, OSError):
                continue
        for _ in range(100):
            more = {pid for pid, parent in parents.items() if parent in ours} - ours
            if not more:
                return ours
            ours |= more

    def mounts(self):
        """Below this folder, the innermost first."""
        with open("/proc/mounts") as mounts:
            return sorted((line.split()[1] for line in mounts if line.split()[1].startswith(self.folder)), reverse=True)

    def fall(self):
        """As when the machine loses its power: everything of it dies at once, and what lies in memory is gone."""
        kill(self.processes() | {self.process.pid})
        self.process.wait()
        wait_until("everything is dead", lambda: all(is_zombie(pid) for pid in self.processes()), 30)
        for mount in self.mounts():
            run("umount", "-l", mount, check=False)
        shutil.rmtree(os.path.join(self.folder, "exec"), ignore_errors=True)

    def reboot(self):
        self.fall()
        self.start()

    def close(self):
        if self.process and self.process.poll() is None:
            for container in self.docker("ps", "-aq", check=False).stdout.split():
                self.docker("rm", "-f", container, check=False)
            self.process.terminate()
            self.process.wait(30)
        kill(self.processes())  # of an engine that did not end by itself
        run("ip", "link", "del", self.bridge, check=False)
        for mount in self.mounts():
            run("umount", "-l", mount, check=False)


def kill(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def remove_groups(folder):
    """Control groups of tasks that agents below the folder still know of: one that is stopped for good leaves them."""
    tasks = set()
    for base, _, names in os.walk(folder):
        for name in names:
            if name.startswith("agent.db"):
                with open(os.path.join(base, name), "rb") as store:
                    tasks |= set(re.findall(rb":task/[^/\"]+/([0-9a-f]{32})", store.read()))
    for top in ["/sys/fs/cgroup", *glob.glob("/sys/fs/cgroup/*")]:
        for task in tasks:
            for group, _, _ in os.walk(f"{top}/ecs/{task.decode()}", topdown=False):
                try:
                    os.rmdir(group)
                except OSError:
                    pass  # the engine is still about to empty it


def is_zombie(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


class Agent:
    """One more agent on a machine's engine, in a cluster that exists, with settings of its own."""

    def __init__(self, machine, cluster, env=None, flags=()):
        self.machine, self.cluster = machine, cluster
        self.data = os.path.join(machine.folder, "agent-" + cluster)
        os.makedirs(self.data, exist_ok=True)
        self.extra_env, self.flags = env or {}, list(flags)
        self.process = None
        self.start()

    def start(self):
        machine = self.machine
        log = open(os.path.join(machine.folder, f"agent-{self.cluster}.log"), "a")
        argv = [machine.gantry, "agent", "--endpoint", f"http://127.0.0.1:{machine.port}", "--cluster", self.cluster, "--data", self.data,
                "--docker-socket", machine.docker.socket, "--credentials", os.path.join(machine.data, "credentials")]
        self.process = subprocess.Popen(argv + self.flags, stdout=log, stderr=log, env=dict(machine.env(), **self.extra_env))

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """The exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def log(self):
        with open(os.path.join(self.machine.folder, f"agent-{self.cluster}.log")) as log:
            return log.read()


class Machine:
    """Docker and `gantry up`, or only the server when `agent` is false."""

    def __init__(self, env=None, flags=(), docker=True):
        self.gantry = os.path.abspath(os.environ.get("GANTRY", os.path.join(HERE, "../../build/src/gantry")))
        self.folder = tempfile.mkdtemp(prefix="gt", dir="/tmp")
        self.docker = None
        self.process = None
        self.proxy = None
        try:
            self.docker = Docker(self.folder) if docker else None
            self.port = free_port()
            self.proxy = Proxy(self.port, traffic.path)
            self.endpoint = f"http://127.0.0.1:{self.proxy.port}"
            self.data = os.path.join(self.folder, "g")
            self.extra_env = env or {}
            self.flags = list(flags)
            self.up()
        except BaseException:
            self.close()
            raise

    def env(self):
        env = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "ECS_", "GANTRY_"))}
        # The image is made on the spot, so by default no registry is asked for it.
        # Several machines share this host, and its packet rules belong to one agent: metadata_test.py has them.
        env.update({"ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION": "5s", "ECS_IMAGE_PULL_BEHAVIOR": "prefer-cached",
                    "GANTRY_METADATA_PORT": "0", "GANTRY_INTROSPECTION_PORT": "0"},
                   **self.extra_env)
        return env

    def up(self):
        log = open(os.path.join(self.folder, "up.log"), "a")
        argv = [self.gantry, "up" if self.docker else "server", "--data", self.data, "--listen", f"127.0.0.1:{self.port}"]
        if self.docker:
            argv += ["--docker-socket", self.docker.socket]
        self.process = subprocess.Popen(argv + self.flags, stdout=log, stderr=log, env=self.env())
        wait_until("the server answers", lambda: self.ecs("list-clusters", check=False).returncode == 0)
        if self.docker:
            wait_until("an instance is connected", self.has_instance)

    def has_instance(self):
        """The first agent makes the cluster, too: until then nothing is found."""
        found = self.ecs("list-container-instances", "--filter", "agentConnected == true", check=False)
        return found.returncode == 0 and json.loads(found.stdout)["containerInstanceArns"]

    def ecs(self, *args, check=True):
        return run(self.gantry, "ecs", *args, "--data", self.data, "--endpoint", self.endpoint, check=check, env=self.env())

    def call(self, *args):
        return json.loads(self.ecs(*args).stdout)

    def children(self, name):
        """Pids of `gantry <name>` below this machine's `gantry up`."""
        out = run("pgrep", "-f", f"gantry {name} --data={self.data}", check=False).stdout
        return [int(pid) for pid in out.split()]

    def aws_env(self):
        lines = run(self.gantry, "env", "--data", self.data, "--endpoint", self.endpoint).stdout.splitlines()
        env = self.env()
        for line in lines:
            name, value = line[len("export "):].split("=", 1)
            env[name] = value.strip("'")
        return env

    def down(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def close(self):
        self.down()
        if self.proxy:
            self.proxy.close()
        if os.environ.get("GANTRY_E2E_LOGS"):
            for name in ["up.log", "dockerd.log"]:
                path = os.path.join(self.folder, name)
                if os.path.exists(path):
                    print(f"--- {name}\n{open(path).read()}", file=sys.stderr)
        collect_reports(self.folder)
        if self.docker:
            self.docker.close()
        remove_groups(self.folder)
        shutil.rmtree(self.folder, ignore_errors=True)


class TapResult:
    """unittest's outcome as TAP, one line a test, so that every case is counted."""

    @staticmethod
    def main(module_name):
        import unittest

        suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules[module_name])
        runner = _TapRunner()
        sys.exit(runner.run(suite))


class _TapRunner:
    def run(self, suite):
        import unittest

        class Result(unittest.TestResult):
            number = 0

            def startTest(self, test):
                super().startTest(test)
                self.began = time.monotonic()

            def line(self, ok, test, note=""):
                Result.number += 1
                print(f"{'ok' if ok else 'not ok'} {Result.number} - {test.id().split('.', 1)[-1]}{note}", flush=True)
                print(f"# {time.monotonic() - getattr(self, 'began', time.monotonic()):.1f} s", flush=True)

            def addSuccess(self, test):
                super().addSuccess(test)
                self.line(True, test)

            def addSkip(self, test, reason):
                super().addSkip(test, reason)
                self.line(True, test, f" # SKIP {reason}")

            def fail_line(self, test, err):
                self.line(False, test)
                for text in self._exc_info_to_string(err, test).splitlines():
                    print(f"# {text}", flush=True)

            def addFailure(self, test, err):
                super().addFailure(test, err)
                self.fail_line(test, err)

            def addError(self, test, err):
                super().addError(test, err)
                self.fail_line(test, err)

        result = Result()
        cases = suite.countTestCases()
        print(f"1..{cases + 2}", flush=True)
        suite.run(result)
        traffic_is_right = self.check_traffic(cases + 1)
        no_reports = self.check_reports(cases + 2)
        return 0 if result.wasSuccessful() and traffic_is_right and no_reports else 1

    def check_reports(self, number):
        print(f"{'not ok' if reports else 'ok'} {number} - the programs' logs hold no report of a sanitizer", flush=True)
        for line in reports:
            print(f"# {line}", flush=True)
        return not reports

    def check_traffic(self, number):
        calls, findings = traffic.check()
        ok = calls > 0 and not findings
        print(f"{'ok' if ok else 'not ok'} {number} - all {calls} recorded calls follow the model", flush=True)
        for finding in findings:
            print(f"# {finding}", flush=True)
        return ok
