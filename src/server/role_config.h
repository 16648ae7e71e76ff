// The file that says what roles of tasks may do here, and whose keys they get: a section a role.
//
//     [app]
//     # what calls signed with the keys of this role's tasks may do: actions, parted by spaces
//     allow = ecs:DescribeTasks ecs:List*
//     # in clusters of these names; left out: in all, and what is about no cluster
//     cluster = demo
//
//     [uploader]
//     # the tasks get these keys, not ones that Gantry makes:
//     keys-file = /etc/gantry/uploader.ini
//     profile = s3
//     # or keys-url = http://127.0.0.1:8200/role/uploader
//
// A section's name is a role's name or ARN and may hold '*' and '?'. Several sections may fit a
// role: what they allow adds up, and the first that names keys gives them. Lines that begin with
// '#' or ';' and empty ones mean nothing.

#ifndef SERVER_ROLE_CONFIG_H
#define SERVER_ROLE_CONFIG_H

#include "base/error.h"
#include "ops/authorize.h"

struct arena;

struct role_section {
    struct str role; // pattern
    struct role_grant grant;
    const char *keys_file; // NULL: none
    struct str profile;    // of keys_file
    struct str keys_url;   // empty: none
};

struct role_config {
    struct role_section *at;
    size_t n;
};

enum role_config_outcome { ROLE_CONFIG_E_BAD = 1 };

// Everything lives in `arena`. *out_detail is "line N: ..." then.
int role_config_parse(struct str text, struct arena *arena, struct role_config *out,
                      struct str *out_detail) MUST_CHECK;

// Whether the section is about this role: by ARN, or by the name at the ARN's end.
bool role_section_fits(const struct role_section *section, struct str role_arn);

// What the sections together allow the role, in `arena`, sharing nothing with the config.
void role_config_grants(const struct role_config *config, struct str role_arn, struct arena *arena,
                        struct role_caller *out);

#endif
