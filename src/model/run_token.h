// RunTask client tokens: which request a token stands for and what it started.
// Source: ecs-behaviour-api 6.

#ifndef MODEL_RUN_TOKEN_H
#define MODEL_RUN_TOKEN_H

#include "base/map.h"
#include "model/state.h"

struct run_token {
    struct entity entity;
    const struct rec_run_token *rec;
    struct str key; // "<cluster id>/<token>", memory of the entity
    UT_hash_handle by_key;
    struct expiry expiry; // always waits: a day, or an hour after the last of its tasks stopped
};

void run_token_apply(struct state *state, uint64_t id, const void *record);
// A task that the token stands for changed. For task.c.
void run_token_follow(struct state *state, uint64_t id);
struct run_token *run_token_find(const struct state *state, uint64_t cluster_id, struct str token);

#endif
