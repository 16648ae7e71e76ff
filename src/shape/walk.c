// Deep copies, and what is built from them: freeze, merge, defaults.
//
// A copy is a shallow copy of the bytes whose pointers are then replaced one by one ("deepened") by
// copies of what they point at. The memory comes from an arena, or, for freeze, from one block that
// was measured before: everything aligned from its front, text without alignment behind that.
// Recursion is bounded by the shapes, which do not contain themselves.

#include "shape/walk.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/mem.h"
#include "shape/slot.h"

struct copier {
    struct arena *arena; // NULL when a measured block is filled
    char *next;          // of the block: where the next structure or array goes
    char *text;          // of the block: where the next text goes
};

struct measure {
    size_t aligned;
    size_t text;
};

static size_t round_up(size_t size)
{
    return (size + 7) & ~(size_t)7;
}

static void *take(struct copier *c, const void *source, size_t size)
{
    void *copy = c->next;

    if (c->arena != NULL)
        return memcpy(arena_alloc(c->arena, size), source, size);
    c->next += round_up(size);
    return memcpy(copy, source, size);
}

static void deepen_text(struct copier *c, struct str *text)
{
    char *copy = c->text;

    if (text->len == 0) {
        text->ptr = "";
        return;
    }
    if (c->arena != NULL) {
        *text = str_copy(c->arena, *text);
        return;
    }
    c->text += text->len;
    text->ptr = memcpy(copy, text->ptr, text->len);
}

static void deepen_struct(struct copier *c, const struct shape *shape, void *value);
static void deepen_slot(struct copier *c, const struct shape_field *field, enum slot_level level,
                        void *at);

static void deepen_entries(struct copier *c, const struct shape_field *field, enum slot_level level,
                           struct shape_list *list)
{
    size_t stride = slot_stride(field, level);
    bool is_map = slot_type(field, level) == SHAPE_MAP;

    if (list->n == 0) {
        list->at = NULL;
        return;
    }
    list->at = take(c, list->at, list->n * stride);
    for (size_t i = 0; i < list->n; i++) {
        char *entry = (char *)list->at + i * stride;
        if (is_map) {
            deepen_text(c, (struct str *)(void *)entry);
            entry += sizeof(struct str);
        }
        deepen_slot(c, field, level + 1, entry);
    }
}

static void deepen_slot(struct copier *c, const struct shape_field *field, enum slot_level level,
                        void *at)
{
    switch (slot_type(field, level)) {
    case SHAPE_ENUM:
    case SHAPE_BOOL:
    case SHAPE_INT:
    case SHAPE_LONG:
    case SHAPE_DOUBLE:
    case SHAPE_TIME:
    case SHAPE_DATE: return;
    case SHAPE_STRING:
    case SHAPE_DOC: deepen_text(c, at); return;
    case SHAPE_STRUCT:
    case SHAPE_TEXT:
        if (level == SLOT_MEMBER) {
            void **pointer = at;
            *pointer = take(c, *pointer, field->shape->size);
            at = *pointer;
        }
        deepen_struct(c, field->shape, at);
        return;
    case SHAPE_LIST:
    case SHAPE_MAP: deepen_entries(c, field, level, at); return;
    }
    UNREACHABLE();
}

static void deepen_struct(struct copier *c, const struct shape *shape, void *value)
{
    if (*shape_mask(value) == 0)
        return;
    for (uint32_t i = 0; i < shape->fields_n; i++) {
        const struct shape_field *field = &shape->fields[i];
        if (shape_has(value, field))
            deepen_slot(c, field, SLOT_MEMBER, shape_at(value, field));
    }
}

void *shape_copy(struct arena *arena, const struct shape *shape, const void *value)
{
    struct copier c = {.arena = arena};
    void *copy = take(&c, value, shape->size);

    deepen_struct(&c, shape, copy);
    return copy;
}

// --- freeze ---

static void measure_struct(struct measure *m, const struct shape *shape, const void *value);
static void measure_slot(struct measure *m, const struct shape_field *field, enum slot_level level,
                         const void *at);

static void measure_entries(struct measure *m, const struct shape_field *field,
                            enum slot_level level, const struct shape_list *list)
{
    size_t stride = slot_stride(field, level);
    bool is_map = slot_type(field, level) == SHAPE_MAP;

    m->aligned += round_up(list->n * stride);
    for (size_t i = 0; i < list->n; i++) {
        const char *entry = slot_entry(list, stride, i);
        if (is_map) {
            m->text += ((const struct str *)(const void *)entry)->len;
            entry += sizeof(struct str);
        }
        measure_slot(m, field, level + 1, entry);
    }
}

static void measure_slot(struct measure *m, const struct shape_field *field, enum slot_level level,
                         const void *at)
{
    switch (slot_type(field, level)) {
    case SHAPE_ENUM:
    case SHAPE_BOOL:
    case SHAPE_INT:
    case SHAPE_LONG:
    case SHAPE_DOUBLE:
    case SHAPE_TIME:
    case SHAPE_DATE: return;
    case SHAPE_STRING:
    case SHAPE_DOC: m->text += ((const struct str *)at)->len; return;
    case SHAPE_STRUCT:
    case SHAPE_TEXT:
        if (level == SLOT_MEMBER)
            m->aligned += round_up(field->shape->size);
        measure_struct(m, field->shape, slot_struct(level, at));
        return;
    case SHAPE_LIST:
    case SHAPE_MAP: measure_entries(m, field, level, at); return;
    }
    UNREACHABLE();
}

static void measure_struct(struct measure *m, const struct shape *shape, const void *value)
{
    for (uint32_t i = 0; i < shape->fields_n; i++) {
        const struct shape_field *field = &shape->fields[i];
        if (shape_has(value, field))
            measure_slot(m, field, SLOT_MEMBER, shape_at(value, field));
    }
}

void *shape_freeze(const struct shape *shape, const void *value)
{
    struct measure m = {.aligned = round_up(shape->size)};
    struct copier c = {0};
    char *block;

    measure_struct(&m, shape, value);
    block = mem_alloc(m.aligned + m.text);
    c.next = block;
    c.text = block + m.aligned;
    deepen_struct(&c, shape, take(&c, value, shape->size));
    ASSERT(c.next == block + m.aligned);
    ASSERT(c.text == block + m.aligned + m.text);
    return block;
}

// --- merge ---

static void merge_map(struct copier *c, const struct shape_field *field, struct shape_list *under,
                      const struct shape_list *over)
{
    size_t stride = shape_element_size(field);
    const void **sorted = slot_sorted_entries(under, stride);
    struct shape_list merged = {.n = under->n};

    merged.at = arena_alloc(c->arena, (under->n + over->n) * stride);
    if (under->n > 0)
        memcpy(merged.at, under->at, under->n * stride);
    for (size_t i = 0; i < over->n; i++) {
        const char *entry = slot_entry(over, stride, i);
        const char *old =
            slot_find_sorted(sorted, under->n, *(const struct str *)(const void *)entry);
        size_t place = old ? (size_t)(old - (const char *)under->at) / stride : merged.n++;
        char *into = (char *)merged.at + place * stride;
        memcpy(into, entry, stride);
        deepen_text(c, (struct str *)(void *)into);
        deepen_slot(c, field, SLOT_ENTRY, into + sizeof(struct str));
    }
    mem_free(sorted);
    *under = merged;
}

// The nested structure of `under` may be shared with others, so it is copied before it is changed.
static void merge_nested(struct arena *arena, const struct shape *shape, void **under, void *over)
{
    void *own = arena_copy(arena, *under, shape->size);

    shape_merge(arena, shape, own, over);
    *under = own;
}

static bool is_nested(const struct shape_field *field)
{
    return field->type == SHAPE_STRUCT || field->type == SHAPE_TEXT;
}

void shape_merge(struct arena *arena, const struct shape *shape, void *under, const void *over)
{
    struct copier c = {.arena = arena};

    for (uint32_t i = 0; i < shape->fields_n; i++) {
        const struct shape_field *field = &shape->fields[i];
        void *to = shape_at(under, field);
        const void *from = shape_at(over, field);

        if (!shape_has(over, field))
            continue;
        if (shape_has(under, field) && is_nested(field)) {
            merge_nested(arena, field->shape, to, *(void *const *)from);
        } else if (shape_has(under, field) && field->type == SHAPE_MAP) {
            merge_map(&c, field, to, from);
        } else {
            memcpy(to, from, shape_slot_size(field));
            deepen_slot(&c, field, SLOT_MEMBER, to);
        }
        *shape_mask(under) |= UINT64_C(1) << field->bit;
    }
}

// --- defaults ---

static void set_default(struct arena *arena, const struct shape_field *field, void *value)
{
    struct str text = field->limits->fallback;
    void *at = shape_at(value, field);
    int64_t number = 0;

    switch ((enum shape_type)field->type) {
    case SHAPE_STRING: *(struct str *)at = text; break;
    case SHAPE_ENUM: *(int *)at = shape_enum_value(field->enums, text); break;
    case SHAPE_BOOL: *(bool *)at = str_eq(text, STR("true")); break;
    case SHAPE_INT:
        ASSERT(str_to_i64(text, &number));
        *(int32_t *)at = (int32_t)number;
        break;
    case SHAPE_LONG:
        ASSERT(str_to_i64(text, &number));
        *(int64_t *)at = number;
        break;
    case SHAPE_DOUBLE: *(double *)at = strtod(str_cstr(arena, text), NULL); break;
    case SHAPE_TIME:
    case SHAPE_DATE:
    case SHAPE_STRUCT:
    case SHAPE_TEXT:
    case SHAPE_DOC:
    case SHAPE_LIST:
    case SHAPE_MAP: UNREACHABLE(); // gen.py refuses a default there
    }
    *shape_mask(value) |= UINT64_C(1) << field->bit;
}

static void fill_entries(struct arena *arena, const struct shape_field *field, const void *list)
{
    size_t stride = shape_element_size(field);
    size_t key = field->type == SHAPE_MAP ? sizeof(struct str) : 0;
    size_t n = ((const struct shape_list *)list)->n;

    if (field->element != SHAPE_STRUCT)
        return;
    for (size_t i = 0; i < n; i++)
        shape_fill_defaults(arena, field->shape, (char *)slot_entry(list, stride, i) + key);
}

void shape_fill_defaults(struct arena *arena, const struct shape *shape, void *value)
{
    for (uint32_t i = 0; i < shape->fields_n; i++) {
        const struct shape_field *field = &shape->fields[i];
        void *at = shape_at(value, field);

        if (!shape_has(value, field)) {
            if (field->limits != NULL && field->limits->fallback.len > 0)
                set_default(arena, field, value);
        } else if (is_nested(field)) {
            shape_fill_defaults(arena, field->shape, *(void **)at);
        } else if (field->type == SHAPE_LIST || field->type == SHAPE_MAP) {
            fill_entries(arena, field, at);
        }
    }
}
