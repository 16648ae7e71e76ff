// SubmitAttachmentStateChanges: an agent reports that network interfaces or volumes arrived. Gantry
// attaches none from outside the host, so whatever is named here is unknown, and an unknown thing
// is acknowledged: an agent would repeat the call for ever. Source: ecs-behaviour-api 7.10.

#include "ops/submit.h"

int op_submit_attachment_state_changes(struct op_ctx *ctx,
                                       const struct ecs_submit_attachment_state_changes_request *in,
                                       struct ecs_submit_attachment_state_changes_response *out)
{
    struct cluster *cluster;

    if (op_validate(ctx) != OP_OK || op_find_cluster_any(ctx, in->cluster, &cluster) != OP_OK)
        return OP_FAILED;
    SET(out, acknowledgment, op_acknowledgment);
    return OP_OK;
}
