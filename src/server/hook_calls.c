// See hook_calls.h. A call has a client of its own, which ends with it: calls are rare, and the
// table of URLs may change under them.

#include "server/hook_calls.h"

#include "base/assert.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/clock.h"
#include "io/file.h"
#include "io/loop.h"
#include "server/hook_reply.h"
#include "wire/codec.h"
#include "wire/http_client.h"
#include "wire/tls.h"

enum {
    FILE_MAX = 1 << 20,
    REPLY_MAX = 256 << 10,
    PATIENCE_MS = 15 * TIME_MINUTE_MS, // as a Lambda function may take
    AGAIN_MIN_MS = 1000,
    AGAIN_MAX_MS = 30 * 1000,
    CAUSE_MAX = 200,
};

struct mapping {
    struct str target;
    struct str url;
};

// What one reading of the file gave.
struct table {
    struct arena arena;
    struct mapping *at;
    size_t n;
};

struct hook_calls {
    struct loop *loop;
    struct arena arena;
    const char *path; // in the arena; NULL: no hook is called
    word_fn *say;
    void *user;
    struct table table;
    struct tls_context *tls; // made when it is first needed
    struct list pending;     // struct pending
};

struct pending {
    struct hook_calls *calls;
    struct list link;
    struct arena arena;
    uint64_t deployment_id;
    struct str hook_id;
    struct str target;
    struct str details;
    struct str body;
    struct uri uri;
    struct http_client *client;
    struct loop_timer again;
    struct loop_job end;
    int64_t first_ms; // monotonic
    int64_t wait_ms;
};

// ---- the table

static bool is_url(struct arena *arena, struct str text, struct uri *out)
{
    return uri_parse(arena, text, out) && out->scheme != URI_UNIX;
}

static bool read_line(struct table *table, struct str line)
{
    struct mapping *mapping = &table->at[table->n];
    struct str url;
    struct uri uri;

    line = str_trim(line);
    if (line.len == 0 || line.ptr[0] == '#')
        return true;
    if (!str_cut(line, ' ', &mapping->target, &url))
        return false;
    mapping->url = str_trim(url);
    if (!is_url(&table->arena, mapping->url, &uri))
        return false;
    table->n++;
    return true;
}

static size_t lines_of(struct str text)
{
    size_t n = 1;

    for (size_t i = 0; i < text.len; i++)
        n += text.ptr[i] == '\n';
    return n;
}

// 0, or the number of the line that is wrong.
static size_t read_table(struct table *table, struct str text)
{
    struct str rest = str_copy(&table->arena, text);
    struct str line;

    table->at = arena_array(&table->arena, struct mapping, lines_of(text));
    for (size_t number = 1; rest.len > 0; number++) {
        str_cut(rest, '\n', &line, &rest);
        if (!read_line(table, line))
            return number;
    }
    return 0;
}

bool hook_calls_load(struct hook_calls *calls, struct arena *arena, struct str *out_detail)
{
    BUF_AUTO struct buf text = BUF_INIT;
    struct table table = {0};
    size_t wrong;
    int fault;

    if (calls->path == NULL)
        return true;
    fault = file_read(calls->path, FILE_MAX, &text);
    if (fault != 0) {
        *out_detail = str_fmt(arena, "cannot read the file of lifecycle hooks %s: %s", calls->path,
                              strerrordesc_np(-fault));
        return false;
    }
    wrong = read_table(&table, buf_str(&text));
    if (wrong != 0) {
        *out_detail = str_fmt(arena,
                              "%s, line %zu: give a hook's target, a space, and its http or "
                              "https URL",
                              calls->path, wrong);
        arena_deinit(&table.arena);
        return false;
    }
    arena_deinit(&calls->table.arena);
    calls->table = table;
    LOG_INFO("hooks.loaded", LOG_CSTR("file", calls->path), LOG_INT("targets", table.n));
    return true;
}

static const struct mapping *find(const struct hook_calls *calls, struct str target)
{
    for (size_t i = 0; i < calls->table.n; i++) {
        if (str_eq(calls->table.at[i].target, target))
            return &calls->table.at[i];
    }
    return NULL;
}

// ---- the end of a call

static void pending_free(struct pending *call)
{
    loop_timer_stop(&call->again);
    loop_job_cancel(&call->end);
    if (call->client != NULL)
        http_client_free(call->client);
    list_remove(&call->link);
    arena_deinit(&call->arena);
    mem_free(call);
}

static void on_end(void *user)
{
    pending_free(user);
}

// `answer` may point into the call.
static void end(struct pending *call, const struct hook_answer *answer)
{
    struct word *word = word_new(WORD_HOOK);

    word->hook = *answer;
    word->hook.deployment_id = call->deployment_id;
    word->hook.hook_id = str_copy(&word->arena, call->hook_id);
    word->hook.cause = str_copy(&word->arena, answer->cause);
    word->hook.details = str_copy(&word->arena, answer->details);
    if (answer->result == HOOK_RESULT_FAILED)
        LOG_WARN("hook.failed", LOG_STR("target", call->target), LOG_STR("cause", answer->cause));
    call->calls->say(call->calls->user, word);
    loop_defer(call->calls->loop, &call->end); // it may stand inside its client
}

static void end_not_invoked(struct pending *call, struct str cause)
{
    struct hook_answer answer = {
        .result = HOOK_RESULT_FAILED,
        .failure = HOOK_NOT_INVOKED,
        .cause = cause.len > CAUSE_MAX ? str_take(cause, CAUSE_MAX) : cause,
    };

    end(call, &answer);
}

// ---- the call itself

static void try_again(struct pending *call, struct str cause)
{
    int64_t left_ms = call->first_ms + PATIENCE_MS - clock_monotonic_ms();

    if (left_ms < call->wait_ms) {
        end_not_invoked(call, cause);
        return;
    }
    LOG_WARN("hook.unreachable", LOG_STR("target", call->target), LOG_STR("cause", cause),
             LOG_INT("again_ms", call->wait_ms));
    loop_timer_start(&call->again, call->wait_ms);
    call->wait_ms = call->wait_ms * 2 < AGAIN_MAX_MS ? call->wait_ms * 2 : AGAIN_MAX_MS;
}

static bool may_pass(int status)
{
    return status == 429 || status == 502 || status == 503 || status == 504;
}

static void take_reply(struct pending *call, const struct http_answer *reply)
{
    struct str status = str_fmt(&call->arena, "HTTP status %d", reply->status);
    struct hook_answer answer;

    if (may_pass(reply->status)) {
        try_again(call, status);
    } else if (reply->status < 200 || reply->status > 299) {
        end_not_invoked(call, status);
    } else {
        answer = hook_reply_read(&call->arena, reply->body, call->details);
        end(call, &answer);
    }
}

static void on_done(void *user, struct http_call *http, int outcome,
                    const struct http_answer *reply, struct str detail)
{
    struct pending *call = user;
    bool passes = outcome == HTTP_CLIENT_E_REFUSED || outcome == HTTP_CLIENT_E_CLOSED ||
                  outcome == HTTP_CLIENT_E_TIMEOUT;

    (void)http;
    if (outcome == 0)
        take_reply(call, reply);
    else if (passes)
        try_again(call, str_copy(&call->arena, detail));
    else
        end_not_invoked(call, str_copy(&call->arena, detail));
}

static const struct http_call_handler handler = {.on_done = on_done};

static void send(void *user)
{
    static const struct http_header headers[] = {
        {STR_INIT("Content-Type"), STR_INIT("application/json")},
    };
    struct pending *call = user;
    const struct uri *uri = &call->uri;
    int64_t left_ms = call->first_ms + PATIENCE_MS - clock_monotonic_ms();
    struct http_call_options options = {
        .method = STR("POST"),
        .target = uri->query.len > 0 ? str_fmt(&call->arena, "%.*s?%.*s", STR_ARGS(uri->path),
                                               STR_ARGS(uri->query))
                                     : uri->path,
        .headers = headers,
        .headers_n = sizeof headers / sizeof *headers,
        .body = call->body,
        .total_ms = left_ms > AGAIN_MIN_MS ? left_ms : AGAIN_MIN_MS,
        .body_max = REPLY_MAX,
        .handler = &handler,
        .user = call,
    };

    http_client_send(call->client, &options);
}

static bool open_client(struct pending *call, struct str *out_why)
{
    struct hook_calls *calls = call->calls;
    struct http_client_config config = {
        .target = call->uri,
        .user_agent = STR("gantry/" GANTRY_VERSION),
    };

    if (call->uri.scheme == URI_HTTPS && calls->tls == NULL &&
        tls_context_client(NULL, true, &call->arena, out_why, &calls->tls) != 0)
        return false;
    config.tls = calls->tls;
    call->client = http_client_new(calls->loop, &config);
    return true;
}

static struct pending *pending_new(struct hook_calls *calls, const struct hook_call *call)
{
    BUF_AUTO struct buf body = BUF_INIT;
    struct pending *p = mem_zalloc(sizeof *p);

    arena_init(&p->arena);
    codec_encode(&body, &hook_request_shape, call->request);
    p->calls = calls;
    p->deployment_id = call->deployment_id;
    p->hook_id = str_copy(&p->arena, call->hook_id);
    p->target = str_copy(&p->arena, call->target);
    p->details = str_copy(&p->arena, call->request->hook_details);
    p->body = str_copy(&p->arena, buf_str(&body));
    p->first_ms = clock_monotonic_ms();
    p->wait_ms = AGAIN_MIN_MS;
    loop_timer_init(&p->again, calls->loop, send, p);
    loop_job_init(&p->end, on_end, p);
    list_push_back(&calls->pending, &p->link);
    return p;
}

void hook_calls_call(struct hook_calls *calls, const struct hook_call *call)
{
    struct pending *p = pending_new(calls, call);
    const struct mapping *mapping = find(calls, p->target);
    struct str why = STR_NONE;

    if (mapping == NULL) {
        end_not_invoked(p, STR("no URL being configured for it"));
        return;
    }
    is_url(&p->arena, str_copy(&p->arena, mapping->url), &p->uri);
    if (!open_client(p, &why)) {
        end_not_invoked(p, why);
        return;
    }
    LOG_INFO("hook.called", LOG_STR("target", p->target));
    send(p);
}

// ---- life

struct hook_calls *hook_calls_new(struct loop *loop, const char *path, word_fn *say, void *user)
{
    struct hook_calls *calls = mem_zalloc(sizeof *calls);

    calls->loop = loop;
    arena_init(&calls->arena);
    calls->path = path != NULL ? str_cstr(&calls->arena, str_of(path)) : NULL;
    calls->say = say;
    calls->user = user;
    list_init(&calls->pending);
    return calls;
}

void hook_calls_free(struct hook_calls *calls)
{
    while (!list_is_empty(&calls->pending))
        pending_free(LIST_ENTRY(calls->pending.next, struct pending, link));
    tls_context_free(calls->tls);
    arena_deinit(&calls->table.arena);
    arena_deinit(&calls->arena);
    mem_free(calls);
}
