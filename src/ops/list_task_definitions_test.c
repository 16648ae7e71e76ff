// ListTaskDefinitions and ListTaskDefinitionFamilies: order, filters, pages that hold while
// revisions come and go.

#include "tests/support/patch.h"

static int setup(void **state)
{
    struct world *w = malloc(sizeof *w);

    world_init(w);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    world_deinit(*state);
    free(*state);
    return 0;
}

static void add(struct world *w, const char *family)
{
    struct str patch = str_fmt(&w->arena, "{\"family\":\"%s\"}", family);

    world_ok(w, "RegisterTaskDefinition", patched_definition(w, NULL, NULL, patch.ptr));
}

static void deregister(struct world *w, const char *reference)
{
    world_ok(w, "DeregisterTaskDefinition",
             str_fmt(&w->arena, "{\"taskDefinition\":\"%s\"}", reference).ptr);
}

static void delete (struct world *w, const char *reference)
{
    deregister(w, reference);
    world_ok(w, "DeleteTaskDefinitions",
             str_fmt(&w->arena, "{\"taskDefinitions\":[\"%s\"]}", reference).ptr);
}

// Three families with three, one and eleven revisions.
static void populate(struct world *w)
{
    for (int i = 0; i < 11; i++)
        add(w, "zoo");
    for (int i = 0; i < 3; i++)
        add(w, "app");
    add(w, "app-two");
}

// All pages of `size`, as "app:1 app:2 ...".
static const char *walked(struct world *w, const char *operation, const char *member,
                          const char *filters, int size)
{
    struct str token = STR_NONE;
    struct str all = STR_NONE;

    for (int page = 0; page < 50; page++) {
        struct str reply = world_callf(w, operation, "{\"maxResults\":%d%s%.*s%s%s}", size,
                                       token.len > 0 ? ",\"nextToken\":\"" : "", STR_ARGS(token),
                                       token.len > 0 ? "\"" : "", filters);
        for (int i = 0; i < size; i++) {
            struct str entry = world_get(w, reply, str_fmt(&w->arena, "%s.%d", member, i).ptr);
            struct str head;
            struct str name;
            if (entry.len == 0)
                break;
            if (!str_cut_last(entry, '/', &head, &name))
                name = entry;
            all = str_fmt(&w->arena, "%.*s%s%.*s", STR_ARGS(all), all.len > 0 ? " " : "",
                          STR_ARGS(name));
        }
        token = world_get(w, reply, "nextToken");
        if (token.len == 0)
            return str_cstr(&w->arena, all);
    }
    fail_msg("%s does not end", operation);
    return NULL;
}

static const char *definitions(struct world *w, const char *filters, int size)
{
    return walked(w, "ListTaskDefinitions", "taskDefinitionArns", filters, size);
}

static const char *families(struct world *w, const char *filters, int size)
{
    return walked(w, "ListTaskDefinitionFamilies", "families", filters, size);
}

static void revisions_come_by_family_and_number(void **state)
{
    struct world *w = *state;
    const char *forwards = "app:1 app:2 app:3 app-two:1 zoo:1 zoo:2 zoo:3 zoo:4 zoo:5 zoo:6 zoo:7 "
                           "zoo:8 zoo:9 zoo:10 zoo:11";
    const char *backwards = "zoo:11 zoo:10 zoo:9 zoo:8 zoo:7 zoo:6 zoo:5 zoo:4 zoo:3 zoo:2 zoo:1 "
                            "app-two:1 app:3 app:2 app:1";

    populate(w);
    for (int size = 1; size <= 16; size++) {
        assert_string_equal(definitions(w, "", size), forwards);
        assert_string_equal(definitions(w, ",\"sort\":\"DESC\"", size), backwards);
    }
}

static void the_prefix_is_a_whole_family(void **state)
{
    struct world *w = *state;

    populate(w);
    assert_string_equal(definitions(w, ",\"familyPrefix\":\"app\"", 2), "app:1 app:2 app:3");
    assert_string_equal(definitions(w, ",\"familyPrefix\":\"app\",\"sort\":\"DESC\"", 2),
                        "app:3 app:2 app:1");
    assert_string_equal(definitions(w, ",\"familyPrefix\":\"ap\"", 2), "");
}

static void a_list_shows_one_status(void **state)
{
    struct world *w = *state;

    populate(w);
    deregister(w, "app:2");
    delete (w, "zoo:5");
    assert_string_equal(definitions(w, ",\"familyPrefix\":\"app\"", 1), "app:1 app:3");
    assert_string_equal(definitions(w, ",\"status\":\"INACTIVE\"", 1), "app:2");
    assert_string_equal(definitions(w, ",\"status\":\"DELETE_IN_PROGRESS\"", 1), "zoo:5");
}

static void pages_hold_while_revisions_come_and_go(void **state)
{
    struct world *w = *state;
    struct str reply;
    struct str token;

    populate(w);
    reply = world_ok(w, "ListTaskDefinitions", "{\"maxResults\":2}");
    token = world_get(w, reply, "nextToken");
    delete (w, "app:1");
    delete (w, "app:2");
    delete (w, "app:3");
    world_advance(w, w->state.config.definition_delete_ms);
    add(w, "abc");
    reply = world_callf(w, "ListTaskDefinitions", "{\"maxResults\":2,\"nextToken\":\"%.*s\"}",
                        STR_ARGS(token));
    EXPECT_STR(world_get(w, reply, "taskDefinitionArns.0"),
               "arn:aws:ecs:us-east-1:123456789012:task-definition/app-two:1");
    EXPECT_STR(world_get(w, reply, "taskDefinitionArns.1"),
               "arn:aws:ecs:us-east-1:123456789012:task-definition/zoo:1");
}

static void other_regions_are_not_listed(void **state)
{
    struct world *w = *state;

    populate(w);
    w->region = STR("eu-west-1");
    add(w, "mine");
    assert_string_equal(definitions(w, "", 5), "mine:1");
    assert_string_equal(definitions(w, ",\"sort\":\"DESC\"", 5), "mine:1");
    assert_string_equal(families(w, "", 5), "mine");
    w->region = STR("us-east-1");
    assert_string_equal(families(w, "", 5), "app app-two zoo");
}

static void families_are_listed_by_prefix_and_status(void **state)
{
    struct world *w = *state;

    populate(w);
    deregister(w, "app-two:1");
    deregister(w, "app:3");
    for (int size = 1; size < 5; size++) {
        assert_string_equal(families(w, "", size), "app app-two zoo");
        assert_string_equal(families(w, ",\"status\":\"ALL\"", size), "app app-two zoo");
        assert_string_equal(families(w, ",\"status\":\"ACTIVE\"", size), "app zoo");
        assert_string_equal(families(w, ",\"status\":\"INACTIVE\"", size), "app-two");
        assert_string_equal(families(w, ",\"familyPrefix\":\"app\"", size), "app app-two");
        assert_string_equal(families(w, ",\"familyPrefix\":\"app-\"", size), "app-two");
        assert_string_equal(families(w, ",\"familyPrefix\":\"nope\"", size), "");
    }
}

static void a_family_is_listed_until_its_last_revision_is_gone(void **state)
{
    struct world *w = *state;

    add(w, "app");
    delete (w, "app:1");
    assert_string_equal(families(w, "", 5), "app");
    assert_string_equal(families(w, ",\"status\":\"INACTIVE\"", 5), "app");
    world_advance(w, w->state.config.definition_delete_ms);
    assert_string_equal(families(w, "", 5), "");
}

enum { MANY = 10001 };

// Registering this many would take its time; the records are put as they would be.
static void add_inactive(struct world *w, const char *family, int revisions)
{
    struct ecs_task_definition definition = {0};
    struct rec_family rec = {0};
    struct step step;
    uint64_t id;

    SET(&rec, region, w->region);
    SET(&rec, name, str_of(family));
    SET(&rec, last_revision, revisions);
    world_begin(w, &step);
    id = state_new_id(&w->state, REC_KIND_FAMILY);
    state_put(&w->state, REC_KIND_FAMILY, id, &rec);
    for (int i = 1; i <= revisions; i++) {
        struct rec_task_definition revision = {0};
        SET(&revision, family_id, (int64_t)id);
        SET(&revision, revision, i);
        SET(&revision, status, ECS_TASK_DEFINITION_STATUS_INACTIVE);
        SET(&revision, definition, &definition);
        state_put(&w->state, REC_KIND_TASK_DEFINITION,
                  state_new_id(&w->state, REC_KIND_TASK_DEFINITION), &revision);
    }
    world_finish(w, &step);
}

static void one_call_looks_at_a_bounded_number_of_revisions(void **state)
{
    struct world *w = *state;
    struct str reply;

    add_inactive(w, "app", MANY);
    reply = world_ok(w, "ListTaskDefinitions", "{}");
    EXPECT_JSON(w, reply, "{\"taskDefinitionArns\":[],\"nextToken\":\"*\"}");
    reply = world_callf(w, "ListTaskDefinitions", "{\"nextToken\":\"%.*s\"}",
                        STR_ARGS(world_get(w, reply, "nextToken")));
    EXPECT_JSON(w, reply, "{\"taskDefinitionArns\":[]}");
    add(w, "zoo");
    assert_string_equal(definitions(w, "", 5), "zoo:1");
    assert_string_equal(definitions(w, ",\"sort\":\"DESC\"", 5), "zoo:1");
}

static void one_call_looks_at_a_bounded_number_of_families(void **state)
{
    struct world *w = *state;
    struct step step;
    struct str reply;

    world_begin(w, &step);
    for (int i = 0; i < MANY; i++) {
        struct rec_family rec = {0}; // all its revisions are gone
        SET(&rec, region, w->region);
        SET(&rec, name, str_fmt(&w->arena, "f%05d", i));
        SET(&rec, last_revision, 1);
        state_put(&w->state, REC_KIND_FAMILY, state_new_id(&w->state, REC_KIND_FAMILY), &rec);
    }
    world_finish(w, &step);
    add(w, "zoo");
    reply = world_ok(w, "ListTaskDefinitionFamilies", "{}");
    EXPECT_JSON(w, reply, "{\"families\":[],\"nextToken\":\"*\"}");
    assert_string_equal(families(w, "", 5), "zoo");
}

static void a_page_has_limits(void **state)
{
    static const char *const operations[] = {"ListTaskDefinitions", "ListTaskDefinitionFamilies"};

    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        EXPECT_ERROR(*state, operations[i], "{\"maxResults\":0}", "InvalidParameterException",
                     "maxResults must be between 1 and 100");
        EXPECT_ERROR(*state, operations[i], "{\"maxResults\":101}", "InvalidParameterException",
                     "maxResults must be between 1 and 100");
        EXPECT_ERROR(*state, operations[i], "{\"nextToken\":\"app::0000000002\"}",
                     "InvalidParameterException", "Invalid token.");
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(revisions_come_by_family_and_number),
        TEST(the_prefix_is_a_whole_family),
        TEST(a_list_shows_one_status),
        TEST(pages_hold_while_revisions_come_and_go),
        TEST(other_regions_are_not_listed),
        TEST(families_are_listed_by_prefix_and_status),
        TEST(a_family_is_listed_until_its_last_revision_is_gone),
        TEST(one_call_looks_at_a_bounded_number_of_revisions),
        TEST(one_call_looks_at_a_bounded_number_of_families),
        TEST(a_page_has_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
