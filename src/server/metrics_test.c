#include "server/metrics.h"

#include "base/buf.h"
#include "base/test.h"
#include "server/tick.h"

static struct rec_task task(enum rec_task_status status)
{
    return (struct rec_task){.has.last_status = true, .last_status = status};
}

static void expect_line(const struct metrics *metrics, const char *line)
{
    BUF_AUTO struct buf text = BUF_INIT;
    struct http_server_stats http = {0};

    metrics_write(metrics, &http, &text);
    if (memmem(text.ptr, buf_len(&text), line, strlen(line)) == NULL)
        fail_msg("no line %s in\n%.*s", line, STR_ARGS(buf_str(&text)));
}

static struct metrics fresh(void)
{
    struct state state;
    struct metrics metrics;

    state_init(&state, &state_config_default);
    metrics_init(&metrics, &state);
    state_deinit(&state);
    return metrics;
}

static void tasks_are_counted_by_what_durable_batches_changed(void **state)
{
    struct metrics metrics = fresh();
    struct rec_task pending = task(REC_TASK_STATUS_PENDING);
    struct rec_task running = task(REC_TASK_STATUS_RUNNING);
    struct journal_entry changes[] = {
        {.kind = REC_KIND_TASK, .id = 1, .after = &pending},
        {.kind = REC_KIND_TASK, .id = 2, .after = &pending},
        {.kind = REC_KIND_TASK, .id = 1, .before = &pending, .after = &running},
        {.kind = REC_KIND_CLUSTER, .id = 1, .before = &pending}, // of another kind
    };
    struct journal_entry removal = {.kind = REC_KIND_TASK, .id = 2, .before = &pending};
    struct tick tick = {.batch = {.writes_n = 3, .journal = {.at = changes, .n = 4}}};
    (void)state;

    metrics_tick(&metrics, &tick);
    expect_line(&metrics, "\ngantry_tasks{status=\"PENDING\"} 1\n");
    expect_line(&metrics, "\ngantry_tasks{status=\"RUNNING\"} 1\n");
    tick.batch = (struct batch){.writes_n = 1, .journal = {.at = &removal, .n = 1}};
    metrics_tick(&metrics, &tick);
    expect_line(&metrics, "\ngantry_tasks{status=\"PENDING\"} 0\n");
}

static void a_failed_batch_counts_as_that_alone(void **state)
{
    struct metrics metrics = fresh();
    struct tick tick = {.failed = true, .store_is_down = true};
    (void)state;

    metrics_tick(&metrics, &tick);
    expect_line(&metrics, "\ngantry_batches_failed_total 1\n");
    expect_line(&metrics, "\ngantry_commit_duration_seconds_count{} 0\n");
    expect_line(&metrics, "\ngantry_store_up 0\n");
}

static void histograms_are_cumulative_and_in_seconds(void **state)
{
    struct metrics metrics = fresh();
    (void)state;

    metrics_call(&metrics, ECS_OPERATION_LIST_TASKS, ECS_ERROR_NONE, 100);
    metrics_call(&metrics, ECS_OPERATION_LIST_TASKS, ECS_ERROR_NONE, 101);
    metrics_call(&metrics, ECS_OPERATION_LIST_TASKS, ECS_ERROR_CLIENT_EXCEPTION, 9000000);
    expect_line(&metrics, "_bucket{operation=\"ListTasks\",le=\"0.0001\"} 1\n");
    expect_line(&metrics, "_bucket{operation=\"ListTasks\",le=\"0.00025\"} 2\n");
    expect_line(&metrics, "_bucket{operation=\"ListTasks\",le=\"5\"} 2\n");
    expect_line(&metrics, "_bucket{operation=\"ListTasks\",le=\"+Inf\"} 3\n");
    expect_line(&metrics, "_sum{operation=\"ListTasks\"} 9.000201\n");
    expect_line(&metrics, "{operation=\"ListTasks\",outcome=\"ClientException\"} 1\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tasks_are_counted_by_what_durable_batches_changed),
        cmocka_unit_test(a_failed_batch_counts_as_that_alone),
        cmocka_unit_test(histograms_are_cumulative_and_in_seconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
