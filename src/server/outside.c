// See outside.h.

#include "server/outside.h"

#include "base/assert.h"
#include "base/mem.h"
#include "io/loop.h"
#include "server/alarm_source.h"
#include "server/hook_calls.h"
#include "server/intake.h"

enum { SAY_AGAIN_MS = 1000 };

struct outside {
    struct outside_config config;
    struct hook_calls *hooks;
    struct alarm_source *alarms;
    struct loop_timer again;
    struct list waiting; // words to be said again
    bool muted;
};

static void say(void *user, struct word *word)
{
    struct outside *outside = user;

    if (outside->muted)
        word_free(word);
    else
        intake_add(outside->config.intake, &word->input);
}

static void on_again(void *user)
{
    struct outside *outside = user;

    while (!list_is_empty(&outside->waiting)) {
        struct word *word = LIST_ENTRY(outside->waiting.next, struct word, waiting);

        list_remove(&word->waiting);
        say(outside, word);
    }
}

struct outside *outside_new(const struct outside_config *config)
{
    struct outside *outside = mem_zalloc(sizeof *outside);

    outside->config = *config;
    list_init(&outside->waiting);
    loop_timer_init(&outside->again, config->loop, on_again, outside);
    outside->hooks = hook_calls_new(config->loop, config->hooks_path, say, outside);
    outside->alarms = alarm_source_new(config->loop, config->alarms, say, outside);
    return outside;
}

void outside_free(struct outside *outside)
{
    if (outside == NULL)
        return;
    hook_calls_free(outside->hooks);
    alarm_source_free(outside->alarms);
    loop_timer_stop(&outside->again);
    outside->muted = true;
    on_again(outside);
    mem_free(outside);
}

bool outside_load(struct outside *outside, struct arena *arena, struct str *out_detail)
{
    return hook_calls_load(outside->hooks, arena, out_detail);
}

void outside_effect(struct outside *outside, const struct effect *effect)
{
    if (outside->muted)
        return;
    if (effect->kind == EFFECT_HOOK_CALL)
        hook_calls_call(outside->hooks, effect->value);
    else if (effect->kind == EFFECT_ALARMS_ASK)
        alarm_source_ask(outside->alarms, effect->value);
}

void outside_decided(struct outside *outside, struct word *word, bool failed)
{
    if (!failed && word->verdict != VERDICT_UNAVAILABLE) {
        word_free(word);
        return;
    }
    word->verdict = VERDICT_NONE;
    list_push_back(&outside->waiting, &word->waiting);
    if (!loop_timer_is_running(&outside->again))
        loop_timer_start(&outside->again, SAY_AGAIN_MS);
}

void outside_roles_changed(struct outside *outside)
{
    say(outside, word_new(WORD_ROLES));
}

void outside_mute(struct outside *outside)
{
    outside->muted = true;
}
