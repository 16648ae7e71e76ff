// For those who write a walker (this room and wire/codec): how to step through what a field holds.
//
// A slot is one place in a value: a member, an entry of a list, a value of a map. Its type is the
// field's `type`, or `element` one level down, or slot_inner_type two levels down (a list that is
// the value of a map). A member of SHAPE_STRUCT is a pointer, an entry is the structure itself;
// slot_struct hides that.

#ifndef SHAPE_SLOT_H
#define SHAPE_SLOT_H

#include "shape/shape.h"

struct buf;

enum slot_level { SLOT_MEMBER, SLOT_ENTRY, SLOT_INNER };

// What the entries of a list inside a map are: gen.py allows structures and enums there.
static inline enum shape_type slot_inner_type(const struct shape_field *field)
{
    return field->shape ? SHAPE_STRUCT : SHAPE_ENUM;
}

static inline enum shape_type slot_type(const struct shape_field *field, enum slot_level level)
{
    if (level == SLOT_MEMBER)
        return (enum shape_type)field->type;
    return level == SLOT_ENTRY ? (enum shape_type)field->element : slot_inner_type(field);
}

// Bytes from one entry to the next of the list or map that stands in a slot of this level.
static inline size_t slot_stride(const struct shape_field *field, enum slot_level level)
{
    if (level == SLOT_MEMBER)
        return shape_element_size(field);
    return field->shape ? field->shape->size : sizeof(int);
}

static inline const void *slot_struct(enum slot_level level, const void *at)
{
    return level == SLOT_MEMBER ? *(void *const *)at : at;
}

// Entry i of the list or map at `at`; of a map that is the key, the value stands behind it.
static inline const void *slot_entry(const void *at, size_t stride, size_t i)
{
    return (const char *)((const struct shape_list *)at)->at + i * stride;
}

static inline const void *slot_map_value(const void *entry)
{
    return (const char *)entry + sizeof(struct str);
}

// The entries of a map in bytewise order of their keys, as a heap array of n pointers (mem_free).
const void **slot_sorted_entries(const void *map, size_t stride);

// The entry of that array with this key, or NULL.
const void *slot_find_sorted(const void **entries, size_t n, struct str key);

// The slot's value as shape_print shows it; of a secret field only "***".
void slot_print_value(const struct shape_field *field, enum slot_level level, const void *at,
                      struct buf *out);

#endif
