// See scaling_config.h. A mistake is refused: an operator who wrote a setting means it.

#include "server/scaling_config.h"

#include "base/arena.h"
#include "base/buf.h"
#include "io/file.h"
#include "wire/uri.h"

enum { FILE_MAX = 1 << 20, SECTIONS_MAX = 1000 };

struct reader {
    struct arena *arena;
    struct scaling_config config;
    const char *fault; // of the line at hand
};

static bool fail(struct reader *r, const char *fault)
{
    r->fault = fault;
    return false;
}

static bool end_section(struct reader *r)
{
    const struct provider_limits *limits;
    const struct scaling_hook *hook;

    if (r->config.n == 0)
        return true;
    limits = &r->config.limits[r->config.n - 1];
    hook = &r->config.hooks[r->config.n - 1];
    if ((hook->command == NULL) == (hook->url.len == 0))
        return fail(r, "the section before this line needs either a command or a url");
    if (limits->size_min > limits->size_max)
        return fail(r, "min-size of the section before this line is above its max-size");
    return true;
}

static bool begin_section(struct reader *r, struct str line)
{
    struct str name = str_trim(str_take(str_from(line, 1), line.len - 2));

    if (!str_ends(line, STR("]")) || name.len == 0)
        return fail(r, "a section is written [NAME]");
    for (size_t i = 0; i < r->config.n; i++) {
        if (str_eq(r->config.limits[i].provider, name))
            return fail(r, "the capacity provider has a section already");
    }
    if (!end_section(r))
        return false;
    if (r->config.n == SECTIONS_MAX)
        return fail(r, "too many sections");
    r->config.hooks[r->config.n] = (struct scaling_hook){0};
    r->config.limits[r->config.n++] = (struct provider_limits){
        .provider = str_copy(r->arena, name),
        .size_max = INT32_MAX,
    };
    return true;
}

static bool read_number(struct reader *r, struct str value, int64_t *out)
{
    int64_t number;

    if (!str_to_i64(value, &number) || number < 0 || number > INT32_MAX)
        return fail(r, "a whole number from 0 to 2147483647 is wanted");
    *out = number;
    return true;
}

static bool read_url(struct reader *r, struct str value, struct scaling_hook *hook)
{
    struct uri uri;

    if (!uri_parse(r->arena, value, &uri) || uri.scheme == URI_UNIX)
        return fail(r, "the url is not one of http or https");
    hook->url = str_copy(r->arena, value);
    return true;
}

static bool read_setting(struct reader *r, struct str line)
{
    struct provider_limits *limits = &r->config.limits[r->config.n - 1];
    struct scaling_hook *hook = &r->config.hooks[r->config.n - 1];
    struct str key;
    struct str value;

    if (!str_cut(line, '=', &key, &value))
        return fail(r, "neither [NAME] nor key = value");
    if (r->config.n == 0)
        return fail(r, "a setting before the first [NAME]");
    key = str_trim(key);
    value = str_trim(value);
    if (value.len == 0)
        return fail(r, "a setting without a value");
    if (str_eq(key, STR("command"))) {
        hook->command = str_cstr(r->arena, value);
        return true;
    }
    if (str_eq(key, STR("url")))
        return read_url(r, value, hook);
    if (str_eq(key, STR("min-size")))
        return read_number(r, value, &limits->size_min);
    if (str_eq(key, STR("max-size")))
        return read_number(r, value, &limits->size_max);
    if (str_eq(key, STR("cpu")))
        return read_number(r, value, &limits->cpu_units);
    if (str_eq(key, STR("memory")))
        return read_number(r, value, &limits->memory_mib);
    if (str_eq(key, STR("gpus")))
        return read_number(r, value, &limits->gpus);
    return fail(r, "not a setting: command, url, min-size, max-size, cpu, memory, gpus");
}

static bool read_line(struct reader *r, struct str line)
{
    line = str_trim(line);
    if (line.len == 0 || line.ptr[0] == '#' || line.ptr[0] == ';')
        return true;
    return line.ptr[0] == '[' ? begin_section(r, line) : read_setting(r, line);
}

int scaling_config_parse(struct str text, struct arena *arena, struct scaling_config *out,
                         struct str *out_detail)
{
    struct reader r = {.arena = arena};
    struct str rest = text;
    struct str line;
    int number = 0;
    bool good = true;

    r.config.limits = arena_array(arena, struct provider_limits, SECTIONS_MAX);
    r.config.hooks = arena_array(arena, struct scaling_hook, SECTIONS_MAX);
    while (good && rest.len > 0) {
        number++;
        str_cut(rest, '\n', &line, &rest);
        good = read_line(&r, line);
    }
    if (good)
        good = end_section(&r);
    if (!good) {
        *out_detail = str_fmt(arena, "line %d: %s", number, r.fault);
        return SCALING_CONFIG_E_BAD;
    }
    *out = r.config;
    return 0;
}

int scaling_config_read(const char *path, struct arena *arena, struct scaling_config *out,
                        struct str *out_detail)
{
    BUF_AUTO struct buf text = BUF_INIT;
    int fault = file_read(path, FILE_MAX, &text);

    if (fault != 0) {
        *out_detail = str_of(strerrordesc_np(-fault));
        return SCALING_CONFIG_E_BAD;
    }
    return scaling_config_parse(buf_str(&text), arena, out, out_detail);
}
