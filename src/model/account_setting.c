// See account_setting.h.

#include "model/account_setting.h"

#include "base/arena.h"

static struct str key_of(struct arena *arena, struct str region, enum ecs_setting_name name,
                         struct str principal)
{
    return str_fmt(arena, "%.*s/%d/%.*s", STR_ARGS(region), (int)name, STR_ARGS(principal));
}

struct account_setting *account_setting_find(const struct state *state, struct str region,
                                             enum ecs_setting_name name, struct str principal)
{
    struct arena scratch = ARENA_INIT;
    struct str key = key_of(&scratch, region, name, principal);
    struct account_setting *found;

    MAP_FIND_STR(by_key, state->settings_by_key, key, found);
    arena_deinit(&scratch);
    return found;
}

struct str account_setting_root(const struct state *state, struct arena *arena)
{
    return str_fmt(arena, "arn:%.*s:iam::%.*s:root", STR_ARGS(state->config.partition),
                   STR_ARGS(state->config.account));
}

struct str account_setting_default(enum ecs_setting_name name)
{
    static const struct str defaults[ECS_SETTING_NAME_N] = {
        [ECS_SETTING_NAME_SERVICELONGARNFORMAT] = STR_INIT("enabled"),
        [ECS_SETTING_NAME_TASKLONGARNFORMAT] = STR_INIT("enabled"),
        [ECS_SETTING_NAME_CONTAINERINSTANCELONGARNFORMAT] = STR_INIT("enabled"),
        [ECS_SETTING_NAME_AWSVPCTRUNKING] = STR_INIT("disabled"),
        [ECS_SETTING_NAME_CONTAINERINSIGHTS] = STR_INIT("disabled"),
        [ECS_SETTING_NAME_FARGATEFIPSMODE] = STR_INIT("disabled"),
        [ECS_SETTING_NAME_TAGRESOURCEAUTHORIZATION] = STR_INIT("on"),
        [ECS_SETTING_NAME_FARGATETASKRETIREMENTWAITPERIOD] = STR_INIT("7"),
        [ECS_SETTING_NAME_GUARDDUTYACTIVATE] = STR_INIT("off"),
        [ECS_SETTING_NAME_DEFAULTLOGDRIVERMODE] = STR_INIT("non-blocking"),
        [ECS_SETTING_NAME_FARGATEEVENTWINDOWS] = STR_INIT("disabled"),
    };

    return defaults[name];
}

struct str account_setting_value(const struct state *state, struct str region,
                                 enum ecs_setting_name name, struct str principal)
{
    struct arena scratch = ARENA_INIT;
    const struct account_setting *found = account_setting_find(state, region, name, principal);

    if (found == NULL)
        found = account_setting_find(state, region, name, account_setting_root(state, &scratch));
    arena_deinit(&scratch);
    return found != NULL ? found->rec->value : account_setting_default(name);
}

static struct account_setting *setting_new(struct state *state, uint64_t id,
                                           const struct rec_account_setting *rec)
{
    struct account_setting *setting = mem_zalloc(sizeof *setting);
    struct arena scratch = ARENA_INIT;
    struct str key = key_of(&scratch, rec->region, rec->name, rec->principal_arn);
    char *own = mem_alloc(key.len);

    memcpy(own, key.ptr, key.len);
    arena_deinit(&scratch);
    setting->entity = (struct entity){.id = id, .kind = REC_KIND_ACCOUNT_SETTING};
    setting->key = str_span(own, key.len);
    MAP_ADD_STR(by_key, state->settings_by_key, key, setting);
    idtable_put(&state->entities[REC_KIND_ACCOUNT_SETTING], id, setting);
    return setting;
}

// The key of a setting never changes, only its value.
void account_setting_apply(struct state *state, uint64_t id, const void *record)
{
    struct account_setting *setting =
        (struct account_setting *)state_get(state, REC_KIND_ACCOUNT_SETTING, id);

    if (record == NULL) {
        MAP_DEL(by_key, state->settings_by_key, setting);
        idtable_remove(&state->entities[REC_KIND_ACCOUNT_SETTING], id);
        mem_free((void *)(uintptr_t)setting->key.ptr);
        mem_free(setting);
        return;
    }
    if (setting == NULL)
        setting = setting_new(state, id, record);
    setting->entity.record = record;
    setting->rec = record;
}
