// AWS Signature Version 4: checking requests (server) and signing them (agent, command line).
//
// Source of every rule and text: the public SigV4 documentation and the wording of the AWS front
// end, collected under "SigV4 verification" in the behaviour notes of the API.

#ifndef WIRE_SIGV4_H
#define WIRE_SIGV4_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/timefmt.h"
#include "wire/http.h"

struct arena;
struct crypto;
struct sigv4;

// Everything the signature covers, as it arrived or will be sent.
struct sigv4_request {
    struct str method;
    struct str path;  // as sent: percent-encoded
    struct str query; // as sent
    const struct http_header *headers;
    size_t headers_n;
    struct str body;
};

// ---- checking

enum sigv4_key_state {
    SIGV4_KEY_KNOWN,   // *out_secret is set
    SIGV4_KEY_UNKNOWN, // no such key, or the session token is not its own
    SIGV4_KEY_EXPIRED,
};

// The secret of an access key. `token` is the session token sent, empty when none was; `has_token`
// tells. The secret must live until sigv4_verify returns.
typedef enum sigv4_key_state sigv4_lookup_fn(void *user, struct str key_id, struct str token,
                                             bool has_token, struct str *out_secret);

struct sigv4_config {
    struct str service;        // "ecs"; copied
    const struct str *regions; // accepted ones; copied
    size_t regions_n;          // 0: any
    int64_t skew_ms;           // 0: 5 minutes
    unsigned cache_max;        // signing keys kept; 0: 1024
    sigv4_lookup_fn *lookup;
    void *user;
};

struct sigv4 *sigv4_new(const struct sigv4_config *config);
void sigv4_free(struct sigv4 *sigv4);

// A secret was replaced or a key removed: forget what was derived from it.
void sigv4_forget(struct sigv4 *sigv4, struct str key_id);

struct sigv4_caller {
    struct str key_id; // slices in the arena given to sigv4_verify
    struct str region;
};

// Why not, as the caller of the API sees it (HTTP 400): `__type` and message.
struct sigv4_error {
    struct str type;
    struct str message;
};

enum sigv4_outcome { SIGV4_E_REJECTED = 1 }; // *out_error is set

int sigv4_verify(struct sigv4 *sigv4, const struct sigv4_request *request, time_ms now,
                 struct arena *arena, struct sigv4_caller *out_caller,
                 struct sigv4_error *out_error) MUST_CHECK;

// The claimed key id and region, unchecked: for servers run without authentication, where the scope
// still names the region. False: no readable credential.
bool sigv4_claim(const struct sigv4_request *request, struct arena *arena,
                 struct sigv4_caller *out);

// ---- signing

struct sigv4_credentials {
    struct str key_id;
    struct str secret;
    struct str token; // empty: none
};

struct sigv4_scope {
    struct str region;
    struct str service;
    time_ms now;
};

// The headers to add for the header form: X-Amz-Date, X-Amz-Security-Token (when there is a token)
// and Authorization. `request->headers` must hold Host and everything else that shall be signed
// (all of them are). Slices live in `arena`; at most SIGV4_ADDED are written.
enum { SIGV4_ADDED = 3 };
size_t sigv4_sign(struct crypto *crypto, const struct sigv4_request *request,
                  const struct sigv4_credentials *credentials, const struct sigv4_scope *scope,
                  struct arena *arena, struct http_header out_headers[SIGV4_ADDED]);

#endif
