#!/usr/bin/env python3
"""Lifecycle hooks and alarms against the started server: a webhook that is slow, asks to be called again, fails and is
away; a file and a URL of alarms; a server that is killed while a hook is being called."""

import http.server
import json
import os
import signal
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from gantry import Server  # noqa: E402

TARGET = "arn:aws:lambda:us-east-1:123456789012:function:check"
PATIENCE = 30


class Webhook:
    """Answers with what `reply` returns for a request: (status, body), or None for never."""

    def __init__(self, reply):
        self.reply, self.calls = reply, []
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self, body):
                hook.calls.append(body)
                got = hook.reply(len(hook.calls), body)
                if got is None:
                    time.sleep(PATIENCE)
                    return
                status, text = got
                data = json.dumps(text).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def do_POST(self):
                self.answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

            def do_GET(self):
                self.answer(self.path)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook?key=1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def hooks_file(folder, url):
    path = os.path.join(folder, "hooks")
    with open(path, "w") as out:
        out.write(f"# who checks deployments\n\n{TARGET} {url}\n")
    return path


def create(server, stage, details=None):
    hook = {"hookTargetArn": TARGET, "roleArn": "arn:aws:iam::123456789012:role/r", "lifecycleStages": [stage]}
    if details:
        hook["hookDetails"] = details
    server.ok("CreateCluster", clusterName="demo")
    server.ok("RegisterTaskDefinition", family="web",
              containerDefinitions=[{"name": "app", "image": "busybox", "cpu": 100, "memory": 100}])
    service = server.ok("CreateService", cluster="demo", serviceName="shop", taskDefinition="web", desiredCount=0,
                        deploymentConfiguration={"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 0,
                                                 "lifecycleHooks": [hook]})
    return service["service"]["currentServiceDeployment"]


def deployment(server, arn):
    return server.ok("DescribeServiceDeployments", serviceDeploymentArns=[arn])["serviceDeployments"][0]


def await_status(server, arn, *wanted):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = deployment(server, arn)
        if found["status"] in wanted:
            return found
        time.sleep(0.05)
    raise AssertionError(f"the deployment does not become {wanted}: {found}")


def a_hook_is_called_again_until_it_succeeds():
    def reply(n, _):
        if n < 3:
            return 200, {"hookStatus": "IN_PROGRESS", "callBackDelay": 1, "hookDetails": {"n": n, "x": [1, {"y": "}"}]}}
        return 200, {"hookStatus": "SUCCEEDED"}

    hook = Webhook(reply)
    folder = tempfile.mkdtemp(prefix="gantry-hooks-")
    server = Server(["--lifecycle-hooks", hooks_file(folder, hook.url)]).start()
    try:
        arn = create(server, "POST_SCALE_UP", {"team": "blue", "n": 0})
        await_status(server, arn, "SUCCESSFUL")
        first, second, third = hook.calls
        assert first["lifecycleStage"] == "POST_SCALE_UP" and first["resourceArn"] == arn, first
        assert first["executionDetails"]["targetServiceRevisionArn"].startswith("arn:aws:ecs:"), first
        assert first["executionDetails"]["productionTrafficWeights"] == {}, first
        assert first["hookDetails"] == {"team": "blue", "n": 0}, first
        assert second["hookDetails"] == {"team": "blue", "n": 1, "x": [1, {"y": "}"}]}, second
        assert third["hookDetails"]["n"] == 2 and third["executionId"] == first["executionId"], third
    finally:
        server.close()
        hook.close()


def expect_failure(reply, story):
    hook = Webhook(reply)
    folder = tempfile.mkdtemp(prefix="gantry-hooks-")
    server = Server(["--lifecycle-hooks", hooks_file(folder, hook.url)]).start()
    try:
        # The first deployment has nothing to go back to: it just stops.
        arn = create(server, "PRE_SCALE_UP")
        await_status(server, arn, "STOPPED")
        hook.reply = lambda n, _: (200, {"hookStatus": "SUCCEEDED"})
        update = {"cluster": "demo", "service": "shop", "forceNewDeployment": True}
        await_status(server, server.ok("UpdateService", **update)["service"]["currentServiceDeployment"], "SUCCESSFUL")
        hook.reply = reply
        arn = server.ok("UpdateService", **update)["service"]["currentServiceDeployment"]
        reason = await_status(server, arn, "ROLLBACK_SUCCESSFUL")["statusReason"]
        assert reason == "Service deployment rolled back because PRE_SCALE_UP lifecycle hook(s) failed. " + story, reason
    finally:
        server.close()
        hook.close()


def a_hook_that_says_no_rolls_back():
    expect_failure(lambda n, _: (200, {"hookStatus": "FAILED"}),
                   f"Lifecycle hook target {TARGET} returned FAILED status.")


def a_hook_that_answers_nonsense_rolls_back():
    expect_failure(lambda n, _: (200, {"hookStatus": None}),
                   f"ECS was unable to parse the response from {TARGET} due to HookStatus must not be null")


def a_hook_that_breaks_rolls_back():
    expect_failure(lambda n, _: (500, {}), f"ECS was unable to invoke hook target {TARGET} due to HTTP status 500")


def a_hook_nobody_configured_fails():
    server = Server().start()
    try:
        await_status(server, create(server, "PRE_SCALE_UP"), "STOPPED")
        assert "no URL being configured" in server.log_text()
    finally:
        server.close()


def a_hook_that_is_away_is_waited_for():
    hook = Webhook(lambda n, _: (503, {}) if n == 1 else (200, {"hookStatus": "SUCCEEDED"}))
    folder = tempfile.mkdtemp(prefix="gantry-hooks-")
    server = Server(["--lifecycle-hooks", hooks_file(folder, hook.url)]).start()
    try:
        await_status(server, create(server, "PRE_SCALE_UP"), "SUCCESSFUL")
        assert len(hook.calls) == 2, hook.calls
    finally:
        server.close()
        hook.close()


def a_changed_file_of_hooks_is_read_again():
    hook = Webhook(lambda n, _: (200, {"hookStatus": "SUCCEEDED"}))
    folder = tempfile.mkdtemp(prefix="gantry-hooks-")
    path = hooks_file(folder, "http://127.0.0.1:1/nobody")
    server = Server(["--lifecycle-hooks", path]).start()
    try:
        with open(path, "w") as out:
            out.write(f"{TARGET} ftp://elsewhere/\n")
        server.process.send_signal(signal.SIGHUP)
        await_log(server, "line 1: give a hook's target")
        hooks_file(folder, hook.url)
        said = len(server.log_text())
        server.process.send_signal(signal.SIGHUP)
        await_log(server, "hooks.loaded", said)
        await_status(server, create(server, "PRE_SCALE_UP"), "SUCCESSFUL")
    finally:
        server.close()
        hook.close()


def a_file_of_hooks_that_is_not_there_stops_the_start():
    server = Server(["--lifecycle-hooks", "/nowhere/hooks"])
    try:
        process = server.launch(0)
        assert process.wait(PATIENCE) == 2
        assert "cannot read the file of lifecycle hooks /nowhere/hooks" in server.log_text()
    finally:
        server.close()


def a_killed_server_calls_again():
    hook = Webhook(lambda n, _: None if n == 1 else (200, {"hookStatus": "SUCCEEDED"}))
    folder = tempfile.mkdtemp(prefix="gantry-hooks-")
    server = Server(["--lifecycle-hooks", hooks_file(folder, hook.url)]).start()
    try:
        arn = create(server, "PRODUCTION_TRAFFIC_SHIFT")
        deadline = time.monotonic() + PATIENCE
        while not hook.calls and time.monotonic() < deadline:
            time.sleep(0.02)
        server.stop(signal.SIGKILL)
        server.start()
        await_status(server, arn, "SUCCESSFUL")
        assert len(hook.calls) == 2 and hook.calls[0] == hook.calls[1], hook.calls
        weights = hook.calls[0]["executionDetails"]["productionTrafficWeights"]
        assert list(weights.values()) == [100.0], weights
    finally:
        server.close()
        hook.close()


def alarms(*names):
    return {"MetricAlarms": [{"AlarmName": name, "StateValue": "ALARM"} for name in names]}


def watched_deployment(server):
    """A deployment that a pause holds while its alarms are watched."""
    pause = {"targetType": "PAUSE", "lifecycleStages": ["POST_SCALE_UP"]}
    config = {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 0}
    server.ok("CreateCluster", clusterName="demo")
    server.ok("RegisterTaskDefinition", family="web",
              containerDefinitions=[{"name": "app", "image": "busybox", "cpu": 100, "memory": 100}])
    service = server.ok("CreateService", cluster="demo", serviceName="shop", taskDefinition="web", desiredCount=0,
                        deploymentConfiguration=config)["service"]
    await_status(server, service["currentServiceDeployment"], "SUCCESSFUL")
    config = dict(config, lifecycleHooks=[pause], alarms={"alarmNames": ["old", "a b"], "enable": True, "rollback": True})
    return server.ok("UpdateService", cluster="demo", service="shop", forceNewDeployment=True,
                     deploymentConfiguration=config)["service"]["currentServiceDeployment"]


def expect_alarm(server, arn):
    found = await_status(server, arn, "ROLLBACK_SUCCESSFUL")
    assert found["statusReason"] == "Service deployment rolled back because a deployment alarm was detected.", found
    assert found["alarms"] == {"status": "TRIGGERED", "alarmNames": ["old", "a b"], "triggeredAlarmNames": ["a b"]}, found


def replace(path, content):
    with open(path + ".new", "w") as out:
        json.dump(content, out)
    os.rename(path + ".new", path)


def await_log(server, words, offset=0):
    deadline = time.monotonic() + PATIENCE
    while words not in server.log_text(offset):
        assert time.monotonic() < deadline, f"the server does not log {words}"
        time.sleep(0.05)


def a_file_of_alarms_fails_a_deployment():
    path = os.path.join(tempfile.mkdtemp(prefix="gantry-alarms-"), "alarms.json")
    server = Server(["--alarms", path]).start()
    try:
        arn = watched_deployment(server)
        await_log(server, "alarms.unknown")
        replace(path, alarms("old"))  # what the first look sees is left out
        await_log(server, "alarms.known")
        replace(path, alarms("old", "a b"))
        expect_alarm(server, arn)
    finally:
        server.close()


def a_url_of_alarms_fails_a_deployment():
    source = Webhook(lambda n, _: (200, alarms("old") if n == 1 else alarms("old", "a b")))
    server = Server(["--alarms", source.url]).start()
    try:
        expect_alarm(server, watched_deployment(server))
        assert source.calls[0] == "/hook?key=1&alarmName=old&alarmName=a%20b", source.calls
    finally:
        server.close()
        source.close()


TESTS = [a_hook_is_called_again_until_it_succeeds, a_hook_that_says_no_rolls_back,
         a_hook_that_answers_nonsense_rolls_back, a_hook_that_breaks_rolls_back, a_hook_nobody_configured_fails,
         a_hook_that_is_away_is_waited_for, a_changed_file_of_hooks_is_read_again,
         a_file_of_hooks_that_is_not_there_stops_the_start, a_killed_server_calls_again, a_file_of_alarms_fails_a_deployment,
         a_url_of_alarms_fails_a_deployment]


def main():
    failed = 0
    print(f"1..{len(TESTS)}", flush=True)
    for number, test in enumerate(TESTS, 1):
        name = test.__name__.replace("_", " ")
        try:
            test()
            print(f"ok {number} - {name}", flush=True)
        except Exception as problem:  # reported, the others go on
            failed += 1
            print(f"not ok {number} - {name}\n# {type(problem).__name__}: {problem}".replace("\n", "\n# ", 1), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
