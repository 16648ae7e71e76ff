// A step: one input decided. This is all the core and the operations ever see of the world.
//
// The shell (src/server) makes one `struct step` a tick, fills in the time and the dice, and calls
// a core or ops function for each input. What comes out is data: changes in the state's journal,
// and effects in order. The shell carries effects out only after the batch's records are durable.

#ifndef CORE_STEP_H
#define CORE_STEP_H

#include "api/acs.h"
#include "api/tcs.h"
#include "base/rng.h"
#include "base/timefmt.h"
#include "model/state.h"

struct arena;

// Names one agent connection (ACS or TCS). The shell hands them out, counting up from 1, never
// reused.
typedef uint64_t session_id;

enum effect_kind {
    EFFECT_NONE = 0,   // nothing is left of it
    EFFECT_ACS_ACCEPT, // complete the websocket handshake
    EFFECT_ACS_REFUSE, // answer it with `error` and `text` instead
    EFFECT_ACS_SEND,   // send `value` as `acs_message`
    EFFECT_TCS_ACCEPT,
    EFFECT_TCS_REFUSE,
    EFFECT_TCS_SEND, // send `value` as `tcs_message`
    EFFECT_CLOSE,    // close the session: websocket code 1000 and `text`
    EFFECT_SCALE,    // of no session: `value` is a struct scaling_call (core/scaling.h)

    // To whoever is outside of the cluster; no session. `value` says what is asked, an input brings
    // what came of it.
    EFFECT_HOOK_CALL,  // struct hook_call, core/hooks.h
    EFFECT_ALARMS_ASK, // struct alarms_ask, core/alarms.h
    EFFECT_TRAFFIC,    // struct traffic_order, core/traffic.h

    EFFECT_EXEC,  // of no session: `value` is a struct exec_order (core/exec.h)
    EFFECT_USAGE, // of no session: `value` is a struct usage_reports (core/usage.h)
};

struct effect {
    enum effect_kind kind;
    session_id session;
    uint64_t instance_id; // of an accept or a message: whose session it is
    uint64_t provider_id; // EFFECT_SCALE only
    enum acs_message acs_message;
    enum tcs_message tcs_message;
    const void *value; // in the step's arena or in frozen records of this batch
    struct str error;  // exception name of a refusal ("InactiveInstanceException")
    struct str text;
    struct effect *next;
};

// What an ExecuteCommand brings along for its reply; see ops/execute_command.c.
struct exec_ticket {
    struct str endpoint; // "ws://127.0.0.1:7420"
    struct str session;  // id
    struct str token;
};

struct step {
    struct state *state;
    time_ms now;
    struct rng *rng;
    struct arena *arena; // for effects: lives until the batch has been carried out
    struct effect *first;
    struct effect **last; // where the next one is linked
    // Told to agents in DiscoverPollEndpoint's answer; set by the shell.
    struct str acs_endpoint;
    struct str tcs_endpoint;
    struct exec_ticket exec; // told to the caller of ExecuteCommand; likewise
};

void step_init(struct step *step, struct state *state, time_ms now, struct rng *rng,
               struct arena *arena);

// Appends a zeroed effect to fill in.
struct effect *step_effect(struct step *step, enum effect_kind kind, session_id session);

#endif
