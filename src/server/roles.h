// Roles of tasks on the server: their keys go into messages to agents, and calls signed with such
// keys are recognised. Which keys (Gantry's own, role_keys.h, or those of an operator) and what
// they allow says the operator's file, role_config.h. Loop thread.

#ifndef SERVER_ROLES_H
#define SERVER_ROLES_H

#include "api/acs.h"
#include "base/error.h"
#include "base/timefmt.h"
#include "ops/op.h"
#include "wire/sigv4.h"

struct arena;
struct loop;
struct role_keys;
struct roles;

// Takes `keys` over. `path` of the operator's file; NULL: none. Copied.
struct roles *roles_new(struct role_keys *keys, const char *path);
void roles_free(struct roles *roles); // NULL is fine

// Reads the file, and the files of keys that it names, again. False: it cannot be used, *out_detail
// says why, and what was known before stays in force.
bool roles_load(struct roles *roles, struct arena *arena, struct str *out_detail);

// From here on keys are fetched from the URLs that the file names. `changed` is called whenever
// agents should be sent the keys again.
void roles_serve(struct roles *roles, struct loop *loop, void (*changed)(void *user), void *user);

// Nothing is fetched any more; the loop may go. NULL is fine.
void roles_rest(struct roles *roles);

// The message with the keys of the roles it announces; the message itself when it announces none.
// What is new lives in `arena`.
const void *roles_complete(struct roles *roles, enum acs_message kind, const void *message,
                           struct arena *arena);

// A key that is none of the server's callers: is it a role's? When it is known or expired,
// *out_caller says who signs with it (all but the region), in `arena`.
enum sigv4_key_state roles_look_up(struct roles *roles, struct str key_id, struct str token,
                                   bool has_token, time_ms now, struct arena *arena,
                                   struct str *out_secret, struct caller *out_caller);

#endif
