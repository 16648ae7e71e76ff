// UpdateContainerAgent: asks the agent of an instance to become newer.
//
// What there is to offer is the version of this server: the two are released together. An agent
// that is older is told to update; how the newer program comes onto the host is the host's business
// (its package manager, its image), so the message names no file. The agent comes back with the new
// version, which makes the update UPDATED, or with the old one, which makes it FAILED. An agent
// whose version is the server's or a greater one has nothing to gain, which is also the answer for
// agents of another make that count higher. Source: ecs-behaviour-api 7.8, agent-protocol 6.5.

#include "base/arena.h"
#include "base/proof.h"
#include "core/lifecycle.h"
#include "core/sessions.h"
#include "model/cluster.h"
#include "model/instance.h"
#include "ops/find.h"

// The next number of "1.20.3"; what is no number counts as 0, so "1.2-rc1" is 1.0.
static int64_t next_number(struct str *rest)
{
    struct str word;
    int64_t number;

    str_cut(*rest, '.', &word, rest);
    return str_to_i64(word, &number) ? number : 0;
}

static bool is_older(struct str version, struct str than)
{
    while (version.len > 0 || than.len > 0) {
        int64_t a = next_number(&version);
        int64_t b = next_number(&than);

        if (a != b)
            return a < b;
    }
    return false;
}

static bool is_updating(const struct instance *instance)
{
    enum ecs_agent_update_status status = instance->st->agent_update_status;

    return status >= ECS_AGENT_UPDATE_STATUS_PENDING && status <= ECS_AGENT_UPDATE_STATUS_UPDATING;
}

static int check(struct op_ctx *ctx, const struct instance *instance)
{
    const struct ecs_version_info *info = instance->rec->version_info;

    if (!instance_is_registered(instance)) {
        MARK("the agent of a deregistered instance is not updated");
        return op_fail(ctx, ECS_ERROR_CLIENT_EXCEPTION,
                       "The referenced container instance was inactive.");
    }
    if (info == NULL || info->agent_version.len == 0)
        return op_fail(ctx, ECS_ERROR_MISSING_VERSION_EXCEPTION,
                       "The version of the container agent is not known.");
    if (is_updating(instance)) {
        MARK("one update of an agent at a time");
        return op_fail(ctx, ECS_ERROR_UPDATE_IN_PROGRESS_EXCEPTION,
                       "There is already an update of the container agent in progress.");
    }
    if (!is_older(info->agent_version, STR(GANTRY_VERSION))) {
        MARK("an agent of this version needs no update");
        return op_fail(ctx, ECS_ERROR_NO_UPDATE_AVAILABLE_EXCEPTION,
                       "There is no update available for the container agent.");
    }
    if (!instance_is_connected(instance)) {
        MARK("an agent that is away is not updated");
        return op_fail(ctx, ECS_ERROR_CLIENT_EXCEPTION, "The container agent is not connected.");
    }
    return OP_OK;
}

int op_update_container_agent(struct op_ctx *ctx,
                              const struct ecs_update_container_agent_request *in,
                              struct ecs_update_container_agent_response *out)
{
    struct rec_instance_state next;
    struct instance *instance;
    struct cluster *cluster;

    if (op_find_cluster(ctx, in->cluster, &cluster) != OP_OK ||
        op_find_named_instance(ctx, cluster, in->container_instance, &instance) != OP_OK ||
        op_validate(ctx) != OP_OK || check(ctx, instance) != OP_OK)
        return OP_FAILED;
    next = *instance->st;
    MARK("an agent is asked to update itself");
    SET(&next, agent_update_status, ECS_AGENT_UPDATE_STATUS_PENDING);
    instance_change(ctx->step, instance, &next);
    session_send_update(ctx->step, instance);
    SET(out, container_instance, arena_new(ctx->arena, struct ecs_container_instance));
    instance_view(ctx->state, instance, 0, ctx->arena, out->container_instance);
    return OP_OK;
}
