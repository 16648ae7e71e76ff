// gantry env: shell lines that point the AWS CLI and SDKs at this server.

#include "base/arena.h"
#include "cli/connect.h"

static const struct cli_option options[] = {CLI_OPTIONS_CLIENT, {0}};

// For a POSIX shell: single quotes, with those inside spelled out.
static void print_export(const char *name, struct str value)
{
    printf("export %s='", name);
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] == '\'')
            fputs("'\\''", stdout);
        else
            putchar(value.ptr[i]);
    }
    puts("'");
}

static int run(const struct cli_values *values)
{
    struct cli_connection connection;

    cli_find_server(values, &connection);
    // The shell may hold keys of the real service; this server's own come before them.
    if (credentials_of_server(values->arena, cli_data_dir(values), &connection.credentials))
        connection.has_credentials = true;
    if (!connection.has_credentials)
        return cli_fail(values, EXIT_FAILED,
                        "no access keys in %s/credentials; start a server first ('gantry up'), or "
                        "say where its data is with --data",
                        cli_data_dir(values));
    print_export("AWS_ENDPOINT_URL_ECS", connection.endpoint);
    print_export("AWS_ENDPOINT_URL", connection.endpoint);
    print_export("AWS_DEFAULT_REGION", connection.region);
    print_export("AWS_ACCESS_KEY_ID", connection.credentials.key_id);
    print_export("AWS_SECRET_ACCESS_KEY", connection.credentials.secret);
    if (connection.credentials.token.len > 0)
        print_export("AWS_SESSION_TOKEN", connection.credentials.token);
    return EXIT_DONE;
}

const struct cli_command cli_env = {
    .name = "env",
    .summary = "print shell lines that point the AWS CLI at this server",
    .details = "  eval \"$(gantry env)\"\n  aws ecs list-clusters\n\n"
               "AWS CLIs older than 2.13 ignore the endpoint variables; give them\n"
               "--endpoint-url \"$AWS_ENDPOINT_URL\".",
    .options = options,
    .run = run,
};
