// See api.h. One HTTP client to the endpoint; an attempt is signed anew each time, because a
// signature has its time inside.

#include "agent/api.h"

#include "api/client.h"
#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "client/signing.h"
#include "io/loop.h"
#include "wire/codec.h"
#include "wire/crypto.h"
#include "wire/http_client.h"
#include "wire/tls.h"

enum {
    CONNECT_MS = 10 * 1000,
    CALL_MS = 60 * 1000,
    PAUSE_FIRST_MS = 500,
    PAUSE_MAX_MS = 30 * 1000
};

static const char user_agent[] = "Amazon ECS Agent - v" GANTRY_VERSION " (gantry) (linux; LINUX) "
                                 "(+http://aws.amazon.com/ecs/)";

struct api {
    struct loop *loop;
    struct arena arena;
    const char *credentials_file; // in the arena; NULL: none is given
    struct uri endpoint;
    struct client_identity identity;
    struct crypto *crypto;
    struct tls_context *tls;
    struct http_client *client;
    struct list calls; // struct api_call.in_api
};

struct api_call {
    struct list in_api;
    struct api *api;
    struct arena arena;
    enum ecs_operation operation;
    struct client_identity identity;
    struct str body;
    struct http_call *http;
    struct loop_timer again;
    unsigned attempts_left;
    int64_t pause_ms;
    api_done_fn *done;
    void *user;
};

static void call_attempt(void *user);

static bool find_credentials(const struct api *api, struct arena *arena, struct credentials *out)
{
    return (api->credentials_file != NULL &&
            credentials_read(arena, api->credentials_file, STR("default"), out)) ||
           credentials_find(arena, NULL, out) == 0;
}

static struct credentials copy_credentials(struct arena *arena, const struct credentials *from)
{
    return (struct credentials){
        .key_id = str_copy(arena, from->key_id),
        .secret = str_copy(arena, from->secret),
        .token = str_copy(arena, from->token),
    };
}

// Calls that are under way still point at the keys that were known before, so those stay.
void api_read_keys(struct api *api)
{
    const struct credentials *known = &api->identity.credentials;
    struct arena scratch = ARENA_INIT;
    struct credentials found = {0};

    if (find_credentials(api, &scratch, &found) &&
        (!str_eq(found.key_id, known->key_id) || !str_eq(found.secret, known->secret) ||
         !str_eq(found.token, known->token))) {
        api->identity.credentials = copy_credentials(&api->arena, &found);
        LOG_INFO("agent.keys_read", LOG_STR("key", found.key_id));
    }
    arena_deinit(&scratch);
}

static bool make_client(struct api *api, const struct agent_config *config, struct arena *arena,
                        struct str *out_why)
{
    struct http_client_config client = {
        .target = api->endpoint,
        .user_agent = str_of(user_agent),
        .idle_max = 10,
    };

    if (api->endpoint.scheme == URI_HTTPS) {
        if (tls_context_client(config->ca_file, !config->insecure, arena, out_why, &api->tls) != 0)
            return false;
        client.tls = api->tls;
    }
    api->client = http_client_new(api->loop, &client);
    return true;
}

struct api *api_new(struct loop *loop, const struct agent_config *config, struct arena *arena,
                    struct str *out_why)
{
    struct api *api = mem_zalloc(sizeof *api);

    api->loop = loop;
    list_init(&api->calls);
    api->crypto = crypto_new();
    api->identity.region = str_copy(&api->arena, config->region);
    if (!uri_parse(&api->arena, str_copy(&api->arena, config->endpoint), &api->endpoint)) {
        *out_why = str_fmt(arena, "the endpoint '%.*s' is not a URL", STR_ARGS(config->endpoint));
        api_free(api);
        return NULL;
    }
    api->endpoint.query = STR_NONE; // calls are posted to the path alone
    if (config->credentials_file != NULL)
        api->credentials_file = str_cstr(&api->arena, str_of(config->credentials_file));
    // Without keys the calls go unsigned, for a server with --auth none.
    if (!find_credentials(api, &api->arena, &api->identity.credentials))
        api->identity.credentials = (struct credentials){0};
    if (!make_client(api, config, arena, out_why)) {
        api_free(api);
        return NULL;
    }
    return api;
}

static void call_free(struct api_call *call)
{
    list_remove(&call->in_api);
    loop_timer_stop(&call->again);
    arena_deinit(&call->arena);
    mem_free(call);
}

void api_cancel(struct api_call *call)
{
    if (call == NULL)
        return;
    if (call->http != NULL)
        http_call_cancel(call->http);
    call_free(call);
}

void api_free(struct api *api)
{
    if (api == NULL)
        return;
    LIST_EACH_SAFE (&api->calls, it)
        api_cancel(LIST_ENTRY(it, struct api_call, in_api));
    if (api->client != NULL)
        http_client_free(api->client);
    tls_context_free(api->tls);
    crypto_free(api->crypto);
    arena_deinit(&api->arena);
    mem_free(api);
}

bool api_may_pass(const struct api_result *result)
{
    if (result->kind == API_UNREACHABLE)
        return true;
    return result->kind == API_REFUSED &&
           (result->status >= 500 || str_eq(result->type, STR("ThrottlingException")) ||
            str_eq(result->type, STR("LimitExceededException")));
}

size_t api_sign_get(struct api *api, struct arena *arena, struct str host, struct str path,
                    struct str query, struct str body, struct http_header out[API_SIGNED_MAX])
{
    struct http_header host_header = {STR("Host"), host};
    struct sigv4_request request = {
        .method = STR("GET"),
        .path = path,
        .query = query,
        .headers = &host_header,
        .headers_n = 1,
        .body = body,
    };

    return client_sign(api->crypto, &api->identity, &request, arena, out);
}

static void finish(struct api_call *call, const struct api_result *result)
{
    if (api_may_pass(result) && call->attempts_left > 0) {
        call->http = NULL;
        loop_timer_start(&call->again, call->pause_ms);
        call->pause_ms = call->pause_ms * 2 < PAUSE_MAX_MS ? call->pause_ms * 2 : PAUSE_MAX_MS;
        return;
    }
    list_remove(&call->in_api);
    call->done(call->user, result);
    call_free(call);
}

// That they are not, or no longer, good.
static bool is_about_keys(struct str type)
{
    return str_eq(type, STR("UnrecognizedClientException")) ||
           str_eq(type, STR("ExpiredTokenException")) ||
           str_eq(type, STR("InvalidSignatureException"));
}

static void read_refusal(struct api_call *call, struct str body, struct api_result *out)
{
    struct client_error_reply error = {0};
    struct codec_report report = {0};

    out->kind = API_REFUSED;
    if (codec_decode(&call->arena, &client_error_reply_shape, body, &codec_peer, &error, &report) ==
            0 &&
        error.has.__type) {
        out->type = error.__type;
        out->message = error.message;
        if (is_about_keys(error.__type))
            api_read_keys(call->api);
        return;
    }
    out->message = str_take(body, 200);
    if (out->status < 400 || out->status == 404)
        out->kind = API_UNREACHABLE; // something else listens there
}

static void on_done(void *user, struct http_call *http, int outcome,
                    const struct http_answer *reply, struct str detail)
{
    struct api_call *call = user;
    const struct operation *row = &ecs_operations[call->operation];
    struct api_result result = {.kind = API_UNREACHABLE};
    struct codec_report report = {0};
    void *value;

    (void)http;
    if (outcome != 0) {
        result.message = str_fmt(&call->arena, "%s%s%.*s", http_client_outcome_text(outcome),
                                 detail.len > 0 ? ": " : "", STR_ARGS(detail));
        finish(call, &result);
        return;
    }
    result.status = reply->status;
    http_header_get(reply->headers, reply->headers_n, STR("x-amzn-requestid"), &result.request_id);
    if (reply->status != 200) {
        read_refusal(call, reply->body, &result);
        finish(call, &result);
        return;
    }
    value = arena_alloc(&call->arena, row->reply->size);
    if (codec_decode(&call->arena, row->reply, reply->body, &codec_peer, value, &report) == 0) {
        result.kind = API_OK;
        result.reply = value;
    } else {
        result.message = report.message;
    }
    finish(call, &result);
}

static const struct http_call_handler handler = {.on_done = on_done};

static void call_attempt(void *user)
{
    struct api_call *call = user;
    struct api *api = call->api;
    const struct operation *row = &ecs_operations[call->operation];
    struct arena scratch = ARENA_INIT; // the client copies what it needs
    struct http_header headers[CLIENT_HEAD_MAX];
    struct http_call_options options = {
        .method = STR("POST"),
        .target = api->endpoint.path,
        .body = call->body,
        .connect_ms = CONNECT_MS,
        .total_ms = CALL_MS,
        .handler = &handler,
        .user = call,
    };
    size_t n = client_head(api->crypto, &call->identity, &api->endpoint,
                           client_target(&scratch, row), call->body, &scratch, headers);

    options.headers = headers + 1; // the client adds Host itself
    options.headers_n = n - 1;
    call->attempts_left--;
    call->http = http_client_send(api->client, &options);
    arena_deinit(&scratch);
}

static struct api_call *prepare(struct api *api, enum ecs_operation operation, const void *request,
                                unsigned attempts, api_done_fn *done, void *user)
{
    struct api_call *call = mem_zalloc(sizeof *call);
    BUF_AUTO struct buf body = BUF_INIT;

    ASSERT(attempts > 0);
    call->api = api;
    call->operation = operation;
    codec_encode(&body, ecs_operations[operation].request, request);
    call->body = str_copy(&call->arena, buf_str(&body));
    call->attempts_left = attempts;
    call->pause_ms = PAUSE_FIRST_MS;
    call->done = done;
    call->user = user;
    loop_timer_init(&call->again, api->loop, call_attempt, call);
    list_push_back(&api->calls, &call->in_api);
    return call;
}

struct api_call *api_send(struct api *api, enum ecs_operation operation, const void *request,
                          unsigned attempts, api_done_fn *done, void *user)
{
    struct api_call *call = prepare(api, operation, request, attempts, done, user);

    call->identity = api->identity;
    call_attempt(call);
    return call;
}

struct api_call *api_send_as(struct api *api, const struct credentials *credentials,
                             enum ecs_operation operation, const void *request, unsigned attempts,
                             api_done_fn *done, void *user)
{
    struct api_call *call = prepare(api, operation, request, attempts, done, user);

    call->identity = (struct client_identity){
        .region = api->identity.region,
        .credentials = copy_credentials(&call->arena, credentials),
    };
    call_attempt(call);
    return call;
}
