// See connect.h.

#include "cli/connect.h"

#include "base/arena.h"
#include "base/buf.h"
#include "io/file.h"

static struct str first_set(const char *const *names)
{
    for (; *names != NULL; names++) {
        const char *value = getenv(*names);
        if (value != NULL && value[0] != '\0')
            return str_of(value);
    }
    return STR_NONE;
}

static struct str endpoint_file(const struct cli_values *values)
{
    BUF_AUTO struct buf text = BUF_INIT;

    if (file_read(arena_printf(values->arena, "%s/endpoint", cli_data_dir(values)), 4096, &text) !=
        0)
        return STR_NONE;
    return str_trim(str_copy(values->arena, buf_str(&text)));
}

void cli_find_server(const struct cli_values *values, struct cli_connection *out)
{
    static const char *const endpoints[] = {"AWS_ENDPOINT_URL_ECS", "AWS_ENDPOINT_URL", NULL};
    static const char *const regions[] = {"AWS_REGION", "AWS_DEFAULT_REGION", NULL};

    *out = (struct cli_connection){
        .endpoint = cli_text(values, "endpoint"),
        .region = cli_text(values, "region"),
        .ca_file = cli_value(values, "ca-file"),
        .insecure = cli_switch(values, "insecure"),
    };
    if (out->endpoint.len == 0)
        out->endpoint = first_set(endpoints);
    if (out->endpoint.len == 0)
        out->endpoint = endpoint_file(values);
    if (out->endpoint.len == 0)
        out->endpoint = STR("http://127.0.0.1:7420");
    if (out->region.len == 0)
        out->region = first_set(regions);
    if (out->region.len == 0)
        out->region = STR("us-east-1");
    out->has_credentials =
        credentials_find(values->arena, cli_data_dir(values), &out->credentials) == 0;
}

struct client *cli_connect(const struct cli_connection *connection)
{
    struct client_options options = {
        .endpoint = connection->endpoint,
        .region = connection->region,
        .credentials = connection->credentials,
        .ca_file = connection->ca_file,
        .insecure = connection->insecure,
    };

    return client_new(&options);
}

int cli_call_failed(const struct cli_values *values, const struct client_error *error)
{
    if (error->type.len > 0)
        return cli_fail(values, EXIT_FAILED, "%.*s: %.*s", STR_ARGS(error->type),
                        STR_ARGS(error->message));
    return cli_fail(values, EXIT_FAILED, "%.*s; is the server running ('gantry up')?",
                    STR_ARGS(error->message));
}
