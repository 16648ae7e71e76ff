// See puppet_testing.h.

#include "agent/puppet_testing.h"

#include "io/clock.h"
#include "io/socket.h"

enum { AWAIT_MS = 10 * 1000 };

static void on_message(void *user, struct str bytes, bool is_text)
{
    struct puppet *puppet = user;

    (void)is_text;
    buf_add_str(&puppet->messages, bytes);
    buf_add_char(&puppet->messages, '\n');
    puppet->messages_n++;
}

static void on_close(void *user, int code, struct str reason)
{
    struct puppet *puppet = user;

    (void)reason;
    puppet->closes++;
    puppet->close_code = code;
    puppet->ws = NULL;
}

static const struct ws_handler ws_handler = {.on_message = on_message, .on_close = on_close};

static void take_websocket(struct puppet *puppet, struct http_exchange *exchange)
{
    struct ws_options options = {.handler = &ws_handler, .user = puppet};
    struct http_response refusal = {.status = 400, .body = str_of(puppet->refusal)};
    const struct http_request *request = http_exchange_request(exchange);

    puppet->target = str_copy(&puppet->arena, request->target);
    if (puppet->refusal != NULL) {
        puppet->closes++;
        http_reply(exchange, &refusal);
        return;
    }
    assert_int_equal(ws_accept(exchange, &options, &puppet->ws), 0);
    puppet->opens++;
}

static struct puppet_answer *take_answer(struct puppet *puppet, struct str operation)
{
    for (size_t i = 0; i < puppet->script_n; i++) {
        struct puppet_answer *answer = &puppet->script[i];
        bool fits = answer->operation == NULL || str_eq(operation, str_of(answer->operation));
        if (fits && answer->status != 0)
            return answer;
    }
    return &puppet->otherwise;
}

static struct str registration(struct puppet *puppet, struct str body)
{
    static const char name[] = "\"attributes\":[";
    const char *from = memmem(body.ptr, body.len, name, strlen(name));
    const char *to;

    assert_non_null(from);
    to = memchr(from, ']', (size_t)(body.ptr + body.len - from));
    assert_non_null(to);
    return str_fmt(&puppet->arena,
                   "{\"containerInstance\":{\"containerInstanceArn\":\"arn:i\",%.*s}}",
                   (int)(to + 1 - from), from);
}

static void on_request(void *user, struct http_exchange *exchange,
                       const struct http_request *request)
{
    struct puppet *puppet = user;
    struct http_response response = {.status = 500};
    struct str target = STR_NONE;
    struct str ignored;
    struct str operation;
    struct puppet_answer *answer;

    if (request->wants_websocket) {
        take_websocket(puppet, exchange);
        return;
    }
    if (http_header_get(request->headers, request->headers_n, STR("X-Amz-Target"), &target))
        assert_true(str_cut(target, '.', &ignored, &operation));
    else
        operation = request->target;
    if (http_header_get(request->headers, request->headers_n, STR("Authorization"), &target)) {
        puppet->authorization = str_copy(&puppet->arena, target);
        buf_printf(&puppet->signatures, "%.*s\n", STR_ARGS(target));
    }
    puppet->body = str_copy(&puppet->arena, request->body);
    buf_add_str(&puppet->bodies, request->body);
    buf_printf(&puppet->operations, "%.*s ", STR_ARGS(operation));
    puppet->calls++;
    answer = take_answer(puppet, operation);
    if (puppet->registers && str_eq(operation, STR("RegisterContainerInstance")))
        response =
            (struct http_response){.status = 200, .body = registration(puppet, request->body)};
    else if (answer->status != 0)
        response = (struct http_response){.status = answer->status, .body = str_of(answer->body)};
    if (answer != &puppet->otherwise)
        answer->status = 0; // used up
    http_reply(exchange, &response);
}

static const struct http_server_handler handler = {.on_request = on_request};

void puppet_open(struct puppet *puppet)
{
    struct socket_address address;
    struct str why = STR_NONE;
    int fd = -1;

    *puppet = (struct puppet){0};
    assert_int_equal(loop_open(&puppet->loop), 0);
    assert_true(socket_address_ip(STR("127.0.0.1"), 0, &address));
    assert_int_equal(socket_listen(&address, 16, &fd), 0);
    assert_int_equal(socket_local(fd, &address), 0);
    puppet->server = http_server_new(puppet->loop, NULL, &handler, puppet);
    assert_int_equal(http_server_listen(puppet->server, fd, NULL), 0);
    puppet->url = str_fmt(&puppet->arena, "http://127.0.0.1:%u", socket_address_port(&address));
    puppet->config = (struct agent_config){
        .endpoint = puppet->url,
        .region = STR("us-east-1"),
        .engine = engine_settings_default(),
    };
    puppet->config.engine.cluster = STR("default");
    puppet->api = api_new(puppet->loop, &puppet->config, &puppet->arena, &why);
    assert_non_null(puppet->api);
}

void puppet_close(struct puppet *puppet)
{
    api_free(puppet->api);
    ws_abort(puppet->ws);
    http_server_free(puppet->server);
    loop_close(puppet->loop);
    buf_deinit(&puppet->operations);
    buf_deinit(&puppet->bodies);
    buf_deinit(&puppet->signatures);
    buf_deinit(&puppet->messages);
    arena_deinit(&puppet->arena);
}

void puppet_will_answer(struct puppet *puppet, const char *operation, int status, const char *body)
{
    assert_true(puppet->script_n < PUPPET_SCRIPT_MAX);
    puppet->script[puppet->script_n++] =
        (struct puppet_answer){.operation = operation, .status = status, .body = body};
}

void puppet_say(struct puppet *puppet, const char *text)
{
    assert_int_equal(ws_send_text(puppet->ws, str_of(text)), 0);
}

void puppet_await(struct puppet *puppet, const int *count, int want)
{
    int64_t give_up_ms = clock_monotonic_ms() + AWAIT_MS;

    while (*count < want && clock_monotonic_ms() < give_up_ms)
        loop_run_once(puppet->loop, 5);
    assert_true(*count >= want);
}

void puppet_settle(struct puppet *puppet)
{
    for (int i = 0; i < 50; i++)
        loop_run_once(puppet->loop, 0);
}

bool puppet_has(struct str all, const char *text)
{
    return all.len > 0 && memmem(all.ptr, all.len, text, strlen(text)) != NULL;
}
