// Input: a query of the cluster query language. A text that is one also is one in parentheses, and
// logic holds on every instance: nothing is both true and not, "q and q" is q, "q or not q" is
// true. A text that is none says where.

#include "api/ecs.h"
#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"
#include "core/query.h"
#include "fuzz.h"
#include "model/instance.h"
#include "wire/codec.h"

enum { INSTANCES = 3 };

static const char *const records[INSTANCES] = {
    "{\"clusterId\":1,\"uid\":\"a\",\"ec2InstanceId\":\"i-0123\",\"registeredAt\":1767225600,"
    "\"versionInfo\":{\"agentVersion\":\"1.70.1\"},\"attributes\":[{\"name\":\"stack\",\"value\":"
    "\"prod\"},{\"name\":\"ecs.instance-type\",\"value\":\"t2.small\"},{\"name\":\"n\",\"value\":"
    "\"10\"},{\"name\":\"empty\"}]}",
    "{\"clusterId\":1,\"uid\":\"b\",\"registeredAt\":0,\"versionInfo\":{\"agentVersion\":"
    "\"1.70.1-rc1\"},\"attributes\":[{\"name\":\"stack\",\"value\":\"\xc3\xa9 x\"},{\"name\":"
    "\"n\",\"value\":\"-9.5\"}]}",
    "{\"clusterId\":1,\"uid\":\"c\"}",
};

static void put(struct state *state, enum rec_kind kind, uint64_t id, const char *json)
{
    struct arena arena = ARENA_INIT;
    void *value = arena_alloc(&arena, rec_kinds[kind].shape->size);
    struct codec_report report;
    int result = codec_decode(&arena, rec_kinds[kind].shape, str_of(json), NULL, value, &report);

    ASSERT_SAY(result == 0, "%.*s", STR_ARGS(report.message));
    state_load(state, kind, id, value);
    arena_deinit(&arena);
}

static struct state *a_state(void)
{
    static struct state state;

    state_init(&state, &state_config_default);
    put(&state, REC_KIND_CLUSTER, 1,
        "{\"name\":\"demo\",\"region\":\"us-east-1\",\"status\":\"ACTIVE\"}");
    for (uint64_t id = 1; id <= INSTANCES; id++) {
        put(&state, REC_KIND_INSTANCE, id, records[id - 1]);
        put(&state, REC_KIND_INSTANCE_STATE, id,
            "{\"version\":1,\"sequence\":0,\"status\":\"ACTIVE\"}");
        instance_set_session(&state, instance_get(&state, id),
                             id - 1); // the first is not connected
    }
    return &state;
}

static struct query *parsed(struct arena *arena, struct buf *text)
{
    size_t at;

    return query_parse(arena, buf_str(text), &at);
}

// <before>text<between>text<after>, or without `between` the text once. NULL when that is one
// operator too many for the parser.
static struct query *composed(struct arena *arena, struct buf *out, struct str text,
                              const char *before, const char *between)
{
    buf_clear(out);
    buf_add_str(out, str_of(before));
    buf_add_str(out, text);
    if (between != NULL) {
        buf_add_str(out, str_of(between));
        buf_add_str(out, text);
    }
    buf_add_char(out, ')');
    return parsed(arena, out);
}

static void check_logic(const struct state *state, struct arena *arena, const struct query *plain,
                        struct str text)
{
    static struct buf texts[3];
    struct query *negated = composed(arena, &texts[0], text, "not(", NULL);
    struct query *both = composed(arena, &texts[1], text, "(", ")and(");
    struct query *either = composed(arena, &texts[2], text, "(", ")or not(");

    for (uint64_t id = 1; id <= INSTANCES; id++) {
        const struct instance *instance = instance_get(state, id);
        bool holds = query_matches(plain, instance);

        ASSERT(negated == NULL || query_matches(negated, instance) != holds);
        ASSERT(both == NULL || query_matches(both, instance) == holds);
        ASSERT(either == NULL || query_matches(either, instance));
    }
    query_free(negated);
    query_free(both);
    query_free(either);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena arena;
    static struct state *state;
    struct str text = fuzz_text(data, size);
    size_t at = 0;
    struct query *query = query_parse(&arena, text, &at);

    if (state == NULL)
        state = a_state();
    if (query != NULL)
        check_logic(state, &arena, query, text);
    else
        ASSERT(at <= text.len);
    query_free(query);
    arena_reset(&arena);
    return 0;
}
