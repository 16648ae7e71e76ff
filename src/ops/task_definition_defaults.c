// Defaults that the service writes into a stored definition. Members not named here stay absent
// when the caller left them out. Source: ecs-behaviour-api 8.2.

#include "base/arena.h"
#include "ops/task_definition_build.h"

enum {
    HEALTH_INTERVAL_S = 30,
    HEALTH_TIMEOUT_S = 5,
    HEALTH_RETRIES = 3,
    RESTART_PERIOD_S = 300,
};

// In task and host networking the container's port is the host's; elsewhere one is chosen when the
// task starts, which is written as 0. Ranges never have one.
static void complete_port(const struct definition_check *check, struct ecs_port_mapping *mapping)
{
    bool same = check->mode == ECS_NETWORK_MODE_AWSVPC || check->mode == ECS_NETWORK_MODE_HOST;

    if (!mapping->has.protocol)
        SET(mapping, protocol, ECS_TRANSPORT_PROTOCOL_TCP);
    if (!mapping->has.host_port && !mapping->has.container_port_range)
        SET(mapping, host_port, same ? mapping->container_port : 0);
}

static void complete_ports(const struct definition_check *check, struct ecs_container_definition *c)
{
    struct ecs_port_mapping_list list = {.n = c->port_mappings.n};

    list.at = arena_copy(check->ctx->arena, c->port_mappings.at, list.n * sizeof *list.at);
    for (size_t i = 0; i < list.n; i++)
        complete_port(check, &list.at[i]);
    SET(c, port_mappings, list);
}

static void complete_health(struct arena *arena, struct ecs_container_definition *c)
{
    struct ecs_health_check *health;

    if (!c->has.health_check)
        return;
    health = arena_copy(arena, c->health_check, sizeof *health);
    if (!health->has.interval)
        SET(health, interval, HEALTH_INTERVAL_S);
    if (!health->has.timeout)
        SET(health, timeout, HEALTH_TIMEOUT_S);
    if (!health->has.retries)
        SET(health, retries, HEALTH_RETRIES);
    c->health_check = health;
}

static void complete_restarts(struct arena *arena, struct ecs_container_definition *c)
{
    struct ecs_container_restart_policy *policy;

    if (!c->has.restart_policy || !c->restart_policy->enabled)
        return;
    policy = arena_copy(arena, c->restart_policy, sizeof *policy);
    if (!policy->has.restart_attempt_period)
        SET(policy, restart_attempt_period, RESTART_PERIOD_S);
    c->restart_policy = policy;
}

static void complete(const struct definition_check *check, struct ecs_container_definition *c)
{
    if (!c->has.cpu)
        SET(c, cpu, 0);
    if (!c->has.essential)
        SET(c, essential, true);
    c->has.environment = true;
    c->has.mount_points = true;
    c->has.volumes_from = true;
    c->has.system_controls = true;
    complete_ports(check, c);
    complete_health(check->ctx->arena, c);
    complete_restarts(check->ctx->arena, c);
}

struct ecs_container_definition_list definition_containers(const struct definition_check *check)
{
    struct ecs_container_definition_list list = {.n = check->in->container_definitions.n};

    list.at = arena_copy(check->ctx->arena, check->in->container_definitions.at,
                         list.n * sizeof *list.at);
    for (size_t i = 0; i < list.n; i++)
        complete(check, &list.at[i]);
    return list;
}
