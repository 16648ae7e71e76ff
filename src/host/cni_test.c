// Plugins are shell scripts here: they note how they were called and answer what they are told to.

#include "base/test.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "host/cni.h"
#include "host/cni_text.h"
#include "io/file.h"
#include "io/loop.h"

struct fixture {
    struct arena arena;
    char folder[64];
    struct loop *loop;
    struct cni *cni;
    struct cni_answer answer;
    bool answered;
};

#define LIST                                                                                       \
    "{\"cniVersion\":\"1.0.0\",\"name\":\"net\",\"plugins\":[{\"type\":\"one\",\"a\":[1,2]},"      \
    "{ \"type\":\"two\" }]}"

static const char *path(struct fixture *f, const char *name)
{
    return arena_printf(&f->arena, "%s/%s", f->folder, name);
}

static void script(struct fixture *f, const char *name, const char *body)
{
    struct str text = str_fmt(&f->arena,
                              "#!/bin/sh\n{ echo \"%s $CNI_COMMAND $CNI_CONTAINERID $CNI_NETNS\"; "
                              "cat; echo; } >>%s/log\n%s\n",
                              name, f->folder, body);

    assert_int_equal(file_write_atomic(path(f, name), text, 0755), 0);
}

static struct str log_text(struct fixture *f)
{
    struct buf text = BUF_INIT;
    struct str out;

    if (file_read(path(f, "log"), 1 << 20, &text) != 0)
        return STR_NONE;
    out = str_copy(&f->arena, buf_str(&text));
    buf_deinit(&text);
    return out;
}

static void open_cni(struct fixture *f)
{
    struct cni_config config = {
        .loop = f->loop, .plugins = f->folder, .folder = path(f, "notes"), .list = STR(LIST)};
    struct str why = STR_NONE;

    f->cni = cni_open(&config, &f->arena, &why);
    assert_non_null(f->cni);
}

static void set_up(struct fixture *f)
{
    *f = (struct fixture){.folder = "/tmp/cniXXXXXX"};
    assert_non_null(mkdtemp(f->folder));
    assert_int_equal(loop_open(&f->loop), 0);
    script(f, "one", "[ $CNI_COMMAND = DEL ] || echo '{\"first\":true}'");
    script(f, "two",
           "[ $CNI_COMMAND = DEL ] || echo "
           "'{\"interfaces\":[{\"name\":\"br\",\"mac\":\"aa\"},{\"name\":\"veth1\",\"mac\":\"bb\"},"
           "{\"name\":\"eth0\",\"mac\":\"cc\",\"sandbox\":\"/x\"}],\"ips\":[{\"address\":"
           "\"10.1.3.5/22\",\"gateway\":\"10.1.0.1\",\"interface\":2}]}'");
    open_cni(f);
}

static void tear_down(struct fixture *f)
{
    const char *command = arena_printf(&f->arena, "rm -r %s", f->folder);

    cni_close(f->cni);
    loop_close(f->loop);
    assert_int_equal(system(command), 0);
    arena_deinit(&f->arena);
}

static void hear(void *user, const struct cni_answer *answer)
{
    struct fixture *f = user;

    f->answered = true;
    f->answer = *answer;
    f->answer.text = str_copy(&f->arena, answer->text);
    f->answer.host_end = str_copy(&f->arena, answer->host_end);
    f->answer.network.address = str_copy(&f->arena, answer->network.address);
    f->answer.network.subnet = str_copy(&f->arena, answer->network.subnet);
    f->answer.network.gateway = str_copy(&f->arena, answer->network.gateway);
    f->answer.network.mac = str_copy(&f->arena, answer->network.mac);
}

static void await(struct fixture *f)
{
    for (f->answered = false; !f->answered;)
        loop_run_once(f->loop, 1000);
}

static void add(struct fixture *f)
{
    cni_add(f->cni, STR("t1"), 77, 30000, hear, f);
    await(f);
}

static void take_away(struct fixture *f)
{
    cni_remove(f->cni, STR("t1"), 0, 30000, hear, f);
    await(f);
}

static void an_addition_goes_through_the_list(void **state)
{
    struct fixture f;
    (void)state;

    set_up(&f);
    add(&f);
    assert_true(f.answer.did_well);
    EXPECT_STR(f.answer.network.address, "10.1.3.5");
    EXPECT_STR(f.answer.network.subnet, "10.1.0.0/22");
    EXPECT_STR(f.answer.network.gateway, "10.1.0.1/22");
    EXPECT_STR(f.answer.network.mac, "cc");
    EXPECT_STR(f.answer.host_end, "veth1");
    EXPECT_STR(log_text(&f), "one ADD t1 /proc/77/ns/net\n"
                             "{\"cniVersion\":\"1.0.0\",\"name\":\"net\",\"type\":\"one\",\"a\":[1,"
                             "2]}\n"
                             "two ADD t1 /proc/77/ns/net\n"
                             "{\"cniVersion\":\"1.0.0\",\"name\":\"net\",\"prevResult\":{\"first\":"
                             "true}, \"type\":\"two\" }\n");
    assert_true(cni_has_note(f.cni, STR("t1")));
    tear_down(&f);
}

static void a_removal_goes_back_through_the_list_that_made_it(void **state)
{
    struct fixture f;
    (void)state;

    set_up(&f);
    add(&f);
    file_write_atomic(path(&f, "log"), STR(""), 0600) == 0 ? (void)0 : fail();
    take_away(&f);
    assert_true(f.answer.did_well);
    assert_true(str_starts(log_text(&f), STR("two DEL t1 \n")));
    assert_non_null(strstr(str_cstr(&f.arena, log_text(&f)), "\none DEL t1 \n"));
    assert_non_null(strstr(str_cstr(&f.arena, log_text(&f)), "prevResult\":{\"interfaces"));
    assert_false(cni_has_note(f.cni, STR("t1")));
    tear_down(&f);
}

static void what_was_never_made_needs_no_plugin_to_go(void **state)
{
    struct fixture f;
    (void)state;

    set_up(&f);
    take_away(&f);
    assert_true(f.answer.did_well);
    EXPECT_STR(log_text(&f), "");
    tear_down(&f);
}

static void a_plugin_that_fails_is_quoted_and_its_note_stays(void **state)
{
    struct str_list notes;
    struct fixture f;
    (void)state;

    set_up(&f);
    script(&f, "two",
           "echo '{\"code\":11,\"msg\":\"no address\",\"details\":\"range is full\"}'; "
           "exit 1");
    add(&f);
    assert_false(f.answer.did_well);
    EXPECT_STR(f.answer.text, "CNI plugin two: no address; range is full");
    notes = cni_notes(f.cni, &f.arena);
    assert_int_equal(notes.n, 1);
    EXPECT_STR(notes.at[0], "t1");
    take_away(&f); // two fails, one is run all the same
    assert_false(f.answer.did_well);
    assert_non_null(strstr(str_cstr(&f.arena, log_text(&f)), "one DEL t1"));
    assert_true(cni_has_note(f.cni, STR("t1")));
    tear_down(&f);
}

static void a_plugin_that_hangs_is_given_up(void **state)
{
    struct fixture f;
    (void)state;

    set_up(&f);
    script(&f, "one", "sleep 600");
    cni_add(f.cni, STR("t1"), 77, 100, hear, &f);
    await(&f);
    assert_false(f.answer.did_well);
    EXPECT_STR(f.answer.text, "CNI plugin one took too long");
    tear_down(&f);
}

static void a_list_that_is_none_is_refused(void **state)
{
    static const char *const texts[] = {"",
                                        "[]",
                                        "{}",
                                        "{\"name\":\"a\"}",
                                        "{\"name\":\"a\",\"plugins\":[]}",
                                        "{\"name\":\"a\",\"plugins\":[{\"x\":1}]}",
                                        "{\"name\":\"a\",\"plugins\":[{\"type\":\"../x\"}]}",
                                        "{\"plugins\":[{\"type\":\"one\"}]}",
                                        "{\"name\":\"a\\\"b\",\"plugins\":[{\"type\":\"one\"}]}"};
    struct arena arena = ARENA_INIT;
    (void)state;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct cni_chain chain;
        struct str why;

        assert_false(cni_chain_read(&arena, str_of(texts[i]), &chain, &why));
        assert_true(why.len > 0);
    }
    arena_deinit(&arena);
}

static void a_list_of_our_own_is_one(void **state)
{
    struct arena arena = ARENA_INIT;
    struct cni_chain chain;
    struct str why;
    (void)state;

    assert_true(cni_chain_read(
        &arena,
        cni_bridge_list(&arena, STR("gantry0"), STR("10.1.0.0/24"), STR("10.1.0.1"), STR("/data")),
        &chain, &why));
    EXPECT_STR(chain.name, "gantry0");
    assert_int_equal(chain.n, 1);
    EXPECT_STR(chain.links[0].type, "bridge");
    arena_deinit(&arena);
}

static void a_missing_plugin_is_named(void **state)
{
    struct cni_config config = {.plugins = "/nonexistent", .folder = "/tmp", .list = STR(LIST)};
    struct arena arena = ARENA_INIT;
    struct str why = STR_NONE;
    (void)state;

    assert_null(cni_open(&config, &arena, &why));
    EXPECT_STR(why, "there is no CNI plugin one in /nonexistent");
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_addition_goes_through_the_list),
        cmocka_unit_test(a_removal_goes_back_through_the_list_that_made_it),
        cmocka_unit_test(what_was_never_made_needs_no_plugin_to_go),
        cmocka_unit_test(a_plugin_that_fails_is_quoted_and_its_note_stays),
        cmocka_unit_test(a_plugin_that_hangs_is_given_up),
        cmocka_unit_test(a_list_that_is_none_is_refused),
        cmocka_unit_test(a_list_of_our_own_is_one),
        cmocka_unit_test(a_missing_plugin_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
