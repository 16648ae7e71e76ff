// Those outside who take part in deployments: webhooks in the place of Lambda functions, and a
// source of alarms. Loop thread.
//
// Nobody moves traffic yet: the state says so (state_config.has_traffic), and no order comes.

#ifndef SERVER_OUTSIDE_H
#define SERVER_OUTSIDE_H

#include "base/error.h"
#include "server/word.h"

struct intake;
struct loop;
struct outside;

struct outside_config {
    struct loop *loop;
    struct intake *intake;
    const char *hooks_path; // file of hook targets and their URLs; NULL: none. Copied.
    const char *alarms;     // path of a file, or URL; NULL: none. Copied.
};

struct outside *outside_new(const struct outside_config *config);
void outside_free(struct outside *outside); // cancels what is under way. NULL is fine.

// Reads the file of hooks, again. False: it cannot be used, *out_detail says why, and what was
// known before stays in force.
bool outside_load(struct outside *outside, struct arena *arena, struct str *out_detail);

// Carries out what the core wants. The effect rests on what is durable.
void outside_effect(struct outside *outside, const struct effect *effect);

// A word that has been decided comes back. `failed`: its tick was undone.
void outside_decided(struct outside *outside, struct word *word, bool failed);

// The keys of roles that an operator hands out have changed.
void outside_roles_changed(struct outside *outside);

// Words lead nowhere from here on.
void outside_mute(struct outside *outside);

#endif
