// The Docker driver against an engine made of paper: an HTTP server on a unix socket that answers,
// stalls, breaks off or lies as each case wants.

#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/test.h"
#include "io/clock.h"
#include "io/loop.h"
#include "io/socket.h"
#include "runtime/runtime.h"
#include "wire/http_server.h"

struct paper {
    struct loop *loop;
    struct http_server *server;
    struct runtime *runtime;
    struct arena arena;
    char folder[32];
    struct str socket;

    int status; // of whole replies; 0: none is given
    const char *body;
    bool streams; // the body is the beginning of a stream; see cut and end below
    struct http_exchange *held;
    struct buf asked; // "METHOD target" of each request, a line each

    int results;
    int opens;
    int items;
    enum host_error_class class; // of the last result; UNSET: success
    struct buf text;             // of its error
    struct buf log;
    enum host_event_kind event;
    int64_t token;
};

static void gone(void *user)
{
    (void)user;
}

static void on_request(void *user, struct http_exchange *exchange,
                       const struct http_request *request)
{
    struct paper *paper = user;
    struct http_response response = {.status = paper->status, .body = str_of(paper->body)};

    buf_printf(&paper->asked, "%.*s %.*s\n", STR_ARGS(request->method), STR_ARGS(request->target));
    if (paper->streams) {
        response.body = STR_NONE;
        http_reply_start(exchange, &response, gone, NULL, NULL);
        http_reply_chunk(exchange, str_of(paper->body));
        paper->held = exchange;
    } else if (paper->status != 0) {
        http_reply(exchange, &response);
    } else {
        paper->held = exchange;
    }
}

static const struct http_server_handler handler = {.on_request = on_request};

static void on_post(void *user, const struct runtime_post *post)
{
    struct paper *paper = user;

    assert_int_equal(post->token, paper->token);
    switch (post->kind) {
    case RUNTIME_POST_OPEN: paper->opens++; break;
    case RUNTIME_POST_STATS: paper->items++; break;
    case RUNTIME_POST_EVENT:
        paper->items++;
        paper->event = post->event->kind;
        break;
    case RUNTIME_POST_LOG:
        paper->items++;
        buf_add_str(&paper->log, post->log.bytes);
        break;
    case RUNTIME_POST_RESULT:
        paper->results++;
        assert_int_equal(paper->results, 1); // exactly one, whatever happens
        paper->class =
            post->result->error != NULL ? post->result->error->class : HOST_ERROR_CLASS_UNSET;
        if (post->result->error != NULL)
            buf_add_str(&paper->text, post->result->error->text);
        break;
    }
}

static void serve(struct paper *paper)
{
    struct socket_address address;
    int fd = -1;

    assert_true(socket_address_unix(paper->socket, &address));
    assert_int_equal(socket_listen(&address, 8, &fd), 0);
    paper->server = http_server_new(paper->loop, NULL, &handler, paper);
    assert_int_equal(http_server_listen(paper->server, fd, NULL), 0);
}

static int setup(void **state)
{
    static struct paper paper;
    struct runtime_config config = {.post = on_post, .user = &paper};

    paper = (struct paper){.folder = "/tmp/paper-XXXXXX", .status = 200, .body = ""};
    *state = &paper;
    if (mkdtemp(paper.folder) == NULL || loop_open(&paper.loop) != 0)
        return -1;
    paper.socket = str_fmt(&paper.arena, "%s/engine.sock", paper.folder);
    serve(&paper);
    config.loop = paper.loop;
    config.socket = paper.socket;
    return runtime_docker.open(&config, &paper.runtime);
}

static int teardown(void **state)
{
    struct paper *paper = *state;

    runtime_docker.close(paper->runtime);
    http_server_free(paper->server);
    if (paper->held != NULL && paper->streams)
        http_reply_end(paper->held);
    else if (paper->held != NULL)
        http_reply(paper->held, &(struct http_response){.status = 500});
    loop_close(paper->loop);
    unlink(str_cstr(&paper->arena, paper->socket));
    rmdir(paper->folder);
    buf_deinit(&paper->asked);
    buf_deinit(&paper->text);
    buf_deinit(&paper->log);
    arena_deinit(&paper->arena);
    return 0;
}

// ---- words

static void until(struct paper *paper, const int *count)
{
    int64_t give_up_ms = clock_monotonic_ms() + 10 * 1000;

    while (*count == 0 && clock_monotonic_ms() < give_up_ms)
        loop_run_once(paper->loop, 5);
    assert_int_not_equal(*count, 0);
}

static void until_asked(struct paper *paper)
{
    for (int i = 0; i < 2000 && buf_len(&paper->asked) == 0; i++)
        loop_run_once(paper->loop, 5);
    assert_true(buf_len(&paper->asked) > 0);
}

static struct host_call call_of(enum host_call_kind kind)
{
    struct host_call call = {0};

    SET(&call, kind, kind);
    SET(&call, container, STR("c1"));
    SET(&call, image, STR("app"));
    return call;
}

static void begin(struct paper *paper, struct host_call *call)
{
    SET(call, token, ++paper->token);
    paper->results = 0;
    buf_clear(&paper->text);
    runtime_docker.call(paper->runtime, call);
    assert_int_equal(paper->results, 0); // never from inside
}

static void finish(struct paper *paper, struct host_call *call)
{
    begin(paper, call);
    until(paper, &paper->results);
}

static void stream(struct paper *paper, const char *first)
{
    paper->streams = true;
    paper->body = first;
}

static void cut(struct paper *paper)
{
    http_reply_cut(paper->held);
    paper->held = NULL;
}

static void end(struct paper *paper)
{
    http_reply_end(paper->held);
    paper->held = NULL;
}

static struct host_call pull(int64_t begin_ms, int64_t idle_ms)
{
    struct host_call call = call_of(HOST_CALL_KIND_PULL);

    SET(&call, begin_ms, begin_ms);
    SET(&call, idle_ms, idle_ms);
    return call;
}

enum { LONG_MS = 60 * 1000, SHORT_MS = 30 };

// ---- whole replies

static void a_call_is_answered_once(void **state)
{
    struct paper *paper = *state;
    struct host_call call = call_of(HOST_CALL_KIND_START);

    paper->status = 204;
    finish(paper, &call);
    assert_int_equal(paper->class, HOST_ERROR_CLASS_UNSET);
    EXPECT_STR(buf_str(&paper->asked), "POST /containers/c1/start\n");
}

static void an_error_of_the_engine_is_passed_on(void **state)
{
    struct paper *paper = *state;
    struct host_call call = call_of(HOST_CALL_KIND_INSPECT);

    paper->status = 404;
    paper->body = "{\"message\":\"No such container: c1\"}";
    finish(paper, &call);
    assert_int_equal(paper->class, HOST_ERROR_CLASS_NOT_FOUND);
    EXPECT_STR(buf_str(&paper->text), "Error response from daemon: No such container: c1");
}

static void an_engine_that_hangs_runs_into_the_deadline(void **state)
{
    struct paper *paper = *state;
    struct host_call call = call_of(HOST_CALL_KIND_STOP);

    paper->status = 0;
    SET(&call, deadline_ms, clock_wall_ms() + SHORT_MS);
    finish(paper, &call);
    assert_int_equal(paper->class, HOST_ERROR_CLASS_TIMEOUT);
}

static void a_deadline_in_the_past_ends_the_call_too(void **state)
{
    struct paper *paper = *state;
    struct host_call call = call_of(HOST_CALL_KIND_STOP);

    paper->status = 0;
    SET(&call, deadline_ms, 1);
    finish(paper, &call);
    assert_int_equal(paper->class, HOST_ERROR_CLASS_TIMEOUT);
}

static void a_reply_that_is_cut_off_is_unreachable(void **state)
{
    struct paper *paper = *state;
    struct host_call call = call_of(HOST_CALL_KIND_INSPECT);

    stream(paper, "{\"Id\":\"c");
    begin(paper, &call);
    until_asked(paper);
    cut(paper);
    until(paper, &paper->results);
    assert_int_equal(paper->class, HOST_ERROR_CLASS_UNREACHABLE);
}

static void no_engine_is_unreachable(void **state)
{
    struct paper *paper = *state;
    struct host_call call = call_of(HOST_CALL_KIND_PING);

    http_server_free(paper->server);
    paper->server = NULL;
    finish(paper, &call);
    assert_int_equal(paper->class, HOST_ERROR_CLASS_UNREACHABLE);
    assert_true(buf_len(&paper->text) > 0);
}

static void a_new_engine_at_the_same_socket_is_found(void **state)
{
    struct paper *paper = *state;
    struct host_call call = call_of(HOST_CALL_KIND_PING);

    finish(paper, &call);
    http_server_free(paper->server);
    serve(paper);
    finish(paper, &call);
    assert_int_equal(paper->class, HOST_ERROR_CLASS_UNSET);
}

static void calls_are_not_in_each_others_way(void **state)
{
    struct paper *paper = *state;
    struct host_call hanging = call_of(HOST_CALL_KIND_STOP);
    struct host_call ping = call_of(HOST_CALL_KIND_PING);

    paper->status = 0;
    begin(paper, &hanging);
    until_asked(paper);
    paper->status = 200;
    finish(paper, &ping);
    assert_int_equal(paper->class, HOST_ERROR_CLASS_UNSET);
    runtime_docker.cancel(paper->runtime, paper->token - 1);
}

static void a_cancelled_call_is_silent(void **state)
{
    struct paper *paper = *state;
    struct host_call call = call_of(HOST_CALL_KIND_STOP);
    struct host_call ping = call_of(HOST_CALL_KIND_PING);

    begin(paper, &call);
    runtime_docker.cancel(paper->runtime, paper->token);
    runtime_docker.cancel(paper->runtime, paper->token); // not in flight any more
    finish(paper, &ping);                                // on_post refuses any other token
}

static void a_call_that_is_not_dockers_is_refused(void **state)
{
    struct paper *paper = *state;
    struct host_call call = call_of(HOST_CALL_KIND_FIND_PORTS);

    finish(paper, &call);
    assert_int_equal(paper->class, HOST_ERROR_CLASS_OTHER);
    assert_int_equal(buf_len(&paper->asked), 0);
}

// ---- pulls

static void a_pull_ends_with_its_stream(void **state)
{
    struct paper *paper = *state;
    struct host_call call = pull(LONG_MS, LONG_MS);

    stream(paper, "{\"status\":\"Pulling\"}\n{\"status\":\"Done\"}\n");
    begin(paper, &call);
    until_asked(paper);
    end(paper);
    until(paper, &paper->results);
    assert_int_equal(paper->class, HOST_ERROR_CLASS_UNSET);
}

static void a_pull_may_fail_inside_its_stream(void **state)
{
    struct paper *paper = *state;
    struct host_call call = pull(LONG_MS, LONG_MS);

    stream(paper, "{\"status\":\"Pulling\"}\n{\"errorDetail\":{\"message\":\"m\"},\"error\":\"no "
                  "space left on device\"}\n");
    begin(paper, &call);
    until_asked(paper);
    end(paper);
    until(paper, &paper->results);
    assert_int_equal(paper->class, HOST_ERROR_CLASS_OTHER);
    EXPECT_STR(buf_str(&paper->text), "Error response from daemon: no space left on device");
}

static void a_refused_pull_carries_the_engines_words(void **state)
{
    struct paper *paper = *state;
    struct host_call call = pull(LONG_MS, LONG_MS);

    paper->status = 404;
    paper->body = "{\"message\":\"manifest unknown\"}";
    finish(paper, &call);
    assert_int_equal(paper->class, HOST_ERROR_CLASS_NOT_FOUND);
    EXPECT_STR(buf_str(&paper->text), "Error response from daemon: manifest unknown");
}

static void a_pull_must_begin_in_time(void **state)
{
    struct paper *paper = *state;
    struct host_call call = pull(SHORT_MS, LONG_MS);

    paper->status = 0;
    finish(paper, &call);
    assert_int_equal(paper->class, HOST_ERROR_CLASS_TIMEOUT);
    EXPECT_STR(buf_str(&paper->text), "pullBegin");
}

static void a_pull_must_go_on_in_time(void **state)
{
    struct paper *paper = *state;
    struct host_call call = pull(LONG_MS, SHORT_MS);

    stream(paper, "{\"status\":\"Pulling\"}\n");
    finish(paper, &call);
    assert_int_equal(paper->class, HOST_ERROR_CLASS_OTHER); // so it is tried again
    EXPECT_STR(buf_str(&paper->text), "inactivity time exceeded timeout while pulling image");
}

static void a_pull_that_is_cut_off_is_unreachable(void **state)
{
    struct paper *paper = *state;
    struct host_call call = pull(LONG_MS, LONG_MS);

    stream(paper, "{\"status\":\"Pul");
    begin(paper, &call);
    until_asked(paper);
    cut(paper);
    until(paper, &paper->results);
    assert_int_equal(paper->class, HOST_ERROR_CLASS_UNREACHABLE);
}

// ---- streams

#define DIE                                                                                        \
    "{\"Type\":\"container\",\"Action\":\"die\",\"Actor\":{\"ID\":\"a\",\"Attributes\":"           \
    "{\"exitCode\":\"7\"}},\"time\":5}\n"

static void events_are_told_open_and_then_one_by_one(void **state)
{
    struct paper *paper = *state;
    struct host_call call = call_of(HOST_CALL_KIND_EVENTS);

    stream(paper, "not an event\n" DIE);
    begin(paper, &call);
    until(paper, &paper->items);
    assert_int_equal(paper->opens, 1);
    assert_int_equal(paper->items, 1);
    assert_int_equal(paper->event, HOST_EVENT_KIND_DIE);
    cut(paper);
    until(paper, &paper->results);
    assert_int_equal(paper->class, HOST_ERROR_CLASS_UNREACHABLE);
}

static void events_that_are_refused_are_never_open(void **state)
{
    struct paper *paper = *state;
    struct host_call call = call_of(HOST_CALL_KIND_EVENTS);

    paper->status = 500;
    paper->body = "{\"message\":\"shutting down\"}";
    finish(paper, &call);
    assert_int_equal(paper->opens, 0);
    EXPECT_STR(buf_str(&paper->text), "Error response from daemon: shutting down");
}

static void a_silent_stats_stream_is_given_up(void **state)
{
    struct paper *paper = *state;
    struct host_call call = call_of(HOST_CALL_KIND_STATS);

    stream(paper, "{\"read\":\"2026-01-01T00:00:00Z\"}\n");
    SET(&call, idle_ms, SHORT_MS);
    finish(paper, &call);
    assert_int_equal(paper->items, 1);
    assert_int_equal(paper->class, HOST_ERROR_CLASS_TIMEOUT);
}

static void a_terminals_last_few_bytes_are_not_lost(void **state)
{
    struct paper *paper = *state;
    struct host_call call = call_of(HOST_CALL_KIND_LOGS);

    stream(paper, "hi");
    begin(paper, &call);
    until_asked(paper);
    end(paper);
    until(paper, &paper->results);
    EXPECT_STR(buf_str(&paper->log), "hi");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_call_is_answered_once),
        CASE(an_error_of_the_engine_is_passed_on),
        CASE(an_engine_that_hangs_runs_into_the_deadline),
        CASE(a_deadline_in_the_past_ends_the_call_too),
        CASE(a_reply_that_is_cut_off_is_unreachable),
        CASE(no_engine_is_unreachable),
        CASE(a_new_engine_at_the_same_socket_is_found),
        CASE(calls_are_not_in_each_others_way),
        CASE(a_cancelled_call_is_silent),
        CASE(a_call_that_is_not_dockers_is_refused),
        CASE(a_pull_ends_with_its_stream),
        CASE(a_pull_may_fail_inside_its_stream),
        CASE(a_refused_pull_carries_the_engines_words),
        CASE(a_pull_must_begin_in_time),
        CASE(a_pull_must_go_on_in_time),
        CASE(a_pull_that_is_cut_off_is_unreachable),
        CASE(events_are_told_open_and_then_one_by_one),
        CASE(events_that_are_refused_are_never_open),
        CASE(a_silent_stats_stream_is_given_up),
        CASE(a_terminals_last_few_bytes_are_not_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
