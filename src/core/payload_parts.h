// Inside the room: the parts of a task document, one file each.

#ifndef CORE_PAYLOAD_PARTS_H
#define CORE_PAYLOAD_PARTS_H

#include "core/step.h"
#include "shape/shape.h"

struct task;

// One container being written, and everything that says how.
struct container_part {
    struct step *step;
    const struct task *task;
    const struct ecs_task_definition *definition;
    const struct ecs_container_definition *container;
    const struct ecs_container_override *over; // NULL: nothing was overridden
    size_t index;
    struct str region;
};

// The override's number where it gives one. False when neither says.
bool part_memory(const struct container_part *part, int32_t *out_mib);

// payload_container.c
void payload_container(const struct container_part *part, struct acs_container *out);
// payload_environment.c: the container's variables by name, each once.
struct str_map payload_environment(const struct container_part *part);
// payload_secrets.c
struct acs_secret_list payload_secrets(const struct container_part *part);
struct acs_registry_authentication_data *payload_registry(const struct container_part *part);
// payload_docker.c: what travels as Docker's own objects.
struct acs_docker_config *payload_docker(const struct container_part *part);
// payload_volumes.c
struct acs_volume_list payload_volumes(struct step *step,
                                       const struct ecs_task_definition *definition);

// The value of the same name in another enum; 0 when it has none.
int payload_enum(const struct shape_enum *to, const struct shape_enum *from, int value);

#endif
