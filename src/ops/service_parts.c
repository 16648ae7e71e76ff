// See service_parts.h.

#include "ops/service_parts.h"

#include "model/arn.h"
#include "model/cluster.h"
#include "model/deployment.h"
#include "model/service.h"

bool op_parse_part(const struct op_ctx *ctx, struct str text, const char *kind,
                   struct part_reference *out)
{
    struct scope here = op_scope(ctx);
    struct str rest;
    struct arn arn;

    return arn_parse(text, &arn) && scope_eq(&arn.scope, &here) &&
           str_eq(arn.service, STR("ecs")) && str_eq(arn.kind, str_of(kind)) &&
           str_cut(arn.tail, '/', &out->cluster, &rest) &&
           str_cut(rest, '/', &out->service, &out->id) && out->id.len > 0;
}

struct service_deployment *op_service_deployment(const struct service *service, struct str uid)
{
    LIST_EACH (&service->service_deployments, it) {
        struct service_deployment *deployment = PART(it, struct service_deployment);
        if (str_eq(deployment->rec->uid, uid))
            return deployment;
    }
    return NULL;
}

struct revision *op_service_revision(const struct service *service, int64_t number)
{
    LIST_EACH (&service->revisions, it) {
        struct revision *revision = PART(it, struct revision);
        if (revision->rec->number == number)
            return revision;
    }
    return NULL;
}

int op_find_service_deployment(struct op_ctx *ctx, struct str arn, struct service_deployment **out)
{
    struct part_reference reference;
    struct cluster *cluster;
    struct service *service;

    if (!op_parse_part(ctx, arn, "service-deployment", &reference))
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "The ServiceDeployment ARN is invalid.");
    cluster = cluster_find(ctx->state, ctx->caller.region, reference.cluster);
    service = cluster != NULL ? service_find(ctx->state, cluster, reference.service) : NULL;
    *out = service != NULL ? op_service_deployment(service, reference.id) : NULL;
    if (*out == NULL)
        return op_fail(ctx, ECS_ERROR_SERVICE_DEPLOYMENT_NOT_FOUND_EXCEPTION,
                       "Service deployment not found.");
    return OP_OK;
}
