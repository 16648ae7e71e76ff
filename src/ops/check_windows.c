// What Windows containers cannot have. Source: ecs-behaviour-api 8.1 and 8.7.

#include "ops/task_definition_check.h"

static bool refuse_on_windows(struct definition_check *check, const char *what)
{
    return check_refuse(check, "Windows containers do not support %s", what);
}

static bool check_container(struct definition_check *check,
                            const struct ecs_container_definition *c)
{
    if (c->has.linux_parameters)
        return refuse_on_windows(check, "linuxParameters");
    if (c->privileged)
        return refuse_on_windows(check, "privileged");
    if (c->user.len > 0)
        return refuse_on_windows(check, "user");
    if (c->readonly_root_filesystem)
        return refuse_on_windows(check, "readonlyRootFilesystem");
    if (c->disable_networking)
        return refuse_on_windows(check, "disableNetworking");
    if (c->dns_servers.n > 0)
        return refuse_on_windows(check, "dnsServers");
    if (c->dns_search_domains.n > 0)
        return refuse_on_windows(check, "dnsSearchDomains");
    if (c->links.n > 0)
        return refuse_on_windows(check, "links");
    if (c->ulimits.n > 0)
        return refuse_on_windows(check, "ulimits");
    if (c->system_controls.n > 0)
        return refuse_on_windows(check, "systemControls");
    return true;
}

bool check_windows(struct definition_check *check)
{
    if (!check->windows)
        return true;
    if (check->in->runtime_platform->cpu_architecture == ECS_CPU_ARCHITECTURE_ARM64)
        return refuse_on_windows(check, "the CPU architecture ARM64");
    if (check->in->has.pid_mode)
        return refuse_on_windows(check, "pidMode");
    if (check->in->has.ipc_mode)
        return refuse_on_windows(check, "ipcMode");
    return check_each_container(check, check_container);
}
