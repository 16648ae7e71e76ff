// From a checked request to the definition that is kept: defaults written in, what follows from it
// derived. Source: ecs-behaviour-api 7.3, 8.2 and 9.

#ifndef OPS_TASK_DEFINITION_BUILD_H
#define OPS_TASK_DEFINITION_BUILD_H

#include "ops/task_definition_check.h"

// The containers with every default that responses show. In the call's arena; shares what it does
// not change with the request.
struct ecs_container_definition_list definition_containers(const struct definition_check *check);

// The capabilities that an instance must have, each once, in the order of their causes.
struct ecs_attribute_list definition_requirements(const struct definition_check *check);

#endif
