// The flags of `gantry ecs`, as the AWS CLI writes them, into the JSON of a request.
//
//     --cluster demo --tasks a b --enable-execute-command --tags key=a,value=b key=c,value=d
//     --overrides '{"cpu":"256"}' --container-definitions file://defs.json
//
// What the request's descriptor says decides how a value is read. Values of structures, lists and
// maps may always be JSON; the short form key=value,... goes one level deep.

#ifndef CLI_ECS_ARGS_H
#define CLI_ECS_ARGS_H

#include "base/error.h"
#include "shape/shape.h"

struct arena;

enum ecs_args_outcome { ECS_ARGS_E_BAD = 1 };

// *out_json is one object. On an outcome *out_why says what is wrong, for a person.
int ecs_args_to_json(struct arena *arena, const struct shape *shape, const char *const *arguments,
                     int n, struct str *out_json, struct str *out_why) MUST_CHECK;

#endif
