// Listeners, limits on connections, and the end of it all; what happens on a connection is
// http_session.c, what becomes of a request is http_exchange.c.
//
// A connection over the limit is told so (503) rather than left in the backlog; when even those
// goodbyes are too many it is closed at once.

#include "wire/http_server.h"

#include "base/assert.h"
#include "base/mem.h"
#include "io/file.h"
#include "io/socket.h"
#include "wire/http_session.h"

enum {
    ACCEPTS_A_ROUND = 64,
    ACCEPT_RETRY_MS = 100, // after running out of descriptors
    REFUSALS_MAX = 64,     // connections over the limit that may wait for their 503 at once
};

struct listener {
    struct list link;
    struct http_server *server;
    struct loop_fd watch;
    struct loop_timer retry;
    struct tls_context *tls;
    int fd;
};

const struct http_server_config http_server_defaults = {
    .head_ms = 10 * 1000,
    .body_ms = 30 * 1000,
    .idle_ms = 75 * 1000,
    .write_stall_ms = 30 * 1000,
    .tls_handshake_ms = 10 * 1000,
    .body_max = 1024 * 1024,
    .pipeline_max = 16,
    .connections_max = 10 * 1000,
};

// ---- accepting

static void serve(struct listener *listener, int fd, const struct socket_address *peer)
{
    struct http_server *server = listener->server;
    unsigned open = server->stats.open;
    struct http_session *session;

    if (open >= server->config.connections_max)
        server->stats.refused++;
    else
        server->stats.accepted++;
    if (open >= server->config.connections_max + REFUSALS_MAX) {
        fd_close(&fd);
        return;
    }
    session = http_session_new(server, fd, peer, listener->tls);
    if (open >= server->config.connections_max)
        http_session_reject(session, 503, STR("too many connections"));
}

static void on_accept(void *user, unsigned ready)
{
    struct listener *listener = user;

    (void)ready;
    for (int i = 0; i < ACCEPTS_A_ROUND; i++) {
        struct socket_address peer;
        int fd = -1;
        int result = socket_accept(listener->fd, &fd, &peer);

        if (result == -EAGAIN)
            return;
        if (result != 0) { // out of descriptors or memory: asking again at once would spin
            loop_fd_want(&listener->watch, 0);
            loop_timer_start(&listener->retry, ACCEPT_RETRY_MS);
            return;
        }
        serve(listener, fd, &peer);
    }
}

static void on_accept_retry(void *user)
{
    struct listener *listener = user;

    loop_fd_want(&listener->watch, LOOP_READ);
}

int http_server_listen(struct http_server *server, int listen_fd, struct tls_context *tls)
{
    struct listener *listener = mem_zalloc(sizeof *listener);

    if (server->draining) {
        mem_free(listener);
        fd_close(&listen_fd);
        return -ESHUTDOWN;
    }
    *listener = (struct listener){.server = server, .tls = tls, .fd = listen_fd};
    loop_fd_init(&listener->watch, server->loop, listen_fd, on_accept, listener);
    loop_timer_init(&listener->retry, server->loop, on_accept_retry, listener);
    loop_fd_want(&listener->watch, LOOP_READ);
    list_push_back(&server->listeners, &listener->link);
    return 0;
}

// ---- the server

void http_server_check_idle(struct http_server *server)
{
    if (server->draining && list_is_empty(&server->sessions))
        loop_defer(server->loop, &server->idle_job);
}

static void on_idle_job(void *user)
{
    struct http_server *server = user;
    void (*on_idle)(void *user) = server->on_idle;

    server->on_idle = NULL;
    if (on_idle != NULL)
        on_idle(server->idle_user);
}

struct http_server *http_server_new(struct loop *loop, const struct http_server_config *config,
                                    const struct http_server_handler *handler, void *user)
{
    struct http_server *server = mem_zalloc(sizeof *server);

    ASSERT(handler->on_request != NULL);
    server->loop = loop;
    server->config = config != NULL ? *config : http_server_defaults;
    server->handler = handler;
    server->user = user;
    server->conn_config = conn_defaults;
    server->conn_config.connect_ms = server->config.tls_handshake_ms;
    server->conn_config.write_stall_ms = server->config.write_stall_ms;
    list_init(&server->listeners);
    list_init(&server->sessions);
    loop_job_init(&server->idle_job, on_idle_job, server);
    return server;
}

static void stop_listening(struct http_server *server)
{
    LIST_EACH_SAFE (&server->listeners, it) {
        struct listener *listener = LIST_ENTRY(it, struct listener, link);

        list_remove(&listener->link);
        loop_timer_stop(&listener->retry);
        loop_fd_deinit(&listener->watch);
        fd_close(&listener->fd);
        mem_free(listener);
    }
}

void http_server_free(struct http_server *server)
{
    if (server == NULL)
        return;
    server->on_idle = NULL;
    stop_listening(server);
    while (!list_is_empty(&server->sessions))
        http_session_abort(LIST_ENTRY(server->sessions.next, struct http_session, link));
    loop_job_cancel(&server->idle_job);
    while (server->spare_arenas_n > 0)
        arena_deinit(&server->spare_arenas[--server->spare_arenas_n]);
    buf_deinit(&server->head);
    mem_free(server);
}

void http_server_drain(struct http_server *server, void (*on_idle)(void *user), void *user)
{
    server->draining = true;
    server->on_idle = on_idle;
    server->idle_user = user;
    stop_listening(server);
    LIST_EACH (&server->sessions, it) {
        struct http_session *session = LIST_ENTRY(it, struct http_session, link);

        if (session->waiting == HTTP_WAITING_IDLE && session->conn != NULL) {
            session->stopped = true; // its job ends it
            loop_defer(server->loop, &session->job);
        }
    }
    http_server_check_idle(server);
}

struct http_server_stats http_server_stats(const struct http_server *server)
{
    struct http_server_stats stats = server->stats;

    stats.bytes_in = server->counters.bytes_in;
    stats.bytes_out = server->counters.bytes_out;
    return stats;
}
