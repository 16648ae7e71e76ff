// serviceConnectConfiguration: checked, kept and shown. Gantry starts no proxy beside the tasks, so
// nothing follows from it yet but what ListServicesByNamespace lists. Source:
// ecs-behaviour-api 7.5.

#include "base/arena.h"
#include "base/regex.h"
#include "model/cluster.h"
#include "model/task_definition.h"
#include "ops/service_rules.h"

#define BAD(ctx, ...) op_fail((ctx), ECS_ERROR_INVALID_PARAMETER_EXCEPTION, __VA_ARGS__)

static bool has_port_name(const struct ecs_task_definition *definition, struct str name)
{
    for (size_t i = 0; i < definition->container_definitions.n; i++) {
        const struct ecs_port_mapping_list *ports =
            &definition->container_definitions.at[i].port_mappings;

        for (size_t k = 0; k < ports->n; k++) {
            if (str_eq(ports->at[k].name, name))
                return true;
        }
    }
    return false;
}

static int check_alias(struct op_ctx *ctx, const struct ecs_service_connect_client_alias *alias)
{
    if (alias->dns_name.len > 0 && !regex_literal_matches("[a-z0-9_.\\-]{1,127}", alias->dns_name))
        return BAD(ctx,
                   "The DNS name that you provided is invalid. It must match ^[a-z0-9_.-]{1,127}$");
    return OP_OK;
}

static int check_service(struct op_ctx *ctx, const struct ecs_service_connect_service *service,
                         const struct ecs_task_definition *definition)
{
    if (!has_port_name(definition, service->port_name))
        return BAD(ctx,
                   "portName(%.*s) does not refer to any named PortMapping in the container "
                   "definitions of the task definition.",
                   STR_ARGS(service->port_name));
    if (service->discovery_name.len > 0 &&
        !regex_literal_matches("[a-z0-9_][a-z0-9_\\-]{0,63}", service->discovery_name))
        return BAD(ctx, "The discovery name must match ^[a-z0-9_][a-z0-9_-]{0,63}$");
    if (service->client_aliases.n > 1)
        return BAD(ctx, "%zu clientAliases exceeds the max limit of 1", service->client_aliases.n);
    return service->client_aliases.n == 0 ? OP_OK
                                          : check_alias(ctx, &service->client_aliases.at[0]);
}

int service_read_connect(struct op_ctx *ctx, const struct ecs_service_connect_configuration *given,
                         const struct cluster *cluster, const struct task_definition *definition,
                         struct ecs_service_connect_configuration **out)
{
    const struct ecs_cluster_service_connect_defaults *defaults =
        cluster->rec->service_connect_defaults;

    *out = NULL;
    if (given == NULL)
        return OP_OK;
    *out = arena_copy(ctx->arena, given, sizeof *given);
    if (!given->enabled)
        return OP_OK;
    if (given->namespace.len == 0 && defaults == NULL)
        return BAD(ctx, "Namespace is missing. Specify one, or a default for the cluster.");
    if (given->namespace.len == 0)
        SET(*out, namespace, defaults->namespace);
    for (size_t i = 0; i < given->services.n; i++) {
        if (check_service(ctx, &given->services.at[i], definition->rec->definition) != OP_OK)
            return OP_FAILED;
    }
    return OP_OK;
}
