// Client tokens. A task knows its token, so that the token's deadline follows when the task stops.
// The record of a token must be put after those of its tasks.

#include "model/run_token.h"

#include "base/arena.h"
#include "base/proof.h"
#include "model/task.h"

static struct str key_of(struct arena *arena, uint64_t cluster_id, struct str token)
{
    return str_fmt(arena, "%llu/%.*s", (unsigned long long)cluster_id, STR_ARGS(token));
}

static struct run_token *find(const struct state *state, struct str key)
{
    struct run_token *found;

    MAP_FIND_STR(by_key, state->tokens_by_key, key, found);
    return found;
}

struct run_token *run_token_find(const struct state *state, uint64_t cluster_id, struct str token)
{
    struct arena scratch = ARENA_INIT;
    struct run_token *found = find(state, key_of(&scratch, cluster_id, token));

    arena_deinit(&scratch);
    return found;
}

static struct run_token *run_token_new(struct state *state, uint64_t id,
                                       const struct rec_run_token *rec)
{
    struct run_token *token = mem_zalloc(sizeof *token);
    struct arena scratch = ARENA_INIT;
    struct str key = key_of(&scratch, (uint64_t)rec->cluster_id, rec->token);
    char *own = mem_alloc(key.len);

    memcpy(own, key.ptr, key.len);
    arena_deinit(&scratch);
    token->entity = (struct entity){.id = id, .kind = REC_KIND_RUN_TOKEN};
    token->key = str_span(own, key.len);
    ASSERT(find(state, token->key) == NULL);
    MAP_ADD_STR(by_key, state->tokens_by_key, key, token);
    idtable_put(&state->entities[REC_KIND_RUN_TOKEN], id, token);
    return token;
}

static struct run_token *run_token_get(const struct state *state, uint64_t id)
{
    return (struct run_token *)state_get(state, REC_KIND_RUN_TOKEN, id);
}

static void link_tasks(struct state *state, const struct run_token *token, uint64_t token_id)
{
    for (size_t i = 0; i < token->rec->task_ids.n; i++) {
        struct task *task = task_get(state, (uint64_t)token->rec->task_ids.at[i]);
        if (task != NULL)
            task->token_id = token_id;
    }
}

// When the last of its tasks stopped; a day ahead while one has not. A task whose record is gone
// stopped before any that is still there.
static time_ms quiet_since(const struct state *state, const struct rec_run_token *rec)
{
    time_ms last = rec->task_ids.n > 0 ? rec->created_at : rec->created_at + TIME_DAY_MS;

    for (size_t i = 0; i < rec->task_ids.n; i++) {
        const struct task *task = task_get(state, (uint64_t)rec->task_ids.at[i]);

        if (task != NULL && !task_is_stopped(task)) {
            MARK("a clientToken stands while one of its tasks runs");
            return rec->created_at + TIME_DAY_MS;
        }
        if (task != NULL && task->rec->stopped_at > last)
            last = task->rec->stopped_at;
    }
    return last;
}

// Source of both terms: ecs-behaviour-api 6.
void run_token_follow(struct state *state, uint64_t id)
{
    struct run_token *token = run_token_get(state, id);
    time_ms day = token->rec->created_at + TIME_DAY_MS;
    time_ms hour = quiet_since(state, token->rec) + TIME_HOUR_MS;

    expiry_set(&state->expiries, &token->expiry, REC_KIND_RUN_TOKEN, id, hour < day ? hour : day);
}

void run_token_apply(struct state *state, uint64_t id, const void *record)
{
    struct run_token *token = run_token_get(state, id);

    if (record == NULL) {
        link_tasks(state, token, 0);
        expiry_clear(&state->expiries, &token->expiry);
        MAP_DEL(by_key, state->tokens_by_key, token);
        idtable_remove(&state->entities[REC_KIND_RUN_TOKEN], id);
        mem_free((void *)(uintptr_t)token->key.ptr);
        mem_free(token);
        return;
    }
    if (token == NULL)
        token = run_token_new(state, id, record);
    token->entity.record = record;
    token->rec = record;
    link_tasks(state, token, id);
    run_token_follow(state, id);
}
