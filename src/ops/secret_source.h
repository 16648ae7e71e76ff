// Where a secret's value lives, read from its `valueFrom`. Source: ecs-behaviour-api 8.6.

#ifndef OPS_SECRET_SOURCE_H
#define OPS_SECRET_SOURCE_H

#include "base/str.h"

enum secret_source {
    SECRET_SOURCE_NONE,      // no form we know
    SECRET_SOURCE_PARAMETER, // SSM parameter, by name or ARN
    SECRET_SOURCE_SECRET,    // Secrets Manager, by ARN
};

// *out_account is the account in the ARN; empty for a plain name.
enum secret_source secret_source(struct str value_from, struct str *out_account);

#endif
