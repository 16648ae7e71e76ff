// A tar archive of one file (POSIX.1-1988, "ustar"): a header block, the bytes in blocks, two empty
// blocks at the end.

#include "runtime/pause_image.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"

enum { BLOCK = 512, CHECKSUM_AT = 148, CHECKSUM_LEN = 8 };

static size_t blocks(size_t bytes)
{
    return (bytes + BLOCK - 1) / BLOCK * BLOCK;
}

// Numbers are octal texts. The checksum is that of the header with blanks in its place.
static void write_header(char *header, size_t size)
{
    unsigned sum = 0;

    memcpy(header, "pause", 5);
    memcpy(header + 100, "0000755", 7);
    memcpy(header + 108, "0000000", 7);
    memcpy(header + 116, "0000000", 7);
    snprintf(header + 124, 12, "%011zo", size);
    memcpy(header + 136, "00000000000", 11);
    memset(header + CHECKSUM_AT, ' ', CHECKSUM_LEN);
    header[156] = '0';
    memcpy(header + 257, "ustar", 6);
    memcpy(header + 263, "00", 2);
    for (int i = 0; i < BLOCK; i++)
        sum += (unsigned char)header[i];
    snprintf(header + CHECKSUM_AT, 7, "%06o", sum);
}

struct str pause_image_files(struct arena *arena)
{
    size_t total = BLOCK + blocks(pause_bytes_n) + 2 * (size_t)BLOCK;
    char *tar = arena_alloc(arena, total);

    memset(tar, 0, total);
    write_header(tar, pause_bytes_n);
    memcpy(tar + BLOCK, pause_bytes, pause_bytes_n);
    return str_span(tar, total);
}
