// Commands in containers against an engine made of paper, which hands its connections over as the
// real one does.

#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/test.h"
#include "io/file.h"
#include "io/loop.h"
#include "io/socket.h"
#include "runtime/exec.h"
#include "wire/conn.h"

struct paper {
    struct loop *loop;
    struct loop_fd listening;
    int listen_fd;
    struct list links;
    struct runtime *runtime;
    struct runtime_exec *exec;
    struct arena arena;
    char folder[32];
    struct buf asked; // "METHOD target body" of each request, a line each
    int create_status;
    const char *create_body;
    bool refuses_start;
    const char *inspect; // what GET /exec/ID/json answers; NULL: nothing, for now
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

// ---- the engine: HTTP as far as the driver speaks it, since our own server gives no connection of
// a POST away

struct link {
    struct list in_paper;
    struct paper *paper;
    struct conn *conn;
    bool is_raw; // the command's terminal from here on
};

static void say(struct link *link, const char *status, const char *body)
{
    struct arena scratch = ARENA_INIT;

    conn_write(link->conn, str_fmt(&scratch, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n%s", status,
                                   strlen(body), body));
    arena_deinit(&scratch);
}

static void answer(struct link *link, struct str target)
{
    struct paper *paper = link->paper;

    if (str_starts(target, STR("/containers/"))) {
        say(link, paper->create_status == 201 ? "201 Created" : "409 Conflict", paper->create_body);
    } else if (str_ends(target, STR("/start")) && paper->refuses_start) {
        say(link, "409 Conflict", "{\"message\":\"Container c is paused\"}");
    } else if (str_ends(target, STR("/start"))) {
        link->is_raw = true;
        paper->conn = link->conn;
        conn_write(link->conn, STR("HTTP/1.1 101 UPGRADED\r\nContent-Type: "
                                   "application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\n"
                                   "Upgrade: tcp\r\n\r\n"));
    } else if (str_ends(target, STR("/json"))) {
        paper->inspects++;
        if (paper->inspect != NULL)
            say(link, "200 OK", paper->inspect);
    } else {
        say(link, "200 OK", "");
    }
}

// A whole request at the front of the input, taken; false: there is none.
static bool take_request(struct link *link)
{
    struct str in = conn_in(link->conn);
    const char *end = in.ptr != NULL ? memmem(in.ptr, in.len, "\r\n\r\n", 4) : NULL;
    const char *length = in.ptr != NULL ? memmem(in.ptr, in.len, "Content-Length: ", 16) : NULL;
    struct arena scratch = ARENA_INIT;
    struct str method;
    struct str target;
    struct str rest;
    size_t head;
    size_t body = 0;

    if (end == NULL)
        return false;
    head = (size_t)(end - in.ptr) + 4;
    if (length != NULL && length < end)
        body = strtoul(length + 16, NULL, 10);
    if (in.len < head + body)
        return false;
    str_cut(in, ' ', &method, &rest);
    str_cut(rest, ' ', &target, &rest);
    target = str_copy(&scratch, target);
    buf_printf(&link->paper->asked, "%.*s %.*s %.*s\n", STR_ARGS(method), STR_ARGS(target),
               (int)body, in.ptr + head);
    conn_consume(link->conn, head + body);
    answer(link, target);
    arena_deinit(&scratch);
    return true;
}

static void on_engine_data(void *user)
{
    struct link *link = user;
    struct paper *paper = link->paper;

    while (!link->is_raw && take_request(link))
        ;
    if (link->is_raw) {
        struct str in = conn_in(link->conn);

        buf_add_str(&paper->typed, in);
        conn_consume(link->conn, in.len);
        paper->typed_ended |= conn_is_eof(link->conn);
    } else if (conn_is_eof(link->conn)) {
        conn_finish(link->conn);
    }
}

static void link_free(struct link *link)
{
    if (link->is_raw)
        link->paper->conn = NULL;
    list_remove(&link->in_paper);
    mem_free(link);
}

static void on_engine_close(void *user, enum conn_end end)
{
    (void)end;
    link_free(user);
}

static const struct conn_handler engine_handler = {
    .on_data = on_engine_data,
    .on_close = on_engine_close,
};

static void on_connection(void *user, unsigned ready)
{
    struct paper *paper = user;
    struct conn_options options = {.handler = &engine_handler};
    struct socket_address peer;
    int fd = -1;

    (void)ready;
    while (socket_accept(paper->listen_fd, &fd, &peer) == 0) {
        struct link *link = mem_zalloc(sizeof *link);

        link->paper = paper;
        list_push_back(&paper->links, &link->in_paper);
        options.user = link;
        link->conn = conn_accept(paper->loop, fd, &peer, &options);
    }
}

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

    paper = (struct paper){
        .folder = "/tmp/paper-XXXXXX",
        .create_status = 201,
        .create_body = "{\"Id\":\"e1\"}",
        .listen_fd = -1,
        .inspect = "{\"Running\":false,\"ExitCode\":3,\"Pid\":0}",
    };
    *state = &paper;
    if (mkdtemp(paper.folder) == NULL || loop_open(&paper.loop) != 0)
        return -1;
    config.socket = str_fmt(&paper.arena, "%s/engine.sock", paper.folder);
    config.loop = paper.loop;
    assert_true(socket_address_unix(config.socket, &address));
    assert_int_equal(socket_listen(&address, 8, &paper.listen_fd), 0);
    list_init(&paper.links);
    loop_fd_init(&paper.listening, paper.loop, paper.listen_fd, on_connection, &paper);
    loop_fd_want(&paper.listening, LOOP_READ);
    return runtime_docker.open(&config, &paper.runtime);
}

static int teardown(void **state)
{
    struct paper *paper = *state;
    struct arena *arena = &paper->arena;

    runtime_docker.close(paper->runtime);
    LIST_EACH_SAFE (&paper->links, it) {
        struct link *link = LIST_ENTRY(it, struct link, in_paper);

        conn_abort(link->conn);
        link_free(link);
    }
    loop_fd_deinit(&paper->listening);
    fd_close(&paper->listen_fd);
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
               "\"AttachStdout\":true,\"Cmd\":[\"ls\",\"-l\"],\"DetachKeys\":\"ctrl-@,ctrl-^,"
               "ctrl-_,ctrl-@,ctrl-_,ctrl-^,ctrl-@,ctrl-@,ctrl-^,ctrl-_\",\"Env\":["
               "\"TERM=xterm-256color\"],\"Tty\":true,\"User\":\"0\"}\n"));
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

// The process was still being looked for when the command ended: its timer may not ask beside the
// question for the exit code, which the driver asserts.
static void the_exit_code_is_asked_for_once_at_a_time(void **state)
{
    struct paper *paper = *state;

    paper->inspect = "{\"Running\":true,\"ExitCode\":null,\"Pid\":0}";
    begin(paper, true);
    AWAIT(paper, paper->started == 1 && paper->conn != NULL && paper->inspects >= 1);
    for (int i = 0; i < 20; i++)
        loop_run_once(paper->loop, 1);
    paper->inspect = NULL;
    paper->inspects = 0;
    conn_finish(paper->conn);
    for (int i = 0; i < 60; i++)
        loop_run_once(paper->loop, 5);
    assert_in_range(paper->inspects, 1, 2);
    assert_int_equal(paper->ended, 0);
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
        EXEC_TEST(the_exit_code_is_asked_for_once_at_a_time),
        EXEC_TEST(a_refusal_is_the_end),
        EXEC_TEST(a_command_that_cannot_be_started_is_the_end),
        EXEC_TEST(a_hang_up_reaches_the_terminal),
        EXEC_TEST(only_a_process_of_the_container_is_signalled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
