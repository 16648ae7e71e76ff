// See state_testing.h.

#include "model/state_testing.h"

void records_init(struct records *r)
{
    *r = (struct records){.arena = ARENA_INIT};
    state_init(&r->state, &state_config_default);
}

void records_init_demo(struct records *r)
{
    records_init(r);
    records_cluster(r, "demo");
    records_definition(r, records_family(r, "web"), 1, 100, 200, 80);
    records_commit(r);
}

void records_deinit(struct records *r)
{
    state_check(&r->state);
    state_deinit(&r->state);
    arena_deinit(&r->arena);
}

void records_commit(struct records *r)
{
    struct batch batch = state_take_batch(&r->state);

    batch_free(&batch);
}

uint64_t records_cluster(struct records *r, const char *name)
{
    uint64_t id = state_new_id(&r->state, REC_KIND_CLUSTER);

    records_set_cluster(r, id, name, REC_CLUSTER_STATUS_ACTIVE);
    return id;
}

void records_set_cluster(struct records *r, uint64_t id, const char *name,
                         enum rec_cluster_status status)
{
    struct rec_cluster rec = {0};

    SET(&rec, region, STR("us-east-1"));
    SET(&rec, name, str_of(name));
    SET(&rec, status, status);
    SET(&rec, inactive_at, RECORDS_NOW);
    state_put(&r->state, REC_KIND_CLUSTER, id, &rec);
}

uint64_t records_family(struct records *r, const char *name)
{
    uint64_t id = state_new_id(&r->state, REC_KIND_FAMILY);
    struct rec_family rec = {0};

    SET(&rec, region, STR("us-east-1"));
    SET(&rec, name, str_of(name));
    SET(&rec, last_revision, INT32_MAX);
    state_put(&r->state, REC_KIND_FAMILY, id, &rec);
    return id;
}

static void put_definition(struct records *r, uint64_t id, uint64_t family, int revision,
                           struct ecs_task_definition *definition,
                           enum ecs_task_definition_status status)
{
    struct rec_task_definition rec = {0};

    SET(&rec, family_id, (int64_t)family);
    SET(&rec, revision, revision);
    SET(&rec, status, status);
    SET(&rec, delete_requested_at, RECORDS_NOW);
    SET(&rec, definition, definition);
    state_put(&r->state, REC_KIND_TASK_DEFINITION, id, &rec);
}

uint64_t records_definition(struct records *r, uint64_t family, int revision, int cpu, int memory,
                            int port)
{
    uint64_t id = state_new_id(&r->state, REC_KIND_TASK_DEFINITION);
    struct ecs_port_mapping mapping = {0};
    struct ecs_container_definition container = {0};
    struct ecs_task_definition definition = {0};

    SET(&mapping, host_port, port);
    SET(&mapping, container_port, 8080);
    SET(&mapping, protocol, ECS_TRANSPORT_PROTOCOL_TCP);
    SET(&container, name, STR("main"));
    SET(&container, cpu, cpu);
    SET(&container, memory, memory);
    SET(&container, port_mappings, (struct ecs_port_mapping_list){.n = 1, .at = &mapping});
    SET(&definition, container_definitions,
        (struct ecs_container_definition_list){.n = 1, .at = &container});
    put_definition(r, id, family, revision, &definition, ECS_TASK_DEFINITION_STATUS_ACTIVE);
    return id;
}

void records_set_definition(struct records *r, uint64_t id, uint64_t family, int revision,
                            enum ecs_task_definition_status status)
{
    const struct rec_task_definition *old =
        state_get(&r->state, REC_KIND_TASK_DEFINITION, id)->record;

    put_definition(r, id, family, revision, old->definition, status);
}

static struct ecs_resource number(const char *name, int value)
{
    struct ecs_resource resource = {0};

    SET(&resource, name, str_of(name));
    SET(&resource, type, STR("INTEGER"));
    SET(&resource, integer_value, value);
    return resource;
}

uint64_t records_instance(struct records *r, uint64_t cluster, int cpu, int memory)
{
    uint64_t id = state_new_id(&r->state, REC_KIND_INSTANCE);

    records_set_instance(r, id, cluster, cpu, memory);
    records_set_instance_state(r, id, REC_INSTANCE_STATUS_ACTIVE);
    return id;
}

void records_set_instance(struct records *r, uint64_t id, uint64_t cluster, int cpu, int memory)
{
    struct rec_instance rec = {0};
    struct ecs_resource resources[] = {number("CPU", cpu), number("MEMORY", memory)};

    SET(&rec, cluster_id, (int64_t)cluster);
    SET(&rec, uid, str_fmt(&r->arena, "instance%d", (int)id));
    SET(&rec, client_token, str_fmt(&r->arena, "token%d", (int)id));
    SET(&rec, resources, (struct ecs_resource_list){.n = 2, .at = resources});
    state_put(&r->state, REC_KIND_INSTANCE, id, &rec);
}

void records_set_instance_state(struct records *r, uint64_t id, enum rec_instance_status status)
{
    struct rec_instance_state rec = {0};

    SET(&rec, version, 1);
    SET(&rec, status, status);
    SET(&rec, deregistered_at, RECORDS_NOW);
    state_put(&r->state, REC_KIND_INSTANCE_STATE, id, &rec);
}

uint64_t records_task(struct records *r, const struct task_facts *facts)
{
    uint64_t id = state_new_id(&r->state, REC_KIND_TASK);

    records_set_task(r, id, facts);
    return id;
}

void records_set_task(struct records *r, uint64_t id, const struct task_facts *facts)
{
    struct rec_task rec = {0};

    SET(&rec, cluster_id, (int64_t)facts->cluster);
    SET(&rec, uid, str_fmt(&r->arena, "task%d", (int)id));
    SET(&rec, definition_id, facts->definition != 0 ? (int64_t)facts->definition : 1);
    if (facts->instance != 0)
        SET(&rec, instance_id, (int64_t)facts->instance);
    SET(&rec, last_status, facts->last);
    SET(&rec, desired_status, facts->desired);
    SET(&rec, group, str_fmt(&r->arena, "group%d", (int)(id % 3)));
    if (id % 2 == 1)
        SET(&rec, started_by, str_fmt(&r->arena, "starter%d", (int)(id % 3)));
    SET(&rec, launch_type, ECS_LAUNCH_TYPE_EC2);
    SET(&rec, created_at, RECORDS_NOW);
    SET(&rec, stopped_at, RECORDS_NOW);
    state_put(&r->state, REC_KIND_TASK, id, &rec);
}
