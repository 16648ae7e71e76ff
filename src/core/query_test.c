#include "core/query.h"

#include "base/arena.h"
#include "base/test.h"
#include "core/fleet_testing.h"
#include "core/query_compare.h"
#include "model/instance.h"

// The instances of the published vectors: X, Y and Z, with the tasks on them.
static void add_instance(struct fleet *fleet, const char *uid, const char *attributes,
                         const char *version, const char *registered_at)
{
    struct instance *instance = fleet_add_instance(fleet, uid, 1024, 1024, attributes);
    struct rec_instance rec = *instance->rec;
    struct ecs_version_info info = {0};
    time_ms at;

    assert_true(time_parse_rfc3339(str_of(registered_at), &at));
    SET(&info, agent_version, str_of(version));
    SET(&rec, ec2_instance_id, str_fmt(&fleet->arena, "i-%s", uid));
    SET(&rec, registered_at, at);
    SET(&rec, version_info, &info);
    state_put(&fleet->state, REC_KIND_INSTANCE, instance->entity.id, &rec);
}

static int setup(void **state)
{
    struct fleet *fleet = calloc(1, sizeof *fleet);

    fleet_init(fleet);
    add_instance(fleet, "X",
                 "stack=prod size=9 ecs.instance-type=t2.small "
                 "ecs.availability-zone=us-east-1a",
                 "1.9.0", "2018-01-01T00:00:00Z");
    add_instance(fleet, "Y",
                 "ecs.instance-type=g2.2xlarge ecs.availability-zone=us-east-1d stack=dev fast "
                 "size=10.5",
                 "1.14.5", "2018-06-18T22:28:28Z");
    add_instance(fleet, "Z", "ecs.instance-type=g2.8xlarge ecs.availability-zone=us-east-1b",
                 "1.70.1", "2024-02-29T12:00:00Z");
    fleet_add_task(fleet, "X", "service:production");
    fleet_add_task(fleet, "Z", "databases");
    fleet_add_task(fleet, "Z", "family:web");
    fleet_add_task(fleet, "Z", "family:web");
    *state = fleet;
    return 0;
}

static int teardown(void **state)
{
    struct fleet *fleet = *state;

    fleet_deinit(fleet);
    free(fleet);
    return 0;
}

// The uids that match, "XZ"; "fault <position>" when the text is no query.
static struct str selected(struct fleet *fleet, const char *text)
{
    size_t at = 0;
    struct query *query = query_parse(&fleet->arena, str_of(text), &at);
    struct str out = STR_NONE;

    if (query == NULL)
        return str_fmt(&fleet->arena, "fault %zu", at);
    for (uint64_t id = 1; id <= 3; id++) {
        const struct instance *instance = instance_get(&fleet->state, id);
        if (query_matches(query, instance))
            out = str_fmt(&fleet->arena, "%.*s%.*s", STR_ARGS(out), STR_ARGS(instance->uid));
    }
    query_free(query);
    return out;
}

static void expect_rows(void **state, const char *const rows[][2], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct str got = selected(*state, rows[i][0]);
        if (!str_eq(got, str_of(rows[i][1])))
            fail_msg("%s: got '%.*s', want '%s'", rows[i][0], STR_ARGS(got), rows[i][1]);
    }
}
#define EXPECT_ROWS(state, rows) expect_rows((state), (rows), sizeof(rows) / sizeof *(rows))

static void expressions_select_what_the_vectors_say(void **state)
{
    static const char *const rows[][2] = {
        {"attribute:ecs.instance-type == t2.small", "X"},
        {"attribute:stack == prod", "X"},
        {"attribute:stack != prod", "Y"},
        {"attribute:stack exists", "XY"},
        {"attribute:stack !exists", "Z"},
        {"attribute:fast exists", "Y"},
        {"not(attribute:stack == prod)", "YZ"},
        {"attribute:ecs.instance-type =~ g2.*", "YZ"},
        {"attribute:ecs.instance-type =~ g2", ""},
        {"attribute:ecs.instance-type =~ g2.* and attribute:ecs.availability-zone != us-east-1d",
         "Z"},
        {"attribute:ecs.availability-zone in [us-east-1a, us-east-1b]", "XZ"},
        {"attribute:ecs.availability-zone !in [us-east-1a]", "YZ"},
        {"attribute:stack !in [dev]", "X"},
        {"agentVersion < 1.14.5", "X"},
        {"agentVersion >= 1.14.5", "YZ"},
        {"runningTasksCount == 1", "X"},
        {"runningTasksCount > 0 and runningTasksCount <= 3", "XZ"},
        {"registeredAt < 2018-02-13", "X"},
        {"registeredAt >= 2018-06-18T22:28:28Z", "YZ"},
        {"task:group == service:production", "X"},
        {"task:group == databases", "Z"},
        {"not(task:group == databases)", "XY"},
        {"(attribute:stack == prod or attribute:stack == dev) and runningTasksCount == 0", "Y"},
        {"attribute:stack == dev or attribute:stack == prod and runningTasksCount == 0", "Y"},
        {"! (attribute:stack exists) || agentConnected == false", "Z"},
    };

    EXPECT_ROWS(state, rows);
}

static void published_examples_select(void **state)
{
    static const char *const rows[][2] = {
        {"attribute:ecs.instance-type =~ t2.* and attribute:ecs.availability-zone == us-east-1a",
         "X"},
        {"attribute:ecs.instance-type in [t2.small, t2.medium]", "X"},
        {"attribute:ecs.os-family == WINDOWS_SERVER_2019_FULL", ""},
        {"task:group == service:daemon", ""},
        {"ec2InstanceId in ['i-X', 'i-wxyx7890']", "X"},
        {"registeredAt == 2018-06-18T22:28:28+00:00", "Y"},
        {"registeredAt == 2018-06-18T22:28:28", "Y"},
    };

    EXPECT_ROWS(state, rows);
}

static void operators_have_words_too(void **state)
{
    static const char *const rows[][2] = {
        {"attribute:stack equals prod", "X"},
        {"attribute:stack not_equals prod", "Y"},
        {"runningTasksCount greater_than 1", "Z"},
        {"runningTasksCount greater_than_equal 1", "XZ"},
        {"runningTasksCount less_than 1", "Y"},
        {"runningTasksCount less_than_equal 1", "XY"},
        {"attribute:stack not_exists", "Z"},
        {"attribute:stack not_in [prod, test]", "Y"},
        {"attribute:ecs.instance-type matches 'g2[.](2|8)xlarge'", "YZ"},
        {"attribute:ecs.instance-type not_matches g2.*", "X"},
        {"not attribute:stack exists", "Z"},
        {"attribute:stack !~ p.*", "Y"},
    };

    EXPECT_ROWS(state, rows);
}

static void blanks_around_symbols_are_optional(void **state)
{
    static const char *const rows[][2] = {
        {"attribute:stack==prod", "X"},
        {"attribute:stack==prod||attribute:stack==dev", "XY"},
        {"attribute:ecs.instance-type=~g2.*&&attribute:stack==dev", "Y"},
        {"  (((attribute:stack=='prod')))  ", "X"},
        {"runningTasksCount>=1", "XZ"},
        {"attribute:stack in['prod',\"dev\"]", "XY"},
        {"!!attribute:stack exists", "XY"},
        {"attribute:stack\n==\tdev", "Y"},
    };

    EXPECT_ROWS(state, rows);
}

static void odd_values_compare_as_decided(void **state)
{
    static const char *const rows[][2] = {
        {"attribute:fast == ''", "Y"},
        {"attribute:fast != x", "Y"},
        {"attribute:size > 9", "Y"},
        {"attribute:size < 10.50", "X"},
        {"attribute:stack > e", "X"},
        {"attribute:stack == and", ""},
        {"agentConnected =~ t.*", "XYZ"},
        {"agentConnected in [false]", ""},
        {"task:group in [databases, service:production]", "XZ"},
        {"attribute:stack == 'a]b' or attribute:stack == \"it's\"", ""},
    };

    EXPECT_ROWS(state, rows);
}

static void faults_are_told_with_their_place(void **state)
{
    static const char *const rows[][2] = {
        {"", "fault 0"},
        {"attribute:stack ==", "fault 18"},
        {"foo == 1", "fault 0"},
        {"attribute:a == b and", "fault 20"},
        {"(attribute:a == b", "fault 17"},
        {"attribute:a == b)", "fault 16"},
        {"attribute:a in []", "fault 16"},
        {"attribute:a in [b", "fault 17"},
        {"attribute:a in [b,]", "fault 18"},
        {"attribute:a == 'b", "fault 15"},
        {"attribute: == b", "fault 10"},
        {"attribute:a == b c", "fault 17"},
        {"attribute:a =~ *", "fault 15"},
        {"attribute:a", "fault 11"},
        {"attributeX == b", "fault 0"},
        {"agentVersion =~ 1.*", "fault 13"},
        {"agentVersion == new", "fault 16"},
        {"registeredAt < tomorrow", "fault 15"},
        {"runningTasksCount == many", "fault 21"},
        {"task:group != databases", "fault 11"},
        {"task:family == web", "fault 0"},
        {"runningTasksCount exists", "fault 18"},
        {"AND", "fault 0"},
        {"()", "fault 1"},
        {"attribute:a == b AND attribute:c == d", "fault 17"},
    };

    EXPECT_ROWS(state, rows);
}

static char *repeated(struct arena *arena, const char *before, const char *middle,
                      const char *after, int n)
{
    char *text = arena_printf(arena, "%s", middle);

    for (int i = 0; i < n; i++)
        text = arena_printf(arena, "%s%s%s", before, text, after);
    return text;
}

static void nesting_is_bounded_and_chains_are_not(void **state)
{
    struct fleet *fleet = *state;
    struct arena *arena = &fleet->arena;

    EXPECT_STR(selected(fleet, repeated(arena, "(", "attribute:stack exists", ")", 63)), "XY");
    EXPECT_STR(selected(fleet, repeated(arena, "(", "attribute:stack exists", ")", 64)),
               "fault 64");
    EXPECT_STR(selected(fleet, repeated(arena, "!", "attribute:stack exists", "", 63)), "Z");
    EXPECT_STR(selected(fleet, repeated(arena, "!", "attribute:stack exists", "", 500)),
               "fault 64");
    EXPECT_STR(selected(fleet, repeated(arena, "", "attribute:stack exists",
                                        " and runningTasksCount < 9", 500)),
               "XY");
    EXPECT_STR(selected(fleet, repeated(arena, "attribute:a == b or (", "attribute:stack exists",
                                        ")", 31)),
               "XY");
}

// Evaluated with every mix of two operators against C's own rules.
static void precedence_is_not_then_and_then_or(void **state)
{
    static const char *const values[] = {"runningTasksCount < 0", "runningTasksCount >= 0"};

    for (int bits = 0; bits < 64; bits++) {
        bool a = bits & 1;
        bool b = bits & 2;
        bool c = bits & 4;
        bool negate = bits & 8;
        bool and_1 = bits & 16;
        bool and_2 = bits & 32;
        bool first = negate ? !a : a;
        bool want = and_1 && and_2 ? first && b && c
                    : and_1        ? (first && b) || c
                    : and_2        ? first || (b && c)
                                   : first || b || c;
        struct fleet *fleet = *state;
        char *text =
            arena_printf(&fleet->arena, "%s%s %s %s %s %s", negate ? "not " : "", values[a],
                         and_1 ? "and" : "or", values[b], and_2 ? "&&" : "||", values[c]);
        EXPECT_STR(selected(fleet, text), want ? "XYZ" : "");
    }
}

static void any_cut_of_a_query_is_handled(void **state)
{
    struct fleet *fleet = *state;
    struct str text = STR("(attribute:a =~ 'b.*' or !(task:group in [c,\"d\"])) && "
                          "agentVersion>=1.2.3 and registeredAt < 2018-01-01");

    for (size_t len = 0; len <= text.len; len++) {
        for (size_t start = 0; start <= len; start++) {
            size_t at = SIZE_MAX;
            struct str cut = str_span(text.ptr + start, len - start);
            struct query *query = query_parse(&fleet->arena, cut, &at);

            assert_true(query != NULL || at <= cut.len);
            query_free(query);
        }
        arena_reset(&fleet->arena);
    }
}

static void versions_compare_part_by_part(void **state)
{
    (void)state;
    assert_true(query_version_order(STR("1.9.0"), STR("1.14.5")) < 0);
    assert_true(query_version_order(STR("1.14"), STR("1.14.0")) == 0);
    assert_true(query_version_order(STR("1.14.0"), STR("1.14")) == 0);
    assert_true(query_version_order(STR("1.14.0-rc1"), STR("1.14.0")) < 0);
    assert_true(query_version_order(STR("2"), STR("1.99999999999999999999999")) > 0);
    assert_false(query_is_version(STR("1..2")));
    assert_false(query_is_version(STR("1.2x")));
    assert_false(query_is_version(STR("")));
}

static void numbers_compare_by_value_and_texts_by_bytes(void **state)
{
    (void)state;
    assert_true(query_value_order(STR("9"), STR("10")) < 0);
    assert_true(query_value_order(STR("-9"), STR("-10")) > 0);
    assert_true(query_value_order(STR("-0"), STR("0.000")) == 0);
    assert_true(query_value_order(STR("1.10"), STR("1.1")) == 0);
    assert_true(query_value_order(STR("1.09"), STR("1.1")) < 0);
    assert_true(query_value_order(STR("123456789012345678901"), STR("9")) > 0);
    assert_true(query_value_order(STR("9a"), STR("10a")) > 0);
    assert_true(query_value_order(STR("1."), STR("1.0")) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(expressions_select_what_the_vectors_say, setup, teardown),
        cmocka_unit_test_setup_teardown(published_examples_select, setup, teardown),
        cmocka_unit_test_setup_teardown(operators_have_words_too, setup, teardown),
        cmocka_unit_test_setup_teardown(blanks_around_symbols_are_optional, setup, teardown),
        cmocka_unit_test_setup_teardown(odd_values_compare_as_decided, setup, teardown),
        cmocka_unit_test_setup_teardown(faults_are_told_with_their_place, setup, teardown),
        cmocka_unit_test_setup_teardown(nesting_is_bounded_and_chains_are_not, setup, teardown),
        cmocka_unit_test_setup_teardown(precedence_is_not_then_and_then_or, setup, teardown),
        cmocka_unit_test_setup_teardown(any_cut_of_a_query_is_handled, setup, teardown),
        cmocka_unit_test(versions_compare_part_by_part),
        cmocka_unit_test(numbers_compare_by_value_and_texts_by_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
