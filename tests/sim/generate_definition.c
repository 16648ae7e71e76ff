// Task definitions: one to four containers, "c0" first and always essential, that wait for each
// other, share volumes, fight for ports and die in all the ways their images know. Each family
// leans towards a trait, so that runs of it resemble each other; the rest is dice.

#include "tests/sim/generate_internal.h"

enum { CONTAINERS_MAX = 4 };

struct plan {
    struct generator *g;
    struct str family;
    const char *mode; // network mode; NULL: not given
    int containers;
    bool essential[CONTAINERS_MAX];
    bool probed[CONTAINERS_MAX]; // has a health check
    bool roled;                  // has an execution role
    bool routed;                 // its last container is a log router
    bool volumes;
    int64_t cpu;    // summed up
    int64_t memory; //
};

static bool leans(const struct plan *plan, const char *family)
{
    return str_eq(plan->family, str_of(family));
}

static const char *choose_mode(struct plan *plan)
{
    if (leans(plan, "host"))
        return "host";
    if (leans(plan, "net"))
        return one_in(plan->g, 2) ? "awsvpc" : "none";
    if (leans(plan, "cloud"))
        return "awsvpc";
    return one_in(plan->g, 2) ? "bridge" : NULL;
}

static bool is_bridge(const struct plan *plan)
{
    return plan->mode == NULL || str_eq(str_of(plan->mode), STR("bridge"));
}

static struct str choose_image(struct plan *plan)
{
    struct generator *g = plan->g;

    if (leans(plan, "job"))
        return ONE_OF(g, "job:1", "job:1", "fail:1", "hungry:1");
    if (leans(plan, "site")) // releases of something that serves, one in three of them bad
        return ONE_OF(g, "serve:1", "serve:1", "serve:2", "serve:2", "serve:1", "serve:2",
                      "absent:1", "fail:1", "flaps:1");
    if (one_in(g, 3))
        return generate_images[below(g, GENERATE_IMAGES)];
    return ONE_OF(g, "serve:1", "serve:2");
}

// --- one container

static void put_ports(struct plan *plan, int index)
{
    struct generator *g = plan->g;
    bool fixed = leans(plan, "web") || leans(plan, "host") || one_in(g, 6);
    int64_t port = between(g, 0, 1) * 8000 + 80 + index;

    open_list(g, "portMappings");
    open_object(g, NULL);
    if (is_bridge(plan) && one_in(g, 5)) {
        put_str(g, "containerPortRange", ONE_OF(g, "9000-9003", "9000-9001"));
    } else {
        put_int(g, "containerPort", port);
        if (is_bridge(plan) && fixed)
            put_int(g, "hostPort", port);
        else if (is_bridge(plan) && one_in(g, 2))
            put_int(g, "hostPort", 0);
    }
    if (one_in(g, 3))
        put_str(g, "protocol", ONE_OF(g, "tcp", "udp"));
    close_object(g);
    close_list(g);
}

static void put_health_check(struct generator *g)
{
    open_object(g, "healthCheck");
    PUT_WORDS(g, "command", "CMD-SHELL", "true");
    put_int(g, "interval", between(g, 5, 30));
    put_int(g, "retries", between(g, 1, 3));
    if (one_in(g, 2))
        put_int(g, "startPeriod", between(g, 0, 60));
    close_object(g);
}

// What this container may wait for in one that comes before it.
static struct str condition_on(struct plan *plan, int other)
{
    if (plan->probed[other] && one_in(plan->g, 2))
        return STR("HEALTHY");
    if (!plan->essential[other])
        return ONE_OF(plan->g, "START", "COMPLETE", "SUCCESS");
    return STR("START");
}

static void put_dependencies(struct plan *plan, int index)
{
    struct generator *g = plan->g;

    open_list(g, "dependsOn");
    for (int other = 0; other < index; other++) {
        if (one_in(g, 3))
            continue;
        open_object(g, NULL);
        put_str(g, "containerName", text_fmt(g, "c%d", other));
        put_str(g, "condition", condition_on(plan, other));
        close_object(g);
    }
    close_list(g);
}

static void put_mounts(struct generator *g)
{
    open_list(g, "mountPoints");
    for (int i = 0; i < 2; i++) {
        if (one_in(g, 3))
            continue;
        open_object(g, NULL);
        put_str(g, "sourceVolume", text_fmt(g, "v%d", i));
        put_str(g, "containerPath", text_fmt(g, "/data/%d", i));
        if (one_in(g, 3))
            put_bool(g, "readOnly", true);
        close_object(g);
    }
    close_list(g);
}

static void put_restart_policy(struct generator *g)
{
    open_object(g, "restartPolicy");
    put_bool(g, "enabled", !one_in(g, 4));
    if (one_in(g, 2))
        put_int(g, "restartAttemptPeriod", between(g, 60, 120));
    if (one_in(g, 2)) {
        open_list(g, "ignoredExitCodes");
        put_int(g, NULL, between(g, 0, 2));
        close_list(g);
    }
    close_object(g);
}

static void put_sizes(struct plan *plan)
{
    struct generator *g = plan->g;
    bool small = leans(plan, "site");
    int64_t cpu = small || one_in(g, 3) ? 0 : 64 << below(g, 4);
    int64_t memory = small ? 32 : 64 << below(g, 5);

    put_int(g, "cpu", cpu);
    put_int(g, one_in(g, 4) ? "memoryReservation" : "memory", memory);
    plan->cpu += cpu;
    plan->memory += memory;
}

static void put_gpus(struct generator *g)
{
    open_list(g, "resourceRequirements");
    open_object(g, NULL);
    put_str(g, "type", STR("GPU"));
    put_str(g, "value", ONE_OF(g, "1", "1", "2", "ALL"));
    close_object(g);
    close_list(g);
}

static void put_credentials(struct generator *g)
{
    open_object(g, "repositoryCredentials");
    put_str(g, "credentialsParameter",
            text_fmt(g,
                     "arn:aws:secretsmanager:us-east-1:123456789012:secret:" GENERATE_SENTINEL
                     "-%llu",
                     (unsigned long long)g->serial++));
    close_object(g);
}

static void put_secret(struct generator *g, const char *name)
{
    open_object(g, NULL);
    put_str(g, "name", str_of(name));
    put_str(g, "valueFrom",
            ONE_OF(g, "plain", "/deep/name", "arn:aws:ssm:us-east-1:123456789012:parameter/plain",
                   "arn:aws:secretsmanager:us-east-1:123456789012:secret:deep-abcdef:key::"));
    close_object(g);
}

static void put_secrets(struct generator *g)
{
    open_list(g, "secrets");
    put_secret(g, "KEY");
    if (one_in(g, 2))
        put_secret(g, "TOKEN");
    close_list(g);
}

static void put_files(struct generator *g)
{
    open_list(g, "environmentFiles");
    for (int n = (int)between(g, 1, 2); n > 0; n--) {
        open_object(g, NULL);
        put_str(g, "type", STR("s3"));
        put_str(g, "value", ONE_OF(g, "arn:aws:s3:::bucket/a.env", "arn:aws:s3:::bucket/b/c.env"));
        close_object(g);
    }
    close_list(g);
}

static void put_router(struct generator *g)
{
    open_object(g, "firelensConfiguration");
    put_str(g, "type", ONE_OF(g, "fluentbit", "fluentd"));
    close_object(g);
}

// Options of an output would have to name it as the router's kind does.
static void put_log_to_router(struct plan *plan)
{
    struct generator *g = plan->g;

    open_object(g, "logConfiguration");
    put_str(g, "logDriver", STR("awsfirelens"));
    close_object(g);
}

static void put_limits_of_time(struct generator *g)
{
    if (one_in(g, 4))
        put_int(g, "stopTimeout", between(g, 2, 120));
    if (one_in(g, 4))
        put_int(g, "startTimeout", between(g, 2, 120));
}

// Who sends to a router waits for it, so a router that waits for a sender in another way than
// dependsOn would close a circle.
static void put_references(struct plan *plan, int index)
{
    struct generator *g = plan->g;
    bool routes = plan->routed && index == plan->containers - 1;

    if (index > 0 && (leans(plan, "chain") || one_in(g, 3)))
        put_dependencies(plan, index);
    if (index > 0 && !routes && is_bridge(plan) && one_in(g, 10))
        PUT_WORDS(g, "links", "c0");
    if (plan->volumes)
        put_mounts(g);
    if (index > 0 && !routes && plan->volumes && one_in(g, 4)) {
        open_list(g, "volumesFrom");
        open_object(g, NULL);
        put_str(g, "sourceContainer", STR("c0"));
        close_object(g);
        close_list(g);
    }
}

static void write_container(struct plan *plan, int index)
{
    struct generator *g = plan->g;
    bool networked = plan->mode == NULL || !str_eq(str_of(plan->mode), STR("none"));

    open_object(g, NULL);
    put_str(g, "name", text_fmt(g, "c%d", index));
    put_str(g, "image", choose_image(plan));
    put_sizes(plan);
    if (!plan->essential[index] || one_in(g, 2))
        put_bool(g, "essential", plan->essential[index]);
    if (plan->probed[index])
        put_health_check(g);
    if (networked && (index == 0 ? !one_in(g, 3) : one_in(g, 4)))
        put_ports(plan, index);
    put_references(plan, index);
    put_limits_of_time(g);
    if (one_in(g, 3))
        put_restart_policy(g);
    if (one_in(g, 3))
        put_secret_variables(g);
    if (plan->roled && one_in(g, 2))
        put_credentials(g);
    if (plan->roled && one_in(g, 2))
        put_secrets(g);
    if (plan->roled && one_in(g, 3))
        put_files(g);
    if (plan->routed && index == plan->containers - 1)
        put_router(g);
    else if (plan->routed && one_in(g, 2))
        put_log_to_router(plan);
    if (leans(plan, "gpu") && index == 0)
        put_gpus(g);
    if (one_in(g, 4))
        PUT_WORDS(g, "command", "run", "--for", "ever");
    close_object(g);
}

// --- the task

static void put_volumes(struct plan *plan)
{
    struct generator *g = plan->g;
    bool own_network = plan->mode != NULL && str_eq(str_of(plan->mode), STR("awsvpc"));

    open_list(g, "volumes");
    for (int i = 0; i < 2; i++) {
        open_object(g, NULL);
        put_str(g, "name", text_fmt(g, "v%d", i));
        if (i == 0 && one_in(g, 3)) {
            open_object(g, "host");
            if (one_in(g, 2))
                put_str(g, "sourcePath", STR("/srv/data"));
            close_object(g);
        } else if (i == 1 && own_network) {
            open_object(g, "efsVolumeConfiguration");
            put_str(g, "fileSystemId", STR("fs-1"));
            close_object(g);
        } else if (one_in(g, 2)) {
            bool shared = one_in(g, 2);

            open_object(g, "dockerVolumeConfiguration");
            put_str(g, "scope", shared ? STR("shared") : STR("task"));
            if (shared)
                put_bool(g, "autoprovision", true);
            close_object(g);
        }
        close_object(g);
    }
    close_list(g);
}

static void put_whole_sizes(struct plan *plan)
{
    struct generator *g = plan->g;

    if (leans(plan, "cloud")) {
        put_str(g, "cpu", STR("4096"));
        put_str(g, "memory", STR("8192"));
        return;
    }

    if (one_in(g, 4))
        put_str(g, "memory", text_fmt(g, "%lld", (long long)plan->memory + 64));
    if (one_in(g, 5))
        put_str(g, "cpu", text_fmt(g, "%lld", (long long)plan->cpu + 128));
}

static struct plan make_plan(struct generator *g)
{
    struct plan plan = {.g = g, .family = generate_family(g)};

    plan.mode = choose_mode(&plan);
    plan.containers = one_in(g, 2) ? 1 : 2 + (int)below(g, CONTAINERS_MAX - 1);
    if (leans(&plan, "chain"))
        plan.containers = CONTAINERS_MAX;
    if (leans(&plan, "site"))
        plan.containers = 1;
    for (int i = 0; i < plan.containers; i++) {
        plan.essential[i] = i == 0 || one_in(g, 3);
        plan.probed[i] = one_in(g, 4);
    }
    plan.roled = one_in(g, 4);
    plan.routed = plan.containers > 1 && one_in(g, 5);
    plan.volumes = leans(&plan, "db") || one_in(g, 8);
    return plan;
}

void write_register_task_definition(struct generator *g)
{
    struct plan plan = make_plan(g);

    put_str(g, "family", plan.family);
    if (plan.mode != NULL)
        put_str(g, "networkMode", str_of(plan.mode));
    open_list(g, "containerDefinitions");
    for (int i = 0; i < plan.containers; i++)
        write_container(&plan, i);
    close_list(g);
    put_whole_sizes(&plan);
    if (plan.volumes)
        put_volumes(&plan);
    if (plan.roled)
        put_str(g, "executionRoleArn", STR("arn:aws:iam::123456789012:role/puller"));
    if (one_in(g, 4))
        put_str(g, "taskRoleArn", STR("arn:aws:iam::123456789012:role/worker"));
    if (one_in(g, 8)) {
        open_list(g, "placementConstraints");
        open_object(g, NULL);
        put_str(g, "type", STR("memberOf"));
        put_str(g, "expression", generate_expression(g));
        close_object(g);
        close_list(g);
    }
    if (one_in(g, 4))
        put_tags(g, "tags");
    if (one_in(g, 10))
        put_str(g, "pidMode", ONE_OF(g, "task", "host"));
    if (one_in(g, 10))
        PUT_WORDS(g, "requiresCompatibilities", "EC2");
}
