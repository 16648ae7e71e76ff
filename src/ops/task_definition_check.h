// Judging a task definition: every rule of RegisterTaskDefinition, split by subject, one file each.
//
// A check returns true when it has nothing to say. Otherwise it notes one sentence and returns
// false, so checks chain with &&, and the first violation wins. All of them are ClientException.
// The rules of one launch type are asked twice: once because the request requires it, once to find
// out whether the definition happens to satisfy them. Source: ecs-behaviour-api 8.

#ifndef OPS_TASK_DEFINITION_CHECK_H
#define OPS_TASK_DEFINITION_CHECK_H

#include "ops/op.h"

// What is known of the definition while it is judged.
struct definition_check {
    struct op_ctx *ctx;
    const struct ecs_register_task_definition_request *in;
    enum ecs_network_mode mode; // bridge when the request does not say
    bool windows;
    int32_t cpu_units;  // of the task; 0: not given
    int32_t memory_mib; // likewise
    struct str objection;
};

// Judges everything. False: check->objection has the sentence.
bool definition_check(struct op_ctx *ctx, const struct ecs_register_task_definition_request *in,
                      struct definition_check *check) MUST_CHECK;

// The launch types whose rules a checked definition satisfies, in the order they are shown.
struct ecs_compatibility_list definition_compatibilities(struct definition_check *check);

// --- words for the files of checks

// Notes the sentence; always false.
bool check_refuse(struct definition_check *check, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

// "Invalid setting for container '<name>'. <rest>"
bool check_refuse_setting(struct definition_check *check, const struct ecs_container_definition *c,
                          const char *rest);

// One subject of every container, in order.
typedef bool container_check(struct definition_check *check,
                             const struct ecs_container_definition *c);
bool check_each_container(struct definition_check *check, container_check *one);

// NULL: the definition has no container of that name.
const struct ecs_container_definition *check_container_named(const struct definition_check *check,
                                                             struct str name);

bool check_is_essential(const struct ecs_container_definition *c);
bool check_is_name(struct str text); // letters, digits, '_' and '-'; any length but 0
bool check_is_in(struct str text, const char *const *names); // NULL ends the names
enum { NAME_LENGTH_MAX = 255 };

// One entry of secrets or of a log driver's secretOptions.
bool check_secret(struct definition_check *check, const struct ecs_secret *secret);

// The value in the map; empty when there is none.
struct str check_option(const struct str_map *options, struct str name);

bool check_containers(struct definition_check *check); // names, images, essential
bool check_references(struct definition_check *check); // containers and volumes that are named
bool check_resources(struct definition_check *check);  // cpu, memory, accelerators
bool check_lifetime(struct definition_check *check);   // timeouts, health checks, restarts
bool check_network(struct definition_check *check);    // what each network mode allows
bool check_ports(struct definition_check *check);
bool check_environment(struct definition_check *check); // variables, files, secrets
bool check_logging(struct definition_check *check);
bool check_linux(struct definition_check *check); // limits, capabilities, kernel, user
bool check_volumes(struct definition_check *check);
bool check_volumes_are_available(struct definition_check *check); // after all that is documented
bool check_windows(struct definition_check *check);

bool check_ec2(struct definition_check *check);
bool check_external(struct definition_check *check);
bool check_fargate(struct definition_check *check);
bool check_managed_instances(struct definition_check *check);

#endif
