// gantry exec: a command in a container of a task, on this terminal.

#include "base/arena.h"
#include "base/words.h"
#include "cli/connect.h"
#include "cli/exec_shell.h"

static const struct cli_option options[] = {
    {.name = "cluster", .value = "NAME", .fallback = "default", .help = "the task's cluster"},
    {.name = "container", .value = "NAME", .help = "which of its containers"},
    {.name = "task", .value = "TASK", .help = "the same as the argument"},
    {.name = "command", .value = "TEXT", .help = "the command as one text"},
    {.name = "interactive", .help = "nothing; the AWS CLI's flag"},
    CLI_OPTIONS_CLIENT,
    {0},
};

static int option_named(struct str name)
{
    for (int i = 0; options[i].name != NULL; i++) {
        if (str_eq(name, str_of(options[i].name)))
            return i;
    }
    return -1;
}

// Takes the flag at *at; the flags of the command come after its name and are not ours.
static bool take_flag(const struct cli_values *values, struct cli_values *own, int *at)
{
    struct str word = str_from(str_of(values->arguments[*at]), 2);
    struct str attached = STR_NONE;
    bool has_value = str_cut(word, '=', &word, &attached);
    int index = option_named(word);

    if (index < 0)
        return cli_refuse(values, "no flag '--%.*s'", STR_ARGS(word));
    if (has_value)
        own->set[index] = attached.ptr; // ends with its argument
    else if (options[index].value == NULL)
        own->set[index] = "true";
    else if (*at + 1 < values->arguments_n)
        own->set[index] = values->arguments[++*at];
    else
        return cli_refuse(values, "no value after '--%.*s'", STR_ARGS(word));
    return true;
}

struct asked {
    struct str task;
    struct str cluster;
    struct str command;
};

static struct str joined(const struct cli_values *values, int from)
{
    struct words words = {.n = (size_t)(values->arguments_n - from)};

    words.at = arena_array(values->arena, struct str, words.n);
    for (size_t i = 0; i < words.n; i++)
        words.at[i] = str_of(values->arguments[from + (int)i]);
    return words_join(values->arena, &words);
}

static bool read_arguments(const struct cli_values *values, struct cli_values *own,
                           struct asked *out)
{
    bool flags = true;
    int at = 0;
    struct str head;
    struct str tail;

    *own = *values;
    for (; at < values->arguments_n; at++) {
        struct str word = str_of(values->arguments[at]);

        if (flags && str_eq(word, STR("--")))
            flags = false;
        else if (flags && str_starts(word, STR("--"))) {
            if (!take_flag(values, own, &at))
                return false;
        } else if (out->task.len == 0 && cli_value(own, "task") == NULL)
            out->task = word;
        else
            break;
    }
    if (cli_value(own, "task") != NULL)
        out->task = cli_text(own, "task");
    if (out->task.len == 0)
        return cli_refuse(values, "say in which task");
    out->cluster = cli_text(own, "cluster");
    if (!str_starts(out->task, STR("arn:")) && str_cut(out->task, '/', &head, &tail)) {
        out->cluster = head;
        out->task = tail;
    }
    out->command = cli_text(own, "command");
    if (at < values->arguments_n)
        out->command = joined(values, at);
    if (out->command.len == 0)
        out->command = STR("/bin/sh");
    return true;
}

static int run(const struct cli_values *values)
{
    struct ecs_execute_command_request in = {0};
    struct ecs_execute_command_response out = {0};
    struct cli_connection connection;
    struct exec_shell_options shell = {.connection = &connection};
    struct cli_values own;
    struct asked asked = {0};
    struct client_error error;
    struct client *client;
    int rc;

    if (!read_arguments(values, &own, &asked))
        return EXIT_USAGE;
    cli_find_server(&own, &connection);
    client = cli_connect(&connection);
    SET(&in, cluster, asked.cluster);
    SET(&in, task, asked.task);
    SET(&in, command, asked.command);
    SET(&in, interactive, true);
    if (cli_value(&own, "container") != NULL)
        SET(&in, container, cli_text(&own, "container"));
    rc = client_call(client, values->arena, ECS_OPERATION_EXECUTE_COMMAND, &in, &out, &error);
    client_free(client);
    if (rc != 0)
        return cli_call_failed(values, &error);
    if (out.session == NULL)
        return cli_fail(values, EXIT_FAILED, "the server's answer has no session");
    shell.values = values;
    shell.session = out.session;
    return exec_shell(&shell);
}

const struct cli_command cli_exec = {
    .name = "exec",
    .arguments = "[CLUSTER/]TASK [--container NAME] [COMMAND [ARGUMENT...]]",
    .summary = "run a command in a container of a task",
    .details = "  gantry exec demo/2f1c... /bin/sh\n"
               "  gantry exec 2f1c... --container web cat /etc/hosts\n"
               "  tar c conf | gantry exec demo/2f1c... tar x -C /srv\n\n"
               "The task must have been started with --enable-execute-command. Without a command,\n"
               "/bin/sh. On a terminal the command gets one; with a pipe on either side it gets\n"
               "none, and its errors come on standard error. Exits as the command does.",
    .options = options,
    .takes_anything = true,
    .run = run,
};
