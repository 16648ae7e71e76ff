// gantry server: the control plane in the foreground.

#include "base/arena.h"
#include "cli/command.h"
#include "cli/server_options.h"

static int run(const struct cli_values *values)
{
    struct server_options server;

    if (!cli_configure_log(values))
        return EXIT_USAGE;
    if (!cli_follow_supervisor())
        return EXIT_FAILED;
    if (!cli_server_options(values, &server))
        return EXIT_USAGE;
    return server_run(&server);
}

static const struct cli_option options[] = {CLI_OPTIONS_SERVER, {0}};

const struct cli_command cli_server = {
    .name = "server",
    .summary = "run the control plane",
    .details =
        "Serves the ECS API and the agents' connections on one address until SIGTERM. The first\n"
        "start writes an access key to DATA/credentials (mode 0600); SIGHUP reads that file "
        "again.\n"
        "GET /healthz and GET /metrics need no signature.",
    .options = options,
    .run = run,
};
