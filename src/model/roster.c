// A slot keeps its place for as long as its instance lives, so a place can stand in the log. What
// an instance leaves behind is a gap; gaps are closed when they are as many as the instances.

#include "model/roster.h"

#include "base/assert.h"
#include "base/buf.h"
#include "base/map.h"
#include "model/cluster.h"
#include "model/instance.h"

struct roster_class {
    struct str key; // memory of the class
    UT_hash_handle by_key;
    uint32_t id;
    uint32_t members_n;
};

enum { GAPS_MIN = 16, CHANGES_MIN = 64 };

void roster_deinit(struct roster *roster)
{
    ASSERT(roster->gaps_n == roster->slots_n);
    ASSERT(roster->classes_by_key == NULL);
    if (roster->plans != NULL)
        roster->plans_free(roster->plans);
    mem_free(roster->slots);
    mem_free(roster->changes);
    mem_free(roster->free_ids);
    *roster = (struct roster){0};
}

// --- classes

static void add_text(struct buf *key, struct str text)
{
    uint32_t len = (uint32_t)text.len;

    buf_add(key, &len, sizeof len);
    buf_add_str(key, text);
}

// Two instances have the same key exactly when they have the same attributes.
static void write_key(struct buf *key, const struct instance *instance)
{
    for (size_t i = 0; i < instance->rec->attributes.n; i++) {
        const struct ecs_attribute *attribute = instance->attributes[i];

        add_text(key, attribute->name);
        buf_add_char(key, attribute->has.value ? '=' : ' ');
        add_text(key, attribute->value);
    }
}

static struct roster_class *class_find(const struct roster *roster, const struct buf *key)
{
    struct roster_class *found;

    MAP_FIND_STR(by_key, roster->classes_by_key, buf_str(key), found);
    return found;
}

static struct roster_class *class_new(struct roster *roster, const struct buf *key)
{
    struct roster_class *class = mem_zalloc(sizeof *class);
    char *own = mem_alloc(buf_len(key));

    if (buf_len(key) > 0)
        memcpy(own, buf_str(key).ptr, buf_len(key));
    class->key = str_span(own, buf_len(key));
    class->id =
        roster->free_ids_n > 0 ? roster->free_ids[--roster->free_ids_n] : roster->classes_n++;
    MAP_ADD_STR(by_key, roster->classes_by_key, key, class);
    return class;
}

static void class_delete(struct roster *roster, struct roster_class *class)
{
    if (roster->free_ids_n == roster->free_ids_cap) {
        roster->free_ids_cap = roster->free_ids_cap ? roster->free_ids_cap * 2 : 8;
        roster->free_ids =
            mem_realloc(roster->free_ids, roster->free_ids_cap * sizeof *roster->free_ids);
    }
    roster->free_ids[roster->free_ids_n++] = class->id;
    MAP_DEL(by_key, roster->classes_by_key, class);
    mem_free((void *)(uintptr_t) class->key.ptr);
    mem_free(class);
}

static void class_leave(struct roster *roster, struct instance *instance)
{
    struct roster_class *class = instance->class;

    if (class == NULL)
        return;
    instance->class = NULL;
    if (--class->members_n == 0)
        class_delete(roster, class);
}

// --- slots

static void renumber(struct roster *roster, uint32_t from)
{
    for (uint32_t i = from; i < roster->slots_n; i++) {
        if (roster->slots[i].instance != NULL)
            roster->slots[i].instance->slot = i;
    }
    roster->layout++;
}

// Room in the log for a quarter of all slots: who is further behind does better to start anew.
static void reserve(struct roster *roster)
{
    uint32_t changes_cap = roster->changes_cap ? roster->changes_cap : CHANGES_MIN;

    if (roster->slots_n < roster->slots_cap)
        return;
    roster->slots_cap = roster->slots_cap ? roster->slots_cap * 2 : 4;
    roster->slots = mem_realloc(roster->slots, roster->slots_cap * sizeof *roster->slots);
    while (changes_cap < roster->slots_cap / 4)
        changes_cap *= 2;
    if (changes_cap == roster->changes_cap)
        return;
    roster->changes = mem_realloc(roster->changes, changes_cap * sizeof *roster->changes);
    roster->changes_cap = changes_cap;
    roster->layout++;
}

// The first slot whose id is not below this one.
static uint32_t position_of(const struct roster *roster, uint64_t id)
{
    uint32_t low = 0;
    uint32_t high = roster->slots_n;

    if (high > 0 && roster->slots[high - 1].id < id)
        return high;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (roster->slots[mid].id < id)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

// A removal that is undone finds its gap again, unless gaps were closed since.
void roster_enter(struct roster *roster, struct instance *instance)
{
    uint64_t id = instance->entity.id;
    uint32_t at = position_of(roster, id);
    bool is_back = at < roster->slots_n && roster->slots[at].id == id;

    if (is_back) {
        ASSERT(roster->slots[at].instance == NULL);
        roster->gaps_n--;
    } else {
        reserve(roster);
        memmove(roster->slots + at + 1, roster->slots + at,
                (roster->slots_n - at) * sizeof *roster->slots);
        roster->slots_n++;
    }
    roster->slots[at] =
        (struct roster_slot){.id = id, .instance = instance, .class_id = ROSTER_CLASS_NONE};
    renumber(roster, at);
}

static void close_gaps(struct roster *roster)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < roster->slots_n; i++) {
        if (roster->slots[i].instance != NULL)
            roster->slots[kept++] = roster->slots[i];
    }
    roster->slots_n = kept;
    roster->gaps_n = 0;
    renumber(roster, 0);
}

void roster_leave(struct roster *roster, struct instance *instance)
{
    struct roster_slot *slot = &roster->slots[instance->slot];

    ASSERT(slot->instance == instance);
    class_leave(roster, instance);
    *slot = (struct roster_slot){.id = slot->id, .class_id = ROSTER_CLASS_NONE};
    roster->gaps_n++;
    roster->layout++;
    if (roster->gaps_n >= GAPS_MIN && roster->gaps_n > roster->slots_n / 2)
        close_gaps(roster);
}

// --- what changes

void roster_note_record(struct roster *roster, struct instance *instance)
{
    BUF_AUTO struct buf key = BUF_INIT;
    struct roster_class *class;

    write_key(&key, instance);
    class = class_find(roster, &key);
    if (class == NULL || class != instance->class) {
        if (class == NULL)
            class = class_new(roster, &key);
        class->members_n++;
        class_leave(roster, instance);
        instance->class = class;
        roster->slots[instance->slot].class_id = class->id;
        roster->layout++;
    }
    roster_note(roster, instance);
}

static uint64_t port_bits(const struct port_set *ports)
{
    uint64_t bits = 0;

    for (size_t i = 0; i < ports->n; i++)
        bits |= roster_port_bit(ports->at[i]);
    return bits;
}

static void fill(struct roster_slot *slot, const struct instance *instance)
{
    slot->cpu_left = instance->books.cpu_left;
    slot->memory_left = instance->books.memory_left;
    slot->ports = port_bits(&instance->books.tcp) | port_bits(&instance->books.udp);
    slot->ports_n = (uint32_t)(instance->books.tcp.n + instance->books.udp.n);
    slot->gpus_left = (uint32_t)instance->books.gpus_left.n;
    slot->is_active = instance->st != NULL && instance->st->status == REC_INSTANCE_STATUS_ACTIVE;
    slot->is_connected = instance_is_connected(instance);
}

// Its last note stands in the log, nobody has read it yet, and it says as much.
static bool is_noted(const struct roster *roster, const struct roster_slot *slot, uint32_t group)
{
    uint32_t at = (uint32_t)(slot->noted_at - 1) & (roster->changes_cap - 1);

    return slot->noted_at > roster->read_n && (group == 0 || roster->changes[at].group == group);
}

void roster_note_group(struct roster *roster, const struct instance *instance, uint32_t group)
{
    struct roster_slot *slot = &roster->slots[instance->slot];

    ASSERT(slot->instance == instance);
    fill(slot, instance);
    if (is_noted(roster, slot, group))
        return;
    roster->changes[roster->changes_n++ & (roster->changes_cap - 1)] =
        (struct roster_change){.slot = instance->slot, .group = group};
    slot->noted_at = roster->changes_n;
}

void roster_note(struct roster *roster, const struct instance *instance)
{
    roster_note_group(roster, instance, 0);
}

bool roster_reaches(const struct roster *roster, uint64_t seen)
{
    ASSERT(seen <= roster->changes_n);
    return roster->changes_n - seen <= roster->changes_cap;
}

struct roster_change roster_changed(const struct roster *roster, uint64_t change)
{
    ASSERT(change < roster->changes_n);
    return roster->changes[change & (roster->changes_cap - 1)];
}

void roster_was_read(struct roster *roster)
{
    roster->read_n = roster->changes_n;
}

// --- what must hold

static void check_slot(const struct roster *roster, uint32_t i)
{
    const struct roster_slot *slot = &roster->slots[i];
    const struct instance *instance = slot->instance;
    struct roster_slot fresh = *slot;

    ASSERT(i == 0 || roster->slots[i - 1].id < slot->id);
    if (instance == NULL)
        return;
    fill(&fresh, instance);
    ASSERT_SAY(instance->slot == i && instance->entity.id == slot->id, "instance %.*s",
               STR_ARGS(instance->uid));
    ASSERT_SAY(fresh.cpu_left == slot->cpu_left && fresh.memory_left == slot->memory_left,
               "instance %.*s", STR_ARGS(instance->uid));
    ASSERT_SAY(fresh.is_active == slot->is_active && fresh.is_connected == slot->is_connected,
               "instance %.*s", STR_ARGS(instance->uid));
    ASSERT_SAY(fresh.ports == slot->ports && fresh.ports_n == slot->ports_n &&
                   fresh.gpus_left == slot->gpus_left,
               "instance %.*s", STR_ARGS(instance->uid));
    ASSERT_SAY(instance->class != NULL && instance->class->id == slot->class_id, "instance %.*s",
               STR_ARGS(instance->uid));
}

void roster_check(const struct cluster *cluster)
{
    const struct roster *roster = &cluster->roster;
    uint32_t gaps = 0;
    uint32_t members = 0;

    for (uint32_t i = 0; i < roster->slots_n; i++) {
        check_slot(roster, i);
        gaps += roster->slots[i].instance == NULL;
    }
    for (const struct roster_class *class = roster->classes_by_key; class != NULL;
         class = class->by_key.next)
        members += class->members_n;
    ASSERT_SAY(gaps == roster->gaps_n, "cluster %.*s", STR_ARGS(cluster->key));
    ASSERT_SAY(members == roster->slots_n - gaps, "cluster %.*s", STR_ARGS(cluster->key));
    ASSERT(MAP_COUNT(by_key, roster->classes_by_key) + roster->free_ids_n == roster->classes_n);
}
