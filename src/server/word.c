// See word.h.

#include "server/word.h"

#include "base/assert.h"
#include "base/mem.h"
#include "core/roles.h"

struct word *word_new(enum word_kind kind)
{
    struct word *word = mem_zalloc(sizeof *word);

    word->input.kind = INPUT_WORD;
    word->kind = kind;
    arena_init(&word->arena);
    return word;
}

void word_free(struct word *word)
{
    arena_deinit(&word->arena);
    mem_free(word);
}

void word_decide(struct step *step, const struct word *word)
{
    switch (word->kind) {
    case WORD_HOOK: hook_answered(step, &word->hook); return;
    case WORD_ALARMS: alarms_answered(step, &word->alarms); return;
    case WORD_TRAFFIC: traffic_answered(step, &word->traffic); return;
    case WORD_ROLES: roles_changed(step); return;
    }
    UNREACHABLE();
}

bool effect_goes_outside(const struct effect *effect)
{
    return effect->kind == EFFECT_HOOK_CALL || effect->kind == EFFECT_ALARMS_ASK ||
           effect->kind == EFFECT_TRAFFIC;
}
