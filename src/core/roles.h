// Roles of tasks: which a task has, and when its agent gets fresh keys for them. The keys
// themselves are made by whoever sends the message (server/role_keys.h); here nobody knows a
// secret. Source: agent-protocol 6.5, 7.1; ecs-behaviour-agent 3.6.

#ifndef CORE_ROLES_H
#define CORE_ROLES_H

#include "core/step.h"

struct instance;
struct task;

// How long keys hold, and how often they are renewed: an agent that misses four messages in a row
// still serves keys that hold.
enum { ROLE_KEYS_MS = 6 * TIME_HOUR_MS, ROLE_KEYS_RENEW_MS = TIME_HOUR_MS };

// The ARN of the role, from the overrides or the definition; empty: the task has none. A name alone
// is a role of the account.
struct str role_of_task(const struct state *state, const struct task *task, enum acs_role_type type,
                        struct arena *arena);

// What a message says of a role: its ARN and when the keys are to end. NULL: there is no such role.
// From then on the agent of the task's instance is sent fresh ones in time.
struct acs_iam_role_credentials *role_announce(struct step *step, const struct task *task,
                                               enum acs_role_type type);

// An agent has connected and heard of its tasks: it is sent the keys of those that it knows when it
// asks for them, or when it may have missed some.
void roles_resend(struct step *step, struct instance *instance, bool asked);
// All agents are to be sent all keys again, soon: those that an operator hands out have changed.
void roles_changed(struct step *step);

// Renews what is due; bounded a call.
void roles_run(struct step *step);
time_ms roles_next(const struct state *state); // 0: nothing waits

#endif
