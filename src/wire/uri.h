// Percent encoding, URLs and query strings (RFC 3986, as far as HTTP needs it).

#ifndef WIRE_URI_H
#define WIRE_URI_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct arena;
struct buf;

// Everything but letters, digits and "-_.~" becomes %XX (upper case); `keep_slash` spares '/'.
void uri_encode(struct buf *out, struct str text, bool keep_slash);
struct str uri_encoded(struct arena *arena, struct str text, bool keep_slash);

// %XX to bytes; `plus_is_space` for queries of HTML forms (ours are not). False: a broken escape.
bool uri_decode(struct arena *arena, struct str text, bool plus_is_space, struct str *out);

enum uri_scheme { URI_HTTP, URI_HTTPS, URI_UNIX }; // ws and wss are read as http and https

struct uri {
    enum uri_scheme scheme;
    struct str host;      // without brackets; empty for URI_UNIX
    uint16_t port;        // the scheme's when not given; 0 for URI_UNIX
    bool has_port;        // was written out
    struct str unix_path; // URI_UNIX only: decoded path of the socket
    struct str path;      // as written, "/" when empty; "/" for URI_UNIX
    struct str query;     // as written, without '?'
};

// "http://h:1/p?q", "https://[::1]/", "unix:///run/docker.sock". Userinfo and fragments are
// refused. Slices point into `text` (unix_path into `arena`).
bool uri_parse(struct arena *arena, struct str text, struct uri *out);

// What belongs in a Host header: host, brackets for IPv6, the port unless it is the scheme's.
struct str uri_host_header(struct arena *arena, const struct uri *uri);

// Walks "a=1&b&c=": true and one pair (still encoded), or false at the end. Empty pairs are
// skipped.
//     for (struct str rest = query; uri_query_next(&rest, &key, &value);)
bool uri_query_next(struct str *rest, struct str *out_key, struct str *out_value);

// The decoded value of the first `key` (given decoded); false: absent or badly encoded.
bool uri_query_get(struct arena *arena, struct str query, struct str key, struct str *out);

#endif
