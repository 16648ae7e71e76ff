// See channel.h.

#include "agent/channel.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "io/clock.h"
#include "io/entropy.h"
#include "io/loop.h"
#include "wire/tls.h"
#include "wire/uri.h"
#include "wire/ws.h"

enum {
    HANDSHAKE_MS = 30 * 1000,
    SILENCE_MS = 60 * 1000,
    LIFE_MS = 30 * 60 * 1000,
    LIFE_JITTER = 6, // a part of the life
    STEADY_MS = 60 * 1000,
    PAUSE_JITTER = 5,
    FLEETING_MS = 1000,    // a server that closes sooner is not dialled in a tight circle
    MESSAGE_MAX = 8 << 20, // payloads of many tasks are large
};

struct channel {
    struct channel_config config;
    struct rng rng;
    struct http_client *client;
    struct tls_context *tls;
    struct str client_base; // what `client` was made for
    struct arena client_arena;
    struct arena dial_arena; // place of the present connection
    struct str host;
    struct str path;
    struct str query;
    struct ws_dial *dial;
    struct ws *ws;
    struct loop_timer again;
    struct loop_timer silence;
    struct loop_timer life;
    int64_t pause_ms;
    int64_t opened_ms;
    bool hung_up;
};

static void dial(void *user);

// Up to one `part`th longer.
static int64_t stretched(struct channel *channel, int64_t ms, int64_t part)
{
    return ms + (int64_t)rng_below(&channel->rng, (uint64_t)(ms / part) + 1);
}

static void dial_later(struct channel *channel, int64_t wanted_ms)
{
    int64_t wait_ms = wanted_ms;
    double next;

    if (channel->hung_up)
        return;
    if (wait_ms == 0) {
        wait_ms = stretched(channel, channel->pause_ms, PAUSE_JITTER);
        next = (double)channel->pause_ms * channel->config.pause_factor;
        channel->pause_ms = next < (double)channel->config.pause_max_ms
                                ? (int64_t)next
                                : channel->config.pause_max_ms;
    }
    loop_timer_start(&channel->again, wait_ms);
}

static void stop_watching(struct channel *channel)
{
    loop_timer_stop(&channel->silence);
    loop_timer_stop(&channel->life);
}

static void on_message(void *user, struct str bytes, bool is_text)
{
    struct channel *channel = user;

    if (is_text)
        channel->config.message(channel->config.user, bytes);
}

static bool is_normal(int code)
{
    return code == WS_CODE_NORMAL || code == WS_CODE_GOING_AWAY || code == WS_CODE_ABNORMAL ||
           code == WS_CODE_INTERNAL;
}

static void on_close(void *user, int code, struct str reason)
{
    struct channel *channel = user;
    int64_t age_ms = clock_monotonic_ms() - channel->opened_ms;
    int64_t wanted_ms;

    channel->ws = NULL;
    stop_watching(channel);
    LOG_INFO("agent.disconnected", LOG_CSTR("channel", channel->config.name), LOG_INT("code", code),
             LOG_STR("reason", reason));
    wanted_ms = channel->config.closed(channel->config.user, STR_NONE);
    if (is_normal(code) || age_ms >= STEADY_MS)
        channel->pause_ms = channel->config.pause_first_ms;
    if (wanted_ms == 0 && is_normal(code) && age_ms >= FLEETING_MS)
        wanted_ms = 1;
    dial_later(channel, wanted_ms);
}

static const struct ws_handler ws_handler = {.on_message = on_message, .on_close = on_close};

static void on_silence(void *user)
{
    struct channel *channel = user;

    ws_close(channel->ws, WS_CODE_NORMAL, STR("ConnectionInactive: Reconnect to continue"));
}

static void on_old_age(void *user)
{
    struct channel *channel = user;

    ws_close(channel->ws, WS_CODE_NORMAL, STR("ConnectionExpired: Reconnect to continue"));
}

static void on_open(void *user, struct ws *ws)
{
    struct channel *channel = user;

    channel->dial = NULL;
    channel->ws = ws;
    channel->opened_ms = clock_monotonic_ms();
    loop_timer_start(&channel->life, stretched(channel, channel->config.life_ms, LIFE_JITTER));
    channel_active(channel);
    LOG_INFO("agent.connected", LOG_CSTR("channel", channel->config.name));
    channel->config.opened(channel->config.user);
}

// {"<ExceptionName>":"<text>"}, or {"type":"<ExceptionName>",...}.
static struct str exception_name(struct str body)
{
    struct str head;
    struct str name;
    struct str rest;

    if (!str_cut(body, '"', &head, &rest) || !str_cut(rest, '"', &name, &rest))
        return STR_NONE;
    if (!str_eq(name, STR("type")))
        return name;
    if (!str_cut(rest, '"', &head, &rest) || !str_cut(rest, '"', &name, &rest))
        return STR_NONE;
    return name;
}

static void on_failed(void *user, int outcome, const struct http_answer *reply, struct str detail)
{
    struct channel *channel = user;
    struct str exception = outcome == 0 && reply != NULL ? exception_name(reply->body) : STR_NONE;

    channel->dial = NULL;
    if (outcome == 0 && reply != NULL && reply->status == 403)
        api_read_keys(channel->config.api);
    LOG_WARN(
        "agent.cannot_connect", LOG_CSTR("channel", channel->config.name),
        LOG_STR("reason", outcome == 0 ? exception : str_of(http_client_outcome_text(outcome))),
        LOG_STR("detail", detail));
    dial_later(channel, channel->config.closed(channel->config.user, exception));
}

static const struct ws_dial_handler dial_handler = {.on_open = on_open, .on_failed = on_failed};

// A client speaks to one place; another base makes another client.
static bool ready_client(struct channel *channel, struct str base, struct uri *out)
{
    struct http_client_config client = {0};
    struct str why = STR_NONE;

    if (!uri_parse(&channel->dial_arena, base, out))
        return false;
    if (channel->client != NULL && str_eq(base, channel->client_base))
        return true;
    http_client_free(channel->client);
    channel->client = NULL;
    tls_context_free(channel->tls);
    channel->tls = NULL;
    arena_reset(&channel->client_arena);
    if (out->scheme == URI_HTTPS &&
        tls_context_client(channel->config.config->ca_file, !channel->config.config->insecure,
                           &channel->client_arena, &why, &channel->tls) != 0) {
        LOG_ERROR("agent.tls", LOG_STR("reason", why));
        return false;
    }
    client.target = *out;
    client.tls = channel->tls;
    channel->client = http_client_new(channel->config.loop, &client);
    channel->client_base = str_copy(&channel->client_arena, base);
    return true;
}

static bool place_dial(struct channel *channel)
{
    struct arena *arena = &channel->dial_arena;
    struct str base;
    struct uri uri;

    arena_reset(arena);
    if (!channel->config.place(channel->config.user, arena, &base, &channel->query))
        return false;
    if (!ready_client(channel, base, &uri))
        return false;
    channel->host = uri_host_header(arena, &uri);
    channel->path =
        str_fmt(arena, "%.*s%sws", STR_ARGS(uri.path), str_ends(uri.path, STR("/")) ? "" : "/");
    return true;
}

static void dial(void *user)
{
    struct channel *channel = user;
    struct http_header headers[API_SIGNED_MAX];
    struct ws_dial_options options = {
        .headers = headers,
        .handshake_ms = HANDSHAKE_MS,
        .ws = {.message_max = MESSAGE_MAX, .handler = &ws_handler, .user = channel},
        .handler = &dial_handler,
        .user = channel,
    };

    if (channel->ws != NULL || channel->dial != NULL || channel->hung_up)
        return;
    if (!place_dial(channel)) {
        dial_later(channel, 0);
        return;
    }
    options.target = str_fmt(&channel->dial_arena, "%.*s?%.*s", STR_ARGS(channel->path),
                             STR_ARGS(channel->query));
    options.headers_n = api_sign_get(channel->config.api, &channel->dial_arena, channel->host,
                                     channel->path, channel->query, STR_NONE, headers);
    channel->dial = ws_dial(channel->client, &options);
}

struct channel *channel_new(const struct channel_config *config)
{
    struct channel *channel = mem_zalloc(sizeof *channel);

    channel->config = *config;
    if (config->silence_ms == 0)
        channel->config.silence_ms = SILENCE_MS;
    if (config->life_ms == 0)
        channel->config.life_ms = LIFE_MS;
    channel->pause_ms = config->pause_first_ms;
    rng_init(&channel->rng, entropy_u64());
    loop_timer_init(&channel->again, config->loop, dial, channel);
    loop_timer_init(&channel->silence, config->loop, on_silence, channel);
    loop_timer_init(&channel->life, config->loop, on_old_age, channel);
    return channel;
}

void channel_free(struct channel *channel)
{
    if (channel == NULL)
        return;
    if (channel->dial != NULL)
        ws_dial_cancel(channel->dial);
    ws_abort(channel->ws);
    loop_timer_stop(&channel->again);
    stop_watching(channel);
    http_client_free(channel->client);
    tls_context_free(channel->tls);
    arena_deinit(&channel->client_arena);
    arena_deinit(&channel->dial_arena);
    mem_free(channel);
}

void channel_dial_now(struct channel *channel)
{
    channel->hung_up = false;
    loop_timer_start(&channel->again, 0);
}

void channel_hang_up(struct channel *channel)
{
    channel->hung_up = true;
    loop_timer_stop(&channel->again);
    if (channel->dial != NULL)
        ws_dial_cancel(channel->dial);
    channel->dial = NULL;
    if (channel->ws != NULL)
        ws_close(channel->ws, WS_CODE_NORMAL, STR_NONE);
}

bool channel_is_open(const struct channel *channel)
{
    return channel->ws != NULL;
}

void channel_active(struct channel *channel)
{
    loop_timer_start(&channel->silence, stretched(channel, channel->config.silence_ms, 1));
}

void channel_send(struct channel *channel, struct str text)
{
    if (channel->ws == NULL)
        return;
    if (ws_send_text(channel->ws, text) == WS_SEND_E_FULL)
        ws_close(channel->ws, WS_CODE_NORMAL, STR("too slow"));
}

void channel_sign_message(struct channel *channel, struct str body, struct buf *out)
{
    struct http_header headers[API_SIGNED_MAX];
    struct arena scratch = ARENA_INIT;
    size_t n = api_sign_get(channel->config.api, &scratch, channel->host, channel->path,
                            channel->query, body, headers);

    http_write_header(out, STR("Host"), channel->host);
    for (size_t i = 0; i < n; i++)
        http_write_header(out, headers[i].name, headers[i].value);
    buf_add_str(out, STR("\r\n"));
    arena_deinit(&scratch);
}
