// Attributes belong to a class, so every class is looked at once, by one instance that has it.
// Values are numbered as they are met, and so are the combinations of them.

#include "core/division.h"

#include "base/assert.h"
#include "base/map.h"
#include "core/placement.h"
#include "model/instance.h"
#include "model/roster.h"

struct value {
    struct str key; // its text, of one attribute
    uint32_t number;
    UT_hash_handle by_key;
};

struct combination {
    struct division_part part;
    uint32_t number;
    UT_hash_handle by_part;
};

// What is needed only while dividing.
struct divider {
    struct division *division;
    const struct placement_request *request;
    const struct chain *chain;
    struct value *values[STRATEGIES_MAX]; // a map each
    struct value *value_room;
    struct combination *combinations;
    struct combination *combination_room;
};

static uint32_t number_of_value(struct divider *d, uint32_t i, const struct instance *instance)
{
    const struct ecs_attribute *attribute =
        instance_attribute(instance, chain_attribute(d->request, d->chain, i));
    struct str text = attribute != NULL ? attribute->value : STR_NONE;
    struct value *value;

    MAP_FIND_STR(by_key, d->values[i], text, value);
    if (value == NULL) {
        value = &d->value_room[d->division->values_n];
        value->key = text;
        value->number = d->division->values_n++;
        MAP_ADD_STR(by_key, d->values[i], key, value);
    }
    return value->number;
}

static uint32_t number_of_part(struct divider *d, const struct instance *instance)
{
    struct division *division = d->division;
    struct division_part part = {0};
    struct combination *found;

    for (uint32_t i = 0; i < d->chain->values_n; i++)
        part.values[i] = number_of_value(d, i, instance);
    HASH_FIND(by_part, d->combinations, &part, sizeof part, found);
    if (found == NULL) {
        found = &d->combination_room[division->parts_n];
        found->part = part;
        found->number = division->parts_n;
        division->parts[division->parts_n++] = part;
        HASH_ADD(by_part, d->combinations, part, sizeof part, found);
    }
    return found->number;
}

static void divide(struct divider *d, const struct roster *roster)
{
    for (uint32_t i = 0; i < roster->slots_n; i++) {
        const struct roster_slot *slot = &roster->slots[i];

        if (slot->instance == NULL)
            continue;
        if (d->division->part_of_class[slot->class_id] == UINT32_MAX)
            d->division->part_of_class[slot->class_id] = number_of_part(d, slot->instance);
    }
}

void division_init(struct division *division, const struct roster *roster,
                   const struct placement_request *request, const struct chain *chain)
{
    size_t classes_n = roster->classes_n;
    struct divider d = {.division = division, .request = request, .chain = chain};

    *division = (struct division){
        .part_of_class = mem_alloc(classes_n * sizeof *division->part_of_class),
        .parts = mem_alloc(classes_n * sizeof *division->parts),
    };
    memset(division->part_of_class, 0xff, classes_n * sizeof *division->part_of_class);
    d.value_room = mem_zalloc(classes_n * chain->values_n * sizeof *d.value_room);
    d.combination_room = mem_zalloc(classes_n * sizeof *d.combination_room);
    divide(&d, roster);
    ASSERT(division->parts_n <= classes_n);
    for (uint32_t i = 0; i < chain->values_n; i++)
        HASH_CLEAR(by_key, d.values[i]);
    HASH_CLEAR(by_part, d.combinations);
    mem_free(d.value_room);
    mem_free(d.combination_room);
}

void division_deinit(struct division *division)
{
    mem_free(division->part_of_class);
    mem_free(division->parts);
    *division = (struct division){0};
}
