// What a hook's reply means.

#ifndef SERVER_HOOK_REPLY_H
#define SERVER_HOOK_REPLY_H

#include "core/hooks.h"

// Reads the body of a reply into an answer without ids, in `arena`. `sent` is the hookDetails of
// the call, empty when it had none; members that come back replace those of the same name.
struct hook_answer hook_reply_read(struct arena *arena, struct str body, struct str sent);

#endif
