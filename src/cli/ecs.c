// gantry ecs OPERATION: any operation of the API from the shell.

#include "base/arena.h"
#include "base/buf.h"
#include "cli/connect.h"
#include "cli/ecs_args.h"
#include "cli/pretty.h"
#include "cli/wait.h"

static const struct cli_option options[] = {CLI_OPTIONS_CLIENT, {0}};

static int own_option(struct str word)
{
    for (int i = 0; options[i].name != NULL && str_starts(word, STR("--")); i++) {
        if (str_eq(str_from(word, 2), str_of(options[i].name)))
            return i;
    }
    return -1;
}

// Our own flags may stand among the operation's; they are taken out first.
static bool split_arguments(const struct cli_values *values, struct cli_values *own,
                            const char **rest, int *rest_n)
{
    *own = *values;
    *rest_n = 0;
    for (int i = 1; i < values->arguments_n; i++) {
        struct str word = str_of(values->arguments[i]);
        struct str attached = STR_NONE;
        bool has_value = str_cut(word, '=', &word, &attached);
        int index = own_option(word);

        if (index < 0) {
            rest[(*rest_n)++] = values->arguments[i];
        } else if (has_value) {
            own->set[index] = attached.ptr; // ends with its argument
        } else if (options[index].value == NULL) {
            own->set[index] = "true";
        } else if (i + 1 < values->arguments_n) {
            own->set[index] = values->arguments[++i];
        } else {
            return cli_refuse(values, "no value after '%.*s'", STR_ARGS(word));
        }
    }
    return true;
}

static int call(const struct cli_values *values, enum ecs_operation operation,
                const char *const *arguments, int n)
{
    struct cli_connection connection;
    struct client *client;
    struct client_error error;
    struct str request;
    struct str reply;
    struct str why;
    int rc;

    if (ecs_args_to_json(values->arena, ecs_operations[operation].request, arguments, n, &request,
                         &why) != 0)
        return cli_fail(values, EXIT_USAGE, "%.*s", STR_ARGS(why));
    cli_find_server(values, &connection);
    client = cli_connect(&connection);
    rc = client_call_json(client, values->arena, operation, request, &reply, &error);
    client_free(client);
    if (rc != 0)
        return cli_call_failed(values, &error);
    pretty_print(stdout, reply);
    return EXIT_DONE;
}

static int run(const struct cli_values *values)
{
    const char **rest = arena_array(values->arena, const char *, values->arguments_n + 1);
    struct cli_values own;
    enum ecs_operation operation;
    int rest_n;

    if (values->arguments_n == 0)
        return cli_fail(values, EXIT_USAGE, "which operation? 'gantry ecs list-clusters', for one");
    if (!split_arguments(values, &own, rest, &rest_n))
        return EXIT_USAGE;
    if (str_eq(str_of(values->arguments[0]), STR("wait")))
        return cli_wait(&own, rest, rest_n);
    operation = client_operation_named(str_of(values->arguments[0]));
    if (operation == ECS_OPERATION_NONE)
        return cli_fail(values, EXIT_USAGE, "no operation '%s'", values->arguments[0]);
    return call(&own, operation, rest, rest_n);
}

const struct cli_command cli_ecs = {
    .name = "ecs",
    .arguments = "OPERATION [--member VALUE...]",
    .summary = "call any operation of the ECS API",
    .details =
        "  gantry ecs list-clusters\n"
        "  gantry ecs run-task --cluster demo --task-definition app:1 --count 2\n"
        "  gantry ecs register-task-definition --cli-input-json file://app.json\n"
        "  gantry ecs wait tasks-running --cluster demo --tasks ID\n\n"
        "Flags are the operation's members as the AWS CLI writes them; structures and lists\n"
        "take JSON or key=value,... The reply is printed as JSON.",
    .options = options,
    .takes_anything = true,
    .run = run,
};
