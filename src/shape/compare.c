// Equality and fingerprints. Both see a value through its descriptor, so padding, capacity and the
// place of things in memory never count; the fingerprint also leaves out bit positions and enum
// numbers, which change when a model grows.

#include "base/assert.h"
#include "base/hash.h"
#include "base/mem.h"
#include "shape/slot.h"
#include "shape/walk.h"

static struct str key_of(const void *entry)
{
    return *(const struct str *)entry;
}

// --- equality ---

static bool slots_equal(const struct shape_field *field, enum slot_level level, const void *a,
                        const void *b);

static bool lists_equal(const struct shape_field *field, enum slot_level level, const void *a,
                        const void *b)
{
    size_t stride = slot_stride(field, level);
    size_t n = ((const struct shape_list *)a)->n;

    if (((const struct shape_list *)b)->n != n)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!slots_equal(field, level + 1, slot_entry(a, stride, i), slot_entry(b, stride, i)))
            return false;
    }
    return true;
}

static bool entries_equal(const struct shape_field *field, enum slot_level level, const void *a,
                          const void *b)
{
    return str_eq(key_of(a), key_of(b)) &&
           slots_equal(field, level + 1, slot_map_value(a), slot_map_value(b));
}

// Equal maps nearly always have the same order, so that is tried before anything is sorted.
static bool maps_equal(const struct shape_field *field, enum slot_level level, const void *a,
                       const void *b)
{
    size_t stride = slot_stride(field, level);
    size_t n = ((const struct shape_list *)a)->n;
    const void **in_a;
    const void **in_b;
    size_t same = 0;

    if (((const struct shape_list *)b)->n != n)
        return false;
    while (same < n &&
           entries_equal(field, level, slot_entry(a, stride, same), slot_entry(b, stride, same)))
        same++;
    if (same == n)
        return true;
    in_a = slot_sorted_entries(a, stride);
    in_b = slot_sorted_entries(b, stride);
    for (same = 0; same < n && entries_equal(field, level, in_a[same], in_b[same]); same++)
        continue;
    mem_free(in_a);
    mem_free(in_b);
    return same == n;
}

static bool slots_equal(const struct shape_field *field, enum slot_level level, const void *a,
                        const void *b)
{
    switch (slot_type(field, level)) {
    case SHAPE_STRING:
    case SHAPE_DOC: return str_eq(*(const struct str *)a, *(const struct str *)b);
    case SHAPE_ENUM: return *(const int *)a == *(const int *)b;
    case SHAPE_BOOL: return *(const bool *)a == *(const bool *)b;
    case SHAPE_INT: return *(const int32_t *)a == *(const int32_t *)b;
    case SHAPE_LONG:
    case SHAPE_TIME:
    case SHAPE_DATE: return *(const int64_t *)a == *(const int64_t *)b;
    case SHAPE_DOUBLE: return *(const double *)a == *(const double *)b;
    case SHAPE_STRUCT:
    case SHAPE_TEXT: return shape_equal(field->shape, slot_struct(level, a), slot_struct(level, b));
    case SHAPE_LIST: return lists_equal(field, level, a, b);
    case SHAPE_MAP: return maps_equal(field, level, a, b);
    }
    UNREACHABLE();
}

bool shape_equal(const struct shape *shape, const void *a, const void *b)
{
    if (*(const uint64_t *)a != *(const uint64_t *)b)
        return false;
    for (uint32_t i = 0; i < shape->fields_n; i++) {
        const struct shape_field *field = &shape->fields[i];
        if (shape_has(a, field) &&
            !slots_equal(field, SLOT_MEMBER, shape_at(a, field), shape_at(b, field)))
            return false;
    }
    return true;
}

// --- fingerprint ---

static uint64_t mix(uint64_t state, uint64_t next)
{
    uint64_t pair[2] = {state, next};

    return hash_stable(pair, sizeof pair);
}

static uint64_t text_print(struct str text)
{
    return hash_stable(text.ptr ? text.ptr : "", text.len);
}

static uint64_t slot_print(const struct shape_field *field, enum slot_level level, const void *at);

static uint64_t list_print(const struct shape_field *field, enum slot_level level, const void *at)
{
    size_t stride = slot_stride(field, level);
    size_t n = ((const struct shape_list *)at)->n;
    uint64_t print = mix('l', n);

    for (size_t i = 0; i < n; i++)
        print = mix(print, slot_print(field, level + 1, slot_entry(at, stride, i)));
    return print;
}

// The sum of its pairs: the order of a map does not count.
static uint64_t map_print(const struct shape_field *field, enum slot_level level, const void *at)
{
    size_t stride = slot_stride(field, level);
    size_t n = ((const struct shape_list *)at)->n;
    uint64_t sum = 0;

    for (size_t i = 0; i < n; i++) {
        const void *entry = slot_entry(at, stride, i);
        sum += mix(text_print(key_of(entry)), slot_print(field, level + 1, slot_map_value(entry)));
    }
    return mix(mix('m', n), sum);
}

static uint64_t double_print(double value)
{
    uint64_t bits;

    if (value == 0) // -0.0 equals 0.0
        value = 0;
    memcpy(&bits, &value, sizeof bits);
    return mix('d', bits);
}

static uint64_t slot_print(const struct shape_field *field, enum slot_level level, const void *at)
{
    switch (slot_type(field, level)) {
    case SHAPE_STRING:
    case SHAPE_DOC: return text_print(*(const struct str *)at);
    case SHAPE_ENUM: return text_print(shape_enum_name(field->enums, *(const int *)at));
    case SHAPE_BOOL: return mix('b', *(const bool *)at);
    case SHAPE_INT: return mix('i', (uint64_t)(int64_t) * (const int32_t *)at);
    case SHAPE_LONG:
    case SHAPE_TIME:
    case SHAPE_DATE: return mix('i', (uint64_t) * (const int64_t *)at);
    case SHAPE_DOUBLE: return double_print(*(const double *)at);
    case SHAPE_STRUCT:
    case SHAPE_TEXT: return shape_fingerprint(field->shape, slot_struct(level, at));
    case SHAPE_LIST: return list_print(field, level, at);
    case SHAPE_MAP: return map_print(field, level, at);
    }
    UNREACHABLE();
}

uint64_t shape_fingerprint(const struct shape *shape, const void *value)
{
    uint64_t print = mix('s', 0);

    for (uint32_t i = 0; i < shape->fields_n; i++) {
        const struct shape_field *field = &shape->fields[i];
        if (shape_has(value, field))
            print = mix(mix(print, text_print(field->name)),
                        slot_print(field, SLOT_MEMBER, shape_at(value, field)));
    }
    return print;
}
