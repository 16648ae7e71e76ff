// See exec_frame.h. Offsets of the head: 0 its length, 4 type, 36 schema, 40 date, 48 sequence, 56
// flags, 64 id, 80 digest, 112 payload type, 116 payload length. The head's own length does not
// count the payload length behind it, and the id travels with its halves swapped.

#include "wire/exec_frame.h"

#include <string.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"
#include "base/id.h"
#include "wire/crypto.h"

enum {
    AT_TYPE = 4,
    AT_SCHEMA = 36,
    AT_DATE = 40,
    AT_SEQUENCE = 48,
    AT_FLAGS = 56,
    AT_ID = 64,
    AT_DIGEST = 80,
    AT_PAYLOAD_TYPE = 112,
    AT_PAYLOAD_LENGTH = 116,
    TYPE_SIZE = 32,
    HEAD_LENGTH = 116,
    SCHEMA = 1,
    HALF = EXEC_ID_SIZE / 2,
};

static uint64_t load(const char *at, int size)
{
    uint64_t value = 0;

    for (int i = 0; i < size; i++)
        value = value << 8 | (unsigned char)at[i];
    return value;
}

static void store(char *at, int size, uint64_t value)
{
    for (int i = size - 1; i >= 0; i--, value >>= 8)
        at[i] = (char)(value & 0xff);
}

// Padded with blanks by some and with NUL by others.
static struct str type_of(const char *head)
{
    struct str type = str_span(head + AT_TYPE, TYPE_SIZE);

    while (type.len > 0 && (type.ptr[type.len - 1] == ' ' || type.ptr[type.len - 1] == '\0'))
        type.len--;
    return type;
}

static bool digest_is_right(struct crypto *crypto, const char *head, struct str payload)
{
    struct sha256 digest;

    crypto_sha256(crypto, payload, &digest);
    return memcmp(digest.bytes, head + AT_DIGEST, SHA256_SIZE) == 0;
}

bool exec_frame_read(struct crypto *crypto, struct str bytes, struct exec_frame *out)
{
    const char *head = bytes.ptr;
    size_t head_size;

    *out = (struct exec_frame){0};
    if (bytes.len < EXEC_HEAD_SIZE)
        return false;
    head_size = load(head, 4);
    if (head_size < HEAD_LENGTH || head_size > bytes.len - 4)
        return false;
    out->type = type_of(head);
    out->created_at = (time_ms)load(head + AT_DATE, 8);
    out->sequence = (int64_t)load(head + AT_SEQUENCE, 8);
    out->flags = load(head + AT_FLAGS, 8);
    memcpy(out->id, head + AT_ID + HALF, HALF);
    memcpy(out->id + HALF, head + AT_ID, HALF);
    out->payload_type = (uint32_t)load(head + AT_PAYLOAD_TYPE, 4);
    out->payload = str_from(bytes, head_size + 4);
    if (out->type.len == 0 || out->created_at == 0)
        return false;
    return load(head + head_size, 4) == 0 || digest_is_right(crypto, head, out->payload);
}

void exec_frame_write(struct crypto *crypto, const struct exec_frame *frame, struct buf *out)
{
    char *head = buf_reserve(out, EXEC_HEAD_SIZE + frame->payload.len);
    struct sha256 digest;

    ASSERT(frame->type.len > 0 && frame->type.len <= TYPE_SIZE && frame->created_at != 0);
    crypto_sha256(crypto, frame->payload, &digest);
    store(head, 4, HEAD_LENGTH);
    memset(head + AT_TYPE, ' ', TYPE_SIZE);
    memcpy(head + AT_TYPE, frame->type.ptr, frame->type.len);
    store(head + AT_SCHEMA, 4, SCHEMA);
    store(head + AT_DATE, 8, (uint64_t)frame->created_at);
    store(head + AT_SEQUENCE, 8, (uint64_t)frame->sequence);
    store(head + AT_FLAGS, 8, frame->flags);
    memcpy(head + AT_ID, frame->id + HALF, HALF);
    memcpy(head + AT_ID + HALF, frame->id, HALF);
    memcpy(head + AT_DIGEST, digest.bytes, SHA256_SIZE);
    store(head + AT_PAYLOAD_TYPE, 4, frame->payload_type);
    store(head + AT_PAYLOAD_LENGTH, 4, frame->payload.len);
    buf_grew(out, EXEC_HEAD_SIZE);
    buf_add_str(out, frame->payload);
}

struct str exec_id_text(const unsigned char id[EXEC_ID_SIZE], struct arena *arena)
{
    BUF_AUTO struct buf hex = BUF_INIT;
    const char *at;

    hex_encode(&hex, id, EXEC_ID_SIZE);
    at = buf_str(&hex).ptr;
    return str_fmt(arena, "%.8s-%.4s-%.4s-%.4s-%.12s", at, at + 8, at + 12, at + 16, at + 20);
}

void exec_id_read(struct str text, unsigned char id[EXEC_ID_SIZE])
{
    BUF_AUTO struct buf digits = BUF_INIT;
    BUF_AUTO struct buf bytes = BUF_INIT;

    ASSERT(id_is_uuid(text));
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '-')
            buf_add_char(&digits, text.ptr[i]);
    }
    ASSERT(hex_decode(buf_str(&digits), &bytes));
    memcpy(id, buf_str(&bytes).ptr, EXEC_ID_SIZE);
}
