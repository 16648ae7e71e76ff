// See sample.h. Depth is bounded by the shapes.

#include "shape/sample.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/rng.h"
#include "shape/slot.h"

static struct str sample_text(struct arena *arena, struct rng *rng)
{
    static const char *const pieces[] = {
        "a",
        "Z9",
        " ",
        "\"",
        "\\",
        "/",
        "\n",
        "\t\r\b\f",
        "\x01\x1f",
        "\x7f",
        "\xc3\xa9",
        "\xe4\xb8\x9c",
        "\xe2\x80\xa8",
        "\xf0\x9f\x98\x80",
        "{}[],:",
        "</x>",
    };
    struct str text = STR("");
    uint64_t n = rng_below(rng, 6);

    for (uint64_t i = 0; i < n; i++) {
        const char *piece = pieces[rng_below(rng, sizeof pieces / sizeof *pieces)];
        text = str_fmt(arena, "%.*s%s", STR_ARGS(text), piece);
    }
    return text;
}

static struct str sample_doc(struct arena *arena, struct rng *rng)
{
    static const char *const docs[] = {
        "null",
        "true",
        "-1.5e3",
        "\"x\\ny\"",
        "[]",
        "[1,[2,{\"a\":null}],\"]\"]",
        "{\"b\" : {}, \"a\":[ 1 ]}",
    };
    // "null" for a member means absence, so it is not among the choices
    return str_copy(arena, str_of(docs[1 + rng_below(rng, sizeof docs / sizeof *docs - 1)]));
}

static int64_t sample_i64(struct rng *rng, int64_t low, int64_t high)
{
    switch (rng_below(rng, 5)) {
    case 0: return low;
    case 1: return high;
    case 2: return 0;
    case 3: return (int64_t)rng_below(rng, 1000) - 500;
    default: return low + (int64_t)(rng_next(rng) % (uint64_t)(high / 2 - low / 2));
    }
}

static double sample_double(struct rng *rng)
{
    static const double corners[] = {0, 1, -1, 0.1, 1e22, 5e-324, 1.7976931348623157e308, 1.0 / 3};
    uint64_t pick = rng_below(rng, 16);

    if (pick < sizeof corners / sizeof *corners)
        return corners[pick];
    return (double)(int64_t)rng_next(rng) / (double)(1 + rng_below(rng, 1000000));
}

static void sample_slot(struct arena *arena, struct rng *rng, const struct shape_field *field,
                        enum slot_level level, void *at);

static void fill_struct(struct arena *arena, struct rng *rng, const struct shape *shape,
                        void *value)
{
    for (uint32_t i = 0; i < shape->fields_n; i++) {
        const struct shape_field *field = &shape->fields[i];
        if (rng_below(rng, 2) == 0)
            continue;
        *shape_mask(value) |= UINT64_C(1) << field->bit;
        sample_slot(arena, rng, field, SLOT_MEMBER, shape_at(value, field));
    }
}

static void sample_entries(struct arena *arena, struct rng *rng, const struct shape_field *field,
                           enum slot_level level, struct shape_list *list)
{
    size_t stride = slot_stride(field, level);
    bool is_map = slot_type(field, level) == SHAPE_MAP;

    list->n = rng_below(rng, 4);
    if (list->n == 0)
        return;
    list->at = arena_alloc(arena, list->n * stride);
    for (size_t i = 0; i < list->n; i++) {
        char *entry = (char *)list->at + i * stride;
        if (is_map) {
            struct str text = sample_text(arena, rng);
            *(struct str *)(void *)entry = str_fmt(arena, "%.*s%zu", STR_ARGS(text), i);
            entry += sizeof(struct str);
        }
        sample_slot(arena, rng, field, level + 1, entry);
    }
}

static void sample_slot(struct arena *arena, struct rng *rng, const struct shape_field *field,
                        enum slot_level level, void *at)
{
    const int64_t time_max = INT64_C(253402300799999); // the end of the year 9999

    switch (slot_type(field, level)) {
    case SHAPE_STRING: *(struct str *)at = sample_text(arena, rng); return;
    case SHAPE_DOC: *(struct str *)at = sample_doc(arena, rng); return;
    case SHAPE_ENUM: *(int *)at = 1 + (int)rng_below(rng, field->enums->n - 1); return;
    case SHAPE_BOOL: *(bool *)at = rng_below(rng, 2) == 1; return;
    case SHAPE_INT: *(int32_t *)at = (int32_t)sample_i64(rng, INT32_MIN, INT32_MAX); return;
    case SHAPE_LONG: *(int64_t *)at = sample_i64(rng, INT64_MIN, INT64_MAX); return;
    case SHAPE_DOUBLE: *(double *)at = sample_double(rng); return;
    case SHAPE_TIME: *(int64_t *)at = sample_i64(rng, -time_max, time_max); return;
    case SHAPE_DATE: *(int64_t *)at = (int64_t)rng_below(rng, (uint64_t)time_max); return;
    case SHAPE_STRUCT:
    case SHAPE_TEXT:
        if (level == SLOT_MEMBER)
            at = *(void **)at = arena_alloc(arena, field->shape->size);
        fill_struct(arena, rng, field->shape, at);
        return;
    case SHAPE_LIST:
    case SHAPE_MAP: sample_entries(arena, rng, field, level, at); return;
    }
    UNREACHABLE();
}

void *sample_value(struct arena *arena, struct rng *rng, const struct shape *shape)
{
    void *value = arena_alloc(arena, shape->size);

    fill_struct(arena, rng, shape, value);
    return value;
}
