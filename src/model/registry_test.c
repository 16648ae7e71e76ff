// The registries together: what lists, counts and books say after records were put.

#include "base/test.h"
#include "model/cluster.h"
#include "model/instance.h"
#include "model/state_testing.h"
#include "model/task.h"
#include "model/task_definition.h"

enum { DEMO = 1 };

#define PENDING  REC_TASK_STATUS_PENDING
#define RUNNING  REC_TASK_STATUS_RUNNING
#define STOPPING REC_TASK_STATUS_STOPPING
#define STOPPED  REC_TASK_STATUS_STOPPED

static struct records r;

static int setup(void **state)
{
    (void)state;
    records_init_demo(&r);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    records_deinit(&r);
    return 0;
}

static struct cluster *demo(void)
{
    return cluster_get(&r.state, DEMO);
}

static uint64_t add_task(uint64_t instance)
{
    return records_task(
        &r, &(struct task_facts){
                .cluster = DEMO, .instance = instance, .last = PENDING, .desired = RUNNING});
}

static void move_task(uint64_t id, enum rec_task_status last, enum rec_task_status desired)
{
    const struct rec_task *rec = task_get(&r.state, id)->rec;

    records_set_task(&r, id,
                     &(struct task_facts){.cluster = DEMO,
                                          .instance = (uint64_t)rec->instance_id,
                                          .last = last,
                                          .desired = desired});
}

// The ids of one walk over the cluster's tasks, "3 1 ".
static struct str walked(const struct task_walk *walk)
{
    struct str got = STR_NONE;
    uint64_t after = 0;

    for (struct task *task; (task = task_after(&r.state, walk, after)) != NULL;) {
        after = task->entity.id;
        got = str_fmt(&r.arena, "%.*s%d ", STR_ARGS(got), (int)after);
    }
    return got;
}

static void expect_listed(bool wanted, const char *ids)
{
    struct task_walk walk = {.cluster = demo(), .wanted = wanted};

    EXPECT_STR(walked(&walk), ids);
}

// ---- clusters

static void a_name_finds_the_newest_cluster_of_its_region(void **state)
{
    uint64_t again;
    (void)state;

    records_set_cluster(&r, DEMO, "demo", REC_CLUSTER_STATUS_INACTIVE);
    assert_ptr_equal(cluster_find(&r.state, STR("us-east-1"), STR("demo")), demo());
    again = records_cluster(&r, "demo");
    assert_int_equal(cluster_find(&r.state, STR("us-east-1"), STR("demo"))->entity.id, again);
    assert_non_null(demo()); // still there by id
    assert_null(cluster_find(&r.state, STR("us-east-2"), STR("demo")));
    assert_null(cluster_find(&r.state, STR("us-east-1"), STR("dem")));
}

static void the_older_cluster_has_its_name_back_when_the_newer_goes(void **state)
{
    uint64_t again = records_cluster(&r, "demo");
    (void)state;

    state_remove(&r.state, REC_KIND_CLUSTER, again);
    assert_ptr_equal(cluster_find(&r.state, STR("us-east-1"), STR("demo")), demo());
}

static void an_empty_inactive_cluster_waits_for_its_end(void **state)
{
    (void)state;

    assert_int_equal(demo()->expiry.slot, 0);
    records_set_cluster(&r, DEMO, "demo", REC_CLUSTER_STATUS_INACTIVE);
    assert_int_equal(demo()->expiry.at, RECORDS_NOW + TIME_HOUR_MS);
    records_set_cluster(&r, DEMO, "demo", REC_CLUSTER_STATUS_ACTIVE);
    assert_int_equal(demo()->expiry.slot, 0);
}

static void a_cluster_with_members_does_not_expire(void **state)
{
    uint64_t instance = records_instance(&r, DEMO, 1000, 1000);
    (void)state;

    records_set_cluster(&r, DEMO, "demo", REC_CLUSTER_STATUS_INACTIVE);
    assert_int_equal(demo()->expiry.slot, 0);
    state_remove(&r.state, REC_KIND_INSTANCE_STATE, instance);
    state_remove(&r.state, REC_KIND_INSTANCE, instance);
    assert_int_not_equal(demo()->expiry.slot, 0);
}

// ---- instances

static void draining_instances_count_and_inactive_ones_do_not(void **state)
{
    uint64_t id = records_instance(&r, DEMO, 1000, 1000);
    (void)state;

    assert_int_equal(demo()->instances_n, 1);
    records_set_instance_state(&r, id, REC_INSTANCE_STATUS_DRAINING);
    assert_int_equal(demo()->instances_n, 1);
    records_set_instance_state(&r, id, REC_INSTANCE_STATUS_INACTIVE);
    assert_int_equal(demo()->instances_n, 0);
    assert_ptr_equal(instance_next(&r.state, demo(), 0), instance_get(&r.state, id));
}

static void instances_are_walked_in_order_past_ids_of_others(void **state)
{
    uint64_t other = records_cluster(&r, "other");
    uint64_t first = records_instance(&r, DEMO, 1, 1);
    uint64_t elsewhere = records_instance(&r, other, 1, 1);
    uint64_t last = records_instance(&r, DEMO, 1, 1);
    (void)state;

    assert_int_equal(instance_next(&r.state, demo(), 0)->entity.id, first);
    assert_int_equal(instance_next(&r.state, demo(), first)->entity.id, last);
    assert_int_equal(instance_next(&r.state, demo(), elsewhere)->entity.id, last);
    assert_null(instance_next(&r.state, demo(), last));
}

static void undone_removals_put_clusters_and_instances_back_in_their_places(void **state)
{
    uint64_t cluster = records_cluster(&r, "b");
    uint64_t first = records_instance(&r, cluster, 1, 1);
    uint64_t last = records_instance(&r, cluster, 1, 1);
    size_t mark = state_mark(&r.state);
    uint64_t seen = 0;
    (void)state;

    state_remove(&r.state, REC_KIND_INSTANCE_STATE, first);
    state_remove(&r.state, REC_KIND_INSTANCE, first);
    state_undo_to(&r.state, mark);
    assert_int_equal(instance_next(&r.state, cluster_get(&r.state, cluster), 0)->entity.id, first);
    assert_int_equal(instance_next(&r.state, cluster_get(&r.state, cluster), first)->entity.id,
                     last);
    cluster = records_cluster(&r, "c");
    records_cluster(&r, "d");
    mark = state_mark(&r.state);
    state_remove(&r.state, REC_KIND_CLUSTER, cluster);
    state_undo_to(&r.state, mark);
    LIST_EACH (&r.state.clusters, it)
        assert_int_equal(LIST_ENTRY(it, struct cluster, in_state)->entity.id, ++seen);
}

static void a_client_token_finds_a_registered_instance_of_its_cluster(void **state)
{
    uint64_t id = records_instance(&r, DEMO, 1, 1);
    (void)state;

    assert_ptr_equal(instance_find_token(&r.state, DEMO, STR("token1")),
                     instance_get(&r.state, id));
    assert_null(instance_find_token(&r.state, DEMO + 1, STR("token1")));
    records_set_instance_state(&r, id, REC_INSTANCE_STATUS_INACTIVE);
    assert_null(instance_find_token(&r.state, DEMO, STR("token1")));
}

static void an_inactive_instance_waits_until_no_task_names_it(void **state)
{
    uint64_t id = records_instance(&r, DEMO, 1000, 1000);
    uint64_t task = add_task(id);
    (void)state;

    move_task(task, STOPPED, STOPPED);
    records_set_instance_state(&r, id, REC_INSTANCE_STATUS_INACTIVE);
    assert_int_equal(instance_get(&r.state, id)->expiry.slot, 0);
    state_remove(&r.state, REC_KIND_TASK, task);
    assert_int_equal(instance_get(&r.state, id)->expiry.at, RECORDS_NOW + TIME_HOUR_MS);
}

static void registering_fewer_resources_overdraws_the_books(void **state)
{
    uint64_t id = records_instance(&r, DEMO, 1000, 1000);
    const struct books *books = &instance_get(&r.state, id)->books;
    uint64_t task = add_task(id);
    (void)state;

    assert_int_equal(books->cpu_left, 900);
    records_set_instance(&r, id, DEMO, 50, 150);
    assert_int_equal(books->cpu_left, -50);
    assert_int_equal(books->memory_left, -50);
    assert_true(port_set_has(&books->tcp, 80));
    move_task(task, STOPPED, STOPPED);
    assert_int_equal(books->cpu_left, 50);
    assert_int_equal(books->memory_left, 150);
    assert_false(port_set_has(&books->tcp, 80));
}

// The ports of a task live in memory of its reservation, which new books would make anew.
static void a_record_with_the_same_resources_leaves_the_books_open(void **state)
{
    uint64_t id = records_instance(&r, DEMO, 1000, 1000);
    const struct task *task = task_get(&r.state, add_task(id));
    const struct need_port *ports = task->reservation.ports;
    const void *filler;
    (void)state;

    records_set_instance(&r, id, DEMO, 1000, 1000);
    filler = mem_alloc(sizeof *ports); // takes the place of what would have been freed
    assert_ptr_equal(task->reservation.ports, ports);
    assert_ptr_not_equal(filler, ports);
    assert_int_equal(instance_get(&r.state, id)->books.cpu_left, 900);
    mem_free((void *)(uintptr_t)filler);
}

// ---- tasks

static void a_placed_task_holds_its_place_until_it_is_stopped(void **state)
{
    uint64_t id = records_instance(&r, DEMO, 1000, 1000);
    struct instance *instance = instance_get(&r.state, id);
    uint64_t task = add_task(id);
    (void)state;

    assert_int_equal(instance->books.memory_left, 800);
    move_task(task, RUNNING, RUNNING);
    move_task(task, RUNNING, STOPPED);
    move_task(task, STOPPING, STOPPED);
    assert_int_equal(instance->books.memory_left, 800);
    assert_int_equal(instance->tasks.next == &instance->tasks, 0);
    move_task(task, STOPPED, STOPPED);
    assert_int_equal(instance->books.memory_left, 1000);
    assert_true(list_is_empty(&instance->tasks));
}

static void counts_follow_the_status(void **state)
{
    uint64_t id = records_instance(&r, DEMO, 1000, 1000);
    struct instance *instance = instance_get(&r.state, id);
    uint64_t task = add_task(id);
    (void)state;

    assert_int_equal(demo()->pending_n[ECS_LAUNCH_TYPE_EC2], 1);
    assert_int_equal(instance->pending_n, 1);
    assert_int_equal(instance->wanted_n, 1);
    move_task(task, RUNNING, RUNNING);
    assert_int_equal(demo()->pending_n[ECS_LAUNCH_TYPE_EC2], 0);
    assert_int_equal(demo()->running_n[ECS_LAUNCH_TYPE_EC2], 1);
    assert_int_equal(instance->pending_n, 0);
    move_task(task, RUNNING, STOPPED);
    assert_int_equal(instance->wanted_n, 0);
    assert_int_equal(group_counts_of(&instance->groups, STR("group1")), 0);
    assert_int_equal(demo()->tasks_n, 1);
    move_task(task, STOPPED, STOPPED);
    assert_int_equal(demo()->tasks_n, 0);
    assert_int_equal(demo()->running_n[ECS_LAUNCH_TYPE_EC2], 0);
}

static void a_task_that_is_placed_later_takes_then(void **state)
{
    uint64_t id = records_instance(&r, DEMO, 1000, 1000);
    uint64_t task = add_task(0);
    (void)state;

    assert_false(task_get(&r.state, task)->reservation.held);
    records_set_task(
        &r, task,
        &(struct task_facts){.cluster = DEMO, .instance = id, .last = PENDING, .desired = RUNNING});
    assert_true(task_get(&r.state, task)->reservation.held);
    assert_int_equal(instance_get(&r.state, id)->books.cpu_left, 900);
}

static void wanted_tasks_are_listed_by_id_and_others_as_they_were_stopped(void **state)
{
    (void)state;

    for (int i = 0; i < 4; i++)
        add_task(0);
    expect_listed(true, "1 2 3 4 ");
    move_task(3, PENDING, STOPPED);
    move_task(1, PENDING, STOPPED);
    expect_listed(true, "2 4 ");
    expect_listed(false, "3 1 ");
    move_task(3, STOPPED, STOPPED); // stays where it is
    expect_listed(false, "3 1 ");
}

static void an_undone_stop_puts_a_task_back_in_its_place(void **state)
{
    size_t mark;
    (void)state;

    for (int i = 0; i < 3; i++)
        add_task(0);
    mark = state_mark(&r.state);
    move_task(2, STOPPED, STOPPED);
    state_undo_to(&r.state, mark);
    expect_listed(true, "1 2 3 ");
    expect_listed(false, "");
}

static void a_walk_goes_on_where_a_task_has_left(void **state)
{
    struct task_walk wanted = {.cluster = demo(), .wanted = true};
    struct task_walk unwanted = {.cluster = demo()};
    (void)state;

    for (int i = 0; i < 3; i++)
        add_task(0);
    move_task(2, PENDING, STOPPED);
    assert_int_equal(task_after(&r.state, &wanted, 2)->entity.id, 3);
    assert_null(task_after(&r.state, &wanted, 3));
    assert_int_equal(task_after(&r.state, &unwanted, 0)->entity.id, 2);
}

static void tasks_are_listed_by_family_and_by_who_started_them(void **state)
{
    uint64_t other = records_definition(&r, records_family(&r, "other"), 1, 0, 0, 0);
    struct task_walk family = {.cluster = demo(), .wanted = true, .family_id = 2};
    struct task_walk starter = {.cluster = demo(), .wanted = true, .started_by = STR("starter1")};
    (void)state;

    for (int i = 0; i < 9; i++) {
        struct task_facts facts = {
            .cluster = DEMO, .definition = i < 3 ? 1 : other, .last = PENDING, .desired = RUNNING};
        records_task(&r, &facts);
    }
    EXPECT_STR(walked(&family), "4 5 6 7 8 9 ");
    EXPECT_STR(walked(&starter), "1 7 ");
    move_task(5, STOPPED, STOPPED);
    assert_int_equal(task_after(&r.state, &family, 5)->entity.id, 6); // the walk stood at 5
    starter.started_by = STR("nobody");
    EXPECT_STR(walked(&starter), "");
    family.wanted = false;
    EXPECT_STR(walked(&family), "5 ");
}

static void a_stopped_task_waits_for_its_end(void **state)
{
    uint64_t task = add_task(0);
    (void)state;

    assert_null(expiry_first(&r.state.stopped));
    move_task(task, STOPPED, STOPPED);
    assert_int_equal(expiry_first(&r.state.stopped)->id, task);
    assert_int_equal(expiry_first(&r.state.stopped)->at, RECORDS_NOW + TIME_HOUR_MS);
    assert_ptr_equal(task_find_uid(&r.state, STR("task1")), task_get(&r.state, task));
    state_remove(&r.state, REC_KIND_TASK, task);
    assert_null(task_find_uid(&r.state, STR("task1")));
    assert_null(expiry_first(&r.state.stopped));
}

// ---- task definitions

static void the_newest_active_revision_stands_for_its_family(void **state)
{
    struct family *family = family_find(&r.state, STR("us-east-1"), STR("web"));
    uint64_t second = records_definition(&r, 1, 2, 0, 4, 0);
    (void)state;

    assert_int_equal(family_newest_active(family)->entity.id, second);
    records_set_definition(&r, second, 1, 2, ECS_TASK_DEFINITION_STATUS_INACTIVE);
    assert_int_equal(family_newest_active(family)->rec->revision, 1);
    assert_int_equal(family_revision(family, 2)->entity.id, second);
    records_set_definition(&r, 1, 1, 1, ECS_TASK_DEFINITION_STATUS_INACTIVE);
    assert_null(family_newest_active(family));
    assert_null(family_revision(family, 3));
}

static void families_stand_in_lexicographic_order(void **state)
{
    struct str region = STR("us-east-1");
    (void)state;

    records_family(&r, "api");
    records_family(&r, "zoo");
    EXPECT_STR(family_at_or_after(&r.state, region, STR_NONE, false)->rec->name, "api");
    EXPECT_STR(family_at_or_after(&r.state, region, STR("web"), true)->rec->name, "zoo");
    EXPECT_STR(family_at_or_before(&r.state, region, STR("web"), true)->rec->name, "api");
    EXPECT_STR(family_last(&r.state, region)->rec->name, "zoo");
    assert_null(family_at_or_after(&r.state, region, STR("zoo"), true));
    assert_null(family_last(&r.state, STR("us-east-2")));
}

static void a_definition_being_deleted_waits_for_its_tasks(void **state)
{
    uint64_t task = add_task(0);
    struct task_definition *definition = task_definition_get(&r.state, 1);
    (void)state;

    assert_int_equal(definition->tasks_n, 1);
    records_set_definition(&r, 1, 1, 1, ECS_TASK_DEFINITION_STATUS_DELETE_IN_PROGRESS);
    assert_int_equal(definition->expiry.slot, 0);
    move_task(task, STOPPED, STOPPED);
    assert_int_equal(definition->expiry.slot, 0);
    state_remove(&r.state, REC_KIND_TASK, task);
    assert_int_equal(definition->expiry.at, RECORDS_NOW + TIME_HOUR_MS);
}

#define REGISTRY_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        REGISTRY_TEST(a_name_finds_the_newest_cluster_of_its_region),
        REGISTRY_TEST(the_older_cluster_has_its_name_back_when_the_newer_goes),
        REGISTRY_TEST(an_empty_inactive_cluster_waits_for_its_end),
        REGISTRY_TEST(a_cluster_with_members_does_not_expire),
        REGISTRY_TEST(draining_instances_count_and_inactive_ones_do_not),
        REGISTRY_TEST(instances_are_walked_in_order_past_ids_of_others),
        REGISTRY_TEST(a_client_token_finds_a_registered_instance_of_its_cluster),
        REGISTRY_TEST(undone_removals_put_clusters_and_instances_back_in_their_places),
        REGISTRY_TEST(an_inactive_instance_waits_until_no_task_names_it),
        REGISTRY_TEST(registering_fewer_resources_overdraws_the_books),
        REGISTRY_TEST(a_record_with_the_same_resources_leaves_the_books_open),
        REGISTRY_TEST(a_placed_task_holds_its_place_until_it_is_stopped),
        REGISTRY_TEST(counts_follow_the_status),
        REGISTRY_TEST(a_task_that_is_placed_later_takes_then),
        REGISTRY_TEST(wanted_tasks_are_listed_by_id_and_others_as_they_were_stopped),
        REGISTRY_TEST(an_undone_stop_puts_a_task_back_in_its_place),
        REGISTRY_TEST(a_walk_goes_on_where_a_task_has_left),
        REGISTRY_TEST(tasks_are_listed_by_family_and_by_who_started_them),
        REGISTRY_TEST(a_stopped_task_waits_for_its_end),
        REGISTRY_TEST(the_newest_active_revision_stands_for_its_family),
        REGISTRY_TEST(families_stand_in_lexicographic_order),
        REGISTRY_TEST(a_definition_being_deleted_waits_for_its_tasks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
