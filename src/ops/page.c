// A token is two hexadecimal fields: a number over everything it is bound to and its key, and the
// key. The number only tells a mistaken token from a right one; whoever computes a token of their
// own sees nothing that the same list would not show them.

#include "ops/page.h"

#include "base/arena.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/proof.h"
#include "shape/walk.h"

enum { DIGITS = 16 };

static void *member(struct op_ctx *ctx, void *request, struct str name, bool clear)
{
    const struct shape_field *field = shape_find(ctx->operation->request, name);
    void *slot;

    if (field == NULL || !shape_has(request, field))
        return NULL;
    slot = shape_at(request, field);
    if (clear) {
        *shape_mask(request) &= ~(UINT64_C(1) << field->bit);
        memset(slot, 0, shape_slot_size(field));
    }
    return slot;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    const uint64_t both[] = {a, b};

    return hash_stable(both, sizeof both);
}

// The request but for what differs from page to page.
static uint64_t binding_of(struct op_ctx *ctx)
{
    const struct operation *operation = ctx->operation;
    void *filters = arena_copy(ctx->arena, ctx->request, operation->request->size);
    uint64_t number = hash_stable(operation->name.ptr, operation->name.len);

    member(ctx, filters, STR("nextToken"), true);
    member(ctx, filters, STR("maxResults"), true);
    number = mix(number, hash_stable(MAP_KEY_PTR(ctx->caller.region), ctx->caller.region.len));
    return mix(number, shape_fingerprint(operation->request, filters));
}

static uint64_t number_of(const struct page *page, struct str key)
{
    return mix(page->binding, hash_stable(MAP_KEY_PTR(key), key.len));
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool key_from_hex(struct arena *arena, struct str hex, struct str *out)
{
    char *bytes = arena_alloc(arena, hex.len / 2 + 1);

    for (size_t i = 0; i + 1 < hex.len; i += 2) {
        int high = digit_of(hex.ptr[i]);
        int low = digit_of(hex.ptr[i + 1]);

        if (high < 0 || low < 0)
            return false;
        bytes[i / 2] = (char)(high << 4 | low);
    }
    *out = str_span(bytes, hex.len / 2);
    return hex.len % 2 == 0;
}

int op_page_bad_token(struct op_ctx *ctx)
{
    MARK("a page token of another request, or made up, is refused");
    return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "Invalid token.");
}

static int read_token(struct op_ctx *ctx, struct str token, struct page *page)
{
    struct str key;

    if (token.len <= DIGITS || !key_from_hex(ctx->arena, str_from(token, DIGITS), &key))
        return op_page_bad_token(ctx);
    page->cursor = key;
    if (!str_eq(token, op_page_token(ctx, page, key)))
        return op_page_bad_token(ctx);
    return OP_OK;
}

int op_page_begin(struct op_ctx *ctx, int32_t max_default, int32_t max_limit, struct page *out)
{
    void *request = (void *)(uintptr_t)ctx->request;
    const int32_t *max = member(ctx, request, STR("maxResults"), false);
    const struct str *token = member(ctx, request, STR("nextToken"), false);

    if (max != NULL && (*max < 1 || *max > max_limit))
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "maxResults must be between 1 and %d", (int)max_limit);
    *out = (struct page){
        .max = (size_t)(max != NULL ? *max : max_default),
        .binding = binding_of(ctx),
    };
    return token != NULL ? read_token(ctx, *token, out) : OP_OK;
}

int op_page_begin_id(struct op_ctx *ctx, int32_t max_default, int32_t max_limit, struct page *out,
                     uint64_t *out_after)
{
    int64_t id = 0;

    if (op_page_begin(ctx, max_default, max_limit, out) != OP_OK)
        return OP_FAILED;
    if (out->cursor.len > 0 && (!str_to_i64(out->cursor, &id) || id <= 0))
        return op_page_bad_token(ctx);
    *out_after = (uint64_t)id;
    return OP_OK;
}

struct str op_page_token(struct op_ctx *ctx, const struct page *page, struct str key)
{
    static const char digits[] = "0123456789abcdef";
    size_t len = DIGITS + 2 * key.len;
    char *text = arena_alloc(ctx->arena, len + 1);
    char *at = text;

    for (int shift = 60; shift >= 0; shift -= 4)
        *at++ = digits[number_of(page, key) >> shift & 15];
    for (size_t i = 0; i < key.len; i++) {
        *at++ = digits[(unsigned char)key.ptr[i] >> 4];
        *at++ = digits[(unsigned char)key.ptr[i] & 15];
    }
    return str_span(text, len);
}

struct str op_page_token_id(struct op_ctx *ctx, const struct page *page, uint64_t id)
{
    return op_page_token(ctx, page, str_fmt(ctx->arena, "%llu", (unsigned long long)id));
}
