// AWS JSON 1.1: what stands between a request and its operation.
//
// The order of the checks is fixed: signature, target, body (source: ecs-behaviour-api 1.4). Each
// failure is an answer of its own; whatever is said, it carries a request id. Limits of members are
// not looked at here, they are the operation's.
//
// Refused: calls beyond calls_max unanswered ones or calls_bytes_max bytes of bodies, with 503,
// before anything is spent on them; bodies in a content coding, for there is none in this protocol.

#include "server/api.h"

#include "base/arena.h"
#include "base/id.h"
#include "base/log.h"
#include "io/clock.h"
#include "io/entropy.h"
#include "server/auth.h"
#include "server/intake.h"
#include "server/metrics.h"
#include "wire/codec.h"
#include "wire/crypto.h"

#define TARGET_PREFIX STR("AmazonEC2ContainerServiceV20141113.")
#define CONTENT_TYPE  STR("application/x-amz-json-1.1")

void api_init(struct api *api, const struct api_config *config)
{
    *api = (struct api){.config = *config, .body = BUF_INIT};
    rng_init(&api->rng, config->seed);
}

void api_deinit(struct api *api)
{
    buf_deinit(&api->body);
}

// ---- replying

static void send(struct http_exchange *exchange, int status, struct str request_id, struct str body)
{
    const struct http_header headers[] = {
        {STR("x-amzn-RequestId"), request_id},
        {STR("Content-Type"), CONTENT_TYPE},
    };

    http_reply(exchange, &(struct http_response){
                             .status = status, .headers = headers, .headers_n = 2, .body = body});
}

static void note(struct api *api, enum ecs_operation operation, enum ecs_error error,
                 struct str request_id, int64_t started_us)
{
    int64_t us = clock_monotonic_us() - started_us;

    metrics_call(api->config.metrics, operation, error, us);
    LOG_DEBUG("call",
              LOG_STR("operation", operation != ECS_OPERATION_NONE ? ecs_operations[operation].name
                                                                   : STR("none")),
              LOG_STR("outcome", error != ECS_ERROR_NONE ? ecs_errors[error].name : STR("ok")),
              LOG_INT("us", us), LOG_STR("request_id", request_id));
}

// What is known of a request before it is a call.
struct arrival {
    struct http_exchange *exchange;
    const struct http_request *request;
    struct arena *arena;
    struct str request_id;
    int64_t started_us;
    enum ecs_operation operation;
    struct caller caller;
};

static void refuse(struct api *api, const struct arrival *arrival, enum ecs_error error,
                   struct str message)
{
    note(api, arrival->operation, error, arrival->request_id, arrival->started_us);
    buf_clear(&api->body);
    codec_encode_error(&api->body, &ecs_errors[error], message, NULL);
    send(arrival->exchange, ecs_errors[error].status, arrival->request_id, buf_str(&api->body));
}

static enum ecs_error error_named(struct str name)
{
    for (int error = 1; error < ECS_ERROR_N; error++) {
        if (str_eq(ecs_errors[error].name, name))
            return (enum ecs_error)error;
    }
    return ECS_ERROR_INVALID_SIGNATURE_EXCEPTION;
}

void api_refusal(struct api *api, int status, struct str detail, struct arena *arena,
                 struct http_response *out)
{
    BUF_AUTO struct buf body = BUF_INIT;
    struct http_header *headers = arena_array(arena, struct http_header, 2);
    enum ecs_error error = ECS_ERROR_MALFORMED_HTTP_REQUEST_EXCEPTION;

    if (status == 413)
        error = ECS_ERROR_REQUEST_ENTITY_TOO_LARGE_EXCEPTION;
    else if (status == 408)
        error = ECS_ERROR_REQUEST_TIMEOUT_EXCEPTION;
    else if (status == 503)
        error = ECS_ERROR_SERVICE_UNAVAILABLE;
    codec_encode_error(&body, &ecs_errors[error], detail, NULL);
    headers[0] = (struct http_header){STR("x-amzn-RequestId"), id_uuid(arena, &api->rng)};
    headers[1] = (struct http_header){STR("Content-Type"), CONTENT_TYPE};
    *out = (struct http_response){
        .status = status,
        .headers = headers,
        .headers_n = 2,
        .body = str_copy(arena, buf_str(&body)),
    };
}

// ---- from a request to a call

// The table is in the order of the names.
static enum ecs_operation operation_named(struct str name)
{
    int low = 1;
    int high = ECS_OPERATION_N;

    while (low < high) {
        int mid = low + (high - low) / 2;
        int order = str_cmp(name, ecs_operations[mid].name);
        if (order == 0)
            return (enum ecs_operation)mid;
        if (order < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return ECS_OPERATION_NONE;
}

static enum ecs_operation operation_of(const struct http_request *request)
{
    struct str target;

    if (!str_eq(request->method, STR("POST")) ||
        !http_header_get(request->headers, request->headers_n, STR("x-amz-target"), &target) ||
        !str_starts(target, TARGET_PREFIX))
        return ECS_OPERATION_NONE;
    return operation_named(str_from(target, TARGET_PREFIX.len));
}

static bool is_coded(const struct http_request *request)
{
    struct str coding;

    return http_header_get(request->headers, request->headers_n, STR("content-encoding"),
                           &coding) &&
           coding.len > 0 && !str_eq_nocase(coding, STR("identity"));
}

static bool is_host(struct str host)
{
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        bool is_alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_alnum && !str_has_char(STR(".-_:[]"), c))
            return false;
    }
    return host.len > 0 && host.len < 256;
}

// Whoever is to connect to us is sent to where this one found us.
static struct str host_of(const struct api *api, const struct arrival *arrival)
{
    struct str host;

    if (!http_header_get(arrival->request->headers, arrival->request->headers_n, STR("host"),
                         &host) ||
        !is_host(host))
        host = api->config.address;
    return host;
}

static void set_endpoints(const struct api *api, const struct arrival *arrival, struct call *call)
{
    struct str host = host_of(api, arrival);

    call->acs_endpoint =
        str_fmt(arrival->arena, "%.*s://%.*s/acs", STR_ARGS(api->config.scheme), STR_ARGS(host));
    call->tcs_endpoint =
        str_fmt(arrival->arena, "%.*s://%.*s/tcs", STR_ARGS(api->config.scheme), STR_ARGS(host));
}

static struct str entropy_hex(struct arena *arena, size_t bytes)
{
    BUF_AUTO struct buf hex = BUF_INIT;
    unsigned char raw[32];

    entropy_fill(raw, bytes);
    hex_encode(&hex, raw, bytes);
    return str_copy(arena, buf_str(&hex));
}

// The secret is drawn here, since what the core draws can be guessed.
static void set_ticket(const struct api *api, const struct arrival *arrival, struct call *call)
{
    struct str digits = entropy_hex(arrival->arena, 9);
    const char *scheme = str_eq(api->config.scheme, STR("https")) ? "wss" : "ws";

    call->exec = (struct exec_ticket){
        .endpoint = str_fmt(arrival->arena, "%s://%.*s", scheme, STR_ARGS(host_of(api, arrival))),
        .session = str_fmt(arrival->arena, "ecs-execute-command-%.17s", digits.ptr),
        .token = entropy_hex(arrival->arena, 32),
    };
}

static void enqueue(struct api *api, const struct arrival *arrival, const void *in,
                    const struct shape_unknown *unknowns)
{
    struct call *call = arena_new(arrival->arena, struct call);

    *call = (struct call){
        .input = {.kind = INPUT_CALL},
        .exchange = arrival->exchange,
        .arena = arrival->arena,
        .operation = arrival->operation,
        .caller = arrival->caller,
        .request_id = arrival->request_id,
        .request = in,
        .unknowns = unknowns,
        .body_len = arrival->request->body.len,
        .started_us = arrival->started_us,
    };
    if (arrival->operation == ECS_OPERATION_DISCOVER_POLL_ENDPOINT)
        set_endpoints(api, arrival, call);
    if (arrival->operation == ECS_OPERATION_EXECUTE_COMMAND)
        set_ticket(api, arrival, call);
    api->calls++;
    api->calls_bytes += call->body_len;
    intake_add(api->config.intake, &call->input);
}

static void decode(struct api *api, const struct arrival *arrival)
{
    const struct shape *shape = ecs_operations[arrival->operation].request;
    struct str body = arrival->request->body;
    void *in = arena_alloc(arrival->arena, shape->size);
    struct codec_report report = {0};
    int outcome;

    if (str_trim(body).len == 0)
        body = STR("{}");
    outcome = codec_decode(arrival->arena, shape, body, NULL, in, &report);
    if (outcome == 0)
        enqueue(api, arrival, in, report.unknowns);
    else if (outcome > 0)
        refuse(api, arrival, ECS_ERROR_SERIALIZATION_EXCEPTION, report.message);
    else
        refuse(api, arrival, ECS_ERROR_INTERNAL_FAILURE, STR_NONE);
}

static bool has_room(const struct api *api, const struct http_request *request)
{
    return !api->closed && api->calls < api->config.calls_max &&
           api->calls_bytes + request->body.len <= api->config.calls_bytes_max;
}

void api_request(struct api *api, struct http_exchange *exchange,
                 const struct http_request *request)
{
    struct sigv4_error error = {0};
    struct arrival arrival = {
        .exchange = exchange,
        .request = request,
        .arena = http_exchange_arena(exchange),
        .started_us = clock_monotonic_us(),
    };

    arrival.request_id = id_uuid(arrival.arena, &api->rng);
    if (!has_room(api, request)) {
        refuse(api, &arrival, ECS_ERROR_SERVICE_UNAVAILABLE,
               STR("Too many calls are waiting. Please try again later."));
        return;
    }
    if (auth_check(api->config.auth, request, clock_wall_ms(), arrival.arena, &arrival.caller,
                   &error) != 0) {
        refuse(api, &arrival, error_named(error.type), error.message);
        return;
    }
    arrival.operation = operation_of(request);
    if (arrival.operation == ECS_OPERATION_NONE)
        refuse(api, &arrival, ECS_ERROR_UNKNOWN_OPERATION_EXCEPTION, STR_NONE);
    else if (is_coded(request))
        refuse(api, &arrival, ECS_ERROR_MALFORMED_HTTP_REQUEST_EXCEPTION,
               STR("The body has a content encoding; send it plain."));
    else
        decode(api, &arrival);
}

// ---- from a decided call to a reply

static enum ecs_error write_answer(struct api *api, const struct call *call)
{
    struct ecs_conflict_exception conflict = {0};
    bool is_conflict = call->error.kind == ECS_ERROR_CONFLICT_EXCEPTION;

    switch (call->verdict) {
    case VERDICT_DONE:
        codec_encode(&api->body, ecs_operations[call->operation].reply, call->reply);
        return ECS_ERROR_NONE;
    case VERDICT_FAILED:
        if (is_conflict)
            SET(&conflict, resource_ids, call->error.resource_ids);
        codec_encode_error(&api->body, &ecs_errors[call->error.kind], call->error.message,
                           is_conflict ? &conflict : NULL);
        return call->error.kind;
    case VERDICT_NONE:
    case VERDICT_UNAVAILABLE: break;
    }
    codec_encode_error(&api->body, &ecs_errors[ECS_ERROR_SERVER_EXCEPTION], INPUT_UNAVAILABLE_TEXT,
                       NULL);
    return ECS_ERROR_SERVER_EXCEPTION;
}

void api_answer(struct api *api, struct call *call)
{
    enum ecs_error error;

    api->calls--;
    api->calls_bytes -= call->body_len;
    buf_clear(&api->body);
    error = write_answer(api, call);
    note(api, call->operation, error, call->request_id, call->started_us);
    send(call->exchange, error != ECS_ERROR_NONE ? ecs_errors[error].status : 200, call->request_id,
         buf_str(&api->body));
}
