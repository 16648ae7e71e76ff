#include "store/sqlite.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/test.h"
#include "io/file.h"

enum { PEOPLE = 1, PLACES = 2 };

static const struct message_kind kinds[] = {
    [PEOPLE] = {.name = STR_INIT("people")},
    [PLACES] = {.name = STR_INIT("places")},
};
static const struct store_schema schema = {
    .kinds = kinds, .kinds_n = 3, .application_id = 7, .version = 2, .log = STR_INIT("log")};

struct fixture {
    struct arena arena;
    char root[64];
    char path[128];
    struct str detail;
    struct store *store;
};

static int open_with(struct fixture *f, const struct store_schema *with)
{
    f->store = NULL;
    return store_open_sqlite(f->path, with, &f->arena, &f->detail, &f->store);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    snprintf(f->root, sizeof f->root, "/tmp/sqlite_test.XXXXXX");
    if (mkdtemp(f->root) == NULL)
        return -1;
    snprintf(f->path, sizeof f->path, "%s/data/it.db", f->root);
    *state = f;
    return open_with(f, &schema);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {"data/it.db", "data/it.db-wal", "data", "copy.db",
                                        "copy.db-wal"};

    store_close(f->store);
    for (size_t i = 0; i < 5; i++)
        remove(str_cstr(&f->arena, str_fmt(&f->arena, "%s/%s", f->root, names[i])));
    remove(f->root);
    arena_deinit(&f->arena);
    free(f);
    return 0;
}

static int put(struct store *store, size_t kind, uint64_t id, const char *json)
{
    struct store_write write = {.kind = kind, .id = id, .json = str_of(json)};

    return store_commit(store, &write, 1);
}

static int append(void *user, size_t kind, uint64_t id, struct str json)
{
    char *text = user;

    snprintf(text + strlen(text), 200 - strlen(text), "%zu/%d=%.*s ", kind, (int)id,
             STR_ARGS(str_take(json, 10)));
    return 0;
}

static void expect_content(struct store *store, const char *want)
{
    char text[200] = "";

    assert_int_equal(store_load(store, append, text), 0);
    assert_string_equal(text, want);
}

static void reopen(struct fixture *f)
{
    store_close(f->store);
    assert_int_equal(open_with(f, &schema), 0);
}

static void records_come_back_kind_by_kind_ids_rising(void **state)
{
    struct fixture *f = *state;
    struct store_write batch[] = {
        {.kind = PLACES, .id = 1, .json = STR("here")},
        {.kind = PEOPLE, .id = 3, .json = STR("eve")},
        {.kind = PEOPLE, .id = 1, .json = STR("ada")},
        {.kind = PEOPLE, .id = 2, .json = STR("bob")},
        {.kind = PEOPLE, .id = 1, .json = STR("ann")},
        {.kind = PEOPLE, .id = 2, .remove = true},
        {.kind = PLACES, .id = 9, .remove = true},
    };

    assert_int_equal(store_commit(f->store, batch, 7), 0);
    reopen(f);
    expect_content(f->store, "1/1=ann 1/3=eve 2/1=here ");
    assert_int_equal(store_check(f->store), 0);
}

static int stop_at_two(void *user, size_t kind, uint64_t id, struct str json)
{
    (void)user, (void)kind, (void)json;
    return id == 2 ? -ECANCELED : 0;
}

static void a_walk_ends_where_its_owner_says(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(put(f->store, PEOPLE, 1, "ada"), 0);
    assert_int_equal(put(f->store, PEOPLE, 2, "bob"), 0);
    assert_int_equal(store_load(f->store, stop_at_two, NULL), -ECANCELED);
    assert_int_equal(put(f->store, PEOPLE, 3, "eve"), 0);
}

static void file_and_folder_are_private(void **state)
{
    struct fixture *f = *state;
    struct stat info;

    assert_int_equal(stat(f->path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(put(f->store, PEOPLE, 1, "ada"), 0);
    assert_int_equal(
        stat(str_cstr(&f->arena, str_fmt(&f->arena, "%s/data/it.db-wal", f->root)), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(stat(str_cstr(&f->arena, str_fmt(&f->arena, "%s/data", f->root)), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
}

// Runs in a child: 0 when the store was refused as locked.
static int try_to_open(const char *path)
{
    struct arena arena = ARENA_INIT;
    struct str detail;
    struct store *store;
    int outcome = store_open_sqlite(path, &schema, &arena, &detail, &store);

    arena_deinit(&arena);
    return outcome == STORE_E_LOCKED ? 0 : 1;
}

static int status_of(pid_t child)
{
    int status = -1;

    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void a_second_process_is_refused(void **state)
{
    struct fixture *f = *state;
    struct fixture other = *f;
    pid_t child = fork();

    if (child == 0)
        _exit(try_to_open(f->path));
    assert_int_equal(status_of(child), 0);
    other.arena = ARENA_INIT;
    assert_int_equal(open_with(&other, &schema), STORE_E_LOCKED);
    arena_deinit(&other.arena);
    assert_int_equal(put(f->store, PEOPLE, 1, "ada"), 0);
}

static void a_newer_store_is_refused_and_an_older_one_raised(void **state)
{
    struct fixture *f = *state;
    struct store_schema newer = schema;

    newer.version = 3;
    store_close(f->store);
    assert_int_equal(open_with(f, &newer), 0);
    store_close(f->store);
    assert_int_equal(open_with(f, &schema), STORE_E_VERSION);
    EXPECT_STR(f->detail, "it has version 3, this program knows up to 2");
}

static void another_programs_store_is_refused(void **state)
{
    struct fixture *f = *state;
    struct store_schema other = schema;

    other.application_id = 8;
    store_close(f->store);
    assert_int_equal(open_with(f, &other), STORE_E_CORRUPT);
    EXPECT_STR(f->detail, "it is not a store of this program");
}

static void a_file_that_is_no_store_is_refused(void **state)
{
    struct fixture *f = *state;
    BUF_AUTO struct buf noise = BUF_INIT;

    store_close(f->store);
    for (int i = 0; i < 5000; i++)
        buf_add_str(&noise, STR("noise "));
    assert_int_equal(file_write_atomic(f->path, buf_str(&noise), 0600), 0);
    assert_int_equal(open_with(f, &schema), STORE_E_CORRUPT);
    EXPECT_STR(f->detail, "file is not a database");
}

static void a_damaged_page_is_found_at_open(void **state)
{
    struct fixture *f = *state;
    char noise[4096];
    int fd;

    for (uint64_t id = 1; id < 500; id++)
        assert_int_equal(put(f->store, PEOPLE, id, "a record of some length, so that pages fill"),
                         0);
    store_close(f->store);
    f->store = NULL;
    memset(noise, 0xa5, sizeof noise);
    fd = open(f->path, O_WRONLY);
    assert_int_equal(pwrite(fd, noise, sizeof noise, 8192 * 2), sizeof noise);
    close(fd);
    assert_int_equal(open_with(f, &schema), STORE_E_CORRUPT);
}

static void a_full_store_keeps_nothing_of_the_batch_and_then_works_again(void **state)
{
    struct fixture *f = *state;
    enum { BIG = 1000 * 1000 };
    char *big = calloc(1, BIG + 1);
    struct store_write batch[] = {
        {.kind = PEOPLE, .id = 2, .json = STR("bob")},
        {.kind = PLACES, .id = 2, .json = {.ptr = big, .len = BIG}},
    };

    memset(big, 'a', 220000); // what the file has room for from the start
    assert_int_equal(put(f->store, PEOPLE, 1, big), 0);
    memset(big, 'x', BIG);
    assert_int_equal(store_sqlite_limit(f->store, 33 * 8192), 0);
    assert_int_equal(store_commit(f->store, batch, 2), STORE_E_FULL);
    assert_int_equal(store_probe(f->store), STORE_E_FULL);
    expect_content(f->store, "1/1=aaaaaaaaaa ");
    assert_int_equal(store_sqlite_limit(f->store, 0), 0);
    assert_int_equal(store_probe(f->store), 0);
    assert_int_equal(store_commit(f->store, batch, 2), 0);
    free(big);
    reopen(f);
    expect_content(f->store, "1/1=aaaaaaaaaa 1/2=bob 2/2=xxxxxxxxxx ");
    assert_int_equal(store_check(f->store), 0);
}

// In a child, on a real file system of a few hundred kilobytes: fills it, checks that what was
// acknowledged is there, frees space, and goes on.
static int fill_a_disk(const char *root, struct arena *arena)
{
    const char *path = str_cstr(arena, str_fmt(arena, "%s/it.db", root));
    const char *ballast = str_cstr(arena, str_fmt(arena, "%s/ballast", root));
    char *text = calloc(1, 3001);
    char content[200] = "";
    struct str detail;
    struct store *store;
    uint64_t id = 0;
    int outcome;

    memset(text, 'x', 3000);
    if (file_write_atomic(ballast, str_span(text, 3000), 0600) != 0 || truncate(ballast, 0) != 0 ||
        store_open_sqlite(path, &schema, arena, &detail, &store) != 0)
        return 10;
    for (int i = 0; i < 100; i++) {
        if (file_append(ballast, str_span(text, 3000), 0600) != 0)
            return 11;
    }
    while ((outcome = put(store, PEOPLE, id + 1, text)) == 0)
        id++;
    if (outcome != STORE_E_FULL || store_probe(store) != STORE_E_FULL || id < 5)
        return 12;
    store_close(store);
    if (store_open_sqlite(path, &schema, arena, &detail, &store) != 0)
        return 16;
    if (store_load(store, append, content) != 0 || unlink(ballast) != 0)
        return 13;
    if (store_probe(store) != 0 || put(store, PEOPLE, id + 1, "more") != 0)
        return 14;
    store_close(store);
    if (store_open_sqlite(path, &schema, arena, &detail, &store) != 0 || store_check(store) != 0)
        return 15;
    store_close(store);
    free(text);
    arena_deinit(arena);
    return 0;
}

// Likewise: a few hundred kilobytes are written over and over, more often than there is room for.
static int write_over(const char *root, struct arena *arena)
{
    enum { RECORDS = 300, ROUNDS = 20 };
    const char *path = str_cstr(arena, str_fmt(arena, "%s/it.db", root));
    char *text = calloc(1, 3001);
    struct str detail;
    struct store *store;

    memset(text, 'x', 3000);
    if (store_open_sqlite(path, &schema, arena, &detail, &store) != 0)
        return 10;
    for (uint64_t i = 0; i < RECORDS * ROUNDS; i++) {
        if (put(store, PEOPLE, 1 + i % RECORDS, text) != 0)
            return 11;
    }
    store_close(store);
    free(text);
    arena_deinit(arena);
    return 0;
}

static void expect_on_a_disk(struct fixture *f, const char *size,
                             int (*deed)(const char *root, struct arena *arena))
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        struct arena arena = ARENA_INIT;
        if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
            mount("none", f->root, "tmpfs", 0, size) != 0)
            _exit(77);
        _exit(deed(f->root, &arena));
    }
    status = status_of(child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        skip(); // needs the right to mount
    assert_int_equal(status, 0);
}

static void a_full_disk_stops_commits_until_there_is_room(void **state)
{
    expect_on_a_disk(*state, "size=1m", fill_a_disk);
}

static void the_log_leaves_room_on_a_small_disk(void **state)
{
    expect_on_a_disk(*state, "size=4m", write_over);
}

static void a_write_that_fails_half_way_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    struct rlimit before;
    struct rlimit tight;
    char *big = calloc(1, 400001);

    memset(big, 'x', 400000);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(put(f->store, PEOPLE, 1, "ada"), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    tight = before;
    tight.rlim_cur = 200000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    assert_int_equal(put(f->store, PEOPLE, 2, big), STORE_E_IO);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    expect_content(f->store, "1/1=ada ");
    assert_int_equal(put(f->store, PEOPLE, 2, big), 0);
    free(big);
}

// Commits pairs for ever, one record a kind with the same id, and tells each acknowledged id.
static void commit_pairs_for_ever(const char *path, uint64_t id, int out)
{
    struct arena arena = ARENA_INIT;
    struct str detail;
    struct store *store;
    char text[2000];

    memset(text, 'x', sizeof text);
    if (store_open_sqlite(path, &schema, &arena, &detail, &store) != 0)
        _exit(1);
    for (;; id++) {
        struct store_write pair[] = {
            {.kind = PEOPLE, .id = id, .json = str_span(text, sizeof text)},
            {.kind = PLACES, .id = id, .json = str_span(text, sizeof text)},
        };
        if (store_commit(store, pair, 2) != 0 || write(out, &id, sizeof id) != sizeof id)
            _exit(2);
    }
}

static int count(void *user, size_t kind, uint64_t id, struct str json)
{
    uint64_t *n = user;

    (void)json;
    n[kind]++;
    assert_int_equal(n[kind], id); // no hole
    return 0;
}

static uint64_t kill_while_committing(const char *path, uint64_t first, int commits)
{
    uint64_t id = first - 1;
    int fds[2];
    pid_t child;

    assert_int_equal(pipe(fds), 0);
    child = fork();
    if (child == 0) {
        close(fds[0]);
        commit_pairs_for_ever(path, first, fds[1]);
    }
    close(fds[1]);
    for (int i = 0; i < commits; i++)
        assert_int_equal(read(fds[0], &id, sizeof id), sizeof id);
    kill(child, SIGKILL);
    while (read(fds[0], &id, sizeof id) == sizeof id)
        continue;
    close(fds[0]);
    assert_int_equal(WTERMSIG(status_of(child)), SIGKILL);
    return id;
}

static void a_kill_loses_nothing_acknowledged_and_halves_nothing(void **state)
{
    struct fixture *f = *state;
    uint64_t present = 0;

    for (int round = 0; round < 8; round++) {
        uint64_t n[3] = {0};
        uint64_t acknowledged;
        store_close(f->store);
        f->store = NULL;
        acknowledged = kill_while_committing(f->path, present + 1, 1 + round * 7);
        assert_int_equal(open_with(f, &schema), 0);
        assert_int_equal(store_load(f->store, count, n), 0);
        assert_int_equal(n[PEOPLE], n[PLACES]);
        assert_true(n[PEOPLE] >= acknowledged);
        assert_true(n[PEOPLE] <= acknowledged + 1); // one may have been under way
        present = n[PEOPLE];
    }
}

static void a_backup_is_a_store(void **state)
{
    struct fixture *f = *state;
    const char *copy = str_cstr(&f->arena, str_fmt(&f->arena, "%s/copy.db", f->root));
    struct store *store = NULL;
    struct stat info;

    assert_int_equal(put(f->store, PEOPLE, 1, "ada"), 0);
    assert_int_equal(store_backup(f->store, copy), 0);
    assert_int_equal(store_backup(f->store, copy), -EEXIST);
    assert_int_equal(put(f->store, PEOPLE, 2, "bob"), 0);
    assert_int_equal(stat(copy, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(store_open_sqlite(copy, &schema, &f->arena, &f->detail, &store), 0);
    expect_content(store, "1/1=ada ");
    store_close(store);
}

static void words_beside_the_records_stay(void **state)
{
    struct fixture *f = *state;
    struct str value;

    assert_int_equal(store_meta_get(f->store, &f->arena, STR("account"), &value), 0);
    EXPECT_STR(value, "");
    assert_int_equal(store_meta_set(f->store, STR("account"), STR("1")), 0);
    assert_int_equal(store_meta_set(f->store, STR("account"), STR("123456789012")), 0);
    reopen(f);
    assert_int_equal(store_meta_get(f->store, &f->arena, STR("account"), &value), 0);
    EXPECT_STR(value, "123456789012");
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
    expect_content(f->store, "1/1=ada ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(records_come_back_kind_by_kind_ids_rising, setup, teardown),
        cmocka_unit_test_setup_teardown(a_walk_ends_where_its_owner_says, setup, teardown),
        cmocka_unit_test_setup_teardown(file_and_folder_are_private, setup, teardown),
        cmocka_unit_test_setup_teardown(a_second_process_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_newer_store_is_refused_and_an_older_one_raised, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(another_programs_store_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_that_is_no_store_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_damaged_page_is_found_at_open, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_full_store_keeps_nothing_of_the_batch_and_then_works_again, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_disk_stops_commits_until_there_is_room, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_log_leaves_room_on_a_small_disk, setup, teardown),
        cmocka_unit_test_setup_teardown(a_write_that_fails_half_way_leaves_nothing, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_kill_loses_nothing_acknowledged_and_halves_nothing, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_backup_is_a_store, setup, teardown),
        cmocka_unit_test_setup_teardown(words_beside_the_records_stay, setup, teardown),
        cmocka_unit_test_setup_teardown(the_log_goes_with_the_records, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
