// Groups of tasks in a folder that plays /sys/fs/cgroup: what is written where, and what is left.

#include "base/test.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "host/cgroup.h"
#include "io/file.h"

static struct arena arena;
static char root[64];

static const char *at(const char *path)
{
    return arena_printf(&arena, "%s/%s", root, path);
}

static void folder(const char *path)
{
    assert_int_equal(file_make_folders(at(path)), 0);
}

static void file(const char *path)
{
    assert_int_equal(file_append(at(path), STR(""), 0600), 0);
}

static const char *content(const char *path)
{
    struct buf text = BUF_INIT;
    const char *copy;

    assert_int_equal(file_read(at(path), 4096, &text), 0);
    copy = str_cstr(&arena, buf_str(&text));
    buf_deinit(&text);
    return copy;
}

static int setup(void **state)
{
    (void)state;
    arena = ARENA_INIT;
    snprintf(root, sizeof root, "/tmp/gantry-cgroup-XXXXXX");
    return mkdtemp(root) == NULL;
}

static int teardown(void **state)
{
    (void)state;
    (void)!system(arena_printf(&arena, "rm -rf %s", root));
    arena_deinit(&arena);
    return 0;
}

// The kernel puts the files into a group that is made; here they are put there before.
static void play_v2(void)
{
    file("cgroup.controllers");
    file("cgroup.subtree_control");
    folder("ecs/t1");
    file("ecs/cgroup.subtree_control");
    file("ecs/t1/cpu.max");
    file("ecs/t1/cpu.weight");
    file("ecs/t1/memory.max");
    file("ecs/t1/pids.max");
}

static void play_v1(void)
{
    folder("cpu,cpuacct/ecs/t1");
    folder("memory/ecs/t1");
    folder("pids/ecs/t1");
    folder("freezer/ecs/t1/left-by-a-container");
    file("cpu,cpuacct/ecs/t1/cpu.shares");
    file("cpu,cpuacct/ecs/t1/cpu.cfs_quota_us");
    file("cpu,cpuacct/ecs/t1/cpu.cfs_period_us");
    file("memory/ecs/memory.use_hierarchy");
    file("memory/ecs/t1/memory.limit_in_bytes");
    file("pids/ecs/t1/pids.max");
}

static int make(const struct host_cgroup_limits *limits)
{
    struct str what;

    return cgroup_make(root, STR("t1"), limits, &arena, &what);
}

static struct host_cgroup_limits half_a_cpu(void)
{
    struct host_cgroup_limits limits = {0};

    SET(&limits, cpu_period_us, 100000);
    SET(&limits, cpu_quota_us, 50000);
    SET(&limits, memory, 1073741824);
    SET(&limits, pids, 100);
    return limits;
}

static struct host_cgroup_limits shares(void)
{
    struct host_cgroup_limits limits = {0};

    SET(&limits, cpu_shares, 258);
    return limits;
}

static void the_version_is_told_by_what_stands_there(void **state)
{
    (void)state;
    assert_int_equal(cgroup_version(root), CGROUP_NONE);
    assert_int_equal(cgroup_probe(root), -ENOENT);
    folder("unified");
    file("unified/cgroup.controllers"); // hybrid: that hierarchy has no controllers of its own
    folder("memory");
    folder("cpu");
    assert_int_equal(cgroup_version(root), CGROUP_V1);
    assert_int_equal(cgroup_probe(root), 0);
    file("cgroup.controllers");
    assert_int_equal(cgroup_version(root), CGROUP_V2);
    assert_int_equal(cgroup_probe(root), 0);
}

// 3
static void limits_are_written_for_v2(void **state)
{
    struct host_cgroup_limits limits = half_a_cpu();
    (void)state;

    play_v2();
    assert_int_equal(make(&limits), 0);
    assert_string_equal(content("ecs/t1/cpu.max"), "50000 100000");
    assert_string_equal(content("ecs/t1/memory.max"), "1073741824");
    assert_string_equal(content("ecs/t1/pids.max"), "100");
    assert_string_equal(content("ecs/t1/cpu.weight"), "");
}

static void what_is_not_limited_is_written_as_such(void **state)
{
    struct host_cgroup_limits limits = shares();
    (void)state;

    play_v2();
    assert_int_equal(make(&limits), 0);
    assert_string_equal(content("ecs/t1/cpu.max"), "max");
    assert_string_equal(content("ecs/t1/memory.max"), "max");
    assert_string_equal(content("ecs/t1/cpu.weight"), "10");
}

// 4
static void and_for_v1(void **state)
{
    struct host_cgroup_limits limits = shares();
    (void)state;

    play_v1();
    assert_int_equal(make(&limits), 0);
    assert_string_equal(content("cpu,cpuacct/ecs/t1/cpu.shares"), "258");
    assert_string_equal(content("cpu,cpuacct/ecs/t1/cpu.cfs_quota_us"), "-1");
    assert_string_equal(content("memory/ecs/t1/memory.limit_in_bytes"), "-1");
    assert_string_equal(content("memory/ecs/memory.use_hierarchy"), "1");
    assert_string_equal(content("pids/ecs/t1/pids.max"), "max");
}

static void with_a_quota(void **state)
{
    struct host_cgroup_limits limits = half_a_cpu();
    (void)state;

    play_v1();
    assert_int_equal(make(&limits), 0);
    assert_string_equal(content("cpu,cpuacct/ecs/t1/cpu.cfs_quota_us"), "50000");
    assert_string_equal(content("cpu,cpuacct/ecs/t1/cpu.cfs_period_us"), "100000");
    assert_string_equal(content("memory/ecs/t1/memory.limit_in_bytes"), "1073741824");
    assert_string_equal(content("pids/ecs/t1/pids.max"), "100");
}

static void a_limit_that_cannot_be_written_says_which(void **state)
{
    struct host_cgroup_limits limits = half_a_cpu();
    struct str what;
    (void)state;

    file("cgroup.controllers");
    assert_int_equal(cgroup_make(root, STR("t2"), &limits, &arena, &what), -ENOENT);
    assert_string_equal(str_cstr(&arena, what), at("ecs/t2/cpu.max"));
}

static void a_group_is_removed_in_every_hierarchy(void **state)
{
    struct str what;
    (void)state;

    folder("cpu/ecs/t1/container");
    folder("memory/ecs/t1");
    folder("freezer/ecs/t1/left-by-a-container");
    folder("memory/ecs/t2");
    assert_int_equal(cgroup_remove(root, STR("t1"), &arena, &what), 0);
    assert_false(file_exists(at("cpu/ecs/t1")));
    assert_false(file_exists(at("memory/ecs/t1")));
    assert_false(file_exists(at("freezer/ecs/t1")));
    assert_true(file_exists(at("memory/ecs/t2")));
    assert_int_equal(cgroup_remove(root, STR("t1"), &arena, &what), 0); // gone already
}

static void one_that_is_in_use_is_not(void **state)
{
    struct str what;
    (void)state;

    folder("cpu/ecs/t1");
    folder("memory");
    file("cpu/ecs/t1/a-file-stands-for-a-process");
    assert_int_equal(cgroup_remove(root, STR("t1"), &arena, &what), -ENOTEMPTY);
    assert_string_equal(str_cstr(&arena, what), at("cpu/ecs/t1"));
}

static void what_still_runs_in_one_is_killed(void **state)
{
    pid_t child = fork();
    struct str what;
    int status;
    (void)state;

    if (child == 0) {
        pause();
        _exit(0);
    }
    folder("cpu/ecs/t1");
    folder("memory/ecs/t1/container");
    assert_int_equal(file_append(at("memory/ecs/t1/container/cgroup.procs"),
                                 str_of(arena_printf(&arena, "0\n%d\n", child)), 0600),
                     0);
    assert_int_equal(cgroup_remove(root, STR("t1"), &arena, &what), -ENOTEMPTY);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_false(file_exists(at("cpu/ecs/t1"))); // whatever becomes of the others
}

static const char *joined(const char *const *argv)
{
    const char *text = *argv;

    for (size_t i = 1; argv[i] != NULL; i++)
        text = arena_printf(&arena, "%s %s", text, argv[i]);
    return text;
}

static void systemd_is_asked_in_its_own_words(void **state)
{
    struct host_cgroup_limits limits = half_a_cpu();
    struct host_cgroup_limits weight = shares();
    (void)state;

    assert_string_equal(joined(cgroup_systemd_make(&arena, 0, STR("t1"), &limits)),
                        "systemctl set-property --runtime ecstasks-t1.slice CPUQuota=50.00% "
                        "CPUQuotaPeriodSec=100000us MemoryMax=1073741824 TasksMax=100");
    assert_string_equal(joined(cgroup_systemd_make(&arena, 0, STR("t1"), &weight)),
                        "systemctl set-property --runtime ecstasks-t1.slice CPUWeight=10 "
                        "MemoryMax=infinity TasksMax=infinity");
    assert_string_equal(joined(cgroup_systemd_make(&arena, 1, STR("t1"), &limits)),
                        "systemctl start ecstasks-t1.slice");
    assert_string_equal(joined(cgroup_systemd_remove(&arena, 0, STR("t1"))),
                        "systemctl stop ecstasks-t1.slice");
    assert_string_equal(joined(cgroup_systemd_remove(&arena, 1, STR("t1"))),
                        "systemctl revert ecstasks-t1.slice");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_version_is_told_by_what_stands_there, setup, teardown),
        cmocka_unit_test_setup_teardown(limits_are_written_for_v2, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_limited_is_written_as_such, setup, teardown),
        cmocka_unit_test_setup_teardown(and_for_v1, setup, teardown),
        cmocka_unit_test_setup_teardown(with_a_quota, setup, teardown),
        cmocka_unit_test_setup_teardown(a_limit_that_cannot_be_written_says_which, setup, teardown),
        cmocka_unit_test_setup_teardown(a_group_is_removed_in_every_hierarchy, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_is_in_use_is_not, setup, teardown),
        cmocka_unit_test_setup_teardown(what_still_runs_in_one_is_killed, setup, teardown),
        cmocka_unit_test_setup_teardown(systemd_is_asked_in_its_own_words, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
