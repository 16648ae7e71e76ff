// See acs.h.

#include "agent/acs.h"

#include "agent/channel.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/loop.h"
#include "wire/codec.h"
#include "wire/uri.h"

enum { PAUSE_FIRST_MS = 250, PAUSE_MAX_MS = 2 * 60 * 1000, INACTIVE_PAUSE_MS = 3600 * 1000 };

struct acs {
    struct acs_config config;
    struct arena arena;
    struct channel *channel;
    bool credentials_sent; // asked for once a process
};

static struct str escaped(struct arena *arena, struct str text)
{
    return uri_encoded(arena, text, false);
}

// Keys in alphabetical order, as the signature wants them anyway.
static bool place(void *user, struct arena *arena, struct str *out_base, struct str *out_query)
{
    struct acs *acs = user;
    struct str cluster = acs->config.config->engine.cluster;

    *out_base = places_acs(acs->config.places);
    *out_query = str_fmt(
        arena,
        "%sagentHash=00000000&agentVersion=%s&clusterArn=%.*s&containerInstanceArn=%.*s"
        "&dockerVersion=DockerVersion%%3A%%20%.*s&protocolVersion=2&sendCredentials=%s&seqNum=1",
        acs->config.config->engine.exec ? "abilities=exec&" : "", GANTRY_VERSION,
        STR_ARGS(escaped(arena, cluster)), STR_ARGS(escaped(arena, acs->config.container_instance)),
        STR_ARGS(escaped(arena, acs->config.docker_version)),
        acs->credentials_sent ? "false" : "true");
    return out_base->len > 0;
}

static void opened(void *user)
{
    struct acs *acs = user;

    acs->credentials_sent = true;
    acs->config.opened(acs->config.user);
}

// Unknown types are passed over and count as silence.
static void message(void *user, struct str text)
{
    struct acs *acs = user;
    struct arena arena = ARENA_INIT;
    struct codec_frame frame = {0};
    struct codec_report report = {0};

    if (codec_decode_frame(&arena, acs_messages, ACS_MESSAGE_N, text, &codec_peer, &frame,
                           &report) != 0) {
        LOG_WARN("agent.bad_message", LOG_STR("reason", report.message),
                 LOG_STR("at", report.path));
    } else if (frame.kind == ACS_MESSAGE_NONE) {
        LOG_INFO("agent.unknown_message", LOG_STR("type", frame.name));
    } else {
        channel_active(acs->channel);
        acs->config.message(acs->config.user, (enum acs_message)frame.kind, frame.message);
    }
    arena_deinit(&arena);
}

static int64_t closed(void *user, struct str exception)
{
    struct acs *acs = user;

    if (!str_eq(exception, STR("InactiveInstanceException")))
        return 0;
    acs->config.inactive(acs->config.user);
    return INACTIVE_PAUSE_MS;
}

struct acs *acs_new(const struct acs_config *config)
{
    struct acs *acs = mem_zalloc(sizeof *acs);
    struct channel_config channel = {
        .loop = config->loop,
        .api = config->api,
        .config = config->config,
        .name = "acs",
        .pause_first_ms = PAUSE_FIRST_MS,
        .pause_max_ms = PAUSE_MAX_MS,
        .pause_factor = 1.5,
        .place = place,
        .opened = opened,
        .message = message,
        .closed = closed,
        .user = acs,
    };

    acs->config = *config;
    acs->config.container_instance = str_copy(&acs->arena, config->container_instance);
    acs->config.docker_version = str_copy(&acs->arena, config->docker_version);
    acs->channel = channel_new(&channel);
    return acs;
}

void acs_free(struct acs *acs)
{
    if (acs == NULL)
        return;
    channel_free(acs->channel);
    arena_deinit(&acs->arena);
    mem_free(acs);
}

void acs_dial(struct acs *acs)
{
    if (!channel_is_open(acs->channel))
        channel_dial_now(acs->channel);
}

void acs_send(struct acs *acs, enum acs_message kind, const void *value)
{
    BUF_AUTO struct buf text = BUF_INIT;

    codec_encode_frame(&text, &acs_messages[kind], value);
    channel_send(acs->channel, buf_str(&text));
}
