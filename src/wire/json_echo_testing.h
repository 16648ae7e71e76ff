// What reads JSON and writes the same JSON again, token by token; for tests and fuzzers.

#ifndef WIRE_JSON_ECHO_TESTING_H
#define WIRE_JSON_ECHO_TESTING_H

#include "wire/json_read.h"
#include "wire/json_write.h"

// Writes every token back; numbers as they stand.
static bool echo_null(void *user)
{
    json_write_null(user);
    return true;
}

static bool echo_bool(void *user, bool value)
{
    json_write_bool(user, value);
    return true;
}

static bool echo_number(void *user, struct str text)
{
    json_write_raw(user, text);
    return true;
}

static bool echo_string(void *user, struct str text)
{
    json_write_str(user, text);
    return true;
}

static bool echo_object(void *user)
{
    json_write_object(user);
    return true;
}

static bool echo_key(void *user, struct str name)
{
    json_write_key(user, name);
    return true;
}

static bool echo_object_end(void *user)
{
    json_write_object_end(user);
    return true;
}

static bool echo_list(void *user)
{
    json_write_list(user);
    return true;
}

static bool echo_list_end(void *user)
{
    json_write_list_end(user);
    return true;
}

static const struct json_events json_echo_events = {
    .on_null = echo_null,
    .on_bool = echo_bool,
    .on_number = echo_number,
    .on_string = echo_string,
    .on_object = echo_object,
    .on_key = echo_key,
    .on_object_end = echo_object_end,
    .on_list = echo_list,
    .on_list_end = echo_list_end,
};

// Appends what was read to `out`; the reader's outcome.
static inline int json_echo(struct str text, struct buf *out)
{
    struct json_writer w = json_writer(out);
    struct json_reader reader = {
        .events = &json_echo_events, .user = &w, .depth_max = JSON_DEPTH_MAX};

    return json_read(&reader, text);
}

#endif
