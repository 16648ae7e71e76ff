// Structured log: one line an event, key=value or JSON, an event name first.
//
// Who logs: the tick, sessions and command boundaries. A function either logs an error or returns
// it, never both. The pure rooms (model, core, ops, engine) do not log at all. Values marked secret
// in the IDL never come here. Lines go to a sink that the program sets (standard error by default).
//
//     LOG_INFO("server.listening", LOG_STR("address", addr), LOG_INT("port", port));

#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };
enum log_format { LOG_FORMAT_KEY_VALUE, LOG_FORMAT_JSON };

struct log_field {
    const char *key;
    struct str text; // used when is_number is false
    int64_t number;
    bool is_number;
};

#define LOG_STR(k, s)  ((struct log_field){.key = (k), .text = (s)})
#define LOG_CSTR(k, s) ((struct log_field){.key = (k), .text = str_of(s)})
#define LOG_INT(k, n)  ((struct log_field){.key = (k), .number = (int64_t)(n), .is_number = true})

#define LOG_AT(level, event, ...)                                                                  \
    log_write((level), (event), (const struct log_field[]){__VA_ARGS__},                           \
              sizeof((struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))
#define LOG_DEBUG(event, ...) LOG_AT(LOG_LEVEL_DEBUG, event, __VA_ARGS__)
#define LOG_INFO(event, ...)  LOG_AT(LOG_LEVEL_INFO, event, __VA_ARGS__)
#define LOG_WARN(event, ...)  LOG_AT(LOG_LEVEL_WARN, event, __VA_ARGS__)
#define LOG_ERROR(event, ...) LOG_AT(LOG_LEVEL_ERROR, event, __VA_ARGS__)

// The program sets these once at start, before other threads run.
struct log_config {
    enum log_level lowest;
    enum log_format format;
    int64_t (*now_ms)(void); // NULL: lines carry no time
    void (*sink)(struct str line, void *user);
    void *user;
};
void log_configure(struct log_config config);
bool log_level_parse(struct str name, enum log_level *out);

void log_write(enum log_level level, const char *event, const struct log_field *fields, size_t n);

#endif
