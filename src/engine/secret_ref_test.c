#include "engine/secret_ref.h"

#include "base/test.h"

#define SECRET "arn:aws:secretsmanager:us-east-1:123456789012:secret:app/db-AbCdEf"

static struct secret_ref read(enum secret_store store, const char *text)
{
    struct secret_ref ref;

    assert_int_equal(secret_ref_read(store, str_of(text), &ref), 0);
    return ref;
}

static void refused(enum secret_store store, const char *text)
{
    struct secret_ref ref;

    assert_int_equal(secret_ref_read(store, str_of(text), &ref), SECRET_REF_E_FORM);
}

static void a_parameter_is_a_name_or_an_arn(void **state)
{
    struct secret_ref ref;
    (void)state;

    ref = read(SECRET_PARAMETER, "/app/db");
    EXPECT_STR(ref.id, "/app/db");
    EXPECT_STR(ref.name, "/app/db");
    EXPECT_STR(ref.region, "");
    EXPECT_STR(read(SECRET_PARAMETER, "plain").name, "plain");
    ref = read(SECRET_PARAMETER, "arn:aws:ssm:eu-west-1:123456789012:parameter/app/db");
    EXPECT_STR(ref.id, "arn:aws:ssm:eu-west-1:123456789012:parameter/app/db");
    EXPECT_STR(ref.name, "/app/db");
    EXPECT_STR(ref.region, "eu-west-1");
}

static void a_secret_is_an_arn(void **state)
{
    struct secret_ref ref;
    (void)state;

    ref = read(SECRET_MANAGER, SECRET);
    EXPECT_STR(ref.id, SECRET);
    EXPECT_STR(ref.name, "app/db");
    EXPECT_STR(ref.region, "us-east-1");
    EXPECT_STR(ref.json_key, "");
}

static void qualifiers_may_be_empty(void **state)
{
    struct secret_ref ref;
    (void)state;

    ref = read(SECRET_MANAGER, SECRET ":password:AWSPREVIOUS:v1");
    EXPECT_STR(ref.id, SECRET);
    EXPECT_STR(ref.json_key, "password");
    EXPECT_STR(ref.version_stage, "AWSPREVIOUS");
    EXPECT_STR(ref.version_id, "v1");
    ref = read(SECRET_MANAGER, SECRET ":password::");
    EXPECT_STR(ref.json_key, "password");
    EXPECT_STR(ref.version_stage, "");
    EXPECT_STR(ref.version_id, "");
}

static void names_without_the_random_ending_stay_whole(void **state)
{
    (void)state;
    EXPECT_STR(read(SECRET_MANAGER, "arn:aws:secretsmanager:r:1:secret:db").name, "db");
    EXPECT_STR(read(SECRET_MANAGER, "arn:aws:secretsmanager:r:1:secret:-AbCdEf").name, "-AbCdEf");
}

static void other_forms_are_refused(void **state)
{
    (void)state;
    refused(SECRET_PARAMETER, "");
    refused(SECRET_PARAMETER, "arn:aws:ssm:eu-west-1:123456789012:parameter/");
    refused(SECRET_PARAMETER, "arn:aws:ssm::123456789012:parameter/x");
    refused(SECRET_PARAMETER, "arn:aws:s3:eu-west-1:123456789012:parameter/x");
    refused(SECRET_PARAMETER, "arn:aws:ssm:eu-west-1:123456789012:parameter/x:1");
    refused(SECRET_MANAGER, "app/db");
    refused(SECRET_MANAGER, SECRET ":key");
    refused(SECRET_MANAGER, SECRET ":key:stage");
    refused(SECRET_MANAGER, SECRET ":key:stage:id:more");
    refused(SECRET_MANAGER, "arn:aws:secretsmanager:us-east-1:123456789012:secret:");
}

static void a_path_stays_in_its_folder(void **state)
{
    (void)state;
    assert_true(secret_name_is_path(STR("db")));
    assert_true(secret_name_is_path(STR("/app/db.password")));
    assert_false(secret_name_is_path(STR("")));
    assert_false(secret_name_is_path(STR("/")));
    assert_false(secret_name_is_path(STR("..")));
    assert_false(secret_name_is_path(STR("a/../../etc/shadow")));
    assert_false(secret_name_is_path(STR("a//b")));
    assert_false(secret_name_is_path(STR("a/")));
    assert_false(secret_name_is_path(STR("a b")));
    assert_false(secret_name_is_path(STR("a\nb")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_parameter_is_a_name_or_an_arn),
        cmocka_unit_test(a_secret_is_an_arn),
        cmocka_unit_test(qualifiers_may_be_empty),
        cmocka_unit_test(names_without_the_random_ending_stay_whole),
        cmocka_unit_test(other_forms_are_refused),
        cmocka_unit_test(a_path_stays_in_its_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
