// gantry ps: the tasks of a cluster as a table.

#include "base/arena.h"
#include "base/timefmt.h"
#include "cli/connect.h"
#include "io/clock.h"

static const struct cli_option options[] = {
    {.name = "cluster", .value = "NAME", .fallback = "default", .help = "cluster to list"},
    {.name = "all", .letter = 'a', .help = "stopped tasks too"},
    CLI_OPTIONS_CLIENT,
    {0},
};

enum { PAGE = 100 };

static struct str last_part(struct str arn)
{
    struct str head;
    struct str tail;

    return str_cut_last(arn, '/', &head, &tail) ? tail : arn;
}

static struct str age(struct arena *arena, time_ms since)
{
    int64_t s = (clock_wall_ms() - since) / 1000;

    if (s < 120)
        return str_fmt(arena, "%llds", (long long)(s < 0 ? 0 : s));
    if (s < 120 * 60)
        return str_fmt(arena, "%lldm", (long long)(s / 60));
    if (s < 48 * 3600)
        return str_fmt(arena, "%lldh", (long long)(s / 3600));
    return str_fmt(arena, "%lldd", (long long)(s / 86400));
}

// "0.0.0.0:8080->80/tcp" of every binding of every container.
static struct str ports(struct arena *arena, const struct ecs_task *task)
{
    struct str text = STR_NONE;

    for (size_t c = 0; c < task->containers.n; c++) {
        const struct ecs_network_binding_list *list = &task->containers.at[c].network_bindings;
        for (size_t i = 0; i < list->n; i++)
            text = str_fmt(arena, "%.*s%s%d->%d", STR_ARGS(text), text.len > 0 ? "," : "",
                           list->at[i].host_port, list->at[i].container_port);
    }
    return text.len > 0 ? text : STR("-");
}

static struct str state_of(struct arena *arena, const struct ecs_task *task)
{
    if (!str_eq(task->last_status, STR("STOPPED")))
        return task->last_status;
    for (size_t i = 0; i < task->containers.n; i++) {
        if (task->containers.at[i].has.exit_code)
            return str_fmt(arena, "STOPPED(%d)", task->containers.at[i].exit_code);
    }
    return task->last_status;
}

static void print_task(struct arena *arena, const struct ecs_task *task)
{
    printf("%-34.*s %-24.*s %-14.*s %-6.*s %-20.*s %.*s\n", STR_ARGS(last_part(task->task_arn)),
           STR_ARGS(last_part(task->task_definition_arn)), STR_ARGS(state_of(arena, task)),
           STR_ARGS(age(arena, task->created_at)), STR_ARGS(ports(arena, task)),
           STR_ARGS(task->stopped_reason));
}

static int print_page(const struct cli_values *values, struct client *client,
                      const struct str_list *arns)
{
    struct ecs_describe_tasks_request in = {0};
    struct ecs_describe_tasks_response out = {0};
    struct client_error error;

    if (arns->n == 0)
        return EXIT_DONE;
    SET(&in, cluster, cli_text(values, "cluster"));
    SET(&in, tasks, *arns);
    if (client_call(client, values->arena, ECS_OPERATION_DESCRIBE_TASKS, &in, &out, &error) != 0)
        return cli_call_failed(values, &error);
    for (size_t i = 0; i < out.tasks.n; i++)
        print_task(values->arena, &out.tasks.at[i]);
    return EXIT_DONE;
}

static int print_all(const struct cli_values *values, struct client *client, const char *desired)
{
    struct ecs_list_tasks_request in = {0};
    struct client_error error;
    int status = EXIT_DONE;

    SET(&in, cluster, cli_text(values, "cluster"));
    SET(&in, desired_status,
        (enum ecs_desired_status)shape_enum_value(&ecs_desired_status_enum, str_of(desired)));
    SET(&in, max_results, PAGE);
    do {
        struct ecs_list_tasks_response out = {0};
        if (client_call(client, values->arena, ECS_OPERATION_LIST_TASKS, &in, &out, &error) != 0)
            return cli_call_failed(values, &error);
        status = print_page(values, client, &out.task_arns);
        in.has.next_token = out.has.next_token;
        in.next_token = out.next_token;
    } while (in.has.next_token && status == EXIT_DONE);
    return status;
}

static int run(const struct cli_values *values)
{
    struct cli_connection connection;
    struct client *client;
    int status;

    cli_find_server(values, &connection);
    client = cli_connect(&connection);
    printf("%-34s %-24s %-14s %-6s %-20s %s\n", "TASK", "DEFINITION", "STATUS", "AGE", "PORTS",
           "REASON");
    status = print_all(values, client, "RUNNING");
    if (status == EXIT_DONE && cli_switch(values, "all"))
        status = print_all(values, client, "STOPPED");
    client_free(client);
    return status;
}

const struct cli_command cli_ps = {
    .name = "ps",
    .summary = "list the tasks of a cluster",
    .options = options,
    .run = run,
};
