// Requests about services: made, scaled, deployed, undone and taken away again, with limits that
// leave room and limits that leave none.

#include "tests/sim/generate_internal.h"

// --- what a service is asked to be

// Few names, so that calls are about the same services and meet.
static struct str service_name(struct generator *g)
{
    return ONE_OF(g, "front", "api", "store", "mail", "night", "watch", "edge");
}

// Mostly what can be kept running.
static struct str service_definition(struct generator *g)
{
    struct str arn;

    if (one_in(g, 4))
        return any_definition(g);
    if (one_in(g, 3)) {
        arn = pool_pick(g, KNOWN_DEFINITION);
        if (arn.len > 0)
            return arn;
    }
    return ONE_OF(g, "db", "db", "web", "site", "site", "site", "job", "chain", "host");
}

static void put_threshold(struct generator *g)
{
    bool is_count = one_in(g, 2);

    open_object(g, "thresholdConfiguration");
    put_str(g, "type", is_count ? STR("COUNT") : ONE_OF(g, "BOUNDED_PERCENT", "UNBOUNDED_PERCENT"));
    put_int(g, "value", is_count ? between(g, 1, 4) : between(g, 1, 100));
    close_object(g);
}

static void put_breaker(struct generator *g)
{
    open_object(g, "deploymentCircuitBreaker");
    put_bool(g, "enable", !one_in(g, 4));
    put_bool(g, "rollback", !one_in(g, 3));
    if (one_in(g, 3))
        put_bool(g, "resetOnHealthyTask", one_in(g, 2));
    if (one_in(g, 2))
        put_threshold(g);
    close_object(g);
}

static void put_percents(struct generator *g, bool is_daemon)
{
    static const int low[] = {0, 0, 25, 34, 50, 50, 67, 75, 100, 100};
    static const int high[] = {100, 101, 125, 150, 167, 200, 200, 200};
    int64_t minimum = low[below(g, sizeof low / sizeof *low)];
    int64_t maximum = is_daemon ? 100 : high[below(g, sizeof high / sizeof *high)];

    if (minimum == 100 && maximum == 100 && !one_in(g, 20))
        minimum = 50;
    put_int(g, "minimumHealthyPercent", minimum);
    put_int(g, "maximumPercent", maximum);
}

// --- traffic shifts

// Times are short: what nobody answers must end while there is time.
static void put_hook(struct generator *g)
{
    bool pause = one_in(g, 3);

    open_object(g, NULL);
    if (pause) {
        put_str(g, "targetType", STR("PAUSE"));
        PUT_WORDS(g, "lifecycleStages", "PRE_SCALE_UP", "POST_SCALE_UP",
                  "PRE_PRODUCTION_TRAFFIC_SHIFT", "POST_PRODUCTION_TRAFFIC_SHIFT");
    } else {
        put_str(g, "hookTargetArn", STR("arn:aws:lambda:us-east-1:123456789012:function:check"));
        put_str(g, "roleArn", STR("arn:aws:iam::123456789012:role/caller"));
        PUT_WORDS(g, "lifecycleStages", "RECONCILE_SERVICE", "POST_SCALE_UP", "TEST_TRAFFIC_SHIFT",
                  "PRODUCTION_TRAFFIC_SHIFT", "POST_PRODUCTION_TRAFFIC_SHIFT");
    }
    open_object(g, "timeoutConfiguration");
    put_int(g, "timeoutInMinutes", between(g, 1, 2));
    if (!one_in(g, 4))
        put_str(g, "action", ONE_OF(g, "CONTINUE", "CONTINUE", "ROLLBACK"));
    close_object(g);
    close_object(g);
}

static void put_steps(struct generator *g, bool is_linear)
{
    open_object(g, is_linear ? "linearConfiguration" : "canaryConfiguration");
    put_int(g, is_linear ? "stepPercent" : "canaryPercent", between(g, 20, 60));
    put_int(g, is_linear ? "stepBakeTimeInMinutes" : "canaryBakeTimeInMinutes", between(g, 0, 1));
    close_object(g);
}

static void put_shift(struct generator *g)
{
    struct str strategy = ONE_OF(g, "BLUE_GREEN", "BLUE_GREEN", "LINEAR", "CANARY");

    put_str(g, "strategy", strategy);
    put_int(g, "bakeTimeInMinutes", between(g, 0, 1));
    if (!str_eq(strategy, STR("BLUE_GREEN")))
        put_steps(g, str_eq(strategy, STR("LINEAR")));
    if (one_in(g, 3))
        return;
    open_list(g, "lifecycleHooks");
    for (uint64_t n = below(g, 3); n > 0; n--)
        put_hook(g);
    close_list(g);
}

#define LISTENER "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener-rule/app/a/b/c/"

// The first container of a definition serves on one of two ports, if on any.
static void put_balancers(struct generator *g)
{
    open_list(g, "loadBalancers");
    open_object(g, NULL);
    put_str(g, "targetGroupArn", STR("blue"));
    put_str(g, "containerName", STR("c0"));
    put_int(g, "containerPort", one_in(g, 2) ? 80 : 8080);
    open_object(g, "advancedConfiguration");
    put_str(g, "alternateTargetGroupArn", STR("green"));
    put_str(g, "productionListenerRule", STR(LISTENER "one"));
    if (one_in(g, 2))
        put_str(g, "testListenerRule", STR(LISTENER "two"));
    put_str(g, "roleArn", STR("arn:aws:iam::123456789012:role/traffic"));
    close_object(g);
    close_object(g);
    close_list(g);
}

static void put_alarms(struct generator *g)
{
    open_object(g, "alarms");
    PUT_WORDS(g, "alarmNames", "errors", "latency");
    put_bool(g, "enable", !one_in(g, 5));
    put_bool(g, "rollback", !one_in(g, 3));
    close_object(g);
}

static void put_configuration(struct generator *g, bool is_daemon)
{
    open_object(g, "deploymentConfiguration");
    if (!is_daemon && one_in(g, 5))
        put_shift(g);
    else if (one_in(g, 6))
        put_str(g, "strategy", STR("ROLLING"));
    if (one_in(g, 6))
        put_alarms(g);
    if (!one_in(g, 4))
        put_percents(g, is_daemon);
    if (one_in(g, 2))
        put_breaker(g);
    close_object(g);
}

static void put_placement(struct generator *g, bool is_daemon)
{
    if (one_in(g, 5)) {
        open_list(g, "placementConstraints");
        open_object(g, NULL);
        if (is_daemon || one_in(g, 2)) {
            put_str(g, "type", STR("memberOf"));
            put_str(g, "expression",
                    ONE_OF(g, "attribute:zone == a", "attribute:zone != c",
                           "attribute:stack exists", "attribute:zone in [a, b]"));
        } else {
            put_str(g, "type", STR("distinctInstance"));
        }
        close_object(g);
        close_list(g);
    }
    if (!is_daemon && one_in(g, 4))
        put_strategies(g);
}

// What both CreateService and UpdateService take.
static void put_settings(struct generator *g, bool is_daemon)
{
    if (one_in(g, 4))
        put_int(g, "healthCheckGracePeriodSeconds", between(g, 0, 90));
    if (one_in(g, 5))
        put_str(g, "propagateTags", ONE_OF(g, "SERVICE", "TASK_DEFINITION", "NONE"));
    if (one_in(g, 5))
        put_bool(g, "enableECSManagedTags", true);
    if (one_in(g, 12))
        put_str(g, "availabilityZoneRebalancing", ONE_OF(g, "ENABLED", "DISABLED"));
    put_placement(g, is_daemon);
}

static int64_t some_count(struct generator *g)
{
    return one_in(g, 8) ? between(g, 5, 14) : between(g, 0, 4);
}

// --- the service itself

// Few names of their own, so that task sets find them.
static struct str external_name(struct generator *g)
{
    return ONE_OF(g, "outer", "outer", "moon");
}

static void write_create_external(struct generator *g)
{
    put_cluster(g);
    put_str(g, "serviceName", external_name(g));
    open_object(g, "deploymentController");
    put_str(g, "type", STR("EXTERNAL"));
    close_object(g);
    if (!one_in(g, 4))
        put_int(g, "desiredCount", some_count(g));
    if (one_in(g, 4)) {
        open_object(g, "deploymentConfiguration");
        put_percents(g, false);
        close_object(g);
    }
    put_settings(g, false);
}

static void write_create_service(struct generator *g)
{
    struct str definition = service_definition(g);
    bool is_daemon = one_in(g, 5);

    put_cluster(g);
    put_str(g, "serviceName", service_name(g));
    put_str(g, "taskDefinition", definition);
    if (is_daemon)
        put_str(g, "schedulingStrategy", STR("DAEMON"));
    else
        put_int(g, "desiredCount", some_count(g));
    if (!one_in(g, 3))
        put_configuration(g, is_daemon);
    put_settings(g, is_daemon);
    if (one_in(g, 5))
        put_balancers(g);
    if (memmem(definition.ptr, definition.len, "net", 3) != NULL ||
        memmem(definition.ptr, definition.len, "cloud", 5) != NULL)
        put_network(g);
    if (one_in(g, 4))
        put_str(g, "launchType", ONE_OF(g, "EC2", "EC2", "EC2", "EXTERNAL"));
    if (one_in(g, 4))
        put_tags(g, "tags");
    if (one_in(g, 12))
        put_bool(g, "enableExecuteCommand", true);
    if (one_in(g, 4))
        put_str(g, "clientToken", text_fmt(g, "service-%d", (int)below(g, 6)));
}

static void put_service(struct generator *g)
{
    go_where(g, KNOWN_SERVICE);
    put_cluster(g);
    put_str(g, "service", one_in(g, 12) ? service_name(g) : refer(g, KNOWN_SERVICE));
}

// One change as a rule, so that what scales does not deploy.
static void write_update_service(struct generator *g)
{
    uint64_t kind = below(g, 12);

    put_service(g);
    if (kind < 4)
        put_int(g, "desiredCount", some_count(g));
    else if (kind < 7)
        put_str(g, "taskDefinition", service_definition(g));
    else if (kind < 9)
        put_bool(g, "forceNewDeployment", true);
    else if (kind < 10)
        put_configuration(g, false);
    else
        put_settings(g, false);
    if (kind >= 4 && kind < 7 && one_in(g, 3)) { // a release that is watched
        open_object(g, "deploymentConfiguration");
        put_breaker(g);
        close_object(g);
    }
    if (kind >= 7 && one_in(g, 4))
        put_int(g, "desiredCount", some_count(g));
    if (kind < 4 && one_in(g, 8))
        put_configuration(g, one_in(g, 4));
}

static void write_delete_service(struct generator *g)
{
    put_service(g);
    if (!one_in(g, 3))
        put_bool(g, "force", true);
}

static void write_describe_services(struct generator *g)
{
    go_where(g, KNOWN_SERVICE);
    put_cluster(g);
    put_list_of(g, "services", KNOWN_SERVICE, 1 + below(g, 4));
    if (one_in(g, 2))
        PUT_WORDS(g, "include", "TAGS");
}

static void write_list_services(struct generator *g)
{
    put_cluster(g);
    if (one_in(g, 3))
        put_str(g, "schedulingStrategy", ONE_OF(g, "REPLICA", "DAEMON"));
    put_page_size(g);
}

// --- deployments and revisions

static void write_list_deployments(struct generator *g)
{
    put_service(g);
    if (one_in(g, 3))
        PUT_WORDS(g, "status", "PENDING", "IN_PROGRESS", "ROLLBACK_IN_PROGRESS");
    put_page_size(g);
}

static void put_arns(struct generator *g, const char *name, enum known kind, const char *none)
{
    struct str arn;

    open_list(g, name);
    for (uint64_t n = 1 + below(g, 3); n > 0; n--) {
        arn = pool_pick(g, kind);
        put_str(g, NULL, arn.len > 0 ? arn : str_of(none));
    }
    close_list(g);
}

static void write_stop_deployment(struct generator *g)
{
    struct str arn = pool_pick(g, KNOWN_SERVICE_DEPLOYMENT);

    put_str(g, "serviceDeploymentArn",
            arn.len > 0 ? arn
                        : STR("arn:aws:ecs:us-east-1:123456789012:service-deployment/default/"
                              "front/none"));
    if (one_in(g, 2))
        put_str(g, "stopType", ONE_OF(g, "ROLLBACK", "ROLLBACK", "ABORT"));
}

static void write_continue_deployment(struct generator *g)
{
    struct str arn = pool_pick(g, KNOWN_SERVICE_DEPLOYMENT);
    struct str hook = pool_pick(g, KNOWN_HOOK);

    put_str(g, "serviceDeploymentArn",
            arn.len > 0 ? arn
                        : STR("arn:aws:ecs:us-east-1:123456789012:service-deployment/default/"
                              "front/none"));
    put_str(g, "hookId", hook.len > 0 ? hook : STR("ecs-pause-none"));
    if (one_in(g, 2))
        put_str(g, "action", ONE_OF(g, "CONTINUE", "CONTINUE", "ROLLBACK"));
}

// --- task sets

// Of one that is known, the service it is of.
static void put_task_set(struct generator *g, const char *member)
{
    struct str arn = pool_pick(g, KNOWN_TASK_SET);
    struct str parts[4] = {{0}};
    struct str rest = arn;

    for (int i = 0; i < 4; i++)
        str_cut(rest, '/', &parts[i], &rest);
    put_str(g, "cluster", arn.len > 0 ? parts[1] : g->cluster);
    put_str(g, "service", arn.len > 0 ? parts[2] : external_name(g));
    if (member != NULL)
        put_str(g, member, arn.len > 0 ? arn : STR("ecs-svc/1"));
}

static void put_scale(struct generator *g)
{
    static const double values[] = {0, 0, 10, 25, 33.3, 50, 50, 75, 100, 100, 100};

    open_object(g, "scale");
    put_double(g, "value", values[below(g, sizeof values / sizeof *values)]);
    put_str(g, "unit", STR("PERCENT"));
    close_object(g);
}

static void write_create_task_set(struct generator *g)
{
    struct str definition = service_definition(g);

    put_str(g, "cluster", g->cluster);
    put_str(g, "service", external_name(g));
    put_str(g, "taskDefinition", definition);
    if (memmem(definition.ptr, definition.len, "net", 3) != NULL ||
        memmem(definition.ptr, definition.len, "cloud", 5) != NULL)
        put_network(g);
    if (!one_in(g, 6))
        put_scale(g);
    if (one_in(g, 4))
        put_str(g, "externalId", ONE_OF(g, "blue", "green"));
    if (one_in(g, 4))
        put_str(g, "clientToken", text_fmt(g, "set-%d", (int)below(g, 4)));
    if (one_in(g, 6))
        put_tags(g, "tags");
}

static bool write_about_task_sets(struct generator *g, enum ecs_operation operation)
{
    if (operation == ECS_OPERATION_CREATE_TASK_SET) {
        write_create_task_set(g);
    } else if (operation == ECS_OPERATION_UPDATE_TASK_SET) {
        put_task_set(g, "taskSet");
        put_scale(g);
    } else if (operation == ECS_OPERATION_UPDATE_SERVICE_PRIMARY_TASK_SET) {
        put_task_set(g, "primaryTaskSet");
    } else if (operation == ECS_OPERATION_DELETE_TASK_SET) {
        put_task_set(g, "taskSet");
        if (one_in(g, 2))
            put_bool(g, "force", true);
    } else if (operation == ECS_OPERATION_DESCRIBE_TASK_SETS) {
        put_task_set(g, NULL);
    } else {
        return false;
    }
    return true;
}

// --- protection

// Tasks of services, mostly; the cluster has to be named.
static void put_protected(struct generator *g, uint64_t n)
{
    enum known kind = one_in(g, 8) ? KNOWN_TASK : KNOWN_SERVICE_TASK;

    go_where(g, kind);
    put_str(g, "cluster", g->cluster);
    put_list_of(g, "tasks", kind, n);
}

static void write_protect(struct generator *g)
{
    put_protected(g, 1 + below(g, 6));
    if (one_in(g, 4)) {
        put_bool(g, "protectionEnabled", false);
        return;
    }
    put_bool(g, "protectionEnabled", true);
    if (!one_in(g, 8))
        put_int(g, "expiresInMinutes", between(g, 1, 10));
}

static void write_get_protection(struct generator *g)
{
    put_protected(g, 1 + below(g, 4));
}

// --- the choice

static bool write_about_deployments(struct generator *g, enum ecs_operation operation)
{
    if (operation == ECS_OPERATION_LIST_SERVICE_DEPLOYMENTS)
        write_list_deployments(g);
    else if (operation == ECS_OPERATION_DESCRIBE_SERVICE_DEPLOYMENTS)
        put_arns(g, "serviceDeploymentArns", KNOWN_SERVICE_DEPLOYMENT,
                 "arn:aws:ecs:us-east-1:123456789012:service-deployment/default/front/none");
    else if (operation == ECS_OPERATION_DESCRIBE_SERVICE_REVISIONS)
        put_arns(g, "serviceRevisionArns", KNOWN_REVISION,
                 "arn:aws:ecs:us-east-1:123456789012:service-revision/default/front/1");
    else if (operation == ECS_OPERATION_STOP_SERVICE_DEPLOYMENT)
        write_stop_deployment(g);
    else if (operation == ECS_OPERATION_CONTINUE_SERVICE_DEPLOYMENT)
        write_continue_deployment(g);
    else
        return false;
    return true;
}

bool write_about_services(struct generator *g, enum ecs_operation operation)
{
    if (operation == ECS_OPERATION_CREATE_SERVICE && one_in(g, 8))
        write_create_external(g);
    else if (operation == ECS_OPERATION_CREATE_SERVICE)
        write_create_service(g);
    else if (operation == ECS_OPERATION_UPDATE_SERVICE)
        write_update_service(g);
    else if (operation == ECS_OPERATION_DELETE_SERVICE)
        write_delete_service(g);
    else if (operation == ECS_OPERATION_DESCRIBE_SERVICES)
        write_describe_services(g);
    else if (operation == ECS_OPERATION_LIST_SERVICES)
        write_list_services(g);
    else if (operation == ECS_OPERATION_UPDATE_TASK_PROTECTION)
        write_protect(g);
    else if (operation == ECS_OPERATION_GET_TASK_PROTECTION)
        write_get_protection(g);
    else
        return write_about_deployments(g, operation) || write_about_task_sets(g, operation);
    return true;
}
