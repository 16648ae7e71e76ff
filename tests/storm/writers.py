"""A writer for every kind of write that the server knows. Each works in a corner of its own, so that all can
write at once and each can still say what must be there."""

import uuid

from gantry import Agent
from ledger import Ledger, Writer
from storm import Refused, call, every_page, in_batches

CPU, MEMORY = 10**6, 10**8
TASKS = 10      # of one RunTask
ATTRIBUTES = 9  # an instance may have ten custom ones; its writer's name is the tenth


def name_of(arn):
    return arn.rpartition("/")[2]


class ClusterWriter(Writer):
    """One cluster after the other: created with a tag, changed, every third deleted. A fact is
    cluster -> (status, containerInsights)."""

    def write(self):
        name = f"{self.ledger.name}-{len(self.ledger.facts)}"
        write = self.ledger.write
        write({name: ("ACTIVE", "disabled")}, lambda: call(
            self.server, "CreateCluster", clusterName=name, tags=[{"key": "of", "value": name}]))
        settings = [{"name": "containerInsights", "value": "enabled"}]
        operation = self.dice.choice(["UpdateCluster", "UpdateClusterSettings"])
        write({name: ("ACTIVE", "enabled")}, lambda: call(self.server, operation, cluster=name, settings=settings))
        if len(self.ledger.facts) % 3 == 0:
            write({name: ("INACTIVE", "enabled")}, lambda: call(self.server, "DeleteCluster", cluster=name))

    def observe(self):
        found = dict.fromkeys(self.ledger.keys())
        for batch in in_batches(sorted(found)):
            reply = call(self.server, "DescribeClusters", clusters=batch, include=["SETTINGS", "TAGS"])
            for cluster in reply["clusters"]:
                name = cluster["clusterName"]
                assert cluster["tags"] == [{"key": "of", "value": name}], cluster
                found[name] = (cluster["status"], cluster["settings"][0]["value"])
        return found


class DefinitionWriter(Writer):
    """Revision after revision of one family, some deregistered, some of those deleted. Facts are
    ("status", revision) and ("value", revision)."""

    def write(self):
        last = max((key[1] for key in self.ledger.facts if key[0] == "status"), default=0)
        value = uuid.uuid4().hex
        reply = self.ledger.write({("status", last + 1): "ACTIVE", ("value", last + 1): value}, lambda: call(
            self.server, "RegisterTaskDefinition", family=self.ledger.name, containerDefinitions=[
                {"name": "main", "image": "busybox", "memory": 4, "environment": [{"name": "VALUE", "value": value}]}]))
        assert reply["taskDefinition"]["revision"] == last + 1, reply
        arn = f"{self.ledger.name}:{last + 1}"
        if last % 2 == 0:
            self.ledger.write({("status", last + 1): "INACTIVE"}, lambda: call(
                self.server, "DeregisterTaskDefinition", taskDefinition=arn))
        if last % 4 == 0:
            self.ledger.write({("status", last + 1): "DELETE_IN_PROGRESS"}, lambda: call(
                self.server, "DeleteTaskDefinitions", taskDefinitions=[arn]))

    def observe(self):
        found = {key: None for key in self.ledger.keys() if key[0] == "status"}
        for status in ("ACTIVE", "INACTIVE", "DELETE_IN_PROGRESS"):
            arns = every_page(self.server, "ListTaskDefinitions", "taskDefinitionArns",
                              familyPrefix=self.ledger.name, status=status)
            found.update({("status", int(arn.rpartition(":")[2])): status for arn in arns})
        there = sorted(key[1] for key, status in found.items() if status)
        values = {key for key in self.ledger.keys() if key[0] == "value" and key[1] not in there}
        found.update(dict.fromkeys(values))  # what is listed nowhere has no value
        for revision in set(there[-3:] + self.dice.sample(there, min(3, len(there)))):
            reply = call(self.server, "DescribeTaskDefinition", taskDefinition=f"{self.ledger.name}:{revision}")
            found["value", revision] = reply["taskDefinition"]["containerDefinitions"][0]["environment"][0]["value"]
        return found


class AttributeWriter(Writer):
    """Puts and deletes three attributes of one instance at a time. A fact is name -> value."""

    def __init__(self, server, ledger, dice, instance):
        super().__init__(server, ledger, dice)
        self.instance = instance

    def write(self):
        names = [f"mine-{n}" for n in self.dice.sample(range(ATTRIBUTES), 3)]
        value = uuid.uuid4().hex
        if self.dice.random() < 0.7:
            attributes = [{"name": name, "value": value, "targetId": self.instance} for name in names]
            self.ledger.write(dict.fromkeys(names, value), lambda: call(
                self.server, "PutAttributes", cluster="work", attributes=attributes))
        else:
            attributes = [{"name": name, "targetId": self.instance} for name in names]
            self.ledger.write(dict.fromkeys(names), lambda: call(
                self.server, "DeleteAttributes", cluster="work", attributes=attributes))

    def observe(self):
        listed = every_page(self.server, "ListAttributes", "attributes", cluster="work", targetType="container-instance")
        found = {a["name"]: a["value"] for a in listed if a["name"].startswith("mine-") and a["targetId"] == self.instance}
        return dict(dict.fromkeys(self.ledger.keys()), **found)


class TagWriter(Writer):
    """Tags three keys of a resource at a time, or takes them away. A fact is (ARN, key) -> value."""

    def __init__(self, server, ledger, dice, arns):
        super().__init__(server, ledger, dice)
        self.arns = arns

    def write(self):
        arn = self.dice.choice(self.arns)
        keys = [f"mine-{n}" for n in self.dice.sample(range(15), 3)]
        value = uuid.uuid4().hex
        if self.dice.random() < 0.7:
            self.ledger.write({(arn, key): value for key in keys}, lambda: call(
                self.server, "TagResource", resourceArn=arn, tags=[{"key": key, "value": value} for key in keys]))
        else:
            self.ledger.write({(arn, key): None for key in keys}, lambda: call(
                self.server, "UntagResource", resourceArn=arn, tagKeys=keys))

    def observe(self):
        found = dict.fromkeys(self.ledger.keys())
        for arn in self.arns:
            tags = call(self.server, "ListTagsForResource", resourceArn=arn)["tags"]
            found.update({(arn, tag["key"]): tag["value"] for tag in tags})
        return found


RESOURCES = [{"name": "CPU", "type": "INTEGER", "integerValue": CPU}, {"name": "MEMORY", "type": "INTEGER", "integerValue": MEMORY}]


class InstanceWriter(Writer):
    """Instances of a cluster of its own: registered with a token, drained and back, most of them deregistered. A
    fact is token -> status. An instance carries its token as an attribute."""

    def __init__(self, server, ledger, dice):
        super().__init__(server, ledger, dice)
        self.arns = ledger.__dict__.setdefault("arns", {})  # token -> ARN; kept with the ledger

    def write(self):
        token = uuid.uuid4().hex
        cluster = self.ledger.name
        reply = self.ledger.write({token: "ACTIVE"}, lambda: call(
            self.server, "RegisterContainerInstance", cluster=cluster, clientToken=token, totalResources=RESOURCES,
            attributes=[{"name": "token", "value": token}]))
        arn = self.arns[token] = reply["containerInstance"]["containerInstanceArn"]
        if self.dice.random() < 0.3:
            for status in ["DRAINING", "ACTIVE"]:
                self.ledger.write({token: status}, lambda status=status: call(
                    self.server, "UpdateContainerInstancesState", cluster=cluster, containerInstances=[arn], status=status))
        if self.dice.random() < 0.8:
            self.ledger.write({token: "INACTIVE"}, lambda: call(
                self.server, "DeregisterContainerInstance", cluster=cluster, containerInstance=arn))

    def observe(self):
        cluster = self.ledger.name
        found = dict.fromkeys(self.ledger.keys())
        for status in ("ACTIVE", "DRAINING"):
            listed = every_page(self.server, "ListContainerInstances", "containerInstanceArns", cluster=cluster, status=status)
            for batch in in_batches(listed):
                reply = call(self.server, "DescribeContainerInstances", cluster=cluster, containerInstances=batch)
                for instance in reply["containerInstances"]:
                    token = next(a["value"] for a in instance["attributes"] if a["name"] == "token")
                    assert found.get(token) is None, f"two instances of token {token}"
                    found[token] = instance["status"]
                    self.arns[token] = instance["containerInstanceArn"]
        for batch in in_batches(token for token, status in found.items() if status is None and token in self.arns):
            arns = {name_of(self.arns[token]): token for token in batch}
            reply = call(self.server, "DescribeContainerInstances", cluster=cluster, containerInstances=sorted(arns))
            for instance in reply["containerInstances"]:
                found[arns[name_of(instance["containerInstanceArn"])]] = instance["status"]
        return found


class TaskWriter(Writer):
    """Runs tasks ten at a time by RunTask with a token or StartTask, and is their agent as well: submits that they
    run and, with an exit code each, that they have ended; some are stopped before.

    Facts are token -> "there" and ARN -> (lastStatus, desiredStatus, exitCode)."""

    lived = 7  # tasks of a call that get further than PENDING

    def __init__(self, server, ledger, dice, instance):
        super().__init__(server, ledger, dice)
        self.instance = instance
        self.cluster = "work"
        self.mine = ledger.__dict__.setdefault("mine", {})  # token -> ARNs

    def start(self, token):
        how = {"cluster": self.cluster, "taskDefinition": "job", "startedBy": token}
        if self.dice.random() < 0.8:
            return call(self.server, "RunTask", count=TASKS, clientToken=token, placementConstraints=[
                {"type": "memberOf", "expression": f"attribute:writer == {self.ledger.name}"}], **how)
        return call(self.server, "StartTask", containerInstances=[self.instance], **how)

    def enter(self, token, arns):
        self.mine[token] = set(arns)
        for arn in arns:
            self.ledger.facts.setdefault(arn, ("PENDING", "RUNNING", None))

    def write(self):
        token = uuid.uuid4().hex
        reply = self.ledger.write({token: "there"}, lambda: self.start(token))
        assert not reply["failures"], reply["failures"]
        arns = [task["taskArn"] for task in reply["tasks"]]
        self.enter(token, arns)
        self.dice.shuffle(arns)
        for arn in arns[:self.lived]:
            self.live(arn)

    def live(self, arn):
        self.submit_container(arn)
        self.submit(arn, ("RUNNING", "RUNNING", None), status="RUNNING", runtimeId=uuid.uuid4().hex * 2)
        if self.dice.random() < 0.3:
            self.ledger.write({arn: ("RUNNING", "STOPPED", None)}, lambda: call(
                self.server, "StopTask", cluster=self.cluster, task=arn, reason="enough"))
        if self.dice.random() < 0.8:
            code = self.dice.randrange(256)
            self.submit(arn, ("STOPPED", "STOPPED", code), status="STOPPED", exitCode=code)

    def submit(self, arn, fact, **container):
        reply = self.ledger.write({arn: fact}, lambda: call(
            self.server, "SubmitTaskStateChange", cluster=self.cluster, task=arn, status=container["status"],
            containers=[dict(container, containerName="main")]))
        assert reply == {"acknowledgment": "ACCEPT"}, reply

    def submit_container(self, arn):
        call(self.server, "SubmitContainerStateChange", cluster=self.cluster, task=arn, containerName="main",
             status="RUNNING", runtimeId=uuid.uuid4().hex * 2)

    def observe(self):
        found = {key: None for key in self.ledger.keys()}
        listed = set()
        for desired in ("RUNNING", "STOPPED"):
            arns = every_page(self.server, "ListTasks", "taskArns", cluster=self.cluster, desiredStatus=desired,
                              containerInstance=self.instance)
            assert not listed & set(arns)
            listed |= set(arns)
        by_token = {}
        for batch in in_batches(sorted(listed)):
            reply = call(self.server, "DescribeTasks", cluster=self.cluster, tasks=batch)
            assert not reply["failures"], reply["failures"]
            for task in reply["tasks"]:
                found[task["taskArn"]] = (task["lastStatus"], task["desiredStatus"], task["containers"][0].get("exitCode"))
                by_token.setdefault(task["startedBy"], set()).add(task["taskArn"])
        found.update(dict.fromkeys(by_token, "there"))
        self.adopt(by_token)
        return found

    def adopt(self, by_token):
        """Tasks of calls whose reply was lost: all of a call or none, and its token gives the same again."""
        for token, arns in self.mine.items():
            assert by_token.get(token) == arns, f"token {token}: {len(by_token.get(token, ()))} of {len(arns)} tasks"
        for facts in self.ledger.doubts:
            for token in [key for key in facts if key in by_token and key not in self.mine]:
                assert len(by_token[token]) in (1, TASKS), f"{len(by_token[token])} tasks of one call"
                self.enter(token, by_token[token])

    def check_books(self):
        """What is left on the instance is what its tasks leave."""
        tasks = [value for value in self.ledger.facts.values() if isinstance(value, tuple)]
        living = sum(last != "STOPPED" for last, _, _ in tasks)
        reply = call(self.server, "DescribeContainerInstances", cluster=self.cluster, containerInstances=[self.instance])
        instance = reply["containerInstances"][0]
        left = {resource["name"]: resource["integerValue"] for resource in instance["remainingResources"]}
        assert left["MEMORY"] == MEMORY - 4 * living, f"{living} tasks leave {left['MEMORY']} of {MEMORY}"
        counts = (instance["runningTasksCount"], instance["pendingTasksCount"])
        due = (sum(wanted == "RUNNING" for _, wanted, _ in tasks), sum(last == "PENDING" for last, _, _ in tasks))
        assert counts == due, f"counts of running and pending tasks {counts}, there are {due}"


class Corner:
    """A cluster with instances, puppets connected as their agents, and all the writers on it."""

    def __init__(self, server, dice):
        self.server, self.dice = server, dice
        self.ledgers = {}
        self.instances = {}
        self.agents = []

    def ledger(self, name):
        return self.ledgers.setdefault(name, Ledger(name))

    def prepare(self):
        server = self.server
        call(server, "CreateCluster", clusterName="work")
        call(server, "CreateCluster", clusterName="instances")
        reply = call(server, "RegisterTaskDefinition", family="job", containerDefinitions=[
            {"name": "main", "image": "busybox", "memory": 4}])
        for name in ("tasks-a", "tasks-b"):
            reply_of = call(server, "RegisterContainerInstance", cluster="work", totalResources=RESOURCES,
                            attributes=[{"name": "writer", "value": name}])
            self.instances[name] = reply_of["containerInstance"]["containerInstanceArn"]
        self.tagged = [reply["taskDefinition"]["taskDefinitionArn"], self.instances["tasks-a"]]
        self.tagged.append(self.tagged[0].rpartition("task-definition/")[0] + "cluster/work")
        self.connect()

    def connect(self):
        """A puppet for every instance that runs tasks: what is not connected gets none."""
        for agent in self.agents:
            agent.leaves()
        self.agents = []
        for instance in self.instances.values():
            agent = Agent(self.server)
            refusal = agent.connect("work", instance)
            if refusal and refusal.status >= 500:
                raise Refused(refusal.body.decode())
            assert refusal is None, refusal and refusal.body
            self.agents.append(agent)

    def writers(self):
        s, d = self.server, self.dice
        return [
            ClusterWriter(s, self.ledger("clusters-a"), d), ClusterWriter(s, self.ledger("clusters-b"), d),
            DefinitionWriter(s, self.ledger("definitions"), d),
            AttributeWriter(s, self.ledger("attributes"), d, self.instances["tasks-a"]),
            TagWriter(s, self.ledger("tags"), d, self.tagged),
            InstanceWriter(s, self.ledger("instances"), d),
            TaskWriter(s, self.ledger("tasks-a"), d, self.instances["tasks-a"]),
            TaskWriter(s, self.ledger("tasks-b"), d, self.instances["tasks-b"]),
        ]

    def settle(self, is_same_server=False):
        for writer in self.writers():
            writer.settle(is_same_server)
            if isinstance(writer, TaskWriter):
                writer.check_books()

    def writes(self):
        return sum(ledger.writes for ledger in self.ledgers.values())

    def facts(self):
        return sum(len(ledger.facts) for ledger in self.ledgers.values())
