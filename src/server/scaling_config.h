// The file that says what is done when a capacity provider scales: a section a provider.
//
//     [metal]
//     # or: url = https://rack.example/scale
//     command = /usr/local/sbin/scale-rack
//     min-size = 1
//     max-size = 20
//     # of one machine, for when none is registered: units, MiB, number
//     cpu = 8192
//     memory = 32768
//     gpus = 0
//
// Lines that begin with '#' or ';' and empty ones mean nothing.

#ifndef SERVER_SCALING_CONFIG_H
#define SERVER_SCALING_CONFIG_H

#include "base/error.h"
#include "model/state.h"

struct arena;

struct scaling_hook {
    const char *command; // NULL: `url`
    struct str url;
};

// Both lists have an entry a section, in the same order.
struct scaling_config {
    struct provider_limits *limits;
    struct scaling_hook *hooks;
    size_t n;
};

enum scaling_config_outcome { SCALING_CONFIG_E_BAD = 1 };

// Everything lives in `arena`. *out_detail is "line N: ..." then.
int scaling_config_parse(struct str text, struct arena *arena, struct scaling_config *out,
                         struct str *out_detail) MUST_CHECK;
// The same from a file; also when it cannot be read.
int scaling_config_read(const char *path, struct arena *arena, struct scaling_config *out,
                        struct str *out_detail) MUST_CHECK;

#endif
