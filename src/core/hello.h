// Who an agent says it is when it opens a connection, and whether it may.

#ifndef CORE_HELLO_H
#define CORE_HELLO_H

#include "base/error.h"
#include "core/sessions.h"

struct instance;

enum hello_outcome {
    HELLO_OK = 0,
    HELLO_NO_CLUSTER,
    HELLO_NO_INSTANCE, // or one of another cluster
    HELLO_INACTIVE,    // deregistered
    HELLO_N,
};

enum hello_outcome hello_find(const struct step *step, const struct agent_hello *hello,
                              struct instance **out) MUST_CHECK;

// The sentence for a refusal.
struct str hello_text(enum hello_outcome outcome);

#endif
