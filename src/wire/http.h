// What HTTP/1.1's two sides and their parser share: a header, a head, the words for a status.

#ifndef WIRE_HTTP_H
#define WIRE_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct buf;

struct http_header {
    struct str name;  // as sent; compare with str_eq_nocase
    struct str value; // spaces trimmed at both ends
};

enum { HTTP_HEADERS_MAX = 100, HTTP_HEAD_MAX = 16 * 1024 };

const char *http_reason(int status); // "Not Found"; "Status" for a number unknown to it

// The first of that name; false and *out untouched when there is none.
bool http_header_get(const struct http_header *headers, size_t n, struct str name, struct str *out);

// Whether any header of that name lists `token` (comma separated, case ignored).
bool http_header_has_token(const struct http_header *headers, size_t n, struct str name,
                           struct str token);

void http_write_header(struct buf *out, struct str name, struct str value);

bool http_is_token(struct str s); // a method or a header's name may be spelled so

// Name is a token and value holds no control character: safe to send.
bool http_header_is_valid(const struct http_header *header);

#endif
