// What every operation handler gets and how it answers.
//
// A handler is straight-line code: check, look up, change, view. It is synchronous and pure; the
// reply it fills in waits for the commit by itself. It fails with `return op_fail(...)`; whatever
// it changed before is undone by the caller, so a failed call leaves nothing behind.

#ifndef OPS_OP_H
#define OPS_OP_H

#include "api/ecs.h"
#include "base/error.h"
#include "core/step.h"

struct cluster;
struct role_caller;

struct caller {
    struct str region;
    struct str principal_arn; // "arn:aws:iam::123456789012:root"
    struct str access_key;
    const struct role_caller *role; // ops/authorize.h; NULL: a user, who may do everything
};

struct op_error {
    enum ecs_error kind;
    struct str message;
    struct str_list resource_ids; // ConflictException only
};

struct op_ctx {
    struct step *step;
    struct state *state; // == step->state
    struct arena *arena; // of the call: request, reply, scratch
    const struct operation *operation;
    const void *request;
    size_t request_bytes;                 // of its JSON as it came
    const struct shape_unknown *unknowns; // enum names of the request that do not exist
    struct caller caller;
    struct op_error error;
};

enum op_outcome { OP_OK = 0, OP_FAILED = 1 };

// Notes the error and gives OP_FAILED: `return op_fail(ctx, KIND, "...", ...)`. The kind must be
// one the operation declares. A macro, so that the compiler sees the constant and knows what is
// left unset.
#define op_fail(ctx, ...) (op_note_failure((ctx), __VA_ARGS__), OP_FAILED)
void op_note_failure(struct op_ctx *ctx, enum ecs_error kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

// Checks the request against the limits of the IDL: InvalidParameterException with the framework's
// sentence. Every handler calls it, before or after its own checks (those have their own
// sentences).
int op_validate(struct op_ctx *ctx) MUST_CHECK;

// The text a client sent where an enum does not have it; empty when the name was known.
struct str op_unknown_enum(const struct op_ctx *ctx, const void *field);

// The scope of ARNs in this call.
struct scope op_scope(const struct op_ctx *ctx);

// Finds what a `cluster` parameter names (short name or ARN; empty: "default").
// ClusterNotFoundException "Cluster not found." or "The referenced cluster was inactive.".
int op_find_cluster(struct op_ctx *ctx, struct str reference, struct cluster **out) MUST_CHECK;
// The same, but an INACTIVE cluster is returned too.
int op_find_cluster_any(struct op_ctx *ctx, struct str reference, struct cluster **out) MUST_CHECK;
// The same for what changes the cluster itself: ClientException "Cluster was not ACTIVE." while it
// is PROVISIONING, DEPROVISIONING or INACTIVE.
int op_find_cluster_to_change(struct op_ctx *ctx, struct str reference,
                              struct cluster **out) MUST_CHECK;
// The short name in a cluster reference; the whole text when it is no ARN of this scope.
struct str op_cluster_name(const struct op_ctx *ctx, struct str reference);

// Runs the operation inside a savepoint. On failure ctx->error says why and the state is as before.
int op_run(struct op_ctx *ctx, enum ecs_operation operation, const void *in, void *out);

#endif
