// The HTTP client that agents use as well, on a loop made for the one request: a command makes a
// handful of calls and ends. Web proxies are not asked, for the control plane is never behind one.

#include "client/http.h"

#include "base/arena.h"
#include "io/loop.h"
#include "wire/http_client.h"
#include "wire/tls.h"

enum { REPLY_MAX = 64 << 20 };

struct waiting {
    struct arena *arena;
    struct client_http_reply *out;
    struct str why;
    int outcome;
    bool is_done;
};

static void on_done(void *user, struct http_call *call, int outcome,
                    const struct http_answer *answer, struct str detail)
{
    struct waiting *waiting = user;

    (void)call;
    waiting->is_done = true;
    waiting->outcome = outcome;
    if (outcome != 0) {
        waiting->why = str_copy(waiting->arena, detail);
        return;
    }
    waiting->out->status = answer->status;
    waiting->out->body = str_copy(waiting->arena, answer->body);
}

static const struct http_call_handler handler = {.on_done = on_done};

static void send_and_wait(struct waiting *waiting, struct loop *loop, const struct uri *uri,
                          struct tls_context *tls, const struct client_http_request *request)
{
    struct http_client_config config = {.target = *uri, .tls = tls};
    struct http_client *client = http_client_new(loop, &config);
    struct http_call_options call = {
        .method = str_of(request->method),
        .target = uri->query.len > 0 ? str_fmt(waiting->arena, "%.*s?%.*s", STR_ARGS(uri->path),
                                               STR_ARGS(uri->query))
                                     : uri->path,
        .headers = request->headers,
        .headers_n = request->headers_n,
        .body = request->body,
        .connect_ms = request->timeout_ms,
        .total_ms = request->timeout_ms,
        .body_max = REPLY_MAX,
        .handler = &handler,
        .user = waiting,
    };

    http_client_send(client, &call);
    while (!waiting->is_done)
        loop_run_once(loop, -1);
    http_client_free(client);
}

int client_http(struct arena *arena, const struct client_http_request *request,
                struct client_http_reply *out, struct str *out_why)
{
    struct waiting waiting = {.arena = arena, .out = out};
    struct tls_context *tls = NULL;
    struct loop *loop = NULL;
    struct uri uri;

    if (!uri_parse(arena, str_of(request->url), &uri)) {
        *out_why = STR("not a URL");
        return CLIENT_HTTP_E_FAILED;
    }
    if (uri.scheme == URI_HTTPS &&
        tls_context_client(request->ca_file, !request->insecure, arena, out_why, &tls) != 0)
        return CLIENT_HTTP_E_FAILED;
    if (loop_open(&loop) == 0) {
        send_and_wait(&waiting, loop, &uri, tls, request);
        loop_close(loop);
    } else {
        waiting.outcome = HTTP_CLIENT_E_REFUSED;
        waiting.why = STR("no descriptor is left");
    }
    tls_context_free(tls);
    *out_why = waiting.why;
    return waiting.outcome != 0 ? CLIENT_HTTP_E_FAILED : 0;
}
