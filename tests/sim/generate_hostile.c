// Requests that are wrong, or look it: made from the shape of a request alone, or a good one with
// something in it exchanged, or no request at all.
//
// With `nasty` 0 the first kind is what the shape allows, which is how operations get their calls
// that nobody wrote a request for.

#include "base/assert.h"
#include "shape/slot.h"
#include "tests/sim/generate_internal.h"
#include "wire/json_read.h"

enum { LONG_TEXT = 70000, MANY = 10001, DEEP = 80, NESTED_MAX = 12 };

// --- values that hurt

static void write_long_text(struct generator *g, size_t len)
{
    BUF_AUTO struct buf text = BUF_INIT;

    for (size_t i = 0; i < len; i++)
        buf_add_char(&text, 'x');
    json_write_str(&g->out, buf_str(&text));
}

static void write_deep(struct generator *g)
{
    bool objects = one_in(g, 2);

    for (int i = 0; i < DEEP; i++)
        buf_add_str(g->out.out, objects ? STR("{\"a\":") : STR("["));
    buf_add_str(g->out.out, STR("1"));
    for (int i = 0; i < DEEP; i++)
        buf_add_char(g->out.out, objects ? '}' : ']');
    g->out.comma = true;
}

static void write_long_list(struct generator *g)
{
    size_t n = one_in(g, 20) ? MANY : 11 + below(g, 100);
    struct str entry = ONE_OF(g, "\"x\"", "{}", "1", "null", "[]");

    json_write_list(&g->out);
    for (size_t i = 0; i < n; i++)
        json_write_raw(&g->out, entry);
    json_write_list_end(&g->out);
}

static struct str nasty_number(struct generator *g)
{
    return ONE_OF(g, "0", "-1", "1", "65535", "65536", "2147483647", "2147483648", "-2147483648",
                  "9223372036854775807", "9223372036854775808", "1e400", "-0", "0.5", "1e3",
                  "99999999999999999999999999");
}

// As JSON: escapes and raw bytes.
static struct str nasty_text(struct generator *g)
{
    return ONE_OF(g, "\"\"", "\" \"", "\"*\"", "\"../../etc\"", "\"a\\u0000b\"", "\"\\ud800\"",
                  "\"\\udc00x\"", "\"\\ud83d\\ude00\"", "\"\\u202etxet\"",
                  "\"e\\u0301\\u0301\\u0301\"", "\"\xc3\x28\"", "\"\xf0\x9f\x98\x80\"",
                  "\"\\ufeff\"", "\"\\n\\r\\t\\b\"", "\"%s%n%d\"", "\"' OR 1=1 --\"",
                  "\"{\\\"a\\\":1}\"", "\"NONE\"", "\"null\"", "\"-1\"", "\"18446744073709551616\"",
                  "\"aws:x\"", "\"service:x\"", "\":\"", "\"/\"", "\"web:0\"", "\"web:2147483648\"",
                  "\"web:1:1\"");
}

static struct str nasty_arn(struct generator *g)
{
    return ONE_OF(g, "\"arn:aws:ecs:us-east-1:999999999999:cluster/default\"",
                  "\"arn:aws:ecs:eu-west-1:123456789012:cluster/default\"",
                  "\"arn:aws:ecs:us-east-1:123456789012:task/blue\"",
                  "\"arn:aws:ecs:us-east-1:123456789012:task/blue/../x\"",
                  "\"arn:aws:ecs:us-east-1:123456789012:task-definition/web\"",
                  "\"arn:aws:ecs:us-east-1:123456789012:task-definition/web:1:2\"",
                  "\"arn:aws:ecs:us-east-1:123456789012:service/default/x\"",
                  "\"arn:aws:ec2:us-east-1:123456789012:instance/i-1\"", "\"arn:aws:ecs\"",
                  "\"arn:::::\"", "\"arn:aws:ecs:us-east-1:123456789012:cluster/\"",
                  "\"arn:aws-cn:ecs:us-east-1:123456789012:cluster/default\"");
}

void write_nasty_value(struct generator *g)
{
    switch (below(g, 16)) {
    case 0: json_write_null(&g->out); return;
    case 1: json_write_bool(&g->out, one_in(g, 2)); return;
    case 2: json_write_raw(&g->out, STR("[]")); return;
    case 3: json_write_raw(&g->out, STR("{}")); return;
    case 4: json_write_raw(&g->out, STR("[[null]]")); return;
    case 5: json_write_raw(&g->out, STR("[{\"name\":[]}]")); return;
    case 6: write_long_list(g); return;
    case 7: write_long_text(g, one_in(g, 20) ? LONG_TEXT : 200 + below(g, 100)); return;
    case 8:
        if (one_in(g, 3)) {
            write_deep(g);
            return;
        }
        json_write_raw(&g->out, nasty_number(g));
        return;
    case 9:
    case 10: json_write_raw(&g->out, nasty_number(g)); return;
    case 11:
    case 12: json_write_raw(&g->out, nasty_arn(g)); return;
    default: json_write_raw(&g->out, nasty_text(g)); return;
    }
}

// --- from the shape

struct making {
    struct generator *g;
    uint32_t nasty;
    uint32_t depth;
    bool secret;
};

static struct str text_for(struct generator *g, struct str member)
{
    if (str_eq(member, STR("cluster")) || str_eq(member, STR("clusterArn")) ||
        str_eq(member, STR("clusterName")) || str_eq(member, STR("clusters")))
        return g->cluster;
    if (str_starts(member, STR("containerInstance")) || str_eq(member, STR("targetId")))
        return refer(g, KNOWN_INSTANCE);
    if (str_eq(member, STR("task")) || str_eq(member, STR("tasks")))
        return refer(g, KNOWN_TASK);
    if (str_starts(member, STR("taskDefinition")))
        return any_definition(g);
    if (str_eq(member, STR("family")))
        return generate_family(g);
    if (str_eq(member, STR("expression")))
        return generate_expression(g);
    return ONE_OF(g, "app", "zone", "web", "linux", "arn:aws:iam::123456789012:role/worker", "256",
                  "512", "x", "mine");
}

// Within the limits, at them, and for the nasty one beyond.
static size_t length_for(struct making *m, uint32_t low, uint32_t high)
{
    struct generator *g = m->g;

    if (m->nasty > 0 && one_in(g, 6))
        return (size_t)high + 1;
    if (one_in(g, 4))
        return one_in(g, 2) ? high : low;
    return (size_t)between(g, low, low + 8 < high ? low + 8 : high);
}

static void write_text(struct making *m, const struct shape_field *field)
{
    struct generator *g = m->g;

    if (m->secret) {
        put_str(g, NULL, text_fmt(g, GENERATE_SENTINEL "-%llu", (unsigned long long)g->serial++));
        return;
    }
    if ((field->flags & SHAPE_HAS_LEN) && one_in(g, 3)) {
        write_long_text(g, length_for(m, field->limits->len_min, field->limits->len_max));
        return;
    }
    put_str(g, NULL, text_for(g, field->name));
}

static void write_integer(struct making *m, const struct shape_field *field)
{
    struct generator *g = m->g;
    int64_t low = (field->flags & SHAPE_HAS_MIN) ? (int64_t)field->limits->min : 0;
    int64_t high = (field->flags & SHAPE_HAS_MAX) ? (int64_t)field->limits->max : low + 300;

    if (m->nasty > 0 && one_in(g, 6))
        put_int(g, NULL, one_in(g, 2) ? high + 1 : low - 1);
    else if (one_in(g, 4))
        put_int(g, NULL, one_in(g, 2) ? high : low);
    else
        put_int(g, NULL, between(g, low, high));
}

static void write_enum(struct making *m, const struct shape_field *field)
{
    struct generator *g = m->g;

    if (m->nasty > 0 && one_in(g, 6))
        put_str(g, NULL, STR("SOMETHING_ELSE"));
    else
        put_str(g, NULL, field->enums->values[1 + below(g, field->enums->n - 1)]);
}

static void write_slot(struct making *m, const struct shape_field *field, enum slot_level level);

static void write_members(struct making *m, const struct shape *shape)
{
    struct generator *g = m->g;
    bool was_secret = m->secret;

    m->depth++;
    for (uint32_t i = 0; i < shape->fields_n; i++) {
        const struct shape_field *field = &shape->fields[i];
        bool wanted = (field->flags & SHAPE_REQUIRED) ? m->nasty == 0 || !one_in(g, 8)
                                                      : one_in(g, m->depth < 3 ? 4 : 8);

        if (!wanted || m->depth > NESTED_MAX)
            continue;
        m->secret = was_secret || (field->flags & SHAPE_SECRET);
        json_write_key(&g->out, field->name);
        if (!m->secret && below(g, 10) < m->nasty)
            write_nasty_value(g);
        else
            write_slot(m, field, SLOT_MEMBER);
    }
    m->depth--;
    m->secret = was_secret;
}

static uint64_t size_for(struct making *m, const struct shape_field *field, enum slot_level level)
{
    struct generator *g = m->g;

    if (level != SLOT_MEMBER || !(field->flags & SHAPE_HAS_SIZE) || one_in(g, 2))
        return below(g, 3);
    return length_for(m, field->limits->size_min, field->limits->size_max);
}

static void write_entries(struct making *m, const struct shape_field *field, enum slot_level level)
{
    struct generator *g = m->g;
    bool is_map = slot_type(field, level) == SHAPE_MAP;
    uint64_t n = size_for(m, field, level);

    if (is_map)
        json_write_object(&g->out);
    else
        json_write_list(&g->out);
    for (uint64_t i = 0; i < n; i++) {
        if (is_map)
            json_write_key(&g->out, text_fmt(g, "key%d", (int)i));
        write_slot(m, field, level + 1);
    }
    if (is_map)
        json_write_object_end(&g->out);
    else
        json_write_list_end(&g->out);
}

static void write_slot(struct making *m, const struct shape_field *field, enum slot_level level)
{
    struct generator *g = m->g;

    switch (slot_type(field, level)) {
    case SHAPE_STRING: write_text(m, field); return;
    case SHAPE_ENUM: write_enum(m, field); return;
    case SHAPE_BOOL: put_bool(g, NULL, one_in(g, 2)); return;
    case SHAPE_INT:
    case SHAPE_LONG:
    case SHAPE_DOUBLE: write_integer(m, field); return;
    case SHAPE_TIME: json_write_time(&g->out, between(g, 0, INT64_C(4000000000000))); return;
    case SHAPE_DATE: put_str(g, NULL, STR("2026-01-01T00:00:00Z")); return;
    case SHAPE_STRUCT:
        json_write_object(&g->out);
        write_members(m, field->shape);
        json_write_object_end(&g->out);
        return;
    case SHAPE_TEXT: put_str(g, NULL, STR("{}")); return;
    case SHAPE_DOC: json_write_raw(&g->out, STR("{\"a\":[1]}")); return;
    case SHAPE_LIST:
    case SHAPE_MAP: write_entries(m, field, level); return;
    }
    UNREACHABLE();
}

void write_from_shape(struct generator *g, const struct shape *shape, uint32_t nasty)
{
    struct making making = {.g = g, .nasty = nasty};

    write_members(&making, shape);
}

// --- not even a request

void write_nonsense(struct generator *g)
{
    static const char *const texts[] = {
        "",
        "null",
        "[]",
        "\"text\"",
        "12",
        "{",
        "{\"a\":}",
        "{\"a\":1,}",
        "{\"a\" 1}",
        "{} {}",
        "{'a':1}",
        "\xef\xbb\xbf{}",
        "{\"cluster\":\"a\",\"cluster\":\"b\"}",
        "{\"a\":NaN}",
        "{\"a\":01}",
        "{\"\xff\":1}",
        "{\"cluster\":\"x\"",
        "/* no */{}",
        "{\"a\":\"\x01\"}",
    };

    if (one_in(g, 8))
        write_deep(g);
    else
        buf_add_str(g->out.out, str_of(texts[below(g, sizeof texts / sizeof *texts)]));
}

// --- a good one, spoilt

enum spoil { SPOIL_VALUE, SPOIL_NULL, SPOIL_KEY, SPOIL_DOUBLE, SPOIL_EXTRA, SPOIL_N };

// Copies what it reads; at token number `at` it does something else.
struct copyist {
    struct generator *g;
    struct json_writer out;
    uint64_t seen;
    uint64_t at; // UINT64_MAX: nowhere
    enum spoil how;
    size_t depth;        // inside a value that is left out
    bool skipping;       // the value that comes next, or is under way, is left out
    bool copies_nothing; // counts only
};

static bool is_here(struct copyist *c)
{
    return c->seen++ == c->at && !c->copies_nothing;
}

// Before each value: true when it is to be copied.
static bool begin_value(struct copyist *c)
{
    if (c->depth > 0)
        return false;
    if (c->skipping) {
        c->skipping = false;
        return false;
    }
    if (!is_here(c) || c->how >= SPOIL_KEY)
        return !c->copies_nothing;
    c->g->out = c->out;
    if (c->how == SPOIL_NULL)
        json_write_null(&c->g->out);
    else
        write_nasty_value(c->g);
    c->out = c->g->out;
    return false;
}

static bool copy_null(void *user)
{
    struct copyist *c = user;

    if (begin_value(c))
        json_write_null(&c->out);
    return true;
}

static bool copy_bool(void *user, bool value)
{
    struct copyist *c = user;

    if (begin_value(c))
        json_write_bool(&c->out, value);
    return true;
}

static bool copy_number(void *user, struct str text)
{
    struct copyist *c = user;

    if (begin_value(c))
        json_write_raw(&c->out, text);
    return true;
}

static bool copy_string(void *user, struct str text)
{
    struct copyist *c = user;

    if (begin_value(c))
        json_write_str(&c->out, text);
    return true;
}

// A container that is left out is left out with everything in it.
static bool open_container(struct copyist *c, void (*write)(struct json_writer *w))
{
    if (c->depth > 0 || (!begin_value(c) && !c->copies_nothing))
        c->depth++;
    else if (!c->copies_nothing)
        write(&c->out);
    return true;
}

static bool close_container(struct copyist *c, void (*write)(struct json_writer *w))
{
    if (c->depth > 0)
        c->depth--;
    else if (!c->copies_nothing)
        write(&c->out);
    return true;
}

static bool copy_object(void *user)
{
    return open_container(user, json_write_object);
}

static bool copy_object_end(void *user)
{
    return close_container(user, json_write_object_end);
}

static bool copy_list(void *user)
{
    return open_container(user, json_write_list);
}

static bool copy_list_end(void *user)
{
    return close_container(user, json_write_list_end);
}

static void spoil_key(struct copyist *c, struct str name)
{
    switch (c->how) {
    case SPOIL_KEY: json_write_key(&c->out, STR("unheardOf")); return;
    case SPOIL_DOUBLE:
        json_write_key(&c->out, name);
        json_write_raw(&c->out, STR("null"));
        json_write_key(&c->out, name);
        return;
    case SPOIL_EXTRA:
        json_write_key(&c->out, STR("unheardOf"));
        json_write_raw(&c->out, STR("{\"a\":[{\"b\":null}]}"));
        json_write_key(&c->out, name);
        return;
    case SPOIL_VALUE:
    case SPOIL_NULL: // the member is left out
        c->skipping = true;
        return;
    case SPOIL_N: break;
    }
    UNREACHABLE();
}

static bool copy_key(void *user, struct str name)
{
    struct copyist *c = user;

    if (c->depth > 0)
        return true;
    if (is_here(c))
        spoil_key(c, name);
    else if (!c->copies_nothing)
        json_write_key(&c->out, name);
    return true;
}

static void copy(struct copyist *c, struct str json)
{
    static const struct json_events events = {
        .on_null = copy_null,
        .on_bool = copy_bool,
        .on_number = copy_number,
        .on_string = copy_string,
        .on_object = copy_object,
        .on_key = copy_key,
        .on_object_end = copy_object_end,
        .on_list = copy_list,
        .on_list_end = copy_list_end,
    };
    struct json_reader reader = {.events = &events, .user = c, .depth_max = JSON_DEPTH_MAX};

    ASSERT(json_read(&reader, json) == 0);
}

// One spoiling at a time: after some of them the text can no longer be read.
void write_spoilt(struct generator *g, struct str json, struct buf *out)
{
    struct copyist counter = {.g = g, .at = UINT64_MAX, .copies_nothing = true};
    struct copyist copyist = {.g = g, .out = json_writer(out)};

    copy(&counter, json);
    copyist.at = counter.seen > 1 ? 1 + below(g, counter.seen - 1) : 0;
    copyist.how = (enum spoil)below(g, SPOIL_N);
    copy(&copyist, json);
}
