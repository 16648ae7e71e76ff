// Input: a line with the name of an operation (a name that is none chooses one all the same), then
// a line each the arguments of `gantry ecs`. What comes out is JSON whenever no argument was JSON
// itself, and then the codec can say what is wrong with it, if anything is.

#include <jansson.h>

#include "api/ecs.h"
#include "base/arena.h"
#include "base/assert.h"
#include "cli/ecs_args.h"
#include "fuzz.h"
#include "wire/codec.h"

enum { ARGUMENTS_MAX = 64 };

static const struct shape *request_of(struct str name)
{
    for (size_t i = 1; i < ECS_OPERATION_N; i++) {
        if (str_eq(name, ecs_operations[i].name))
            return ecs_operations[i].request;
    }
    return ecs_operations[1 + fuzz_pick(name, ECS_OPERATION_N - 1)].request;
}

// Values that are JSON are copied as they stand.
static bool holds_json(struct str text)
{
    return str_has_char(text, '{') || str_has_char(text, '[');
}

// jansson refuses U+0000 and numbers that no double holds, too.
static void check_json(struct arena *arena, const struct shape *shape, struct str json)
{
    json_error_t error;
    json_t *tree = json_loadb(json.ptr, json.len, JSON_DECODE_INT_AS_REAL, &error);
    void *value = arena_alloc(arena, shape->size);
    struct codec_report report;
    bool is_json = tree != NULL;

    ASSERT_SAY(is_json || json_error_code(&error) == json_error_numeric_overflow, "%s: %.*s",
               error.text, STR_ARGS(json));
    ASSERT(codec_decode(arena, shape, json, NULL, value, &report) != CODEC_E_MALFORMED);
    json_decref(tree);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena arena;
    struct str text = fuzz_text(data, size);
    const struct shape *shape = request_of(fuzz_line(&text));
    bool is_plain = !holds_json(text);
    const char *arguments[ARGUMENTS_MAX];
    struct str json;
    struct str why = STR_NONE;
    int n = 0;

    if (text.len > 0 && memmem(text.ptr, text.len, "file://", 7) != NULL)
        return 0; // would be read
    while (text.len > 0 && n < ARGUMENTS_MAX)
        arguments[n++] = str_cstr(&arena, fuzz_line(&text));
    if (ecs_args_to_json(&arena, shape, arguments, n, &json, &why) != 0)
        ASSERT(why.len > 0);
    else if (is_plain)
        check_json(&arena, shape, json);
    arena_reset(&arena);
    return 0;
}
