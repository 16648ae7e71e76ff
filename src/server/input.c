// See input.h.

#include "server/input.h"

#include "base/mem.h"

struct agent_input *agent_input_new(enum input_kind kind, enum channel_kind channel,
                                    session_id session, uint64_t instance_id)
{
    struct agent_input *input = mem_zalloc(sizeof *input);

    input->input.kind = kind;
    input->channel = channel;
    input->session = session;
    arena_init(&input->arena);
    input->instance_id = instance_id;
    return input;
}

struct scaled_input *scaled_input_new(uint64_t provider_id)
{
    struct scaled_input *input = mem_zalloc(sizeof *input);

    input->input.kind = INPUT_SCALED;
    arena_init(&input->arena);
    input->result.provider_id = provider_id;
    return input;
}

void scaled_input_free(struct scaled_input *input)
{
    arena_deinit(&input->arena);
    mem_free(input);
}

void agent_input_free(struct agent_input *input)
{
    arena_deinit(&input->arena);
    mem_free(input);
}

void effect_refuse(struct effect *effect)
{
    switch (effect->kind) {
    case EFFECT_ACS_ACCEPT:
    case EFFECT_ACS_REFUSE: effect->kind = EFFECT_ACS_REFUSE; break;
    case EFFECT_TCS_ACCEPT:
    case EFFECT_TCS_REFUSE: effect->kind = EFFECT_TCS_REFUSE; break;
    case EFFECT_ACS_SEND:
    case EFFECT_TCS_SEND:
    case EFFECT_CLOSE: effect->kind = EFFECT_CLOSE; break;
    case EFFECT_SCALE: break; // without a value nothing is to be done
    case EFFECT_HOOK_CALL:
    case EFFECT_ALARMS_ASK:
    case EFFECT_TRAFFIC:
    case EFFECT_EXEC:
    case EFFECT_USAGE:
    case EFFECT_NONE: effect->kind = EFFECT_NONE; break;
    }
    effect->value = NULL;
    effect->error = STR("ServerException");
    effect->text = INPUT_UNAVAILABLE_TEXT;
}
