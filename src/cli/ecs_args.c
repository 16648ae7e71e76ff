// See ecs_args.h. The members are written in the order given; a member given twice is the server's
// to refuse, since JSON has it twice too.

#include "cli/ecs_args.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/timefmt.h"
#include "client/client.h"
#include "io/file.h"
#include "wire/json_write.h"

enum { FILE_MAX = 4 << 20 };

struct reader {
    struct arena *arena;
    struct json_writer w;
    struct str why;
};

static int bad(struct reader *r, const char *what, struct str subject)
{
    r->why = str_fmt(r->arena, "%s '%.*s'", what, STR_ARGS(subject));
    return ECS_ARGS_E_BAD;
}

static const struct shape_field *field_of_flag(const struct shape *shape, struct str flag)
{
    for (size_t i = 0; i < shape->fields_n; i++) {
        if (client_is_kebab(flag, shape->fields[i].name) || str_eq(flag, shape->fields[i].name))
            return &shape->fields[i];
    }
    return NULL;
}

static bool looks_like_json(struct str text)
{
    text = str_trim(text);
    return text.len > 0 && (text.ptr[0] == '{' || text.ptr[0] == '[');
}

static size_t digits_at(struct str text, size_t at)
{
    size_t n = 0;

    while (at + n < text.len && text.ptr[at + n] >= '0' && text.ptr[at + n] <= '9')
        n++;
    return n;
}

static bool is_one_of(struct str text, size_t at, const char *set)
{
    return at < text.len && text.ptr[at] != '\0' && strchr(set, text.ptr[at]) != NULL;
}

// As JSON writes numbers, because it goes into the request as it is.
static bool is_number(struct str text)
{
    size_t at = is_one_of(text, 0, "-");
    size_t n = digits_at(text, at);

    if (n == 0 || (n > 1 && text.ptr[at] == '0'))
        return false;
    at += n;
    if (is_one_of(text, at, ".")) {
        n = digits_at(text, at + 1);
        if (n == 0)
            return false;
        at += 1 + n;
    }
    if (is_one_of(text, at, "eE")) {
        at += 1 + is_one_of(text, at + 1, "+-");
        n = digits_at(text, at);
        if (n == 0)
            return false;
        at += n;
    }
    return at == text.len;
}

static int write_bool(struct reader *r, struct str text)
{
    bool yes = str_eq_nocase(text, STR("true"));

    if (!yes && !str_eq_nocase(text, STR("false")))
        return bad(r, "true or false, not", text);
    json_write_bool(&r->w, yes);
    return 0;
}

static int write_time(struct reader *r, struct str text)
{
    time_ms t;

    if (time_parse_rfc3339(text, &t)) {
        json_write_time(&r->w, t);
        return 0;
    }
    if (!is_number(text))
        return bad(r, "not a time:", text);
    json_write_raw(&r->w, text);
    return 0;
}

static int write_scalar(struct reader *r, enum shape_type type, struct str text)
{
    switch (type) {
    case SHAPE_BOOL: return write_bool(r, text);
    case SHAPE_TIME: return write_time(r, text);
    case SHAPE_INT:
    case SHAPE_LONG:
    case SHAPE_DOUBLE:
        if (!is_number(text))
            return bad(r, "not a number:", text);
        json_write_raw(&r->w, text);
        return 0;
    case SHAPE_STRING:
    case SHAPE_ENUM:
    case SHAPE_DATE: json_write_str(&r->w, text); return 0;
    case SHAPE_STRUCT:
    case SHAPE_TEXT:
    case SHAPE_DOC:
    case SHAPE_LIST:
    case SHAPE_MAP: break;
    }
    return bad(r, "give this as JSON:", text);
}

// "[a,b]" or "a,b" inside a short form.
static int write_short_list(struct reader *r, const struct shape_field *field, struct str text)
{
    struct str item;

    if (str_starts(text, STR("[")) && str_ends(text, STR("]")))
        text = str_span(text.ptr + 1, text.len - 2);
    json_write_list(&r->w);
    while (text.len > 0) {
        str_cut(text, ',', &item, &text);
        if (write_scalar(r, (enum shape_type)field->element, item) != 0)
            return ECS_ARGS_E_BAD;
    }
    json_write_list_end(&r->w);
    return 0;
}

// The next key=value of a short form. A piece without '=' still belongs to the value before it, so
// that "names=a,b,other=c" has two pairs; commas inside brackets do not cut either.
static bool next_pair(struct str *rest, struct str *out_key, struct str *out_value)
{
    size_t end = 0;
    int depth = 0;

    if (!str_cut(*rest, '=', out_key, out_value))
        return false;
    while (end < out_value->len) {
        struct str ahead = str_from(*out_value, end);
        struct str piece;
        struct str after;
        char c = ahead.ptr[0];

        depth += (c == '[' || c == '{') - (c == ']' || c == '}');
        if (c == ',' && depth == 0) {
            str_cut(str_from(ahead, 1), ',', &piece, &after);
            if (str_has_char(piece, '='))
                break;
        }
        end++;
    }
    *rest = str_from(*out_value, end + 1);
    *out_value = str_take(*out_value, end);
    return true;
}

static int write_short_struct(struct reader *r, const struct shape *shape, struct str text)
{
    struct str whole = text;
    struct str key;
    struct str value;

    json_write_object(&r->w);
    while (text.len > 0) {
        const struct shape_field *field;
        int rc;

        if (!next_pair(&text, &key, &value))
            return bad(r, "not JSON and not key=value:", whole);
        field = shape_find(shape, key);
        if (field == NULL)
            return bad(r, "no such member:", key);
        json_write_key(&r->w, key);
        if (looks_like_json(value) && field->type != SHAPE_LIST) {
            json_write_raw(&r->w, value);
            continue;
        }
        rc = field->type == SHAPE_LIST ? write_short_list(r, field, value)
                                       : write_scalar(r, (enum shape_type)field->type, value);
        if (rc != 0)
            return rc;
    }
    json_write_object_end(&r->w);
    return 0;
}

static int write_short_map(struct reader *r, struct str text)
{
    struct str whole = text;
    struct str key;
    struct str value;

    json_write_object(&r->w);
    while (text.len > 0) {
        if (!next_pair(&text, &key, &value))
            return bad(r, "not JSON and not key=value:", whole);
        json_write_key(&r->w, key);
        json_write_str(&r->w, value);
    }
    json_write_object_end(&r->w);
    return 0;
}

static int write_element(struct reader *r, const struct shape_field *field, struct str text)
{
    if (field->element != SHAPE_STRUCT)
        return write_scalar(r, (enum shape_type)field->element, text);
    if (looks_like_json(text)) {
        json_write_raw(&r->w, text);
        return 0;
    }
    return write_short_struct(r, field->shape, text);
}

static int write_list(struct reader *r, const struct shape_field *field, const struct str *values,
                      size_t n)
{
    if (n == 1 && str_starts(str_trim(values[0]), STR("["))) {
        json_write_raw(&r->w, values[0]);
        return 0;
    }
    json_write_list(&r->w);
    for (size_t i = 0; i < n; i++) {
        if (write_element(r, field, values[i]) != 0)
            return ECS_ARGS_E_BAD;
    }
    json_write_list_end(&r->w);
    return 0;
}

static int write_value(struct reader *r, const struct shape_field *field, const struct str *values,
                       size_t n)
{
    struct str one = n > 0 ? values[0] : STR_NONE;

    if (field->type == SHAPE_LIST)
        return write_list(r, field, values, n);
    if (n == 0 && field->type == SHAPE_BOOL)
        one = STR("true");
    else if (n != 1)
        return bad(r, "one value for", field->name);
    if (field->type == SHAPE_DOC ||
        (looks_like_json(one) && (field->type == SHAPE_STRUCT || field->type == SHAPE_MAP))) {
        json_write_raw(&r->w, one);
        return 0;
    }
    if (field->type == SHAPE_STRUCT)
        return write_short_struct(r, field->shape, one);
    if (field->type == SHAPE_MAP)
        return write_short_map(r, one);
    return write_scalar(r, (enum shape_type)field->type, one);
}

// A value "file://PATH" stands for the file's text.
static int load_value(struct reader *r, const char *argument, struct str *out)
{
    struct str text = str_of(argument);
    BUF_AUTO struct buf file = BUF_INIT;
    int rc;

    *out = text;
    if (!str_starts(text, STR("file://")))
        return 0;
    rc = file_read(argument + strlen("file://"), FILE_MAX, &file);
    if (rc != 0)
        return bad(r, strerrordesc_np(-rc), text);
    *out = str_trim(str_copy(r->arena, buf_str(&file)));
    return 0;
}

static bool is_flag(const char *argument)
{
    return argument[0] == '-' && argument[1] == '-' && argument[2] != '\0';
}

static int write_flag(struct reader *r, const struct shape *shape, struct str flag,
                      const struct str *values, size_t n)
{
    const struct shape_field *field = field_of_flag(shape, flag);

    if (field == NULL && str_starts(flag, STR("no-"))) {
        field = field_of_flag(shape, str_from(flag, 3));
        if (field != NULL && field->type == SHAPE_BOOL && n == 0) {
            json_write_key(&r->w, field->name);
            json_write_bool(&r->w, false);
            return 0;
        }
        field = NULL;
    }
    if (field == NULL)
        return bad(r, "no such flag: --", flag);
    json_write_key(&r->w, field->name);
    return write_value(r, field, values, n);
}

// --cli-input-json gives the whole object; the other flags are written behind its members.
static int write_input(struct reader *r, struct str json)
{
    struct str inner = str_trim(json);

    if (!str_starts(inner, STR("{")) || !str_ends(inner, STR("}")))
        return bad(r, "not a JSON object:", json);
    inner = str_trim(str_span(inner.ptr + 1, inner.len - 2));
    if (inner.len > 0) {
        buf_add_str(r->w.out, inner);
        r->w.comma = true;
    }
    return 0;
}

int ecs_args_to_json(struct arena *arena, const struct shape *shape, const char *const *arguments,
                     int n, struct str *out_json, struct str *out_why)
{
    BUF_AUTO struct buf out = BUF_INIT;
    struct str *values = arena_array(arena, struct str, n + 1);
    struct reader r = {.arena = arena, .w = json_writer(&out)};
    int rc = 0;

    json_write_object(&r.w);
    for (int i = 0; i < n && rc == 0;) {
        struct str flag = str_of(arguments[i]);
        struct str attached = STR_NONE;
        size_t count = 0;

        if (!is_flag(arguments[i])) {
            rc = bad(&r, "unexpected", flag);
            break;
        }
        if (str_cut(str_from(flag, 2), '=', &flag, &attached)) // --flag=value
            rc = load_value(&r, attached.ptr, &values[count++]);
        for (i++; i < n && !is_flag(arguments[i]) && rc == 0; i++)
            rc = load_value(&r, arguments[i], &values[count++]);
        if (rc == 0 && str_eq(flag, STR("cli-input-json")))
            rc = count == 1 ? write_input(&r, values[0]) : bad(&r, "one value for --", flag);
        else if (rc == 0)
            rc = write_flag(&r, shape, flag, values, count);
    }
    json_write_object_end(&r.w);
    *out_why = r.why;
    if (rc == 0)
        *out_json = str_copy(arena, buf_str(&out));
    return rc;
}
