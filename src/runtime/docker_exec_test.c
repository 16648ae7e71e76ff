// Commands in containers against an engine made of paper, which hands its connections over as the
// real one does.

#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/test.h"
#include "io/loop.h"
#include "io/socket.h"
#include "runtime/exec.h"
#include "wire/conn.h"
#include "wire/http_server.h"

struct paper {
    struct loop *loop;
    struct http_server *server;
    struct runtime *runtime;
    struct runtime_exec *exec;
    struct arena arena;
    char folder[32];
    struct buf asked; // "METHOD target body" of each request, a line each
    int create_status;
    const char *create_body;
    bool refuses_start;
    const char *inspect; // what GET /exec/ID/json answers
    int inspects;
    struct conn *conn; // of the command
    struct buf typed;
    bool typed_ended;

    int started;
    int drained;
    int ended;
    struct buf out;
    struct buf err;
    bool has_exit_code;
    int32_t exit_code;
    struct buf error;
};

// ---- the engine

static void on_engine_data(void *user)
{
    struct paper *paper = user;
    struct str in = conn_in(paper->conn);

    buf_add_str(&paper->typed, in);
    conn_consume(paper->conn, in.len);
    paper->typed_ended |= conn_is_eof(paper->conn);
}

static void on_engine_close(void *user, enum conn_end end)
{
    (void)end;
    ((struct paper *)user)->conn = NULL;
}

static const struct conn_handler engine_handler = {
    .on_data = on_engine_data,
    .on_close = on_engine_close,
};

static void hand_over(struct paper *paper, struct http_exchange *exchange)
{
    const struct http_header headers[] = {
        {STR("Content-Type"), STR("application/vnd.docker.raw-stream")},
        {STR("Connection"), STR("Upgrade")},
        {STR("Upgrade"), STR("tcp")},
    };

    assert_int_equal(http_take_over(exchange, headers, 3, &paper->conn), 0);
    conn_set_handler(paper->conn, &engine_handler, paper);
}

static void on_request(void *user, struct http_exchange *exchange,
                       const struct http_request *request)
{
    struct paper *paper = user;
    struct http_response response = {.status = 200};

    buf_printf(&paper->asked, "%.*s %.*s %.*s\n", STR_ARGS(request->method),
               STR_ARGS(request->target), STR_ARGS(request->body));
    if (str_starts(request->target, STR("/containers/"))) {
        response.status = paper->create_status;
        response.body = str_of(paper->create_body);
    } else if (str_ends(request->target, STR("/start")) && !paper->refuses_start) {
        hand_over(paper, exchange);
        return;
    } else if (str_ends(request->target, STR("/start"))) {
        response.status = 409;
        response.body = STR("{\"message\":\"Container c is paused\"}");
    } else if (str_ends(request->target, STR("/json"))) {
        paper->inspects++;
        response.body = str_of(paper->inspect);
    }
    http_reply(exchange, &response);
}

static const struct http_server_handler server_handler = {.on_request = on_request};

// ---- the command's owner

static void on_started(void *user)
{
    ((struct paper *)user)->started++;
}

static void on_output(void *user, enum runtime_stream stream, struct str bytes)
{
    struct paper *paper = user;

    buf_add_str(stream == RUNTIME_STREAM_STDERR ? &paper->err : &paper->out, bytes);
}

static void on_drained(void *user)
{
    ((struct paper *)user)->drained++;
}

static void on_ended(void *user, const struct runtime_exec_end *end)
{
    struct paper *paper = user;

    paper->exec = NULL;
    paper->ended++;
    paper->has_exit_code = end->has_exit_code;
    paper->exit_code = end->exit_code;
    buf_add_str(&paper->error, end->error);
}

static const struct runtime_exec_handler exec_handler = {
    .started = on_started,
    .output = on_output,
    .drained = on_drained,
    .ended = on_ended,
};

static void no_post(void *user, const struct runtime_post *post)
{
    (void)user;
    (void)post;
}

static int setup(void **state)
{
    static struct paper paper;
    struct socket_address address;
    struct runtime_config config = {.post = no_post, .user = &paper};
    int fd = -1;

    paper = (struct paper){
        .folder = "/tmp/paper-XXXXXX",
        .create_status = 201,
        .create_body = "{\"Id\":\"e1\"}",
        .inspect = "{\"Running\":false,\"ExitCode\":3,\"Pid\":0}",
    };
    *state = &paper;
    if (mkdtemp(paper.folder) == NULL || loop_open(&paper.loop) != 0)
        return -1;
    config.socket = str_fmt(&paper.arena, "%s/engine.sock", paper.folder);
    config.loop = paper.loop;
    assert_true(socket_address_unix(config.socket, &address));
    assert_int_equal(socket_listen(&address, 8, &fd), 0);
    paper.server = http_server_new(paper.loop, NULL, &server_handler, &paper);
    assert_int_equal(http_server_listen(paper.server, fd, NULL), 0);
    return runtime_docker.open(&config, &paper.runtime);
}

static int teardown(void **state)
{
    struct paper *paper = *state;
    struct arena *arena = &paper->arena;

    runtime_docker.close(paper->runtime);
    conn_abort(paper->conn);
    http_server_free(paper->server);
    loop_close(paper->loop);
    (void)unlink(str_fmt(arena, "%s/engine.sock", paper->folder).ptr);
    (void)rmdir(paper->folder);
    buf_deinit(&paper->asked);
    buf_deinit(&paper->typed);
    buf_deinit(&paper->out);
    buf_deinit(&paper->err);
    buf_deinit(&paper->error);
    arena_deinit(arena);
    return 0;
}

static void begin(struct paper *paper, bool terminal)
{
    static struct str words[] = {STR_INIT("ls"), STR_INIT("-l")};
    struct runtime_exec_options options = {
        .container = STR("c0ffee"),
        .words = {.n = 2, .at = words},
        .terminal = terminal,
        .columns = 80,
        .rows = 24,
        .handler = &exec_handler,
        .user = paper,
    };

    paper->exec = runtime_docker_execs.begin(paper->runtime, &options);
}

#define AWAIT(paper, condition)                                                                    \
    do {                                                                                           \
        for (int i = 0; i < 2000 && !(condition); i++)                                             \
            loop_run_once((paper)->loop, 5);                                                       \
        assert_true(condition);                                                                    \
    } while (0)

static bool was_asked(struct paper *paper, const char *text)
{
    struct str all = buf_str(&paper->asked);

    return all.len > 0 && memmem(all.ptr, all.len, text, strlen(text)) != NULL;
}

static void a_command_has_a_terminal_and_an_exit_code(void **state)
{
    struct paper *paper = *state;

    begin(paper, true);
    AWAIT(paper, paper->started == 1 && paper->conn != NULL);
    assert_true(was_asked(
        paper, "POST /containers/c0ffee/exec {\"AttachStderr\":true,\"AttachStdin\":true,"
               "\"AttachStdout\":true,\"Cmd\":[\"ls\",\"-l\"],\"Env\":[\"TERM=xterm-256color\"],"
               "\"Tty\":true,\"User\":\"0\"}\n"));
    assert_true(was_asked(paper, "POST /exec/e1/start {\"Detach\":false,\"Tty\":true}\n"));
    AWAIT(paper, was_asked(paper, "POST /exec/e1/resize?h=24&w=80 "));
    runtime_docker_execs.resize(paper->exec, 132, 43);
    AWAIT(paper, was_asked(paper, "POST /exec/e1/resize?h=43&w=132 "));
    runtime_docker_execs.write(paper->exec, STR("keys"));
    AWAIT(paper, buf_len(&paper->typed) == 4);
    conn_write(paper->conn, STR("total 0\r\n"));
    AWAIT(paper, buf_len(&paper->out) == 9);
    EXPECT_STR(buf_str(&paper->out), "total 0\r\n");
    conn_finish(paper->conn);
    AWAIT(paper, paper->ended == 1);
    assert_true(paper->has_exit_code);
    assert_int_equal(paper->exit_code, 3);
}

static void without_a_terminal_errors_come_apart(void **state)
{
    struct paper *paper = *state;

    begin(paper, false);
    AWAIT(paper, paper->started == 1 && paper->conn != NULL);
    assert_false(was_asked(paper, "TERM"));
    conn_write(paper->conn, str_span("\x01\0\0\0\0\0\0\3out\x02\0\0\0\0\0\0\3er", 21));
    AWAIT(paper, buf_len(&paper->out) == 3);
    conn_write(paper->conn, STR("r"));
    AWAIT(paper, buf_len(&paper->err) == 3);
    EXPECT_STR(buf_str(&paper->out), "out");
    EXPECT_STR(buf_str(&paper->err), "err");
    runtime_docker_execs.end_input(paper->exec);
    AWAIT(paper, paper->typed_ended);
    assert_int_equal(paper->ended, 0); // its output may go on
    conn_write(paper->conn, str_span("\x01\0\0\0\0\0\0\1!", 9));
    AWAIT(paper, buf_len(&paper->out) == 4);
    assert_false(was_asked(paper, "resize"));
}

static void a_pause_stops_the_output(void **state)
{
    struct paper *paper = *state;

    begin(paper, true);
    AWAIT(paper, paper->started == 1 && paper->conn != NULL);
    runtime_docker_execs.pause(paper->exec);
    conn_write(paper->conn, STR("later"));
    for (int i = 0; i < 20; i++)
        loop_run_once(paper->loop, 1);
    assert_int_equal(buf_len(&paper->out), 0);
    runtime_docker_execs.resume(paper->exec);
    AWAIT(paper, buf_len(&paper->out) == 5);
}

static void the_exit_code_is_waited_for(void **state)
{
    struct paper *paper = *state;

    paper->inspect = "{\"Running\":true,\"ExitCode\":null,\"Pid\":0}";
    begin(paper, true);
    AWAIT(paper, paper->started == 1 && paper->conn != NULL);
    conn_finish(paper->conn);
    AWAIT(paper, paper->inspects >= 3);
    assert_int_equal(paper->ended, 0);
    paper->inspect = "{\"Running\":false,\"ExitCode\":137,\"Pid\":7}";
    AWAIT(paper, paper->ended == 1);
    assert_int_equal(paper->exit_code, 137);
}

static void a_refusal_is_the_end(void **state)
{
    struct paper *paper = *state;

    paper->create_status = 409;
    paper->create_body = "{\"message\":\"Container c0ffee is not running\"}";
    begin(paper, true);
    AWAIT(paper, paper->ended == 1);
    assert_false(paper->has_exit_code);
    EXPECT_STR(buf_str(&paper->error),
               "Error response from daemon: Container c0ffee is not running");
    assert_int_equal(paper->started, 0);
}

static void a_command_that_cannot_be_started_is_the_end(void **state)
{
    struct paper *paper = *state;

    paper->refuses_start = true;
    begin(paper, true);
    AWAIT(paper, paper->ended == 1);
    EXPECT_STR(buf_str(&paper->error), "Error response from daemon: Container c is paused");
}

// The engine's number of the process says nothing here, so the terminal is told.
static void a_hang_up_reaches_the_terminal(void **state)
{
    struct paper *paper = *state;

    paper->inspect = "{\"Running\":true,\"ExitCode\":null,\"Pid\":0}";
    begin(paper, true);
    AWAIT(paper, paper->started == 1 && paper->conn != NULL);
    runtime_docker_execs.hang_up(paper->exec);
    AWAIT(paper, buf_len(&paper->typed) == 2);
    EXPECT_STR(buf_str(&paper->typed), "\x03\x04");
    paper->inspect = "{\"Running\":false,\"ExitCode\":130,\"Pid\":0}";
    conn_finish(paper->conn);
    AWAIT(paper, paper->ended == 1);
    assert_int_equal(paper->exit_code, 130);
}

// A process that is not the container's is left alone: this one, for a start.
static void only_a_process_of_the_container_is_signalled(void **state)
{
    struct paper *paper = *state;

    paper->inspect = str_fmt(&paper->arena, "{\"Running\":true,\"Pid\":%d}", (int)getpid()).ptr;
    begin(paper, true);
    AWAIT(paper, paper->inspects == 1 && paper->conn != NULL);
    runtime_docker_execs.hang_up(paper->exec);
    AWAIT(paper, buf_len(&paper->typed) == 2);
    runtime_docker_execs.drop(paper->exec);
    paper->exec = NULL;
    assert_int_equal(paper->ended, 0);
}

#define EXEC_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EXEC_TEST(a_command_has_a_terminal_and_an_exit_code),
        EXEC_TEST(without_a_terminal_errors_come_apart),
        EXEC_TEST(a_pause_stops_the_output),
        EXEC_TEST(the_exit_code_is_waited_for),
        EXEC_TEST(a_refusal_is_the_end),
        EXEC_TEST(a_command_that_cannot_be_started_is_the_end),
        EXEC_TEST(a_hang_up_reaches_the_terminal),
        EXEC_TEST(only_a_process_of_the_container_is_signalled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
