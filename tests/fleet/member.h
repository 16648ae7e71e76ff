// Inside the fleet: one agent, its two websockets, its tasks.

#ifndef TESTS_FLEET_MEMBER_H
#define TESTS_FLEET_MEMBER_H

#include "api/acs.h"
#include "base/arena.h"
#include "base/rng.h"
#include "io/loop.h"
#include "tests/fleet/fleet.h"

struct fleet_task;
struct http_client;
struct member;
struct ws;
struct ws_dial;

// A websocket that is dialled again whenever it is gone.
struct channel {
    struct member *member;
    bool is_telemetry;
    bool was_open;
    struct ws_dial *dial;
    struct ws *ws;
    struct loop_timer again;
    struct loop_timer cut;
    struct loop_timer publish;
};

struct member {
    struct fleet *fleet;
    struct arena arena;
    struct str instance; // ARN
    struct channel acs;
    struct channel tcs;
    struct fleet_task *tasks; // by ARN
};

struct fleet {
    struct fleet_config config;
    struct http_client *client;
    struct member *members;
    struct rng rng;
    struct fleet_counts counts;
};

// Up to twice as long, so that thousands do not move in step.
int64_t fleet_jittered(struct fleet *fleet, int64_t ms);

// channel.c
void channel_init(struct channel *channel, struct member *member, bool is_telemetry);
void channel_dial(struct channel *channel);
void channel_close(struct channel *channel);

// tasks.c: obeys one task of a payload; forgets all tasks.
void member_take_task(struct member *member, const struct acs_task *payload);
void member_drop_tasks(struct member *member);

#endif
