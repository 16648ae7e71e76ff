// See wait.h. Success and failure as in ecs-behaviour-api 21; asked every second for ten minutes.

#include "cli/wait.h"

#include "base/arena.h"
#include "cli/connect.h"
#include "cli/ecs_args.h"
#include "io/clock.h"

enum { ASK_EVERY_MS = 1000, ASK_TIMES = 600 };

enum verdict { VERDICT_WAIT, VERDICT_DONE, VERDICT_NEVER };

static bool all_are(const struct ecs_task_list *tasks, struct str status)
{
    for (size_t i = 0; i < tasks->n; i++) {
        if (!str_eq(tasks->at[i].last_status, status))
            return false;
    }
    return true;
}

static bool any_is(const struct ecs_task_list *tasks, struct str status)
{
    for (size_t i = 0; i < tasks->n; i++) {
        if (str_eq(tasks->at[i].last_status, status))
            return true;
    }
    return false;
}

static enum verdict judge(bool running, const struct ecs_describe_tasks_response *reply)
{
    if (running && (reply->failures.n > 0 || any_is(&reply->tasks, STR("STOPPED"))))
        return VERDICT_NEVER;
    if (all_are(&reply->tasks, running ? STR("RUNNING") : STR("STOPPED")))
        return VERDICT_DONE;
    return VERDICT_WAIT;
}

static int ask_until(const struct cli_values *values, struct client *client, bool running,
                     struct str request)
{
    struct ecs_describe_tasks_response reply;
    struct client_error error;

    for (int i = 0; i < ASK_TIMES; i++) {
        enum verdict verdict;

        memset(&reply, 0, sizeof reply);
        if (client_call_text(client, values->arena, ECS_OPERATION_DESCRIBE_TASKS, request, &reply,
                             &error) != 0)
            return cli_call_failed(values, &error);
        verdict = judge(running, &reply);
        if (verdict == VERDICT_DONE)
            return EXIT_DONE;
        if (verdict == VERDICT_NEVER)
            return cli_fail(values, EXIT_FAILED, "a task is missing or has stopped");
        clock_sleep_ms(ASK_EVERY_MS);
    }
    return cli_fail(values, EXIT_FAILED, "gave up after ten minutes");
}

int cli_wait(const struct cli_values *values, const char *const *arguments, int n)
{
    struct str what = n > 0 ? str_of(arguments[0]) : STR_NONE;
    bool running = str_eq(what, STR("tasks-running"));
    struct cli_connection connection;
    struct client *client;
    struct str request;
    struct str why;
    int status;

    if (!running && !str_eq(what, STR("tasks-stopped")))
        return cli_fail(values, EXIT_USAGE, "wait for tasks-running or tasks-stopped");
    if (ecs_args_to_json(values->arena, &ecs_describe_tasks_request_shape, arguments + 1, n - 1,
                         &request, &why) != 0)
        return cli_fail(values, EXIT_USAGE, "%.*s", STR_ARGS(why));
    cli_find_server(values, &connection);
    client = cli_connect(&connection);
    status = ask_until(values, client, running, request);
    client_free(client);
    return status;
}
