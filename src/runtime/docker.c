// The Docker driver: calls to the Docker Engine API over its unix socket, on the agent's loop.
//
// Every call is one HTTP request with a deadline; nothing here waits. Streams (events, stats, logs)
// hold a connection each for as long as they last. A pull is a stream too: it is read line by line,
// because the engine reports its failure inside the stream, and because it must begin, and go on,
// in time.

#include "base/assert.h"
#include "base/list.h"
#include "base/mem.h"
#include "io/clock.h"
#include "io/loop.h"
#include "runtime/docker_internal.h"
#include "runtime/exec.h"
#include "shape/walk.h"
#include "wire/codec.h"

struct docker_call {
    struct list in_driver;
    struct docker *docker;
    struct arena arena; // the call's copy and whatever its replies need
    struct host_call *call;
    struct http_call *http;
    struct loop_timer silence; // pulls: until the first line, then between two
    struct buf pending;        // lines
    struct docker_frames frames;
    struct str pull_error;
    bool ok; // the head said 2xx
};

enum { CONNECT_MS = 10 * 1000, REPLY_MAX = 32 << 20, STREAM_CONNECTIONS = 8 };

static bool is_stream(const struct host_call *call)
{
    return call->kind == HOST_CALL_KIND_EVENTS || call->kind == HOST_CALL_KIND_STATS ||
           call->kind == HOST_CALL_KIND_LOGS || call->kind == HOST_CALL_KIND_PULL;
}

static void call_free(struct docker_call *c)
{
    list_remove(&c->in_driver);
    loop_timer_stop(&c->silence);
    buf_deinit(&c->pending);
    buf_deinit(&c->frames.pending);
    arena_deinit(&c->arena);
    mem_free(c);
}

static void post(struct docker_call *c, struct runtime_post *item)
{
    item->token = c->call->token;
    c->docker->post(c->docker->user, item);
}

// The one answer of the call; the call is gone afterwards.
static void finish(struct docker_call *c, struct host_result *result)
{
    struct runtime_post item = {.kind = RUNTIME_POST_RESULT, .result = result};

    SET(result, token, c->call->token);
    SET(result, kind, c->call->kind);
    list_remove(&c->in_driver);
    post(c, &item);
    call_free(c);
}

static void finish_error(struct docker_call *c, enum host_error_class class, struct str text)
{
    struct host_result result = {0};

    docker_reply_error(&c->arena, class, text, &result);
    finish(c, &result);
}

static void silence_ended(void *user)
{
    struct docker_call *c = user;
    bool begun = buf_len(&c->pending) > 0 || c->ok;

    http_call_cancel(c->http);
    if (begun) // another try may get further: what is here already is not fetched again
        finish_error(c, HOST_ERROR_CLASS_OTHER,
                     STR("inactivity time exceeded timeout while pulling image"));
    else
        finish_error(c, HOST_ERROR_CLASS_TIMEOUT, STR("pullBegin"));
}

static void pull_line(void *user, struct str line)
{
    struct docker_call *c = user;
    struct arena scratch = ARENA_INIT;
    struct docker_pull_progress progress = {0};
    struct codec_report report = {0};

    if (codec_decode(&scratch, &docker_pull_progress_shape, line, &codec_docker, &progress,
                     &report) == 0 &&
        progress.has.error)
        c->pull_error = str_copy(&c->arena, progress.error);
    arena_deinit(&scratch);
}

static void event_line(void *user, struct str line)
{
    struct docker_call *c = user;
    struct arena scratch = ARENA_INIT;
    struct host_event event;
    struct runtime_post item = {.kind = RUNTIME_POST_EVENT, .event = &event};

    if (docker_event_read(&scratch, line, &event))
        post(c, &item);
    arena_deinit(&scratch);
}

static void stats_line(void *user, struct str line)
{
    struct docker_call *c = user;
    struct arena scratch = ARENA_INIT;
    struct docker_stats stats = {0};
    struct codec_report report = {0};
    struct runtime_post item = {.kind = RUNTIME_POST_STATS, .stats = &stats, .stats_json = line};

    if (codec_decode(&scratch, &docker_stats_shape, line, &codec_docker, &stats, &report) == 0)
        post(c, &item);
    arena_deinit(&scratch);
}

static void log_bytes(void *user, enum runtime_stream stream, struct str bytes)
{
    struct docker_call *c = user;
    struct runtime_post item = {
        .kind = RUNTIME_POST_LOG,
        .log = {.stream = stream, .bytes = bytes},
    };

    post(c, &item);
}

static void on_head(void *user, struct http_call *call, const struct http_answer *head)
{
    struct docker_call *c = user;
    struct runtime_post item = {.kind = RUNTIME_POST_OPEN};

    (void)call;
    c->ok = head->status < 300;
    if (c->ok && c->call->kind == HOST_CALL_KIND_EVENTS)
        post(c, &item);
}

// Of a refused stream the body is the engine's error: kept for on_done.
static void on_body(void *user, struct http_call *call, struct str piece)
{
    struct docker_call *c = user;

    (void)call;
    if (!c->ok) {
        if (buf_len(&c->pending) + piece.len <= 64 * 1024)
            buf_add_str(&c->pending, piece);
        return;
    }
    if (c->call->kind == HOST_CALL_KIND_PULL) {
        loop_timer_start(&c->silence, c->call->idle_ms);
        docker_lines_feed(&c->pending, piece, pull_line, c);
    } else if (c->call->kind == HOST_CALL_KIND_EVENTS) {
        docker_lines_feed(&c->pending, piece, event_line, c);
    } else if (c->call->kind == HOST_CALL_KIND_STATS) {
        docker_lines_feed(&c->pending, piece, stats_line, c);
    } else {
        docker_frames_feed(&c->frames, piece, log_bytes, c);
    }
}

static enum host_error_class class_of_outcome(int outcome)
{
    return outcome == HTTP_CLIENT_E_TIMEOUT ? HOST_ERROR_CLASS_TIMEOUT
                                            : HOST_ERROR_CLASS_UNREACHABLE;
}

static void stream_done(struct docker_call *c, const struct http_answer *reply)
{
    struct host_result result = {0};
    struct http_answer whole = *reply;

    if (!c->ok) {
        whole.body = str_copy(&c->arena, buf_str(&c->pending));
        docker_reply_read(&c->arena, c->call, &whole, &result);
    } else if (c->pull_error.len > 0) {
        docker_reply_error(
            &c->arena, HOST_ERROR_CLASS_OTHER,
            str_fmt(&c->arena, "Error response from daemon: %.*s", STR_ARGS(c->pull_error)),
            &result);
    } else if (!c->frames.decided && buf_len(&c->frames.pending) > 0) {
        log_bytes(c, RUNTIME_STREAM_STDOUT, buf_str(&c->frames.pending)); // a terminal's few bytes
    }
    finish(c, &result);
}

static void on_done(void *user, struct http_call *call, int outcome,
                    const struct http_answer *reply, struct str detail)
{
    struct docker_call *c = user;
    struct host_result result = {0};

    (void)call;
    if (outcome != 0) {
        struct str text = str_fmt(&c->arena, "%s%s%.*s", http_client_outcome_text(outcome),
                                  detail.len > 0 ? ": " : "", STR_ARGS(detail));
        finish_error(c, class_of_outcome(outcome), text);
        return;
    }
    if (is_stream(c->call)) {
        stream_done(c, reply);
        return;
    }
    docker_reply_read(&c->arena, c->call, reply, &result);
    finish(c, &result);
}

static const struct http_call_handler whole_handler = {.on_done = on_done};
static const struct http_call_handler stream_handler = {
    .on_head = on_head,
    .on_body = on_body,
    .on_done = on_done,
};

// Deadlines come on the wall clock; one that has passed still gives the engine a moment to refuse.
static int64_t time_left(const struct host_call *call)
{
    int64_t left;

    if (!call->has.deadline_ms || call->deadline_ms == 0)
        return 0;
    left = call->deadline_ms - clock_wall_ms();
    return left > 1 ? left : 1;
}

// Answers never come from inside runtime_driver.call.
static void refuse(void *user)
{
    finish_error(user, HOST_ERROR_CLASS_OTHER, STR("the Docker driver has no such call"));
}

static void docker_call(struct runtime *runtime, const struct host_call *call)
{
    struct docker *docker = (struct docker *)runtime;
    struct docker_call *c = mem_zalloc(sizeof *c);
    struct docker_request request;
    struct http_call_options options;

    c->docker = docker;
    c->call = shape_copy(&c->arena, &host_call_shape, call);
    list_push_back(&docker->calls, &c->in_driver);
    if (!docker_request_write(&c->arena, c->call, &request)) {
        loop_timer_init(&c->silence, docker->loop, refuse, c);
        loop_timer_start(&c->silence, 0);
        return;
    }
    loop_timer_init(&c->silence, docker->loop, silence_ended, c);
    if (call->kind == HOST_CALL_KIND_PULL)
        loop_timer_start(&c->silence, call->begin_ms);
    options = (struct http_call_options){
        .method = request.method,
        .target = request.target,
        .headers = request.headers,
        .headers_n = request.headers_n,
        .body = request.body,
        .connect_ms = CONNECT_MS,
        .total_ms = time_left(call),
        .idle_ms = call->kind != HOST_CALL_KIND_PULL ? call->idle_ms : 0,
        .body_max = REPLY_MAX,
        .handler = is_stream(call) ? &stream_handler : &whole_handler,
        .user = c,
    };
    c->http = http_client_send(docker->client, &options);
}

static void docker_cancel(struct runtime *runtime, int64_t token)
{
    struct docker *docker = (struct docker *)runtime;

    LIST_EACH (&docker->calls, it) {
        struct docker_call *c = LIST_ENTRY(it, struct docker_call, in_driver);
        if (c->call->token != token)
            continue;
        if (c->http != NULL)
            http_call_cancel(c->http);
        call_free(c);
        return;
    }
}

static int docker_open(const struct runtime_config *config, struct runtime **out_runtime)
{
    struct docker *docker = mem_zalloc(sizeof *docker);
    struct http_client_config client = {
        .target = {.scheme = URI_UNIX, .unix_path = config->socket, .path = STR("/")},
        .idle_max = STREAM_CONNECTIONS,
    };

    docker->base.driver = &runtime_docker;
    docker->loop = config->loop;
    docker->post = config->post;
    docker->user = config->user;
    list_init(&docker->calls);
    list_init(&docker->execs);
    docker->client = http_client_new(config->loop, &client);
    *out_runtime = &docker->base;
    return 0;
}

static void docker_close(struct runtime *runtime)
{
    struct docker *docker = (struct docker *)runtime;

    if (docker == NULL)
        return;
    LIST_EACH_SAFE (&docker->calls, it) {
        struct docker_call *c = LIST_ENTRY(it, struct docker_call, in_driver);
        if (c->http != NULL)
            http_call_cancel(c->http);
        call_free(c);
    }
    docker_execs_drop(docker);
    http_client_free(docker->client);
    mem_free(docker);
}

const struct runtime_driver runtime_docker = {
    .name = "docker",
    .open = docker_open,
    .call = docker_call,
    .cancel = docker_cancel,
    .close = docker_close,
    .execs = &runtime_docker_execs,
};
