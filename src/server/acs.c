// ACS: the agent is told what to run. Source: agent-protocol 5 and 6.

#include "server/channel.h"

#include "base/buf.h"
#include "wire/codec.h"

static void read_hello(struct arena *arena, struct str query, struct agent_hello *out)
{
    out->cluster = channel_query(arena, query, STR("clusterArn"));
    out->container_instance = channel_query(arena, query, STR("containerInstanceArn"));
    out->agent_version = channel_query(arena, query, STR("agentVersion"));
    out->agent_hash = channel_query(arena, query, STR("agentHash"));
    out->docker_version = channel_query(arena, query, STR("dockerVersion"));
    out->abilities = channel_query(arena, query, STR("abilities"));
}

static struct str json_of(struct str frame)
{
    return frame;
}

static void write_heartbeat(struct buf *out, struct str message_id)
{
    struct acs_heartbeat_message message = {0};

    SET(&message, healthy, true);
    SET(&message, message_id, message_id);
    codec_encode_frame(out, &acs_messages[ACS_MESSAGE_HEARTBEAT_MESSAGE], &message);
}

const struct channel channel_acs = {
    .path = STR_INIT("/acs/ws"),
    .kinds = acs_messages,
    .kinds_n = ACS_MESSAGE_N,
    .denied = STR_INIT("AccessDeniedException"),
    .read_hello = read_hello,
    .json_of = json_of,
    .write_heartbeat = write_heartbeat,
    .answers_heartbeats = true,
    .heartbeat_answer = ACS_MESSAGE_HEARTBEAT_ACK_REQUEST,
};
