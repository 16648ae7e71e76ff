// See patch.h.

#include "tests/support/patch.h"

#include <jansson.h>

static json_t *parsed(const char *text)
{
    json_error_t error;
    json_t *json = json_loads(text, 0, &error);

    if (json == NULL)
        fail_msg("%s: %s", error.text, text);
    return json;
}

// Depth is that of the patches in our own tests.
static void merge(json_t *into, json_t *patch)
{
    const char *key;
    json_t *value;

    json_object_foreach(patch, key, value)
    {
        json_t *before = json_object_get(into, key);

        if (json_is_null(value))
            json_object_del(into, key);
        else if (json_is_object(before) && json_is_object(value))
            merge(before, value);
        else
            json_object_set(into, key, value);
    }
}

static void merge_text(json_t *into, const char *patch)
{
    json_t *json;

    if (patch == NULL)
        return;
    json = parsed(patch);
    merge(into, json);
    json_decref(json);
}

static json_t *container(const char *name)
{
    return json_pack("{s:s,s:s,s:i}", "name", name, "image", "busybox", "memory", 64);
}

static const char *printed(struct world *w, const json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT);
    const char *copy = str_cstr(&w->arena, str_of(text));

    free(text);
    return copy;
}

const char *patched_json(struct world *w, const char *base, const char *patch)
{
    json_t *json = parsed(base);
    const char *text;

    merge_text(json, patch);
    text = printed(w, json);
    json_decref(json);
    return text;
}

const char *patched_definition(struct world *w, const char *app, const char *side, const char *task)
{
    json_t *first = container("app");
    json_t *second = container("side");
    json_t *whole;
    const char *text;

    merge_text(first, app);
    merge_text(second, side);
    whole = json_pack("{s:s,s:[o]}", "family", "f", "containerDefinitions", first);
    if (side != NULL)
        json_array_append(json_object_get(whole, "containerDefinitions"), second);
    merge_text(whole, task);
    text = printed(w, whole);
    json_decref(second);
    json_decref(whole);
    return text;
}
