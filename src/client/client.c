// One call: encode, sign, send; on throttling, 5xx or a lost connection wait and try again, as SDKs
// do.

#include "client/client.h"

#include "api/client.h"
#include "api/exec.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"
#include "client/http.h"
#include "client/signing.h"
#include "io/clock.h"
#include "wire/codec.h"
#include "wire/crypto.h"
#include "wire/uri.h"

enum { ATTEMPTS = 3, CALL_TIMEOUT_MS = 60 * 1000, FIRST_PAUSE_MS = 100 };

struct client {
    struct client_options options;
    struct crypto *crypto;
};

struct client *client_new(const struct client_options *options)
{
    struct client *client = mem_zalloc(sizeof *client);

    client->options = *options;
    if (client->options.attempts == 0)
        client->options.attempts = ATTEMPTS;
    if (client->options.timeout_ms == 0)
        client->options.timeout_ms = CALL_TIMEOUT_MS;
    client->crypto = crypto_new();
    return client;
}

void client_free(struct client *client)
{
    if (client == NULL)
        return;
    crypto_free(client->crypto);
    mem_free(client);
}

bool client_is_kebab(struct str kebab, struct str camel)
{
    size_t k = 0;

    for (size_t c = 0; c < camel.len; c++) {
        char lower = camel.ptr[c];
        if (lower >= 'A' && lower <= 'Z') {
            lower = (char)(lower - 'A' + 'a');
            if (c > 0 && (k >= kebab.len || kebab.ptr[k++] != '-'))
                return false;
        }
        if (k >= kebab.len || kebab.ptr[k++] != lower)
            return false;
    }
    return k == kebab.len;
}

enum ecs_operation client_operation_named(struct str name)
{
    for (int op = 1; op < ECS_OPERATION_N; op++) {
        if (str_eq(name, ecs_operations[op].name) || client_is_kebab(name, ecs_operations[op].name))
            return (enum ecs_operation)op;
    }
    return ECS_OPERATION_NONE;
}

static int attempt(struct client *client, struct arena *arena, const struct operation *operation,
                   struct str body, struct client_http_reply *out, struct str *out_why)
{
    const struct client_options *options = &client->options;
    struct client_identity identity = {options->region, options->credentials, STR_NONE};
    struct http_header headers[CLIENT_HEAD_MAX];
    struct client_http_request request = {.method = "POST", .headers = headers, .body = body};
    struct uri uri;

    if (!uri_parse(arena, options->endpoint, &uri)) {
        *out_why = STR("the endpoint is not a URL");
        return CLIENT_E_FAILED;
    }
    request.headers_n = client_head(client->crypto, &identity, &uri,
                                    client_target(arena, operation), body, arena, headers);
    request.url = str_cstr(arena, options->endpoint);
    request.timeout_ms = options->timeout_ms;
    request.ca_file = options->ca_file;
    request.insecure = options->insecure;
    return client_http(arena, &request, out, out_why);
}

// {"__type": "...", "message": "..."}; anything else is shown as it came.
static void read_error(struct arena *arena, const struct client_http_reply *reply,
                       struct client_error *out)
{
    struct codec_report report = {0};
    struct client_error_reply body = {0};

    *out = (struct client_error){.status = reply->status, .message = reply->body};
    if (codec_decode(arena, &client_error_reply_shape, reply->body, &codec_peer, &body, &report) !=
        0)
        return;
    out->type = body.__type;
    out->message = body.message;
}

static bool is_worth_another(int rc, const struct client_http_reply *reply,
                             const struct client_error *error)
{
    return rc != 0 || reply->status >= 500 || str_eq(error->type, STR("ThrottlingException"));
}

int client_call_json(struct client *client, struct arena *arena, enum ecs_operation operation,
                     struct str json, struct str *out_json, struct client_error *out_error)
{
    for (unsigned tries = 1;; tries++) {
        struct client_http_reply reply = {0};
        struct str why = STR_NONE;
        int rc = attempt(client, arena, &ecs_operations[operation], json, &reply, &why);

        if (rc == 0 && reply.status == 200) {
            *out_json = reply.body;
            return 0;
        }
        if (rc == 0)
            read_error(arena, &reply, out_error);
        else
            *out_error = (struct client_error){
                .message =
                    str_fmt(arena, "%.*s: %.*s", STR_ARGS(client->options.endpoint), STR_ARGS(why)),
            };
        if (tries >= client->options.attempts || !is_worth_another(rc, &reply, out_error))
            return CLIENT_E_FAILED;
        clock_sleep_ms(FIRST_PAUSE_MS << tries);
    }
}

int client_call_text(struct client *client, struct arena *arena, enum ecs_operation operation,
                     struct str json, void *out, struct client_error *out_error)
{
    struct codec_report report = {0};
    struct str reply;

    if (client_call_json(client, arena, operation, json, &reply, out_error) != 0)
        return CLIENT_E_FAILED;
    if (codec_decode(arena, ecs_operations[operation].reply, reply, &codec_peer, out, &report) !=
        0) {
        *out_error = (struct client_error){
            .message = str_fmt(arena, "unreadable reply: %.*s", STR_ARGS(report.message))};
        return CLIENT_E_FAILED;
    }
    return 0;
}

int client_call(struct client *client, struct arena *arena, enum ecs_operation operation,
                const void *in, void *out, struct client_error *out_error)
{
    BUF_AUTO struct buf body = BUF_INIT;

    codec_encode(&body, ecs_operations[operation].request, in);
    return client_call_text(client, arena, operation, str_copy(arena, buf_str(&body)), out,
                            out_error);
}

static size_t sign_get(struct client *client, const struct uri *endpoint, struct str target,
                       struct arena *arena, struct http_header out[1 + SIGV4_ADDED])
{
    struct client_identity identity = {client->options.region, client->options.credentials,
                                       STR_NONE};
    struct sigv4_request request = {.method = STR("GET"), .headers = out, .headers_n = 1};

    str_cut(target, '?', &request.path, &request.query);
    out[0] = (struct http_header){STR("Host"), uri_host_header(arena, endpoint)};
    return 1 + client_sign(client->crypto, &identity, &request, arena, out + 1);
}

int client_get(struct client *client, struct arena *arena, struct str target,
               struct client_answer *out, struct client_error *out_error)
{
    struct http_header headers[1 + SIGV4_ADDED];
    struct client_http_request request = {
        .method = "GET",
        .headers = headers,
        .timeout_ms = client->options.timeout_ms + CALL_TIMEOUT_MS, // it may be held back
        .ca_file = client->options.ca_file,
        .insecure = client->options.insecure,
    };
    struct client_http_reply reply = {0};
    struct str endpoint = client->options.endpoint;
    struct str why = STR("the endpoint is not a URL");
    struct uri uri;

    if (uri_parse(arena, endpoint, &uri)) {
        request.headers_n = sign_get(client, &uri, target, arena, headers);
        if (str_ends(endpoint, STR("/")))
            endpoint.len--;
        request.url = arena_printf(arena, "%.*s%.*s", STR_ARGS(endpoint), STR_ARGS(target));
        if (client_http(arena, &request, &reply, &why) == 0) {
            *out = (struct client_answer){reply.status, reply.body};
            return 0;
        }
    }
    *out_error = (struct client_error){
        .message = str_fmt(arena, "%.*s: %.*s", STR_ARGS(client->options.endpoint), STR_ARGS(why))};
    return CLIENT_E_FAILED;
}

// ---- the session plugin's call

int client_resume_session(struct client *client, struct arena *arena, struct str session,
                          struct str *out_token, struct client_error *out_error)
{
    BUF_AUTO struct buf body = BUF_INIT;
    struct exec_resume_session_request in = {0};
    struct exec_resume_session_response out = {0};
    struct codec_report report = {0};
    struct http_header headers[CLIENT_HEAD_MAX];
    struct client_identity identity = {client->options.region, client->options.credentials,
                                       STR("ssm")};
    struct client_http_reply reply = {0};
    struct client_http_request request = {
        .method = "POST",
        .url = str_cstr(arena, client->options.endpoint),
        .headers = headers,
        .timeout_ms = client->options.timeout_ms,
        .ca_file = client->options.ca_file,
        .insecure = client->options.insecure,
    };
    struct str why = STR("the endpoint is not a URL");
    struct uri uri;

    SET(&in, session_id, session);
    codec_encode(&body, &exec_resume_session_request_shape, &in);
    request.body = buf_str(&body);
    if (uri_parse(arena, client->options.endpoint, &uri)) {
        request.headers_n =
            client_head(client->crypto, &identity, &uri, STR("AmazonSSM.ResumeSession"),
                        request.body, arena, headers);
        if (client_http(arena, &request, &reply, &why) == 0 && reply.status == 200 &&
            codec_decode(arena, &exec_resume_session_response_shape, reply.body, &codec_peer, &out,
                         &report) == 0) {
            *out_token = out.token_value;
            return 0;
        }
    }
    *out_error = (struct client_error){
        .message = str_fmt(arena, "%.*s: %.*s", STR_ARGS(client->options.endpoint), STR_ARGS(why))};
    return CLIENT_E_FAILED;
}
