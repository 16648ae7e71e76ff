// Requests as a user would send them: RunTask, StartTask and StopTask with everything that can be
// asked of them, then the others but for services. What no function knows is made from its shape.

#include "tests/sim/generate_internal.h"

// --- words

struct str generate_family(struct generator *g)
{
    if (below(g, 100) < g->options.service_percent)
        return ONE_OF(g, "site", "site", "db", "web");
    return ONE_OF(g, "web", "web", "job", "job", "db", "chain", "gpu", "host", "net", "cloud",
                  "site");
}

struct str generate_expression(struct generator *g)
{
    return ONE_OF(g, "attribute:zone == a", "attribute:zone in [a, b]", "attribute:zone != c",
                  "attribute:zone =~ a.*", "attribute:stack exists", "not(attribute:stack exists)",
                  "runningTasksCount < 3", "agentConnected == true", "task:group == web",
                  "not (task:group in [family:web, night])",
                  "(attribute:zone == a or attribute:zone == b) and runningTasksCount <= 5",
                  "registeredAt > 2020-01-01T00:00:00Z", "agentVersion >= 1.0.0",
                  "attribute:ecs.os-type == linux");
}

// Seldom one that was used before, for another request.
static struct str any_token(struct generator *g)
{
    uint64_t number = g->serial > 0 && one_in(g, 10) ? below(g, g->serial) : g->serial++;

    return text_fmt(g, "token-%llx-%llu", (unsigned long long)g->options.seed,
                    (unsigned long long)number);
}

void go_where(struct generator *g, enum known kind)
{
    struct str arn = pool_pick(g, kind);
    struct str head;
    struct str uid;
    struct str name;

    if (str_cut_last(arn, '/', &head, &uid) && str_cut_last(head, '/', &uid, &name))
        g->cluster = name;
}

void put_list_of(struct generator *g, const char *name, enum known kind, uint64_t n)
{
    open_list(g, name);
    for (uint64_t i = 0; i < n; i++)
        put_str(g, NULL, refer(g, kind));
    close_list(g);
}

void put_page_size(struct generator *g)
{
    if (one_in(g, 2))
        put_int(g, "maxResults", between(g, 1, one_in(g, 3) ? 100 : 3));
}

// --- tasks

// Longer than overrides may be.
static void put_long_command(struct generator *g)
{
    open_list(g, "command");
    for (int i = 0; i < 200; i++)
        put_str(g, NULL, STR("an-argument-that-is-about-fifty-characters-long-or-so"));
    close_list(g);
}

static void put_container_overrides(struct generator *g)
{
    open_list(g, "containerOverrides");
    open_object(g, NULL);
    put_str(g, "name", one_in(g, 8) ? STR("c1") : STR("c0"));
    if (one_in(g, 2))
        put_int(g, "memory", between(g, 64, 2048));
    if (one_in(g, 2))
        put_int(g, "cpu", between(g, 0, 1024));
    if (one_in(g, 3))
        PUT_WORDS(g, "command", "serve", "--quietly");
    else if (one_in(g, 20))
        put_long_command(g);
    if (one_in(g, 2))
        put_secret_variables(g);
    close_object(g);
    close_list(g);
}

static void put_overrides(struct generator *g)
{
    open_object(g, "overrides");
    if (!one_in(g, 4))
        put_container_overrides(g);
    if (one_in(g, 4)) {
        put_str(g, "cpu", ONE_OF(g, "2048", "1024", "2 vcpu"));
        put_str(g, "memory", ONE_OF(g, "2048", "4096", "2 GB"));
    }
    if (one_in(g, 6))
        put_str(g, "taskRoleArn", STR("arn:aws:iam::123456789012:role/worker"));
    close_object(g);
}

static void put_constraints(struct generator *g)
{
    open_list(g, "placementConstraints");
    if (one_in(g, 2)) {
        open_object(g, NULL);
        put_str(g, "type", STR("distinctInstance"));
        close_object(g);
    }
    if (one_in(g, 2)) {
        open_object(g, NULL);
        put_str(g, "type", STR("memberOf"));
        put_str(g, "expression", generate_expression(g));
        close_object(g);
    }
    close_list(g);
}

void put_strategies(struct generator *g)
{
    open_list(g, "placementStrategy");
    for (uint64_t n = 1 + below(g, 2); n > 0; n--) {
        uint64_t type = below(g, 5);

        open_object(g, NULL);
        put_str(g, "type", type == 0 ? STR("random") : type < 3 ? STR("spread") : STR("binpack"));
        if (type > 0 && type < 3)
            put_str(g, "field",
                    ONE_OF(g, "attribute:zone", "instanceId", "host", "attribute:stack",
                           "attribute:ecs.availability-zone"));
        if (type >= 3)
            put_str(g, "field", ONE_OF(g, "cpu", "memory"));
        close_object(g);
    }
    close_list(g);
}

static void put_capacity_strategy(struct generator *g, const char *name)
{
    open_list(g, name);
    open_object(g, NULL);
    put_str(g, "capacityProvider", ONE_OF(g, "FARGATE", "mine", "mine", "mine", "mine", "ours"));
    if (one_in(g, 2))
        put_int(g, "weight", between(g, 0, 1000));
    close_object(g);
    close_list(g);
}

void put_network(struct generator *g)
{
    open_object(g, "networkConfiguration");
    open_object(g, "awsvpcConfiguration");
    PUT_WORDS(g, "subnets", "subnet-1", "subnet-2");
    if (one_in(g, 2))
        PUT_WORDS(g, "securityGroups", "sg-1");
    close_object(g);
    close_object(g);
}

static void put_ebs_volume(struct generator *g)
{
    open_list(g, "volumeConfigurations");
    open_object(g, NULL);
    put_str(g, "name", STR("v0"));
    open_object(g, "managedEBSVolume");
    put_str(g, "roleArn", STR("arn:aws:iam::123456789012:role/storage"));
    close_object(g);
    close_object(g);
    close_list(g);
}

// Commands may be run only in tasks that have a role.
static void put_role_override(struct generator *g)
{
    open_object(g, "overrides");
    put_str(g, "taskRoleArn", STR("arn:aws:iam::123456789012:role/app"));
    close_object(g);
}

// What RunTask and StartTask share. True when the definition is one for Fargate.
static bool put_launch(struct generator *g)
{
    struct str definition = any_definition(g);
    bool cloudy = memmem(definition.ptr, definition.len, "cloud", 5) != NULL;
    bool wants_exec = one_in(g, 6);

    put_cluster(g);
    put_str(g, "taskDefinition", definition);
    if (memmem(definition.ptr, definition.len, "net", 3) != NULL || cloudy)
        put_network(g);
    if (one_in(g, 4))
        put_str(g, "group", ONE_OF(g, "web", "night", "family:web"));
    if (one_in(g, 4))
        put_str(g, "startedBy", ONE_OF(g, "me", "cron/5", "x"));
    if (wants_exec && !one_in(g, 4))
        put_role_override(g);
    else if (one_in(g, 3))
        put_overrides(g);
    if (one_in(g, 4))
        put_tags(g, "tags");
    if (one_in(g, 5))
        put_str(g, "propagateTags", STR("TASK_DEFINITION"));
    if (one_in(g, 5))
        put_bool(g, "enableECSManagedTags", true);
    if (wants_exec)
        put_bool(g, "enableExecuteCommand", true);
    if (one_in(g, 40))
        put_ebs_volume(g);
    return cloudy;
}

// Mostly nothing. A family made for it asks for Fargate.
static void put_capacity(struct generator *g, bool cloudy)
{
    if (one_in(g, 40))
        put_capacity_strategy(g, "capacityProviderStrategy");
    if (cloudy && one_in(g, 3))
        put_str(g, "platformVersion", ONE_OF(g, "LATEST", "1.4.0", "9.9.9"));
    if (cloudy && !one_in(g, 4))
        put_str(g, "launchType", STR("FARGATE"));
    else if (one_in(g, 3))
        put_str(g, "launchType", ONE_OF(g, "EC2", "EC2", "EC2", "EC2", "EXTERNAL"));
}

static void write_run_task(struct generator *g)
{
    bool cloudy = put_launch(g);

    if (one_in(g, 2))
        put_int(g, "count", one_in(g, 5) ? 10 : between(g, 1, 4));
    if (one_in(g, 4))
        put_constraints(g);
    if (one_in(g, 3))
        put_strategies(g);
    put_capacity(g, cloudy);
    if (one_in(g, 3))
        put_str(g, "clientToken", any_token(g));
}

static void write_start_task(struct generator *g)
{
    go_where(g, KNOWN_INSTANCE);
    put_launch(g);
    put_list_of(g, "containerInstances", one_in(g, 12) ? KNOWN_OWN_INSTANCE : KNOWN_INSTANCE,
                1 + below(g, 3));
}

static void write_stop_task(struct generator *g)
{
    go_where(g, KNOWN_TASK);
    put_cluster(g);
    put_str(g, "task", refer(g, KNOWN_TASK));
    if (one_in(g, 2))
        put_str(g, "reason", ONE_OF(g, "enough", "too much memory", ""));
}

static void write_execute_command(struct generator *g)
{
    go_where(g, KNOWN_TASK);
    put_cluster(g);
    put_str(g, "task", refer(g, KNOWN_TASK));
    put_str(g, "command", ONE_OF(g, "/bin/sh", "sh -c 'ls /'", "ls -l", "sh -c 'open", " "));
    put_bool(g, "interactive", !one_in(g, 20));
    if (one_in(g, 2))
        put_str(g, "container", ONE_OF(g, "main", "side", "app", "db"));
}

static void write_describe_tasks(struct generator *g)
{
    put_cluster(g);
    put_list_of(g, "tasks", KNOWN_TASK, 1 + below(g, 5));
    if (one_in(g, 2))
        PUT_WORDS(g, "include", "TAGS");
}

static void write_list_tasks(struct generator *g)
{
    bool of_service = below(g, 100) < g->options.service_percent && g->known[KNOWN_SERVICE].n > 0;

    if (of_service)
        go_where(g, KNOWN_SERVICE);
    put_cluster(g);
    if (of_service)
        put_str(g, "serviceName", refer(g, KNOWN_SERVICE));
    else if (one_in(g, 4))
        put_str(g, "containerInstance", refer(g, KNOWN_INSTANCE));
    else if (one_in(g, 4))
        put_str(g, "family", generate_family(g));
    else if (one_in(g, 5))
        put_str(g, "startedBy", STR("me"));
    if (one_in(g, 2))
        put_str(g, "desiredStatus", ONE_OF(g, "RUNNING", "STOPPED", "PENDING"));
    put_page_size(g);
}

static void write_submit_task(struct generator *g)
{
    go_where(g, KNOWN_TASK);
    put_cluster(g);
    put_str(g, "task", refer(g, KNOWN_TASK));
    put_str(g, "status", ONE_OF(g, "RUNNING", "STOPPED", "STOPPED", "PENDING", "SOMETHING"));
    open_list(g, "containers");
    open_object(g, NULL);
    put_str(g, "containerName", ONE_OF(g, "c0", "c1", "ghost"));
    put_str(g, "status", ONE_OF(g, "RUNNING", "STOPPED"));
    put_int(g, "exitCode", between(g, 0, 2));
    close_object(g);
    close_list(g);
}

static void write_submit_container(struct generator *g)
{
    put_cluster(g);
    put_str(g, "task", refer(g, KNOWN_TASK));
    put_str(g, "containerName", ONE_OF(g, "c0", "c1"));
    put_str(g, "status", ONE_OF(g, "RUNNING", "STOPPED"));
}

// --- definitions

static void put_definition(struct generator *g)
{
    struct str arn = pool_pick(g, KNOWN_DEFINITION);
    struct str head;
    struct str name;

    if (arn.len == 0)
        arn = STR("web:1");
    else if (one_in(g, 2) && str_cut(arn, '/', &head, &name))
        arn = name;
    put_str(g, "taskDefinition", arn);
}

static void write_describe_definition(struct generator *g)
{
    put_str(g, "taskDefinition", any_definition(g));
    if (one_in(g, 2))
        PUT_WORDS(g, "include", "TAGS");
}

static void write_delete_definitions(struct generator *g)
{
    open_list(g, "taskDefinitions");
    for (uint64_t n = 1 + below(g, 3); n > 0; n--) {
        struct str arn = pool_pick(g, KNOWN_DEFINITION);
        put_str(g, NULL, arn.len > 0 ? arn : STR("web:1"));
    }
    close_list(g);
}

static void write_list_definitions(struct generator *g)
{
    if (one_in(g, 2))
        put_str(g, "familyPrefix", generate_family(g));
    if (one_in(g, 2))
        put_str(g, "status", ONE_OF(g, "ACTIVE", "INACTIVE", "DELETE_IN_PROGRESS"));
    if (one_in(g, 2))
        put_str(g, "sort", ONE_OF(g, "ASC", "DESC"));
    put_page_size(g);
}

static void write_list_families(struct generator *g)
{
    if (one_in(g, 2))
        put_str(g, "familyPrefix", ONE_OF(g, "w", "web", "zzz"));
    if (one_in(g, 2))
        put_str(g, "status", ONE_OF(g, "ACTIVE", "INACTIVE", "ALL"));
    put_page_size(g);
}

// --- instances

static void write_describe_instances(struct generator *g)
{
    put_cluster(g);
    put_list_of(g, "containerInstances", one_in(g, 8) ? KNOWN_OWN_INSTANCE : KNOWN_INSTANCE,
                1 + below(g, 3));
    if (one_in(g, 2))
        PUT_WORDS(g, "include", "TAGS", "CONTAINER_INSTANCE_HEALTH");
}

static void write_list_instances(struct generator *g)
{
    put_cluster(g);
    if (one_in(g, 4))
        put_str(g, "filter", generate_expression(g));
    if (one_in(g, 4))
        put_str(g, "status", ONE_OF(g, "ACTIVE", "DRAINING"));
    put_page_size(g);
}

static void write_drain(struct generator *g)
{
    go_where(g, KNOWN_INSTANCE);
    put_cluster(g);
    put_list_of(g, "containerInstances", KNOWN_INSTANCE, 1 + below(g, 2));
    put_str(g, "status", one_in(g, 3) ? STR("DRAINING") : STR("ACTIVE"));
}

static void write_deregister_instance(struct generator *g)
{
    enum known kind = one_in(g, 2) ? KNOWN_INSTANCE : KNOWN_OWN_INSTANCE;

    go_where(g, kind);
    put_cluster(g);
    put_str(g, "containerInstance", refer(g, kind));
    if (one_in(g, 2))
        put_bool(g, "force", true);
}

static void put_gpu_resource(struct generator *g)
{
    open_object(g, NULL);
    put_str(g, "name", STR("GPU"));
    put_str(g, "type", STR("STRINGSET"));
    PUT_WORDS(g, "stringSetValue", "gpu0", "gpu1");
    close_object(g);
}

static void put_resource(struct generator *g, const char *name, int64_t value)
{
    open_object(g, NULL);
    put_str(g, "name", str_of(name));
    put_str(g, "type", STR("INTEGER"));
    put_int(g, "integerValue", value);
    close_object(g);
}

static void put_attribute(struct generator *g, const char *name, struct str value)
{
    open_object(g, NULL);
    put_str(g, "name", str_of(name));
    put_str(g, "value", value);
    close_object(g);
}

// What definitions of this generator need, and now and then what no agent of ours can do.
static void put_capabilities(struct generator *g)
{
    static const char *const usual[] = {
        "com.amazonaws.ecs.capability.docker-remote-api.1.17",
        "com.amazonaws.ecs.capability.docker-remote-api.1.18",
        "com.amazonaws.ecs.capability.docker-remote-api.1.19",
        "com.amazonaws.ecs.capability.docker-remote-api.1.21",
        "com.amazonaws.ecs.capability.docker-remote-api.1.22",
        "com.amazonaws.ecs.capability.docker-remote-api.1.25",
        "com.amazonaws.ecs.capability.docker-remote-api.1.29",
        "ecs.capability.container-health-check",
        "ecs.capability.container-ordering",
        "ecs.capability.container-restart-policy",
        "ecs.capability.docker-plugin.local",
        "ecs.capability.execute-command",
        "ecs.capability.network.container-port-range",
        "com.amazonaws.ecs.capability.task-iam-role",
    };
    static const char *const unusual[] = {
        "ecs.capability.pid-ipc-namespace-sharing",
        "ecs.capability.task-eni",
        "ecs.capability.private-registry-authentication.secretsmanager",
    };

    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        put_attribute(g, usual[i], STR_NONE);
    for (size_t i = 0; i < sizeof unusual / sizeof *unusual; i++) {
        if (one_in(g, 2))
            put_attribute(g, unusual[i], STR_NONE);
    }
}

// An instance of its own, or one that is there once more: no larger than the smallest host, so that
// nothing is placed where its host has no room; with an agent of an older version, so that there is
// something to update.
static void write_register_instance(struct generator *g)
{
    bool again = one_in(g, 2);
    enum known kind = one_in(g, 3) ? KNOWN_OWN_INSTANCE : KNOWN_INSTANCE;
    bool has_agent = again && kind == KNOWN_INSTANCE;

    if (again)
        go_where(g, kind);
    put_cluster(g);
    if (again)
        put_str(g, "containerInstanceArn", refer(g, kind));
    open_list(g, "totalResources");
    put_resource(g, "CPU", between(g, 64, has_agent ? 1024 : 2048));
    put_resource(g, "MEMORY", between(g, 64, has_agent ? 200 : 2048));
    if (one_in(g, 2))
        put_gpu_resource(g);
    close_list(g);
    open_list(g, "attributes");
    put_attribute(g, "zone", ONE_OF(g, "a", "b"));
    put_capabilities(g);
    if (one_in(g, 2))
        put_attribute(g, "ecs.instance-type", ONE_OF(g, "m1.small", "m1.large"));
    close_list(g);
    if (one_in(g, 2))
        put_tags(g, "tags");
    if (again) {
        open_object(g, "versionInfo");
        put_str(g, "agentVersion", STR("0.0.9"));
        close_object(g);
    }
    if (one_in(g, 2))
        put_str(g, "clientToken", text_fmt(g, "host%d", (int)below(g, 4)));
}

static void write_attributes(struct generator *g, bool with_values)
{
    go_where(g, KNOWN_INSTANCE);
    put_cluster(g);
    open_list(g, "attributes");
    for (uint64_t n = one_in(g, 4) ? 10 : 1 + below(g, 2); n > 0; n--) {
        open_object(g, NULL);
        put_str(g, "name",
                n == 1 ? ONE_OF(g, "zone", "stack") : text_fmt(g, "rack%d", (int)below(g, 30)));
        if (with_values)
            put_str(g, "value", ONE_OF(g, "a", "b", "c", "1.5"));
        put_str(g, "targetId", refer(g, KNOWN_INSTANCE));
        if (!one_in(g, 8))
            put_str(g, "targetType", STR("container-instance"));
        close_object(g);
    }
    close_list(g);
}

static void write_list_attributes(struct generator *g)
{
    put_cluster(g);
    put_str(g, "targetType", STR("container-instance"));
    if (one_in(g, 2))
        put_str(g, "attributeName", ONE_OF(g, "zone", "stack"));
    put_page_size(g);
}

static void write_on_instance(struct generator *g)
{
    go_where(g, KNOWN_INSTANCE);
    put_cluster(g);
    put_str(g, "containerInstance", refer(g, KNOWN_INSTANCE));
}

// --- tags and clusters

static void put_resource_arn(struct generator *g)
{
    struct str arn = pool_pick(g, (enum known)below(g, KNOWN_N));

    put_str(g, "resourceArn",
            arn.len > 0 ? arn : STR("arn:aws:ecs:us-east-1:123456789012:cluster/default"));
}

static void write_tag(struct generator *g)
{
    put_resource_arn(g);
    if (one_in(g, 3))
        put_many_tags(g, "tags");
    else
        put_tags(g, "tags");
}

static void write_untag(struct generator *g)
{
    put_resource_arn(g);
    PUT_WORDS(g, "tagKeys", "stack", "stage");
}

static void put_settings(struct generator *g)
{
    open_list(g, "settings");
    open_object(g, NULL);
    put_str(g, "name", STR("containerInsights"));
    put_str(g, "value", ONE_OF(g, "enabled", "disabled", "enhanced"));
    close_object(g);
    close_list(g);
}

// Now and then one where no agent is, so that it can go.
static struct str cluster_to_change(struct generator *g)
{
    return one_in(g, 2) && g->calls > GENERATE_CLUSTERS ? STR("spare") : g->cluster;
}

static void write_create_cluster(struct generator *g)
{
    put_str(g, "clusterName", cluster_to_change(g));
    if (one_in(g, 4))
        put_settings(g);
    if (one_in(g, 4))
        put_tags(g, "tags");
    if (one_in(g, 8))
        PUT_WORDS(g, "capacityProviders", "FARGATE", "mine");
}

static void write_update_cluster(struct generator *g)
{
    put_str(g, "cluster", g->cluster);
    put_settings(g);
}

static void write_put_capacity_providers(struct generator *g)
{
    bool is_mine = false;

    put_str(g, "cluster", g->cluster);
    if (one_in(g, 4)) {
        PUT_WORDS(g, "capacityProviders", "FARGATE");
    } else if (one_in(g, 5)) {
        open_list(g, "capacityProviders");
        close_list(g);
    } else {
        PUT_WORDS(g, "capacityProviders", "mine");
        is_mine = true;
    }
    open_list(g, "defaultCapacityProviderStrategy");
    if (is_mine && !one_in(g, 3)) {
        open_object(g, NULL);
        put_str(g, "capacityProvider", STR("mine"));
        close_object(g);
    }
    close_list(g);
}

static void put_group(struct generator *g, bool is_new)
{
    open_object(g, "autoScalingGroupProvider");
    if (is_new)
        put_str(g, "autoScalingGroupArn",
                text_fmt(g, "rack-%llu", (unsigned long long)(one_in(g, 9) ? 0 : g->serial++)));
    if (!one_in(g, 4)) {
        open_object(g, "managedScaling");
        put_str(g, "status", ONE_OF(g, "ENABLED", "ENABLED", "ENABLED", "DISABLED"));
        if (one_in(g, 2))
            put_int(g, "targetCapacity", between(g, one_in(g, 9) ? 0 : 50, 100));
        if (one_in(g, 4))
            put_int(g, "maximumScalingStepSize", between(g, one_in(g, 4) ? 0 : 1, 5));
        if (one_in(g, 2))
            put_int(g, "instanceWarmupPeriod", between(g, 0, 300));
        close_object(g);
    }
    if (one_in(g, 2))
        put_str(g, "managedTerminationProtection", ONE_OF(g, "ENABLED", "DISABLED"));
    if (one_in(g, 3))
        put_str(g, "managedDraining", ONE_OF(g, "ENABLED", "DISABLED"));
    close_object(g);
}

static bool write_about_providers(struct generator *g, enum ecs_operation operation)
{
    struct str name = ONE_OF(g, "mine", "mine", "mine", "ours", "fargate-1");

    if (operation == ECS_OPERATION_CREATE_CAPACITY_PROVIDER) {
        if (!one_in(g, 2))
            name = text_fmt(g, "other-%llu", (unsigned long long)g->serial++);
        put_str(g, "name", name);
        put_group(g, true);
    } else if (operation == ECS_OPERATION_UPDATE_CAPACITY_PROVIDER) {
        put_str(g, "name", name);
        put_group(g, false);
    } else if (operation == ECS_OPERATION_DELETE_CAPACITY_PROVIDER) {
        put_str(g, "capacityProvider", name);
    } else if (operation == ECS_OPERATION_DESCRIBE_CAPACITY_PROVIDERS) {
        put_page_size(g);
    } else {
        return false;
    }
    return true;
}

static void write_describe_clusters(struct generator *g)
{
    open_list(g, "clusters");
    for (uint64_t n = below(g, 4); n > 0; n--)
        put_str(g, NULL, generate_clusters[below(g, GENERATE_CLUSTERS)]);
    close_list(g);
    if (one_in(g, 2))
        PUT_WORDS(g, "include", "STATISTICS", "TAGS", "SETTINGS", "CONFIGURATIONS");
}

// --- the choice

static bool write_about_tasks(struct generator *g, enum ecs_operation operation)
{
    if (operation == ECS_OPERATION_RUN_TASK)
        write_run_task(g);
    else if (operation == ECS_OPERATION_START_TASK)
        write_start_task(g);
    else if (operation == ECS_OPERATION_STOP_TASK)
        write_stop_task(g);
    else if (operation == ECS_OPERATION_EXECUTE_COMMAND)
        write_execute_command(g);
    else if (operation == ECS_OPERATION_DESCRIBE_TASKS)
        write_describe_tasks(g);
    else if (operation == ECS_OPERATION_LIST_TASKS)
        write_list_tasks(g);
    else if (operation == ECS_OPERATION_SUBMIT_TASK_STATE_CHANGE)
        write_submit_task(g);
    else if (operation == ECS_OPERATION_SUBMIT_CONTAINER_STATE_CHANGE)
        write_submit_container(g);
    else
        return false;
    return true;
}

static bool write_about_definitions(struct generator *g, enum ecs_operation operation)
{
    if (operation == ECS_OPERATION_REGISTER_TASK_DEFINITION)
        write_register_task_definition(g);
    else if (operation == ECS_OPERATION_DESCRIBE_TASK_DEFINITION)
        write_describe_definition(g);
    else if (operation == ECS_OPERATION_DEREGISTER_TASK_DEFINITION)
        put_definition(g);
    else if (operation == ECS_OPERATION_DELETE_TASK_DEFINITIONS)
        write_delete_definitions(g);
    else if (operation == ECS_OPERATION_LIST_TASK_DEFINITIONS)
        write_list_definitions(g);
    else if (operation == ECS_OPERATION_LIST_TASK_DEFINITION_FAMILIES)
        write_list_families(g);
    else
        return false;
    return true;
}

static bool write_about_instances(struct generator *g, enum ecs_operation operation)
{
    if (operation == ECS_OPERATION_DESCRIBE_CONTAINER_INSTANCES)
        write_describe_instances(g);
    else if (operation == ECS_OPERATION_LIST_CONTAINER_INSTANCES)
        write_list_instances(g);
    else if (operation == ECS_OPERATION_UPDATE_CONTAINER_INSTANCES_STATE)
        write_drain(g);
    else if (operation == ECS_OPERATION_DEREGISTER_CONTAINER_INSTANCE)
        write_deregister_instance(g);
    else if (operation == ECS_OPERATION_REGISTER_CONTAINER_INSTANCE)
        write_register_instance(g);
    else if (operation == ECS_OPERATION_PUT_ATTRIBUTES ||
             operation == ECS_OPERATION_DELETE_ATTRIBUTES)
        write_attributes(g, operation == ECS_OPERATION_PUT_ATTRIBUTES);
    else if (operation == ECS_OPERATION_LIST_ATTRIBUTES)
        write_list_attributes(g);
    else if (operation == ECS_OPERATION_UPDATE_CONTAINER_AGENT ||
             operation == ECS_OPERATION_DISCOVER_POLL_ENDPOINT)
        write_on_instance(g);
    else
        return false;
    return true;
}

static bool write_about_clusters(struct generator *g, enum ecs_operation operation)
{
    if (operation == ECS_OPERATION_CREATE_CLUSTER)
        write_create_cluster(g);
    else if (operation == ECS_OPERATION_DELETE_CLUSTER)
        put_str(g, "cluster", cluster_to_change(g));
    else if (operation == ECS_OPERATION_UPDATE_CLUSTER ||
             operation == ECS_OPERATION_UPDATE_CLUSTER_SETTINGS)
        write_update_cluster(g);
    else if (operation == ECS_OPERATION_PUT_CLUSTER_CAPACITY_PROVIDERS)
        write_put_capacity_providers(g);
    else if (operation == ECS_OPERATION_DESCRIBE_CLUSTERS)
        write_describe_clusters(g);
    else if (operation == ECS_OPERATION_LIST_CLUSTERS)
        put_page_size(g);
    else if (operation == ECS_OPERATION_TAG_RESOURCE)
        write_tag(g);
    else if (operation == ECS_OPERATION_UNTAG_RESOURCE)
        write_untag(g);
    else if (operation == ECS_OPERATION_LIST_TAGS_FOR_RESOURCE)
        put_resource_arn(g);
    else
        return false;
    return true;
}

void write_plausible(struct generator *g, enum ecs_operation operation)
{
    if (!write_about_tasks(g, operation) && !write_about_definitions(g, operation) &&
        !write_about_instances(g, operation) && !write_about_clusters(g, operation) &&
        !write_about_services(g, operation) && !write_about_providers(g, operation))
        write_from_shape(g, ecs_operations[operation].request, 0);
}
