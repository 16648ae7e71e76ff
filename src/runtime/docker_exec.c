// Commands in containers through the Docker Engine: made, begun on a connection that then carries
// the terminal, and looked at when that has ended, for the exit code.
//
// The engine has no call that ends a command, and closing the connection does not end it either. So
// the agent signals the process itself, by a descriptor of it, after its control group has shown
// that the number which the engine gave is the container's on this host too. Where that is not so
// (an engine in another namespace, an agent without the right), the terminal gets Ctrl-C and
// Ctrl-D.

#include <assert.h>
#include <signal.h>

#include "base/list.h"
#include "base/mem.h"
#include "io/file.h"
#include "io/loop.h"
#include "io/process.h"
#include "runtime/docker_internal.h"
#include "runtime/exec.h"
#include "wire/codec.h"
#include "wire/conn.h"

enum {
    ASK_MS = 30 * 1000,
    KILL_MS = 2 * 1000,    // from SIGHUP to SIGKILL
    GIVE_UP_MS = 5 * 1000, // from SIGKILL to not waiting any more
    LOOK_AGAIN_MS = 50,
    LOOKS_MAX = 100,
};

enum phase {
    PHASE_CREATE,
    PHASE_START,
    PHASE_OPEN,
    PHASE_LOOK, // the connection has ended; what was the exit code?
};

struct runtime_exec {
    struct list in_driver;
    struct docker *docker;
    struct arena arena;
    struct runtime_exec_options options; // texts in the arena
    enum phase phase;
    struct str id;          // the engine's
    struct http_call *call; // of the phase
    struct conn *conn;
    struct docker_frames frames;
    int pidfd; // < 0: unknown
    struct http_call *pid_call;
    struct http_call *size_call;
    bool size_is_new;
    struct loop_timer again;   // looking, for the process or for the exit code
    struct loop_timer killing; // after a hang-up
    int looks;
    bool is_hung_up;
    bool is_killed;
};

static void ask(struct runtime_exec *exec, struct http_call **out_call, const char *method,
                struct str target, struct str body, const struct http_call_handler *handler)
{
    struct http_header headers[] = {
        {STR("Content-Type"), STR("application/json")},
        {STR("Connection"), STR("Upgrade")},
        {STR("Upgrade"), STR("tcp")},
    };
    bool upgrades = handler->on_upgrade != NULL;
    struct http_call_options options = {
        .method = str_of(method),
        .target = target,
        .headers = headers,
        .headers_n = upgrades ? 3 : 1,
        .body = body,
        .total_ms = ASK_MS,
        .handler = handler,
        .user = exec,
    };

    assert(*out_call == NULL); // its answer would outlive the command
    *out_call = http_client_send(exec->docker->client, &options);
}

static void cancel(struct http_call **call)
{
    if (*call != NULL)
        http_call_cancel(*call);
    *call = NULL;
}

static void exec_free(struct runtime_exec *exec)
{
    list_remove(&exec->in_driver);
    cancel(&exec->call);
    cancel(&exec->pid_call);
    cancel(&exec->size_call);
    conn_abort(exec->conn);
    loop_timer_stop(&exec->again);
    loop_timer_stop(&exec->killing);
    fd_close(&exec->pidfd);
    buf_deinit(&exec->frames.pending);
    arena_deinit(&exec->arena);
    mem_free(exec);
}

static void finish(struct runtime_exec *exec, const struct runtime_exec_end *end)
{
    exec->options.handler->ended(exec->options.user, end);
    exec_free(exec);
}

static void finish_error(struct runtime_exec *exec, struct str text)
{
    finish(exec, &(struct runtime_exec_end){.error = text});
}

// Of a call whose reply is not what was hoped for.
static struct str why(struct runtime_exec *exec, int outcome, const struct http_answer *reply)
{
    if (outcome != 0 || reply == NULL)
        return str_fmt(&exec->arena, "the container engine does not answer: %s",
                       http_client_outcome_text(outcome));
    return docker_error_text(&exec->arena, reply->body);
}

static bool read_inspect(struct runtime_exec *exec, int outcome, const struct http_answer *reply,
                         struct docker_exec_inspect *out)
{
    struct codec_report report = {0};

    return outcome == 0 && reply->status == 200 &&
           codec_decode(&exec->arena, &docker_exec_inspect_shape, reply->body, &codec_docker, out,
                        &report) == 0;
}

// ---- the exit code

static void look(struct runtime_exec *exec);

static void on_looked(void *user, struct http_call *call, int outcome,
                      const struct http_answer *reply, struct str detail)
{
    struct runtime_exec *exec = user;
    struct docker_exec_inspect found = {0};

    (void)call;
    (void)detail;
    exec->call = NULL;
    if (!read_inspect(exec, outcome, reply, &found)) {
        finish_error(exec, why(exec, outcome, reply));
    } else if (!found.running) {
        finish(exec,
               &(struct runtime_exec_end){.has_exit_code = true, .exit_code = found.exit_code});
    } else if (++exec->looks == LOOKS_MAX) {
        finish_error(exec, STR("the command has closed its terminal and runs on"));
    } else {
        loop_timer_start(&exec->again, LOOK_AGAIN_MS);
    }
}

static const struct http_call_handler look_handler = {.on_done = on_looked};

static void look(struct runtime_exec *exec)
{
    struct arena scratch = ARENA_INIT;

    ask(exec, &exec->call, "GET", str_fmt(&scratch, "/exec/%.*s/json", STR_ARGS(exec->id)),
        STR_NONE, &look_handler);
    arena_deinit(&scratch);
}

static void stream_ended(struct runtime_exec *exec)
{
    exec->phase = PHASE_LOOK;
    cancel(&exec->pid_call);
    loop_timer_stop(&exec->again); // it was to look for the process
    look(exec);
}

// ---- the connection

static void on_frame(void *user, enum runtime_stream stream, struct str bytes)
{
    struct runtime_exec *exec = user;

    exec->options.handler->output(exec->options.user, stream, bytes);
}

static void on_data(void *user)
{
    struct runtime_exec *exec = user;
    struct str in = conn_in(exec->conn);

    if (in.len > 0 && exec->options.terminal)
        on_frame(exec, RUNTIME_STREAM_STDOUT, in);
    else if (in.len > 0)
        docker_frames_feed(&exec->frames, in, on_frame, exec);
    conn_consume(exec->conn, in.len);
    if (!conn_is_eof(exec->conn))
        return;
    conn_abort(exec->conn);
    exec->conn = NULL;
    stream_ended(exec);
}

static void on_drain(void *user)
{
    struct runtime_exec *exec = user;

    exec->options.handler->drained(exec->options.user);
}

static void on_close(void *user, enum conn_end end)
{
    struct runtime_exec *exec = user;

    (void)end;
    exec->conn = NULL;
    stream_ended(exec);
}

static const struct conn_handler conn_handler = {
    .on_data = on_data,
    .on_drain = on_drain,
    .on_close = on_close,
};

// ---- its process

static void look_for_pid(struct runtime_exec *exec);

// There is none until the process has been made, which is after the connection.
static void on_pid(void *user, struct http_call *call, int outcome, const struct http_answer *reply,
                   struct str detail)
{
    struct runtime_exec *exec = user;
    struct docker_exec_inspect found = {0};

    (void)call;
    (void)detail;
    exec->pid_call = NULL;
    if (exec->phase != PHASE_OPEN || !read_inspect(exec, outcome, reply, &found))
        return;
    if (found.pid <= 1) {
        loop_timer_start(&exec->again, LOOK_AGAIN_MS);
        return;
    }
    if (process_open(found.pid, &exec->pidfd) != 0)
        return;
    if (!process_is_in_cgroup(found.pid, exec->options.container))
        fd_close(&exec->pidfd);
    else if (exec->is_hung_up)
        (void)!process_signal(exec->pidfd, SIGHUP);
}

static const struct http_call_handler pid_handler = {.on_done = on_pid};

static void look_for_pid(struct runtime_exec *exec)
{
    struct arena scratch = ARENA_INIT;

    ask(exec, &exec->pid_call, "GET", str_fmt(&scratch, "/exec/%.*s/json", STR_ARGS(exec->id)),
        STR_NONE, &pid_handler);
    arena_deinit(&scratch);
}

static void on_killing(void *user)
{
    struct runtime_exec *exec = user;

    if (exec->is_killed || exec->pidfd < 0) {
        finish_error(exec, STR("the command could not be ended and runs on"));
        return;
    }
    exec->is_killed = true;
    (void)!process_signal(exec->pidfd, SIGKILL);
    loop_timer_start(&exec->killing, GIVE_UP_MS);
}

static void on_again(void *user)
{
    struct runtime_exec *exec = user;

    if (exec->phase == PHASE_LOOK)
        look(exec);
    else
        look_for_pid(exec);
}

// ---- resizing: one call at a time, the last size wins

static void send_size(struct runtime_exec *exec);

static void on_sized(void *user, struct http_call *call, int outcome,
                     const struct http_answer *reply, struct str detail)
{
    struct runtime_exec *exec = user;

    (void)call;
    (void)outcome; // a command that has just ended has no size
    (void)reply;
    (void)detail;
    exec->size_call = NULL;
    send_size(exec);
}

static const struct http_call_handler size_handler = {.on_done = on_sized};

static void send_size(struct runtime_exec *exec)
{
    struct arena scratch = ARENA_INIT;

    if (!exec->size_is_new || exec->size_call != NULL || exec->phase != PHASE_OPEN)
        return;
    exec->size_is_new = false;
    ask(exec, &exec->size_call, "POST",
        str_fmt(&scratch, "/exec/%.*s/resize?h=%d&w=%d", STR_ARGS(exec->id), exec->options.rows,
                exec->options.columns),
        STR_NONE, &size_handler);
    arena_deinit(&scratch);
}

// ---- the beginning

static void on_upgrade(void *user, struct http_call *call, const struct http_answer *head,
                       struct conn *conn)
{
    struct runtime_exec *exec = user;
    struct conn_config config = conn_defaults;

    (void)call;
    (void)head;
    config.write_stall_ms = 0; // a program that reads nothing is not broken
    config.out_low = RUNTIME_EXEC_LOW;
    exec->call = NULL;
    exec->conn = conn;
    exec->phase = PHASE_OPEN;
    exec->frames.decided = exec->frames.framed = true;
    conn_set_config(conn, &config);
    conn_set_handler(conn, &conn_handler, exec);
    look_for_pid(exec);
    send_size(exec);
    exec->options.handler->started(exec->options.user);
}

static void on_not_started(void *user, struct http_call *call, int outcome,
                           const struct http_answer *reply, struct str detail)
{
    struct runtime_exec *exec = user;

    (void)call;
    (void)detail;
    exec->call = NULL;
    finish_error(exec, why(exec, outcome, reply));
}

static const struct http_call_handler start_handler = {
    .on_done = on_not_started,
    .on_upgrade = on_upgrade,
};

static void start(struct runtime_exec *exec)
{
    BUF_AUTO struct buf body = BUF_INIT;
    struct docker_exec_start value = {0};

    SET(&value, detach, false);
    SET(&value, tty, exec->options.terminal);
    codec_encode(&body, &docker_exec_start_shape, &value);
    exec->phase = PHASE_START;
    ask(exec, &exec->call, "POST", str_fmt(&exec->arena, "/exec/%.*s/start", STR_ARGS(exec->id)),
        buf_str(&body), &start_handler);
}

static void on_created(void *user, struct http_call *call, int outcome,
                       const struct http_answer *reply, struct str detail)
{
    struct runtime_exec *exec = user;
    struct docker_create_reply created = {0};
    struct codec_report report = {0};

    (void)call;
    (void)detail;
    exec->call = NULL;
    if (outcome != 0 || reply->status != 201 ||
        codec_decode(&exec->arena, &docker_create_reply_shape, reply->body, &codec_docker, &created,
                     &report) != 0) {
        finish_error(exec, why(exec, outcome, reply));
        return;
    }
    exec->id = created.id;
    start(exec);
}

static const struct http_call_handler create_handler = {.on_done = on_created};

// A terminal's command can be detached from by keys, and there is no way to have none: unless
// others are named, Ctrl-P is held back until the next key comes, and Ctrl-P Ctrl-Q leaves the
// command behind. So it is keys that nobody presses one after the other, and that begin with one
// that shows nothing by itself.
#define DETACH_KEYS STR("ctrl-@,ctrl-^,ctrl-_,ctrl-@,ctrl-_,ctrl-^,ctrl-@,ctrl-@,ctrl-^,ctrl-_")

static struct str create_body(struct runtime_exec *exec)
{
    static const struct str terminal[] = {STR_INIT("TERM=xterm-256color")};
    BUF_AUTO struct buf body = BUF_INIT;
    struct docker_exec_config config = {0};

    SET(&config, attach_stdin, true);
    SET(&config, attach_stdout, true);
    SET(&config, attach_stderr, true);
    SET(&config, tty, exec->options.terminal);
    SET(&config, user, STR("0"));
    SET(&config, cmd, exec->options.words);
    if (exec->options.terminal) {
        SET(&config, detach_keys, DETACH_KEYS);
        SET(&config, env, (struct str_list){.n = 1, .at = (struct str *)(uintptr_t)terminal});
    }
    codec_encode(&body, &docker_exec_config_shape, &config);
    return str_copy(&exec->arena, buf_str(&body));
}

static void copy_options(struct runtime_exec *exec, const struct runtime_exec_options *options)
{
    struct runtime_exec_options *to = &exec->options;

    *to = *options;
    to->container = str_copy(&exec->arena, options->container);
    to->words.at = arena_array(&exec->arena, struct str, options->words.n);
    for (size_t i = 0; i < options->words.n; i++)
        to->words.at[i] = str_copy(&exec->arena, options->words.at[i]);
}

static struct runtime_exec *docker_begin(struct runtime *runtime,
                                         const struct runtime_exec_options *options)
{
    struct docker *docker = (struct docker *)runtime;
    struct runtime_exec *exec = mem_zalloc(sizeof *exec);

    exec->docker = docker;
    exec->pidfd = -1;
    list_push_back(&docker->execs, &exec->in_driver);
    copy_options(exec, options);
    exec->size_is_new = options->columns > 0 && options->terminal;
    loop_timer_init(&exec->again, docker->loop, on_again, exec);
    loop_timer_init(&exec->killing, docker->loop, on_killing, exec);
    ask(exec, &exec->call, "POST",
        str_fmt(&exec->arena, "/containers/%.*s/exec", STR_ARGS(exec->options.container)),
        create_body(exec), &create_handler);
    return exec;
}

// ---- while it runs

static void docker_write(struct runtime_exec *exec, struct str bytes)
{
    if (exec->conn != NULL)
        conn_write(exec->conn, bytes);
}

static void docker_end_input(struct runtime_exec *exec)
{
    if (exec->conn != NULL)
        conn_end_output(exec->conn);
}

static size_t docker_unsent(const struct runtime_exec *exec)
{
    return exec->conn != NULL ? conn_out_pending(exec->conn) : 0;
}

static void docker_pause(struct runtime_exec *exec)
{
    if (exec->conn != NULL)
        conn_pause(exec->conn);
}

static void docker_resume(struct runtime_exec *exec)
{
    if (exec->conn != NULL)
        conn_resume(exec->conn);
}

static void docker_resize(struct runtime_exec *exec, int32_t columns, int32_t rows)
{
    if (!exec->options.terminal)
        return;
    exec->options.columns = columns;
    exec->options.rows = rows;
    exec->size_is_new = true;
    send_size(exec);
}

static void docker_hang_up(struct runtime_exec *exec)
{
    if (exec->is_hung_up)
        return;
    exec->is_hung_up = true;
    if (exec->pidfd >= 0)
        (void)!process_signal(exec->pidfd, SIGHUP);
    else if (exec->options.terminal)
        docker_write(exec, STR("\x03\x04"));
    else
        docker_end_input(exec);
    docker_resume(exec); // its end must be seen
    loop_timer_start(&exec->killing, KILL_MS);
}

static void docker_drop(struct runtime_exec *exec)
{
    if (exec == NULL)
        return;
    if (exec->pidfd >= 0)
        (void)!process_signal(exec->pidfd, SIGHUP);
    exec_free(exec);
}

void docker_execs_drop(struct docker *docker)
{
    LIST_EACH_SAFE (&docker->execs, it)
        docker_drop(LIST_ENTRY(it, struct runtime_exec, in_driver));
}

const struct runtime_execs runtime_docker_execs = {
    .begin = docker_begin,
    .write = docker_write,
    .end_input = docker_end_input,
    .unsent = docker_unsent,
    .pause = docker_pause,
    .resume = docker_resume,
    .resize = docker_resize,
    .hang_up = docker_hang_up,
    .drop = docker_drop,
};
