// From what a request names to the entity: ids and ARNs of container instances and tasks.
// Source: ecs-behaviour-api 4.

#ifndef OPS_FIND_H
#define OPS_FIND_H

#include "ops/op.h"

struct cluster;
struct instance;
struct service;
struct task;

// A required text of a request (a name, an id, an ARN): InvalidParameterException "<what> can not
// be blank." when it is absent or empty. `what` is written as in a sentence: "Cluster".
int op_need_text(struct op_ctx *ctx, struct str text, const char *what) MUST_CHECK;

// The size of a list in a request: InvalidParameterException "<what> can not have more than <max>
// elements.".
int op_check_count(struct op_ctx *ctx, size_t n, size_t max, const char *what) MUST_CHECK;

// An idempotency token: at most `max` characters, all of them ASCII 33 to 126. None is fine.
int op_check_token(struct op_ctx *ctx, struct str token, size_t max) MUST_CHECK;

// The instance or task that `reference` names in exactly this cluster: an id, an ARN, or an ARN of
// the old form without the cluster. NULL when there is none there, or the ARN is of another region,
// account, kind or cluster. INACTIVE instances and STOPPED tasks are found while they are
// remembered.
struct instance *op_find_instance(const struct op_ctx *ctx, const struct cluster *cluster,
                                  struct str reference);
struct task *op_find_task(const struct op_ctx *ctx, const struct cluster *cluster,
                          struct str reference);

// The service of exactly this cluster, by name or ARN, whatever its status; NULL when there is
// none.
struct service *op_find_service(const struct op_ctx *ctx, const struct cluster *cluster,
                                struct str reference);
// The service that a required `service` parameter names: ServiceNotFoundException "Service not
// found.". ..._active: ServiceNotActiveException "Service was not ACTIVE." too.
int op_find_named_service(struct op_ctx *ctx, const struct cluster *cluster, struct str reference,
                          struct service **out) MUST_CHECK;
int op_find_active_service(struct op_ctx *ctx, const struct cluster *cluster, struct str reference,
                           struct service **out) MUST_CHECK;

// The instance that a required `containerInstance` parameter names, INACTIVE ones included:
// InvalidParameterException "Referenced container instance <reference> not found.".
int op_find_named_instance(struct op_ctx *ctx, const struct cluster *cluster, struct str reference,
                           struct instance **out) MUST_CHECK;

// A required list of instances: ClientException "Container Instances cannot be empty.", or
// op_check_count.
int op_check_instances(struct op_ctx *ctx, const struct str_list *references,
                       size_t max) MUST_CHECK;

// failures[].arn of a reference that found nothing: an ARN as it was given, anything else as the
// ARN it would have. `kind` is "container-instance" or "task". In the call's arena.
struct str op_missing_arn(const struct op_ctx *ctx, const char *kind, const struct cluster *cluster,
                          struct str reference);

// One entry of failures[]; `detail` is left out.
struct ecs_failure op_failure(struct str arn, struct str reason);

#endif
