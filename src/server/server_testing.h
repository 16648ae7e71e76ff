// What the server's tests stand on: a server in this process on a free loopback port, over a disk
// in memory that outlives it, and a client of plain blocking sockets.

#ifndef SERVER_SERVER_TESTING_H
#define SERVER_SERVER_TESTING_H

#include "base/buf.h"
#include "base/test.h"
#include "server/server.h"
#include "store/memory.h"
#include "wire/crypto.h"

struct rig {
    struct arena arena;
    char folder[64];
    struct memory_disk *disk;
    struct server_options options; // change before rig_start
    struct server *server;
    struct crypto *crypto;
    struct str key_id; // of the profile "default"
    struct str secret;
    struct str region; // that calls are signed for
};

int rig_setup(void **state); // not started
int rig_teardown(void **state);

void rig_start(struct rig *rig);                        // must succeed
struct str rig_fail(struct rig *rig, int want_outcome); // must not: the line a user reads
void rig_stop(struct rig *rig);

// Stores one record before the start.
void rig_put_record(struct rig *rig, size_t kind, uint64_t id, const char *json);

// A connection: blocking, and every wait ends after some seconds so that a test cannot hang.
struct line {
    int fd;
    struct buf in;
};
struct line *rig_dial(struct rig *rig);
void line_close(struct line *line);
void line_send(struct line *line, struct str bytes);
bool line_is_silent(struct line *line); // nothing has arrived so far
bool line_is_ended(struct line *line);  // the server has closed it, and nothing is left

struct answer {
    int status;
    struct str head; // status line and headers
    struct str body;
};
struct answer line_answer(struct rig *rig, struct line *line);
struct str answer_header(const struct answer *answer, const char *name); // empty: none

// A signed POST of an operation.
struct str rig_request(struct rig *rig, const char *operation, const char *body);
struct answer rig_call(struct rig *rig, const char *operation, const char *body);
struct answer rig_send(struct rig *rig, const char *request); // on a connection of its own
struct answer rig_get(struct rig *rig, const char *path);
void rig_await_healthy(struct rig *rig);

// Websockets.
struct str rig_handshake(struct rig *rig, const char *target); // signed
struct str line_frame(struct rig *rig, struct line *line);     // text; of a close "close <code>"
void line_say(struct line *line, const char *text);

#define EXPECT_ANSWER(got, want_status, want_body)                                                 \
    answer_expect((got), (want_status), (want_body), __FILE__, __LINE__)
void answer_expect(struct answer got, int status, const char *body, const char *file, int line);

#endif
