// See calls.h.

#include "tests/fleet/calls.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/mem.h"
#include "io/loop.h"
#include "wire/codec.h"
#include "wire/crypto.h"
#include "wire/http_client.h"

enum { TOTAL_MS = 60 * 1000, AGAIN_MS = 500 };

struct calls {
    struct calls_config config;
    struct arena arena;
    struct crypto *crypto;
    struct uri endpoint;
    struct str host;
    struct http_client *client;
    struct list waiting;
    struct list under_way;
    unsigned in_flight;
    struct loop_job pump;
    struct calls_counts counts;
};

struct call {
    struct list link;
    struct calls *calls;
    enum ecs_operation operation;
    struct buf body;
    struct http_call *http;
    struct loop_timer again;
    calls_done_fn *done;
    void *user;
};

static void call_free(struct call *call)
{
    list_remove(&call->link);
    loop_timer_stop(&call->again);
    buf_deinit(&call->body);
    mem_free(call);
}

static void finish(struct call *call, const void *reply)
{
    struct calls *calls = call->calls;

    calls->in_flight--;
    calls->counts.answered++;
    call->done(call->user, reply);
    call_free(call);
    loop_defer(calls->config.loop, &calls->pump);
}

static void refuse(struct call *call, struct str body)
{
    struct calls_counts *counts = &call->calls->counts;

    if (counts->refused++ == 0)
        snprintf(counts->first_refusal, sizeof counts->first_refusal, "%.*s: %.*s",
                 STR_ARGS(ecs_operations[call->operation].name), STR_ARGS(str_take(body, 120)));
    finish(call, NULL);
}

static void on_done(void *user, struct http_call *http, int outcome,
                    const struct http_answer *answer, struct str detail)
{
    struct call *call = user;
    const struct shape *shape = ecs_operations[call->operation].reply;
    struct arena arena = ARENA_INIT;
    struct codec_report report = {0};
    void *reply;

    (void)http;
    (void)detail;
    if (outcome != 0 || answer->status >= 500) {
        call->calls->counts.repeated++;
        loop_timer_start(&call->again, AGAIN_MS);
        return;
    }
    reply = arena_alloc(&arena, shape->size);
    if (answer->status == 200 &&
        codec_decode(&arena, shape, answer->body, &codec_peer, reply, &report) == 0)
        finish(call, reply);
    else
        refuse(call, answer->body);
    arena_deinit(&arena);
}

static const struct http_call_handler handler = {.on_done = on_done};

static void attempt(void *user)
{
    struct call *call = user;
    struct calls *calls = call->calls;
    struct arena scratch = ARENA_INIT; // the client copies what it needs
    struct http_header headers[CLIENT_HEAD_MAX];
    struct http_call_options options = {
        .method = STR("POST"),
        .target = STR("/"),
        .body = buf_str(&call->body),
        .total_ms = TOTAL_MS,
        .handler = &handler,
        .user = call,
    };
    size_t n = client_head(calls->crypto, &calls->config.identity, &calls->endpoint,
                           client_target(&scratch, &ecs_operations[call->operation]), options.body,
                           &scratch, headers);

    options.headers = headers + 1; // the client adds Host itself
    options.headers_n = n - 1;
    call->http = http_client_send(calls->client, &options);
    arena_deinit(&scratch);
}

static void pump(void *user)
{
    struct calls *calls = user;

    while (!list_is_empty(&calls->waiting) && calls->in_flight < calls->config.in_flight_max) {
        struct call *call = LIST_ENTRY(calls->waiting.next, struct call, link);
        list_remove(&call->link);
        list_push_back(&calls->under_way, &call->link);
        calls->in_flight++;
        attempt(call);
    }
}

struct http_client *calls_new_client(const struct calls *calls, unsigned idle_max)
{
    struct http_client_config config = {
        .target = calls->endpoint,
        .tls = calls->config.tls,
        .idle_max = idle_max,
    };

    return http_client_new(calls->config.loop, &config);
}

struct calls *calls_new(const struct calls_config *config)
{
    struct calls *calls = mem_zalloc(sizeof *calls);
    struct str url = str_fmt(&calls->arena, "%s://127.0.0.1:%u/", config->tls ? "https" : "http",
                             (unsigned)config->port);

    calls->config = *config;
    calls->crypto = crypto_new();
    list_init(&calls->waiting);
    list_init(&calls->under_way);
    loop_job_init(&calls->pump, pump, calls);
    if (!uri_parse(&calls->arena, url, &calls->endpoint))
        UNREACHABLE();
    calls->host = uri_host_header(&calls->arena, &calls->endpoint);
    calls->client = calls_new_client(calls, config->in_flight_max);
    return calls;
}

void calls_free(struct calls *calls)
{
    if (calls == NULL)
        return;
    loop_job_cancel(&calls->pump);
    LIST_EACH_SAFE (&calls->waiting, it)
        call_free(LIST_ENTRY(it, struct call, link));
    LIST_EACH_SAFE (&calls->under_way, it) {
        struct call *call = LIST_ENTRY(it, struct call, link);
        if (!loop_timer_is_running(&call->again))
            http_call_cancel(call->http);
        call_free(call);
    }
    http_client_free(calls->client);
    crypto_free(calls->crypto);
    arena_deinit(&calls->arena);
    mem_free(calls);
}

void calls_send(struct calls *calls, enum ecs_operation operation, const void *request,
                calls_done_fn *done, void *user)
{
    struct call *call = mem_zalloc(sizeof *call);

    call->calls = calls;
    call->operation = operation;
    call->done = done;
    call->user = user;
    codec_encode(&call->body, ecs_operations[operation].request, request);
    loop_timer_init(&call->again, calls->config.loop, attempt, call);
    list_push_back(&calls->waiting, &call->link);
    loop_defer(calls->config.loop, &calls->pump);
}

const struct calls_counts *calls_counts(const struct calls *calls)
{
    return &calls->counts;
}

struct str calls_host(const struct calls *calls)
{
    return calls->host;
}

size_t calls_sign_get(struct calls *calls, struct arena *arena, struct str path, struct str query,
                      struct str body, struct http_header out[SIGV4_ADDED])
{
    struct http_header host = {STR("Host"), calls_host(calls)};
    struct sigv4_request request = {
        .method = STR("GET"),
        .path = path,
        .query = query,
        .headers = &host,
        .headers_n = 1,
        .body = body,
    };

    return client_sign(calls->crypto, &calls->config.identity, &request, arena, out);
}
