// The keys of roles that the server has sent, as long as their task lives. In memory only: after a
// restart the agent asks for them again.

#ifndef AGENT_META_KEYS_H
#define AGENT_META_KEYS_H

#include "api/acs.h"

struct meta_keys;

struct meta_keys *meta_keys_new(void);
void meta_keys_free(struct meta_keys *keys); // NULL is fine

// Copies; what was there under the same id is replaced.
void meta_keys_put(struct meta_keys *keys, struct str task_arn, enum acs_role_type type,
                   const struct acs_iam_role_credentials *value);
void meta_keys_drop(struct meta_keys *keys, struct str id);

struct meta_key {
    struct str task_arn;
    enum acs_role_type type;
    const struct acs_iam_role_credentials *value;
};

// Good until the next put or drop. False: there are none of that id, or without an access key.
bool meta_keys_get(const struct meta_keys *keys, struct str id, struct meta_key *out);

#endif
