// See net.h. A parcel is one request, one reply or one broken connection on its way; it arrives by
// its timer, on the machine that it is for.

#include "tests/sim/net.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/mem.h"
#include "wire/http_client.h"
#include "wire/tls.h"

enum parcel_kind { PARCEL_REQUEST, PARCEL_REPLY, PARCEL_BROKEN };

struct parcel {
    struct list in_net;
    struct tie tie;
    enum parcel_kind kind;
    struct loop_timer timer;
    struct node *caller;
    struct arena arena;
    struct http_request request;
    int status;
    struct str body;
    int outcome; // PARCEL_BROKEN: http_client_outcome
};

struct http_exchange {
    struct list in_net;
    struct tie tie;
    struct node *caller;
    struct arena arena;
    struct http_request request;
};

static struct {
    struct rng rng;
    struct net_weather weather;
    struct node *server;
    net_serve_fn *serve;
    void *user;
    struct node *parted[16];
    size_t parted_n;
    struct list parcels;
    struct list exchanges;
    size_t calls_n;
} net;

// ---- dice and ties

bool net_drawn(uint32_t one_in)
{
    return one_in > 0 && rng_below(&net.rng, one_in) == 0;
}

uint64_t net_below(uint64_t bound)
{
    return rng_below(&net.rng, bound);
}

int64_t net_delay(void)
{
    int64_t most = net_drawn(net.weather.late_one_in) ? net.weather.late_ms : net.weather.delay_ms;

    return 1 + (int64_t)net_below((uint64_t)(most > 0 ? most : 1));
}

void net_tie(struct tie *tie, struct http_call *call)
{
    tie->call = call;
    list_init(&tie->in_call);
    if (call != NULL)
        list_push_back(&call->ties, &tie->in_call);
}

void net_untie(struct tie *tie)
{
    list_remove(&tie->in_call);
    tie->call = NULL;
}

struct node *net_server(void)
{
    return net.server;
}

// ---- parcels

static void parcel_free(struct parcel *parcel)
{
    loop_timer_stop(&parcel->timer);
    net_untie(&parcel->tie);
    list_remove(&parcel->in_net);
    arena_deinit(&parcel->arena);
    mem_free(parcel);
}

static void arrive(void *user);

static struct parcel *parcel_new(enum parcel_kind kind, struct http_call *call, struct node *caller,
                                 struct node *to)
{
    struct parcel *parcel = mem_zalloc(sizeof *parcel);

    parcel->kind = kind;
    parcel->caller = caller;
    net_tie(&parcel->tie, call);
    list_push_back(&net.parcels, &parcel->in_net);
    loop_timer_init(&parcel->timer, &to->loop, arrive, parcel);
    return parcel;
}

static void break_call(struct http_call *call, int outcome, int64_t after_ms)
{
    struct parcel *parcel = parcel_new(PARCEL_BROKEN, call, call->loop->node, call->loop->node);

    parcel->outcome = outcome;
    loop_timer_start(&parcel->timer, after_ms);
}

// Something got lost: the caller finds out by his deadline, or the connection breaks.
static void lose(struct http_call *call)
{
    if (call != NULL && net_drawn(2))
        break_call(call, HTTP_CLIENT_E_CLOSED, net_delay());
}

static struct http_header *copy_headers(struct arena *arena, const struct http_header *headers,
                                        size_t n)
{
    struct http_header *copy = arena_array(arena, struct http_header, n + 1);

    for (size_t i = 0; i < n; i++) {
        copy[i].name = str_copy(arena, headers[i].name);
        copy[i].value = str_copy(arena, headers[i].value);
    }
    return copy;
}

static struct http_request copy_request(struct arena *arena,
                                        const struct http_call_options *options, bool wants_socket)
{
    struct http_request request = {
        .method = str_copy(arena, options->method),
        .target = str_copy(arena, options->target),
        .headers = copy_headers(arena, options->headers, options->headers_n),
        .headers_n = options->headers_n,
        .body = str_copy(arena, options->body),
        .wants_websocket = wants_socket,
    };
    struct http_header *headers = (struct http_header *)(uintptr_t)request.headers;
    struct str host;

    if (!http_header_get(headers, request.headers_n, STR("host"), &host))
        headers[request.headers_n++] = (struct http_header){STR("Host"), STR("server:7420")};
    str_cut(request.target, '?', &request.path, &request.query);
    return request;
}

static void send_request(struct http_call *call)
{
    struct node *caller = call->loop->node;
    struct parcel *parcel;

    if (net.server == NULL) {
        break_call(call, HTTP_CLIENT_E_REFUSED, net_delay());
        return;
    }
    if (net_drawn(net.weather.lose_one_in)) {
        lose(call);
        return;
    }
    parcel = parcel_new(PARCEL_REQUEST, call, caller, net.server);
    parcel->request = copy_request(&parcel->arena, call->options, call->dial != NULL);
    loop_timer_start(&parcel->timer, net_delay());
}

// ---- the client's side

struct http_client *http_client_new(struct loop *loop, const struct http_client_config *config)
{
    struct http_client *client = mem_zalloc(sizeof *client);

    (void)config;
    client->loop = loop;
    list_init(&client->calls);
    return client;
}

void http_client_free(struct http_client *client)
{
    if (client == NULL)
        return;
    LIST_EACH_SAFE (&client->calls, it)
        net_call_free(LIST_ENTRY(it, struct http_call, in_client));
    mem_free(client);
}

const char *http_client_outcome_text(int outcome)
{
    static const char *const texts[] = {
        [0] = "ok",
        [HTTP_CLIENT_E_REFUSED] = "connection refused",
        [HTTP_CLIENT_E_TLS] = "TLS failed",
        [HTTP_CLIENT_E_TIMEOUT] = "timed out",
        [HTTP_CLIENT_E_CLOSED] = "connection lost",
        [HTTP_CLIENT_E_PROTOCOL] = "not HTTP",
        [HTTP_CLIENT_E_TOO_LARGE] = "reply too large",
    };

    return texts[outcome];
}

void net_call_free(struct http_call *call)
{
    LIST_EACH_SAFE (&call->ties, it)
        net_untie(LIST_ENTRY(it, struct tie, in_call));
    loop_timer_stop(&call->deadline);
    list_remove(&call->in_client);
    net.calls_n--;
    mem_free(call);
}

// The handler may free the client, so the call leaves it first.
static void end_call(struct http_call *call, int outcome, const struct http_answer *reply)
{
    struct str detail = reply == NULL ? STR("simulated") : STR_NONE;

    list_remove(&call->in_client);
    if (call->dial != NULL)
        dial_failed(call->dial, outcome, reply, detail);
    else
        call->options->handler->on_done(call->options->user, call, outcome, reply, detail);
    net_call_free(call);
}

static void on_deadline(void *user)
{
    end_call(user, HTTP_CLIENT_E_TIMEOUT, NULL);
}

struct http_call *net_call(struct http_client *client, const struct http_call_options *options,
                           struct ws_dial *dial)
{
    struct http_call *call = mem_zalloc(sizeof *call);

    call->copy = *options;
    call->options = &call->copy;
    call->loop = client->loop;
    call->dial = dial;
    list_init(&call->ties);
    list_push_back(&client->calls, &call->in_client);
    loop_timer_init(&call->deadline, client->loop, on_deadline, call);
    if (options->total_ms > 0)
        loop_timer_start(&call->deadline, options->total_ms);
    net.calls_n++;
    if (!node_acts(client->loop->node))
        return call;
    send_request(call);
    if (dial == NULL && net_drawn(net.weather.double_one_in))
        send_request(call);
    return call;
}

struct http_call *http_client_send(struct http_client *client,
                                   const struct http_call_options *options)
{
    return net_call(client, options, NULL);
}

void http_call_cancel(struct http_call *call)
{
    net_call_free(call);
}

// ---- in the place of wire/tls, which nobody here asks for

int tls_context_client(const char *ca_path, bool verify, struct arena *arena,
                       struct str *out_detail, struct tls_context **out)
{
    (void)ca_path;
    (void)verify;
    (void)arena;
    (void)out_detail;
    (void)out;
    UNREACHABLE();
}

void tls_context_free(struct tls_context *context)
{
    ASSERT(context == NULL);
}

// ---- the server's side

struct arena *http_exchange_arena(struct http_exchange *exchange)
{
    return &exchange->arena;
}

void net_exchange_free(struct http_exchange *exchange)
{
    net_untie(&exchange->tie);
    list_remove(&exchange->in_net);
    arena_deinit(&exchange->arena);
    mem_free(exchange);
}

static void drop_exchange(struct http_exchange *exchange)
{
    if (exchange->tie.call != NULL && !net.server->silent)
        break_call(exchange->tie.call, HTTP_CLIENT_E_CLOSED, net_delay());
    net_exchange_free(exchange);
}

static void send_reply(struct http_exchange *exchange, const struct http_response *response)
{
    struct http_call *call = exchange->tie.call;
    struct parcel *parcel;

    if (call == NULL || net_is_parted(exchange->caller))
        return;
    if (net_drawn(net.weather.lose_one_in)) {
        lose(call);
        return;
    }
    parcel = parcel_new(PARCEL_REPLY, call, exchange->caller, exchange->caller);
    parcel->status = response->status;
    parcel->body = str_copy(&parcel->arena, response->body);
    loop_timer_start(&parcel->timer, net_delay());
}

void http_reply(struct http_exchange *exchange, const struct http_response *response)
{
    if (!node_acts(net.server)) {
        drop_exchange(exchange);
        return;
    }
    send_reply(exchange, response);
    net_exchange_free(exchange);
}

bool net_take(struct http_exchange *exchange, struct http_call **out_call)
{
    *out_call = exchange->tie.call;
    return *out_call != NULL;
}

static void open_exchange(struct parcel *parcel)
{
    struct http_exchange *exchange = mem_zalloc(sizeof *exchange);

    exchange->caller = parcel->caller;
    exchange->arena = parcel->arena;
    exchange->request = parcel->request;
    parcel->arena = ARENA_INIT;
    net_tie(&exchange->tie, parcel->tie.call);
    list_push_back(&net.exchanges, &exchange->in_net);
    net.serve(net.user, exchange, &exchange->request);
}

static void arrive_reply(struct parcel *parcel)
{
    struct http_call *call = parcel->tie.call;
    struct http_header type = {STR("Content-Type"), STR("application/x-amz-json-1.1")};
    struct http_answer reply = {
        .status = parcel->status, .headers = &type, .headers_n = 1, .body = parcel->body};

    if (call != NULL && parcel->kind == PARCEL_BROKEN)
        end_call(call, parcel->outcome, NULL);
    else if (call != NULL)
        end_call(call, 0, &reply);
}

static void arrive(void *user)
{
    struct parcel *parcel = user;

    if (net_is_parted(parcel->caller) && parcel->kind != PARCEL_BROKEN) {
        parcel_free(parcel);
        return;
    }
    if (parcel->kind != PARCEL_REQUEST)
        arrive_reply(parcel);
    else if (net.server != NULL && net.server == parcel->timer.loop->node)
        open_exchange(parcel);
    else if (parcel->tie.call != NULL)
        break_call(parcel->tie.call, HTTP_CLIENT_E_REFUSED, net_delay());
    parcel_free(parcel);
}

// ---- who serves, who is cut off

void net_serve(struct node *node, net_serve_fn *fn, void *user)
{
    net.server = node;
    net.serve = fn;
    net.user = user;
}

void net_unserve(void)
{
    LIST_EACH_SAFE (&net.exchanges, it)
        drop_exchange(LIST_ENTRY(it, struct http_exchange, in_net));
    net.server = NULL;
}

void net_part(struct node *node)
{
    if (net_is_parted(node))
        return;
    ASSERT(net.parted_n < sizeof net.parted / sizeof *net.parted);
    net.parted[net.parted_n++] = node;
}

void net_join(struct node *node)
{
    for (size_t i = 0; i < net.parted_n; i++) {
        if (net.parted[i] == node)
            net.parted[i--] = net.parted[--net.parted_n];
    }
}

bool net_is_parted(const struct node *node)
{
    for (size_t i = 0; i < net.parted_n; i++) {
        if (net.parted[i] == node)
            return true;
    }
    return false;
}

void net_set_weather(const struct net_weather *weather)
{
    net.weather = *weather;
}

void net_start(uint64_t seed)
{
    net.server = NULL;
    net.parted_n = 0;
    net.calls_n = 0;
    net.weather = (struct net_weather){.delay_ms = 3};
    rng_init(&net.rng, seed);
    list_init(&net.parcels);
    list_init(&net.exchanges);
    sockets_start();
}

void net_stop(void)
{
    LIST_EACH_SAFE (&net.parcels, it)
        parcel_free(LIST_ENTRY(it, struct parcel, in_net));
    ASSERT(list_is_empty(&net.exchanges) && net.calls_n == 0);
    sockets_stop();
}

static size_t length(const struct list *list)
{
    size_t n = 0;

    LIST_EACH (list, it)
        n++;
    return n;
}

size_t net_exchanges(void)
{
    return length(&net.exchanges);
}

size_t net_calls(void)
{
    return net.calls_n;
}

size_t net_strays(void)
{
    size_t n = 0;

    LIST_EACH (&net.parcels, it) {
        const struct parcel *parcel = LIST_ENTRY(it, struct parcel, in_net);

        n += parcel->kind == PARCEL_REQUEST && parcel->tie.call == NULL;
    }
    return n;
}
