// What must hold of a text that the codec accepts, whatever the shape.
//
// jansson is the second opinion: it must accept the text too, and each member that the codec writes
// back must be in its tree. Three kinds of values are written in another way than they came: times
// are rounded to milliseconds, dates and inner JSON are spelled anew, and unknown names of an enum
// come back as nothing. So texts and times are compared by what they say.

#include <math.h>

#include <jansson.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "fuzz.h"
#include "wire/codec.h"

// ---- the second opinion

static json_t *oracle(struct str text, bool *out_overflow)
{
    json_error_t error;
    json_t *tree =
        json_loadb(text.ptr, text.len, JSON_DECODE_INT_AS_REAL | JSON_REJECT_DUPLICATES, &error);

    *out_overflow = tree == NULL && json_error_code(&error) == json_error_numeric_overflow;
    return tree;
}

static bool is_told_by(json_t *told, json_t *tree, bool nocase);

static struct str text_of(json_t *value)
{
    return str_span(json_string_value(value), json_string_length(value));
}

static bool is_same_text(json_t *told, json_t *value, bool nocase)
{
    time_ms a;
    time_ms b;
    bool overflow;
    json_t *inner;
    json_t *inner_told;
    bool same;

    if (json_equal(told, value) || json_string_length(told) == 0)
        return true;
    if (time_parse_rfc3339(text_of(told), &a))
        return time_parse_rfc3339(text_of(value), &b) && a == b;
    inner = oracle(text_of(value), &overflow);
    inner_told = oracle(text_of(told), &overflow);
    same = inner != NULL ? is_told_by(inner_told, inner, nocase) : overflow;
    json_decref(inner);
    json_decref(inner_told);
    return same;
}

static json_t *member(json_t *object, const char *name, bool nocase)
{
    json_t *exact = json_object_get(object, name);
    const char *key;
    json_t *value;

    if (exact != NULL || !nocase)
        return exact;
    json_object_foreach(object, key, value)
    {
        if (str_eq_nocase(str_of(key), str_of(name)))
            return value;
    }
    return NULL;
}

static bool is_told_by(json_t *told, json_t *tree, bool nocase)
{
    const char *key;
    json_t *value;

    if (json_is_object(told) && json_is_object(tree)) {
        json_object_foreach(told, key, value)
        {
            if (!is_told_by(value, member(tree, key, nocase), nocase))
                return false;
        }
        return true;
    }
    if (json_is_array(told) && json_array_size(told) == json_array_size(tree)) {
        for (size_t i = 0; i < json_array_size(told); i++) {
            if (!is_told_by(json_array_get(told, i), json_array_get(tree, i), nocase))
                return false;
        }
        return true;
    }
    if (json_is_number(told) && json_is_number(tree)) {
        double a = json_number_value(told);
        double b = json_number_value(tree);
        return a == b || fabs(a - b) <= 0.001;
    }
    if (json_is_string(told) && json_is_string(tree))
        return is_same_text(told, tree, nocase);
    return json_equal(told, tree);
}

static void check_oracle(struct str json, struct str encoded, bool nocase)
{
    bool overflow;
    json_t *tree = oracle(json, &overflow);
    json_t *told;

    ASSERT(tree != NULL || overflow);
    if (tree == NULL)
        return;
    told = oracle(encoded, &overflow);
    ASSERT(told != NULL);
    ASSERT(is_told_by(told, tree, nocase));
    json_decref(told);
    json_decref(tree);
}

// ---- the walker

static void walk(struct arena *arena, const struct shape *shape, const void *value,
                 const struct shape_unknown *unknowns)
{
    static struct buf out;
    void *frozen = shape_freeze(shape, value);
    void *merged = arena_alloc(arena, shape->size);

    ASSERT(shape_equal(shape, value, frozen));
    ASSERT(shape_fingerprint(shape, value) == shape_fingerprint(shape, frozen));
    mem_free(frozen);
    shape_merge(arena, shape, merged, value);
    ASSERT(shape_equal(shape, value, merged));
    buf_clear(&out);
    shape_print(shape, value, &out);
    shape_validate(shape, value, unknowns, &out);
}

void fuzz_shape(struct arena *arena, const struct shape *shape, struct str json,
                const struct codec_options *options)
{
    static struct buf first;
    static struct buf second;
    struct codec_report report;
    struct codec_report again;
    void *value = arena_alloc(arena, shape->size);
    void *back = arena_alloc(arena, shape->size);

    buf_clear(&first);
    buf_clear(&second);
    if (codec_decode(arena, shape, json, options, value, &report) == 0) {
        codec_encode(&first, shape, value);
        ASSERT(codec_decode(arena, shape, buf_str(&first), options, back, &again) == 0);
        ASSERT(shape_equal(shape, value, back));
        codec_encode(&second, shape, back);
        ASSERT(str_eq(buf_str(&first), buf_str(&second)));
        ASSERT(codec_decode_over(arena, shape, json, options, back, &again) == 0);
        ASSERT(shape_equal(shape, value, back));
        walk(arena, shape, value, report.unknowns);
        check_oracle(json, buf_str(&first), options != NULL && options->nocase);
    } else {
        ASSERT(report.message.len > 0);
        ASSERT(report.offset <= json.len);
    }
    arena_reset(arena);
}
