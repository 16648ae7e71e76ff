// TCS: the agent tells how its tasks fare. Source: agent-protocol 5.5 and 9.
//
// Every frame of the agent opens with a block of signed headers, as of a request, before an empty
// line and the JSON. The handshake was signed with the same key over the same connection, so the
// block adds nothing and is skipped.

#include "server/channel.h"

#include "base/buf.h"
#include "wire/codec.h"

static void read_hello(struct arena *arena, struct str query, struct agent_hello *out)
{
    out->cluster = channel_query(arena, query, STR("cluster"));
    out->container_instance = channel_query(arena, query, STR("containerInstance"));
    out->agent_version = channel_query(arena, query, STR("agentVersion"));
    out->agent_hash = channel_query(arena, query, STR("agentHash"));
    out->docker_version = channel_query(arena, query, STR("dockerVersion"));
}

static struct str json_of(struct str frame)
{
    const char *end;

    if (frame.len == 0 || frame.ptr[0] == '{')
        return frame;
    end = memmem(frame.ptr, frame.len, "\r\n\r\n", 4);
    return end != NULL ? str_from(frame, (size_t)(end - frame.ptr) + 4) : frame;
}

static void write_heartbeat(struct buf *out, struct str message_id)
{
    struct tcs_heartbeat_message message = {0};

    (void)message_id;
    SET(&message, healthy, true);
    codec_encode_frame(out, &tcs_messages[TCS_MESSAGE_HEARTBEAT_MESSAGE], &message);
}

const struct channel channel_tcs = {
    .path = STR_INIT("/tcs/ws"),
    .kinds = tcs_messages,
    .kinds_n = TCS_MESSAGE_N,
    .denied = STR_INIT("BadRequestException"),
    .read_hello = read_hello,
    .json_of = json_of,
    .write_heartbeat = write_heartbeat,
};
