// Formats a line in one buffer and hands it to the sink in one call, so that lines of several
// threads never interleave.

#include "base/log.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/timefmt.h"

static void write_to_stderr(struct str line, void *user)
{
    (void)user;
    fwrite(line.ptr, 1, line.len, stderr);
}

static struct log_config config = {.lowest = LOG_LEVEL_INFO, .sink = write_to_stderr};

static const char *const level_names[] = {
    [LOG_LEVEL_DEBUG] = "debug",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_WARN] = "warn",
    [LOG_LEVEL_ERROR] = "error",
};

void log_configure(struct log_config wanted)
{
    config = wanted;
    if (config.sink == NULL)
        config.sink = write_to_stderr;
}

bool log_level_parse(struct str name, enum log_level *out)
{
    for (size_t i = 0; i < sizeof level_names / sizeof *level_names; i++) {
        if (str_eq(name, str_of(level_names[i]))) {
            *out = (enum log_level)i;
            return true;
        }
    }
    return false;
}

static void add_quoted(struct buf *line, struct str s)
{
    buf_add_char(line, '"');
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c == '"' || c == '\\')
            buf_printf(line, "\\%c", c);
        else if (c == '\n')
            buf_add_str(line, STR("\\n"));
        else if (c < 0x20)
            buf_printf(line, "\\u%04x", c);
        else
            buf_add_char(line, (char)c);
    }
    buf_add_char(line, '"');
}

static bool needs_quotes(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c <= ' ' || c == '"' || c == '=' || c == '\\')
            return true;
    }
    return s.len == 0;
}

static void add_field(struct buf *line, const struct log_field *field)
{
    bool json = config.format == LOG_FORMAT_JSON;

    buf_printf(line, json ? ",\"%s\":" : " %s=", field->key);
    if (field->is_number)
        buf_add_i64(line, field->number);
    else if (json || needs_quotes(field->text))
        add_quoted(line, field->text);
    else
        buf_add_str(line, field->text);
}

void log_write(enum log_level level, const char *event, const struct log_field *fields, size_t n)
{
    BUF_AUTO struct buf line = BUF_INIT;
    bool json = config.format == LOG_FORMAT_JSON;

    if (level < config.lowest)
        return;
    if (json)
        buf_printf(&line, "{\"level\":\"%s\",\"event\":\"%s\"", level_names[level], event);
    else
        buf_printf(&line, "level=%s event=%s", level_names[level], event);
    if (config.now_ms != NULL) {
        struct arena scratch = ARENA_INIT;
        add_field(&line, &LOG_STR("time", time_iso8601(&scratch, config.now_ms())));
        arena_deinit(&scratch);
    }
    for (size_t i = 0; i < n; i++)
        add_field(&line, &fields[i]);
    buf_add_str(&line, json ? STR("}\n") : STR("\n"));
    config.sink(buf_str(&line), config.user);
}
