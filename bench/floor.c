// bench-floor: what this machine can do at best, without Gantry, to hold its figures against.
//
//     bench-floor http --port 7500        answers every request with the same reply, by bare epoll
//     bench-floor sqlite FILE --batch 64  inserts records of 500 bytes, a transaction a batch,
//     synced bench-floor sync FILE               appends 4 KiB and syncs
//
// The last two run for a second and print one line of JSON; the first until it is killed.

#include <fcntl.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"
#include "bench/flags.h"
#include "io/clock.h"
#include "io/file.h"
#include "io/socket.h"

enum { SECOND_US = 1000000, RECORD_BYTES = 500, BLOCK_BYTES = 4096, BODY_BYTES = 342 };

struct plan {
    int64_t port;
    int64_t batch;
};

// ---- HTTP: a request is taken to be whole when its bytes arrive, which holds for small ones

static void answer(int fd, const char *reply, size_t len)
{
    char request[16384];
    ssize_t n = recv(fd, request, sizeof request, 0);

    if (n <= 0) {
        close(fd);
        return;
    }
    n = send(fd, reply, len, MSG_NOSIGNAL);
    ASSERT(n == (ssize_t)len);
}

static void watch(int epoll, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    int rc = epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);

    ASSERT(rc == 0);
}

static void serve(const struct plan *plan)
{
    char reply[1024];
    int len = snprintf(reply, sizeof reply,
                       "HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\n"
                       "Content-Length: %d\r\n\r\n%0*d",
                       BODY_BYTES, BODY_BYTES, 0);
    struct socket_address address;
    struct socket_address peer;
    struct epoll_event events[256];
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    int listener = -1;
    int fd;

    ASSERT(socket_address_ip(STR("127.0.0.1"), (uint16_t)plan->port, &address));
    ASSERT(socket_listen(&address, 1024, &listener) == 0);
    watch(epoll, listener);
    for (;;) {
        int n = epoll_wait(epoll, events, 256, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.fd != listener)
                answer(events[i].data.fd, reply, (size_t)len);
            else if (socket_accept(listener, &fd, &peer) == 0)
                watch(epoll, fd);
        }
    }
}

// ---- SQLite, set as our store sets it

static void sql(sqlite3 *db, const char *text)
{
    ASSERT_SAY(sqlite3_exec(db, text, NULL, NULL, NULL) == SQLITE_OK, "%s: %s", text,
               sqlite3_errmsg(db));
}

static void insert(const char *path, const struct plan *plan)
{
    char value[RECORD_BYTES];
    sqlite3 *db;
    sqlite3_stmt *put;
    int64_t records = 0;
    int64_t started_us;

    memset(value, 'x', sizeof value);
    ASSERT(sqlite3_open(path, &db) == SQLITE_OK);
    sql(db, "PRAGMA page_size=8192");
    sql(db, "PRAGMA journal_mode=WAL");
    sql(db, "PRAGMA synchronous=FULL");
    sql(db, "PRAGMA locking_mode=EXCLUSIVE");
    sql(db, "CREATE TABLE record(id INTEGER PRIMARY KEY, value TEXT)");
    ASSERT(sqlite3_prepare_v2(db, "INSERT INTO record(value) VALUES(?)", -1, &put, NULL) ==
           SQLITE_OK);
    started_us = clock_monotonic_us();
    while (clock_monotonic_us() - started_us < SECOND_US) {
        sql(db, "BEGIN");
        for (int64_t i = 0; i < plan->batch; i++, records++) {
            sqlite3_bind_text(put, 1, value, sizeof value, SQLITE_STATIC);
            ASSERT(sqlite3_step(put) == SQLITE_DONE);
            sqlite3_reset(put);
        }
        sql(db, "COMMIT");
    }
    printf("{\"floor\":\"sqlite\",\"batch\":%" PRId64 ",\"per_s\":%.0f}\n", plan->batch,
           (double)records * 1e6 / (double)(clock_monotonic_us() - started_us));
    sqlite3_finalize(put);
    sqlite3_close(db);
}

// ---- the disk

static void append(const char *path)
{
    static const char block[BLOCK_BYTES];
    FD_AUTO int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    int64_t started_us = clock_monotonic_us();
    int64_t n = 0;

    ASSERT(fd >= 0);
    for (; clock_monotonic_us() - started_us < SECOND_US; n++) {
        ASSERT(write(fd, block, sizeof block) == (ssize_t)sizeof block);
        ASSERT(fdatasync(fd) == 0);
    }
    printf("{\"floor\":\"sync\",\"per_s\":%.0f}\n",
           (double)n * 1e6 / (double)(clock_monotonic_us() - started_us));
}

int main(int argc, char **argv)
{
    static const char usage[] = "http|sqlite FILE|sync FILE [FLAGS]";
    struct plan plan = {.port = 7500, .batch = 1};
    const struct flag flags[] = {
        {.name = "--port", .number = &plan.port, .help = "of http, on 127.0.0.1 (7500)"},
        {.name = "--batch", .number = &plan.batch, .help = "records a transaction (1)"},
        {0},
    };
    int words = flags_parse(argc, argv, flags, usage);

    if (words == 2 && strcmp(argv[1], "http") == 0)
        serve(&plan);
    else if (words == 3 && strcmp(argv[1], "sqlite") == 0)
        insert(argv[2], &plan);
    else if (words == 3 && strcmp(argv[1], "sync") == 0)
        append(argv[2]);
    else
        flags_fail(flags, usage, argv[0]);
    return 0;
}
