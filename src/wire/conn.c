// One connection as a small machine:
//
//     CONNECTING -> HANDSHAKING -> OPEN -> FINISHING -> LINGERING -> CLOSED
//
// (plain ones skip HANDSHAKING; any state may go to CLOSED). Handlers are called from three places
// only, all at the top of the stack: readiness of the descriptor, a timer, and the connection's
// job. The functions an owner calls change state, queue bytes and at most defer that job. A closed
// connection keeps its memory until the job runs once more, so code that returns from a handler may
// still look at the state.
//
// One timer serves the machine itself: connecting, then stalled output, then lingering. The owner's
// deadline is another.

#include "wire/conn.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/mem.h"
#include "io/file.h"
#include "io/loop.h"
#include "wire/tls.h"

enum {
    READ_CHUNK = 16 * 1024,
    READS_A_ROUND = 4,   // a busy peer does not keep the others waiting
    KEEP_CAP = 4 * 1024, // an empty buffer larger than this is given back
};

enum conn_state {
    CONN_CONNECTING,
    CONN_HANDSHAKING,
    CONN_OPEN,
    CONN_FINISHING, // sending what is left
    CONN_LINGERING, // our end is sent; waiting for the peer's
    CONN_CLOSED,
};

struct conn {
    struct loop *loop;
    struct loop_fd watch;
    struct tls *tls;
    const struct conn_handler *handler;
    void *user;
    struct conn_counters *counters;
    struct conn_config config;
    struct socket_address peer;
    struct buf in;
    struct buf out;
    struct loop_timer phase_timer;
    struct loop_timer deadline;
    struct loop_job job;
    struct loop_job at_close; // of one that was left: nobody else would end it with the loop
    int fd;
    enum conn_state state;
    bool eof;
    bool paused;
    bool announce;         // on_data is owed
    bool reread;           // input may be there that no poll will announce
    bool drain_owed;       // output went over out_low
    bool write_blocked;    // the descriptor (or TLS) takes no more for now
    bool read_wants_write; // TLS: reading goes on when the descriptor is writable
    bool write_wants_read; // TLS: the other way round
    bool out_ends;         // conn_end_output: our end follows the output
    bool start_failed;     // told by the job, because conn_connect does not call back
};

const struct conn_config conn_defaults = {
    .connect_ms = 10 * 1000,
    .write_stall_ms = 30 * 1000,
    .linger_ms = 2 * 1000,
    .in_max = 64 * 1024,
    .out_low = 64 * 1024,
};

const char *conn_end_text(enum conn_end end)
{
    switch (end) {
    case CONN_END_DONE: return "done";
    case CONN_END_RESET: return "connection reset";
    case CONN_END_REFUSED: return "connection refused";
    case CONN_END_CONNECT_TIMEOUT: return "connecting took too long";
    case CONN_END_TLS: return "TLS failed";
    case CONN_END_STALLED: return "peer stopped reading";
    }
    UNREACHABLE();
}

// ---- state

static void update_interest(struct conn *conn)
{
    unsigned want = 0;

    switch (conn->state) {
    case CONN_CONNECTING: want = LOOP_WRITE; break;
    case CONN_HANDSHAKING: want = conn->read_wants_write ? LOOP_WRITE : LOOP_READ; break;
    case CONN_OPEN:
    case CONN_FINISHING:
    case CONN_LINGERING:
        if (!conn->eof && buf_len(&conn->in) < conn->config.in_max)
            want |= conn->read_wants_write ? LOOP_WRITE : LOOP_READ;
        if (conn->write_blocked)
            want |= conn->write_wants_read ? LOOP_READ : LOOP_WRITE;
        break;
    case CONN_CLOSED: return;
    }
    loop_fd_want(&conn->watch, want);
}

// Everything but the memory goes now; the job frees that.
static void shut(struct conn *conn)
{
    conn->state = CONN_CLOSED;
    loop_timer_stop(&conn->phase_timer);
    loop_timer_stop(&conn->deadline);
    loop_job_cancel(&conn->at_close);
    loop_fd_deinit(&conn->watch);
    fd_close(&conn->fd);
    loop_defer(conn->loop, &conn->job);
}

static void end(struct conn *conn, enum conn_end why)
{
    const struct conn_handler *handler = conn->handler;

    ASSERT(conn->state != CONN_CLOSED);
    shut(conn);
    if (handler->on_close != NULL)
        handler->on_close(conn->user, why);
}

static void release_if_large(struct buf *buf)
{
    if (buf_len(buf) == 0 && buf->cap > KEEP_CAP)
        buf_deinit(buf);
}

static void become_open(struct conn *conn)
{
    conn->state = CONN_OPEN;
    conn->reread = true; // bytes may have come with the last of the handshake
    loop_timer_stop(&conn->phase_timer);
    loop_defer(conn->loop, &conn->job);
    update_interest(conn);
    if (conn->handler->on_open != NULL)
        conn->handler->on_open(conn->user);
}

static void handshake(struct conn *conn)
{
    switch (tls_handshake(conn->tls)) {
    case TLS_OK:
        conn->read_wants_write = false;
        become_open(conn);
        return;
    case TLS_WANT_READ: conn->read_wants_write = false; break;
    case TLS_WANT_WRITE: conn->read_wants_write = true; break;
    case TLS_EOF:
    case TLS_BROKEN: end(conn, CONN_END_TLS); return;
    }
    update_interest(conn);
}

static void connected(struct conn *conn)
{
    if (socket_error(conn->fd) != 0) {
        end(conn, CONN_END_REFUSED);
        return;
    }
    if (conn->tls == NULL) {
        become_open(conn);
        return;
    }
    conn->state = CONN_HANDSHAKING;
    handshake(conn);
}

// ---- input

enum io_result { IO_MOVED, IO_BLOCKED, IO_EOF, IO_BROKEN };

static enum io_result read_tls(struct conn *conn, void *chunk, size_t *out_n)
{
    conn->read_wants_write = false;
    switch (tls_read(conn->tls, chunk, READ_CHUNK, out_n)) {
    case TLS_OK: return IO_MOVED;
    case TLS_WANT_READ: return IO_BLOCKED;
    case TLS_WANT_WRITE: conn->read_wants_write = true; return IO_BLOCKED;
    case TLS_EOF: return IO_EOF;
    case TLS_BROKEN: return IO_BROKEN;
    }
    UNREACHABLE();
}

static enum io_result read_chunk(struct conn *conn, void *chunk, size_t *out_n)
{
    ssize_t n;

    if (conn->tls != NULL)
        return read_tls(conn, chunk, out_n);
    do
        n = read(conn->fd, chunk, READ_CHUNK);
    while (n < 0 && errno == EINTR);
    if (n > 0) {
        *out_n = (size_t)n;
        return IO_MOVED;
    }
    if (n == 0)
        return IO_EOF;
    return errno == EAGAIN ? IO_BLOCKED : IO_BROKEN;
}

// True: go on serving the connection; false: it has ended. Input of an owner who has finished is
// read and thrown away.
static bool take_input(struct conn *conn)
{
    char chunk[READ_CHUNK];
    bool keeps = conn->state == CONN_OPEN;
    bool blocked = false;

    conn->reread = false;
    for (int i = 0; i < READS_A_ROUND && !conn->eof && buf_len(&conn->in) < conn->config.in_max;
         i++) {
        size_t n = 0;
        enum io_result result = read_chunk(conn, chunk, &n);

        if (result == IO_BLOCKED) {
            blocked = true;
            break;
        }
        if (result == IO_BROKEN) {
            bool finished = conn->state == CONN_LINGERING;
            end(conn, finished ? CONN_END_DONE : conn->tls ? CONN_END_TLS : CONN_END_RESET);
            return false;
        }
        conn->eof = result == IO_EOF;
        conn->announce = keeps;
        if (conn->counters != NULL)
            conn->counters->bytes_in += n;
        if (keeps)
            buf_add(&conn->in, chunk, n);
        if (n < READ_CHUNK && (conn->tls == NULL || !tls_has_pending(conn->tls)))
            break; // most likely all there was; the loop will tell if not
    }
    conn->reread = conn->tls != NULL && !blocked && tls_has_pending(conn->tls) &&
                   buf_len(&conn->in) < conn->config.in_max;
    if (conn->reread)
        loop_defer(conn->loop, &conn->job);
    return true;
}

// Tells the owner of input; false when the connection is closed afterwards.
static bool announce(struct conn *conn)
{
    if (!conn->announce || conn->paused || conn->state != CONN_OPEN)
        return true;
    conn->announce = false;
    conn->handler->on_data(conn->user);
    return conn->state != CONN_CLOSED;
}

// ---- output

static enum io_result write_some(struct conn *conn, size_t *out_n)
{
    struct str bytes = buf_str(&conn->out);
    ssize_t n;

    if (conn->tls != NULL) {
        enum tls_result result = tls_write(conn->tls, bytes.ptr, bytes.len, out_n);
        conn->write_wants_read = result == TLS_WANT_READ;
        if (result == TLS_OK)
            return IO_MOVED;
        return result == TLS_WANT_READ || result == TLS_WANT_WRITE ? IO_BLOCKED : IO_BROKEN;
    }
    do
        n = send(conn->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == EAGAIN ? IO_BLOCKED : IO_BROKEN;
    *out_n = (size_t)n;
    return IO_MOVED;
}

// Writes until all is out or the peer takes no more. False: the connection has ended.
static bool flush(struct conn *conn)
{
    bool moved = false;

    conn->write_blocked = false;
    while (buf_len(&conn->out) > 0 && !conn->write_blocked) {
        size_t n = 0;

        switch (write_some(conn, &n)) {
        case IO_MOVED:
            buf_consume(&conn->out, n);
            moved = true;
            if (conn->counters != NULL)
                conn->counters->bytes_out += n;
            break;
        case IO_BLOCKED: conn->write_blocked = true; break;
        case IO_EOF:
        case IO_BROKEN: end(conn, CONN_END_RESET); return false;
        }
    }
    if (!conn->write_blocked) {
        loop_timer_stop(&conn->phase_timer);
        release_if_large(&conn->out);
    } else if (conn->config.write_stall_ms > 0 &&
               (moved || !loop_timer_is_running(&conn->phase_timer))) {
        loop_timer_start(&conn->phase_timer, conn->config.write_stall_ms);
    }
    return true;
}

static bool tell_drain(struct conn *conn)
{
    if (!conn->drain_owed || buf_len(&conn->out) > conn->config.out_low || conn->state != CONN_OPEN)
        return true;
    conn->drain_owed = false;
    if (conn->handler->on_drain != NULL)
        conn->handler->on_drain(conn->user);
    return conn->state != CONN_CLOSED;
}

// All is sent: say so, and wait for the peer to say the same.
static void linger(struct conn *conn)
{
    if (conn->tls != NULL)
        (void)tls_shutdown(conn->tls); // a courtesy; the half-close below says it again
    if (conn->eof || conn->config.linger_ms <= 0 || shutdown(conn->fd, SHUT_WR) != 0) {
        end(conn, CONN_END_DONE);
        return;
    }
    conn->state = CONN_LINGERING;
    loop_timer_start(&conn->phase_timer, conn->config.linger_ms);
}

// A peer that is gone is found out by reading.
static void end_output(struct conn *conn)
{
    if (!conn->out_ends || buf_len(&conn->out) > 0)
        return;
    conn->out_ends = false;
    (void)!shutdown(conn->fd, SHUT_WR);
}

// ---- what wakes it

// After any event: output, then what follows from the state.
static void settle(struct conn *conn)
{
    if (conn->state == CONN_OPEN || conn->state == CONN_FINISHING) {
        if (!flush(conn))
            return;
        end_output(conn);
        if (conn->state == CONN_FINISHING && buf_len(&conn->out) == 0)
            linger(conn);
        else if (!tell_drain(conn))
            return;
    }
    if (conn->state == CONN_LINGERING && conn->eof) {
        end(conn, CONN_END_DONE);
        return;
    }
    update_interest(conn);
}

static void on_ready(void *user, unsigned ready)
{
    struct conn *conn = user;
    unsigned reads_on = conn->read_wants_write ? LOOP_WRITE : LOOP_READ;

    if (conn->state == CONN_CONNECTING) {
        connected(conn);
        return;
    }
    if (conn->state == CONN_HANDSHAKING) {
        handshake(conn);
        return;
    }
    if ((ready & reads_on) && !take_input(conn))
        return;
    if (!announce(conn))
        return;
    // Output that a handler has just queued waits for the end of the round, where it meets more.
    if (conn->write_blocked || conn->state != CONN_OPEN)
        settle(conn);
    else
        update_interest(conn);
}

static void conn_free(struct conn *conn)
{
    tls_free(conn->tls);
    buf_deinit(&conn->in);
    buf_deinit(&conn->out);
    mem_free(conn);
}

static void on_job(void *user)
{
    struct conn *conn = user;

    if (conn->state == CONN_CLOSED) {
        conn_free(conn);
        return;
    }
    if (conn->start_failed) {
        end(conn, CONN_END_REFUSED);
        return;
    }
    if (conn->state < CONN_OPEN)
        return;
    if (conn->reread && !take_input(conn))
        return;
    if (announce(conn))
        settle(conn);
}

static void on_phase_timer(void *user)
{
    struct conn *conn = user;

    switch (conn->state) {
    case CONN_CONNECTING:
    case CONN_HANDSHAKING: end(conn, CONN_END_CONNECT_TIMEOUT); return;
    case CONN_OPEN:
    case CONN_FINISHING: end(conn, CONN_END_STALLED); return;
    case CONN_LINGERING: end(conn, CONN_END_DONE); return;
    case CONN_CLOSED: break;
    }
    UNREACHABLE();
}

static void on_deadline(void *user)
{
    struct conn *conn = user;

    ASSERT(conn->handler->on_deadline != NULL);
    conn->handler->on_deadline(conn->user);
}

// ---- the owner's side

static struct conn *conn_new(struct loop *loop, const struct conn_options *options)
{
    struct conn *conn = mem_zalloc(sizeof *conn);

    ASSERT(options->handler->on_data != NULL);
    conn->loop = loop;
    conn->fd = -1;
    conn->config = options->config != NULL ? *options->config : conn_defaults;
    conn->handler = options->handler;
    conn->user = options->user;
    conn->counters = options->counters;
    loop_timer_init(&conn->phase_timer, loop, on_phase_timer, conn);
    loop_timer_init(&conn->deadline, loop, on_deadline, conn);
    loop_job_init(&conn->job, on_job, conn);
    return conn;
}

struct conn *conn_accept(struct loop *loop, int fd, const struct socket_address *peer,
                         const struct conn_options *options)
{
    struct conn *conn = conn_new(loop, options);

    conn->fd = fd;
    conn->peer = *peer;
    loop_fd_init(&conn->watch, loop, fd, on_ready, conn);
    if (options->tls != NULL) {
        conn->tls = tls_new(options->tls, fd, STR_NONE);
        conn->state = CONN_HANDSHAKING;
        loop_timer_start(&conn->phase_timer, conn->config.connect_ms);
    } else {
        conn->state = CONN_OPEN;
    }
    update_interest(conn);
    return conn;
}

struct conn *conn_connect(struct loop *loop, const struct socket_address *address,
                          const struct conn_options *options)
{
    struct conn *conn = conn_new(loop, options);

    conn->state = CONN_CONNECTING;
    conn->peer = *address;
    if (socket_connect(address, &conn->fd) != 0) {
        conn->start_failed = true;
        loop_defer(loop, &conn->job);
        return conn;
    }
    loop_fd_init(&conn->watch, loop, conn->fd, on_ready, conn);
    if (options->tls != NULL)
        conn->tls = tls_new(options->tls, conn->fd, options->tls_host);
    loop_timer_start(&conn->phase_timer, conn->config.connect_ms);
    update_interest(conn);
    return conn;
}

void conn_set_handler(struct conn *conn, const struct conn_handler *handler, void *user)
{
    ASSERT(conn->state != CONN_CLOSED);
    ASSERT(handler->on_data != NULL);
    conn->handler = handler;
    conn->user = user;
    loop_timer_stop(&conn->deadline);
    conn_resume(conn);
}

void conn_set_config(struct conn *conn, const struct conn_config *config)
{
    conn->config = *config;
}

void conn_set_counters(struct conn *conn, struct conn_counters *counters)
{
    conn->counters = counters;
}

struct str conn_in(const struct conn *conn)
{
    return buf_str(&conn->in);
}

void conn_consume(struct conn *conn, size_t len)
{
    bool was_full = buf_len(&conn->in) >= conn->config.in_max;

    buf_consume(&conn->in, len);
    release_if_large(&conn->in);
    if (conn->state != CONN_OPEN || !was_full || buf_len(&conn->in) >= conn->config.in_max)
        return;
    conn->reread = true; // TLS may hold bytes that the descriptor will not announce
    loop_defer(conn->loop, &conn->job);
    update_interest(conn);
}

bool conn_is_eof(const struct conn *conn)
{
    return conn->eof;
}

void conn_pause(struct conn *conn)
{
    conn->paused = true;
}

void conn_resume(struct conn *conn)
{
    bool was_paused = conn->paused;

    conn->paused = false;
    if (buf_len(&conn->in) == 0 && !conn->eof && !was_paused)
        return;
    conn->announce = true;
    loop_defer(conn->loop, &conn->job);
}

void conn_write(struct conn *conn, struct str bytes)
{
    if (conn->state >= CONN_FINISHING || bytes.len == 0)
        return;
    buf_add_str(&conn->out, bytes);
    if (buf_len(&conn->out) > conn->config.out_low)
        conn->drain_owed = true;
    if (!conn->write_blocked)
        loop_defer(conn->loop, &conn->job);
}

size_t conn_out_pending(const struct conn *conn)
{
    return buf_len(&conn->out);
}

void conn_set_deadline(struct conn *conn, int64_t after_ms)
{
    if (conn->state >= CONN_FINISHING || after_ms <= 0)
        loop_timer_stop(&conn->deadline);
    else
        loop_timer_start(&conn->deadline, after_ms);
}

void conn_finish(struct conn *conn)
{
    if (conn->state >= CONN_FINISHING)
        return;
    loop_timer_stop(&conn->deadline);
    buf_deinit(&conn->in);
    conn->announce = false;
    if (conn->state < CONN_OPEN)
        conn->config.linger_ms = 0; // nothing was said, so nothing can be lost
    conn->state = CONN_FINISHING;
    loop_defer(conn->loop, &conn->job);
}

void conn_end_output(struct conn *conn)
{
    ASSERT(conn->tls == NULL);
    if (conn->state >= CONN_FINISHING)
        return;
    conn->out_ends = true;
    loop_defer(conn->loop, &conn->job);
}

static void ignore(void *user)
{
    (void)user;
}

static void abort_job(void *user)
{
    conn_abort(user);
}

void conn_leave(struct conn *conn)
{
    static const struct conn_handler nobody = {.on_data = ignore};

    if (conn->state == CONN_CLOSED)
        return;
    conn->handler = &nobody;
    loop_job_init(&conn->at_close, abort_job, conn);
    loop_at_close(conn->loop, &conn->at_close);
    conn_finish(conn);
}

void conn_abort(struct conn *conn)
{
    if (conn != NULL && conn->state != CONN_CLOSED)
        shut(conn);
}

bool conn_is_tls(const struct conn *conn)
{
    return conn->tls != NULL;
}

const struct socket_address *conn_peer(const struct conn *conn)
{
    return &conn->peer;
}

struct loop *conn_loop(const struct conn *conn)
{
    return conn->loop;
}

struct str conn_tls_error(struct arena *arena, const struct conn *conn)
{
    return conn->tls != NULL ? tls_error_text(arena, conn->tls) : STR_NONE;
}
