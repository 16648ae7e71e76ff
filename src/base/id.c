// See id.h.

#include "base/id.h"

#include "base/arena.h"

static const char hex_digits[] = "0123456789abcdef";

static void put_hex(char *out, struct rng *rng, int digits)
{
    uint64_t bits = 0;

    for (int i = 0; i < digits; i++) {
        if (i % 16 == 0)
            bits = rng_next(rng);
        out[i] = hex_digits[bits & 15];
        bits >>= 4;
    }
}

struct str id_hex32(struct arena *arena, struct rng *rng)
{
    char *text = arena_alloc(arena, 33);

    put_hex(text, rng, 32);
    return str_span(text, 32);
}

struct str id_uuid(struct arena *arena, struct rng *rng)
{
    char *text = arena_alloc(arena, 37);

    put_hex(text, rng, 36);
    text[8] = text[13] = text[18] = text[23] = '-';
    text[14] = '4';                       // version 4: random
    text[19] = "89ab"[rng_below(rng, 4)]; // variant of RFC 4122
    return str_span(text, 36);
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool id_is_hex32(struct str s)
{
    if (s.len != 32)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (!is_hex(s.ptr[i]))
            return false;
    }
    return true;
}

bool id_is_uuid(struct str s)
{
    if (s.len != 36)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? s.ptr[i] != '-' : !is_hex(s.ptr[i]))
            return false;
    }
    return true;
}
