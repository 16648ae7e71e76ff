// Attributes of container instances: whose they are, how they may look, lists of them.
//
// An attribute of the system (a capability, a fact about the host) has a name under "ecs." or
// "com.amazonaws.ecs."; every other one is custom and belongs to the user.
// Source: ecs-behaviour-api 7.9 and 13.

#ifndef OPS_ATTRIBUTE_RULES_H
#define OPS_ATTRIBUTE_RULES_H

#include "ops/op.h"

enum { CUSTOM_ATTRIBUTES_MAX = 10 }; // an instance

bool attribute_is_custom(const struct ecs_attribute *attribute);

// Name and value of a custom attribute. InvalidParameterException.
int op_check_custom_attribute(struct op_ctx *ctx, const struct ecs_attribute *attribute) MUST_CHECK;

size_t attributes_custom_n(const struct ecs_attribute_list *list);
const struct ecs_attribute *attributes_find(const struct ecs_attribute_list *list, struct str name);

// A copy with room for `more` attributes, in the arena.
struct ecs_attribute_list attributes_copy(struct arena *arena,
                                          const struct ecs_attribute_list *list, size_t more);

// Puts name and value (not the target): overwrites in place or appends; there must be room.
void attributes_put(struct ecs_attribute_list *list, const struct ecs_attribute *attribute);
void attributes_remove(struct ecs_attribute_list *list, struct str name);

#endif
