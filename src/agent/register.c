// See register.h.

#include "agent/register.h"

#include "base/arena.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "io/clock.h"
#include "io/entropy.h"
#include "io/loop.h"

enum {
    PAUSE_FIRST_MS = 3 * 1000,
    PAUSE_MAX_MS = 192 * 1000,
    PATIENCE_MS = 3600 * 1000,
    ATTEMPTS = 3,
    CPU_UNITS_PER_CORE = 1024,
};

struct registration {
    struct loop *loop;
    struct api *api;
    struct arena arena;
    struct ecs_register_container_instance_request *request;
    struct api_call *call;
    struct loop_timer again;
    struct rng rng;
    int64_t pause_ms;
    int64_t give_up_ms;
    bool may_make_cluster;
    registration_fn *done;
    void *user;
};

bool host_capacity(const struct agent_config *config, const struct host_facts *facts,
                   int32_t *out_cpu_units, int32_t *out_memory_mib)
{
    int64_t memory = facts->memory_mib - config->reserved_memory_mib;

    if (memory < 0 || memory > INT32_MAX || facts->cpus > INT32_MAX / CPU_UNITS_PER_CORE)
        return false;
    *out_cpu_units = (int32_t)(facts->cpus * CPU_UNITS_PER_CORE);
    *out_memory_mib = (int32_t)memory;
    return true;
}

static void set_number(struct ecs_resource *out, const char *name, int32_t value)
{
    SET(out, name, str_of(name));
    SET(out, type, STR("INTEGER"));
    SET(out, integer_value, value);
}

static void set_texts(struct ecs_resource *out, const char *name, struct str_list texts)
{
    SET(out, name, str_of(name));
    SET(out, type, STR("STRINGSET"));
    SET(out, string_set_value, texts);
}

static struct ecs_resource_list resources(struct arena *arena, const struct agent_config *config,
                                          const struct host_facts *facts)
{
    struct ecs_resource_list list = {.n = 4, .at = arena_array(arena, struct ecs_resource, 4)};
    int32_t cpu = 0;
    int32_t memory = 0;

    host_capacity(config, facts, &cpu, &memory);
    set_number(&list.at[0], "CPU", cpu);
    set_number(&list.at[1], "MEMORY", memory);
    set_texts(&list.at[2], "PORTS", config->reserved_tcp);
    set_texts(&list.at[3], "PORTS_UDP", config->reserved_udp);
    return list;
}

static void add_attribute(struct ecs_attribute_list *list, struct str name, struct str value)
{
    struct ecs_attribute *attribute = &list->at[list->n++];

    SET(attribute, name, name);
    if (value.len > 0)
        SET(attribute, value, value);
}

// Those that are to be offered and that the engine has; "none" is no driver of its own.
static struct str_list offered_log_drivers(struct arena *arena, const struct agent_config *config,
                                           const struct host_facts *facts)
{
    const struct str_list *wanted = &config->log_drivers;
    struct str_list list = {.at = arena_array(arena, struct str, wanted->n)};

    for (size_t i = 0; i < wanted->n; i++) {
        bool has_it = facts->log_drivers.n == 0 || str_eq(wanted->at[i], STR("none"));

        for (size_t k = 0; k < facts->log_drivers.n; k++)
            has_it |= str_eq(wanted->at[i], facts->log_drivers.at[k]);
        if (has_it)
            list.at[list.n++] = wanted->at[i];
    }
    return list;
}

// Custom ones (first registration only), capabilities, then what the host is.
static struct ecs_attribute_list attributes(struct arena *arena, const struct agent_config *config,
                                            const struct host_facts *facts, bool is_first)
{
    struct engine_abilities abilities = {
        .exec = config->engine.exec,
        .api_version = facts->api_version,
        .log_drivers = offered_log_drivers(arena, config, facts),
        .volume_plugins = facts->volume_plugins,
        .privileged = !config->privileged_disabled,
        .selinux = config->selinux,
        .apparmor = config->apparmor,
        .task_roles = config->task_roles && config->engine.metadata_endpoints,
        .task_roles_of_host =
            config->task_roles && config->task_roles_of_host && config->engine.metadata_endpoints,
        .log_roles = config->task_roles && config->log_roles && config->engine.metadata_endpoints,
        .faults = config->faults,
        .task_networks = config->engine.task_networks,
        .task_cgroups = config->engine.task_cgroups,
        .parameters = config->secrets_dir != NULL || config->parameters_endpoint.len > 0,
        .secrets = config->secrets_dir != NULL || config->secrets_endpoint.len > 0,
        .efs = config->engine.efs_server.len > 0 || config->engine.efs_plugin,
        .efs_auth = config->engine.efs_plugin,
        .gpu_driver = config->gpu_driver,
        .env_files = config->env_files_dir != NULL || config->files_endpoint.len > 0,
    };
    struct str_list capabilities = engine_capabilities(arena, &abilities);
    struct ecs_attribute_list list = {0};

    list.at = arena_array(arena, struct ecs_attribute, config->attributes.n + capabilities.n + 8);
    for (size_t i = 0; is_first && i < config->attributes.n; i++)
        list.at[list.n++] = config->attributes.at[i];
    for (size_t i = 0; i < capabilities.n; i++) {
        if (config->health_disabled &&
            str_eq(capabilities.at[i], STR("ecs.capability.container-health-check")))
            continue;
        add_attribute(&list, capabilities.at[i], STR_NONE);
    }
    if (config->gpu_driver.len > 0)
        add_attribute(&list, STR("ecs.capability.gpu-driver-version"), config->gpu_driver);
    if (config->external)
        add_attribute(&list, STR("ecs.capability.external"), STR_NONE);
    if (config->fargate.len > 0)
        add_attribute(&list, STR("ecs.capability.fargate"), config->fargate);
    add_attribute(&list, STR("ecs.os-type"), STR("linux"));
    add_attribute(&list, STR("ecs.os-family"), STR("LINUX"));
    add_attribute(&list, STR("ecs.os-type-detailed"), config->os_family_detail);
    add_attribute(&list, STR("ecs.cpu-architecture"), facts->architecture);
    return list;
}

static struct ecs_platform_device_list gpu_devices(struct arena *arena, const struct str_list *ids)
{
    struct ecs_platform_device_list list = {
        .n = ids->n, .at = arena_array(arena, struct ecs_platform_device, ids->n)};

    for (size_t i = 0; i < ids->n; i++) {
        SET(&list.at[i], id, ids->at[i]);
        SET(&list.at[i], type, ECS_PLATFORM_DEVICE_TYPE_GPU);
    }
    return list;
}

struct ecs_register_container_instance_request *
register_request(struct arena *arena, const struct agent_config *config,
                 const struct host_facts *facts, struct str container_instance, struct str token)
{
    struct ecs_register_container_instance_request *request =
        arena_new(arena, struct ecs_register_container_instance_request);
    bool is_first = container_instance.len == 0;

    SET(request, cluster, config->cluster.len > 0 ? config->cluster : STR("default"));
    SET(request, instance_identity_document, STR(""));
    SET(request, instance_identity_document_signature, STR(""));
    SET(request, total_resources, resources(arena, config, facts));
    SET(request, attributes, attributes(arena, config, facts, is_first));
    SET(request, client_token, token);
    if (!is_first)
        SET(request, container_instance_arn, container_instance);
    if (config->gpu_ids.n > 0)
        SET(request, platform_devices, gpu_devices(arena, &config->gpu_ids));
    if (config->tags.n > 0)
        SET(request, tags, config->tags);
    return request;
}

static void attempt(void *user);

static void end(struct registration *r, enum registration_end how, struct str instance,
                struct str zone, struct str why)
{
    registration_fn *done = r->done;
    void *user = r->user;

    done(user, how, instance, zone, why);
    registration_cancel(r);
}

// Every attribute sent must have come back with its value, or the server is not one we can trust.
static bool attributes_came_back(const struct ecs_attribute_list *sent,
                                 const struct ecs_attribute_list *got)
{
    for (size_t i = 0; i < sent->n; i++) {
        bool found = false;
        for (size_t k = 0; k < got->n && !found; k++)
            found = str_eq(sent->at[i].name, got->at[k].name) &&
                    str_eq(sent->at[i].value, got->at[k].value);
        if (!found)
            return false;
    }
    return true;
}

static void registered(struct registration *r, const struct ecs_container_instance *instance)
{
    struct str zone = STR_NONE;

    if (instance == NULL || !attributes_came_back(&r->request->attributes, &instance->attributes)) {
        end(r, REGISTRATION_TERMINAL, STR_NONE, STR_NONE, STR("Attribute validation failed"));
        return;
    }
    for (size_t i = 0; i < instance->attributes.n; i++) {
        if (str_eq(instance->attributes.at[i].name, STR("ecs.availability-zone")))
            zone = instance->attributes.at[i].value;
    }
    end(r, REGISTRATION_DONE, instance->container_instance_arn, zone, STR_NONE);
}

static void try_again(struct registration *r, struct str why)
{
    int64_t jitter = (int64_t)rng_below(&r->rng, (uint64_t)r->pause_ms / 5);

    if (clock_monotonic_ms() > r->give_up_ms) {
        end(r, REGISTRATION_FAILED, STR_NONE, STR_NONE, why);
        return;
    }
    LOG_WARN("agent.registration_delayed", LOG_STR("reason", why),
             LOG_INT("again_ms", r->pause_ms));
    loop_timer_start(&r->again, r->pause_ms + jitter);
    r->pause_ms = r->pause_ms * 2 < PAUSE_MAX_MS ? r->pause_ms * 2 : PAUSE_MAX_MS;
}

static void cluster_made(void *user, const struct api_result *result)
{
    struct registration *r = user;

    r->call = NULL;
    if (result->kind == API_OK)
        attempt(r);
    else
        try_again(r, result->message);
}

static void make_cluster(struct registration *r)
{
    struct ecs_create_cluster_request request = {0};

    r->may_make_cluster = false;
    SET(&request, cluster_name, STR("default"));
    r->call = api_send(r->api, ECS_OPERATION_CREATE_CLUSTER, &request, ATTEMPTS, cluster_made, r);
}

static void answered(void *user, const struct api_result *result)
{
    struct registration *r = user;
    const struct ecs_register_container_instance_response *reply = result->reply;

    r->call = NULL;
    if (result->kind == API_OK)
        registered(r, reply->container_instance);
    else if (api_may_pass(result))
        try_again(r, result->message);
    else if (r->may_make_cluster && str_eq(result->type, STR("ClusterNotFoundException")))
        make_cluster(r);
    else if (str_eq(result->type, STR("InvalidParameterException")) ||
             str_eq(result->type, STR("ClientException")))
        end(r, REGISTRATION_TERMINAL, STR_NONE, STR_NONE, result->message);
    else
        end(r, REGISTRATION_FAILED, STR_NONE, STR_NONE, result->message);
}

static void attempt(void *user)
{
    struct registration *r = user;

    r->call = api_send(r->api, ECS_OPERATION_REGISTER_CONTAINER_INSTANCE, r->request, ATTEMPTS,
                       answered, r);
}

struct registration *registration_start(struct loop *loop, struct api *api,
                                        const struct agent_config *config,
                                        const struct host_facts *facts,
                                        struct str container_instance, struct str token,
                                        registration_fn *done, void *user)
{
    struct registration *r = mem_zalloc(sizeof *r);

    r->loop = loop;
    r->api = api;
    r->request = register_request(&r->arena, config, facts, container_instance, token);
    r->pause_ms = PAUSE_FIRST_MS;
    r->give_up_ms = clock_monotonic_ms() + PATIENCE_MS;
    r->may_make_cluster = config->cluster.len == 0 || str_eq(config->cluster, STR("default"));
    r->done = done;
    r->user = user;
    rng_init(&r->rng, entropy_u64());
    loop_timer_init(&r->again, loop, attempt, r);
    attempt(r);
    return r;
}

void registration_cancel(struct registration *r)
{
    if (r == NULL)
        return;
    api_cancel(r->call);
    loop_timer_stop(&r->again);
    arena_deinit(&r->arena);
    mem_free(r);
}
