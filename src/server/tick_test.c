#include "api/store.h"
#include "server/server_testing.h"

static const char unavailable[] = "{\"__type\":\"ServerException\",\"message\":\"Service "
                                  "Unavailable. Please try again later.\"}";

static int start(void **state)
{
    if (rig_setup(state) != 0)
        return -1;
    rig_start(*state);
    return 0;
}

static struct str create(struct rig *rig, int n)
{
    return rig_request(rig, "CreateCluster",
                       str_cstr(&rig->arena, str_fmt(&rig->arena, "{\"clusterName\":\"c%d\"}", n)));
}

static struct line *ask(struct rig *rig, struct str request)
{
    struct line *line = rig_dial(rig);

    line_send(line, request);
    return line;
}

static struct answer finish(struct rig *rig, struct line *line)
{
    struct answer answer = line_answer(rig, line);

    line_close(line);
    return answer;
}

static int clusters(const struct rig *rig)
{
    return (int)memory_disk_records(rig->disk, REC_KIND_CLUSTER);
}

static void nothing_is_answered_before_it_is_durable(void **state)
{
    struct rig *rig = *state;
    struct line *writer;
    struct line *reader;

    memory_disk_hold(rig->disk, true);
    writer = ask(rig, create(rig, 1));
    memory_disk_await_held(rig->disk);
    reader = ask(rig, rig_request(rig, "DiscoverPollEndpoint", "{}"));
    EXPECT_ANSWER(rig_get(rig, "/healthz"), 200, "{\"status\":\"ok\"}");
    assert_true(line_is_silent(writer));
    assert_true(line_is_silent(reader)); // it may have seen what is not durable
    assert_int_equal(clusters(rig), 0);
    memory_disk_hold(rig->disk, false);
    assert_int_equal(finish(rig, writer).status, 200);
    assert_int_equal(finish(rig, reader).status, 200);
    assert_int_equal(clusters(rig), 1);
}

static void reads_do_not_touch_the_store(void **state)
{
    struct rig *rig = *state;

    for (int i = 0; i < 5; i++)
        assert_int_equal(rig_call(rig, "DiscoverPollEndpoint", "{}").status, 200);
    assert_int_equal(memory_disk_commits(rig->disk), 0);
}

static void what_waited_behind_a_commit_shares_the_next(void **state)
{
    struct rig *rig = *state;
    struct line *lines[20];

    memory_disk_hold(rig->disk, true);
    lines[0] = ask(rig, create(rig, 0));
    memory_disk_await_held(rig->disk);
    for (int i = 1; i < 20; i++)
        lines[i] = ask(rig, create(rig, i));
    rig_get(rig, "/healthz");
    memory_disk_hold(rig->disk, false);
    for (int i = 0; i < 20; i++)
        assert_int_equal(finish(rig, lines[i]).status, 200);
    assert_int_equal(clusters(rig), 20);
    assert_true(memory_disk_commits(rig->disk) < 20);
}

static void a_failed_commit_refuses_its_batch_and_the_one_decided_after_it(void **state)
{
    struct rig *rig = *state;
    struct line *first;
    struct line *second;
    struct line *reader;

    memory_disk_hold(rig->disk, true);
    memory_disk_fail(rig->disk, MEMORY_FAULT_FULL, 0, 1000000);
    first = ask(rig, create(rig, 1));
    memory_disk_await_held(rig->disk);
    second = ask(rig, create(rig, 1)); // sees the cluster that will be undone
    rig_get(rig, "/healthz");
    memory_disk_hold(rig->disk, false);
    EXPECT_ANSWER(finish(rig, first), 500, unavailable);
    EXPECT_ANSWER(finish(rig, second), 500, unavailable);
    memory_disk_fail(rig->disk, MEMORY_FAULT_NONE, 0, 0);
    rig_await_healthy(rig);
    assert_int_equal(clusters(rig), 0);
    reader = ask(rig, create(rig, 1));
    assert_int_equal(finish(rig, reader).status, 200);
    assert_int_equal(clusters(rig), 1);
}

static void while_the_store_is_down_writes_are_refused_and_reads_go_on(void **state)
{
    struct rig *rig = *state;

    memory_disk_fail(rig->disk, MEMORY_FAULT_IO, 0, 1000000);
    EXPECT_ANSWER(finish(rig, ask(rig, create(rig, 1))), 500, unavailable);
    EXPECT_ANSWER(finish(rig, ask(rig, create(rig, 2))), 500, unavailable);
    assert_int_equal(rig_call(rig, "DiscoverPollEndpoint", "{}").status, 200);
    EXPECT_ANSWER(rig_get(rig, "/healthz"), 503,
                  "{\"status\":\"degraded\",\"reason\":\"the store takes no writes; reads go "
                  "on\"}");
    assert_non_null(strstr(rig_get(rig, "/metrics").body.ptr, "\ngantry_store_up 0\n"));
    memory_disk_fail(rig->disk, MEMORY_FAULT_NONE, 0, 0);
    rig_await_healthy(rig);
    assert_int_equal(finish(rig, ask(rig, create(rig, 1))).status, 200);
    assert_int_equal(clusters(rig), 1);
}

// What was acknowledged and what was refused, kept like a ledger over faults and restarts.
static void the_store_holds_what_was_acknowledged_and_nothing_that_was_refused(void **state)
{
    struct rig *rig = *state;
    int acknowledged = 0;
    int refused = 0;

    for (int i = 0; i < 200; i++) {
        struct answer answer;
        if (i % 20 == 7)
            memory_disk_fail(rig->disk, i % 40 == 7 ? MEMORY_FAULT_FULL : MEMORY_FAULT_IO, 1, 3);
        answer = finish(rig, ask(rig, create(rig, i)));
        if (answer.status == 200)
            acknowledged++;
        else
            refused++;
        assert_int_equal(clusters(rig), acknowledged);
        if (answer.status != 200)
            rig_await_healthy(rig);
    }
    assert_int_equal(refused, 10);
    rig_stop(rig);
    rig_start(rig);
    assert_int_equal(clusters(rig), acknowledged);
    assert_int_equal(finish(rig, ask(rig, create(rig, 0))).status, 200);
    assert_int_equal(clusters(rig), acknowledged); // c0 was there
}

static void after_a_power_cut_a_restart_has_all_that_was_acknowledged(void **state)
{
    struct rig *rig = *state;
    struct answer answer;

    assert_int_equal(finish(rig, ask(rig, create(rig, 1))).status, 200);
    memory_disk_fail(rig->disk, MEMORY_FAULT_CUT_BEFORE, 0, 1);
    EXPECT_ANSWER(finish(rig, ask(rig, create(rig, 2))), 500, unavailable);
    EXPECT_ANSWER(finish(rig, ask(rig, create(rig, 3))), 500, unavailable);
    rig_stop(rig);
    rig_start(rig);
    assert_int_equal(clusters(rig), 1);
    answer = finish(rig, ask(rig, create(rig, 1)));
    assert_int_equal(answer.status, 200);
    assert_int_equal(clusters(rig), 1);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, start, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(nothing_is_answered_before_it_is_durable),
        CASE(reads_do_not_touch_the_store),
        CASE(what_waited_behind_a_commit_shares_the_next),
        CASE(a_failed_commit_refuses_its_batch_and_the_one_decided_after_it),
        CASE(while_the_store_is_down_writes_are_refused_and_reads_go_on),
        CASE(the_store_holds_what_was_acknowledged_and_nothing_that_was_refused),
        CASE(after_a_power_cut_a_restart_has_all_that_was_acknowledged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
