// What the files of the Docker driver share. Nobody else includes this.
//
// docker.c keeps the calls and their deadlines; docker_request.c writes a call as an HTTP request;
// docker_reply.c reads a whole reply; docker_stream.c cuts streams into what they carry;
// docker_exec.c runs commands in containers.

#ifndef RUNTIME_DOCKER_INTERNAL_H
#define RUNTIME_DOCKER_INTERNAL_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"
#include "runtime/runtime.h"
#include "wire/http_client.h"

struct docker {
    struct runtime base;
    struct loop *loop;
    struct http_client *client;
    runtime_post_fn *post;
    void *user;
    struct list calls; // struct docker_call.in_driver
    struct list execs; // struct runtime_exec.in_driver
};

void docker_execs_drop(struct docker *docker); // all of them

struct docker_request {
    struct str method;
    struct str target;
    struct str body;
    struct http_header headers[2];
    size_t headers_n;
};

// False: a kind of call that no Docker Engine answers. Everything lives in the arena.
bool docker_request_write(struct arena *arena, const struct host_call *call,
                          struct docker_request *out);

// "name:tag" for /images/create; a digest or the missing tag included.
struct docker_reference {
    struct str repository;
    struct str tag; // "latest", or "sha256:..."
};
struct docker_reference docker_reference_split(struct str image);

// Fills the result of a call that was answered whole, whatever the status.
void docker_reply_read(struct arena *arena, const struct host_call *call,
                       const struct http_answer *answer, struct host_result *out);

// An error result.
void docker_reply_error(struct arena *arena, enum host_error_class class, struct str text,
                        struct host_result *out);

// "Error response from daemon: <message>" out of an error's body.
struct str docker_error_text(struct arena *arena, struct str body);

// Lines of JSON: appends `piece`, then calls `fn` for each complete line.
typedef void docker_line_fn(void *user, struct str line);
void docker_lines_feed(struct buf *pending, struct str piece, docker_line_fn *fn, void *user);

// One line of /events; false when it is nothing the agent wants to know.
bool docker_event_read(struct arena *arena, struct str line, struct host_event *out);

// The frames in which the engine wraps the output of a container without a terminal.
struct docker_frames {
    struct buf pending;
    bool decided; // whether there are frames at all
    bool framed;
};
typedef void docker_log_fn(void *user, enum runtime_stream stream, struct str bytes);
void docker_frames_feed(struct docker_frames *frames, struct str piece, docker_log_fn *fn,
                        void *user);

#endif
