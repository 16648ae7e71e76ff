// DiscoverPollEndpoint: where an agent connects to. Asks nothing of the cluster or the instance;
// the connection itself is refused when they do not exist. Source: ecs-behaviour-api 7.10.

#include "ops/op.h"

int op_discover_poll_endpoint(struct op_ctx *ctx,
                              const struct ecs_discover_poll_endpoint_request *in,
                              struct ecs_discover_poll_endpoint_response *out)
{
    (void)in;
    SET(out, endpoint, ctx->step->acs_endpoint);
    SET(out, telemetry_endpoint, ctx->step->tcs_endpoint);
    return OP_OK;
}
