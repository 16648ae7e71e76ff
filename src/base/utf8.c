// Well-formedness after table 3-7 of the Unicode standard: the lead byte gives the length and the
// range of the second byte, all further bytes are 80..BF. Text is mostly ASCII, which is skipped
// eight bytes at a step.

#include "base/utf8.h"

static bool in_range(unsigned char byte, unsigned char low, unsigned char high)
{
    return byte >= low && byte <= high;
}

// What may follow this lead byte: the whole length and the second byte's bounds. 0 for no lead
// byte.
static size_t lead(unsigned char byte, unsigned char *out_low, unsigned char *out_high)
{
    *out_low = 0x80;
    *out_high = 0xBF;
    if (in_range(byte, 0xC2, 0xDF))
        return 2;
    if (in_range(byte, 0xE0, 0xEF)) {
        if (byte == 0xE0)
            *out_low = 0xA0;
        if (byte == 0xED)
            *out_high = 0x9F;
        return 3;
    }
    if (in_range(byte, 0xF0, 0xF4)) {
        if (byte == 0xF0)
            *out_low = 0x90;
        if (byte == 0xF4)
            *out_high = 0x8F;
        return 4;
    }
    return 0;
}

size_t utf8_sequence(struct str text)
{
    const unsigned char *bytes = (const unsigned char *)text.ptr;
    unsigned char low;
    unsigned char high;
    size_t len;

    if (text.len == 0)
        return 0;
    if (bytes[0] < 0x80)
        return 1;
    len = lead(bytes[0], &low, &high);
    if (len == 0 || len > text.len || !in_range(bytes[1], low, high))
        return 0;
    for (size_t i = 2; i < len; i++) {
        if (!in_range(bytes[i], 0x80, 0xBF))
            return 0;
    }
    return len;
}

static size_t skip_ascii(struct str text, size_t at)
{
    const uint64_t high_bits = UINT64_C(0x8080808080808080);
    uint64_t word;

    while (text.len - at >= sizeof word) {
        memcpy(&word, text.ptr + at, sizeof word);
        if (word & high_bits)
            break;
        at += sizeof word;
    }
    while (at < text.len && (unsigned char)text.ptr[at] < 0x80)
        at++;
    return at;
}

bool utf8_is_valid(struct str text)
{
    size_t at = 0;

    for (;;) {
        size_t len;
        at = skip_ascii(text, at);
        if (at == text.len)
            return true;
        len = utf8_sequence(str_from(text, at));
        if (len == 0)
            return false;
        at += len;
    }
}

struct str utf8_take(struct str text, size_t max)
{
    if (text.len <= max)
        return text;
    while (max > 0 && ((unsigned char)text.ptr[max] & 0xC0) == 0x80)
        max--;
    return str_take(text, max);
}
