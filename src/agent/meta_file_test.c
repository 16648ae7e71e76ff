// The files on a disk, with what a container may do to the folder that it sees.

#include "agent/meta_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/views_testing.h"
#include "base/buf.h"
#include "io/file.h"

#define ARN "arn:aws:ecs:us-east-1:123456789012:task/default/8f2c"

static const struct meta_host host = {
    .cluster = STR_INIT("default"),
    .container_instance = STR_INIT("arn:i"),
};

static struct views views;
static struct meta_files *files;
static char folder[64];
static char path[160];

static int setup(void **state)
{
    (void)state;
    views = (struct views){0};
    views_add(&views, "{\"arn\":\"" ARN "\",\"family\":\"web\",\"version\":\"7\",\"containers\":["
                      "{\"name\":\"nginx\",\"image\":\"nginx\"}]}");
    snprintf(folder, sizeof folder, "/tmp/meta_file_test.XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/8f2c/nginx/" ENGINE_METADATA_FILE, folder);
    files = meta_files_new(folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    meta_files_free(files);
    arena_deinit(&views.arena);
    return rmdir(folder); // fails when something was left in it
}

static void begin(void)
{
    views.at[0].status = HOST_CONTAINER_STATUS_PULLED;
    meta_files_begin(files, &host, &views.at[0]);
}

static void follow(void)
{
    struct engine_view_list list = views_list(&views);

    meta_files_follow(files, &host, &list);
}

static void run(void)
{
    views.at[0].status = HOST_CONTAINER_STATUS_RUNNING;
    views_see(&views, "nginx", "{\"State\":{\"Pid\":7}}");
    follow();
}

static void end(void)
{
    views.n = 0;
    follow();
}

static bool is_ready(void)
{
    BUF_AUTO struct buf text = BUF_INIT;

    assert_int_equal(file_read(path, 1 << 16, &text), 0);
    return memmem(buf_str(&text).ptr, buf_len(&text), "READY", 5) != NULL;
}

static void a_file_is_there_before_the_start_and_goes_with_the_task(void **state)
{
    struct stat info;
    (void)state;

    begin();
    assert_false(is_ready());
    run();
    assert_true(is_ready());
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0644);
    end();
    assert_false(file_exists(path));
}

static void what_a_container_puts_there_goes_too(void **state)
{
    char own[200];
    (void)state;

    begin();
    snprintf(own, sizeof own, "%s.own", path);
    assert_int_equal(file_append(own, STR("mine"), 0600), 0);
    run();
    end();
    assert_false(file_exists(own));
}

// Opening a pipe to write to it waits until somebody reads.
static void a_pipe_in_the_way_holds_nobody_up(void **state)
{
    char beside[200];
    (void)state;

    begin();
    snprintf(beside, sizeof beside, "%s.tmp", path);
    assert_int_equal(mkfifo(beside, 0600), 0);
    run();
    assert_true(is_ready());
    end();
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(a_file_is_there_before_the_start_and_goes_with_the_task),
        CASE(what_a_container_puts_there_goes_too),
        CASE(a_pipe_in_the_way_holds_nobody_up),
    };
#undef CASE
    return cmocka_run_group_tests(tests, NULL, NULL);
}
