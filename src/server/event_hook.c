// See event_hook.h. One thing at a time: read a page, post it until it is taken, note how far that
// is, read the next. What is noted may lag behind what was posted, never run ahead of it.

#include "server/event_hook.h"

#include "base/arena.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "server/tick.h"
#include "wire/http_client.h"
#include "wire/tls.h"

enum {
    PAGE_MAX = 100,
    PAGE_BYTES_MAX = 256 * 1024,
    REPLY_MAX = 64 * 1024,
    POST_MS = 30 * TIME_SECOND_MS,
    WAIT_LEAST_MS = TIME_SECOND_MS,
    WAIT_MOST_MS = TIME_MINUTE_MS,
};

#define META_KEY STR("events_webhook")

struct event_hook {
    struct event_hook_config config;
    struct arena arena; // of the address
    struct uri uri;
    struct str target;
    struct tls_context *tls;
    struct http_client *client;
    struct event_reader reader;
    struct rng rng;
    uint64_t last;   // that is durable
    uint64_t posted; // everything up to this one was taken
    struct loop_timer again;
    int64_t wait_ms; // before the next attempt; 0: the last one went well
    struct buf body;
    struct http_call *call;
    bool is_closed;

    // Noting `posted` in the store.
    struct store_job note;
    struct loop_job noted;
    uint64_t noting;
    int note_outcome;
    bool is_noting;
};

static void look(struct event_hook *hook);

// ---- how far it is

static void run_note(struct store_job *job)
{
    struct event_hook *hook =
        (struct event_hook *)((char *)job - offsetof(struct event_hook, note));
    struct arena scratch = ARENA_INIT;
    struct str cursor = event_cursor(&scratch, hook->config.source.log, hook->noting);

    // A store that is down keeps the last one; a later one follows when it is back.
    hook->note_outcome = store_meta_set(hook->config.store, META_KEY, cursor);
    arena_deinit(&scratch);
    loop_post(hook->config.source.loop, &hook->noted);
}

static void note(struct event_hook *hook)
{
    if (hook->is_noting || hook->is_closed || hook->noting == hook->posted)
        return;
    hook->is_noting = true;
    hook->noting = hook->posted;
    tick_thread_store(*hook->config.source.ticks, &hook->note);
}

static void on_noted(void *user)
{
    struct event_hook *hook = user;

    hook->is_noting = false;
    if (hook->note_outcome != 0)
        LOG_DEBUG("events.webhook_place",
                  LOG_CSTR("reason", store_outcome_text(hook->note_outcome)));
    note(hook);
}

// ---- posting

static void post_again(struct event_hook *hook, struct str why, int status)
{
    int64_t most = hook->wait_ms * 2 < WAIT_MOST_MS ? hook->wait_ms * 2 : WAIT_MOST_MS;
    bool is_first = hook->wait_ms == 0;

    hook->wait_ms = is_first ? WAIT_LEAST_MS : most;
    LOG_AT(is_first ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG, "events.webhook_failed",
           LOG_STR("reason", why), LOG_INT("status", status), LOG_INT("again_ms", hook->wait_ms));
    // A little apart, so that many servers do not come back together.
    loop_timer_start(&hook->again, hook->wait_ms - (int64_t)rng_below(&hook->rng, 250));
}

static void on_done(void *user, struct http_call *call, int outcome,
                    const struct http_answer *reply, struct str detail)
{
    struct event_hook *hook = user;

    (void)call;
    hook->call = NULL;
    if (outcome != 0) {
        post_again(hook, detail.len > 0 ? detail : str_of(http_client_outcome_text(outcome)), 0);
        return;
    }
    if (reply->status < 200 || reply->status > 299) {
        post_again(hook, STR("the webhook did not take it"), reply->status);
        return;
    }
    if (hook->wait_ms > 0)
        LOG_INFO("events.webhook_back", LOG_INT("status", reply->status));
    hook->wait_ms = 0;
    hook->posted = hook->reader.page.last;
    note(hook);
    look(hook);
}

static const struct http_call_handler handler = {.on_done = on_done};

static void post(struct event_hook *hook)
{
    const struct http_header headers[] = {{STR("Content-Type"), STR("application/json")}};
    struct http_call_options options = {
        .method = STR("POST"),
        .target = hook->target,
        .headers = headers,
        .headers_n = 1,
        .body = buf_str(&hook->body),
        .total_ms = POST_MS,
        .body_max = REPLY_MAX,
        .resend = true,
        .handler = &handler,
        .user = hook,
    };

    hook->call = http_client_send(hook->client, &options);
}

static void write_body(struct event_hook *hook)
{
    const struct event_page *page = &hook->reader.page;
    struct arena scratch = ARENA_INIT;
    struct str cursor = event_cursor(&scratch, hook->config.source.log, page->last);

    buf_clear(&hook->body);
    buf_printf(&hook->body, "{\"cursor\":\"%.*s\",", STR_ARGS(cursor));
    if (page->lost > 0) {
        buf_printf(&hook->body, "\"lost\":%llu,", (unsigned long long)page->lost);
        LOG_WARN("events.lost", LOG_INT("events", page->lost),
                 LOG_STR("reason", STR("they were dropped before the webhook took them")));
    }
    buf_add_str(&hook->body, STR("\"events\":[\n"));
    buf_add_str(&hook->body, buf_str(&page->text));
    buf_add_str(&hook->body, STR("\n]}\n"));
    arena_deinit(&scratch);
}

static void on_read(void *user)
{
    struct event_hook *hook = user;

    if (hook->is_closed)
        return;
    if (hook->reader.outcome != 0) {
        post_again(hook, STR("the event log cannot be read"), 0);
        return;
    }
    if (hook->reader.page.n == 0)
        return;
    write_body(hook);
    post(hook);
}

static void look(struct event_hook *hook)
{
    if (hook->is_closed || hook->reader.is_busy || hook->call != NULL ||
        loop_timer_is_running(&hook->again) || hook->posted >= hook->last)
        return;
    event_read(&hook->reader, hook->posted, PAGE_MAX, PAGE_BYTES_MAX);
}

static void on_again(void *user)
{
    look(user);
}

void event_hook_told(struct event_hook *hook, uint64_t last)
{
    if (hook == NULL || last <= hook->last)
        return;
    hook->last = last;
    look(hook);
}

// ---- life

// Where it stood when it was stopped; without that, at the newest event, which is noted.
static void find_place(struct event_hook *hook)
{
    const struct event_log *log = hook->config.source.log;
    struct arena scratch = ARENA_INIT;
    struct str cursor = STR_NONE;
    bool is_ours = false;

    if (store_meta_get(hook->config.store, &scratch, META_KEY, &cursor) != 0 ||
        !event_cursor_parse(cursor, log, &hook->posted, &is_ours) || !is_ours) {
        hook->posted = event_log_last(log);
        cursor = event_cursor(&scratch, log, hook->posted);
        if (store_meta_set(hook->config.store, META_KEY, cursor) != 0)
            LOG_WARN("events.webhook_place", LOG_STR("reason", store_detail(hook->config.store)));
    }
    hook->noting = hook->posted;
    arena_deinit(&scratch);
}

static bool read_url(struct event_hook *hook, struct arena *arena, struct str *out_detail)
{
    struct str url = str_copy(&hook->arena, hook->config.url);
    struct str why = STR_NONE;

    if (!uri_parse(&hook->arena, url, &hook->uri) || hook->uri.scheme == URI_UNIX) {
        *out_detail = str_fmt(arena, "the events' webhook \"%.*s\" is no http or https address",
                              STR_ARGS(url));
        return false;
    }
    if (hook->uri.scheme == URI_HTTPS &&
        tls_context_client(NULL, true, arena, &why, &hook->tls) != 0) {
        *out_detail = str_fmt(arena, "cannot check certificates for the events' webhook: %.*s",
                              STR_ARGS(why));
        return false;
    }
    hook->target = hook->uri.query.len > 0
                       ? str_fmt(&hook->arena, "%.*s?%.*s", STR_ARGS(hook->uri.path),
                                 STR_ARGS(hook->uri.query))
                       : hook->uri.path;
    return true;
}

int event_hook_new(const struct event_hook_config *config, struct arena *arena,
                   struct str *out_detail, struct event_hook **out)
{
    struct event_hook *hook = mem_zalloc(sizeof *hook);
    struct http_client_config client = {.user_agent = STR("gantry/" GANTRY_VERSION)};

    hook->config = *config;
    event_reader_init(&hook->reader, &config->source, on_read, hook);
    loop_timer_init(&hook->again, config->source.loop, on_again, hook);
    loop_job_init(&hook->noted, on_noted, hook);
    hook->note.run = run_note;
    rng_init(&hook->rng, config->seed);
    if (!read_url(hook, arena, out_detail)) {
        hook->is_closed = true;
        event_hook_free(hook);
        return EVENT_HOOK_E_URL;
    }
    client.target = hook->uri;
    client.tls = hook->tls;
    hook->client = http_client_new(config->source.loop, &client);
    find_place(hook);
    *out = hook;
    return 0;
}

void event_hook_close(struct event_hook *hook)
{
    if (hook == NULL)
        return;
    hook->is_closed = true;
    loop_timer_stop(&hook->again);
    if (hook->client != NULL)
        http_client_free(hook->client);
    hook->client = NULL;
    hook->call = NULL;
}

void event_hook_free(struct event_hook *hook)
{
    if (hook == NULL)
        return;
    event_hook_close(hook);
    event_reader_deinit(&hook->reader);
    buf_deinit(&hook->body);
    tls_context_free(hook->tls);
    arena_deinit(&hook->arena);
    mem_free(hook);
}
