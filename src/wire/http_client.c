// The client is a target, a list of calls and a list of links (connections). A link carries one
// call at a time; without one it rests in the pool until its idle deadline or the peer's end.
// Nothing is pipelined: a slow reply would hold up the others, and a new unix connection costs
// microseconds.
//
// Callers' handlers run from the link's events and may cancel or start calls, so a link in use is
// only marked dead and freed when its event is over.
//
// Not limited: how many calls run at once. The caller knows his target.

#include "wire/http_client.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/mem.h"
#include "io/loop.h"
#include "io/resolve.h"
#include "io/socket.h"
#include "wire/conn.h"
#include "wire/http_parse.h"

enum { IDLE_MAX_DEFAULT = 4, BODY_MAX_DEFAULT = 16 * 1024 * 1024 };
static const int64_t idle_ms_default = 30 * 1000;
static const int64_t connect_ms_default = 10 * 1000;

struct http_client {
    struct loop *loop;
    struct arena strings; // what target and user_agent point at
    struct uri target;
    struct str user_agent;
    struct str host_header;
    struct tls_context *tls;
    unsigned idle_max;
    int64_t idle_ms;
    struct list calls;
    struct list pool; // links without a call
    unsigned pool_n;
};

struct link {
    struct list in_pool;
    struct http_client *client;
    struct http_call *call; // NULL: in the pool
    struct conn *conn;      // NULL: gone
    struct http_parse *parser;
    bool keep_alive; // as the last head said
    bool is_reused;
    bool in_event;
    bool dead; // to be freed when the event is over
};

struct http_call {
    struct list link_in_client;
    struct http_client *client;
    struct link *link; // NULL: the name is being looked up
    struct resolve *lookup;
    struct arena arena; // the reply's head
    struct http_answer answer;
    struct buf request; // kept while it may be sent again
    struct buf body;
    const struct http_call_handler *handler;
    void *user;
    struct loop_timer total_timer;
    struct loop_timer phase_timer; // connecting, then idle
    int64_t connect_ms;
    int64_t idle_ms;
    size_t body_max;
    bool is_head;
    bool may_resend;
    bool has_answer;
    bool wants_upgrade;
    bool is_paused;
};

const char *http_client_outcome_text(int outcome)
{
    switch (outcome) {
    case 0: return "ok";
    case HTTP_CLIENT_E_REFUSED: return "connection refused";
    case HTTP_CLIENT_E_TLS: return "TLS failed";
    case HTTP_CLIENT_E_TIMEOUT: return "timed out";
    case HTTP_CLIENT_E_CLOSED: return "connection closed";
    case HTTP_CLIENT_E_PROTOCOL: return "not a valid HTTP reply";
    case HTTP_CLIENT_E_TOO_LARGE: return "reply too large";
    default: return "unknown";
    }
}

// ---- links

static void link_free(struct link *link)
{
    http_parse_free(link->parser);
    mem_free(link);
}

// Ends the link now, or when its event is over.
static void link_kill(struct link *link)
{
    conn_abort(link->conn);
    link->conn = NULL;
    link->call = NULL;
    if (list_is_linked(&link->in_pool)) {
        list_remove(&link->in_pool);
        link->client->pool_n--;
    }
    link->dead = true;
    if (!link->in_event)
        link_free(link);
}

static void event_begins(struct link *link)
{
    link->in_event = true;
}

static void event_ends(struct link *link)
{
    link->in_event = false;
    if (link->dead)
        link_free(link);
}

static void link_rest(struct link *link)
{
    struct http_client *client = link->client;

    link->call = NULL;
    if (client->pool_n >= client->idle_max) {
        link_kill(link);
        return;
    }
    link->is_reused = true;
    conn_set_deadline(link->conn, client->idle_ms);
    conn_resume(link->conn);
    list_push_front(&client->pool, &link->in_pool);
    client->pool_n++;
}

// ---- the end of a call

static void call_free(struct http_call *call)
{
    list_remove(&call->link_in_client);
    resolve_cancel(call->lookup);
    loop_timer_stop(&call->total_timer);
    loop_timer_stop(&call->phase_timer);
    buf_deinit(&call->request);
    buf_deinit(&call->body);
    arena_deinit(&call->arena);
    mem_free(call);
}

// Lets go of the link (which the caller has put away) and tells. The last act on a call.
static void call_done(struct http_call *call, int outcome, struct str detail)
{
    struct http_answer answer = call->answer;

    call->link = NULL;
    loop_timer_stop(&call->total_timer);
    loop_timer_stop(&call->phase_timer);
    list_remove(&call->link_in_client);
    answer.body = buf_str(&call->body);
    call->handler->on_done(call->user, call, outcome, call->has_answer ? &answer : NULL,
                           detail.len > 0 ? detail : str_of(http_client_outcome_text(outcome)));
    call_free(call);
}

static void call_fail(struct http_call *call, int outcome, struct str detail)
{
    if (call->link != NULL)
        link_kill(call->link);
    call_done(call, outcome, detail);
}

// ---- connecting and sending

static const struct conn_handler link_handler;

static void send_on(struct http_call *call, struct link *link)
{
    call->link = link;
    link->call = call;
    http_parse_reset(link->parser);
    if (call->is_head)
        http_parse_expect_no_body(link->parser);
    conn_write(link->conn, buf_str(&call->request));
    if (!call->may_resend || !link->is_reused)
        buf_deinit(&call->request);
    if (link->is_reused && call->idle_ms > 0)
        loop_timer_start(&call->phase_timer, call->idle_ms);
}

static void connect_to(struct http_call *call, const struct socket_address *address)
{
    struct http_client *client = call->client;
    struct conn_config config = conn_defaults;
    struct link *link = mem_zalloc(sizeof *link);
    struct conn_options options = {
        .config = &config,
        .tls = client->target.scheme == URI_HTTPS ? client->tls : NULL,
        .tls_host = client->target.host,
        .handler = &link_handler,
        .user = link,
    };

    config.connect_ms = call->connect_ms;
    link->client = client;
    link->parser = http_parse_new(HTTP_SIDE_RESPONSE);
    link->conn = conn_connect(client->loop, address, &options);
    send_on(call, link);
}

static void on_resolved(void *user, const struct socket_address *address)
{
    struct http_call *call = user;

    call->lookup = NULL;
    if (address == NULL)
        call_fail(call, HTTP_CLIENT_E_REFUSED, STR("no address for this name"));
    else
        connect_to(call, address);
}

static void start(struct http_call *call, bool fresh)
{
    struct http_client *client = call->client;
    struct socket_address address;

    if (!fresh && !list_is_empty(&client->pool)) {
        struct link *link = LIST_ENTRY(client->pool.next, struct link, in_pool);
        list_remove(&link->in_pool);
        client->pool_n--;
        conn_set_deadline(link->conn, 0);
        send_on(call, link);
        return;
    }
    loop_timer_start(&call->phase_timer, call->connect_ms);
    if (client->target.scheme != URI_UNIX)
        call->lookup = resolve_start(client->loop, client->target.host, client->target.port,
                                     on_resolved, call);
    else if (socket_address_unix(client->target.unix_path, &address))
        connect_to(call, &address);
    else // too long a path: refused from the loop, as every refusal
        call->lookup = resolve_start(client->loop, STR_NONE, 0, on_resolved, call);
}

// ---- replies

static void take_head(struct http_call *call, const struct http_head *head)
{
    struct http_header *headers = arena_array(&call->arena, struct http_header, head->headers_n);

    for (size_t i = 0; i < head->headers_n; i++) {
        headers[i].name = str_copy(&call->arena, head->headers[i].name);
        headers[i].value = str_copy(&call->arena, head->headers[i].value);
    }
    call->answer = (struct http_answer){
        .status = head->status, .headers = headers, .headers_n = head->headers_n};
    call->has_answer = head->status >= 200 || head->status == 101;
    if (call->has_answer && call->handler->on_head != NULL)
        call->handler->on_head(call->user, call, &call->answer);
}

// May end the call.
static void take_body(struct http_call *call, struct str piece)
{
    if (call->handler->on_body != NULL) {
        call->handler->on_body(call->user, call, piece);
        return;
    }
    if (piece.len > call->body_max - buf_len(&call->body)) {
        call_fail(call, HTTP_CLIENT_E_TOO_LARGE, STR_NONE);
        return;
    }
    buf_add_str(&call->body, piece);
}

static void take_end(struct link *link, bool keep_alive)
{
    struct http_call *call = link->call;

    if (!call->has_answer)
        return; // 100 or 103: the real one follows
    if (keep_alive && !conn_is_eof(link->conn) && conn_in(link->conn).len == 0)
        link_rest(link);
    else
        link_kill(link);
    call_done(call, 0, STR_NONE);
}

static void take_upgrade(struct link *link)
{
    struct http_call *call = link->call;
    struct conn *conn = link->conn;

    if (!call->wants_upgrade) {
        call_fail(call, HTTP_CLIENT_E_PROTOCOL, STR("an upgrade nobody asked for"));
        return;
    }
    link->conn = NULL;
    link_kill(link);
    call->link = NULL;
    list_remove(&call->link_in_client);
    loop_timer_stop(&call->total_timer);
    loop_timer_stop(&call->phase_timer);
    conn_set_deadline(conn, 0);
    call->handler->on_upgrade(call->user, call, &call->answer, conn);
    call_free(call);
}

// One event of the parser; false when there is nothing to go on with.
static bool step(struct link *link)
{
    struct http_event event;
    struct http_call *call = link->call;
    size_t used;
    int outcome = http_parse_step(link->parser, conn_in(link->conn), &used, &event);

    if (outcome != 0) {
        call_fail(call, HTTP_CLIENT_E_PROTOCOL, str_of(http_parse_detail(link->parser)));
        return false;
    }
    if (event.kind == HTTP_EVENT_HEAD) {
        link->keep_alive = event.head.keep_alive;
        take_head(call, &event.head);
    } else if (event.kind == HTTP_EVENT_BODY) {
        take_body(call, event.body);
    }
    if (link->call != call) // a handler has cancelled it
        return false;
    conn_consume(link->conn, used);
    if (event.kind == HTTP_EVENT_UPGRADE)
        take_upgrade(link);
    else if (event.kind == HTTP_EVENT_DONE)
        take_end(link, link->keep_alive);
    return event.kind != HTTP_EVENT_MORE && link->call == call;
}

static bool can_resend(const struct http_call *call)
{
    return call->may_resend && call->link != NULL && call->link->is_reused && !call->has_answer;
}

// The connection is lost before the reply was whole.
static void lost(struct http_call *call, int outcome, struct str detail)
{
    if (can_resend(call)) {
        link_kill(call->link);
        call->link = NULL;
        start(call, true);
        return;
    }
    call_fail(call, outcome, detail);
}

static void stream_ended(struct link *link)
{
    struct http_call *call = link->call;
    bool done = false;

    if (http_parse_eof(link->parser, &done) == 0 && done)
        take_end(link, false);
    else
        lost(call, HTTP_CLIENT_E_CLOSED, STR_NONE);
}

static void on_data(void *user)
{
    struct link *link = user;
    struct http_call *call = link->call;

    if (call == NULL) { // in the pool: an end, or bytes nobody asked for
        if (conn_is_eof(link->conn) || conn_in(link->conn).len > 0)
            link_kill(link);
        return;
    }
    event_begins(link);
    if (call->idle_ms > 0)
        loop_timer_start(&call->phase_timer, call->idle_ms);
    while (link->call == call && !call->is_paused && step(link))
        ;
    if (link->call == call && !call->is_paused && conn_is_eof(link->conn))
        stream_ended(link);
    event_ends(link);
}

static void on_open(void *user)
{
    struct link *link = user;
    struct http_call *call = link->call;

    loop_timer_stop(&call->phase_timer);
    if (call->idle_ms > 0)
        loop_timer_start(&call->phase_timer, call->idle_ms);
}

static int outcome_of(enum conn_end why)
{
    switch (why) {
    case CONN_END_REFUSED: return HTTP_CLIENT_E_REFUSED;
    case CONN_END_TLS: return HTTP_CLIENT_E_TLS;
    case CONN_END_CONNECT_TIMEOUT:
    case CONN_END_STALLED: return HTTP_CLIENT_E_TIMEOUT;
    case CONN_END_DONE:
    case CONN_END_RESET: return HTTP_CLIENT_E_CLOSED;
    }
    UNREACHABLE();
}

static void on_close(void *user, enum conn_end why)
{
    struct link *link = user;
    struct http_call *call = link->call;
    struct arena scratch = ARENA_INIT;
    struct str detail = why == CONN_END_TLS ? conn_tls_error(&scratch, link->conn) : STR_NONE;

    event_begins(link);
    link->conn = NULL; // it goes by itself
    if (call != NULL)
        lost(call, outcome_of(why), detail.len > 0 ? detail : str_of(conn_end_text(why)));
    else
        link_kill(link);
    event_ends(link);
    arena_deinit(&scratch);
}

static void on_pool_deadline(void *user)
{
    link_kill(user);
}

static const struct conn_handler link_handler = {
    .on_open = on_open,
    .on_data = on_data,
    .on_deadline = on_pool_deadline,
    .on_close = on_close,
};

// ---- calls

static void on_total_timer(void *user)
{
    call_fail(user, HTTP_CLIENT_E_TIMEOUT, STR("no complete reply in time"));
}

static void on_phase_timer(void *user)
{
    struct http_call *call = user;
    bool connecting = call->lookup != NULL;

    call_fail(call, HTTP_CLIENT_E_TIMEOUT,
              connecting ? STR("no answer from the name service in time")
                         : STR("nothing received in time"));
}

static bool is_idempotent(struct str method)
{
    return str_eq(method, STR("GET")) || str_eq(method, STR("HEAD")) ||
           str_eq(method, STR("PUT")) || str_eq(method, STR("DELETE"));
}

static void write_request(struct http_client *client, const struct http_call_options *options,
                          struct buf *out)
{
    bool has_body = options->body.len > 0 || str_eq(options->method, STR("POST")) ||
                    str_eq(options->method, STR("PUT"));
    struct str ignored;

    buf_printf(out, "%.*s %.*s HTTP/1.1\r\n", STR_ARGS(options->method), STR_ARGS(options->target));
    if (!http_header_get(options->headers, options->headers_n, STR("host"), &ignored))
        http_write_header(out, STR("Host"), client->host_header);
    if (client->user_agent.len > 0 &&
        !http_header_get(options->headers, options->headers_n, STR("user-agent"), &ignored))
        http_write_header(out, STR("User-Agent"), client->user_agent);
    for (size_t i = 0; i < options->headers_n; i++) {
        if (http_header_is_valid(&options->headers[i]))
            http_write_header(out, options->headers[i].name, options->headers[i].value);
    }
    if (has_body)
        buf_printf(out, "Content-Length: %zu\r\n", options->body.len);
    buf_add_str(out, STR("\r\n"));
    buf_add_str(out, options->body);
}

struct http_call *http_client_send(struct http_client *client,
                                   const struct http_call_options *options)
{
    struct http_call *call = mem_zalloc(sizeof *call);

    ASSERT(options->handler->on_done != NULL);
    call->client = client;
    call->handler = options->handler;
    call->user = options->user;
    call->connect_ms = options->connect_ms > 0 ? options->connect_ms : connect_ms_default;
    call->idle_ms = options->idle_ms;
    call->body_max = options->body_max > 0 ? options->body_max : BODY_MAX_DEFAULT;
    call->is_head = str_eq(options->method, STR("HEAD"));
    call->may_resend = options->resend || is_idempotent(options->method);
    call->wants_upgrade = options->handler->on_upgrade != NULL;
    loop_timer_init(&call->total_timer, client->loop, on_total_timer, call);
    loop_timer_init(&call->phase_timer, client->loop, on_phase_timer, call);
    list_push_back(&client->calls, &call->link_in_client);
    write_request(client, options, &call->request);
    if (options->total_ms > 0)
        loop_timer_start(&call->total_timer, options->total_ms);
    start(call, call->wants_upgrade);
    return call;
}

void http_call_cancel(struct http_call *call)
{
    if (call == NULL)
        return;
    if (call->link != NULL)
        link_kill(call->link);
    call_free(call);
}

void http_call_pause(struct http_call *call)
{
    call->is_paused = true;
    loop_timer_stop(&call->phase_timer);
    if (call->link != NULL)
        conn_pause(call->link->conn);
}

void http_call_resume(struct http_call *call)
{
    call->is_paused = false;
    if (call->idle_ms > 0)
        loop_timer_start(&call->phase_timer, call->idle_ms);
    if (call->link != NULL)
        conn_resume(call->link->conn);
}

// ---- the client

struct http_client *http_client_new(struct loop *loop, const struct http_client_config *config)
{
    struct http_client *client = mem_zalloc(sizeof *client);

    ASSERT(config->target.scheme != URI_HTTPS || config->tls != NULL);
    client->loop = loop;
    client->target = config->target;
    client->target.host = str_copy(&client->strings, config->target.host);
    client->target.unix_path = str_copy(&client->strings, config->target.unix_path);
    client->user_agent = str_copy(&client->strings, config->user_agent);
    client->host_header =
        str_copy(&client->strings, uri_host_header(&client->strings, &client->target));
    client->tls = config->tls;
    client->idle_max = config->idle_max > 0 ? config->idle_max : IDLE_MAX_DEFAULT;
    client->idle_ms = config->idle_ms > 0 ? config->idle_ms : idle_ms_default;
    list_init(&client->calls);
    list_init(&client->pool);
    return client;
}

void http_client_free(struct http_client *client)
{
    if (client == NULL)
        return;
    while (!list_is_empty(&client->calls))
        http_call_cancel(LIST_ENTRY(client->calls.next, struct http_call, link_in_client));
    while (!list_is_empty(&client->pool))
        link_kill(LIST_ENTRY(client->pool.next, struct link, in_pool));
    arena_deinit(&client->strings);
    mem_free(client);
}
