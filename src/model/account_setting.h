// Account settings: what a principal, or the account for all that say nothing, has chosen in a
// region. Source: ecs-behaviour-api 12.

#ifndef MODEL_ACCOUNT_SETTING_H
#define MODEL_ACCOUNT_SETTING_H

#include "api/ecs.h"
#include "base/map.h"
#include "model/state.h"

struct account_setting {
    struct entity entity;
    const struct rec_account_setting *rec;
    struct str key; // "<region>/<name>/<principal>", memory of the entity
    UT_hash_handle by_key;
};

void account_setting_apply(struct state *state, uint64_t id, const void *record);

// The account's own principal, whose values hold for all that have none.
struct str account_setting_root(const struct state *state, struct arena *arena);

// What was set for exactly this principal; NULL: nothing.
struct account_setting *account_setting_find(const struct state *state, struct str region,
                                             enum ecs_setting_name name, struct str principal);

// What holds when nobody has set anything.
struct str account_setting_default(enum ecs_setting_name name);

// What holds for a principal: its own, else the account's, else the default. Lives as long as the
// setting.
struct str account_setting_value(const struct state *state, struct str region,
                                 enum ecs_setting_name name, struct str principal);

#endif
