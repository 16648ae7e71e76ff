#!/usr/bin/env python3
"""Writes the words a fuzz target should know, in libFuzzer's form.

    fuzz_dict.py TARGET

The words are the names in the IDL files that the target decodes, and some of its own syntax.
"""

import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
IDLS = {
    "requests": ["ecs"], "ops": ["ecs", "acs", "tcs"], "args": ["ecs"], "frames": ["acs", "tcs"], "engine": ["acs"],
    "records": ["store", "host"], "docker": ["docker"],
}
JSON = ["null", "true", "false", "[]", "{}", "\\u0000", "\\ud83d\\ude00", "1e400", "-0.0", "2147483648", "9223372036854775807"]
HTTP = ["HTTP/1.1\r\n", "HTTP/1.0\r\n", "\r\n\r\n", "\r\n", "GET ", "POST ", "Host: x\r\n", "Content-Length: ", "Transfer-Encoding: chunked\r\n",
        "Connection: close\r\n", "Expect: 100-continue\r\n", "Upgrade: websocket\r\n", "0\r\n\r\n"]
WORDS = {
    "json": JSON,
    "http": HTTP,
    "server": HTTP + ["/late", "/stream", "/ws", "HEAD ", "\x81\x85", "\x88\x80", "\x89\x80"],
    "ws": ["\x81\x05", "\x01\x02", "\x80\x01", "\x82\x7e", "\x88\x02\x03\xe8", "\x89\x00", "\x8a\x00", "bye", "cut"],
    "query": ["agentConnected", "agentVersion", "attribute:", "ec2InstanceId", "registeredAt", "runningTasksCount", "task:group", "==", "!=",
              ">=", "<=", "=~", "!~", " in ", "!in", "not_in", "exists", "!exists", "matches", "not_matches", "equals", "not(", " and ",
              " or ", "&&", "||", "stack", "prod", "true", "1.70.1"],
    "sigv4": ["sign\n", "flip ", "raw\n", "Authorization: AWS4-HMAC-SHA256 Credential=", "SignedHeaders=", "Signature=", "X-Amz-Date: ",
              "X-Amz-Algorithm=AWS4-HMAC-SHA256", "X-Amz-Signature=", "X-Amz-Expires=", "X-Amz-Security-Token", "/../", "/./", "%2F", "%20",
              "aws4_request", "20260901T101500Z"],
    "text": ["base64\n", "hex\n", "escapes\n", "query\n", "uri\n", "time\n", "duration\n", "number\n", "arn\n", "utf8\n", "order\n",
             "names\n", "regex\n", "https://", "unix://", "arn:aws:ecs:", "1h30m", "ns", "T", "Z", "+02:00", "@sha256:", "e+"],
    "meta": HTTP + ["/v2/", "/v3/", "/v4/", "/task", "/stats", "credentials", "/api/", "fault/v1/", "network-latency", "task-protection/v1/state",
                    "eid", "cid", "?id=", "?dockerid=", "?taskarn=", "SourcesToFilter", "TrafficType", "ProtectionEnabled"],
    "exec": ["input_stream_data", "output_stream_data", "acknowledge", "channel_closed", "pause_publication", "start_publication",
             "AcknowledgedMessageSequenceNumber", "HandshakeVersion", "ProcessedClientActions", "ActionStatus", "cols", "rows"],
    "settings": ["agent\n", "server\n", "keys\n", "[default]\n", "aws_access_key_id", "aws_secret_access_key", "aws_session_token", "profile "],
    "args": ["--no-", "--cli-input-json", "=[", "={", "key=a,value=b"],
    "ops": ["@i", "@t", "demo", "web:1", "job", "time 100\n", "gone\n", "open demo\n", "acs ", "tcs "],
    "engine": ["run 10\n", "restart\n", "reconnect\n"],
    "docker": ["object ", "reply ", "logs ", "events ", "\x01\0\0\0\0\0\0\x01"],
    "frames": ["acs ", "tcs "],
    "records": ["host "],
}


def idl_names(name):
    with open(os.path.join(ROOT, "api", name + ".idl"), encoding="utf-8") as text:
        for line in text:
            line = line.split("#")[0]
            if line.startswith("operation "):
                yield line.split()[1]
            elif line.startswith("  ") and line.split()[:1] not in (["request"], ["reply"], ["errors"], ["writes"], ["later"]):
                yield from re.findall(r"^  ([A-Za-z_][A-Za-z0-9_]*)", line)


def agent_settings():
    with open(os.path.join(ROOT, "src/agent/config.c"), encoding="utf-8") as text:
        return sorted(set(re.findall(r'"(ECS_[A-Z0-9_]+)"', text.read())))


def quoted(word):
    return '"' + "".join(c if " " <= c < "\x7f" and c not in '"\\' else f"\\x{ord(c):02x}" for c in word) + '"'


def main(target):
    words = list(WORDS.get(target, []))
    names = sorted({name for idl in IDLS.get(target, []) for name in idl_names(idl)})
    if target in IDLS and target not in ("args",):
        words += JSON
        names = [f'"{name}":' if name[0].islower() else name for name in names]
    elif target == "args":
        names = ["--" + re.sub(r"(?<!^)([A-Z])", lambda m: "-" + m.group(1).lower(), name) if name[0].islower() else name for name in names]
    if target == "settings":
        words += [name + "=" for name in agent_settings()]
    for word in words + names:
        print(quoted(word))


main(sys.argv[1])
