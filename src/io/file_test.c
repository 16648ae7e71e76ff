#include "io/file.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/test.h"

static char folder[64];
static char path[128];

static int setup(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/file_test.XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/it", folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder); // fails when a temporary file was left behind
}

static void a_file_is_replaced_whole_with_its_mode(void **state)
{
    BUF_AUTO struct buf got = BUF_INIT;
    struct stat info;
    (void)state;

    assert_int_equal(file_write_atomic(path, STR("a longer first version"), 0644), 0);
    assert_int_equal(file_write_atomic(path, STR("second"), 0600), 0);
    assert_int_equal(file_read(path, 100, &got), 0);
    EXPECT_STR(buf_str(&got), "second");
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
}

static void what_a_killed_writer_left_is_used_up(void **state)
{
    BUF_AUTO struct buf got = BUF_INIT;
    struct stat info;
    char beside[160];
    (void)state;

    snprintf(beside, sizeof beside, "%s.tmp", path);
    assert_int_equal(file_append(beside, STR("half of something that was lon"), 0644), 0);
    assert_int_equal(file_write_atomic(path, STR("whole"), 0600), 0);
    assert_int_equal(file_read(path, 100, &got), 0);
    EXPECT_STR(buf_str(&got), "whole");
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_false(file_exists(beside));
}

static void what_others_put_in_its_way_is_not_written_to(void **state)
{
    BUF_AUTO struct buf got = BUF_INIT;
    char beside[160];
    char other[160];
    (void)state;

    snprintf(beside, sizeof beside, "%s.tmp", path);
    snprintf(other, sizeof other, "%s.other", path);
    assert_int_equal(mkfifo(beside, 0600), 0); // opening it would wait for a reader
    assert_int_equal(file_write_atomic(path, STR("first"), 0600), 0);
    assert_int_equal(file_append(other, STR("theirs"), 0600), 0);
    assert_int_equal(link(other, beside), 0);
    assert_int_equal(file_write_atomic(path, STR("second"), 0600), 0);
    assert_int_equal(file_read(other, 100, &got), 0);
    EXPECT_STR(buf_str(&got), "theirs");
    assert_int_equal(symlink(other, beside), 0);
    assert_int_equal(file_write_atomic(path, STR("third"), 0600), 0);
    buf_clear(&got);
    assert_int_equal(file_read(other, 100, &got), 0);
    EXPECT_STR(buf_str(&got), "theirs");
    unlink(other);
}

static void reading_stops_at_the_limit(void **state)
{
    BUF_AUTO struct buf got = BUF_INIT;
    (void)state;

    buf_add_str(&got, STR("kept "));
    assert_int_equal(file_append(path, STR("12345"), 0600), 0);
    assert_int_equal(file_append(path, STR("67890"), 0600), 0);
    assert_int_equal(file_read(path, 9, &got), -EFBIG);
    EXPECT_STR(buf_str(&got), "kept ");
    assert_int_equal(file_read(path, 10, &got), 0);
    EXPECT_STR(buf_str(&got), "kept 1234567890");
}

static void what_is_missing_is_said(void **state)
{
    BUF_AUTO struct buf got = BUF_INIT;
    (void)state;

    assert_false(file_exists(path));
    assert_int_equal(file_read(path, 10, &got), -ENOENT);
    assert_int_equal(file_write_atomic("/nonexistent/folder/x", STR("x"), 0600), -ENOENT);
    assert_int_equal(file_remove(path), 0);
}

static void folders_are_made_with_their_parents(void **state)
{
    char deep[128];
    struct stat info;
    (void)state;

    snprintf(deep, sizeof deep, "%s/a/b/", folder);
    assert_int_equal(file_make_folders(deep), 0);
    assert_int_equal(file_make_folders(deep), 0);
    assert_int_equal(stat(deep, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    rmdir(deep);
    snprintf(deep, sizeof deep, "%s/a", folder);
    rmdir(deep);
}

static void a_file_in_the_way_of_a_folder_is_said(void **state)
{
    char deep[160];
    (void)state;

    assert_int_equal(file_append(path, STR("x"), 0600), 0);
    snprintf(deep, sizeof deep, "%s/b", path);
    assert_int_equal(file_make_folders(deep), -ENOTDIR);
}

static void one_has_a_lock_until_it_is_closed(void **state)
{
    FD_AUTO int first = -1;
    FD_AUTO int second = -1;
    (void)state;

    assert_int_equal(file_lock(path, &first), 0);
    assert_int_equal(file_lock(path, &second), -EWOULDBLOCK);
    assert_int_equal(second, -1);
    fd_close(&first);
    assert_int_equal(file_lock(path, &second), 0);
    assert_int_equal(file_lock("/nowhere/it", &first), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_is_replaced_whole_with_its_mode, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_killed_writer_left_is_used_up, setup, teardown),
        cmocka_unit_test_setup_teardown(what_others_put_in_its_way_is_not_written_to, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(reading_stops_at_the_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_missing_is_said, setup, teardown),
        cmocka_unit_test_setup_teardown(folders_are_made_with_their_parents, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_in_the_way_of_a_folder_is_said, setup, teardown),
        cmocka_unit_test_setup_teardown(one_has_a_lock_until_it_is_closed, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
