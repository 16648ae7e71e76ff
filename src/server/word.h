// Word from outside: what came of an effect that went neither to a caller nor to an agent. It is
// decided like every other input; one that could not be, because the store was down, is said again.

#ifndef SERVER_WORD_H
#define SERVER_WORD_H

#include "core/alarms.h"
#include "core/hooks.h"
#include "core/traffic.h"
#include "server/input.h"

enum word_kind {
    WORD_HOOK,
    WORD_ALARMS,
    WORD_TRAFFIC,
    WORD_ROLES, // agents are to be sent the keys of roles again
};

// A heap block of its own, with an arena for what it points at.
struct word {
    struct input input; // INPUT_WORD
    struct arena arena;
    enum word_kind kind;
    union {
        struct hook_answer hook;
        struct alarms_answer alarms;
        struct traffic_answer traffic;
    };
    enum verdict verdict;
    void *keeper; // while it waits to be said again
    struct list waiting;
};

struct word *word_new(enum word_kind kind);
void word_free(struct word *word);

void word_decide(struct step *step, const struct word *word);

// Whether the effect is for those outside.
bool effect_goes_outside(const struct effect *effect);

#endif
