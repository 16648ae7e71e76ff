#include "base/test.h"

#include "api/acs.h"
#include "api/docker.h"
#include "api/ecs.h"
#include "base/buf.h"
#include "wire/codec.h"

struct world {
    struct arena arena;
    struct codec_report report;
    struct buf text;
};

static int setup(void **state)
{
    static struct world world;
    world = (struct world){0};
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    arena_deinit(&w->arena);
    buf_deinit(&w->text);
    return 0;
}

static int decode(struct world *w, const struct shape *shape, const char *json, void *out)
{
    return codec_decode(&w->arena, shape, str_of(json), NULL, out, &w->report);
}

// Decoding and encoding again gives this text.
static void expect_again(struct world *w, const struct shape *shape, const char *json,
                         const char *want)
{
    void *value = arena_alloc(&w->arena, shape->size);

    assert_int_equal(decode(w, shape, json, value), 0);
    buf_clear(&w->text);
    codec_encode(&w->text, shape, value);
    EXPECT_STR(buf_str(&w->text), want);
}

static void expect_refused(struct world *w, const struct shape *shape, const char *json,
                           const char *message, const char *path)
{
    uint64_t *value = arena_alloc(&w->arena, shape->size);

    assert_int_equal(decode(w, shape, json, value), CODEC_E_VALUE);
    EXPECT_STR(w->report.message, message);
    EXPECT_STR(w->report.path, path);
    assert_true(*value == 0);
}

static void members_come_back_in_the_order_of_the_service(void **state)
{
    expect_again(*state, &ecs_run_task_request_shape,
                 " {\"taskDefinition\" : \"a:1\", \"count\":2, \"cluster\":\"demo\"}\n",
                 "{\"cluster\":\"demo\",\"count\":2,\"taskDefinition\":\"a:1\"}");
    expect_again(*state, &ecs_run_task_request_shape, "{}", "{}");
}

static void nested_values_keep_their_place(void **state)
{
    static const char json[] =
        "{\"containerDefinitions\":[{\"command\":[\"sleep\",\"360\"],\"dockerLabels\":{\"b\":\"1\","
        "\"a\":\"2\"},\"memory\":10,\"name\":\"s\"},{\"essential\":false,\"portMappings\":[]}],"
        "\"family\":\"f\",\"requiresCompatibilities\":[\"EC2\",\"FARGATE\"]}";

    expect_again(*state, &ecs_register_task_definition_request_shape, json, json);
}

static void null_is_absence(void **state)
{
    struct world *w = *state;
    struct ecs_create_cluster_request in;

    assert_int_equal(decode(w, &ecs_create_cluster_request_shape,
                            "{\"clusterName\":null,\"tags\":null,\"configuration\":null}", &in),
                     0);
    assert_true(in.mask == 0);
    expect_again(w, &docker_host_config_shape, "{\"PortBindings\":{\"80/tcp\":null,\"81/tcp\":[]}}",
                 "{\"PortBindings\":{\"81/tcp\":[]}}");
}

static void unknown_members_are_skipped_whole(void **state)
{
    expect_again(*state, &ecs_create_cluster_request_shape,
                 "{\"x\":{\"clusterName\":[1,{\"y\":null}]},\"clusterName\":\"c\",\"z\":[[],{}],"
                 "\"ClusterName\":\"d\",\"v\":1.5,\"w\":true}",
                 "{\"clusterName\":\"c\"}");
}

static void wrong_kinds_are_refused_in_the_words_of_the_service(void **state)
{
    struct world *w = *state;
    const struct shape *request = &ecs_register_task_definition_request_shape;

    expect_refused(w, request, "{\"family\":5}", "NUMBER_VALUE can not be converted to a String",
                   "family");
    expect_refused(w, request, "{\"containerDefinitions\":[{},{\"cpu\":\"7\"}]}",
                   "STRING_VALUE can not be converted to an Integer",
                   "containerDefinitions.2.member.cpu");
    expect_refused(w, request, "{\"family\":{}}",
                   "Start of structure or map found where not expected.", "family");
    expect_refused(w, request, "{\"family\":[]}", "Start of list found where not expected.",
                   "family");
    expect_refused(w, request, "{\"containerDefinitions\":{}}",
                   "Start of structure or map found where not expected.", "containerDefinitions");
    expect_refused(w, request, "{\"family\":true}", "TRUE_VALUE can not be converted to a String",
                   "family");
    expect_refused(w, request, "{\"containerDefinitions\":[{\"dockerLabels\":{\"a\":false}}]}",
                   "FALSE_VALUE can not be converted to a String",
                   "containerDefinitions.1.member.dockerLabels.a.member");
    expect_refused(w, request, "{\"containerDefinitions\":[\"x\"]}",
                   "STRING_VALUE can not be converted to a Structure",
                   "containerDefinitions.1.member");
}

static void the_root_is_an_object(void **state)
{
    struct world *w = *state;
    const struct shape *request = &ecs_create_cluster_request_shape;

    expect_refused(w, request, "[]", "Start of list found where not expected.", "");
    expect_refused(w, request, "null", "NULL_VALUE can not be converted to a Structure", "");
    expect_refused(w, request, "7", "NUMBER_VALUE can not be converted to a Structure", "");
    expect_refused(w, request, "\"\"", "STRING_VALUE can not be converted to a Structure", "");
}

static void null_is_no_entry_of_a_list(void **state)
{
    expect_refused(*state, &ecs_describe_clusters_request_shape, "{\"clusters\":[\"a\",null]}",
                   "Value null at 'clusters.2.member' can not be an entry of a list",
                   "clusters.2.member");
}

static void integers_have_their_range(void **state)
{
    struct world *w = *state;
    const struct shape *request = &ecs_run_task_request_shape;
    struct ecs_run_task_request in;

    assert_int_equal(decode(w, request, "{\"count\":2147483647}", &in), 0);
    assert_int_equal(in.count, INT32_MAX);
    assert_int_equal(decode(w, request, "{\"count\":1e1}", &in), 0);
    assert_int_equal(in.count, 10);
    expect_refused(w, request, "{\"count\":2147483648}",
                   "Value 2147483648 at 'count' can not be converted to an Integer", "count");
    expect_refused(w, request, "{\"count\":1.5}",
                   "Value 1.5 at 'count' can not be converted to an Integer", "count");
}

static void times_are_seconds_with_a_fraction(void **state)
{
    struct world *w = *state;
    const struct shape *task = &ecs_task_shape;
    struct ecs_task in;

    assert_int_equal(decode(w, task, "{\"createdAt\":1.789573440626E9}", &in), 0);
    assert_true(in.created_at == INT64_C(1789573440626));
    expect_again(w, task, "{\"createdAt\":1789573440.6260}", "{\"createdAt\":1789573440.626}");
    expect_again(w, task, "{\"createdAt\":1479765460}", "{\"createdAt\":1479765460}");
    expect_refused(w, task, "{\"createdAt\":1e300}",
                   "Value 1e300 at 'createdAt' can not be converted to a Timestamp", "createdAt");
    expect_refused(w, task, "{\"createdAt\":\"2026-09-01\"}",
                   "STRING_VALUE can not be converted to a Timestamp", "createdAt");
}

static void unknown_enum_names_are_noted_where_they_stand(void **state)
{
    struct world *w = *state;
    struct ecs_register_task_definition_request in;
    const struct shape_unknown *note;

    assert_int_equal(decode(w, &ecs_register_task_definition_request_shape,
                            "{\"networkMode\":\"warp\",\"requiresCompatibilities\":[\"EC2\",\"A\","
                            "\"EC2\",\"EC2\",\"EC2\",\"B\",\"EC2\",\"EC2\",\"EC2\"]}",
                            &in),
                     0);
    assert_true(in.has.network_mode);
    assert_int_equal(in.network_mode, 0);
    note = w->report.unknowns;
    EXPECT_STR(note->text, "B");
    assert_ptr_equal(note->field, &in.requires_compatibilities.at[5]);
    note = note->next;
    EXPECT_STR(note->text, "A");
    assert_ptr_equal(note->field, &in.requires_compatibilities.at[1]);
    note = note->next;
    EXPECT_STR(note->text, "warp");
    assert_ptr_equal(note->field, &in.network_mode);
    assert_null(note->next);
}

static void a_peer_may_know_more_names_than_we_do(void **state)
{
    struct world *w = *state;
    struct ecs_run_task_request in;

    assert_int_equal(codec_decode(&w->arena, &ecs_run_task_request_shape,
                                  STR("{\"launchType\":\"MOON\"}"), &codec_peer, &in, &w->report),
                     0);
    assert_true(in.has.launch_type);
    assert_int_equal(in.launch_type, 0);
    assert_null(w->report.unknowns);
}

static void notes_inside_structures_of_a_list_move_with_it(void **state)
{
    struct world *w = *state;
    struct ecs_register_task_definition_request in;

    assert_int_equal(decode(w, &ecs_register_task_definition_request_shape,
                            "{\"placementConstraints\":[{\"type\":\"x\"},{},{},{},{},{},{},{},{}]}",
                            &in),
                     0);
    assert_ptr_equal(w->report.unknowns->field, &in.placement_constraints.at[0].type);
}

static void the_same_name_twice_is_refused(void **state)
{
    static const char *const texts[] = {
        "{\"tags\":[],\"x\":1,\"tags\":null}",
        "{\"tags\":null,\"tags\":[]}",
        "{\"x\":1,\"x\":2}",
        "{\"x\":{\"b\":1,\"a\":{},\"b\":2}}",
        "{\"containerDefinitions\":[{\"dockerLabels\":{\"a\":\"1\",\"a\":\"2\"}}]}",
        "{\"containerDefinitions\":[{\"dockerLabels\":{\"a\":null,\"\\u0061\":\"2\"}}]}",
    };
    struct world *w = *state;
    struct ecs_register_task_definition_request in;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(decode(w, &ecs_register_task_definition_request_shape, texts[i], &in),
                         CODEC_E_VALUE);
    EXPECT_STR(w->report.message, "Member 'a' is there twice");
    assert_int_equal(decode(w, &ecs_register_task_definition_request_shape,
                            "{\"x\":{\"a\":1},\"y\":{\"a\":1},\"a\":1}", &in),
                     0);
}

static void malformed_text_has_an_offset_and_no_path(void **state)
{
    struct world *w = *state;
    struct ecs_create_cluster_request in;

    assert_int_equal(decode(w, &ecs_create_cluster_request_shape, "{\"clusterName\":}", &in),
                     CODEC_E_MALFORMED);
    EXPECT_STR(w->report.message, "The request body is not valid JSON");
    EXPECT_STR(w->report.path, "");
    assert_in_range(w->report.offset, 14, 16);
    assert_int_equal(decode(w, &ecs_create_cluster_request_shape, "", &in), CODEC_E_MALFORMED);
    assert_int_equal(decode(w, &ecs_create_cluster_request_shape, "{\"a\":\"\xff\"}", &in),
                     CODEC_E_MALFORMED);
    EXPECT_STR(w->report.message, "The request body is not valid UTF-8 text");
}

static void limits_hold(void **state)
{
    struct world *w = *state;
    const struct codec_options options = {.depth_max = 3, .entries_max = 2};
    const struct shape *shape = &ecs_describe_clusters_request_shape;
    struct ecs_describe_clusters_request in;

    assert_int_equal(codec_decode(&w->arena, shape, STR("{\"x\":[[1]],\"clusters\":[\"a\",\"b\"]}"),
                                  &options, &in, &w->report),
                     0);
    assert_int_equal(
        codec_decode(&w->arena, shape, STR("{\"x\":[[[]]]}"), &options, &in, &w->report),
        CODEC_E_MALFORMED);
    EXPECT_STR(w->report.message, "The request body is nested too deeply");
    assert_int_equal(codec_decode(&w->arena, shape, STR("{\"clusters\":[\"a\",\"b\",\"c\"]}"),
                                  &options, &in, &w->report),
                     CODEC_E_VALUE);
    EXPECT_STR(w->report.message, "More than 2 entries at 'clusters'");
}

static void free_form_values_are_kept_as_written(void **state)
{
    static const char *const values[] = {
        "{ \"a\" : [1, 2.50] }", "\"\\u00e9 \\\" \"", "-1e-3", "false", "[[], {}]", "\"\"",
    };
    struct world *w = *state;
    char json[128];

    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct ecs_deployment_lifecycle_hook hook;
        snprintf(json, sizeof json, "{\"hookDetails\" : \t%s , \"roleArn\":\"r\"}", values[i]);
        assert_int_equal(decode(w, &ecs_deployment_lifecycle_hook_shape, json, &hook), 0);
        EXPECT_STR(hook.hook_details, values[i]);
        EXPECT_STR(hook.role_arn, "r");
    }
}

static void text_members_hold_an_object_inside(void **state)
{
    struct world *w = *state;
    static const char json[] =
        "{\"config\":\"{\\\"Cmd\\\":[\\\"a\\\"],\\\"Image\\\":\\\"i\\\"}\",\"version\":\"1.17\"}";
    struct acs_docker_config config;

    expect_again(w, &acs_docker_config_shape, json, json);
    assert_int_equal(decode(w, &acs_docker_config_shape, json, &config), 0);
    EXPECT_STR(config.config->image, "i");
    expect_refused(w, &acs_docker_config_shape, "{\"config\":\"{\"}",
                   "Value at 'config' does not hold JSON: The request body is not valid JSON",
                   "config");
    expect_refused(w, &acs_docker_config_shape, "{\"config\":{}}",
                   "Start of structure or map found where not expected.", "config");
}

static void docker_names_match_without_case(void **state)
{
    struct world *w = *state;
    struct docker_config in;

    assert_int_equal(codec_decode(&w->arena, &docker_config_shape,
                                  STR("{\"image\":\"a\",\"WORKINGDIR\":\"/\"}"), &codec_docker, &in,
                                  &w->report),
                     0);
    EXPECT_STR(in.image, "a");
    EXPECT_STR(in.working_dir, "/");
}

static void decoding_over_replaces_and_merges(void **state)
{
    struct world *w = *state;
    struct docker_host_config host;

    assert_int_equal(decode(w, &docker_host_config_shape,
                            "{\"Binds\":[\"a\",\"b\"],\"LogConfig\":{\"Type\":\"json-file\"},"
                            "\"Sysctls\":{\"a\":\"1\",\"b\":\"2\"},\"Memory\":5}",
                            &host),
                     0);
    assert_int_equal(
        codec_decode_over(&w->arena, &docker_host_config_shape,
                          STR("{\"Binds\":[\"c\"],\"LogConfig\":{\"Config\":{\"tag\":\"t\"}},"
                              "\"Sysctls\":{\"c\":\"4\",\"a\":\"3\"},\"Memory\":null}"),
                          NULL, &host, &w->report),
        0);
    buf_clear(&w->text);
    codec_encode(&w->text, &docker_host_config_shape, &host);
    EXPECT_STR(
        buf_str(&w->text),
        "{\"Binds\":[\"c\"],\"LogConfig\":{\"Config\":{\"tag\":\"t\"},\"Type\":\"json-file\"},"
        "\"Memory\":5,\"Sysctls\":{\"a\":\"3\",\"b\":\"2\",\"c\":\"4\"}}");
}

static void decoding_over_changes_nothing_when_it_fails(void **state)
{
    struct world *w = *state;
    struct docker_host_config host = {0};

    SET(&host, memory, 5);
    assert_int_equal(codec_decode_over(&w->arena, &docker_host_config_shape,
                                       STR("{\"Memory\":6,\"Binds\":1}"), NULL, &host, &w->report),
                     CODEC_E_VALUE);
    assert_true(host.memory == 5);
    assert_false(host.has.binds);
}

static void errors_carry_type_message_and_their_members(void **state)
{
    struct world *w = *state;
    struct ecs_conflict_exception conflict = {0};
    struct str arn = STR("arn:x");

    codec_encode_error(&w->text, &ecs_errors[ECS_ERROR_CLIENT_EXCEPTION], STR("say \"no\""), NULL);
    EXPECT_STR(buf_str(&w->text),
               "{\"__type\":\"ClientException\",\"message\":\"say \\\"no\\\"\"}");
    buf_clear(&w->text);
    SET(&conflict, message, STR("not this one"));
    SET(&conflict, resource_ids, (struct str_list){.n = 1, .at = &arn});
    codec_encode_error(&w->text, &ecs_errors[ECS_ERROR_CONFLICT_EXCEPTION], STR("m"), &conflict);
    EXPECT_STR(buf_str(&w->text),
               "{\"__type\":\"ConflictException\",\"message\":\"m\",\"resourceIds\":[\"arn:x\"]}");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(members_come_back_in_the_order_of_the_service),
        CASE(nested_values_keep_their_place),
        CASE(null_is_absence),
        CASE(unknown_members_are_skipped_whole),
        CASE(wrong_kinds_are_refused_in_the_words_of_the_service),
        CASE(the_root_is_an_object),
        CASE(null_is_no_entry_of_a_list),
        CASE(integers_have_their_range),
        CASE(times_are_seconds_with_a_fraction),
        CASE(unknown_enum_names_are_noted_where_they_stand),
        CASE(a_peer_may_know_more_names_than_we_do),
        CASE(notes_inside_structures_of_a_list_move_with_it),
        CASE(the_same_name_twice_is_refused),
        CASE(malformed_text_has_an_offset_and_no_path),
        CASE(limits_hold),
        CASE(free_form_values_are_kept_as_written),
        CASE(text_members_hold_an_object_inside),
        CASE(docker_names_match_without_case),
        CASE(decoding_over_replaces_and_merges),
        CASE(decoding_over_changes_nothing_when_it_fails),
        CASE(errors_carry_type_message_and_their_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
