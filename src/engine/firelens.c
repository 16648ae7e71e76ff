// See firelens.h. The sections come in the order in which both routers apply them: inputs, filters
// that drop records, the one that adds fields, the operator's own file, outputs.

#include "engine/firelens.h"

#include "base/arena.h"
#include "base/buf.h"

enum { BUFFER_DEFAULT_MIB = 25 };

struct writer {
    const struct firelens_router *router;
    struct arena *arena;
    struct buf *out;
};

#define LINE(w, ...)                                                                               \
    do {                                                                                           \
        buf_printf((w)->out, __VA_ARGS__);                                                         \
        buf_add_char((w)->out, '\n');                                                              \
    } while (0)

static bool is_bit(const struct writer *w)
{
    return w->router->kind == FIRELENS_FLUENT_BIT;
}

// ---- inputs

static const char *listen_address(const struct firelens_router *router)
{
    return router->network == FIRELENS_AWSVPC ? "127.0.0.1" : "0.0.0.0";
}

static void write_bit_inputs(struct writer *w)
{
    int64_t half = w->router->memory_mib > 0 ? w->router->memory_mib / 2 : BUFFER_DEFAULT_MIB;

    LINE(w,
         "[INPUT]\n    Name forward\n    unix_path /var/run/fluent.sock\n    Mem_Buf_Limit %lldMB",
         (long long)half);
    if (w->router->network == FIRELENS_HOST)
        return;
    LINE(w, "[INPUT]\n    Name forward\n    Listen %s\n    Port 24224", listen_address(w->router));
    LINE(
        w,
        "[INPUT]\n    Name tcp\n    Tag firelens-healthcheck\n    Listen 127.0.0.1\n    Port 8877");
}

static void write_fluentd_inputs(struct writer *w)
{
    LINE(w, "<source>\n    @type unix\n    path /var/run/fluent.sock\n</source>");
    if (w->router->network != FIRELENS_HOST)
        LINE(w, "<source>\n    @type forward\n    bind %s\n    port 24224\n</source>",
             listen_address(w->router));
}

// ---- filters

static struct str option_of(const struct firelens_sender *sender, const char *name)
{
    for (size_t i = 0; i < sender->options_n; i++) {
        if (str_eq(sender->options[i].key, str_of(name)))
            return sender->options[i].value;
    }
    return STR_NONE;
}

static void write_grep(struct writer *w, const struct firelens_sender *sender, bool keeps)
{
    struct str pattern = option_of(sender, keeps ? "include-pattern" : "exclude-pattern");
    const char *block = keeps ? "regexp" : "exclude";

    if (pattern.len == 0)
        return;
    if (is_bit(w))
        LINE(w, "[FILTER]\n    Name grep\n    Match %.*s-firelens*\n    %s log %.*s",
             STR_ARGS(sender->container), keeps ? "Regex" : "Exclude", STR_ARGS(pattern));
    else
        LINE(w,
             "<filter %.*s-firelens**>\n    @type grep\n    <%s>\n        key log\n"
             "        pattern %.*s\n    </%s>\n</filter>",
             STR_ARGS(sender->container), block, STR_ARGS(pattern), block);
}

static void write_field(struct writer *w, const char *name, struct str value)
{
    if (value.len > 0)
        LINE(w, is_bit(w) ? "    Record %s %.*s" : "        %s %.*s", name, STR_ARGS(value));
}

static void write_metadata(struct writer *w)
{
    const struct firelens_router *router = w->router;

    if (!router->adds_metadata)
        return;
    if (is_bit(w))
        LINE(w, "[FILTER]\n    Name record_modifier\n    Match *");
    else
        LINE(w, "<filter **>\n    @type record_transformer\n    <record>");
    write_field(w, "ecs_cluster", router->cluster);
    write_field(w, "ecs_task_arn", router->task_arn);
    write_field(w, "ecs_task_definition", router->definition);
    write_field(w, "ec2_instance_id", router->instance_id);
    if (!is_bit(w))
        LINE(w, "    </record>\n</filter>");
}

// ---- outputs

// Options of the log driver, not of the output.
static bool is_drivers_own(struct str name)
{
    return str_eq(name, STR("include-pattern")) || str_eq(name, STR("exclude-pattern")) ||
           str_eq(name, STR("log-driver-buffer-limit"));
}

static bool has_output_options(const struct firelens_sender *sender)
{
    for (size_t i = 0; i < sender->options_n; i++) {
        if (!is_drivers_own(sender->options[i].key))
            return true;
    }
    return sender->secrets_n > 0;
}

static void write_option(struct writer *w, struct str name, struct str value)
{
    LINE(w, "    %.*s %.*s", STR_ARGS(name), STR_ARGS(value));
}

static struct str placeholder(struct writer *w, const struct firelens_sender *sender, size_t i)
{
    struct str name = firelens_secret_name(w->arena, sender, sender->secrets[i]);

    return str_fmt(w->arena, is_bit(w) ? "${%.*s}" : "\"#{ENV['%.*s']}\"", STR_ARGS(name));
}

static int write_output(struct writer *w, const struct firelens_sender *sender,
                        struct str *out_reason)
{
    const char *key = is_bit(w) ? "Name" : "@type";
    struct str plugin = option_of(sender, key);

    if (!has_output_options(sender))
        return 0;
    if (plugin.len == 0) {
        *out_reason = str_fmt(w->arena,
                              "missing output key %s which is required for firelens configuration "
                              "of type %s",
                              key, is_bit(w) ? "fluentbit" : "fluentd");
        return FIRELENS_E_NO_OUTPUT;
    }
    if (is_bit(w))
        LINE(w, "[OUTPUT]\n    Name %.*s\n    Match %.*s-firelens*", STR_ARGS(plugin),
             STR_ARGS(sender->container));
    else
        LINE(w, "<match %.*s-firelens**>\n    @type %.*s", STR_ARGS(sender->container),
             STR_ARGS(plugin));
    for (size_t i = 0; i < sender->options_n; i++) {
        const struct str_pair *option = &sender->options[i];

        if (!is_drivers_own(option->key) && !str_eq(option->key, str_of(key)))
            write_option(w, option->key, option->value);
    }
    for (size_t i = 0; i < sender->secrets_n; i++)
        write_option(w, sender->secrets[i], placeholder(w, sender, i));
    if (!is_bit(w))
        LINE(w, "</match>");
    return 0;
}

// ---- all of it

int firelens_config(const struct firelens_router *router, const struct firelens_sender *senders,
                    size_t senders_n, struct arena *arena, struct buf *out, struct str *out_reason)
{
    struct writer w = {.router = router, .arena = arena, .out = out};

    if (is_bit(&w))
        write_bit_inputs(&w);
    else
        write_fluentd_inputs(&w);
    for (size_t i = 0; i < senders_n; i++)
        write_grep(&w, &senders[i], true);
    for (size_t i = 0; i < senders_n; i++)
        write_grep(&w, &senders[i], false);
    write_metadata(&w);
    if (router->external.len > 0)
        LINE(&w, is_bit(&w) ? "@INCLUDE %.*s" : "@include %.*s", STR_ARGS(router->external));
    if (is_bit(&w) && router->network != FIRELENS_HOST)
        LINE(&w, "[OUTPUT]\n    Name null\n    Match firelens-healthcheck");
    for (size_t i = 0; i < senders_n; i++) {
        if (write_output(&w, &senders[i], out_reason) != 0)
            return FIRELENS_E_NO_OUTPUT;
    }
    return 0;
}

struct str firelens_secret_name(struct arena *arena, const struct firelens_sender *sender,
                                struct str option)
{
    return str_fmt(arena, "%.*s_%zu", STR_ARGS(option), sender->index);
}

struct str firelens_config_path(enum firelens_kind kind)
{
    return kind == FIRELENS_FLUENTD ? STR("/fluentd/etc/fluent.conf")
                                    : STR("/fluent-bit/etc/fluent-bit.conf");
}

struct str firelens_external_path(enum firelens_kind kind)
{
    return kind == FIRELENS_FLUENTD ? STR("/fluentd/etc/external.conf")
                                    : STR("/fluent-bit/etc/external.conf");
}
