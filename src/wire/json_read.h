// JSON text in, one call a token out. No tree is made. The only wrapper of the parser library.
//
// Stricter than the library: the whole text is valid UTF-8 without NUL, also not as \u0000; no half
// of a surrogate pair; no comments, nothing behind the value; at most depth_max objects and lists
// inside each other. Numbers arrive as text, so their range is the caller's affair, and so are
// duplicate keys (see wire/key_set.h).

#ifndef WIRE_JSON_READ_H
#define WIRE_JSON_READ_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/str.h"

enum { JSON_DEPTH_MAX = 64 };

enum json_outcome {
    JSON_E_SYNTAX = 1, // not JSON
    JSON_E_TEXT,       // not UTF-8, a NUL, half a surrogate pair
    JSON_E_DEPTH,
    JSON_E_STOPPED, // a handler returned false
};

// Handlers return false to stop. Slices live until the handler returns.
struct json_events {
    bool (*on_null)(void *user);
    bool (*on_bool)(void *user, bool value);
    bool (*on_number)(void *user, struct str text); // as JSON allows it: -12, 0.5, 1e+9
    bool (*on_string)(void *user, struct str text); // unescaped
    bool (*on_object)(void *user);
    bool (*on_key)(void *user, struct str name);
    bool (*on_object_end)(void *user);
    bool (*on_list)(void *user);
    bool (*on_list_end)(void *user);
};

struct json_reader {
    const struct json_events *events; // every slot filled
    void *user;
    size_t depth_max;

    void *parser; // below: the reader's own
    size_t depth;
    size_t end;
    size_t value_end;
    enum json_outcome why;
};

// Reads one value. 0 or an outcome.
int json_read(struct json_reader *reader, struct str text) MUST_CHECK;

// Inside a handler: bytes of text up to and with the current token. After json_read: where it
// ended.
size_t json_read_offset(const struct json_reader *reader);

#endif
