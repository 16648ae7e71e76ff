// Placement against the oracle: random fleets, random requests that come again and again, and
// everything that can happen to instances and tasks in between. Whatever the order, place() and a
// look at every instance agree on who may be chosen, and on who came closest when nobody may.

#include "base/arena.h"
#include "base/test.h"
#include "core/fleet_testing.h"
#include "core/oracle_testing.h"
#include "model/cluster.h"
#include "model/instance.h"
#include "model/task.h"
#include "model/task_definition.h"

enum { SEEDS = 60, STEPS = 500, DEFINITIONS = 4, REQUESTS = 10, GROUPS = 4 };

// A request to be asked, and what it points at.
struct question {
    struct placement_request request;
    struct query *queries[2];
    struct ecs_placement_strategy strategies[5];
    struct ecs_placement_strategy_list chain;
};

struct player {
    struct fleet fleet;
    struct question questions[REQUESTS];
    struct arena scratch;
    int uids;
};

static uint64_t below(struct player *p, uint64_t bound)
{
    return rng_below(&p->fleet.rng, bound);
}

static bool chance(struct player *p, unsigned one_in)
{
    return below(p, one_in) == 0;
}

static const char *one_of(struct player *p, const char *const *texts, size_t n)
{
    return texts[below(p, n)];
}
#define ONE_OF(p, ...)                                                                             \
    one_of(p, (const char *const[]){__VA_ARGS__},                                                  \
           sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static struct str group(struct player *p)
{
    return str_of(ONE_OF(p, "family:web", "a", "b", "c"));
}

// --- what there is

static struct ecs_resource resource(struct player *p, const char *name, int value, const char *text)
{
    struct ecs_resource resource = {0};

    SET(&resource, name, str_of(name));
    SET(&resource, integer_value, value);
    if (text[0] != '\0') {
        struct str *port = arena_new(&p->fleet.arena, struct str);
        *port = str_of(text);
        SET(&resource, string_set_value, (struct str_list){.n = 1, .at = port});
    }
    return resource;
}

static struct ecs_attribute_list attributes(struct player *p)
{
    struct ecs_attribute_list list = {.at = arena_array(&p->fleet.arena, struct ecs_attribute, 6)};

    if (!chance(p, 5)) {
        SET(&list.at[list.n], name, STR("zone"));
        if (!chance(p, 6))
            SET(&list.at[list.n], value, str_of(ONE_OF(p, "a", "b", "c")));
        list.n++;
    }
    if (chance(p, 2)) {
        SET(&list.at[list.n], name, STR("rack"));
        SET(&list.at[list.n], value, str_of(ONE_OF(p, "1", "2", "3")));
        list.n++;
    }
    if (chance(p, 3)) {
        SET(&list.at[list.n], name, STR("fast"));
        list.n++;
    }
    if (chance(p, 8)) {
        SET(&list.at[list.n], name, STR("ecs.capability.external"));
        list.n++;
    }
    if (!chance(p, 4)) {
        SET(&list.at[list.n], name, STR("ecs.availability-zone"));
        SET(&list.at[list.n], value, str_of(ONE_OF(p, "z1", "z2")));
        list.n++;
    }
    if (!chance(p, 4)) {
        SET(&list.at[list.n], name, STR("gantry.capacity-provider"));
        SET(&list.at[list.n], value, str_of(ONE_OF(p, "metal", "spare")));
        list.n++;
    }
    return list;
}

static void put_instance(struct player *p, uint64_t id, struct str uid)
{
    struct rec_instance rec = {0};
    struct ecs_resource resources[] = {
        resource(p, "CPU", (int)below(p, 5) * 10, ""),
        resource(p, "MEMORY", (int)below(p, 5) * 10, ""),
        resource(p, "PORTS", 0, ONE_OF(p, "", "", "80", "81")),
        resource(p, "PORTS_UDP", 0, ONE_OF(p, "", "", "80")),
        resource(p, "GPU", 0, ONE_OF(p, "", "gpu0")),
    };

    SET(&rec, cluster_id, 1);
    SET(&rec, uid, uid);
    SET(&rec, attributes, attributes(p));
    SET(&rec, resources, (struct ecs_resource_list){.n = 5, .at = resources});
    state_put(&p->fleet.state, REC_KIND_INSTANCE, id, &rec);
}

static void put_status(struct player *p, uint64_t id, enum rec_instance_status status)
{
    struct rec_instance_state st = {0};

    SET(&st, status, status);
    state_put(&p->fleet.state, REC_KIND_INSTANCE_STATE, id, &st);
}

static void add_instance(struct player *p)
{
    uint64_t id = state_new_id(&p->fleet.state, REC_KIND_INSTANCE);

    put_instance(p, id, str_fmt(&p->fleet.arena, "i%d", p->uids++));
    put_status(p, id, REC_INSTANCE_STATUS_ACTIVE);
    instance_set_session(&p->fleet.state, instance_get(&p->fleet.state, id), chance(p, 9) ? 0 : id);
}

static uint64_t any(struct player *p, enum rec_kind kind)
{
    const struct idtable *table = &p->fleet.state.entities[kind];
    uint64_t id = idtable_next(table, below(p, p->fleet.state.next_id[kind]));

    return id != 0 ? id : idtable_next(table, 0);
}

// --- what happens

static void change_instance(struct player *p)
{
    uint64_t id = any(p, REC_KIND_INSTANCE);
    struct instance *instance = instance_get(&p->fleet.state, id);

    if (id == 0)
        return;
    switch (below(p, 6)) {
    case 0:
        put_status(p, id, chance(p, 3) ? REC_INSTANCE_STATUS_DRAINING : REC_INSTANCE_STATUS_ACTIVE);
        break;
    case 1: put_instance(p, id, instance->uid); break;
    case 2:
        if (instance->records_n > 0)
            break;
        state_remove(&p->fleet.state, REC_KIND_INSTANCE_STATE, id);
        state_remove(&p->fleet.state, REC_KIND_INSTANCE, id);
        break;
    default: instance_set_session(&p->fleet.state, instance, chance(p, 4) ? 0 : id); break;
    }
}

static void put_task(struct player *p, uint64_t id, uint64_t instance, uint64_t definition,
                     struct str group_name, bool wanted)
{
    struct rec_task rec = {0};

    SET(&rec, cluster_id, 1);
    SET(&rec, uid, str_fmt(&p->fleet.arena, "t%d", (int)id));
    SET(&rec, definition_id, (int64_t)definition);
    SET(&rec, instance_id, (int64_t)instance);
    SET(&rec, last_status, REC_TASK_STATUS_RUNNING);
    SET(&rec, desired_status, wanted ? REC_TASK_STATUS_RUNNING : REC_TASK_STATUS_STOPPED);
    SET(&rec, group, group_name);
    SET(&rec, launch_type, ECS_LAUNCH_TYPE_EC2);
    state_put(&p->fleet.state, REC_KIND_TASK, id, &rec);
}

static void add_task(struct player *p)
{
    uint64_t instance = any(p, REC_KIND_INSTANCE);

    if (instance != 0)
        put_task(p, state_new_id(&p->fleet.state, REC_KIND_TASK), instance,
                 1 + below(p, DEFINITIONS), group(p), true);
}

static void change_task(struct player *p)
{
    uint64_t id = any(p, REC_KIND_TASK);
    const struct task *task = task_get(&p->fleet.state, id);

    if (id == 0)
        return;
    if (chance(p, 3))
        put_task(p, id, (uint64_t)task->rec->instance_id, task->definition_id, task->rec->group,
                 false);
    else
        state_remove(&p->fleet.state, REC_KIND_TASK, id);
}

static void ask(struct player *p);

static void do_something(struct player *p)
{
    switch (below(p, 12)) {
    case 0: add_instance(p); break;
    case 1:
    case 2: change_instance(p); break;
    case 3: add_task(p); break;
    case 4:
    case 5: change_task(p); break;
    default: ask(p); break;
    }
}

static void undo_something(struct player *p)
{
    size_t mark = state_mark(&p->fleet.state);

    for (uint64_t n = below(p, 8); n > 0; n--)
        do_something(p);
    state_undo_to(&p->fleet.state, mark);
}

// --- what is asked

static void add_definition(struct player *p, int i)
{
    struct fleet *fleet = &p->fleet;
    uint64_t id = state_new_id(&fleet->state, REC_KIND_TASK_DEFINITION);
    struct rec_task_definition rec = {0};
    struct ecs_task_definition spec = {0};
    struct ecs_container_definition container = {0};
    struct ecs_port_mapping mapping = {0};
    struct ecs_attribute fast = {0};
    struct ecs_resource_requirement gpu = {0};

    SET(&gpu, type, ECS_RESOURCE_TYPE_GPU);
    SET(&gpu, value, STR("1"));
    if (i == 3)
        SET(&container, resource_requirements,
            (struct ecs_resource_requirement_list){.n = 1, .at = &gpu});
    SET(&mapping, host_port, i == 1 ? 80 : 0);
    SET(&mapping, protocol, chance(p, 2) ? ECS_TRANSPORT_PROTOCOL_TCP : ECS_TRANSPORT_PROTOCOL_UDP);
    SET(&container, name, STR("main"));
    SET(&container, cpu, (int)below(p, 3) * 5);
    SET(&container, memory, (int)below(p, 3) * 5);
    SET(&container, port_mappings, (struct ecs_port_mapping_list){.n = 1, .at = &mapping});
    SET(&spec, container_definitions,
        (struct ecs_container_definition_list){.n = 1, .at = &container});
    SET(&fast, name, STR("fast"));
    if (i == 2)
        SET(&spec, requires_attributes, (struct ecs_attribute_list){.n = 1, .at = &fast});
    SET(&rec, family_id, 1);
    SET(&rec, revision, (int32_t)id);
    SET(&rec, status, ECS_TASK_DEFINITION_STATUS_ACTIVE);
    SET(&rec, definition, &spec);
    state_put(&fleet->state, REC_KIND_TASK_DEFINITION, id, &rec);
}

static void add_strategy(struct player *p, struct question *q)
{
    struct ecs_placement_strategy *strategy = &q->strategies[q->chain.n++];

    switch (below(p, 7)) {
    case 0: SET(strategy, type, ECS_PLACEMENT_STRATEGY_TYPE_RANDOM); break;
    case 1:
    case 2:
        SET(strategy, type, ECS_PLACEMENT_STRATEGY_TYPE_BINPACK);
        SET(strategy, field, str_of(ONE_OF(p, "cpu", "memory", "MEMORY")));
        break;
    default:
        SET(strategy, type, ECS_PLACEMENT_STRATEGY_TYPE_SPREAD);
        SET(strategy, field,
            str_of(ONE_OF(p, "instanceId", "host", "attribute:zone", "attribute:rack",
                          "attribute:nope")));
        break;
    }
}

static void add_query(struct player *p, struct question *q)
{
    const char *text =
        ONE_OF(p, "attribute:zone in [a, b]", "attribute:rack exists or attribute:zone == c",
               "runningTasksCount < 3", "task:group == a", "not(task:group == b)",
               "attribute:fast exists and runningTasksCount < 4", "attribute:zone !exists");
    size_t at;

    q->queries[q->request.member_of_n++] = query_parse(&p->fleet.arena, str_of(text), &at);
}

static void make_question(struct player *p, struct question *q)
{
    q->request.cluster = cluster_get(&p->fleet.state, 1);
    q->request.definition = task_definition_get(&p->fleet.state, 1 + below(p, DEFINITIONS));
    q->request.need = &q->request.definition->need;
    q->request.launch_type = chance(p, 6) ? ECS_LAUNCH_TYPE_EXTERNAL : ECS_LAUNCH_TYPE_EC2;
    q->request.group = group(p);
    if (chance(p, 4))
        q->request.zone = str_of(ONE_OF(p, "z1", "z2", "z3"));
    if (chance(p, 4))
        q->request.provider = str_of(ONE_OF(p, "metal", "spare", "none"));
    q->request.distinct_instance = chance(p, 3);
    q->request.member_of = q->queries;
    q->request.strategies = &q->chain;
    q->chain.at = q->strategies;
    for (uint64_t n = below(p, 4); n > 0; n--)
        add_strategy(p, q);
    for (uint64_t n = chance(p, 2) ? 0 : 1 + below(p, 2); n > 0; n--)
        add_query(p, q);
}

static void ask(struct player *p)
{
    struct question *q = &p->questions[below(p, REQUESTS)];
    struct placement placement;
    struct oracle oracle;

    if (chance(p, 3))
        q->request.group = group(p); // another group asks for the same
    placement = place(&p->fleet.step, &q->request);
    arena_reset(&p->scratch);
    oracle_ask(&oracle, &p->scratch, &q->request);
    assert_true(oracle_allows(&oracle, &placement));
    if (placement.instance != NULL && chance(p, 2))
        put_task(p, state_new_id(&p->fleet.state, REC_KIND_TASK), placement.instance->entity.id,
                 q->request.definition->entity.id, q->request.group, true);
}

static void play(uint64_t seed)
{
    struct player p = {0};

    fleet_init(&p.fleet);
    rng_init(&p.fleet.rng, seed);
    for (int i = 1; i < DEFINITIONS; i++)
        add_definition(&p, i);
    for (int i = 0; i < REQUESTS; i++)
        make_question(&p, &p.questions[i]);
    for (uint64_t n = below(&p, 30); n > 0; n--)
        add_instance(&p);
    for (int step = 0; step < STEPS; step++) {
        if (chance(&p, 20))
            undo_something(&p);
        else
            do_something(&p);
        if (step % 50 == 0)
            state_check(&p.fleet.state);
    }
    for (int i = 0; i < REQUESTS; i++) {
        for (size_t k = 0; k < p.questions[i].request.member_of_n; k++)
            query_free(p.questions[i].queries[k]);
    }
    fleet_deinit(&p.fleet);
    arena_deinit(&p.scratch);
}

static void it_agrees_with_a_look_at_every_instance(void **state)
{
    (void)state;

    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        play(seed);
}

// Six equals in three zones, two of which also have instances that are worse.
static void equals_are_equally_likely(void **state)
{
    static const char *const zones[] = {"a", "a", "a", "b", "b", "c"};
    struct player p = {0};
    struct question *q = &p.questions[0];
    int hits[8] = {0};

    (void)state;
    fleet_init(&p.fleet);
    for (size_t i = 0; i < 6; i++)
        fleet_add_instance(&p.fleet, str_cstr(&p.fleet.arena, str_fmt(&p.fleet.arena, "%zu", i)),
                           10, 10,
                           str_cstr(&p.fleet.arena, str_fmt(&p.fleet.arena, "zone=%s", zones[i])));
    fleet_add_instance(&p.fleet, "6", 90, 10, "zone=a");
    fleet_add_instance(&p.fleet, "7", 90, 10, "zone=b");
    q->request.cluster = cluster_get(&p.fleet.state, 1);
    q->request.definition = task_definition_get(&p.fleet.state, 1);
    q->request.need = &q->request.definition->need;
    q->request.launch_type = ECS_LAUNCH_TYPE_EC2;
    q->request.group = STR("family:web");
    q->request.strategies = &q->chain;
    q->chain.at = q->strategies;
    q->chain.n = 2;
    SET(&q->strategies[0], type, ECS_PLACEMENT_STRATEGY_TYPE_SPREAD);
    SET(&q->strategies[0], field, STR("attribute:zone"));
    SET(&q->strategies[1], type, ECS_PLACEMENT_STRATEGY_TYPE_BINPACK);
    SET(&q->strategies[1], field, STR("cpu"));
    for (int i = 0; i < 6000; i++)
        hits[place(&p.fleet.step, &q->request).instance->entity.id - 1]++;
    for (size_t i = 0; i < 6; i++)
        assert_in_range(hits[i], 900, 1100);
    assert_int_equal(hits[6] + hits[7], 0);
    fleet_deinit(&p.fleet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_agrees_with_a_look_at_every_instance),
        cmocka_unit_test(equals_are_equally_likely),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
