// The keys that callers sign with: an INI file such as the AWS tools read, made at first start.
//
// Every profile of the file is a caller: "default" is the account's root, any other is the user of
// its name. A profile may carry a session token, which its requests must then show.

#ifndef SERVER_CREDENTIALS_H
#define SERVER_CREDENTIALS_H

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

struct credential {
    struct credential *next;
    struct str profile;
    struct str key_id;
    struct str secret;
    struct str token; // empty: none
    struct str principal_arn;
};

// Read-only once read.
struct credentials {
    struct arena arena;
    struct credential *first;
    size_t n;
};

enum credentials_outcome {
    CREDENTIALS_E_MALFORMED = 1, // *out_detail names the line
    CREDENTIALS_E_EMPTY,         // no profile with a key
};

// Makes the file with a fresh key (mode 0600) when there is none. Faults name the reason that the
// file cannot be read. *out is to be freed with credentials_free; out_detail lives in `arena`.
int credentials_load(const char *path, struct str partition, struct str account,
                     struct arena *arena, struct str *out_detail,
                     struct credentials **out) MUST_CHECK;
void credentials_free(struct credentials *credentials); // NULL is fine

const struct credential *credentials_of_key(const struct credentials *credentials,
                                            struct str key_id); // NULL: unknown

#endif
