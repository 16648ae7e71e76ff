// The writing half of the codec. Members come in the order of the descriptor, which is the order
// the service itself uses on the wire.

#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"
#include "base/timefmt.h"
#include "shape/slot.h"
#include "wire/codec.h"
#include "wire/json_write.h"

static void write_struct(struct json_writer *w, const struct shape *shape, const void *value);
static void write_slot(struct json_writer *w, const struct shape_field *field,
                       enum slot_level level, const void *at);

static void write_list(struct json_writer *w, const struct shape_field *field,
                       enum slot_level level, const struct shape_list *list)
{
    size_t stride = slot_stride(field, level);

    json_write_list(w);
    for (size_t i = 0; i < list->n; i++)
        write_slot(w, field, level + 1, slot_entry(list, stride, i));
    json_write_list_end(w);
}

static void write_map(struct json_writer *w, const struct shape_field *field, enum slot_level level,
                      const struct shape_list *map)
{
    size_t stride = slot_stride(field, level);

    json_write_object(w);
    for (size_t i = 0; i < map->n; i++) {
        const void *entry = slot_entry(map, stride, i);
        json_write_key(w, *(const struct str *)entry);
        write_slot(w, field, level + 1, slot_map_value(entry));
    }
    json_write_object_end(w);
}

static void write_date(struct json_writer *w, int64_t ms)
{
    char room[TIME_ISO8601_MAX];

    json_write_str(w, time_iso8601_in(room, ms));
}

static void write_inner(struct json_writer *w, const struct shape *shape, const void *value)
{
    BUF_AUTO struct buf inner = BUF_INIT;

    codec_encode(&inner, shape, value);
    json_write_str(w, buf_str(&inner));
}

static void write_slot(struct json_writer *w, const struct shape_field *field,
                       enum slot_level level, const void *at)
{
    switch (slot_type(field, level)) {
    case SHAPE_STRING: json_write_str(w, *(const struct str *)at); return;
    case SHAPE_ENUM: json_write_str(w, shape_enum_name(field->enums, *(const int *)at)); return;
    case SHAPE_BOOL: json_write_bool(w, *(const bool *)at); return;
    case SHAPE_INT: json_write_i64(w, *(const int32_t *)at); return;
    case SHAPE_LONG: json_write_i64(w, *(const int64_t *)at); return;
    case SHAPE_DOUBLE: json_write_double(w, *(const double *)at); return;
    case SHAPE_TIME: json_write_time(w, *(const int64_t *)at); return;
    case SHAPE_DATE: write_date(w, *(const int64_t *)at); return;
    case SHAPE_STRUCT: write_struct(w, field->shape, slot_struct(level, at)); return;
    case SHAPE_TEXT: write_inner(w, field->shape, slot_struct(level, at)); return;
    case SHAPE_DOC: json_write_raw(w, *(const struct str *)at); return;
    case SHAPE_LIST: write_list(w, field, level, at); return;
    case SHAPE_MAP: write_map(w, field, level, at); return;
    }
    UNREACHABLE();
}

static void write_member(struct json_writer *w, const struct shape_field *field, const void *value)
{
    json_write_name(w, field->name);
    write_slot(w, field, SLOT_MEMBER, shape_at(value, field));
}

static void write_struct(struct json_writer *w, const struct shape *shape, const void *value)
{
    json_write_object(w);
    for (uint32_t i = 0; i < shape->fields_n; i++) {
        if (shape_has(value, &shape->fields[i]))
            write_member(w, &shape->fields[i], value);
    }
    json_write_object_end(w);
}

void codec_encode(struct buf *out, const struct shape *shape, const void *value)
{
    struct json_writer w = json_writer(out);

    write_struct(&w, shape, value);
}

void codec_encode_error(struct buf *out, const struct error_kind *kind, struct str message,
                        const void *members)
{
    struct json_writer w = json_writer(out);

    json_write_object(&w);
    json_write_key(&w, STR("__type"));
    json_write_str(&w, kind->name);
    json_write_key(&w, STR("message"));
    json_write_str(&w, message);
    for (uint32_t i = 0; members != NULL && i < kind->shape->fields_n; i++) {
        const struct shape_field *field = &kind->shape->fields[i];
        if (shape_has(members, field) && !str_eq(field->name, STR("message")))
            write_member(&w, field, members);
    }
    json_write_object_end(&w);
}
