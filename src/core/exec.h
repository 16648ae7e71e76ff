// ECS Exec, as far as the core decides it: whether a command may be run in a container, and on
// which host. The session itself is the shell's: it lives as long as its sockets do and is in no
// record.

#ifndef CORE_EXEC_H
#define CORE_EXEC_H

#include "core/step.h"

// What an accepted ExecuteCommand asks of the shell (EFFECT_EXEC). In the step's arena.
struct exec_order {
    struct str session;   // id
    struct str token;     // what the client will show; a secret
    struct str principal; // who asked
    struct str cluster_arn;
    struct str task_arn;
    struct str container;    // name
    struct str container_id; // its uid: what sessions of one container have in common
    struct str command;      // as it was given
    struct str_list words;   // as it will be run
    uint64_t instance_id;
    bool is_logged;
};

// The ability by which an agent announces that it understands GantryExecMessage; in the list of the
// hello.
#define EXEC_ABILITY STR("exec")

#endif
