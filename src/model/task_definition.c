// Families and revisions. The lexicographic index is a sorted array: families are few and made
// rarely, and walking them in order is what the List calls do.

#include "model/task_definition.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/mem.h"
#include "base/proof.h"

struct family_order {
    struct family **at;
    size_t n;
    size_t cap;
};

void family_order_init(struct state *state)
{
    state->families_in_order = mem_zalloc(sizeof *state->families_in_order);
}

void family_order_deinit(struct state *state)
{
    ASSERT(state->families_in_order->n == 0);
    mem_free(state->families_in_order->at);
    mem_free(state->families_in_order);
    state->families_in_order = NULL;
}

static int family_cmp(const struct family *family, struct str region, struct str name)
{
    int order = str_cmp(family->rec->region, region);

    return order != 0 ? order : str_cmp(family->rec->name, name);
}

// Index of the first family that is not before (region, name).
static size_t order_position(const struct family_order *order, struct str region, struct str name)
{
    size_t low = 0;
    size_t high = order->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (family_cmp(order->at[mid], region, name) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static void order_insert(struct family_order *order, struct family *family)
{
    size_t at = order_position(order, family->rec->region, family->rec->name);

    if (order->n == order->cap) {
        order->cap = order->cap ? order->cap * 2 : 16;
        order->at = mem_realloc(order->at, order->cap * sizeof(struct family *));
    }
    memmove(order->at + at + 1, order->at + at, (order->n - at) * sizeof(struct family *));
    order->at[at] = family;
    order->n++;
}

static void order_remove(struct family_order *order, struct family *family)
{
    size_t at = order_position(order, family->rec->region, family->rec->name);

    ASSERT(at < order->n && order->at[at] == family);
    memmove(order->at + at, order->at + at + 1, (order->n - at - 1) * sizeof(struct family *));
    order->n--;
}

static struct family *in_region(struct family *family, struct str region)
{
    return str_eq(family->rec->region, region) ? family : NULL;
}

struct family *family_at_or_after(const struct state *state, struct str region, struct str from,
                                  bool past)
{
    const struct family_order *order = state->families_in_order;
    size_t at = order_position(order, region, from);

    if (past && at < order->n && family_cmp(order->at[at], region, from) == 0)
        at++;
    return at < order->n ? in_region(order->at[at], region) : NULL;
}

struct family *family_at_or_before(const struct state *state, struct str region, struct str from,
                                   bool past)
{
    const struct family_order *order = state->families_in_order;
    size_t at = order_position(order, region, from);

    if (!past && at < order->n && family_cmp(order->at[at], region, from) == 0)
        return order->at[at];
    return at > 0 ? in_region(order->at[at - 1], region) : NULL;
}

struct family *family_last(const struct state *state, struct str region)
{
    const struct family_order *order = state->families_in_order;
    size_t low = 0;
    size_t high = order->n;

    while (low < high) { // the first family of a later region
        size_t mid = low + (high - low) / 2;
        if (str_cmp(order->at[mid]->rec->region, region) <= 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low > 0 ? in_region(order->at[low - 1], region) : NULL;
}

struct family *family_get(const struct state *state, uint64_t id)
{
    return (struct family *)state_get(state, REC_KIND_FAMILY, id);
}

struct family *family_find(const struct state *state, struct str region, struct str name)
{
    struct family *found = family_at_or_after(state, region, name, false);

    return found != NULL && str_eq(found->rec->name, name) ? found : NULL;
}

static struct family *family_new(struct state *state, uint64_t id)
{
    struct family *family = mem_zalloc(sizeof *family);

    family->entity = (struct entity){.id = id, .kind = REC_KIND_FAMILY};
    idtable_put(&state->entities[REC_KIND_FAMILY], id, family);
    return family;
}

// A family never changes its region or name, so only its first record enters the order.
void family_apply(struct state *state, uint64_t id, const void *record)
{
    struct family *family = family_get(state, id);
    bool is_new = family == NULL;

    if (record == NULL) {
        ASSERT(family->revisions_n == 0);
        order_remove(state->families_in_order, family);
        idtable_remove(&state->entities[REC_KIND_FAMILY], id);
        mem_free(family->revisions);
        mem_free(family);
        return;
    }
    if (is_new)
        family = family_new(state, id);
    family->entity.record = record;
    family->rec = record;
    if (is_new)
        order_insert(state->families_in_order, family);
}

size_t family_position(const struct family *family, int32_t revision)
{
    size_t low = 0;
    size_t high = family->revisions_n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (family->revisions[mid]->rec->revision < revision)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

struct task_definition *family_revision(const struct family *family, int32_t revision)
{
    size_t at = family_position(family, revision);

    if (at == family->revisions_n || family->revisions[at]->rec->revision != revision)
        return NULL;
    return family->revisions[at];
}

struct task_definition *family_newest_active(const struct family *family)
{
    if (family->active_n == 0)
        return NULL;
    for (size_t i = family->revisions_n; i > 0; i--) {
        if (family->revisions[i - 1]->rec->status == ECS_TASK_DEFINITION_STATUS_ACTIVE)
            return family->revisions[i - 1];
    }
    UNREACHABLE();
}

static void family_add_revision(struct family *family, struct task_definition *definition)
{
    size_t at = family_position(family, definition->rec->revision);

    if (family->revisions_n == family->revisions_cap) {
        family->revisions_cap = family->revisions_cap ? family->revisions_cap * 2 : 4;
        family->revisions = mem_realloc(family->revisions,
                                        family->revisions_cap * sizeof(struct task_definition *));
    }
    memmove(family->revisions + at + 1, family->revisions + at,
            (family->revisions_n - at) * sizeof(struct task_definition *));
    family->revisions[at] = definition;
    family->revisions_n++;
}

static void family_drop_revision(struct family *family, struct task_definition *definition)
{
    size_t at = family_position(family, definition->rec->revision);

    ASSERT(at < family->revisions_n && family->revisions[at] == definition);
    memmove(family->revisions + at, family->revisions + at + 1,
            (family->revisions_n - at - 1) * sizeof(struct task_definition *));
    family->revisions_n--;
}

struct task_definition *task_definition_get(const struct state *state, uint64_t id)
{
    return (struct task_definition *)state_get(state, REC_KIND_TASK_DEFINITION, id);
}

static struct task_definition *definition_new(struct state *state, uint64_t id,
                                              const struct rec_task_definition *rec)
{
    struct task_definition *definition = mem_zalloc(sizeof *definition);

    definition->entity = (struct entity){.id = id, .kind = REC_KIND_TASK_DEFINITION};
    definition->rec = rec;
    definition->family_id = (uint64_t)rec->family_id;
    need_init(&definition->need, rec->definition, NULL);
    idtable_put(&state->entities[REC_KIND_TASK_DEFINITION], id, definition);
    family_add_revision(family_get(state, definition->family_id), definition);
    return definition;
}

void task_definition_set_expiry(struct state *state, struct task_definition *definition)
{
    const struct rec_task_definition *rec = definition->rec;

    MARK_IF(rec->status == ECS_TASK_DEFINITION_STATUS_DELETE_IN_PROGRESS && definition->tasks_n > 0,
            "a definition that is being deleted stays while a task names it");
    if (rec->status != ECS_TASK_DEFINITION_STATUS_DELETE_IN_PROGRESS || definition->tasks_n > 0 ||
        definition->revisions_n > 0)
        expiry_clear(&state->expiries, &definition->expiry);
    else
        expiry_set(&state->expiries, &definition->expiry, REC_KIND_TASK_DEFINITION,
                   definition->entity.id,
                   rec->delete_requested_at + state->config.definition_delete_ms);
}

static void definition_delete(struct state *state, struct task_definition *definition)
{
    ASSERT(definition->tasks_n == 0 && definition->revisions_n == 0);
    expiry_clear(&state->expiries, &definition->expiry);
    family_drop_revision(family_get(state, definition->family_id), definition);
    idtable_remove(&state->entities[REC_KIND_TASK_DEFINITION], definition->entity.id);
    need_deinit(&definition->need);
    mem_free(definition);
}

static bool is_active(const struct rec_task_definition *rec)
{
    return rec != NULL && rec->status == ECS_TASK_DEFINITION_STATUS_ACTIVE;
}

// The specification inside never changes after registration, only the status around it.
void task_definition_apply(struct state *state, uint64_t id, const void *record)
{
    const struct rec_task_definition *rec = record;
    struct task_definition *definition = task_definition_get(state, id);
    const struct rec_task_definition *before = definition != NULL ? definition->rec : NULL;
    struct family *family;

    if (definition == NULL)
        definition = definition_new(state, id, rec);
    family = family_get(state, definition->family_id);
    family->active_n += is_active(rec);
    family->active_n -= is_active(before);
    if (rec == NULL) {
        definition_delete(state, definition);
        return;
    }
    definition->entity.record = rec;
    definition->rec = rec;
    task_definition_set_expiry(state, definition);
}

struct str task_definition_arn(const struct state *state, const struct task_definition *definition,
                               struct arena *arena)
{
    const struct family *family = family_get(state, definition->family_id);
    struct scope scope = {.partition = state->config.partition,
                          .region = family->rec->region,
                          .account = state->config.account};

    return arn_make(
        arena, &scope, "task-definition",
        str_fmt(arena, "%.*s:%d", STR_ARGS(family->rec->name), definition->rec->revision));
}

void task_definition_view(const struct state *state, const struct task_definition *definition,
                          struct arena *arena, struct ecs_task_definition *out)
{
    const struct rec_task_definition *rec = definition->rec;

    *out = *rec->definition; // nested parts stay shared with the frozen record
    SET(out, task_definition_arn, task_definition_arn(state, definition, arena));
    SET(out, revision, rec->revision);
    SET(out, status, rec->status);
    SET(out, registered_at, rec->registered_at);
    SET(out, registered_by, rec->registered_by);
    if (rec->has.deregistered_at)
        SET(out, deregistered_at, rec->deregistered_at);
    if (rec->has.delete_requested_at)
        SET(out, delete_requested_at, rec->delete_requested_at);
}

static void check_family(const struct family *family)
{
    size_t active = 0;

    for (size_t i = 0; i < family->revisions_n; i++) {
        active += is_active(family->revisions[i]->rec);
        ASSERT(i == 0 ||
               family->revisions[i - 1]->rec->revision < family->revisions[i]->rec->revision);
        ASSERT(family->revisions[i]->rec->revision <= family->rec->last_revision);
    }
    ASSERT(active == family->active_n);
}

void task_definition_check_all(const struct state *state)
{
    const struct idtable *table = &state->entities[REC_KIND_FAMILY];

    for (uint64_t id = 0; (id = idtable_next(table, id)) != 0;)
        check_family(family_get(state, id));
}
