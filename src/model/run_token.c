// See run_token.h.

#include "model/run_token.h"

#include "base/arena.h"

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

void run_token_apply(struct state *state, uint64_t id, const void *record)
{
    struct run_token *token = (struct run_token *)state_get(state, REC_KIND_RUN_TOKEN, id);

    if (record == NULL) {
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
}
