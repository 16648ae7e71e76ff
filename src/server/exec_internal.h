// What the files of ECS Exec share: exec.c has the sockets and the plugin's calls, exec_session.c
// what happens between two sockets, exec_log.c the files that keep it.

#ifndef SERVER_EXEC_INTERNAL_H
#define SERVER_EXEC_INTERNAL_H

#include "api/exec.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "base/rng.h"
#include "base/steady.h"
#include "io/loop.h"
#include "server/exec.h"
#include "wire/crypto.h"
#include "wire/exec_channel.h"
#include "wire/ws.h"

struct exec_session;

// ---- the log of a session: what was written to its terminal, and who ran what

struct exec_log {
    struct buf path; // NUL-terminated; empty: there is none
    struct buf pending;
    size_t written;
    bool is_full;
};

void exec_log_begin(struct exec_log *log, const char *folder, const struct exec_order *order,
                    time_ms now);
void exec_log_add(struct exec_log *log, struct str bytes);
void exec_log_flush(struct exec_log *log);
// With a line that says how it ended; frees what the log holds.
void exec_log_end(struct exec_log *log, struct str how, time_ms now);

// ---- sockets

enum exec_end { EXEC_END_CLIENT, EXEC_END_RELAY };

struct exec_socket {
    struct list in_execs;
    struct execs *execs;
    enum exec_end end;
    struct buf wanted;            // id of the session it came for
    struct exec_session *session; // NULL: it has not shown its token, or the session is gone
    struct ws *ws;
    struct loop_timer patience; // until it has shown its token
};

void exec_socket_send(struct exec_socket *socket, enum exec_relay kind, const void *message);

// ---- sessions

struct execs {
    struct execs_config config;
    struct arena arena;
    const char *log_folder;
    struct crypto *crypto;
    struct rng rng;
    struct steady clock;
    struct exec_session *sessions; // by id
    struct list sockets;
    uint64_t begun_n; // ever
    bool closed;
};

struct exec_session {
    struct execs *execs;
    struct arena arena;
    struct exec_order order; // without its token
    UT_hash_handle hh;       // by order.session
    struct exec_host host;
    struct exec_channel *channel;
    struct exec_socket *client; // NULL: away, or not yet there
    struct exec_socket *relay;  // likewise

    // Secrets are kept as digests.
    struct sha256 token;
    struct sha256 relay_token;
    int64_t token_until_ms; // 0: used up
    bool relay_is_asked;    // the agent may open its socket, once

    bool wants_exit_code;
    bool has_terminal;
    int32_t columns; // 0: unknown
    int32_t rows;
    bool input_has_ended;
    bool is_begun;
    bool is_ending; // nothing comes from the agent any more
    bool is_over;   // the client knows

    size_t out_allowed; // bytes that the agent may still send
    size_t in_allowed;  // bytes that the agent may still be sent
    struct buf in;      // input that waits for it
    int64_t active_ms;  // when something happened last
    struct loop_timer tick;
    struct loop_timer idle;
    struct loop_timer patience; // with the agent
    struct loop_timer log_timer;
    struct loop_job reap;
    struct exec_log log;
};

struct exec_session *exec_session_new(struct execs *execs, const struct exec_order *order);
void exec_session_free(struct exec_session *session);

void exec_session_set_token(struct exec_session *session, struct str token);
// Whether it is the session's, which is then used up.
bool exec_session_take_token(struct exec_session *session, struct str token);
bool exec_session_take_relay_token(struct exec_session *session, struct str token);

void exec_session_client_came(struct exec_session *session, struct exec_socket *socket,
                              const struct exec_open_data_channel *hello);
void exec_session_client_said(struct exec_session *session, struct str frame);
void exec_session_client_left(struct exec_session *session);
void exec_session_relay_came(struct exec_session *session, struct exec_socket *socket);
void exec_session_relay_said(struct exec_session *session, enum exec_relay kind,
                             const void *message);
void exec_session_relay_wrote(struct exec_session *session, struct str bytes);
void exec_session_relay_left(struct exec_session *session);

// Ends it: the command is hung up, the client told.
void exec_session_end(struct exec_session *session, struct str message);
// The same without waiting for what the client has not acknowledged.
void exec_session_end_now(struct exec_session *session, struct str message);

#endif
