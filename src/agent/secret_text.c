// See secret_text.h.

#include "agent/secret_text.h"

#include "base/arena.h"
#include "wire/json_read.h"

struct finder {
    struct arena *arena;
    struct str name;
    struct str found;
    int depth;
    bool is_next; // the value to come is the one
    bool is_found;
};

static bool take(struct finder *f, struct str text)
{
    if (f->is_next && f->depth == 1) {
        f->found = str_copy(f->arena, text);
        f->is_found = true;
    }
    f->is_next = false;
    return true;
}

static bool on_null(void *user)
{
    return take(user, STR("null"));
}

static bool on_bool(void *user, bool value)
{
    return take(user, value ? STR("true") : STR("false"));
}

static bool on_text(void *user, struct str text)
{
    return take(user, text);
}

static bool on_key(void *user, struct str name)
{
    struct finder *f = user;

    f->is_next = f->depth == 1 && str_eq(name, f->name);
    return true;
}

static bool on_begin(void *user)
{
    struct finder *f = user;

    f->is_next = false;
    f->depth++;
    return true;
}

// A list at the top has no members, and its entries are none.
static bool on_list(void *user)
{
    struct finder *f = user;

    f->depth++; // twice: what is in it is never at the depth of a member
    return on_begin(user);
}

static bool on_end(void *user)
{
    ((struct finder *)user)->depth--;
    return true;
}

static bool on_list_end(void *user)
{
    ((struct finder *)user)->depth -= 2;
    return true;
}

static const struct json_events events = {
    .on_null = on_null,
    .on_bool = on_bool,
    .on_number = on_text,
    .on_string = on_text,
    .on_object = on_begin,
    .on_key = on_key,
    .on_object_end = on_end,
    .on_list = on_list,
    .on_list_end = on_list_end,
};

bool secret_text_member(struct arena *arena, struct str json, struct str name, struct str *out)
{
    struct finder finder = {.arena = arena, .name = name};
    struct json_reader reader = {.events = &events, .user = &finder, .depth_max = JSON_DEPTH_MAX};

    if (json_read(&reader, json) != 0 || !finder.is_found)
        return false;
    *out = finder.found;
    return true;
}

bool secret_text_login(struct arena *arena, struct str json, struct str *out)
{
    struct str user;
    struct str password;

    if (!secret_text_member(arena, json, STR("username"), &user) ||
        !secret_text_member(arena, json, STR("password"), &password))
        return false;
    *out = str_fmt(arena, "%.*s:%.*s", STR_ARGS(user), STR_ARGS(password));
    return true;
}
