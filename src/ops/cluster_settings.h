// What CreateCluster, UpdateCluster and UpdateClusterSettings have in common: judging settings,
// configuration and Service Connect defaults.

#ifndef OPS_CLUSTER_SETTINGS_H
#define OPS_CLUSTER_SETTINGS_H

#include "ops/op.h"

// Only containerInsights, only its three values. InvalidParameterException "Invalid setting
// 'name'".
int op_check_cluster_settings(struct op_ctx *ctx,
                              const struct ecs_cluster_setting_list *settings) MUST_CHECK;

// Logging, log configuration and what they ask of each other. NULL is fine.
int op_check_cluster_configuration(
    struct op_ctx *ctx, const struct ecs_cluster_configuration *configuration) MUST_CHECK;

// A namespace is a name of at most 1,024 characters without < > " and /, an ARN, or empty. NULL is
// fine.
int op_check_service_connect_defaults(
    struct op_ctx *ctx,
    const struct ecs_cluster_service_connect_defaults_request *wanted) MUST_CHECK;

// The defaults as stored and shown: the namespace as an ARN. NULL (none) for NULL and for the empty
// namespace, which clears.
struct ecs_cluster_service_connect_defaults *
op_service_connect_defaults(struct op_ctx *ctx,
                            const struct ecs_cluster_service_connect_defaults_request *wanted);

#endif
