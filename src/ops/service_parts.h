// Parts of services by ARN: service-deployment/<cluster>/<service>/<id> and
// service-revision/<cluster>/<service>/<number>. Source: ecs-behaviour-api 4.1.

#ifndef OPS_SERVICE_PARTS_H
#define OPS_SERVICE_PARTS_H

#include "ops/op.h"

struct revision;
struct service;
struct service_deployment;

// Slices of the ARN.
struct part_reference {
    struct str cluster;
    struct str service;
    struct str id;
};

// False for anything else, and for other accounts and regions.
bool op_parse_part(const struct op_ctx *ctx, struct str text, const char *kind,
                   struct part_reference *out);

// InvalidParameterException, or ServiceDeploymentNotFoundException.
int op_find_service_deployment(struct op_ctx *ctx, struct str arn,
                               struct service_deployment **out) MUST_CHECK;

// NULL: the service has none of that id.
struct service_deployment *op_service_deployment(const struct service *service, struct str uid);
struct revision *op_service_revision(const struct service *service, int64_t number);

#endif
