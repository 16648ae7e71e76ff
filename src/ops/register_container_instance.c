// RegisterContainerInstance: an agent announces its host. With the ARN it was given before it is
// the same instance once more, with the clientToken of an earlier call it is that call repeated,
// else a new instance. Source: ecs-behaviour-api 7.8, agent-protocol 3.

#include "base/arena.h"
#include "base/id.h"
#include "base/proof.h"
#include "core/lifecycle.h"
#include "model/cluster.h"
#include "model/instance.h"
#include "ops/find.h"
#include "ops/registration.h"

static struct instance *create(struct op_ctx *ctx, const struct cluster *cluster,
                               const struct ecs_register_container_instance_request *in,
                               const struct registration *registration)
{
    uint64_t id = state_new_id(ctx->state, REC_KIND_INSTANCE);
    struct rec_instance rec = {0};
    struct rec_instance_state st = {0};

    SET(&rec, cluster_id, (int64_t)cluster->entity.id);
    SET(&rec, uid, id_hex32(ctx->arena, ctx->step->rng));
    SET(&rec, registered_at, ctx->step->now);
    SET(&rec, resources, registration->resources);
    SET(&rec, attributes, registration->attributes);
    SET(&rec, tags, registration->tags);
    if (in->client_token.len > 0)
        SET(&rec, client_token, in->client_token);
    if (in->has.version_info)
        SET(&rec, version_info, in->version_info);
    if (registration->ec2_instance_id.len > 0)
        SET(&rec, ec2_instance_id, registration->ec2_instance_id);
    SET(&st, version, 1);
    SET(&st, sequence, 0);
    SET(&st, status, REC_INSTANCE_STATUS_ACTIVE);
    state_put(ctx->state, REC_KIND_INSTANCE, id, &rec);
    state_put(ctx->state, REC_KIND_INSTANCE_STATE, id, &st);
    return instance_get(ctx->state, id);
}

// A token stands for one instance of a cluster; one that is another's already is not taken over.
static void take_token(struct op_ctx *ctx, const struct instance *instance, struct str token,
                       struct rec_instance *next)
{
    const struct instance *holder = instance_find_token(ctx->state, instance->cluster_id, token);

    MARK_IF(token.len > 0 && holder != NULL && holder != instance,
            "a clientToken of another instance is not taken over");
    if (token.len > 0 && (holder == NULL || holder == instance))
        SET(next, client_token, token);
}

static int find_known(struct op_ctx *ctx, const struct cluster *cluster, struct str arn,
                      struct instance **out)
{
    struct instance *instance = op_find_instance(ctx, cluster, arn);

    if (instance == NULL) {
        MARK("an instance that does not exist is not registered again");
        return op_fail(ctx, ECS_ERROR_CLIENT_EXCEPTION,
                       "Referenced container instance %.*s not found.", STR_ARGS(arn));
    }
    if (!instance_is_registered(instance)) {
        MARK("a deregistered instance is not registered again");
        return op_fail(ctx, ECS_ERROR_CLIENT_EXCEPTION,
                       "Referenced container instance %.*s was inactive.", STR_ARGS(arn));
    }
    *out = instance;
    return OP_OK;
}

static int renew(struct op_ctx *ctx, const struct cluster *cluster,
                 const struct ecs_register_container_instance_request *in,
                 struct registration *registration, struct instance **out)
{
    struct instance *instance;
    struct rec_instance next;

    if (find_known(ctx, cluster, in->container_instance_arn, &instance) != OP_OK ||
        op_join_registration(ctx, instance, registration) != OP_OK)
        return OP_FAILED;
    op_complete_registration(ctx, registration);
    next = *instance->rec;
    SET(&next, resources, registration->resources);
    SET(&next, attributes, registration->attributes);
    if (registration->ec2_instance_id.len > 0)
        SET(&next, ec2_instance_id, registration->ec2_instance_id);
    MARK("an instance registers again");
    take_token(ctx, instance, in->client_token, &next);
    if (in->has.version_info)
        SET(&next, version_info, in->version_info);
    state_put(ctx->state, REC_KIND_INSTANCE, instance->entity.id, &next);
    instance_touch(ctx->step, instance);
    *out = instance;
    return OP_OK;
}

static int enrol(struct op_ctx *ctx, const struct cluster *cluster,
                 const struct ecs_register_container_instance_request *in,
                 struct registration *registration, struct instance **out)
{
    if (in->container_instance_arn.len > 0)
        return renew(ctx, cluster, in, registration, out);
    *out = NULL;
    if (in->client_token.len > 0)
        *out = instance_find_token(ctx->state, cluster->entity.id, in->client_token);
    MARK_IF(*out != NULL, "a registration with a known clientToken is the same call again");
    if (*out == NULL) {
        op_complete_registration(ctx, registration);
        *out = create(ctx, cluster, in, registration);
    }
    return OP_OK;
}

int op_register_container_instance(struct op_ctx *ctx,
                                   const struct ecs_register_container_instance_request *in,
                                   struct ecs_register_container_instance_response *out)
{
    struct registration registration;
    struct instance *instance;
    struct cluster *cluster;

    if (op_find_cluster(ctx, in->cluster, &cluster) != OP_OK ||
        op_read_registration(ctx, in, &registration) != OP_OK ||
        enrol(ctx, cluster, in, &registration, &instance) != OP_OK)
        return OP_FAILED;
    SET(out, container_instance, arena_new(ctx->arena, struct ecs_container_instance));
    instance_view(ctx->state, instance, INSTANCE_INCLUDE_TAGS, ctx->arena, out->container_instance);
    // Who registers is there, although the connection that will carry its tasks opens later.
    SET(out->container_instance, agent_connected, true);
    return OP_OK;
}
