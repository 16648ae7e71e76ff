// The instances of a cluster divided by the values of the attributes that a chain of strategies
// spreads over: instances of one part have the same value of each. Without such a strategy there is
// one part.

#ifndef CORE_DIVISION_H
#define CORE_DIVISION_H

#include "core/strategy.h"

struct placement_request;
struct roster;

struct division_part {
    uint32_t values[STRATEGIES_MAX]; // of each attribute, by number; below values_n
};

struct division {
    uint32_t *part_of_class; // by class of the roster; UINT32_MAX: no instance has it
    struct division_part *parts;
    uint32_t parts_n;
    uint32_t values_n; // different values of all attributes together
};

// Instances that do not have an attribute count as one value, with those whose attribute has none.
void division_init(struct division *division, const struct roster *roster,
                   const struct placement_request *request, const struct chain *chain);
void division_deinit(struct division *division);

#endif
