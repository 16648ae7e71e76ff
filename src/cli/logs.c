// gantry logs: what a container of a task has written, read from this machine's container engine.

#include "base/arena.h"
#include "cli/connect.h"
#include "cli/docker_host.h"
#include "io/loop.h"
#include "runtime/runtime.h"

static const struct cli_option options[] = {
    {.name = "cluster", .value = "NAME", .fallback = "default", .help = "the task's cluster"},
    {.name = "follow", .letter = 'f', .help = "go on until the container stops"},
    {.name = "tail", .value = "N", .help = "only the last N lines"},
    {.name = "timestamps", .letter = 't', .help = "a time in front of each line"},
    {.name = "docker-socket", .value = "PATH", .help = "the container engine"},
    CLI_OPTIONS_CLIENT,
    {0},
};

struct reading {
    struct loop *loop;
    const struct cli_values *values;
    int status;
};

static void on_post(void *user, const struct runtime_post *post)
{
    struct reading *reading = user;

    if (post->kind == RUNTIME_POST_LOG) {
        FILE *out = post->log.stream == RUNTIME_STREAM_STDERR ? stderr : stdout;
        fwrite(post->log.bytes.ptr, 1, post->log.bytes.len, out);
        if (fflush(out) != 0) { // whoever read it has gone
            reading->status = EXIT_FAILED;
            loop_stop(reading->loop);
        }
    } else if (post->kind == RUNTIME_POST_RESULT) {
        if (post->result->error != NULL)
            reading->status =
                cli_fail(reading->values, EXIT_FAILED, "%.*s", STR_ARGS(post->result->error->text));
        loop_stop(reading->loop);
    }
}

static bool fill_call(const struct cli_values *values, struct str container, struct host_call *call)
{
    int64_t tail;

    SET(call, kind, HOST_CALL_KIND_LOGS);
    SET(call, token, 1);
    SET(call, container, container);
    SET(call, follow, cli_switch(values, "follow"));
    SET(call, timestamps, cli_switch(values, "timestamps"));
    if (cli_value(values, "tail") != NULL) {
        if (!cli_number(values, "tail", 0, INT32_MAX, &tail))
            return false;
        SET(call, tail, (int32_t)tail);
    }
    return true;
}

static int read_logs(const struct cli_values *values, struct str container)
{
    const char *socket = docker_host_socket(values);
    struct reading reading = {.values = values, .status = EXIT_DONE};
    struct runtime_config config = {.post = on_post, .user = &reading};
    struct host_call call = {0};
    struct runtime *runtime;

    if (socket == NULL)
        return cli_fail(values, EXIT_FAILED,
                        "DOCKER_HOST is not a unix socket; use --docker-socket");
    if (!fill_call(values, container, &call))
        return EXIT_USAGE;
    if (loop_open(&reading.loop) != 0)
        return cli_fail(values, EXIT_FAILED, "no event loop");
    config.loop = reading.loop;
    config.socket = str_of(socket);
    if (runtime_docker.open(&config, &runtime) != 0)
        return cli_fail(values, EXIT_FAILED, "no container engine at %s", socket);
    runtime_docker.call(runtime, &call);
    loop_run(reading.loop);
    runtime_docker.close(runtime);
    loop_close(reading.loop);
    return reading.status;
}

// The one named; without a name the only one, or the first essential one's neighbour is not
// guessed.
static const struct ecs_container *choose(const struct cli_values *values,
                                          const struct ecs_task *task)
{
    const char *wanted = values->arguments_n > 1 ? values->arguments[1] : NULL;

    if (wanted == NULL && task->containers.n == 1)
        return &task->containers.at[0];
    for (size_t i = 0; i < task->containers.n && wanted != NULL; i++) {
        if (str_eq(task->containers.at[i].name, str_of(wanted)))
            return &task->containers.at[i];
    }
    fprintf(stderr,
            "gantry logs: %s; the task's containers:", wanted ? "no such container" : "which one");
    for (size_t i = 0; i < task->containers.n; i++)
        fprintf(stderr, " %.*s", STR_ARGS(task->containers.at[i].name));
    fputc('\n', stderr);
    return NULL;
}

static int run(const struct cli_values *values)
{
    struct ecs_describe_tasks_request in = {0};
    struct ecs_describe_tasks_response out = {0};
    struct cli_connection connection;
    struct client_error error;
    struct client *client;
    const struct ecs_container *container;
    struct str task;
    int rc;

    if (values->arguments_n < 1 || values->arguments_n > 2)
        return cli_fail(values, EXIT_USAGE, "say which task, and which of its containers");
    task = str_of(values->arguments[0]);
    cli_find_server(values, &connection);
    client = cli_connect(&connection);
    SET(&in, cluster, cli_text(values, "cluster"));
    SET(&in, tasks, (struct str_list){.n = 1, .at = &task});
    rc = client_call(client, values->arena, ECS_OPERATION_DESCRIBE_TASKS, &in, &out, &error);
    client_free(client);
    if (rc != 0)
        return cli_call_failed(values, &error);
    if (out.tasks.n != 1)
        return cli_fail(values, EXIT_FAILED, "no task %.*s in cluster %s", STR_ARGS(task),
                        cli_value(values, "cluster"));
    container = choose(values, &out.tasks.at[0]);
    if (container == NULL)
        return EXIT_USAGE;
    if (!container->has.runtime_id)
        return cli_fail(values, EXIT_FAILED, "container %.*s was never created",
                        STR_ARGS(container->name));
    return read_logs(values, container->runtime_id);
}

const struct cli_command cli_logs = {
    .name = "logs",
    .arguments = "TASK [CONTAINER]",
    .summary = "print what a container of a task has written",
    .details = "Reads from the container engine of this machine, so run it where the task runs. "
               "Containers\n"
               "whose log driver keeps nothing there (none, syslog, ...) have nothing to show.",
    .options = options,
    .run = run,
};
