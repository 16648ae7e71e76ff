#include "base/idtable.h"

#include "base/test.h"

static char entries[4000];

static void entries_are_found_and_visited_in_order(void **state)
{
    struct idtable table;
    uint64_t visited = 0;
    (void)state;

    idtable_init(&table);
    for (uint64_t id = 1; id < 4000; id++)
        idtable_put(&table, id, &entries[id]);
    assert_int_equal(table.count, 3999);
    for (uint64_t id = 0; (id = idtable_next(&table, id)) != 0;)
        assert_int_equal(id, ++visited);
    assert_int_equal(visited, 3999);
    assert_null(idtable_get(&table, 4000));
    assert_null(idtable_get(&table, 1u << 30));
    idtable_deinit(&table);
}

static void empty_pages_are_given_back_and_skipped(void **state)
{
    struct idtable table;
    (void)state;

    idtable_init(&table);
    for (uint64_t id = 1; id < 4000; id++)
        idtable_put(&table, id, &entries[id]);
    for (uint64_t id = 1; id < 3500; id++)
        idtable_remove(&table, id);
    assert_null(table.pages[0]);
    assert_int_equal(idtable_next(&table, 0), 3500);
    assert_ptr_equal(idtable_get(&table, 3999), &entries[3999]);
    assert_int_equal(table.last_id, 3999);
    idtable_deinit(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_found_and_visited_in_order),
        cmocka_unit_test(empty_pages_are_given_back_and_skipped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
