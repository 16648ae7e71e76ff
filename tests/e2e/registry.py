"""A registry on loopback: Debian's docker-registry, with or without a login. Docker speaks plain HTTP to 127.0.0.0/8."""

import crypt
import os
import shutil
import signal
import subprocess

import rig

BINARY = shutil.which("docker-registry")

CONFIG = """\
version: 0.1
log: {{level: warn}}
storage:
  filesystem: {{rootdirectory: {folder}/data}}
  delete: {{enabled: true}}
http: {{addr: '127.0.0.1:{port}'}}
"""
LOGIN = """\
auth:
  htpasswd: {{realm: gantry, path: {folder}/htpasswd}}
"""


class Registry:
    """`host` is what stands before the repository; `login` is None or (user, password)."""

    def __init__(self, docker, folder, login=None):
        self.docker, self.folder, self.login = docker, folder, login
        self.port = rig.free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.process = None
        os.makedirs(os.path.join(folder, "data"))
        with open(os.path.join(folder, "config.yml"), "w") as file:
            file.write((CONFIG + (LOGIN if login else "")).format(folder=folder, port=self.port))
        if login:
            with open(os.path.join(folder, "htpasswd"), "w") as file:
                file.write(f"{login[0]}:{crypt.crypt(login[1], crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16))}\n")
        self.start()

    def start(self):
        log = open(os.path.join(self.folder, "registry.log"), "a")
        self.process = subprocess.Popen([BINARY, "serve", os.path.join(self.folder, "config.yml")], stdout=log, stderr=log)
        rig.wait_until("the registry listens", self.listens, 30)

    def listens(self):
        if self.process.poll() is not None:
            raise AssertionError(open(os.path.join(self.folder, "registry.log")).read())
        import socket
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def push(self, name, source=rig.IMAGE):
        """Puts the image there and takes the name away here; its full name and digest."""
        image = f"{self.host}/{name}"
        if self.login:
            self.docker.docker("--config", self.folder, "login", "-u", self.login[0], "-p", self.login[1], self.host)
        self.docker.docker("tag", source, image)
        out = self.docker.docker("--config", self.folder, "push", image).stdout
        digest = next(word for word in out.split() if word.startswith("sha256:"))
        self.docker.docker("rmi", image)
        return image, digest

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
