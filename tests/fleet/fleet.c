// See fleet.h. How an agent comes to life: it registers unless it has an instance already, asks
// where to connect, and dials.

#include "tests/fleet/fleet.h"

#include "base/mem.h"
#include "io/entropy.h"
#include "tests/fleet/member.h"
#include "wire/http_client.h"

int64_t fleet_jittered(struct fleet *fleet, int64_t ms)
{
    return ms + (int64_t)rng_below(&fleet->rng, (uint64_t)ms + 1);
}

// The answer names this server, whose websockets stand where `dial` looks for them.
static void on_discovered(void *user, const void *reply)
{
    struct member *member = user;
    const struct ecs_discover_poll_endpoint_response *endpoints = reply;

    if (endpoints == NULL || endpoints->endpoint.len == 0)
        return;
    channel_dial(&member->acs);
    if ((size_t)(member - member->fleet->members) < member->fleet->config.telemetry_n)
        channel_dial(&member->tcs);
}

static void discover(struct member *member)
{
    struct ecs_discover_poll_endpoint_request request = {0};

    SET(&request, cluster, member->fleet->config.cluster);
    SET(&request, container_instance, member->instance);
    member->fleet->counts.registered++;
    calls_send(member->fleet->config.calls, ECS_OPERATION_DISCOVER_POLL_ENDPOINT, &request,
               on_discovered, member);
}

static void on_registered(void *user, const void *reply)
{
    struct member *member = user;
    const struct ecs_register_container_instance_response *registered = reply;

    if (registered == NULL)
        return;
    member->instance =
        str_copy(&member->arena, registered->container_instance->container_instance_arn);
    discover(member);
}

static struct ecs_resource number(struct str name, int64_t value)
{
    struct ecs_resource resource = {0};

    SET(&resource, name, name);
    SET(&resource, type, STR("INTEGER"));
    SET(&resource, integer_value, (int32_t)value);
    return resource;
}

static struct ecs_resource no_ports(struct str name)
{
    struct ecs_resource resource = {0};

    SET(&resource, name, name);
    SET(&resource, type, STR("STRINGSET"));
    resource.has.string_set_value = true;
    return resource;
}

static void register_member(struct member *member)
{
    static const char *const names[] = {
        "com.amazonaws.ecs.capability.docker-remote-api.1.17",
        "com.amazonaws.ecs.capability.docker-remote-api.1.18",
        "com.amazonaws.ecs.capability.docker-remote-api.1.19",
        "com.amazonaws.ecs.capability.docker-remote-api.1.21",
        "com.amazonaws.ecs.capability.logging-driver.json-file",
        "ecs.capability.container-health-check",
        "ecs.capability.container-ordering",
        "ecs.capability.docker-plugin.local",
    };
    enum { NAMES_N = sizeof names / sizeof *names };
    const struct fleet_config *config = &member->fleet->config;
    struct ecs_register_container_instance_request request = {0};
    struct ecs_resource resources[] = {
        number(STR("CPU"), config->cpu_units),
        number(STR("MEMORY"), config->memory_mib),
        no_ports(STR("PORTS")),
        no_ports(STR("PORTS_UDP")),
    };
    struct ecs_attribute attributes[NAMES_N] = {0};

    for (size_t i = 0; i < NAMES_N; i++)
        SET(&attributes[i], name, str_of(names[i]));
    SET(&request, cluster, config->cluster);
    SET(&request, total_resources, (struct ecs_resource_list){.n = 4, .at = resources});
    SET(&request, attributes, (struct ecs_attribute_list){.n = NAMES_N, .at = attributes});
    calls_send(config->calls, ECS_OPERATION_REGISTER_CONTAINER_INSTANCE, &request, on_registered,
               member);
}

struct fleet *fleet_new(const struct fleet_config *config)
{
    struct fleet *fleet = mem_zalloc(sizeof *fleet);

    fleet->config = *config;
    rng_init(&fleet->rng, entropy_u64());
    fleet->client = calls_new_client(config->calls, 0);
    fleet->members = mem_zalloc(config->agents_n * sizeof *fleet->members);
    for (size_t i = 0; i < config->agents_n; i++) {
        struct member *member = &fleet->members[i];
        member->fleet = fleet;
        channel_init(&member->acs, member, false);
        channel_init(&member->tcs, member, true);
        if (config->instances != NULL) {
            member->instance = config->instances[i];
            discover(member);
        } else {
            register_member(member);
        }
    }
    return fleet;
}

void fleet_free(struct fleet *fleet)
{
    if (fleet == NULL)
        return;
    for (size_t i = 0; i < fleet->config.agents_n; i++) {
        struct member *member = &fleet->members[i];
        channel_close(&member->acs);
        channel_close(&member->tcs);
        member_drop_tasks(member);
        arena_deinit(&member->arena);
    }
    http_client_free(fleet->client);
    mem_free(fleet->members);
    mem_free(fleet);
}

const struct fleet_counts *fleet_counts(const struct fleet *fleet)
{
    return &fleet->counts;
}

bool fleet_is_connected(const struct fleet *fleet)
{
    return fleet->counts.acs_open == fleet->config.agents_n &&
           fleet->counts.tcs_open == fleet->config.telemetry_n;
}
