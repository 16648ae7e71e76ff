// See role_fetch.h. Each section with a URL has one fetch at a time and a timer for the next. Keys
// that could be fetched stay in force while the URL fails, until their own end.

#include "server/role_fetch.h"

#include "api/metadata.h"
#include "base/arena.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/clock.h"
#include "io/loop.h"
#include "wire/codec.h"
#include "wire/http_client.h"
#include "wire/tls.h"

enum {
    ANSWER_MAX = 64 << 10,
    FETCH_MS = 10 * 1000,
    AGAIN_MS = TIME_MINUTE_MS,   // after a failure, and at least
    AGAIN_MAX_MS = TIME_HOUR_MS, // for keys that do not end
};

struct source {
    struct role_fetch *fetch;
    const struct role_section *section; // NULL: it has no URL
    struct uri uri;
    struct http_client *client;
    struct loop_timer again;
    struct arena arena; // of the keys
    struct handed_keys keys;
};

struct role_fetch {
    struct loop *loop;
    struct arena arena;
    struct tls_context *tls; // NULL: no URL is https, or none could be made
    struct source *sources;  // one a section
    size_t n;
    void (*changed)(void *user);
    void *user;
};

static int64_t pause_of(struct str expiration)
{
    time_ms ends;
    int64_t pause;

    if (!time_parse_rfc3339(expiration, &ends))
        return AGAIN_MAX_MS;
    pause = (ends - clock_wall_ms()) / 2;
    if (pause < AGAIN_MS)
        return AGAIN_MS;
    return pause < AGAIN_MAX_MS ? pause : AGAIN_MAX_MS;
}

static bool take(struct source *source, struct str body)
{
    struct arena scratch = ARENA_INIT;
    struct meta_credentials answer = {0};
    struct codec_report report = {0};
    bool is_good =
        codec_decode(&scratch, &meta_credentials_shape, body, &codec_peer, &answer, &report) == 0 &&
        answer.access_key_id.len > 0 && answer.secret_access_key.len > 0;
    bool is_new = is_good && !str_eq(answer.access_key_id, source->keys.key_id);

    if (is_good) {
        struct arena kept = ARENA_INIT;

        source->keys = (struct handed_keys){
            .key_id = str_copy(&kept, answer.access_key_id),
            .secret = str_copy(&kept, answer.secret_access_key),
            .token = str_copy(&kept, answer.token),
            .expiration = str_copy(&kept, answer.expiration),
        };
        arena_deinit(&source->arena);
        source->arena = kept;
    }
    arena_deinit(&scratch);
    if (is_new)
        source->fetch->changed(source->fetch->user);
    return is_good;
}

static void on_done(void *user, struct http_call *call, int outcome,
                    const struct http_answer *reply, struct str detail)
{
    struct source *source = user;

    (void)call;
    if (outcome == 0 && reply->status == 200 && take(source, reply->body)) {
        loop_timer_start(&source->again, pause_of(source->keys.expiration));
        return;
    }
    LOG_WARN("roles.no_keys", LOG_STR("role", source->section->role),
             LOG_CSTR("outcome", http_client_outcome_text(outcome)),
             LOG_INT("status", outcome == 0 ? reply->status : 0), LOG_STR("detail", detail));
    loop_timer_start(&source->again, AGAIN_MS);
}

static const struct http_call_handler handler = {.on_done = on_done};

static void ask(void *user)
{
    struct source *source = user;
    struct arena scratch = ARENA_INIT;
    struct http_call_options options = {
        .method = STR("GET"),
        .target = source->uri.query.len > 0
                      ? str_fmt(&scratch, "%.*s?%.*s", STR_ARGS(source->uri.path),
                                STR_ARGS(source->uri.query))
                      : source->uri.path,
        .total_ms = FETCH_MS,
        .body_max = ANSWER_MAX,
        .handler = &handler,
        .user = source,
    };

    http_client_send(source->client, &options);
    arena_deinit(&scratch);
}

static void begin(struct role_fetch *fetch, struct source *source,
                  const struct role_section *section)
{
    struct http_client_config config = {.idle_max = 1};
    struct str why;
    bool is_url = uri_parse(&fetch->arena, section->keys_url, &source->uri);

    if (!is_url)
        return; // the file's reader has seen to it
    if (source->uri.scheme == URI_HTTPS && fetch->tls == NULL &&
        tls_context_client(NULL, true, &fetch->arena, &why, &fetch->tls) != 0) {
        LOG_ERROR("roles.no_tls", LOG_STR("detail", why));
        return;
    }
    source->section = section;
    config.target = source->uri;
    config.tls = source->uri.scheme == URI_HTTPS ? fetch->tls : NULL;
    source->client = http_client_new(fetch->loop, &config);
    loop_timer_init(&source->again, fetch->loop, ask, source);
    ask(source);
}

struct role_fetch *role_fetch_new(struct loop *loop, const struct role_config *config,
                                  void (*changed)(void *user), void *user)
{
    struct role_fetch *fetch = mem_zalloc(sizeof *fetch);

    fetch->loop = loop;
    fetch->n = config->n;
    fetch->changed = changed;
    fetch->user = user;
    fetch->sources = arena_array(&fetch->arena, struct source, config->n);
    for (size_t i = 0; i < config->n; i++) {
        fetch->sources[i].fetch = fetch;
        if (config->at[i].keys_url.len > 0)
            begin(fetch, &fetch->sources[i], &config->at[i]);
    }
    return fetch;
}

void role_fetch_free(struct role_fetch *fetch)
{
    if (fetch == NULL)
        return;
    for (size_t i = 0; i < fetch->n; i++) {
        loop_timer_stop(&fetch->sources[i].again);
        if (fetch->sources[i].client != NULL)
            http_client_free(fetch->sources[i].client);
        arena_deinit(&fetch->sources[i].arena);
    }
    tls_context_free(fetch->tls);
    arena_deinit(&fetch->arena);
    mem_free(fetch);
}

struct handed_keys role_fetch_get(const struct role_fetch *fetch, size_t section)
{
    return fetch->sources[section].keys;
}
