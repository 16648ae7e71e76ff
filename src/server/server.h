// The control plane as a whole: started from options, stopped on request.
//
// Three threads: one speaks (sockets, TLS, signatures, JSON), one decides (all state is its own),
// one commits. See tick.c for how they hand things over.

#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"
#include "base/timefmt.h"

struct arena;
struct memory_disk;
struct server;

enum server_auth {
    SERVER_AUTH_SIGV4, // keys of <data_dir>/credentials, made at first start
    SERVER_AUTH_NONE,  // everybody is root; only on a loopback address
};

enum server_store {
    SERVER_STORE_SQLITE, // <data_dir>/server.db
    SERVER_STORE_MEMORY, // tests: `memory_disk`
};

// Texts and paths live until server_start returns. Start from server_options_default.
struct server_options {
    struct str listen;    // "HOST:PORT", a numeric address or localhost; port 0: a free one
    const char *data_dir; // made with mode 0700 when missing
    struct str region;    // of calls that name none (without authentication)
    struct str account;   // twelve digits; that of the first start, from then on
    struct str partition; // "aws"
    enum server_auth auth;
    enum server_store store;
    struct memory_disk *memory_disk;
    const char *tls_cert; // PEM file, leaf first; NULL: plain HTTP
    const char *tls_key;
    const char *lifecycle_hooks; // file of hook targets and their URLs; NULL: none
    const char *alarms;          // file or URL that knows the states of alarms; NULL: none

    time_ms stopped_task_keep_ms; // how long stopped tasks stay readable
    size_t stopped_tasks_max;     // and how many at once
    time_ms inactive_keep_ms;     // likewise inactive clusters and instances
    time_ms definition_delete_ms; // least time a definition stays DELETE_IN_PROGRESS

    bool metrics_tasks;         // GET /metrics has a line a running task
    size_t usage_histories_max; // running tasks whose last hour of usage is kept

    const char *scaling_path;  // what is done when capacity providers scale; NULL: nothing
    uint64_t events_kept;      // of the event log; 0: it is switched off
    time_ms events_age_ms;     // older events are dropped
    struct str events_webhook; // URL; empty: none

    unsigned connections_max; // HTTP; agents' websockets count apart
    unsigned agents_max;      // websockets of agents, both channels
    size_t body_max;          // bytes of one request
    unsigned calls_max;       // unanswered calls; beyond it 503
    size_t calls_bytes_max;   // bytes of their bodies; beyond it 503
    int64_t heartbeat_ms;     // to each agent
    int64_t exec_idle_ms;     // a session of ECS Exec in which nothing happens ends
    int64_t probe_ms;         // between attempts to reach a store that failed
    int64_t stop_ms;          // patience with clients when stopping
};
extern const struct server_options server_options_default;

// SERVER_E_OPTIONS: something in the options cannot be (exit status 2). SERVER_E_START: the start
// failed (locked data folder, address in use, damaged store; exit status 1). *out_detail is one
// line that says what to do; it lives in `arena`.
enum server_outcome { SERVER_E_OPTIONS = 1, SERVER_E_START };

// What can be said of the options without touching anything: 0 or SERVER_E_OPTIONS.
int server_options_check(const struct server_options *options, struct arena *arena,
                         struct str *out_detail) MUST_CHECK;

// Runs in threads of its own; returns when the server answers. The process must ignore SIGPIPE.
int server_start(const struct server_options *options, struct arena *arena, struct str *out_detail,
                 struct server **out) MUST_CHECK;

// Lets what was accepted finish (up to stop_ms), commits it, closes the store. NULL is fine.
void server_stop(struct server *server);

// Reads the files of credentials and of lifecycle hooks again; a broken one is logged and changes
// nothing.
void server_reload(struct server *server);

struct str server_address(const struct server *server); // "127.0.0.1:7420", as it listens
struct str server_url(const struct server *server);     // "http://127.0.0.1:7420"

// The whole program: starts, serves until SIGTERM or SIGINT (SIGHUP reloads the credentials),
// stops. Logs through base/log. Returns an exit status: 0, 1, or 2 for SERVER_E_OPTIONS; failures
// to start are one line on standard error.
int server_run(const struct server_options *options);

#endif
