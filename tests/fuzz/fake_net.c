// See fake_net.h.

#include "fake_net.h"

#include "base/assert.h"
#include "base/mem.h"
#include "io/clock.h"
#include "io/entropy.h"
#include "io/loop.h"
#include "io/resolve.h"
#include "wire/conn.h"

enum { TIMERS_MAX = 64, CONNS_MAX = 32, START_MS = 1000 };

struct loop {
    int64_t now_ms;
    uint64_t order;
    struct list jobs;
    struct loop_timer *timers[TIMERS_MAX];
    uint32_t timers_n;
};

struct conn {
    const struct conn_handler *handler;
    void *user;
    struct conn_config config;
    struct socket_address peer;
    struct buf in;
    struct buf out;
    struct buf got; // by the peer
    struct loop_timer deadline;
    struct loop_timer linger;
    struct loop_job job;
    bool is_connecting;
    bool eof;
    bool paused;
    bool announce;
    bool drain_owed;
    bool finished;
    bool left; // the owner wants to hear nothing
    bool closed;
};

static struct net {
    struct loop loop;
    struct conn *conns[CONNS_MAX];
    size_t conns_n;
    uint64_t dice;
} net;

// ---- time and dice

int64_t clock_wall_ms(void)
{
    return INT64_C(1788257700000) + net.loop.now_ms;
}

int64_t clock_monotonic_ms(void)
{
    return net.loop.now_ms;
}

int64_t clock_monotonic_us(void)
{
    return net.loop.now_ms * 1000;
}

void clock_sleep_ms(int64_t ms)
{
    (void)ms;
    UNREACHABLE();
}

uint64_t entropy_u64(void)
{
    return net.dice = net.dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
}

void entropy_fill(void *out, size_t len)
{
    unsigned char *at = out;

    for (size_t i = 0; i < len; i++)
        at[i] = (unsigned char)(entropy_u64() >> 56);
}

struct resolve *resolve_start(struct loop *loop, struct str host, uint16_t port, resolve_fn *fn,
                              void *user)
{
    (void)loop;
    (void)host;
    (void)port;
    (void)fn;
    (void)user;
    UNREACHABLE();
}

void resolve_cancel(struct resolve *lookup)
{
    ASSERT(lookup == NULL);
}

// ---- the loop

int64_t loop_now_ms(struct loop *loop)
{
    return loop->now_ms;
}

void loop_job_init(struct loop_job *job, void (*fn)(void *user), void *user)
{
    *job = (struct loop_job){.fn = fn, .user = user};
}

void loop_defer(struct loop *loop, struct loop_job *job)
{
    if (!list_is_linked(&job->link))
        list_push_back(&loop->jobs, &job->link);
}

void loop_job_cancel(struct loop_job *job)
{
    list_remove(&job->link);
}

void loop_timer_init(struct loop_timer *timer, struct loop *loop, loop_timer_fn *fn, void *user)
{
    *timer = (struct loop_timer){.loop = loop, .fn = fn, .user = user};
}

void loop_timer_stop(struct loop_timer *timer)
{
    struct loop *loop = timer->loop;

    if (timer->index == 0)
        return;
    loop->timers_n--;
    loop->timers[timer->index - 1] = loop->timers[loop->timers_n];
    loop->timers[timer->index - 1]->index = timer->index;
    timer->index = 0;
}

void loop_timer_start(struct loop_timer *timer, int64_t after_ms)
{
    struct loop *loop = timer->loop;

    loop_timer_stop(timer);
    ASSERT(loop->timers_n < TIMERS_MAX);
    timer->at_ms = loop->now_ms + (after_ms > 0 ? after_ms : 0);
    timer->order = loop->order++;
    loop->timers[loop->timers_n++] = timer;
    timer->index = loop->timers_n;
}

void loop_fd_init(struct loop_fd *watch, struct loop *loop, int fd, loop_fd_fn *fn, void *user)
{
    *watch = (struct loop_fd){.loop = loop, .fd = fd, .fn = fn, .user = user};
}

void loop_fd_want(struct loop_fd *watch, unsigned interest)
{
    watch->interest = interest;
}

void loop_fd_deinit(struct loop_fd *watch)
{
    watch->interest = 0;
}

static struct loop_timer *next_timer(int64_t until_ms)
{
    struct loop_timer *next = NULL;

    for (uint32_t i = 0; i < net.loop.timers_n; i++) {
        struct loop_timer *timer = net.loop.timers[i];
        if (timer->at_ms > until_ms)
            continue;
        if (next == NULL || timer->at_ms < next->at_ms ||
            (timer->at_ms == next->at_ms && timer->order < next->order))
            next = timer;
    }
    return next;
}

void fake_net_run(void)
{
    while (!list_is_empty(&net.loop.jobs)) {
        struct loop_job *job = LIST_ENTRY(net.loop.jobs.next, struct loop_job, link);
        list_remove(&job->link);
        job->fn(job->user);
    }
}

void fake_net_advance(int64_t ms)
{
    int64_t until = net.loop.now_ms + ms;
    struct loop_timer *timer;

    fake_net_run();
    while ((timer = next_timer(until)) != NULL) {
        if (timer->at_ms > net.loop.now_ms)
            net.loop.now_ms = timer->at_ms;
        loop_timer_stop(timer);
        timer->fn(timer->user);
        fake_net_run();
    }
    net.loop.now_ms = until;
}

// ---- connections: the owner's side

const struct conn_config conn_defaults = {
    .connect_ms = 10 * 1000,
    .write_stall_ms = 30 * 1000,
    .linger_ms = 2 * 1000,
    .in_max = 64 * 1024,
    .out_low = 64 * 1024,
};

const char *conn_end_text(enum conn_end end)
{
    return end == CONN_END_DONE ? "done" : "broken";
}

static void shut(struct conn *conn)
{
    conn->closed = true;
    loop_timer_stop(&conn->deadline);
    loop_timer_stop(&conn->linger);
    loop_job_cancel(&conn->job);
}

static void end(struct conn *conn, enum conn_end why)
{
    shut(conn);
    if (!conn->left)
        conn->handler->on_close(conn->user, why);
}

static void flush(struct conn *conn)
{
    buf_add_str(&conn->got, buf_str(&conn->out));
    buf_clear(&conn->out);
    if (!conn->drain_owed || conn->finished)
        return;
    conn->drain_owed = false;
    if (conn->handler->on_drain != NULL)
        conn->handler->on_drain(conn->user);
}

static void on_job(void *user)
{
    struct conn *conn = user;

    if (conn->is_connecting) {
        conn->is_connecting = false;
        if (conn->handler->on_open != NULL)
            conn->handler->on_open(conn->user);
    }
    if (!conn->closed && conn->announce && !conn->paused && !conn->finished) {
        conn->announce = false;
        conn->handler->on_data(conn->user);
    }
    if (!conn->closed)
        flush(conn);
    if (!conn->closed && conn->finished && conn->eof)
        end(conn, CONN_END_DONE);
}

static void on_deadline(void *user)
{
    struct conn *conn = user;

    conn->handler->on_deadline(conn->user);
}

static void on_linger(void *user)
{
    end(user, CONN_END_DONE);
}

static struct conn *conn_new(struct loop *loop, const struct socket_address *peer,
                             const struct conn_options *options)
{
    struct conn *conn = mem_zalloc(sizeof *conn);

    ASSERT(net.conns_n < CONNS_MAX);
    ASSERT(options->tls == NULL);
    net.conns[net.conns_n++] = conn;
    conn->handler = options->handler;
    conn->user = options->user;
    conn->config = options->config != NULL ? *options->config : conn_defaults;
    conn->peer = *peer;
    loop_timer_init(&conn->deadline, loop, on_deadline, conn);
    loop_timer_init(&conn->linger, loop, on_linger, conn);
    loop_job_init(&conn->job, on_job, conn);
    return conn;
}

struct conn *conn_accept(struct loop *loop, int fd, const struct socket_address *peer,
                         const struct conn_options *options)
{
    (void)fd;
    return conn_new(loop, peer, options);
}

struct conn *conn_connect(struct loop *loop, const struct socket_address *address,
                          const struct conn_options *options)
{
    struct conn *conn = conn_new(loop, address, options);

    conn->is_connecting = true;
    loop_defer(loop, &conn->job);
    return conn;
}

void conn_set_handler(struct conn *conn, const struct conn_handler *handler, void *user)
{
    ASSERT(!conn->closed);
    conn->handler = handler;
    conn->user = user;
    conn->announce = conn->announce || buf_len(&conn->in) > 0 || conn->eof;
    loop_defer(&net.loop, &conn->job);
}

void conn_set_counters(struct conn *conn, struct conn_counters *counters)
{
    (void)conn;
    (void)counters;
}

struct str conn_in(const struct conn *conn)
{
    return conn->finished ? STR_NONE : buf_str(&conn->in);
}

void conn_consume(struct conn *conn, size_t len)
{
    buf_consume(&conn->in, len);
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
    conn->paused = false;
    conn->announce = conn->announce || buf_len(&conn->in) > 0 || conn->eof;
    loop_defer(&net.loop, &conn->job);
}

void conn_write(struct conn *conn, struct str bytes)
{
    ASSERT(!conn->closed && !conn->finished);
    buf_add_str(&conn->out, bytes);
    conn->drain_owed = conn->drain_owed || buf_len(&conn->out) > conn->config.out_low;
    loop_defer(&net.loop, &conn->job);
}

size_t conn_out_pending(const struct conn *conn)
{
    return buf_len(&conn->out);
}

void conn_set_deadline(struct conn *conn, int64_t after_ms)
{
    if (after_ms > 0)
        loop_timer_start(&conn->deadline, after_ms);
    else
        loop_timer_stop(&conn->deadline);
}

void conn_finish(struct conn *conn)
{
    ASSERT(!conn->closed && !conn->finished);
    conn->finished = true;
    loop_timer_stop(&conn->deadline);
    loop_timer_start(&conn->linger, conn->config.linger_ms);
    loop_defer(&net.loop, &conn->job);
}

void conn_leave(struct conn *conn)
{
    conn->left = true;
    conn_finish(conn);
}

void conn_abort(struct conn *conn)
{
    if (conn != NULL)
        shut(conn);
}

bool conn_is_tls(const struct conn *conn)
{
    (void)conn;
    return false;
}

const struct socket_address *conn_peer(const struct conn *conn)
{
    return &conn->peer;
}

struct loop *conn_loop(const struct conn *conn)
{
    (void)conn;
    return &net.loop;
}

struct str conn_tls_error(struct arena *arena, const struct conn *conn)
{
    (void)arena;
    (void)conn;
    return STR_NONE;
}

// ---- the peer's side

struct loop *fake_net_begin(void)
{
    while (net.conns_n > 0) {
        struct conn *conn = net.conns[--net.conns_n];
        buf_deinit(&conn->in);
        buf_deinit(&conn->out);
        buf_deinit(&conn->got);
        mem_free(conn);
    }
    net = (struct net){.loop = {.now_ms = START_MS}};
    list_init(&net.loop.jobs);
    return &net.loop;
}

struct conn *fake_net_newest(void)
{
    return net.conns_n > 0 ? net.conns[net.conns_n - 1] : NULL;
}

void fake_peer_sends(struct conn *conn, struct str bytes)
{
    if (conn->closed || conn->finished || conn->eof || bytes.len == 0)
        return;
    buf_add_str(&conn->in, bytes);
    conn->announce = true;
    loop_defer(&net.loop, &conn->job);
}

void fake_peer_ends(struct conn *conn)
{
    if (conn->closed || conn->eof)
        return;
    conn->eof = true;
    conn->announce = true;
    loop_defer(&net.loop, &conn->job);
}

struct str fake_peer_got(const struct conn *conn)
{
    return buf_str(&conn->got);
}

bool fake_peer_sees_end(const struct conn *conn)
{
    return conn->closed || conn->finished;
}

bool fake_net_is_quiet(void)
{
    for (size_t i = 0; i < net.conns_n; i++) {
        if (!net.conns[i]->closed)
            return false;
    }
    return net.loop.timers_n == 0 && list_is_empty(&net.loop.jobs);
}
