// Services with the EXTERNAL controller: what a caller may say of the service itself. What its
// tasks are made of is said of its task sets.

#ifndef OPS_EXTERNAL_SERVICE_H
#define OPS_EXTERNAL_SERVICE_H

#include "ops/op.h"

struct service;

bool external_is_asked(const struct ecs_create_service_request *in);

// Whether CreateService asks for nothing that belongs to task sets. *out is the configuration with
// its defaults.
int external_check_create(struct op_ctx *ctx, const struct ecs_create_service_request *in,
                          struct ecs_deployment_configuration **out) MUST_CHECK;

// UpdateService, whole.
int external_update(struct op_ctx *ctx, const struct ecs_update_service_request *in,
                    struct service *service) MUST_CHECK;

#endif
