// A container runtime, as the agent sees it: calls go in, answers come back later, nothing blocks.
//
// Calls, results and events are data (api/host.idl). A driver gets a host_call, starts it and
// returns; when the answer is there it posts exactly one host_result with the call's token. Calls
// that stream (events, stats, logs) post any number of items first, and their result when the
// stream has ended. Drivers run on their loop's thread and post from it, never from inside
// runtime_driver.call.
//
// Deadlines. `deadlineMs` is on the clock of `now_ms` below; 0 means none. When it passes, the
// driver gives the call up (closes its connection) and posts class timeout. Streams have no
// deadline; `idleMs` is how long one may be silent. A pull has `beginMs` until its first progress
// line (then: class timeout, text "pullBegin"), `idleMs` between two (then: class other, for the
// next try goes on from there) and deadlineMs in all.
//
// What a call needs, and what its result carries beside token and kind:
//
//   ping                                              -
//   version                                           version
//   info                                              info
//   manifest       image, auth                        digest (of the index when the image has one)
//   pull           image, auth, beginMs, idleMs       -
//   tag            image, target                      -
//   inspect-image  image                              image
//   list-images                                       images
//   remove-image   image                              -    (class conflict: a container uses it)
//   create         name, config, hostConfig           id   (class conflict: the name is in use)
//   start          container                          -    (running already is success)
//   stop           container, stopTimeout (s)         -    (stopped already is success)
//   kill           container, signal                  -
//   remove         container                          -    (anonymous volumes too; not forced)
//   inspect        container                          container
//   list           labels (all must match)            containers, the stopped ones too
//   create-volume  volume                             volume (existing with that name is success)
//   inspect-volume volumeName                         volume
//   remove-volume  volumeName                         -
//   inspect-network name                              dockerNetwork
//   list-volumes   labels (all must match)            volumes
//   events                                            items, from now on
//   stats          container                          items, about one a second
//   logs           container, streams, since, tail,   items; `tail` absent: from the start
//                  follow, timestamps
//   load-image     image (the pause container's)      -    (one that is there is replaced)
//   find-ports     ports                              ports, the first of each run
//   network-up     network                            network (what was there of it is made anew)
//   network-down   network (task; the rest if known)  -    (not there already is success)
//   make-resource  resource                           values (secrets, asm-auth, env-files)
//   remove-resource resource (kind and task)          -    (not there already is success)
//
// `container` is an id or a name. `image` is a reference ("nginx", "repo@sha256:..."); without tag
// or digest it means ":latest". `auth` absent: no credentials. `apiVersion` is the lowest version
// of the engine's API that the call's members need; absent: any.
//
// The last ones ask the host, not the container engine: the agent's shell answers find-ports with
// engine/ports.h, resources with a driver of its own (agent/keeper.h) and networks by
// agent/hostnet.h, and never hands them to a driver of containers. A driver answers a call that it
// does not know with class other.
//
// Error classes: not-found (container, image, volume), conflict (name in use, volume in use,
// container not in the right state), denied (credentials), timeout (deadline), unreachable (no
// engine there, or the connection broke before the answer: the engine may have done it), other.
// `text` is the engine's own sentence in the form "Error response from daemon: <message>" where the
// engine gave one.

#ifndef RUNTIME_RUNTIME_H
#define RUNTIME_RUNTIME_H

#include <stdint.h>

#include "api/host.h"
#include "base/error.h"
#include "base/str.h"

enum runtime_post_kind {
    RUNTIME_POST_RESULT,
    RUNTIME_POST_OPEN,  // of an events call: from now on nothing is missed
    RUNTIME_POST_EVENT, // of an events call
    RUNTIME_POST_STATS, // of a stats call
    RUNTIME_POST_LOG,   // of a logs call
};

enum runtime_stream { RUNTIME_STREAM_STDOUT = 1, RUNTIME_STREAM_STDERR = 2 };

// Bytes as the container wrote them: not cut into lines. With timestamps asked for, the engine puts
// one in front of each line. A terminal's output is all stdout.
struct runtime_log {
    enum runtime_stream stream;
    struct str bytes;
};

// `token` is the call's. Everything pointed at is valid during the callback only.
struct runtime_post {
    enum runtime_post_kind kind;
    int64_t token;
    union {
        const struct host_result *result;
        const struct host_event *event;
        struct {
            const struct docker_stats *stats;
            struct str stats_json; // the same as the engine wrote it; empty: it wrote none
        };
        struct runtime_log log;
    };
};

typedef void runtime_post_fn(void *user, const struct runtime_post *post);

struct loop;

struct runtime_config {
    struct loop *loop;     // NULL for drivers that need none
    struct str socket;     // path of the engine's unix socket
    runtime_post_fn *post; // where every answer goes
    void *user;
};

// Each driver's own; its first member is this.
struct runtime {
    const struct runtime_driver *driver;
};

struct runtime_execs;

struct runtime_driver {
    const char *name;

    // Does not connect; an engine that is not there shows in the first call. `config` is copied.
    int (*open)(const struct runtime_config *config, struct runtime **out_runtime) MUST_CHECK;

    // Copies what it needs of `call`. Tokens are the caller's, > 0 and never used twice.
    void (*call)(struct runtime *runtime, const struct host_call *call);

    // Gives a call up: nothing is posted for this token any more. A token that is not in flight is
    // fine.
    void (*cancel)(struct runtime *runtime, int64_t token);

    // Gives everything up, posts nothing more and frees the runtime. NULL is fine.
    void (*close)(struct runtime *runtime);

    // Commands in containers (runtime/exec.h); NULL: it has none.
    const struct runtime_execs *execs;
};

extern const struct runtime_driver runtime_docker;

#endif
