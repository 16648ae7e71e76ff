// What RunTask and StartTask may say of one container differently than its definition does.

#ifndef MODEL_OVERRIDE_H
#define MODEL_OVERRIDE_H

#include "api/ecs.h"

// The override of that container: the first one, should its name be given twice. NULL: none, or no
// overrides at all.
const struct ecs_container_override *override_of(const struct ecs_task_override *overrides,
                                                 struct str container);

// GPUs that the container asks for, with its override applied (NULL: none).
int32_t override_gpus(const struct ecs_container_definition *container,
                      const struct ecs_container_override *over);

#endif
