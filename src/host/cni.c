// See cni.h. A call is a chain of programs: an addition goes through the list, a removal comes back
// through the list that made it, which stands in the note. Where a later agent has another list, it
// still takes down what the earlier one has set up.
//
// Refuses to run plugins in parallel for one id; the caller has one call an id under way.

#include "host/cni.h"

#include <dirent.h>

#include "api/cni.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/mem.h"
#include "host/cni_text.h"
#include "io/clock.h"
#include "io/command.h"
#include "io/file.h"
#include "io/loop.h"
#include "wire/codec.h"

enum { OUTPUT_MAX = 256 * 1024, NOTE_MAX = 1 << 20, LEAST_PATIENCE_MS = 100, ENV_MAX = 7 };

#define NOTE_TAIL ".json"

struct cni {
    struct arena arena;
    struct loop *loop;
    struct str plugins;
    struct str folder;
    struct cni_chain chain;
    struct list calls; // struct cni_call
};

struct cni_call {
    struct list in_cni;
    struct arena arena;
    struct cni *cni;
    struct cni_chain chain;
    struct str id;
    int32_t pid;
    bool is_removal;
    size_t next;       // of the chain: to be run, or run last
    struct str result; // of the chain so far
    struct str why;    // the first failure
    int64_t end_ms;    // monotonic
    struct command *command;
    struct loop_job finish;
    cni_fn *fn;
    void *user;
};

// ---- notes

static const char *note_path(struct arena *arena, const struct cni *cni, struct str id)
{
    return arena_printf(arena, "%.*s/%.*s" NOTE_TAIL, STR_ARGS(cni->folder), STR_ARGS(id));
}

static int write_note(struct cni_call *call)
{
    BUF_AUTO struct buf json = BUF_INIT;
    struct cni_kept kept = {0};

    SET(&kept, list, call->chain.text);
    if (call->result.len > 0)
        SET(&kept, result, call->result);
    codec_encode(&json, &cni_kept_shape, &kept);
    return file_write_atomic(note_path(&call->arena, call->cni, call->id), buf_str(&json), 0600);
}

// An unreadable note says at least that there is something; the present list must do then.
static void read_note(struct cni_call *call)
{
    BUF_AUTO struct buf text = BUF_INIT;
    struct cni_kept kept = {0};
    struct codec_report report = {0};
    struct str why;

    call->chain = call->cni->chain;
    if (file_read(note_path(&call->arena, call->cni, call->id), NOTE_MAX, &text) != 0 ||
        codec_decode(&call->arena, &cni_kept_shape, buf_str(&text), &codec_peer, &kept, &report) !=
            0)
        return;
    call->result = kept.result;
    if (!cni_chain_read(&call->arena, kept.list, &call->chain, &why))
        call->chain = call->cni->chain;
}

bool cni_has_note(const struct cni *cni, struct str id)
{
    struct arena scratch = ARENA_INIT;
    bool yes = file_exists(note_path(&scratch, cni, id));

    arena_deinit(&scratch);
    return yes;
}

struct str_list cni_notes(const struct cni *cni, struct arena *arena)
{
    DIR *folder = opendir(str_cstr(arena, cni->folder));
    struct str_list list = {0};
    size_t cap = 0;

    for (const struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        struct str name = str_of(entry->d_name);

        if (!str_ends(name, STR(NOTE_TAIL)))
            continue;
        if (list.n == cap) {
            struct str *grown = arena_array(arena, struct str, cap ? cap * 2 : 16);

            if (list.n > 0)
                memcpy(grown, list.at, list.n * sizeof *grown);
            list.at = grown;
            cap = cap ? cap * 2 : 16;
        }
        list.at[list.n++] = str_copy(arena, str_take(name, name.len - strlen(NOTE_TAIL)));
    }
    if (folder != NULL)
        closedir(folder);
    return list;
}

// ---- calls

static void call_free(struct cni_call *call)
{
    list_remove(&call->in_cni);
    loop_job_cancel(&call->finish);
    command_cancel(call->command);
    arena_deinit(&call->arena);
    mem_free(call);
}

static void finish(void *user)
{
    struct cni_call *call = user;
    struct cni_answer answer = {.did_well = call->why.len == 0, .text = call->why};

    if (answer.did_well && !call->is_removal &&
        !cni_chain_result(&call->arena, call->result, &answer.network, &answer.host_end)) {
        answer.did_well = false;
        answer.text = STR("the CNI plugins gave no IPv4 address");
    }
    if (answer.did_well && call->is_removal &&
        file_remove(note_path(&call->arena, call->cni, call->id)) != 0) {
        answer.did_well = false;
        answer.text = STR("the note of the interface cannot be removed");
    }
    call->fn(call->user, &answer);
    call_free(call);
}

static void note_failure(struct cni_call *call, struct str why)
{
    if (call->why.len == 0)
        call->why = str_copy(&call->arena, why);
}

static void run_next(struct cni_call *call);

static void plugin_ended(void *user, const struct command_result *result)
{
    struct cni_call *call = user;
    struct str type = call->chain.links[call->next].type;

    call->command = NULL;
    if (result->timed_out)
        note_failure(call, str_fmt(&call->arena, "CNI plugin %.*s took too long", STR_ARGS(type)));
    else if (!command_did_well(result))
        note_failure(call, cni_chain_failure(&call->arena, type, result->out, result->err));
    else if (!call->is_removal && str_trim(result->out).len > 0)
        call->result = str_copy(&call->arena, str_trim(result->out));
    if (call->is_removal ? call->next == 0 : call->next + 1 == call->chain.n) {
        if (!call->is_removal && write_note(call) != 0)
            note_failure(call, STR("the note of the interface cannot be written"));
        finish(call);
        return;
    }
    if (!call->is_removal && call->why.len > 0) {
        finish(call);
        return;
    }
    call->next = call->is_removal ? call->next - 1 : call->next + 1;
    run_next(call);
}

static const char *find_plugin(struct arena *arena, struct str folders, struct str type)
{
    struct str folder;

    while (folders.len > 0) {
        const char *path;

        (void)str_cut(folders, ':', &folder, &folders);
        path = arena_printf(arena, "%.*s/%.*s", STR_ARGS(folder), STR_ARGS(type));
        if (folder.len > 0 && file_exists(path))
            return path;
    }
    return NULL;
}

static const char *const *environment(struct cni_call *call)
{
    struct arena *arena = &call->arena;
    const char **env = arena_array(arena, const char *, ENV_MAX);
    size_t n = 0;

    env[n++] = call->is_removal ? "CNI_COMMAND=DEL" : "CNI_COMMAND=ADD";
    env[n++] = arena_printf(arena, "CNI_CONTAINERID=%.*s", STR_ARGS(call->id));
    env[n++] = call->pid > 0 ? arena_printf(arena, "CNI_NETNS=/proc/%d/ns/net", (int)call->pid)
                             : "CNI_NETNS=";
    env[n++] = "CNI_IFNAME=eth0";
    env[n++] = arena_printf(arena, "CNI_PATH=%.*s", STR_ARGS(call->cni->plugins));
    env[n++] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    return env;
}

static void run_next(struct cni_call *call)
{
    struct str type = call->chain.links[call->next].type;
    const char *argv[] = {find_plugin(&call->arena, call->cni->plugins, type), NULL};
    int64_t left_ms = call->end_ms - clock_monotonic_ms();
    struct command_spec spec = {
        .argv = argv,
        .env = environment(call),
        .input = cni_chain_input(&call->arena, &call->chain, call->next, call->result),
        .output_max = OUTPUT_MAX,
        .patience_ms = left_ms > LEAST_PATIENCE_MS ? left_ms : LEAST_PATIENCE_MS,
    };
    int rc = -ENOENT;

    if (argv[0] != NULL)
        rc = command_start(call->cni->loop, &spec, plugin_ended, call, &call->command);
    if (rc == 0)
        return;
    call->command = NULL;
    note_failure(call, str_fmt(&call->arena, "CNI plugin %.*s cannot be run: %s", STR_ARGS(type),
                               strerrordesc_np(-rc)));
    loop_defer(call->cni->loop, &call->finish);
}

static struct cni_call *call_new(struct cni *cni, struct str id, int32_t pid, int64_t patience_ms,
                                 cni_fn *fn, void *user)
{
    struct cni_call *call = mem_zalloc(sizeof *call);

    call->cni = cni;
    call->id = str_copy(&call->arena, id);
    call->pid = pid;
    call->end_ms = clock_monotonic_ms() + patience_ms;
    call->fn = fn;
    call->user = user;
    loop_job_init(&call->finish, finish, call);
    list_push_back(&cni->calls, &call->in_cni);
    return call;
}

struct cni_call *cni_add(struct cni *cni, struct str id, int32_t pid, int64_t patience_ms,
                         cni_fn *fn, void *user)
{
    struct cni_call *call = call_new(cni, id, pid, patience_ms, fn, user);

    call->chain = cni->chain;
    if (write_note(call) != 0) {
        note_failure(call, STR("the note of the interface cannot be written"));
        loop_defer(cni->loop, &call->finish);
        return call;
    }
    run_next(call);
    return call;
}

struct cni_call *cni_remove(struct cni *cni, struct str id, int32_t pid, int64_t patience_ms,
                            cni_fn *fn, void *user)
{
    struct cni_call *call = call_new(cni, id, pid, patience_ms, fn, user);

    call->is_removal = true;
    if (!cni_has_note(cni, id)) { // nothing was ever made, or all of it is gone
        loop_defer(cni->loop, &call->finish);
        return call;
    }
    read_note(call);
    call->next = call->chain.n - 1;
    run_next(call);
    return call;
}

void cni_cancel(struct cni_call *call)
{
    if (call != NULL)
        call_free(call);
}

// ---- life

static bool has_plugins(const struct cni *cni, struct arena *arena, struct str *out_why)
{
    for (size_t i = 0; i < cni->chain.n; i++) {
        struct str type = cni->chain.links[i].type;

        if (find_plugin(arena, cni->plugins, type) == NULL) {
            *out_why = str_fmt(arena, "there is no CNI plugin %.*s in %.*s", STR_ARGS(type),
                               STR_ARGS(cni->plugins));
            return false;
        }
    }
    return true;
}

struct cni *cni_open(const struct cni_config *config, struct arena *arena, struct str *out_why)
{
    struct cni *cni = mem_zalloc(sizeof *cni);
    int rc = file_make_folders(config->folder);

    cni->loop = config->loop;
    cni->plugins = str_copy(&cni->arena, str_of(config->plugins));
    cni->folder = str_copy(&cni->arena, str_of(config->folder));
    list_init(&cni->calls);
    if (rc != 0)
        *out_why = str_fmt(arena, "%s cannot be made: %s", config->folder, strerrordesc_np(-rc));
    if (rc == 0 && cni_chain_read(&cni->arena, config->list, &cni->chain, out_why) &&
        has_plugins(cni, arena, out_why))
        return cni;
    cni_close(cni);
    return NULL;
}

void cni_close(struct cni *cni)
{
    if (cni == NULL)
        return;
    LIST_EACH_SAFE (&cni->calls, it)
        call_free(LIST_ENTRY(it, struct cni_call, in_cni));
    arena_deinit(&cni->arena);
    mem_free(cni);
}
