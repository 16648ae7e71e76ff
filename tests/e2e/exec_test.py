"""ECS Exec with real containers: the data channel as the session plugin speaks it, `gantry exec`, and what becomes
of sessions when something breaks. With the real plugin on the PATH it is driven, too."""

import fcntl
import glob
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../wire"))
import gantry as wire  # noqa: E402
import plugin  # noqa: E402
import rig  # noqa: E402
from plugin import Plugin  # noqa: E402

rig.own_network()

FOREVER = ["sleep", "600"]
ROLE = "arn:aws:iam::123456789012:role/app"
IDLE_S = 15
EXEC_TEXT = ("The execute command failed because execute command was not enabled when the task was run or the execute command "
             "agent isn\u2019t running. Wait and try again or run a new task with execute command enabled and try again.")


def setUpModule():
    global machine, web
    # What the sanitizer keeps of freed memory is no figure of ours.
    os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=4"
    signal.signal(signal.SIGTERM, terminated)
    machine = rig.Machine(env={"ECS_CONTAINER_STOP_TIMEOUT": "2s"})
    try:
        web = run(["app"])
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


# ---- words

families = iter(range(1, 1000))


def run(names, cluster="default", count=1, enabled=True, command=None):
    """Tasks with these containers; the ARN of the task, or all of them."""
    family = f"exec-{next(families)}"
    containers = [{"name": name, "image": rig.IMAGE, "memory": 8, "command": command or FOREVER} for name in names]
    machine.call("register-task-definition", "--family", family, "--container-definitions", json.dumps(containers))
    started = machine.call("run-task", "--cluster", cluster, "--task-definition", family, "--count", str(count), "--overrides",
                           json.dumps({"taskRoleArn": ROLE}), *(["--enable-execute-command"] if enabled else []))
    assert not started["failures"], started["failures"]
    arns = [task["taskArn"] for task in started["tasks"]]

    def all_run():
        tasks = machine.call("describe-tasks", "--cluster", cluster, "--tasks", *arns)["tasks"]
        return all(container["lastStatus"] == "RUNNING" and (not enabled or container["managedAgents"][0]["lastStatus"] == "RUNNING")
                   for task in tasks for container in task["containers"])

    rig.wait_until("the tasks run", all_run, 120)
    return arns[0] if count == 1 else arns


def describe(arn):
    return machine.call("describe-tasks", "--tasks", arn)["tasks"][0]


def begin(task, command="sh", cluster="default", container=None):
    return machine.call("execute-command", "--cluster", cluster, "--task", task, "--command", command, "--interactive",
                        *(["--container", container] if container else []))


def session(task, command="sh", **more):
    """A plugin whose session is open."""
    gantry = more.pop("gantry", None)
    return Plugin(begin(task, command, **more)["session"], machine.port, gantry).handshake()


def asked_again(command):
    """The first command that the service's task takes after its agent was away."""
    def is_taken():
        reply = machine.ecs("execute-command", "--task", web, "--command", command, "--interactive", check=False)
        return reply.returncode == 0 and json.loads(reply.stdout)

    return rig.wait_until("commands are taken again", is_taken)


def refused(*args):
    return machine.ecs("execute-command", *args, check=False).stderr.strip()


def plugin_call(operation, session_id, service="ssm"):
    """What the plugin asks of the endpoint that the AWS CLI gives it."""
    keys = {}
    for line in open(os.path.join(machine.data, "credentials")):
        name, _, value = line.partition("=")
        keys[name.strip()] = value.strip()
    body = json.dumps({"SessionId": session_id}).encode()
    signed = {"Host": f"127.0.0.1:{machine.port}", "Content-Type": "application/x-amz-json-1.1",
              "X-Amz-Target": "AmazonSSM." + operation, "X-Amz-Date": wire.amz_time()}
    signed["Authorization"] = wire.sign({"id": keys["aws_access_key_id"], "secret": keys["aws_secret_access_key"]}, "POST", "/",
                                        signed, body, scope={"service": service})
    connection = wire.Wire(machine.port)
    lines = ["POST / HTTP/1.1"] + [f"{name}: {value}" for name, value in signed.items()] + [f"Content-Length: {len(body)}", "", ""]
    connection.send("\r\n".join(lines).encode() + body)
    reply = connection.reply()
    connection.close()
    return reply.status, reply.json()


def runtime_id(task):
    return describe(task)["containers"][0]["runtimeId"]


ids = {}


def processes(task, text):
    """How many processes with that text the container has."""
    if task not in ids:
        ids[task] = runtime_id(task)
    return machine.docker.docker("top", ids[task]).stdout.count(text)


def log_of(session_id):
    paths = glob.glob(f"{machine.data}/exec-logs/*/{session_id}.log")
    return open(paths[0], errors="replace").read() if paths else None


def rss_kib(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{pid}/status").read()).group(1))


def await_gone(task, text):
    rig.wait_until(f"no {text} is left", lambda: processes(task, text) == 0, 15)


# ---- tests


class ASession(unittest.TestCase):
    def setUp(self):
        self.open = []

    def tearDown(self):
        for one in self.open:
            one.close()
            plugin_call("TerminateSession", one.session["sessionId"])

    def session(self, *args, **more):
        one = session(*args, **more)
        self.open.append(one)
        return one

    def test_is_what_the_documents_say(self):
        reply = begin(web, "sh")
        task = describe(web)
        self.assertEqual(reply["taskArn"], web)
        self.assertEqual(reply["clusterArn"], task["clusterArn"])
        self.assertEqual(reply["containerArn"], task["containers"][0]["containerArn"])
        self.assertEqual((reply["containerName"], reply["interactive"]), ("app", True))
        self.assertRegex(reply["session"]["sessionId"], r"^ecs-execute-command-[0-9a-f]{17}$")
        self.assertEqual(reply["session"]["streamUrl"], f"ws://127.0.0.1:{machine.proxy.port}/v1/data-channel/"
                         f"{reply['session']['sessionId']}?role=publish_subscribe")
        self.assertTrue(task["enableExecuteCommand"])
        agent = task["containers"][0]["managedAgents"][0]
        self.assertEqual((agent["name"], agent["lastStatus"], agent["reason"]),
                         ("ExecuteCommandAgent", "RUNNING", "ExecuteCommandAgent started"))
        self.assertIn("lastStartedAt", agent)
        one = Plugin(reply["session"], machine.port)
        self.open.append(one)
        one.handshake()
        self.assertRegex(one.requests[0]["AgentVersion"], r"^\d+\.\d+\.\d+\.\d+$")
        self.assertEqual(one.requests[0]["RequestedClientActions"],
                         [{"ActionType": "SessionType",
                           "ActionParameters": {"SessionType": "InteractiveCommands", "Properties": {}}}])
        self.assertEqual(one.complete["CustomerMessage"], "")
        one.until(b"/ # ")
        one.type("echo $((20+22)) as $(id -u) on $TERM\r")
        one.until(b"42 as 0 on xterm-256color")
        one.type("exit 3\r")
        self.assertEqual(one.until_closed(), "")
        self.assertTrue(one.until_lost() is not None)
        log = log_of(reply["session"]["sessionId"])
        self.assertIn("# by arn:aws:iam::123456789012:root", log)
        self.assertIn("# command sh", log)
        self.assertIn("42 as 0 on xterm-256color", log)
        self.assertRegex(log, r"# ended \S+: exit code 3")
        self.assertNotIn(reply["session"]["tokenValue"], log)
        self.assertNotIn(reply["session"]["tokenValue"], open(os.path.join(machine.folder, "up.log")).read())
        self.assertNotIn(reply["session"]["tokenValue"].encode(), open(os.path.join(machine.data, "server.db"), "rb").read())

    def test_follows_the_size_of_the_terminal(self):
        one = self.session(web, "sh -c \"trap 'busybox stty size' WINCH; busybox stty size; while true; do sleep 1; done\"")
        one.resize(91, 33)
        one.until(b"33 91")
        one.resize(120, 40)
        one.until(b"40 120")
        two = self.session(web)
        two.resize(70, 20)
        two.until(b"# ")
        two.type("busybox stty size\r")
        two.until(b"20 70")

    def test_passes_signals_as_keys(self):
        one = self.session(web)
        one.until(b"# ")
        one.type("sleep 300\r")
        one.until(b"sleep 300")
        time.sleep(0.3)
        one.type("\x03")
        one.until(b"# ")
        one.type("echo st$((0))ll here\r")
        one.until(b"st0ll here")

    def test_survives_what_a_wire_can_do(self):
        one = self.session(web, "cat")
        time.sleep(0.3)
        first, second, third = one.next_out, one.next_out + 1, one.next_out + 2
        one.next_out += 3
        one.send(plugin.OUTPUT, b"c\r", third)  # out of order
        one.send(plugin.OUTPUT, b"b\r", second)
        one.send(plugin.OUTPUT, b"WRONG\r", first, digest=b"\0" * 32)  # as if damaged
        one.wait("both are acknowledged", lambda: {second, third} <= set(one.acks))
        self.assertNotIn(first, one.acks)
        frame = one.send(plugin.OUTPUT, b"a\r", first)
        for _ in range(3):
            one.socket.send(frame, plugin.BINARY)  # repeats
        one.wait("all is echoed", lambda: one.screen.count(b"c\r\n") == 2)
        self.assertEqual(bytes(one.screen).count(b"a\r\n"), 2)  # the terminal's echo, and cat's
        self.assertEqual(bytes(one.screen).count(b"b\r\n"), 2)
        self.assertNotIn(b"WRONG", one.screen)
        one.wait("each repeat is acknowledged", lambda: one.acks.count(first) == 4)
        before = one.duplicates  # on a busy machine some come twice anyway
        one.drop_acks = 3
        one.type("lost acks\r")
        one.wait("what was not acknowledged comes again",
                 lambda: one.duplicates > before and one.screen.count(b"lost acks\r\n") == 2)
        for junk in (b"", b"x", b"\0" * 119, b"\xff" * 300):
            one.socket.send(junk, plugin.BINARY)
        one.type("still here\r")
        one.until(b"still here\r\nstill here")

    def test_goes_on_after_a_lost_connection(self):
        one = self.session(web)
        one.until(b"# ")
        one.type("i=0; while true; do i=$((i+1)); echo tick $i; sleep 0.2; done\r")
        one.until(b"tick 3\r\n")
        one.cut()
        time.sleep(1.5)
        status, reply = plugin_call("ResumeSession", one.session["sessionId"])
        self.assertEqual(status, 200)
        self.assertEqual(reply["SessionId"], one.session["sessionId"])
        self.assertIn(one.session["sessionId"], reply["StreamUrl"])
        one.reopen(reply["TokenValue"])
        one.until(b"tick 8\r\n")
        seen = [int(n) for n in re.findall(rb"tick (\d+)\r\n", bytes(one.screen))]
        self.assertEqual(seen, list(range(9, 9 + len(seen))))
        self.assertEqual(len(one.requests), 1)  # no second handshake
        one.type("\x03")
        one.until(b"# ")

    def test_loses_nothing_while_the_client_is_away(self):
        one = self.session(web)
        one.until(b"# ")
        one.cut()
        reply = plugin_call("ResumeSession", one.session["sessionId"])[1]
        one.reopen(reply["TokenValue"])
        one.type("for i in 1 2 3 4 5 6 7 8 9; do echo line $i of nine; done; exit\r")
        one.until(b"line 2 of nine\r\n")
        self.assertEqual(one.until_closed(), "")
        self.assertIn(b"line 9 of nine", one.screen)

    def test_token_is_good_for_once(self):
        reply = begin(web)["session"]
        wrong = Plugin(dict(reply, tokenValue="0" * 64), machine.port)
        self.assertIn("not valid", wrong.until_lost())
        one = Plugin(reply, machine.port)
        self.open.append(one)
        one.handshake()
        again = Plugin(reply, machine.port)
        self.assertIn("not valid", again.until_lost())
        other = begin(web)["session"]
        self.assertIn("not valid", Plugin(dict(reply, tokenValue=other["tokenValue"]), machine.port).until_lost())
        unknown = dict(reply, streamUrl=reply["streamUrl"].replace("command-", "command-x"))
        self.assertEqual(Plugin(unknown, machine.port).socket.status, 404)
        one.until(b"# ")
        one.type("exit\r")
        one.until_closed()

    def test_ends_when_it_is_asked_to(self):
        one = self.session(web, "sleep 311")
        rig.wait_until("it runs", lambda: processes(web, "sleep 311") == 1)
        one.terminate()
        one.until_closed()
        await_gone(web, "sleep 311")
        two = self.session(web, "sleep 312")
        rig.wait_until("it runs", lambda: processes(web, "sleep 312") == 1)
        self.assertEqual(plugin_call("TerminateSession", two.session["sessionId"], service="ecs")[0], 400)
        self.assertEqual(plugin_call("TerminateSession", two.session["sessionId"]),
                         (200, {"SessionId": two.session["sessionId"]}))
        two.until_closed()
        await_gone(web, "sleep 312")
        self.assertEqual(plugin_call("ResumeSession", two.session["sessionId"]), (200, {"SessionId": two.session["sessionId"]}))

    def test_ends_a_command_that_does_not_listen(self):
        one = self.session(web, "sh -c 'trap \"\" HUP TERM INT; sleep 313; sleep 313'")
        rig.wait_until("it runs", lambda: processes(web, "sleep 313") >= 1)
        one.terminate()
        one.until_closed()
        await_gone(web, "trap")

    def test_there_are_two_in_a_container(self):
        task = run(["app"])
        one, two, three = (self.session(task) for _ in range(3))
        one.until(b"# ")
        two.until(b"# ")
        self.assertEqual(three.until_closed(), "The container has two sessions already.")
        one.type("exit\r")
        one.until_closed()
        four = self.session(task)
        four.until(b"# ")
        machine.call("stop-task", "--task", task)
        self.assertIn(two.until_closed(60), ("", "The container does not run."))
        four.until_closed(60)
        rig.wait_until("the agent is told to be gone", lambda: describe(task)["lastStatus"] == "STOPPED")
        managed = describe(task)["containers"][0]["managedAgents"][0]
        self.assertEqual((managed["lastStatus"], managed["reason"]), ("STOPPED", "Received Container Stopped event"))

    def test_names_a_command_that_is_not_there(self):
        one = self.session(web, "/no/such/program")
        one.until_closed()
        self.assertIn(b"/no/such/program", one.screen)

    def test_is_of_the_container_that_was_named(self):
        task = run(["first", "second"])
        machine.docker.docker("exec", describe(task)["containers"][1]["runtimeId"], "touch", "/tmp/second")
        one = self.session(task, "ls /tmp", container=describe(task)["containers"][1]["name"])
        one.until_closed()
        self.assertIn(b"second", one.screen)
        self.assertIn("InvalidParameterException: Container name is required when the task has more than one container.",
                      refused("--task", task, "--command", "sh", "--interactive"))
        self.assertIn("The container name 'third' does not exist in the task.",
                      refused("--task", task, "--command", "sh", "--interactive", "--container", "third"))

    def test_needs_a_task_that_allows_it(self):
        task = run(["app"], enabled=False)
        self.assertIn(EXEC_TEXT, refused("--task", task, "--command", "sh", "--interactive"))
        self.assertIn("Interactive is the only mode supported currently.", refused("--task", web, "--command", "sh", "--no-interactive"))

    def test_is_logged_as_the_cluster_says(self):
        machine.call("update-cluster", "--cluster", "default", "--configuration",
                     json.dumps({"executeCommandConfiguration": {"logging": "NONE"}}))
        one = self.session(web, "echo quiet")
        one.until_closed()
        self.assertIsNone(log_of(one.session["sessionId"]))
        machine.call("update-cluster", "--cluster", "default", "--configuration", json.dumps({"executeCommandConfiguration": {
            "logging": "OVERRIDE", "logConfiguration": {"s3BucketName": "logs"}}}))
        one = self.session(web, "echo loud")
        one.until_closed()
        self.assertIn("loud", log_of(one.session["sessionId"]))

    def test_is_refused_a_client_that_cannot_shake_hands(self):
        one = Plugin(begin(web)["session"], machine.port)
        self.open.append(one)
        one.wait("a handshake request", lambda: one.requests)
        one.send(plugin.HANDSHAKE_RESPONSE, b'{"Errors":["no such thing"]}')
        self.assertIn("no such thing", one.until_closed())

    def test_of_a_client_of_ours_has_an_exit_code(self):
        one = self.session(web, "sh -c 'echo out; echo err >&2; exit 7'", gantry={"exitCode": True, "terminal": False})
        one.until_closed()
        self.assertEqual((bytes(one.screen), bytes(one.errors), one.exit_code), (b"out\n", b"err\n", 7))


class AnIdleSession(unittest.TestCase):
    """With a time-out of its own: a slow machine must be free to leave the sessions of other tests idle for a while."""

    @staticmethod
    def start_anew(flags):
        machine.down()
        machine.flags = flags
        machine.up()
        asked_again("true")

    @classmethod
    def setUpClass(cls):
        cls.start_anew([f"--exec-idle={IDLE_S}s"])

    @classmethod
    def tearDownClass(cls):
        cls.start_anew([])

    def test_ends_when_nothing_happens(self):
        one = session(web, "sleep 314")
        self.assertEqual(one.until_closed(IDLE_S + 20), f"The session was idle for {IDLE_S} seconds.")
        await_gone(web, "sleep 314")

    def test_ends_when_the_client_does_not_come_back(self):
        one = session(web, "sleep 315")
        rig.wait_until("it runs", lambda: processes(web, "sleep 315") == 1)
        one.cut()
        rig.wait_until("it is hung up", lambda: processes(web, "sleep 315") == 0, IDLE_S + 20)


class MuchAtOnce(unittest.TestCase):
    def test_forty_megabytes_pass_through_flat_memory(self):
        servers = machine.children("server") + machine.children("agent")
        one = session(web, "busybox dd if=/dev/zero bs=1048576 count=40")
        one.keeps = False
        one.wait("the first megabyte", lambda: one.received > 1 << 20, 60)
        before = [rss_kib(pid) for pid in servers]
        one.until_closed(300)
        after = [rss_kib(pid) for pid in servers]
        self.assertGreaterEqual(one.received, 40 << 20)
        self.assertLess(one.received, (40 << 20) + 500)  # and what dd says of it
        for a, b in zip(before, after):
            self.assertLess(b - a, 24 << 10)
        one.close()

    def test_a_client_that_reads_nothing_stops_the_command(self):
        one = session(web, "busybox dd if=/dev/zero bs=1048576 count=100")
        one.silent = True
        end = time.monotonic() + 3
        while time.monotonic() < end:
            one.turn()
        self.assertLess(one.next_in, 5)
        self.assertEqual(processes(web, "dd if"), 1)
        one.silent = False
        one.keeps = False
        one.wait("it goes on", lambda: one.received > 4 << 20, 60)
        plugin_call("TerminateSession", one.session["sessionId"])
        one.until_closed()
        await_gone(web, "dd if")
        one.close()

    def test_much_input_arrives_whole(self):
        data = os.urandom(3 << 20)
        path = os.path.join(machine.folder, "input")
        open(path, "wb").write(data)
        with open(path, "rb") as source:
            done = subprocess.run(exec_argv(web, "busybox", "md5sum"), stdin=source, stdout=subprocess.PIPE, env=machine.env())
        import hashlib
        self.assertEqual(done.stdout.decode().split()[0], hashlib.md5(data).hexdigest())
        self.assertEqual(done.returncode, 0)

    def test_fifty_sessions(self):
        tasks = run(["app"], count=10) + run(["app"], count=10) + run(["app"], count=5)
        sessions = [session(task, "cat") for task in tasks for _ in range(2)]
        for number, one in enumerate(sessions):
            one.type(f"hello from {number}.\r")
        for number, one in enumerate(sessions):
            one.until(f"hello from {number}.\r\nhello from {number}.\r\n".encode(), 60)
        text = wire.Wire(machine.port)
        text.send(f"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        self.assertRegex(text.reply().body.decode(), r"\ngantry_exec_sessions (5\d|[6-9]\d)\n")
        text.close()
        for one in sessions:
            one.type("\x04")
        for one in sessions:
            self.assertEqual(one.until_closed(60), "")
            one.close()
        for task in tasks:
            machine.call("stop-task", "--task", task)


def exec_argv(task, *command, flags=()):
    return [machine.gantry, "exec", "--data", machine.data, "--endpoint", machine.endpoint, *flags,
            task.replace("arn:aws:ecs:us-east-1:123456789012:task/", ""), *command]


def gantry_exec(task, *command, flags=(), **more):
    return subprocess.run(exec_argv(task, *command, flags=flags), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          env=machine.env(), timeout=60, **more)


class OnATerminal:
    """`gantry exec` with a terminal of its own."""

    def __init__(self, argv, size=(24, 80)):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(argv[0], argv, machine.env())
        self.screen = b""
        self.resize(*size)

    def resize(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def until(self, text, seconds=30):
        deadline = time.monotonic() + seconds
        while text not in self.screen:
            if time.monotonic() > deadline:
                raise AssertionError(f"{text!r} not within {seconds} s: {self.screen!r}")
            if select.select([self.fd], [], [], 0.1)[0]:
                try:
                    self.screen += os.read(self.fd, 65536)
                except OSError:
                    raise AssertionError(f"{text!r} never came: {self.screen!r}")
        _, _, self.screen = self.screen.partition(text)

    def type(self, text):
        os.write(self.fd, text.encode())

    def status(self):
        while True:
            try:
                if not os.read(self.fd, 65536):
                    break
            except OSError:
                break
        _, status = os.waitpid(self.pid, 0)
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status)


class GantryExec(unittest.TestCase):
    def test_exits_as_the_command_does(self):
        done = gantry_exec(web, "sh", "-c", "echo it\\'s \"a b\"; echo bad >&2; exit 42", stdin=subprocess.DEVNULL)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (42, "it's a b\n", "bad\n"))
        self.assertEqual(gantry_exec(web, "true", stdin=subprocess.DEVNULL).returncode, 0)
        self.assertIn(gantry_exec(web, "/no/such", stdin=subprocess.DEVNULL).returncode, (126, 127))

    def test_reads_a_pipe_to_its_end(self):
        done = gantry_exec(web, "cat", input="one\ntwo\n")
        self.assertEqual((done.returncode, done.stdout), (0, "one\ntwo\n"))
        done = gantry_exec(web, "sh", input="echo $((6*7))\nexit 9\n")
        self.assertEqual((done.returncode, done.stdout), (9, "42\n"))

    def test_is_a_terminal_on_a_terminal(self):
        one = OnATerminal(exec_argv(web), size=(31, 77))
        one.until(b"# ")
        one.type("busybox stty size\r")
        one.until(b"31 77")
        one.resize(43, 111)
        os.kill(one.pid, signal.SIGWINCH)
        time.sleep(0.5)
        one.type("busybox stty size; echo $TERM\r")
        one.until(b"43 111")
        one.type("sleep 100\r")
        one.until(b"sleep 100")
        time.sleep(0.3)
        one.type("\x03")
        one.until(b"# ")
        one.type("exit 5\r")
        self.assertEqual(one.status(), 5)

    def test_passes_every_key_on_at_once(self):
        one = OnATerminal(exec_argv(web))
        one.until(b"# ")
        one.type("busybox stty raw; for i in 1 2 3; do busybox dd bs=1 count=1 2>/dev/null | busybox od -An -tx1; done\r")
        one.until(b"done\r\n")
        time.sleep(0.5)
        for key in ("\x10", "\x11", "\x1d"):  # the first two detach from a container's terminal, if nobody says otherwise
            one.type(key)
            one.until(f" {ord(key):x}".encode())
        one.type("exit 6\n")
        self.assertEqual(one.status(), 6)

    def test_takes_the_flags_of_the_aws_cli(self):
        done = subprocess.run(exec_argv(web)[:-1] + ["--cluster", "default", "--task", web, "--container", "app", "--interactive",
                                                     "--command", "echo 'as one text'"], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, text=True, env=machine.env(), timeout=60)
        self.assertEqual((done.returncode, done.stdout), (0, "as one text\n"))

    def test_says_what_is_wrong(self):
        done = gantry_exec("default/0123", "sh", stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 1)
        self.assertIn("The referenced task was not found.", done.stderr)
        done = subprocess.run([machine.gantry, "exec"], stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 2)

    def test_ends_the_command_when_it_is_killed(self):
        one = subprocess.Popen(exec_argv(web, "sleep", "316"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=machine.env())
        rig.wait_until("it runs", lambda: processes(web, "sleep 316") == 1)
        one.send_signal(signal.SIGINT)
        self.assertNotEqual(one.wait(30), 0)
        await_gone(web, "sleep 316")
        one.stdin.close()
        one.stdout.close()


@unittest.skipUnless(shutil.which("session-manager-plugin") and shutil.which("aws"), "no session-manager-plugin here")
class TheRealPlugin(unittest.TestCase):
    def test_runs_a_command(self):
        argv = ["aws", "ecs", "execute-command", "--cluster", "default", "--task", web, "--interactive", "--command", "sh"]
        one = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=machine.aws_env())
        time.sleep(3)
        one.stdin.write(b"echo $((6*7))\n")
        one.stdin.flush()
        time.sleep(2)
        one.stdin.write(b"exit\n")
        one.stdin.flush()
        shown = one.stdout.read()
        one.stdin.close()
        self.assertIn(b"42", shown)
        self.assertIn(b"Exiting session with sessionId", shown)


class WhenSomethingBreaks(unittest.TestCase):
    """In this order; the last leaves little."""

    def test_1_the_agent_is_killed(self):
        one = session(web, "sleep 320")
        rig.wait_until("it runs", lambda: processes(web, "sleep 320") == 1)
        os.kill(machine.children("agent")[0], signal.SIGKILL)
        self.assertEqual(one.until_closed(), "The connection to the container instance was lost.")
        one.close()
        rig.wait_until("the agent is back", lambda: machine.call("list-container-instances", "--filter", "agentConnected == true")[
            "containerInstanceArns"])

        two = Plugin(asked_again("echo back")["session"], machine.port).handshake()
        two.until_closed()
        self.assertIn(b"back", two.screen)
        two.close()

    def test_2_the_server_is_stopped(self):
        one = session(web, "sleep 321")
        rig.wait_until("it runs", lambda: processes(web, "sleep 321") == 1)
        os.kill(machine.children("server")[0], signal.SIGTERM)
        self.assertEqual(one.until_closed(), "The server is stopping.")
        one.close()
        await_gone(web, "sleep 321")
        rig.wait_until("the server is back", lambda: machine.ecs("list-clusters", check=False).returncode == 0)
        rig.wait_until("and knows nothing of it", lambda: plugin_call("ResumeSession", one.session["sessionId"]) == (
            200, {"SessionId": one.session["sessionId"]}))

    def test_3_the_server_is_killed(self):
        rig.wait_until("the agent is back", lambda: machine.call("list-container-instances", "--filter", "agentConnected == true")[
            "containerInstanceArns"])
        one = session(web, "sleep 322")
        rig.wait_until("it runs", lambda: processes(web, "sleep 322") == 1)
        os.kill(machine.children("server")[0], signal.SIGKILL)
        one.until_lost()
        one.close()
        await_gone(web, "sleep 322")

    def test_4_the_engine_is_killed(self):
        rig.wait_until("the agent is back", lambda: machine.ecs("list-clusters", check=False).returncode == 0 and machine.call(
            "list-container-instances", "--filter", "agentConnected == true")["containerInstanceArns"])
        one = session(web, "sleep 323")
        rig.wait_until("it runs", lambda: processes(web, "sleep 323") == 1)
        machine.docker.process.kill()
        machine.docker.process.wait()
        self.assertIn("container engine does not answer", one.until_closed(60))
        one.close()


if __name__ == "__main__":
    rig.TapResult.main("__main__")
