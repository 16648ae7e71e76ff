// See exec_shell.h. The terminal, when there is one, is raw for as long as the session lasts:
// Ctrl-C is a byte for the command, not a signal for us. Without one (a pipe on either side) the
// command gets none either: its errors come apart, and it finds the end of its input.
//
// A connection that is lost is opened again with a new token, as the session plugin does it; what
// was under way is sent again by both ends.

#include "cli/exec_shell.h"

#include <signal.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/rng.h"
#include "io/clock.h"
#include "io/entropy.h"
#include "io/loop.h"
#include "io/terminal.h"
#include "wire/crypto.h"
#include "wire/exec_client.h"
#include "wire/tls.h"
#include "wire/uri.h"
#include "wire/ws.h"

enum {
    IN = 0,
    OUT = 1,
    ERR = 2,
    INPUT_MAX = 64 * 1024, // not acknowledged: then nothing more is read
    READ_MAX = 16 * 1024,
    DIAL_MS = 10 * 1000,
    RESUMES_MAX = 5,
    RESUME_FIRST_MS = 200,
    PING_MS = 60 * 1000,
    SILENT_MS = 180 * 1000,
};

struct shell {
    const struct exec_shell_options *options;
    struct arena arena;
    struct loop *loop;
    struct crypto *crypto;
    struct rng rng;
    struct exec_client_host host;
    struct exec_client *client;
    struct tls_context *tls;
    struct http_client *http;
    struct uri uri;
    struct str token;
    struct ws_dial *dial;
    struct ws *ws;
    struct loop_timer tick;
    struct loop_timer again; // dialling
    struct loop_timer eager; // reading what cannot be waited for
    struct loop_fd in;
    struct loop_signal resized, interrupted, terminated, hung_up;
    struct terminal_mode *before; // NULL: not raw
    bool has_terminal;
    bool is_ready; // the command runs
    bool input_has_ended;
    bool is_over;
    int attempts;
    int status;
};

static void end(struct shell *shell, int status)
{
    if (shell->is_over)
        return;
    shell->is_over = true;
    shell->status = status;
    loop_stop(shell->loop);
}

static void fail(struct shell *shell, struct str why)
{
    if (shell->is_over)
        return;
    terminal_restore(IN, shell->before);
    shell->before = NULL;
    end(shell, cli_fail(shell->options->values, EXIT_FAILED, "%.*s", STR_ARGS(why)));
}

static void settle(struct shell *shell)
{
    time_ms now = clock_wall_ms();
    time_ms next = exec_client_tick(shell->client, now);

    if (next != 0)
        loop_timer_start(&shell->tick, next > now ? next - now : 1);
    else
        loop_timer_stop(&shell->tick);
}

static void on_tick(void *user)
{
    settle(user);
}

// ---- the keyboard

static void want_input(struct shell *shell)
{
    bool wants = shell->is_ready && !shell->input_has_ended &&
                 exec_client_pending(shell->client) < INPUT_MAX;

    if (shell->in.loop != NULL)
        loop_fd_want(&shell->in, wants ? LOOP_READ : 0);
    else if (wants)
        loop_timer_start(&shell->eager, 0);
}

static void read_input(struct shell *shell)
{
    char bytes[READ_MAX];
    int64_t n = terminal_read(IN, bytes, sizeof bytes);

    if (n > 0) {
        exec_client_input(shell->client, str_span(bytes, (size_t)n), clock_wall_ms());
    } else {
        shell->input_has_ended = true;
        if (!shell->has_terminal)
            exec_client_input_end(shell->client, clock_wall_ms());
    }
    settle(shell);
    want_input(shell);
}

static void on_readable(void *user, unsigned ready)
{
    (void)ready;
    read_input(user);
}

static void on_eager(void *user)
{
    read_input(user);
}

static void send_size(struct shell *shell)
{
    int32_t columns;
    int32_t rows;

    if (shell->is_ready && shell->has_terminal && terminal_size(OUT, &columns, &rows)) {
        exec_client_size(shell->client, columns, rows, clock_wall_ms());
        settle(shell);
    }
}

static void on_signal(void *user, int signo)
{
    struct shell *shell = user;

    if (signo == SIGWINCH) {
        send_size(shell);
        return;
    }
    if (!shell->is_ready) {
        fail(shell, STR("interrupted"));
        return;
    }
    exec_client_terminate(shell->client, clock_wall_ms());
    settle(shell);
}

// ---- the screen

static void on_ready(void *user)
{
    struct shell *shell = user;

    shell->is_ready = true;
    send_size(shell);
    want_input(shell);
}

static void on_output(void *user, struct str bytes, bool is_error)
{
    struct shell *shell = user;

    if (terminal_write(is_error ? ERR : OUT, bytes.ptr, bytes.len) != 0 && !shell->is_over)
        exec_client_terminate(shell->client, clock_wall_ms()); // nobody reads it
}

static void on_exit_code(void *user, int32_t code)
{
    ((struct shell *)user)->status = code;
}

static void on_closed(void *user, struct str message)
{
    struct shell *shell = user;

    if (message.len > 0)
        fail(shell, message);
    else
        end(shell, shell->status >= 0 ? shell->status : EXIT_FAILED);
}

// ---- the connection

static void send_frame(void *user, struct str frame)
{
    struct shell *shell = user;

    if (shell->ws != NULL)
        (void)!ws_send_binary(shell->ws, frame); // one that is full gets it again
}

static void dial_later(struct shell *shell)
{
    if (shell->is_over)
        return;
    if (shell->attempts >= RESUMES_MAX) {
        fail(shell, STR("the connection to the server is lost"));
        return;
    }
    loop_timer_start(&shell->again, (int64_t)RESUME_FIRST_MS << shell->attempts++);
}

static void on_message(void *user, struct str bytes, bool is_text)
{
    struct shell *shell = user;

    shell->attempts = 0;
    if (!is_text)
        exec_client_take(shell->client, bytes, clock_wall_ms());
    if (shell->is_over)
        return;
    settle(shell);
    want_input(shell);
}

static void on_close(void *user, int code, struct str reason)
{
    struct shell *shell = user;

    (void)reason;
    shell->ws = NULL;
    exec_client_detach(shell->client);
    if (code == WS_CODE_POLICY)
        fail(shell, STR("the server refused the session's token"));
    else
        dial_later(shell);
}

static const struct ws_handler ws_handler = {.on_message = on_message, .on_close = on_close};

static void on_open(void *user, struct ws *ws)
{
    struct shell *shell = user;
    struct str hello =
        exec_client_hello(shell->client, shell->token, shell->has_terminal, &shell->arena);

    shell->dial = NULL;
    shell->ws = ws;
    shell->token = STR_NONE; // good for once
    (void)!ws_send_text(ws, hello);
    exec_client_attach(shell->client, clock_wall_ms());
    settle(shell);
}

static void on_failed(void *user, int outcome, const struct http_answer *reply, struct str detail)
{
    struct shell *shell = user;

    (void)detail;
    shell->dial = NULL;
    if (outcome == 0 && reply->status < 500)
        fail(shell, STR("the server does not know the session any more"));
    else
        dial_later(shell);
}

static const struct ws_dial_handler dial_handler = {.on_open = on_open, .on_failed = on_failed};

static void dial(struct shell *shell)
{
    struct ws_dial_options options = {
        .target = str_fmt(&shell->arena, "%.*s?%.*s", STR_ARGS(shell->uri.path),
                          STR_ARGS(shell->uri.query)),
        .handshake_ms = DIAL_MS,
        .ws = {.idle_ms = SILENT_MS, .ping_ms = PING_MS, .handler = &ws_handler, .user = shell},
        .handler = &dial_handler,
        .user = shell,
    };

    shell->dial = ws_dial(shell->http, &options);
}

// With the token at hand, or a new one.
static void on_again(void *user)
{
    struct shell *shell = user;
    struct client *client;
    struct client_error error;
    int rc;

    if (shell->token.len == 0) {
        client = cli_connect(shell->options->connection);
        rc = client_resume_session(client, &shell->arena, shell->options->session->session_id,
                                   &shell->token, &error);
        client_free(client);
        if (rc != 0) {
            dial_later(shell);
            return;
        }
    }
    if (shell->token.len == 0)
        fail(shell, STR("the session is over"));
    else
        dial(shell);
}

// ---- life

static bool ready_connection(struct shell *shell)
{
    const struct cli_connection *connection = shell->options->connection;
    struct http_client_config config = {0};
    struct str why = STR_NONE;

    if (!uri_parse(&shell->arena, shell->options->session->stream_url, &shell->uri)) {
        fail(shell, STR("the server's answer names no usable address"));
        return false;
    }
    if (shell->uri.scheme == URI_HTTPS &&
        tls_context_client(connection->ca_file, !connection->insecure, &shell->arena, &why,
                           &shell->tls) != 0) {
        fail(shell, why);
        return false;
    }
    config.target = shell->uri;
    config.tls = shell->tls;
    shell->http = http_client_new(shell->loop, &config);
    return true;
}

static void watch_signal(struct shell *shell, struct loop_signal *watch, int signo)
{
    // Without it the signal does what it does to any program.
    (void)!loop_signal_init(watch, shell->loop, signo, on_signal, shell);
}

static void open_terminal(struct shell *shell)
{
    shell->has_terminal = terminal_is_one(IN) && terminal_is_one(OUT);
    if (shell->has_terminal)
        (void)!terminal_make_raw(IN, &shell->before);
    watch_signal(shell, &shell->resized, SIGWINCH);
    watch_signal(shell, &shell->interrupted, SIGINT);
    watch_signal(shell, &shell->terminated, SIGTERM);
    watch_signal(shell, &shell->hung_up, SIGHUP);
    if (terminal_can_wait_for(IN))
        loop_fd_init(&shell->in, shell->loop, IN, on_readable, shell);
}

static void close_all(struct shell *shell)
{
    terminal_restore(IN, shell->before);
    loop_signal_deinit(&shell->resized);
    loop_signal_deinit(&shell->interrupted);
    loop_signal_deinit(&shell->terminated);
    loop_signal_deinit(&shell->hung_up);
    loop_fd_deinit(&shell->in);
    loop_timer_stop(&shell->tick);
    loop_timer_stop(&shell->again);
    loop_timer_stop(&shell->eager);
    if (shell->dial != NULL)
        ws_dial_cancel(shell->dial);
    ws_abort(shell->ws);
    http_client_free(shell->http);
    tls_context_free(shell->tls);
    loop_close(shell->loop);
    exec_client_free(shell->client);
    crypto_free(shell->crypto);
    arena_deinit(&shell->arena);
}

int exec_shell(const struct exec_shell_options *options)
{
    struct shell shell = {.options = options, .status = -1, .token = options->session->token_value};

    if (loop_open(&shell.loop) != 0)
        return cli_fail(options->values, EXIT_FAILED, "no event loop");
    shell.crypto = crypto_new();
    rng_init(&shell.rng, entropy_u64());
    shell.host = (struct exec_client_host){
        .user = &shell,
        .send = send_frame,
        .ready = on_ready,
        .output = on_output,
        .exit_code = on_exit_code,
        .closed = on_closed,
    };
    shell.client = exec_client_new(&shell.host, shell.crypto, &shell.rng);
    loop_timer_init(&shell.tick, shell.loop, on_tick, &shell);
    loop_timer_init(&shell.again, shell.loop, on_again, &shell);
    loop_timer_init(&shell.eager, shell.loop, on_eager, &shell);
    if (ready_connection(&shell)) {
        open_terminal(&shell);
        dial(&shell);
        loop_run(shell.loop);
    }
    close_all(&shell);
    return shell.status;
}
