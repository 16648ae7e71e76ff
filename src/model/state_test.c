#include "model/state.h"

#include "base/test.h"
#include "model/cluster.h"
#include "model/state_testing.h"

static struct records r;

static int setup(void **state)
{
    (void)state;
    records_init(&r);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    records_deinit(&r);
    return 0;
}

static const struct rec_cluster *cluster(uint64_t id)
{
    const struct entity *entity = state_get(&r.state, REC_KIND_CLUSTER, id);

    return entity != NULL ? entity->record : NULL;
}

static void expect_status(uint64_t id, enum rec_cluster_status status)
{
    assert_non_null(cluster(id));
    assert_int_equal(cluster(id)->status, status);
}

static void ids_grow_and_are_not_given_out_twice(void **state)
{
    (void)state;

    assert_int_equal(state_new_id(&r.state, REC_KIND_CLUSTER), 1);
    assert_int_equal(state_new_id(&r.state, REC_KIND_CLUSTER), 2);
    assert_int_equal(state_new_id(&r.state, REC_KIND_TASK), 1);
}

static void ids_of_removed_and_undone_records_stay_used(void **state)
{
    uint64_t id = records_cluster(&r, "demo");
    (void)state;

    state_undo_to(&r.state, 0);
    assert_null(cluster(id));
    assert_true(state_new_id(&r.state, REC_KIND_CLUSTER) > id);
}

static void ids_go_on_behind_what_was_loaded(void **state)
{
    struct rec_cluster rec = {0};
    (void)state;

    SET(&rec, region, STR("us-east-1"));
    SET(&rec, name, STR("old"));
    SET(&rec, status, REC_CLUSTER_STATUS_ACTIVE);
    state_load(&r.state, REC_KIND_CLUSTER, 41, &rec);
    assert_int_equal(state_new_id(&r.state, REC_KIND_CLUSTER), 42);
    assert_int_equal(state_mark(&r.state), 0);
}

static void a_put_freezes_a_copy(void **state)
{
    char name[] = "demo";
    struct rec_cluster rec = {0};
    uint64_t id = state_new_id(&r.state, REC_KIND_CLUSTER);
    (void)state;

    SET(&rec, region, STR("us-east-1"));
    SET(&rec, name, str_of(name));
    SET(&rec, status, REC_CLUSTER_STATUS_ACTIVE);
    state_put(&r.state, REC_KIND_CLUSTER, id, &rec);
    memset(name, 'x', sizeof name - 1);
    EXPECT_STR(cluster(id)->name, "demo");
}

static void a_batch_holds_each_record_once_with_its_newest_value(void **state)
{
    uint64_t a = records_cluster(&r, "a");
    uint64_t b = records_cluster(&r, "b");
    struct batch batch;
    (void)state;

    records_set_cluster(&r, a, "a", REC_CLUSTER_STATUS_INACTIVE);
    records_set_cluster(&r, a, "a", REC_CLUSTER_STATUS_FAILED);
    batch = state_take_batch(&r.state);
    assert_int_equal(batch.writes_n, 2);
    assert_int_equal(batch.writes[0].id, a);
    assert_ptr_equal(batch.writes[0].value, cluster(a));
    assert_int_equal(batch.writes[1].id, b);
    assert_int_equal(((const struct rec_cluster *)batch.writes[0].value)->status,
                     REC_CLUSTER_STATUS_FAILED);
    batch_free(&batch);
}

static void a_batch_without_changes_is_empty(void **state)
{
    struct batch batch = state_take_batch(&r.state);
    (void)state;

    assert_int_equal(batch.writes_n, 0);
    assert_int_equal(batch.number + 1, r.state.batch);
    batch_free(&batch);
}

static void a_removal_is_a_write_without_a_value(void **state)
{
    uint64_t id = records_cluster(&r, "demo");
    struct batch batch;
    (void)state;

    records_commit(&r);
    state_remove(&r.state, REC_KIND_CLUSTER, id);
    assert_null(cluster(id));
    batch = state_take_batch(&r.state);
    assert_int_equal(batch.writes_n, 1);
    assert_null(batch.writes[0].value);
    batch_free(&batch);
}

static void replaced_records_stay_readable_until_their_batch_is_freed(void **state)
{
    uint64_t id = records_cluster(&r, "demo");
    const struct rec_cluster *before;
    struct batch batch;
    (void)state;

    records_commit(&r);
    before = cluster(id);
    records_set_cluster(&r, id, "demo", REC_CLUSTER_STATUS_INACTIVE);
    batch = state_take_batch(&r.state);
    records_set_cluster(&r, id, "demo", REC_CLUSTER_STATUS_FAILED);
    EXPECT_STR(before->name, "demo");
    assert_int_equal(before->status, REC_CLUSTER_STATUS_ACTIVE);
    batch_free(&batch);
    expect_status(id, REC_CLUSTER_STATUS_FAILED);
}

static void a_savepoint_undoes_what_came_after_it(void **state)
{
    uint64_t a = records_cluster(&r, "a");
    size_t mark = state_mark(&r.state);
    uint64_t b;
    struct batch batch;
    (void)state;

    records_set_cluster(&r, a, "a", REC_CLUSTER_STATUS_INACTIVE);
    b = records_cluster(&r, "b");
    state_undo_to(&r.state, mark);
    expect_status(a, REC_CLUSTER_STATUS_ACTIVE);
    assert_null(cluster(b));
    batch = state_take_batch(&r.state);
    assert_int_equal(batch.writes_n, 1);
    assert_int_equal(batch.writes[0].id, a);
    batch_free(&batch);
}

// The first change of a batch is what makes a record part of it; an undo must not lose that.
static void what_is_changed_again_after_an_undo_is_written(void **state)
{
    uint64_t id = records_cluster(&r, "demo");
    struct batch batch;
    (void)state;

    records_commit(&r);
    records_set_cluster(&r, id, "demo", REC_CLUSTER_STATUS_INACTIVE);
    state_undo_to(&r.state, 0);
    records_set_cluster(&r, id, "demo", REC_CLUSTER_STATUS_FAILED);
    records_set_cluster(&r, id, "demo", REC_CLUSTER_STATUS_ACTIVE);
    batch = state_take_batch(&r.state);
    assert_int_equal(batch.writes_n, 1);
    assert_ptr_equal(batch.writes[0].value, cluster(id));
    batch_free(&batch);
}

static void an_undone_removal_brings_the_record_back(void **state)
{
    uint64_t id = records_cluster(&r, "demo");
    (void)state;

    records_commit(&r);
    state_remove(&r.state, REC_KIND_CLUSTER, id);
    state_undo_to(&r.state, 0);
    expect_status(id, REC_CLUSTER_STATUS_ACTIVE);
    assert_ptr_equal(cluster_find(&r.state, STR("us-east-1"), STR("demo"))->rec, cluster(id));
}

static void a_failed_commit_restores_what_was_before(void **state)
{
    uint64_t old = records_cluster(&r, "old");
    uint64_t young;
    struct batch batch;
    (void)state;

    records_commit(&r);
    records_set_cluster(&r, old, "old", REC_CLUSTER_STATUS_INACTIVE);
    young = records_cluster(&r, "young");
    records_set_cluster(&r, young, "young", REC_CLUSTER_STATUS_INACTIVE);
    batch = state_take_batch(&r.state);
    batch_undo(&r.state, &batch);
    expect_status(old, REC_CLUSTER_STATUS_ACTIVE);
    assert_null(cluster(young));
    assert_null(cluster_find(&r.state, STR("us-east-1"), STR("young")));
}

static void several_batches_are_undone_newest_first(void **state)
{
    uint64_t id = records_cluster(&r, "demo");
    struct batch first;
    struct batch second;
    (void)state;

    records_commit(&r);
    records_set_cluster(&r, id, "demo", REC_CLUSTER_STATUS_PROVISIONING);
    first = state_take_batch(&r.state);
    records_set_cluster(&r, id, "demo", REC_CLUSTER_STATUS_DEPROVISIONING);
    second = state_take_batch(&r.state);
    records_set_cluster(&r, id, "demo", REC_CLUSTER_STATUS_INACTIVE);

    state_undo_to(&r.state, 0);
    expect_status(id, REC_CLUSTER_STATUS_DEPROVISIONING);
    batch_undo(&r.state, &second);
    expect_status(id, REC_CLUSTER_STATUS_PROVISIONING);
    batch_undo(&r.state, &first);
    expect_status(id, REC_CLUSTER_STATUS_ACTIVE);
}

static void after_a_failed_commit_the_next_batch_is_whole(void **state)
{
    uint64_t id = records_cluster(&r, "demo");
    struct batch batch;
    (void)state;

    records_commit(&r);
    records_set_cluster(&r, id, "demo", REC_CLUSTER_STATUS_INACTIVE);
    batch = state_take_batch(&r.state);
    batch_undo(&r.state, &batch);
    records_set_cluster(&r, id, "demo", REC_CLUSTER_STATUS_FAILED);
    batch = state_take_batch(&r.state);
    assert_int_equal(batch.writes_n, 1);
    assert_ptr_equal(batch.writes[0].value, cluster(id));
    batch_free(&batch);
}

#define STATE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STATE_TEST(ids_grow_and_are_not_given_out_twice),
        STATE_TEST(ids_of_removed_and_undone_records_stay_used),
        STATE_TEST(ids_go_on_behind_what_was_loaded),
        STATE_TEST(a_put_freezes_a_copy),
        STATE_TEST(a_batch_holds_each_record_once_with_its_newest_value),
        STATE_TEST(a_batch_without_changes_is_empty),
        STATE_TEST(a_removal_is_a_write_without_a_value),
        STATE_TEST(replaced_records_stay_readable_until_their_batch_is_freed),
        STATE_TEST(a_savepoint_undoes_what_came_after_it),
        STATE_TEST(what_is_changed_again_after_an_undo_is_written),
        STATE_TEST(an_undone_removal_brings_the_record_back),
        STATE_TEST(a_failed_commit_restores_what_was_before),
        STATE_TEST(several_batches_are_undone_newest_first),
        STATE_TEST(after_a_failed_commit_the_next_batch_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
