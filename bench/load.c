// bench-load: a closed loop of calls against a running server, cheap enough to share its
// processors.
//
// Every connection has one request under way and sends the next when the reply is whole. Requests
// are rendered and signed before the clock starts (a signature stays good for minutes), so a
// request costs this program one send, one or two receives and a histogram entry; its own processor
// time is printed beside the result, and that of the server when its process is named. Replies are
// checked for their status and their length, not read. A run with errors is no measurement: they
// are counted and the first is shown.
//
//     bench-load DescribeTasks --port 7420 --keys DATA/credentials --bodies bodies.jsonl
//     --connections 64

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "api/ecs.h"
#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"
#include "base/mem.h"
#include "bench/flags.h"
#include "bench/histogram.h"
#include "client/signing.h"
#include "io/file.h"
#include "io/socket.h"
#include "wire/crypto.h"
#include "wire/tls.h"

enum {
    SCRATCH_BYTES = 256 * 1024,
    HEAD_MAX = 8192,
    BODIES_MAX = 64 << 20,
    WARM_UP_MS = 300,
    SAMPLE_BYTES = 300,
};

struct settings {
    const char *operation; // its name, or "GET" or "POST"
    const char *path;      // of a GET or POST
    const char *keys;      // credentials file; NULL: unsigned
    const char *bodies;    // a request's JSON a line; NULL: {}
    const char *ca;        // NULL: plain
    int64_t port;
    int64_t connections;
    int64_t ms;
    int64_t calls;  // end after so many, without a warm-up; 0: when the time is over
    int64_t server; // process; 0: unknown
};

struct load {
    struct settings settings;
    struct arena arena;
    struct str *requests;
    size_t requests_n;
    size_t next;
    struct tls_context *tls;
    struct link *links;
    int epoll;
    int open_n;
    bool is_counting;
    struct histogram latencies;
    uint64_t answered;
    uint64_t errors;
    uint64_t bytes_in;
    char sample[SAMPLE_BYTES]; // of the first error
    char scratch[SCRATCH_BYTES];
};

// One connection.
struct link {
    struct load *load;
    int fd;
    struct tls *tls;
    uint32_t watched;   // events asked of epoll
    bool is_ready;      // TLS has shaken hands
    struct str request; // what is left to send
    int64_t sent_ns;
    char head[HEAD_MAX]; // of a reply whose head came in pieces
    size_t head_n;
    int64_t body_left; // < 0: in the head
    int status;
};

static int64_t now_ns(clockid_t clock)
{
    struct timespec t;

    return clock_gettime(clock, &t) == 0 ? (int64_t)t.tv_sec * 1000000000 + t.tv_nsec : 0;
}

// ---- requests

static struct str render(struct load *load, struct crypto *crypto,
                         const struct client_identity *identity, const struct uri *endpoint,
                         const struct operation *operation, struct str body)
{
    BUF_AUTO struct buf out = BUF_INIT;
    struct http_header headers[CLIENT_HEAD_MAX];
    size_t n;

    n = client_head(crypto, identity, endpoint, client_target(&load->arena, operation), body,
                    &load->arena, headers);
    buf_add_str(&out, STR("POST / HTTP/1.1\r\n"));
    for (size_t i = 0; i < n; i++)
        http_write_header(&out, headers[i].name, headers[i].value);
    buf_printf(&out, "Content-Length: %zu\r\n\r\n", body.len);
    buf_add_str(&out, body);
    return str_copy(&load->arena, buf_str(&out));
}

// For peers that speak something else: only what HTTP itself asks for.
static struct str render_plain(struct load *load, const char *method, struct str body)
{
    return str_fmt(&load->arena,
                   "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%" PRId64 "\r\nContent-Length: %zu\r\n\r\n"
                   "%.*s",
                   method, load->settings.path, load->settings.port, body.len, STR_ARGS(body));
}

static struct str read_bodies(struct load *load)
{
    BUF_AUTO struct buf text = BUF_INIT;

    if (load->settings.bodies == NULL)
        return STR("{}");
    ASSERT_SAY(file_read(load->settings.bodies, BODIES_MAX, &text) == 0, "cannot read %s",
               load->settings.bodies);
    return str_trim(str_copy(&load->arena, buf_str(&text)));
}

static const struct operation *operation_named(struct str name)
{
    for (int i = 1; i < ECS_OPERATION_N; i++) {
        if (str_eq(ecs_operations[i].name, name))
            return &ecs_operations[i];
    }
    fprintf(stderr, "bench-load: no operation %.*s\n", STR_ARGS(name));
    exit(2);
}

static size_t count_lines(struct str text)
{
    size_t n = 1;

    for (size_t i = 0; i < text.len; i++)
        n += text.ptr[i] == '\n';
    return n;
}

static void render_calls(struct load *load, struct str bodies)
{
    const struct operation *operation = operation_named(str_of(load->settings.operation));
    struct client_identity identity = {.region = STR("us-east-1")};
    struct crypto *crypto = crypto_new();
    struct str url = str_fmt(&load->arena, "http://127.0.0.1:%" PRId64 "/", load->settings.port);
    struct uri endpoint;

    ASSERT(uri_parse(&load->arena, url, &endpoint));
    if (load->settings.keys != NULL)
        ASSERT_SAY(credentials_read(&load->arena, load->settings.keys, STR("default"),
                                    &identity.credentials),
                   "no keys in %s", load->settings.keys);
    while (bodies.len > 0) {
        struct str body;
        str_cut(bodies, '\n', &body, &bodies);
        load->requests[load->requests_n++] =
            render(load, crypto, &identity, &endpoint, operation, body);
    }
    crypto_free(crypto);
}

static void render_all(struct load *load)
{
    const char *what = load->settings.operation;
    struct str bodies = read_bodies(load);

    load->requests = arena_array(&load->arena, struct str, count_lines(bodies));
    if (strcmp(what, "GET") == 0) {
        load->requests[load->requests_n++] = render_plain(load, "GET", STR_NONE);
    } else if (strcmp(what, "POST") == 0) {
        while (bodies.len > 0) {
            struct str body;
            str_cut(bodies, '\n', &body, &bodies);
            load->requests[load->requests_n++] = render_plain(load, "POST", body);
        }
    } else {
        render_calls(load, bodies);
    }
}

// ---- one connection

static void watch(struct link *link, int how, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = link};
    int rc;

    if (events == link->watched)
        return;
    link->watched = events;
    rc = epoll_ctl(link->load->epoll, how, link->fd, &event);
    ASSERT(rc == 0);
}

static void note_error(struct link *link, const char *what, struct str more)
{
    struct load *load = link->load;

    load->errors++;
    if (load->sample[0] == '\0')
        snprintf(load->sample, sizeof load->sample, "%s %.*s", what, STR_ARGS(more));
}

static void lose(struct link *link, const char *what)
{
    note_error(link, what, STR_NONE);
    tls_free(link->tls);
    link->tls = NULL;
    fd_close(&link->fd);
    link->load->open_n--;
}

// What a call to the kernel or to TLS came to: bytes moved, 0 to wait, < 0 when the link is lost.
static ssize_t tls_outcome(struct link *link, enum tls_result result, const size_t *moved)
{
    switch (result) {
    case TLS_OK: return (ssize_t)*moved;
    case TLS_WANT_READ: watch(link, EPOLL_CTL_MOD, EPOLLIN); return 0;
    case TLS_WANT_WRITE: watch(link, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT); return 0;
    case TLS_EOF:
    case TLS_BROKEN: break;
    }
    return -1;
}

static ssize_t give(struct link *link)
{
    struct str left = link->request;
    size_t moved = 0;
    ssize_t n;

    if (link->tls != NULL)
        return tls_outcome(link, tls_write(link->tls, left.ptr, left.len, &moved), &moved);
    n = send(link->fd, left.ptr, left.len, MSG_NOSIGNAL);
    if (n < 0 && errno == EAGAIN) {
        watch(link, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
        return 0;
    }
    return n;
}

static ssize_t take(struct link *link)
{
    char *room = link->load->scratch;
    size_t moved = 0;
    ssize_t n;

    if (link->tls != NULL)
        return tls_outcome(link, tls_read(link->tls, room, SCRATCH_BYTES, &moved), &moved);
    n = recv(link->fd, room, SCRATCH_BYTES, 0);
    if (n < 0 && errno == EAGAIN)
        return 0;
    return n > 0 ? n : -1;
}

static void push(struct link *link)
{
    while (link->request.len > 0) {
        ssize_t n = give(link);
        if (n < 0)
            lose(link, "the connection broke while sending");
        if (n <= 0)
            return;
        link->request = str_from(link->request, (size_t)n);
    }
}

static void ask(struct link *link)
{
    struct load *load = link->load;

    if (load->settings.calls > 0 && load->next >= (size_t)load->settings.calls)
        return; // others may still wait for theirs
    link->request = load->requests[load->next++ % load->requests_n];
    link->head_n = 0;
    link->body_left = -1;
    link->sent_ns = now_ns(CLOCK_MONOTONIC);
    push(link);
}

static void finish(struct link *link)
{
    struct load *load = link->load;

    load->answered++;
    if (load->is_counting)
        histogram_add(&load->latencies, now_ns(CLOCK_MONOTONIC) - link->sent_ns);
    ask(link);
}

// ---- replies

// The status and the length in a whole head; false when it is none.
static bool read_head(struct link *link, struct str head)
{
    int64_t length = 0;
    int64_t status;
    struct str line;

    if (head.len < 12 || !str_to_i64(str_span(head.ptr + 9, 3), &status))
        return false;
    while (str_cut(head, '\n', &line, &head)) {
        if ((line.ptr[0] | 32) == 'c' && str_starts_nocase(line, STR("Content-Length:")) &&
            !str_to_i64(str_trim(str_from(line, strlen("Content-Length:"))), &length))
            return false;
    }
    link->status = (int)status;
    link->body_left = length;
    return true;
}

// Takes a head off the front of the bytes. False: it is not whole yet, or the link is lost.
static bool eat_head(struct link *link, struct str *bytes)
{
    struct str all = *bytes;
    const char *end;
    size_t head_n;

    if (link->head_n > 0) {
        size_t room = sizeof link->head - link->head_n;
        size_t n = bytes->len < room ? bytes->len : room;
        memcpy(link->head + link->head_n, bytes->ptr, n);
        all = str_span(link->head, link->head_n + n);
    }
    end = memmem(all.ptr, all.len, "\r\n\r\n", 4);
    if (end == NULL) {
        if (all.len >= sizeof link->head) {
            lose(link, "an endless head");
            return false;
        }
        memmove(link->head, all.ptr, all.len);
        link->head_n = all.len;
        return false;
    }
    head_n = (size_t)(end - all.ptr) + 4;
    if (!read_head(link, str_take(all, head_n))) {
        lose(link, "not an HTTP reply");
        return false;
    }
    *bytes = str_from(*bytes, head_n - link->head_n);
    link->head_n = 0;
    return true;
}

static void eat(struct link *link, struct str bytes)
{
    link->load->bytes_in += bytes.len;
    if (link->body_left < 0) {
        if (!eat_head(link, &bytes))
            return;
        if (link->status != 200)
            note_error(link, link->status >= 500 ? "5xx" : "4xx", bytes);
    }
    link->body_left -= (int64_t)bytes.len;
    if (link->body_left < 0)
        lose(link, "more bytes than the reply should have");
    else if (link->body_left == 0)
        finish(link);
}

static void pull(struct link *link)
{
    for (;;) {
        ssize_t n = take(link);
        if (n < 0)
            lose(link, "the connection broke");
        if (n <= 0)
            return;
        eat(link, str_span(link->load->scratch, (size_t)n));
        if (link->fd < 0 || link->tls == NULL)
            return; // plain: epoll tells whether there is more
    }
}

static void shake_hands(struct link *link)
{
    enum tls_result result = tls_handshake(link->tls);
    size_t moved = 0;

    if (result == TLS_OK) {
        link->is_ready = true;
        watch(link, EPOLL_CTL_MOD, EPOLLIN);
        ask(link);
    } else if (tls_outcome(link, result, &moved) < 0) {
        lose(link, "TLS failed");
    }
}

static void on_ready(struct link *link, uint32_t events)
{
    if (link->fd < 0)
        return;
    if (!link->is_ready) {
        shake_hands(link);
        return;
    }
    if (events & EPOLLOUT) {
        watch(link, EPOLL_CTL_MOD, EPOLLIN);
        push(link);
    }
    if (link->fd >= 0 && (events & ~(uint32_t)EPOLLOUT))
        pull(link);
}

// ---- the whole

static void dial(struct load *load, struct link *link)
{
    struct socket_address address;

    *link = (struct link){.load = load};
    ASSERT(socket_address_ip(STR("127.0.0.1"), (uint16_t)load->settings.port, &address));
    if (socket_connect(&address, &link->fd) != 0) {
        fprintf(stderr, "bench-load: nobody listens on port %" PRId64 "\n", load->settings.port);
        exit(1);
    }
    load->open_n++;
    watch(link, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT);
    if (load->tls != NULL) {
        link->tls = tls_new(load->tls, link->fd, STR("127.0.0.1"));
        return;
    }
    link->is_ready = true;
    ask(link);
}

static bool is_over(const struct load *load)
{
    return load->settings.calls > 0 && load->answered >= (uint64_t)load->settings.calls;
}

static void serve_until(struct load *load, int64_t until_ns)
{
    struct epoll_event events[256];
    int64_t left_ns;

    while (load->open_n > 0 && !is_over(load) &&
           (left_ns = until_ns - now_ns(CLOCK_MONOTONIC)) > 0) {
        int n = epoll_wait(load->epoll, events, 256, (int)(left_ns / 1000000) + 1);
        for (int i = 0; i < n; i++)
            on_ready(events[i].data.ptr, events[i].events);
    }
}

static int64_t server_cpu_ns(const struct load *load)
{
    clockid_t clock;

    if (load->settings.server == 0 ||
        clock_getcpuclockid((pid_t)load->settings.server, &clock) != 0)
        return 0;
    return now_ns(clock);
}

static void report(const struct load *load, int64_t wall_ns, int64_t own_ns, int64_t server_ns)
{
    const struct histogram *h = &load->latencies;
    double n = h->n > 0 ? (double)h->n : 1;

    printf("{\"operation\":\"%s\",\"connections\":%" PRId64 ",\"signed\":%s,\"tls\":%s,"
           "\"requests\":%" PRIu64 ",\"errors\":%" PRIu64 ",\"per_s\":%.0f,\"p50_us\":%.1f,"
           "\"p99_us\":%.1f,\"max_us\":%.1f,\"client_cpu_us\":%.2f,\"server_cpu_us\":%.2f,"
           "\"reply_bytes\":%.0f}\n",
           load->settings.operation, load->settings.connections,
           load->settings.keys != NULL ? "true" : "false", load->tls != NULL ? "true" : "false",
           h->n, load->errors, (double)h->n * 1e9 / (double)wall_ns,
           (double)histogram_quantile(h, 0.5) / 1e3, (double)histogram_quantile(h, 0.99) / 1e3,
           (double)h->max / 1e3, (double)own_ns / 1e3 / n, (double)server_ns / 1e3 / n,
           (double)load->bytes_in / n);
    if (load->errors > 0)
        fprintf(stderr, "bench-load: %" PRIu64 " errors, the first: %s\n", load->errors,
                load->sample);
}

static void run(struct load *load)
{
    int64_t connections = load->settings.connections;
    int64_t wall;
    int64_t own;
    int64_t server;

    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    ASSERT(load->epoll >= 0);
    load->links = mem_zalloc((size_t)connections * sizeof *load->links);
    load->is_counting = load->settings.calls > 0;
    wall = now_ns(CLOCK_MONOTONIC);
    own = now_ns(CLOCK_PROCESS_CPUTIME_ID);
    server = server_cpu_ns(load);
    for (int64_t i = 0; i < connections; i++)
        dial(load, &load->links[i]);
    if (!load->is_counting) {
        serve_until(load, wall + (int64_t)WARM_UP_MS * 1000000);
        load->is_counting = true;
        load->bytes_in = 0;
        wall = now_ns(CLOCK_MONOTONIC);
        own = now_ns(CLOCK_PROCESS_CPUTIME_ID);
        server = server_cpu_ns(load);
    }
    serve_until(load, wall + load->settings.ms * 1000000);
    report(load, now_ns(CLOCK_MONOTONIC) - wall, now_ns(CLOCK_PROCESS_CPUTIME_ID) - own,
           server_cpu_ns(load) - server);
}

static void close_all(struct load *load)
{
    for (int64_t i = 0; i < load->settings.connections; i++) {
        tls_free(load->links[i].tls);
        fd_close(&load->links[i].fd);
    }
    mem_free(load->links);
    tls_context_free(load->tls);
    fd_close(&load->epoll);
    arena_deinit(&load->arena);
}

int main(int argc, char **argv)
{
    struct load *load = mem_zalloc(sizeof *load);
    struct settings *s = &load->settings;
    const struct flag flags[] = {
        {.name = "--port", .number = &s->port, .help = "of the server on 127.0.0.1"},
        {.name = "--keys", .text = &s->keys, .help = "credentials file to sign with (unsigned)"},
        {.name = "--bodies", .text = &s->bodies, .help = "file, a request's JSON a line ({})"},
        {.name = "--ca", .text = &s->ca, .help = "speak TLS, trusting this file (plain)"},
        {.name = "--connections", .number = &s->connections, .help = "(64)"},
        {.name = "--ms", .number = &s->ms, .help = "how long to measure (2000)"},
        {.name = "--calls", .number = &s->calls, .help = "end after so many (0: by --ms)"},
        {.name = "--server", .number = &s->server, .help = "process whose CPU time to tell"},
        {.name = "--path", .text = &s->path, .help = "of a GET or POST (/)"},
        {0},
    };
    struct str why;
    uint64_t errors;

    *s = (struct settings){.connections = 64, .ms = 2000, .path = "/"};
    if (flags_parse(argc, argv, flags, "OPERATION|GET|POST [FLAGS]") != 2 || s->port == 0 ||
        s->connections < 1)
        flags_fail(flags, "OPERATION|GET|POST [FLAGS]", argv[0]);
    s->operation = argv[1];
    if (s->ca != NULL && tls_context_client(s->ca, true, &load->arena, &why, &load->tls) != 0) {
        fprintf(stderr, "bench-load: %.*s\n", STR_ARGS(why));
        return 2;
    }
    render_all(load);
    run(load);
    close_all(load);
    errors = load->errors;
    mem_free(load);
    return errors > 0 ? 1 : 0;
}
