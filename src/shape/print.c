// Values as one readable line, for logs and reports. Members marked secret in the IDL show as
// "***", whatever they hold. The text is for people; nothing reads it back.

#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"
#include "base/timefmt.h"
#include "shape/slot.h"
#include "shape/walk.h"

static void print_text(struct buf *out, struct str text)
{
    buf_add_char(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if ((unsigned char)c < 0x20 || c == 0x7f)
            buf_printf(out, "\\x%02x", (unsigned char)c);
        else if (c == '"' || c == '\\')
            buf_printf(out, "\\%c", c);
        else
            buf_add_char(out, c);
    }
    buf_add_char(out, '"');
}

static void print_time(struct buf *out, int64_t ms)
{
    struct arena scratch = ARENA_INIT;

    buf_add_str(out, time_iso8601(&scratch, ms));
    arena_deinit(&scratch);
}

static void print_entries(const struct shape_field *field, enum slot_level level, const void *at,
                          struct buf *out)
{
    const struct shape_list *list = at;
    size_t stride = slot_stride(field, level);
    bool is_map = slot_type(field, level) == SHAPE_MAP;

    buf_add_char(out, is_map ? '{' : '[');
    for (size_t i = 0; i < list->n; i++) {
        const void *entry = slot_entry(list, stride, i);
        if (i > 0)
            buf_add(out, ", ", 2);
        if (is_map) {
            buf_add_str(out, *(const struct str *)entry);
            buf_add_char(out, '=');
            entry = slot_map_value(entry);
        }
        slot_print_value(field, level + 1, entry, out);
    }
    buf_add_char(out, is_map ? '}' : ']');
}

void slot_print_value(const struct shape_field *field, enum slot_level level, const void *at,
                      struct buf *out)
{
    if (field->flags & SHAPE_SECRET) {
        buf_add_str(out, STR("***"));
        return;
    }
    switch (slot_type(field, level)) {
    case SHAPE_STRING: print_text(out, *(const struct str *)at); return;
    case SHAPE_DOC: buf_add_str(out, *(const struct str *)at); return;
    case SHAPE_ENUM: buf_add_str(out, shape_enum_name(field->enums, *(const int *)at)); return;
    case SHAPE_BOOL: buf_printf(out, "%s", *(const bool *)at ? "true" : "false"); return;
    case SHAPE_INT: buf_add_i64(out, *(const int32_t *)at); return;
    case SHAPE_LONG: buf_add_i64(out, *(const int64_t *)at); return;
    case SHAPE_DOUBLE: buf_printf(out, "%.15g", *(const double *)at); return;
    case SHAPE_TIME:
    case SHAPE_DATE: print_time(out, *(const int64_t *)at); return;
    case SHAPE_STRUCT:
    case SHAPE_TEXT: shape_print(field->shape, slot_struct(level, at), out); return;
    case SHAPE_LIST:
    case SHAPE_MAP: print_entries(field, level, at, out); return;
    }
    UNREACHABLE();
}

void shape_print(const struct shape *shape, const void *value, struct buf *out)
{
    bool first = true;

    buf_add_char(out, '{');
    for (uint32_t i = 0; i < shape->fields_n; i++) {
        const struct shape_field *field = &shape->fields[i];
        if (!shape_has(value, field))
            continue;
        if (!first)
            buf_add_char(out, ' ');
        first = false;
        buf_add_str(out, field->name);
        buf_add_char(out, '=');
        slot_print_value(field, SLOT_MEMBER, shape_at(value, field), out);
    }
    buf_add_char(out, '}');
}
