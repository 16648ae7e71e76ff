// The keys of roles: temporary credentials that the server makes for a task and recognises when a
// call is signed with them. Nothing is kept of them: id, secret and token all follow from one
// secret of the server and from what the token says, so a restart changes nothing and a copy of the
// store gives no keys away. Loop thread.

#ifndef SERVER_ROLE_KEYS_H
#define SERVER_ROLE_KEYS_H

#include "api/acs.h"
#include "base/error.h"
#include "base/timefmt.h"
#include "wire/sigv4.h"

struct arena;
struct role_keys;

// Whose keys they are.
struct role_session {
    struct str task; // 32 hex digits
    enum acs_role_type type;
    struct str role_arn;
    time_ms expires; // whole seconds
};

// The secret is read from the file, which is made (mode 0600) when there is none.
int role_keys_open(const char *path, struct role_keys **out) MUST_CHECK;
struct role_keys *role_keys_new(struct str secret); // at least 32 bytes
void role_keys_free(struct role_keys *keys);        // NULL is fine

// What the task is to be sent, in `arena`. The same session always gives the same credentials; the
// credentialsId does not depend on `expires`, because containers keep it while the keys are
// renewed.
void role_keys_issue(struct role_keys *keys, const struct role_session *session,
                     struct arena *arena, struct acs_iam_role_credentials *out);

// Whether the key and the token belong together and still hold. Unless unknown, *out_session says
// whose they are; when known, *out_secret is what they sign with. Both live in `arena`.
enum sigv4_key_state role_keys_check(struct role_keys *keys, struct str key_id, struct str token,
                                     time_ms now, struct arena *arena,
                                     struct role_session *out_session, struct str *out_secret);

#endif
