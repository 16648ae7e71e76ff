// What a secret's valueFrom names. Source: ecs-behaviour-agent 1.8.2.

#ifndef ENGINE_SECRET_REF_H
#define ENGINE_SECRET_REF_H

#include "base/error.h"
#include "base/str.h"

enum secret_store {
    SECRET_PARAMETER = 1, // Systems Manager Parameter Store
    SECRET_MANAGER,       // Secrets Manager
};

// Slices of what was read; what was not given is empty.
struct secret_ref {
    enum secret_store store;
    struct str region;   // of an ARN
    struct str id;       // as the store is asked for it: a name, or an ARN without qualifiers
    struct str name;     // without ARN and, of Secrets Manager, without the random ending
    struct str json_key; // Secrets Manager only, like the next two
    struct str version_stage;
    struct str version_id;
};

enum secret_ref_outcome { SECRET_REF_E_FORM = 1 };

int secret_ref_read(enum secret_store store, struct str value_from,
                    struct secret_ref *out) MUST_CHECK;

// Whether `name` may be looked up as a path below a folder: parts of names, nothing that leaves it.
bool secret_name_is_path(struct str name);

#endif
