// Checks a request against the limits of the IDL and words what is wrong the way the service does.
//
// A violation is one clause. The path to the member is a chain of steps on the stack, printed only
// when there is something to say, so a good request costs no text at all. After CLAUSES_MAX clauses
// the walk goes on counting but writes no more: a reply is for a person.

#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"
#include "base/regex.h"
#include "shape/slot.h"
#include "shape/walk.h"

enum { CLAUSES_MAX = 50, VALUE_BYTES_MAX = 1024 };

struct step {
    const struct step *up;
    struct str name; // of a member, or the key of a map entry
    size_t index;    // of a list entry, counted from 1; 0 for the others
    bool is_entry;   // list or map: ".member" follows
};

struct check {
    const struct shape_unknown *unknowns;
    struct buf *out;
    size_t clauses;
};

static void print_step(struct buf *out, const struct step *step)
{
    if (step->up != NULL)
        buf_add_char(out, '.');
    if (step->index > 0) {
        buf_printf(out, "%zu.member", step->index);
    } else if (step->is_entry) {
        buf_add_str(out, step->name);
        buf_add_str(out, STR(".member"));
    } else {
        char first = step->name.ptr[0];
        buf_add_char(out, (char)(first >= 'A' && first <= 'Z' ? first - 'A' + 'a' : first));
        buf_add_str(out, str_from(step->name, 1));
    }
}

static void print_path(struct buf *out, const struct step *step)
{
    if (step->up != NULL)
        print_path(out, step->up);
    print_step(out, step);
}

static struct str unknown_text(const struct check *c, const void *at)
{
    for (const struct shape_unknown *u = c->unknowns; u != NULL; u = u->next) {
        if (u->field == at)
            return u->text;
    }
    return STR_NONE;
}

// Cuts at a character, not inside one.
static struct str clip(struct str text)
{
    size_t len = VALUE_BYTES_MAX;

    if (text.len <= len)
        return text;
    while (len > 0 && ((unsigned char)text.ptr[len] & 0xC0) == 0x80)
        len--;
    return str_take(text, len);
}

static void print_offender(struct check *c, const struct shape_field *field, enum slot_level level,
                           const void *at)
{
    enum shape_type type = slot_type(field, level);
    size_t start;

    if (field->flags & SHAPE_SECRET) {
        buf_add_str(c->out, STR("***"));
    } else if (type == SHAPE_STRING) {
        buf_add_str(c->out, clip(*(const struct str *)at));
    } else if (type == SHAPE_ENUM && *(const int *)at == 0) {
        buf_add_str(c->out, clip(unknown_text(c, at)));
    } else {
        start = buf_len(c->out);
        slot_print_value(field, level, at, c->out);
        c->out->end = c->out->start + start + clip(str_from(buf_str(c->out), start)).len;
    }
}

// True when there is room for the clause, which the caller then completes with the constraint.
// `at` is NULL for a value that is not there.
static bool begin_clause(struct check *c, const struct step *path, const struct shape_field *field,
                         enum slot_level level, const void *at)
{
    if (c->clauses++ >= CLAUSES_MAX)
        return false;
    if (c->clauses > 1)
        buf_add_str(c->out, STR("; "));
    if (at == NULL) {
        buf_add_str(c->out, STR("Value null"));
    } else {
        buf_add_str(c->out, STR("Value '"));
        print_offender(c, field, level, at);
        buf_add_char(c->out, '\'');
    }
    buf_add_str(c->out, STR(" at '"));
    print_path(c->out, path);
    buf_add_str(c->out, STR("' failed to satisfy constraint: "));
    return true;
}

static void check_count(struct check *c, const struct step *path, const struct shape_field *field,
                        enum slot_level level, const void *at, size_t count, uint32_t low,
                        uint32_t high)
{
    if (count < low && begin_clause(c, path, field, level, at))
        buf_printf(c->out, "Member must have length greater than or equal to %u", low);
    if (count > high && begin_clause(c, path, field, level, at))
        buf_printf(c->out, "Member must have length less than or equal to %u", high);
}

static void check_text(struct check *c, const struct step *path, const struct shape_field *field,
                       enum slot_level level, const void *at)
{
    const struct shape_limits *limits = field->limits;
    struct str text = *(const struct str *)at;

    if (limits == NULL)
        return;
    if (field->flags & SHAPE_HAS_LEN)
        check_count(c, path, field, level, at, str_utf8_count(text), limits->len_min,
                    limits->len_max);
    if (limits->pattern != NULL && !regex_literal_matches(limits->pattern, text) &&
        begin_clause(c, path, field, level, at))
        buf_printf(c->out, "Member must satisfy regular expression pattern: %s", limits->pattern);
}

static void check_number(struct check *c, const struct step *path, const struct shape_field *field,
                         enum slot_level level, const void *at, double value)
{
    const struct shape_limits *limits = field->limits;

    if ((field->flags & SHAPE_HAS_MIN) && value < limits->min &&
        begin_clause(c, path, field, level, at))
        buf_printf(c->out, "Member must have value greater than or equal to %.15g", limits->min);
    if ((field->flags & SHAPE_HAS_MAX) && value > limits->max &&
        begin_clause(c, path, field, level, at))
        buf_printf(c->out, "Member must have value less than or equal to %.15g", limits->max);
}

static void check_enum(struct check *c, const struct step *path, const struct shape_field *field,
                       enum slot_level level, const void *at)
{
    const char *separator = "";

    if (*(const int *)at != 0 || !begin_clause(c, path, field, level, at))
        return;
    buf_add_str(c->out, STR("Member must satisfy enum value set: ["));
    for (size_t i = 1; i < field->enums->n; i++) {
        buf_printf(c->out, "%s%.*s", separator, STR_ARGS(field->enums->values[i]));
        separator = ", ";
    }
    buf_add_char(c->out, ']');
}

static void check_struct(struct check *c, const struct step *up, const struct shape *shape,
                         const void *value);
static void check_slot(struct check *c, const struct step *path, const struct shape_field *field,
                       enum slot_level level, const void *at);

static void check_entries(struct check *c, const struct step *path, const struct shape_field *field,
                          enum slot_level level, const void *at)
{
    const struct shape_list *list = at;
    size_t stride = slot_stride(field, level);
    bool is_map = slot_type(field, level) == SHAPE_MAP;

    if (level == SLOT_MEMBER && (field->flags & SHAPE_HAS_SIZE))
        check_count(c, path, field, level, at, list->n, field->limits->size_min,
                    field->limits->size_max);
    for (size_t i = 0; i < list->n; i++) {
        const void *entry = slot_entry(list, stride, i);
        struct step step = {.up = path, .is_entry = true};
        if (is_map)
            step.name = *(const struct str *)entry;
        else
            step.index = i + 1;
        check_slot(c, &step, field, level + 1, is_map ? slot_map_value(entry) : entry);
    }
}

static void check_slot(struct check *c, const struct step *path, const struct shape_field *field,
                       enum slot_level level, const void *at)
{
    switch (slot_type(field, level)) {
    case SHAPE_STRING: check_text(c, path, field, level, at); return;
    case SHAPE_ENUM: check_enum(c, path, field, level, at); return;
    case SHAPE_INT: check_number(c, path, field, level, at, *(const int32_t *)at); return;
    case SHAPE_LONG: check_number(c, path, field, level, at, (double)*(const int64_t *)at); return;
    case SHAPE_DOUBLE: check_number(c, path, field, level, at, *(const double *)at); return;
    case SHAPE_BOOL:
    case SHAPE_TIME:
    case SHAPE_DATE:
    case SHAPE_DOC: return;
    case SHAPE_STRUCT:
    case SHAPE_TEXT: check_struct(c, path, field->shape, slot_struct(level, at)); return;
    case SHAPE_LIST:
    case SHAPE_MAP: check_entries(c, path, field, level, at); return;
    }
    UNREACHABLE();
}

static void check_struct(struct check *c, const struct step *up, const struct shape *shape,
                         const void *value)
{
    for (uint32_t i = 0; i < shape->fields_n; i++) {
        const struct shape_field *field = &shape->fields[i];
        struct step step = {.up = up, .name = field->name};

        if (shape_has(value, field))
            check_slot(c, &step, field, SLOT_MEMBER, shape_at(value, field));
        else if ((field->flags & SHAPE_REQUIRED) &&
                 begin_clause(c, &step, field, SLOT_MEMBER, NULL))
            buf_add_str(c->out, STR("Member must not be null"));
    }
}

size_t shape_validate(const struct shape *shape, const void *value,
                      const struct shape_unknown *unknowns, struct buf *out)
{
    struct check c = {.unknowns = unknowns, .out = out};

    check_struct(&c, NULL, shape, value);
    return c.clauses;
}
