// The configuration of a FireLens log router, and what its senders' log driver is told. Texts in,
// texts out. Source: ecs-behaviour-agent 7.4.

#ifndef ENGINE_FIRELENS_H
#define ENGINE_FIRELENS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"
#include "shape/shape.h"

struct arena;
struct buf;

enum firelens_kind { FIRELENS_FLUENT_BIT, FIRELENS_FLUENTD };
enum firelens_network { FIRELENS_BRIDGE, FIRELENS_AWSVPC, FIRELENS_HOST };

struct firelens_router {
    enum firelens_kind kind;
    enum firelens_network network;
    int64_t memory_mib; // the router's reservation, or its limit; 0: neither
    bool adds_metadata; // enable-ecs-log-metadata
    struct str cluster; // the four that metadata consists of
    struct str task_arn;
    struct str definition;  // "web:7"
    struct str instance_id; // empty: not known
    struct str external;    // a file in the router to include; empty: none
};

// A container that logs through the router.
struct firelens_sender {
    struct str container;
    const struct str_pair *options; // of its logConfiguration
    size_t options_n;
    const struct str *secrets; // names of its secretOptions
    size_t secrets_n;
    size_t index; // of the container in the task: makes names of secrets the router's own
};

enum firelens_outcome { FIRELENS_E_NO_OUTPUT = 1 };

// Appends the whole file. FIRELENS_E_NO_OUTPUT: a sender has options of an output and does not say
// which; *out_reason then says so, and what was appended is of no use.
int firelens_config(const struct firelens_router *router, const struct firelens_sender *senders,
                    size_t senders_n, struct arena *arena, struct buf *out,
                    struct str *out_reason) MUST_CHECK;

// The variable of the router's environment that holds the sender's secret.
struct str firelens_secret_name(struct arena *arena, const struct firelens_sender *sender,
                                struct str option);

// Where the file and the included one belong in the router.
struct str firelens_config_path(enum firelens_kind kind);
struct str firelens_external_path(enum firelens_kind kind);

#endif
