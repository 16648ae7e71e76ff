#include "wire/uri.h"

#include "base/test.h"

static struct arena arena;

static int teardown(void **state)
{
    (void)state;
    arena_deinit(&arena);
    return 0;
}

static void urls_come_apart(void **state)
{
    struct uri uri;
    (void)state;

    assert_true(uri_parse(&arena, STR("https://host:8443/a/b?c=d"), &uri));
    assert_int_equal(uri.scheme, URI_HTTPS);
    EXPECT_STR(uri.host, "host");
    assert_int_equal(uri.port, 8443);
    EXPECT_STR(uri.path, "/a/b");
    EXPECT_STR(uri.query, "c=d");
    EXPECT_STR(uri_host_header(&arena, &uri), "host:8443");
    assert_true(uri_parse(&arena, STR("http://[::1]?x"), &uri));
    EXPECT_STR(uri.host, "::1");
    assert_int_equal(uri.port, 80);
    EXPECT_STR(uri.path, "/");
    EXPECT_STR(uri.query, "x");
    EXPECT_STR(uri_host_header(&arena, &uri), "[::1]");
    assert_true(uri_parse(&arena, STR("wss://h/ws"), &uri));
    assert_int_equal(uri.port, 443);
    assert_true(uri_parse(&arena, STR("unix:///run/docker%20x.sock"), &uri));
    EXPECT_STR(uri.unix_path, "/run/docker x.sock");
}

static void odd_urls_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "host",
        "ftp://h/",
        "http://",
        "http:///x",
        "http://u@h/",
        "http://h:0/",
        "http://h:65536/",
        "http://h:x/",
        "http://[::1",
        "http://[]/",
        "http://[::1]x/",
        "http://[h]/",
        "http://[[::1]/",
        "http://h]/",
        "http://h/a b",
        "http://h/#f",
        "unix://",
        "unix://%zz",
        "http://h\r\n/",
    };
    struct uri uri;
    (void)state;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (uri_parse(&arena, str_of(bad[i]), &uri))
            fail_msg("accepted: %s", bad[i]);
    }
}

static void encoding_is_the_strict_one(void **state)
{
    struct str back;
    (void)state;

    EXPECT_STR(uri_encoded(&arena, STR("aZ09-_.~ /+%\xc3\xa4"), false),
               "aZ09-_.~%20%2F%2B%25%C3%A4");
    EXPECT_STR(uri_encoded(&arena, STR("/a b"), true), "/a%20b");
    assert_true(uri_decode(&arena, STR("%41%2f+%c3%A4"), false, &back));
    EXPECT_STR(back, "A/+\xc3\xa4");
    assert_true(uri_decode(&arena, STR("a+b"), true, &back));
    EXPECT_STR(back, "a b");
    assert_false(uri_decode(&arena, STR("%4"), false, &back));
    assert_false(uri_decode(&arena, STR("%"), false, &back));
    assert_false(uri_decode(&arena, STR("%4x"), false, &back));
}

static void queries_are_walked(void **state)
{
    struct str rest = STR("a=1&&b&c==x&");
    struct str key, value;
    (void)state;

    assert_true(uri_query_next(&rest, &key, &value));
    EXPECT_STR(key, "a");
    EXPECT_STR(value, "1");
    assert_true(uri_query_next(&rest, &key, &value));
    EXPECT_STR(key, "b");
    EXPECT_STR(value, "");
    assert_true(uri_query_next(&rest, &key, &value));
    EXPECT_STR(value, "=x");
    assert_false(uri_query_next(&rest, &key, &value));
    assert_true(uri_query_get(&arena, STR("x=1&cluster%41rn=a%2Fb"), STR("clusterArn"), &value));
    EXPECT_STR(value, "a/b");
    assert_false(uri_query_get(&arena, STR("x=1"), STR("y"), &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(urls_come_apart, teardown),
        cmocka_unit_test_teardown(odd_urls_are_refused, teardown),
        cmocka_unit_test_teardown(encoding_is_the_strict_one, teardown),
        cmocka_unit_test_teardown(queries_are_walked, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
