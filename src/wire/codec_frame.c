// The envelope of agent messages. The type may stand behind the message it names, so the envelope
// is read first, with the message kept as text, and then the text by the shape of its type.

#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "wire/codec.h"
#include "wire/json_write.h"

struct envelope {
    union {
        uint64_t mask;
        struct {
            bool message : 1;
            bool type : 1;
        } has;
    };
    struct str message;
    struct str type;
};

static const struct shape_field envelope_fields[] = {
    {.name = {.ptr = "message", .len = 7},
     .offset = offsetof(struct envelope, message),
     .bit = 0,
     .type = SHAPE_DOC},
    {.name = {.ptr = "type", .len = 4},
     .offset = offsetof(struct envelope, type),
     .bit = 1,
     .type = SHAPE_STRING},
};

static const struct shape envelope_shape = {
    .name = {.ptr = "Envelope", .len = 8},
    .size = sizeof(struct envelope),
    .fields_n = 2,
    .fields = envelope_fields,
};

static size_t kind_of(const struct message_kind *kinds, size_t kinds_n, struct str name)
{
    for (size_t i = 1; i < kinds_n; i++) {
        if (str_eq(kinds[i].name, name))
            return i;
    }
    return 0;
}

int codec_decode_frame(struct arena *arena, const struct message_kind *kinds, size_t kinds_n,
                       struct str json, const struct codec_options *options,
                       struct codec_frame *out, struct codec_report *report)
{
    struct envelope envelope;
    struct codec_frame frame = {0};
    const struct shape *shape;
    int result = codec_decode(arena, &envelope_shape, json, options, &envelope, report);

    *out = (struct codec_frame){0};
    if (result != 0)
        return result;
    frame.name = envelope.type;
    frame.kind = kind_of(kinds, kinds_n, envelope.type);
    if (frame.kind != 0) {
        shape = kinds[frame.kind].shape;
        frame.message = arena_alloc(arena, shape->size);
        if (envelope.has.message)
            result = codec_decode(arena, shape, envelope.message, options, frame.message, report);
    }
    if (result == 0)
        *out = frame;
    return result;
}

void codec_encode_frame(struct buf *out, const struct message_kind *kind, const void *message)
{
    buf_add_str(out, STR("{\"type\":\""));
    buf_add_str(out, kind->name);
    buf_add_str(out, STR("\",\"message\":"));
    codec_encode(out, kind->shape, message);
    buf_add_char(out, '}');
}
