// See server_testing.h.

#include "server/server_testing.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "io/clock.h"
#include "io/file.h"
#include "io/socket.h"
#include "server/credentials.h"
#include "server/recover.h"
#include "wire/http.h"
#include "wire/sigv4.h"

enum { PATIENCE_S = 20 };

static void drop_line(struct str line, void *user)
{
    (void)line;
    (void)user;
}

int rig_setup(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);

    signal(SIGPIPE, SIG_IGN);
    if (getenv("GANTRY_TEST_LOG") == NULL)
        log_configure((struct log_config){.lowest = LOG_LEVEL_ERROR, .sink = drop_line});
    snprintf(rig->folder, sizeof rig->folder, "/tmp/server_test.XXXXXX");
    if (mkdtemp(rig->folder) == NULL)
        return -1;
    rig->disk = memory_disk_new();
    rig->crypto = crypto_new();
    rig->region = STR("us-east-1");
    rig->options = server_options_default;
    rig->options.listen = STR("127.0.0.1:0");
    rig->options.data_dir = rig->folder;
    rig->options.store = SERVER_STORE_MEMORY;
    rig->options.memory_disk = rig->disk;
    rig->options.probe_ms = 1;
    *state = rig;
    return 0;
}

int rig_teardown(void **state)
{
    struct rig *rig = *state;
    static const char *const names[] = {"credentials", "server.db", "server.db-wal"};

    memory_disk_hold(rig->disk, false);
    rig_stop(rig);
    for (size_t i = 0; i < 3; i++)
        remove(str_cstr(&rig->arena, str_fmt(&rig->arena, "%s/%s", rig->folder, names[i])));
    rmdir(rig->folder);
    memory_disk_free(rig->disk);
    crypto_free(rig->crypto);
    arena_deinit(&rig->arena);
    free(rig);
    return 0;
}

static void read_key(struct rig *rig)
{
    const char *path = str_cstr(&rig->arena, str_fmt(&rig->arena, "%s/credentials", rig->folder));
    struct credentials *credentials;
    struct str detail;

    assert_int_equal(
        credentials_load(path, STR("aws"), STR("123456789012"), &rig->arena, &detail, &credentials),
        0);
    rig->key_id = str_copy(&rig->arena, credentials->first->key_id);
    rig->secret = str_copy(&rig->arena, credentials->first->secret);
    credentials_free(credentials);
}

void rig_start(struct rig *rig)
{
    struct str detail = STR_NONE;

    if (server_start(&rig->options, &rig->arena, &detail, &rig->server) != 0)
        fail_msg("the server does not start: %.*s", STR_ARGS(detail));
    if (rig->options.auth == SERVER_AUTH_SIGV4 || rig->key_id.len == 0)
        read_key(rig);
}

struct str rig_fail(struct rig *rig, int want_outcome)
{
    struct server *server = NULL;
    struct str detail = STR_NONE;

    assert_int_equal(server_start(&rig->options, &rig->arena, &detail, &server), want_outcome);
    assert_null(server);
    return detail;
}

void rig_stop(struct rig *rig)
{
    server_stop(rig->server);
    rig->server = NULL;
}

void rig_put_record(struct rig *rig, size_t kind, uint64_t id, const char *json)
{
    struct store_write write = {.kind = kind, .id = id, .json = str_of(json)};
    struct store *store;

    assert_int_equal(store_open_memory(rig->disk, &recover_schema, &store), 0);
    assert_int_equal(store_commit(store, &write, 1), 0);
    store_close(store);
}

// ---- connections

struct line *rig_dial(struct rig *rig)
{
    struct line *line = calloc(1, sizeof *line);
    struct timeval patience = {.tv_sec = PATIENCE_S};
    struct socket_address address;
    struct str host;
    uint16_t port;

    assert_true(socket_split(server_address(rig->server), &host, &port));
    assert_true(socket_address_ip(host, port, &address));
    line->fd = socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(line->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    assert_int_equal(connect(line->fd, (struct sockaddr *)&address.storage, address.len), 0);
    return line;
}

void line_close(struct line *line)
{
    close(line->fd);
    buf_deinit(&line->in);
    free(line);
}

void line_send(struct line *line, struct str bytes)
{
    while (bytes.len > 0) {
        ssize_t n = send(line->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (n <= 0)
            return; // the answer will tell
        bytes = str_from(bytes, (size_t)n);
    }
}

bool line_is_silent(struct line *line)
{
    struct pollfd ready = {.fd = line->fd, .events = POLLIN};

    return buf_len(&line->in) == 0 && poll(&ready, 1, 0) == 0;
}

static bool read_more(struct line *line)
{
    ssize_t n = recv(line->fd, buf_reserve(&line->in, 16384), 16384, 0);

    if (n > 0)
        buf_grew(&line->in, (size_t)n);
    else if (n < 0 && errno == EAGAIN)
        fail_msg("nothing arrives");
    return n > 0;
}

bool line_is_ended(struct line *line)
{
    return buf_len(&line->in) == 0 && !read_more(line);
}

static void need(struct line *line, size_t len)
{
    while (buf_len(&line->in) < len) {
        if (!read_more(line))
            fail_msg("the connection ends too early");
    }
}

static struct str take(struct rig *rig, struct line *line, size_t len)
{
    struct str bytes;

    need(line, len);
    bytes = str_copy(&rig->arena, str_take(buf_str(&line->in), len));
    buf_consume(&line->in, len);
    return bytes;
}

// ---- answers

struct str answer_header(const struct answer *answer, const char *name)
{
    struct str rest = answer->head;
    struct str line;

    while (str_cut(rest, '\n', &line, &rest)) {
        struct str key;
        struct str value;
        if (str_cut(line, ':', &key, &value) && str_eq_nocase(key, str_of(name)))
            return str_trim(value);
    }
    return STR_NONE;
}

static struct str take_head(struct rig *rig, struct line *line)
{
    for (;;) {
        struct str in = buf_str(&line->in);
        const char *end = in.len > 0 ? memmem(in.ptr, in.len, "\r\n\r\n", 4) : NULL;
        if (end != NULL)
            return take(rig, line, (size_t)(end - in.ptr) + 4);
        if (!read_more(line))
            fail_msg("the connection ends without an answer");
    }
}

struct answer line_answer(struct rig *rig, struct line *line)
{
    struct answer answer = {.head = take_head(rig, line)};
    int64_t number = 0;

    assert_true(str_starts(answer.head, STR("HTTP/1.1 ")));
    assert_true(str_to_i64(str_take(str_from(answer.head, 9), 3), &number));
    answer.status = (int)number;
    if (answer.status != 101) {
        assert_true(str_to_i64(answer_header(&answer, "content-length"), &number));
        answer.body = take(rig, line, (size_t)number);
    }
    return answer;
}

void answer_expect(struct answer got, int status, const char *body, const char *file, int line)
{
    if (got.status == status && str_eq(got.body, str_of(body)))
        return;
    print_error("%s:%d:\n got  %d %.*s\n want %d %s\n", file, line, got.status, STR_ARGS(got.body),
                status, body);
    _fail(file, line);
}

// ---- requests

static void add_headers(struct buf *out, const struct http_header *headers, size_t n)
{
    for (size_t i = 0; i < n; i++)
        http_write_header(out, headers[i].name, headers[i].value);
}

static struct str signed_request(struct rig *rig, struct str method, struct str target,
                                 const struct http_header *headers, size_t headers_n,
                                 const struct http_header *unsigned_headers, size_t unsigned_n,
                                 struct str body)
{
    BUF_AUTO struct buf text = BUF_INIT;
    struct http_header added[SIGV4_ADDED];
    struct sigv4_request request = {
        .method = method, .headers = headers, .headers_n = headers_n, .body = body};
    struct sigv4_credentials credentials = {.key_id = rig->key_id, .secret = rig->secret};
    struct sigv4_scope scope = {
        .region = rig->region, .service = STR("ecs"), .now = clock_wall_ms()};
    size_t added_n;

    str_cut(target, '?', &request.path, &request.query);
    added_n = sigv4_sign(rig->crypto, &request, &credentials, &scope, &rig->arena, added);
    buf_printf(&text, "%.*s %.*s HTTP/1.1\r\n", STR_ARGS(method), STR_ARGS(target));
    add_headers(&text, headers, headers_n);
    add_headers(&text, added, added_n);
    add_headers(&text, unsigned_headers, unsigned_n);
    buf_printf(&text, "\r\n%.*s", STR_ARGS(body));
    return str_copy(&rig->arena, buf_str(&text));
}

struct str rig_request(struct rig *rig, const char *operation, const char *body)
{
    struct http_header headers[] = {
        {STR("Host"), server_address(rig->server)},
        {STR("Content-Type"), STR("application/x-amz-json-1.1")},
        {STR("X-Amz-Target"),
         str_fmt(&rig->arena, "AmazonEC2ContainerServiceV20141113.%s", operation)},
    };
    struct http_header length[] = {
        {STR("Content-Length"), str_fmt(&rig->arena, "%zu", strlen(body))}};

    return signed_request(rig, STR("POST"), STR("/"), headers, 3, length, 1, str_of(body));
}

struct answer rig_send(struct rig *rig, const char *request)
{
    struct line *line = rig_dial(rig);
    struct answer answer;

    line_send(line, str_of(request));
    answer = line_answer(rig, line);
    line_close(line);
    return answer;
}

struct answer rig_call(struct rig *rig, const char *operation, const char *body)
{
    return rig_send(rig, str_cstr(&rig->arena, rig_request(rig, operation, body)));
}

struct answer rig_get(struct rig *rig, const char *path)
{
    return rig_send(
        rig, str_cstr(&rig->arena,
                      str_fmt(&rig->arena, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path)));
}

void rig_await_healthy(struct rig *rig)
{
    int64_t until_ms = clock_monotonic_ms() + PATIENCE_S * 1000;

    while (rig_get(rig, "/healthz").status != 200)
        assert_true(clock_monotonic_ms() < until_ms);
}

// ---- websockets

struct str rig_handshake(struct rig *rig, const char *target)
{
    struct http_header headers[] = {{STR("Host"), server_address(rig->server)}};
    struct http_header upgrade[] = {
        {STR("Connection"), STR("Upgrade")},
        {STR("Upgrade"), STR("websocket")},
        {STR("Sec-WebSocket-Version"), STR("13")},
        {STR("Sec-WebSocket-Key"), STR("AAECAwQFBgcICQoLDA0ODw==")},
    };

    return signed_request(rig, STR("GET"), str_of(target), headers, 1, upgrade, 4, STR_NONE);
}

// Of a server: unmasked, not fragmented. Pings are skipped.
struct str line_frame(struct rig *rig, struct line *line)
{
    for (;;) {
        struct str head = take(rig, line, 2);
        int opcode = head.ptr[0] & 0x0f;
        size_t len = (unsigned char)head.ptr[1];
        struct str payload;
        if (len == 126) {
            head = take(rig, line, 2);
            len = (size_t)((unsigned char)head.ptr[0] << 8) + (unsigned char)head.ptr[1];
        }
        assert_true(len <= 65535);
        payload = take(rig, line, len);
        if (opcode == 8)
            return str_fmt(&rig->arena, "close %d",
                           ((unsigned char)payload.ptr[0] << 8) + (unsigned char)payload.ptr[1]);
        if (opcode == 1)
            return payload;
    }
}

// Masked, as a client must, with a mask of zeros.
void line_say(struct line *line, const char *text)
{
    BUF_AUTO struct buf frame = BUF_INIT;
    size_t len = strlen(text);

    buf_add_char(&frame, (char)0x81);
    if (len < 126) {
        buf_add_char(&frame, (char)(0x80 | len));
    } else {
        buf_add_char(&frame, (char)(0x80 | 126));
        buf_add_char(&frame, (char)(len >> 8));
        buf_add_char(&frame, (char)len);
    }
    buf_add(&frame, "\0\0\0\0", 4);
    buf_add(&frame, text, len);
    line_send(line, buf_str(&frame));
}
