// See batch_json.h. Slices into the buffer are made when it has stopped moving.

#include "server/batch_json.h"

#include "base/mem.h"
#include "wire/codec.h"

void batch_json_deinit(struct batch_json *out)
{
    buf_deinit(&out->json);
    mem_free(out->writes);
}

static void make_room(struct batch_json *out, size_t n)
{
    if (out->writes_cap >= n)
        return;
    out->writes_cap = n * 2;
    out->writes = mem_realloc(out->writes, out->writes_cap * sizeof *out->writes);
}

void batch_json_encode(struct batch_json *out, const struct batch *batch)
{
    size_t at = 0;

    make_room(out, batch->writes_n);
    buf_clear(&out->json);
    for (size_t i = 0; i < batch->writes_n; i++) {
        const struct batch_write *write = &batch->writes[i];
        size_t before = buf_len(&out->json);
        if (write->value != NULL)
            codec_encode(&out->json, rec_kinds[write->kind].shape, write->value);
        out->writes[i] = (struct store_write){
            .kind = (size_t)write->kind,
            .id = write->id,
            .remove = write->value == NULL,
            .json = {.len = buf_len(&out->json) - before},
        };
    }
    for (size_t i = 0; i < batch->writes_n; i++) {
        out->writes[i].json.ptr = buf_str(&out->json).ptr + at;
        at += out->writes[i].json.len;
    }
}
