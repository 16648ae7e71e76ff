// Settings of the ECS agent that somebody may bring along and that do nothing here, with the
// reason: what they would do is done always, never, or in another way. Whoever sets one is told.

#ifndef AGENT_CONFIG_UNUSED_H
#define AGENT_CONFIG_UNUSED_H

#include <stddef.h>

struct config_unused {
    const char *name;
    const char *why;
};

extern const struct config_unused config_unused[];
extern const size_t config_unused_n;

#endif
