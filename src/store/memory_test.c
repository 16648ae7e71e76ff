#include "store/memory.h"

#include "base/test.h"

enum { PEOPLE = 1, PLACES = 2 };

static const struct message_kind kinds[] = {
    [PEOPLE] = {.name = STR_INIT("people")},
    [PLACES] = {.name = STR_INIT("places")},
};
static const struct store_schema schema = {
    .kinds = kinds, .kinds_n = 3, .application_id = 7, .version = 1, .log = STR_INIT("log")};

struct fixture {
    struct memory_disk *disk;
    struct store *store;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    f->disk = memory_disk_new();
    *state = f;
    return store_open_memory(f->disk, &schema, &f->store);
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    store_close(f->store);
    memory_disk_free(f->disk);
    free(f);
    return 0;
}

static int put(struct fixture *f, size_t kind, uint64_t id, const char *json)
{
    struct store_write write = {.kind = kind, .id = id, .json = str_of(json)};

    return store_commit(f->store, &write, 1);
}

static int append(void *user, size_t kind, uint64_t id, struct str json)
{
    char *text = user;

    snprintf(text + strlen(text), 200 - strlen(text), "%zu/%d=%.*s ", kind, (int)id,
             STR_ARGS(json));
    return 0;
}

static void expect_content(struct fixture *f, const char *want)
{
    char text[200] = "";

    assert_int_equal(store_load(f->store, append, text), 0);
    assert_string_equal(text, want);
}

static void reopen(struct fixture *f)
{
    store_close(f->store);
    f->store = NULL;
    assert_int_equal(store_open_memory(f->disk, &schema, &f->store), 0);
}

static void records_come_back_kind_by_kind_ids_rising(void **state)
{
    struct fixture *f = *state;
    struct store_write remove = {.kind = PEOPLE, .id = 2, .remove = true};

    assert_int_equal(put(f, PLACES, 1, "here"), 0);
    assert_int_equal(put(f, PEOPLE, 3, "eve"), 0);
    assert_int_equal(put(f, PEOPLE, 1, "ada"), 0);
    assert_int_equal(put(f, PEOPLE, 2, "bob"), 0);
    assert_int_equal(put(f, PEOPLE, 1, "ann"), 0);
    assert_int_equal(store_commit(f->store, &remove, 1), 0);
    assert_int_equal(store_commit(f->store, &remove, 1), 0);
    reopen(f);
    expect_content(f, "1/1=ann 1/3=eve 2/1=here ");
}

static void a_full_disk_keeps_nothing_of_the_batch_and_then_works_again(void **state)
{
    struct fixture *f = *state;
    struct store_write batch[] = {
        {.kind = PEOPLE, .id = 2, .json = STR("bob")},
        {.kind = PLACES, .id = 2, .json = STR("there")},
    };

    memory_disk_fail(f->disk, MEMORY_FAULT_FULL, 1, 2);
    assert_int_equal(put(f, PEOPLE, 1, "ada"), 0);
    assert_int_equal(store_commit(f->store, batch, 2), STORE_E_FULL);
    assert_int_equal(store_probe(f->store), STORE_E_FULL);
    assert_int_equal(store_probe(f->store), 0);
    expect_content(f, "1/1=ada ");
    assert_int_equal(store_commit(f->store, batch, 2), 0);
    expect_content(f, "1/1=ada 1/2=bob 2/2=there ");
}

static void a_power_cut_loses_what_was_not_durable(void **state)
{
    struct fixture *f = *state;

    memory_disk_fail(f->disk, MEMORY_FAULT_CUT_BEFORE, 1, 1);
    assert_int_equal(put(f, PEOPLE, 1, "ada"), 0);
    assert_int_equal(put(f, PEOPLE, 2, "bob"), STORE_E_IO);
    assert_int_equal(put(f, PEOPLE, 3, "eve"), STORE_E_IO);
    reopen(f);
    expect_content(f, "1/1=ada ");
}

static void a_power_cut_may_come_after_the_batch_was_durable(void **state)
{
    struct fixture *f = *state;

    memory_disk_fail(f->disk, MEMORY_FAULT_CUT_AFTER, 0, 1);
    assert_int_equal(put(f, PEOPLE, 1, "ada"), STORE_E_IO);
    reopen(f);
    expect_content(f, "1/1=ada ");
}

static void a_disk_is_open_once(void **state)
{
    struct fixture *f = *state;
    struct store *other = NULL;

    assert_int_equal(store_open_memory(f->disk, &schema, &other), STORE_E_LOCKED);
    assert_null(other);
}

static void words_beside_the_records_stay(void **state)
{
    struct fixture *f = *state;
    struct arena arena = ARENA_INIT;
    struct str value;

    assert_int_equal(store_meta_get(f->store, &arena, STR("account"), &value), 0);
    EXPECT_STR(value, "");
    assert_int_equal(store_meta_set(f->store, STR("account"), STR("1")), 0);
    assert_int_equal(store_meta_set(f->store, STR("account"), STR("123456789012")), 0);
    reopen(f);
    assert_int_equal(store_meta_get(f->store, &arena, STR("account"), &value), 0);
    EXPECT_STR(value, "123456789012");
    arena_deinit(&arena);
}

static int append_block(void *user, uint64_t number, struct str block)
{
    char *text = user;

    snprintf(text + strlen(text), 200 - strlen(text), "%d=%.*s ", (int)number, STR_ARGS(block));
    return number == 60 ? 1000 : 0;
}

static void expect_log(struct fixture *f, uint64_t from, const char *want)
{
    char text[200] = "";

    assert_int_equal(store_log_read(f->store, from, append_block, text),
                     strstr(want, "60=") != NULL ? 1000 : 0);
    assert_string_equal(text, want);
}

static void the_log_goes_with_the_records(void **state)
{
    static const struct store_block blocks[] = {
        {.number = 10, .text = STR_INIT("ten")},     {.number = 20, .text = STR_INIT("twenty")},
        {.number = 30, .text = STR_INIT("thirty")},  {.number = 60, .text = STR_INIT("sixty")},
        {.number = 70, .text = STR_INIT("seventy")},
    };
    struct fixture *f = *state;
    struct store_write write = {.kind = PEOPLE, .id = 1, .json = STR("ada")};
    struct store_log log = {.blocks = blocks, .n = 3};

    expect_log(f, 0, "");
    assert_int_equal(store_commit_logged(f->store, &write, 1, &log), 0);
    expect_log(f, 0, "10=ten 20=twenty 30=thirty ");
    expect_log(f, 20, "20=twenty 30=thirty ");
    expect_log(f, 29, "20=twenty 30=thirty ");
    expect_log(f, INT64_MAX, "30=thirty ");
    log = (struct store_log){.blocks = blocks + 3, .n = 2, .drop_before = 25};
    assert_int_equal(store_commit_logged(f->store, NULL, 0, &log), 0);
    reopen(f);
    expect_log(f, 0, "20=twenty 30=thirty 60=sixty ");
    expect_log(f, 70, "70=seventy ");
    log = (struct store_log){.drop_before = 1000};
    assert_int_equal(store_commit_logged(f->store, NULL, 0, &log), 0);
    expect_log(f, 0, "70=seventy ");
    expect_content(f, "1/1=ada ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(records_come_back_kind_by_kind_ids_rising, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_disk_keeps_nothing_of_the_batch_and_then_works_again,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_power_cut_loses_what_was_not_durable, setup, teardown),
        cmocka_unit_test_setup_teardown(a_power_cut_may_come_after_the_batch_was_durable, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_disk_is_open_once, setup, teardown),
        cmocka_unit_test_setup_teardown(words_beside_the_records_stay, setup, teardown),
        cmocka_unit_test_setup_teardown(the_log_goes_with_the_records, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
