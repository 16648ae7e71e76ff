// Placement as the rules are written down, without any index: what place() must agree with.

#ifndef CORE_ORACLE_TESTING_H
#define CORE_ORACLE_TESTING_H

#include "core/placement.h"

struct oracle {
    const struct instance **at; // who may be chosen, each as likely as another; oldest first
    size_t n;
    const struct instance *closest; // when nobody may
    enum place_reason reason;
};

void oracle_ask(struct oracle *oracle, struct arena *arena,
                const struct placement_request *request);
bool oracle_allows(const struct oracle *oracle, const struct placement *placement);

#endif
