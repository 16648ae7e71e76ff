// JSON text into a buffer. Whatever is written is valid: commas are set here, text is escaped, and
// bytes that are not UTF-8 (and NUL) come out as U+FFFD. Nothing can fail.
//
//     struct json_writer w = json_writer(&buf);
//     json_write_object(&w);
//     json_write_key(&w, STR("status"));
//     json_write_str(&w, STR("ok"));
//     json_write_object_end(&w);

#ifndef WIRE_JSON_WRITE_H
#define WIRE_JSON_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

struct json_writer {
    struct buf *out;
    bool comma; // a value stands right before: the next one needs a comma
};

static inline struct json_writer json_writer(struct buf *out)
{
    return (struct json_writer){.out = out};
}

void json_write_object(struct json_writer *w);
void json_write_object_end(struct json_writer *w);
void json_write_list(struct json_writer *w);
void json_write_list_end(struct json_writer *w);
void json_write_key(struct json_writer *w, struct str name);

// A key that is known to need no escapes: a wire name.
void json_write_name(struct json_writer *w, struct str name);

void json_write_null(struct json_writer *w);
void json_write_bool(struct json_writer *w, bool value);
void json_write_i64(struct json_writer *w, int64_t value);
void json_write_str(struct json_writer *w, struct str text);

// The shortest text that reads back as the same double; whole numbers keep a ".0". `value` is
// finite.
void json_write_double(struct json_writer *w, double value);

// Milliseconds as seconds with up to three decimals: 1789573440.626.
void json_write_time(struct json_writer *w, int64_t ms);

// `json` is a complete JSON value, copied as it is.
void json_write_raw(struct json_writer *w, struct str json);

#endif
