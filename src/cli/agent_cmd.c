// gantry agent: a container instance in the foreground.

#include "agent/agent.h"
#include "base/arena.h"
#include "cli/agent_options.h"
#include "cli/command.h"

static const struct cli_option options[] = {
    {.name = "endpoint", .value = "URL", .help = "the server (ECS_BACKEND_HOST)"},
    {.name = "cluster",
     .value = "NAME",
     .help = "cluster to join (ECS_CLUSTER; default \"default\")"},
    {.name = "region", .value = "REGION", .help = "region to sign for (AWS_DEFAULT_REGION)"},
    {.name = "runtime", .value = "KIND", .fallback = "docker", .help = "what runs containers"},
    {.name = "docker-socket", .value = "PATH", .help = "the Docker Engine's socket (DOCKER_HOST)"},
    {.name = "ecs-config",
     .value = "FILE",
     .help = "ECS agent settings (default /etc/ecs/ecs.config)"},
    {.name = "credentials", .value = "FILE", .help = "access keys, INI with a profile \"default\""},
    {.name = "secrets", .value = "DIR", .help = "what secrets hold, one file each"},
    {.name = "env-files", .value = "DIR", .help = "environment files, as bucket/key"},
    {.name = "efs-server", .value = "HOST", .help = "NFS server that has file system ID as /ID"},
    {.name = "ca-file", .value = "FILE", .help = "trust this authority for https"},
    {.name = "metadata-port",
     .value = "PORT",
     .fallback = "51679",
     .help = "local server for containers, reached as 169.254.170.2; 0: none"},
    {.name = "introspection-port",
     .value = "PORT",
     .fallback = "51678",
     .help = "local server for people and tools of this host; 0: none"},
    {.name = "insecure", .help = "do not check the server's certificate"},
    {.name = "disk-reserve",
     .value = "PERCENT",
     .fallback = "5",
     .help = "with less of the disk free, unused images go at once; 0: nobody looks"},
    CLI_OPTIONS_TASK_NETWORKS,
    CLI_OPTION_DATA,
    CLI_OPTION_CONFIG,
    CLI_OPTIONS_LOG,
    {0},
};

static int run(const struct cli_values *values)
{
    struct agent_options agent = {
        .endpoint = cli_value(values, "endpoint"),
        .cluster = cli_value(values, "cluster"),
        .region = cli_value(values, "region"),
        .data_dir = arena_printf(values->arena, "%s/agent", cli_data_dir(values)),
        .config_file = cli_value(values, "ecs-config"),
        .docker_socket = cli_value(values, "docker-socket"),
        .credentials_file = cli_value(values, "credentials"),
        .metadata_port = cli_value(values, "metadata-port"),
        .introspection_port = cli_value(values, "introspection-port"),
        .secrets_dir = cli_value(values, "secrets"),
        .env_files_dir = cli_value(values, "env-files"),
        .efs_server = cli_value(values, "efs-server"),
        .ca_file = cli_value(values, "ca-file"),
        .insecure = cli_switch(values, "insecure"),
        .awsvpc_pool = cli_value(values, "awsvpc-pool"),
        .awsvpc_bridge = cli_value(values, "awsvpc-bridge"),
        .awsvpc_gateway = cli_value(values, "awsvpc-gateway"),
        .awsvpc_direct = cli_value(values, "awsvpc-direct"),
        .awsvpc_dns = cli_value(values, "awsvpc-dns"),
        .awsvpc_no_masquerade = cli_switch(values, "awsvpc-no-masquerade"),
        .cni_config = cli_value(values, "cni-config"),
        .cni_plugins = cli_value(values, "cni-plugins"),
        .security_groups = cli_value(values, "security-groups"),
        .fargate = cli_value(values, "fargate"),
    };
    int64_t reserve;

    if (!cli_configure_log(values) || !cli_number(values, "disk-reserve", 0, 90, &reserve))
        return EXIT_USAGE;
    agent.disk_reserve = (int)reserve;
    if (!cli_follow_supervisor())
        return EXIT_FAILED;
    if (str_eq(cli_text(values, "runtime"), STR("oci")))
        return cli_fail(values, EXIT_USAGE, "the oci runtime is not yet available; use docker");
    if (!str_eq(cli_text(values, "runtime"), STR("docker")))
        return cli_fail(values, EXIT_USAGE, "--runtime is docker, not '%s'",
                        cli_value(values, "runtime"));
    if (cli_value(values, "data") == NULL && getenv("ECS_DATADIR") != NULL)
        agent.data_dir = NULL; // the ECS agent's own variable counts
    return agent_run(&agent);
}

const struct cli_command cli_agent = {
    .name = "agent",
    .summary = "make this machine a container instance",
    .details =
        "Registers with the server and runs the tasks it is given, until SIGTERM; containers go "
        "on\n"
        "without it, and it finds them again. The ECS agent's own settings (ECS_CLUSTER,\n"
        "ECS_BACKEND_HOST, ECS_INSTANCE_ATTRIBUTES, ECS_RESERVED_MEMORY, ...) are read from the\n"
        "environment and from the ecs.config file; flags beat both.",
    .options = options,
    .run = run,
};
