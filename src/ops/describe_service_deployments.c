// DescribeServiceDeployments and DescribeServiceRevisions: parts of one service, by ARN. Source:
// ecs-behaviour-api 7.6.

#include "base/arena.h"
#include "model/arn.h"
#include "model/cluster.h"
#include "model/deployment.h"
#include "model/service.h"
#include "ops/find.h"
#include "ops/service_parts.h"

enum { ARNS_MAX = 20 };

#define BAD(ctx, ...) op_fail((ctx), ECS_ERROR_INVALID_PARAMETER_EXCEPTION, __VA_ARGS__)

static int find_service(struct op_ctx *ctx, const struct part_reference *reference,
                        struct service **out)
{
    struct cluster *cluster;

    if (op_find_cluster(ctx, reference->cluster, &cluster) != OP_OK)
        return OP_FAILED;
    return op_find_named_service(ctx, cluster, reference->service, out);
}

static bool is_first_time(const struct str_list *arns, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if (str_eq(arns->at[k], arns->at[i]))
            return false;
    }
    return true;
}

// ---- deployments

static int describe_deployment(struct op_ctx *ctx, struct str arn,
                               struct ecs_describe_service_deployments_response *out)
{
    const struct service_deployment *found;
    struct part_reference reference;
    struct service *service;

    if (!op_parse_part(ctx, arn, "service-deployment", &reference))
        return BAD(ctx, "The ServiceDeployment ARN is invalid.");
    if (find_service(ctx, &reference, &service) != OP_OK)
        return OP_FAILED;
    found = op_service_deployment(service, reference.id);
    if (found == NULL)
        out->failures.at[out->failures.n++] = op_failure(arn, STR("MISSING"));
    else
        service_deployment_view(ctx->state, found, ctx->arena,
                                &out->service_deployments.at[out->service_deployments.n++]);
    return OP_OK;
}

int op_describe_service_deployments(struct op_ctx *ctx,
                                    const struct ecs_describe_service_deployments_request *in,
                                    struct ecs_describe_service_deployments_response *out)
{
    const struct str_list *arns = &in->service_deployment_arns;

    if (arns->n == 0)
        return BAD(ctx, "The Service ARN provided is invalid.");
    if (arns->n > ARNS_MAX)
        return BAD(ctx, "Service Deployment ARN count cannot exceed %d", ARNS_MAX);
    if (op_validate(ctx) != OP_OK)
        return OP_FAILED;
    out->has.service_deployments = out->has.failures = true;
    out->service_deployments.at = arena_array(ctx->arena, struct ecs_service_deployment, arns->n);
    out->failures.at = arena_array(ctx->arena, struct ecs_failure, arns->n);
    for (size_t i = 0; i < arns->n; i++) {
        if (is_first_time(arns, i) && describe_deployment(ctx, arns->at[i], out) != OP_OK)
            return OP_FAILED;
    }
    return OP_OK;
}

// ---- revisions

// All of one service.
static int check_revisions(struct op_ctx *ctx, const struct str_list *arns)
{
    struct part_reference first = {0};

    if (arns->n == 0 || !arn_looks_like_one(arns->at[0]))
        return BAD(ctx, "The Service ARN provided is invalid.");
    if (arns->n > ARNS_MAX)
        return BAD(ctx, "Service Revision ARN count cannot exceed %d", ARNS_MAX);
    for (size_t i = 0; i < arns->n; i++) {
        struct part_reference reference;
        int64_t number;

        if (!op_parse_part(ctx, arns->at[i], "service-revision", &reference) ||
            !str_to_i64(reference.id, &number))
            return BAD(ctx, "The ServiceRevision ARN is invalid.");
        if (i == 0)
            first = reference;
        if (!str_eq(reference.cluster, first.cluster) || !str_eq(reference.service, first.service))
            return BAD(ctx, "Cross service requests are not allowed. All requested service "
                            "revisions must be for a single service");
    }
    return OP_OK;
}

// One that is there is shown once, one that is not fails each time it is named.
static void describe_revision(struct op_ctx *ctx, const struct service *service, struct str arn,
                              bool first_time, struct ecs_describe_service_revisions_response *out)
{
    const struct revision *found;
    struct part_reference reference;
    int64_t number = 0;

    if (op_parse_part(ctx, arn, "service-revision", &reference) &&
        str_to_i64(reference.id, &number))
        found = op_service_revision(service, number);
    else
        found = NULL;
    if (found == NULL)
        out->failures.at[out->failures.n++] = op_failure(arn, STR("MISSING"));
    else if (first_time)
        revision_view(ctx->state, found, ctx->arena,
                      &out->service_revisions.at[out->service_revisions.n++]);
}

int op_describe_service_revisions(struct op_ctx *ctx,
                                  const struct ecs_describe_service_revisions_request *in,
                                  struct ecs_describe_service_revisions_response *out)
{
    const struct str_list *arns = &in->service_revision_arns;
    struct part_reference reference;
    struct service *service;

    if (check_revisions(ctx, arns) != OP_OK || op_validate(ctx) != OP_OK)
        return OP_FAILED;
    if (!op_parse_part(ctx, arns->at[0], "service-revision", &reference))
        return BAD(ctx, "The ServiceRevision ARN is invalid.");
    if (find_service(ctx, &reference, &service) != OP_OK)
        return OP_FAILED;
    out->has.service_revisions = out->has.failures = true;
    out->service_revisions.at = arena_array(ctx->arena, struct ecs_service_revision, arns->n);
    out->failures.at = arena_array(ctx->arena, struct ecs_failure, arns->n);
    for (size_t i = 0; i < arns->n; i++)
        describe_revision(ctx, service, arns->at[i], is_first_time(arns, i), out);
    return OP_OK;
}
