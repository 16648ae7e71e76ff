// AWS's own SDK for JavaScript, newest model, against the endpoint of the environment. Prints TAP.

import assert from "node:assert/strict";
import {
  CreateClusterCommand, DescribeClustersCommand, DescribeTasksCommand, ECSClient, ListTaskDefinitionsCommand,
  ListContainerInstancesCommand, PutAttributesCommand, RegisterTaskDefinitionCommand, RunTaskCommand, StopTaskCommand,
  TagResourceCommand, ListTagsForResourceCommand, paginateListTaskDefinitions, waitUntilTasksRunning, waitUntilTasksStopped,
  DeleteTaskDefinitionsCommand, DeregisterTaskDefinitionCommand, DescribeTaskDefinitionCommand,
} from "@aws-sdk/client-ecs";

const ecs = new ECSClient({ endpoint: process.env.AWS_ENDPOINT_URL, region: "us-east-1" });
const image = process.env.GANTRY_E2E_IMAGE;
const send = (command) => ecs.send(command);
const container = (more) => ({ name: "app", image, memory: 32, ...more });

const tests = {
  async "a cluster is created, found and idempotent"() {
    const { cluster } = await send(new CreateClusterCommand({ clusterName: "js", tags: [{ key: "k", value: "v" }] }));
    assert.equal(cluster.status, "ACTIVE");
    const again = await send(new CreateClusterCommand({ clusterName: "js" }));
    assert.equal(again.cluster.clusterArn, cluster.clusterArn);
    const { clusters, failures } = await send(new DescribeClustersCommand({ clusters: ["js", "none"], include: ["TAGS", "STATISTICS"] }));
    assert.deepEqual(clusters[0].tags, [{ key: "k", value: "v" }]);
    assert.equal(clusters[0].statistics.length, 16);
    assert.equal(failures[0].reason, "MISSING");
  },

  async "errors are the classes of the model"() {
    await assert.rejects(send(new DescribeTasksCommand({ cluster: "nowhere", tasks: ["a"] })), { name: "ClusterNotFoundException" });
    await assert.rejects(send(new RunTaskCommand({ taskDefinition: "nothing" })), { name: "ClientException", message: "TaskDefinition not found." });
    await assert.rejects(send(new RegisterTaskDefinitionCommand({ family: "a b", containerDefinitions: [container()] })),
      { name: "ClientException", message: "Family contains invalid characters." });
  },

  async "a task runs to RUNNING and is stopped"() {
    await send(new RegisterTaskDefinitionCommand({ family: "js", containerDefinitions: [container({ command: ["sleep", "600"] })] }));
    const { tasks } = await send(new RunTaskCommand({ taskDefinition: "js", count: 2, tags: [{ key: "run", value: "js" }] }));
    const arns = tasks.map((task) => task.taskArn);
    await waitUntilTasksRunning({ client: ecs, maxWaitTime: 60, minDelay: 1, maxDelay: 1 }, { tasks: arns });
    const described = await send(new DescribeTasksCommand({ tasks: arns, include: ["TAGS"] }));
    assert.ok(described.tasks.every((task) => task.startedAt instanceof Date && task.connectivity === "CONNECTED"));
    assert.deepEqual(described.tasks[0].tags, [{ key: "run", value: "js" }]);
    for (const task of arns) await send(new StopTaskCommand({ task, reason: "done" }));
    await waitUntilTasksStopped({ client: ecs, maxWaitTime: 90, minDelay: 1, maxDelay: 1 }, { tasks: arns });
  },

  async "the same client token runs nothing twice"() {
    const input = { taskDefinition: "js", clientToken: "token-1", overrides: { containerOverrides: [{ name: "app", command: ["true"] }] } };
    const first = await send(new RunTaskCommand(input));
    const second = await send(new RunTaskCommand(input));
    assert.equal(first.tasks[0].taskArn, second.tasks[0].taskArn);
    await assert.rejects(send(new RunTaskCommand({ ...input, count: 2 })), (error) => {
      assert.equal(error.name, "ConflictException");
      assert.deepEqual(error.resourceIds, [first.tasks[0].taskArn]);
      return true;
    });
  },

  async "pages add up"() {
    for (let i = 0; i < 5; i++) await send(new RegisterTaskDefinitionCommand({ family: "paged", containerDefinitions: [container()] }));
    const arns = [];
    for await (const page of paginateListTaskDefinitions({ client: ecs, pageSize: 2 }, { familyPrefix: "paged" })) arns.push(...page.taskDefinitionArns);
    assert.equal(arns.length, 5);
    assert.equal(new Set(arns).size, 5);
    const down = await send(new ListTaskDefinitionsCommand({ familyPrefix: "paged", sort: "DESC", maxResults: 1 }));
    assert.ok(down.taskDefinitionArns[0].endsWith("paged:5"));
  },

  async "a definition is deregistered and deleted"() {
    await send(new DeregisterTaskDefinitionCommand({ taskDefinition: "paged:1" }));
    const gone = await send(new DeleteTaskDefinitionsCommand({ taskDefinitions: ["paged:1", "paged:2"] }));
    assert.equal(gone.taskDefinitions[0].status, "DELETE_IN_PROGRESS");
    assert.match(gone.failures[0].reason, /still in ACTIVE status/);
    const { taskDefinition } = await send(new DescribeTaskDefinitionCommand({ taskDefinition: "paged" }));
    assert.equal(taskDefinition.revision, 5);
  },

  async "attributes and tags of an instance"() {
    const { containerInstanceArns } = await send(new ListContainerInstancesCommand({}));
    const targetId = containerInstanceArns[0];
    await send(new PutAttributesCommand({ attributes: [{ name: "stack", value: "prod", targetId }] }));
    const found = await send(new ListContainerInstancesCommand({ filter: "attribute:stack == prod" }));
    assert.deepEqual(found.containerInstanceArns, [targetId]);
    await send(new TagResourceCommand({ resourceArn: targetId, tags: [{ key: "a", value: "b" }] }));
    const { tags } = await send(new ListTagsForResourceCommand({ resourceArn: targetId }));
    assert.deepEqual(tags, [{ key: "a", value: "b" }]);
  },
};

let number = 0;
let failed = 0;
console.log(`1..${Object.keys(tests).length}`);
for (const [name, test] of Object.entries(tests)) {
  number += 1;
  try {
    await test();
    console.log(`ok ${number} - ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`not ok ${number} - ${name}\n${String(error.stack).replace(/^/gm, "# ")}`);
  }
}
process.exit(failed ? 1 : 0);
