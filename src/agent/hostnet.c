// See hostnet.h.
//
// A call goes through stages, one callback each: what an earlier try has left is removed, the
// interface is made, its address becomes part of the rules. Only then the engine hears of it: a
// container never runs in a network whose rules are not in force.

#include "agent/hostnet.h"

#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "host/cni.h"
#include "host/link.h"
#include "io/command.h"
#include "io/file.h"
#include "io/loop.h"
#include "shape/walk.h"

enum {
    REMOVE_MS = 25 * 1000,
    ADD_MS = 50 * 1000,
    ADMIT_MS = 20 * 1000,
    PROC_MAX = 64 * 1024,
    LIST_MAX = 1 << 20,
};

// A network that is up.
struct member {
    struct list in_hostnet;
    struct arena arena;
    struct str task;
    struct str address;
    struct str_list groups;
};

struct job {
    struct list in_hostnet;
    struct arena arena;
    struct hostnet *hostnet;
    int64_t token;
    enum host_call_kind kind;
    struct host_network_wish *wish;
    struct host_network *found;
    struct str why;
    struct cni_call *cni_call;
    struct rules_wish *rules_wish;
    struct loop_job finish;
    hostnet_answer_fn *fn;
    void *user;
};

struct hostnet {
    struct arena arena;
    struct hostnet_config config;
    struct cni *cni;
    struct arena *groups_arena; // heap; replaced whole
    struct groups groups;
    struct list members;    // struct member
    struct nft_task *tasks; // heap; the plan's
    struct list jobs;       // struct job
    struct command *admitting;
    struct loop_job refuse;
    struct str why_not;
    hostnet_ready_fn *ready;
    void *user;
};

// ---- rules

static void put_plan(struct hostnet *hostnet)
{
    const struct agent_config *config = hostnet->config.config;
    struct nft_plan *plan = rules_plan(hostnet->config.rules);
    size_t n = 0;

    LIST_EACH (&hostnet->members, it)
        n++;
    mem_free(hostnet->tasks);
    hostnet->tasks = mem_alloc((n + 1) * sizeof *hostnet->tasks);
    plan->tasks_n = 0;
    LIST_EACH (&hostnet->members, it) {
        const struct member *member = LIST_ENTRY(it, struct member, in_hostnet);

        hostnet->tasks[plan->tasks_n++] =
            (struct nft_task){.address = member->address, .groups = member->groups};
    }
    plan->tasks = hostnet->tasks;
    plan->groups = &hostnet->groups;
    plan->bridge = config->network_bridge;
    plan->pool = config->network_pool;
    plan->direct = config->network_direct;
    plan->masquerade = !config->network_plain;
    plan->block_instance_metadata = config->network_blocks_imds;
    plan->loopback_open = config->loopback_open;
}

static struct member *find_member(struct hostnet *hostnet, struct str task)
{
    LIST_EACH (&hostnet->members, it) {
        struct member *member = LIST_ENTRY(it, struct member, in_hostnet);

        if (str_eq(member->task, task))
            return member;
    }
    return NULL;
}

static void drop_member(struct member *member)
{
    if (member == NULL)
        return;
    list_remove(&member->in_hostnet);
    arena_deinit(&member->arena);
    mem_free(member);
}

static void add_member(struct hostnet *hostnet, struct str task, struct str address,
                       struct str_list groups)
{
    struct member *member = mem_zalloc(sizeof *member);

    drop_member(find_member(hostnet, task));
    member->task = str_copy(&member->arena, task);
    member->address = str_copy(&member->arena, address);
    member->groups.at = arena_array(&member->arena, struct str, groups.n);
    for (size_t i = 0; i < groups.n; i++)
        member->groups.at[member->groups.n++] = str_copy(&member->arena, groups.at[i]);
    list_push_back(&hostnet->members, &member->in_hostnet);
}

// ---- the host's settings

// Settings of the kernel are files of one line.
static bool set_kernel(const char *path)
{
    int rc = file_append(path, STR("1"), 0600);

    if (rc != 0)
        LOG_WARN("agent.kernel_setting", LOG_CSTR("path", path),
                 LOG_CSTR("reason", strerrordesc_np(-rc)));
    return rc == 0;
}

static void set_link(struct arena *arena, struct str link, const char *name)
{
    (void)set_kernel(arena_printf(arena, "/proc/sys/net/ipv4/conf/%.*s/%s", STR_ARGS(link), name));
}

// What makes a bridge route between its own ports. Its first task brings it into being.
static bool isolate(struct job *job, struct str host_end)
{
    struct str bridge = job->hostnet->config.config->network_bridge;
    int rc;

    if (bridge.len == 0 || host_end.len == 0)
        return true; // an operator's own list: his interfaces
    set_link(&job->arena, bridge, "proxy_arp_pvlan");
    set_link(&job->arena, bridge, "route_localnet");
    (void)!file_append(
        arena_printf(&job->arena, "/proc/sys/net/ipv4/conf/%.*s/send_redirects", STR_ARGS(bridge)),
        STR("0"), 0600);
    rc = link_isolate(host_end);
    if (rc != 0)
        LOG_WARN("agent.not_isolated", LOG_STR("interface", host_end),
                 LOG_CSTR("reason", strerrordesc_np(-rc)));
    return rc == 0;
}

static void admitted(void *user, const struct command_result *result)
{
    struct hostnet *hostnet = user;

    hostnet->admitting = NULL;
    if (!command_did_well(result))
        LOG_DEBUG("agent.not_admitted", LOG_STR("reason", str_take(result->err, 200)));
}

// Docker drops what is forwarded and not its own; this chain is where it wants exceptions.
void hostnet_admit(struct hostnet *hostnet)
{
    static const char script[] =
        "for way in -i -o; do iptables -w 5 -C DOCKER-USER $way \"$1\" -j ACCEPT 2>/dev/null || "
        "iptables -w 5 -I DOCKER-USER $way \"$1\" -j ACCEPT || exit 1; done";
    const char *argv[] = {"sh", "-c", script, "sh", NULL, NULL};
    struct command_spec spec = {.argv = argv, .output_max = PROC_MAX, .patience_ms = ADMIT_MS};

    if (hostnet->config.config->network_bridge.len == 0 || hostnet->admitting != NULL)
        return;
    argv[4] = str_cstr(&hostnet->arena, hostnet->config.config->network_bridge);
    if (command_start(hostnet->config.loop, &spec, admitted, hostnet, &hostnet->admitting) != 0)
        hostnet->admitting = NULL;
}

// ---- a call

static void job_free(struct job *job)
{
    list_remove(&job->in_hostnet);
    loop_job_cancel(&job->finish);
    cni_cancel(job->cni_call);
    rules_forget(job->rules_wish);
    arena_deinit(&job->arena);
    mem_free(job);
}

static void finish(void *user)
{
    struct job *job = user;
    struct host_call_error error = {0};
    struct host_result result = {0};
    hostnet_answer_fn *fn = job->fn;

    SET(&result, token, job->token);
    SET(&result, kind, job->kind);
    if (job->why.len > 0) {
        SET(&error, class, HOST_ERROR_CLASS_OTHER);
        SET(&error, text, job->why);
        SET(&result, error, &error);
    } else if (job->found != NULL) {
        SET(&result, network, job->found);
    }
    fn(job->user, &result);
    job_free(job);
}

static void fail(struct job *job, struct str why)
{
    job->why = str_copy(&job->arena, why);
    loop_defer(job->hostnet->config.loop, &job->finish);
}

// So that the host's name, which many programs look up, leads to the address.
static void note_hostname(struct job *job)
{
    const struct host_network_wish *wish = job->wish;
    struct str line = str_fmt(&job->arena, "%.*s\t%.*s\n", STR_ARGS(job->found->address),
                              STR_ARGS(wish->hostname));
    int rc;

    if (wish->hosts_path.len == 0 || wish->hostname.len == 0)
        return;
    rc = file_append(str_cstr(&job->arena, wish->hosts_path), line, 0644);
    if (rc != 0)
        LOG_WARN("agent.hosts_file", LOG_STR("path", wish->hosts_path),
                 LOG_CSTR("reason", strerrordesc_np(-rc)));
}

static void rules_in_force(void *user, struct str why)
{
    struct job *job = user;

    job->rules_wish = NULL;
    if (why.len > 0) {
        fail(job, why);
        return;
    }
    note_hostname(job);
    loop_defer(job->hostnet->config.loop, &job->finish);
}

static void added(void *user, const struct cni_answer *answer)
{
    struct job *job = user;
    struct hostnet *hostnet = job->hostnet;

    job->cni_call = NULL;
    if (!answer->did_well) {
        fail(job, answer->text);
        return;
    }
    if (!isolate(job, answer->host_end)) {
        fail(job, STR("the interface cannot be isolated from its neighbours"));
        return;
    }
    job->found = shape_copy(&job->arena, &host_network_shape, &answer->network);
    add_member(hostnet, job->wish->task, job->found->address, job->wish->security_groups);
    put_plan(hostnet);
    job->rules_wish = rules_apply(hostnet->config.rules, rules_in_force, job);
}

static void make(struct job *job)
{
    job->cni_call = cni_add(job->hostnet->cni, job->wish->task, job->wish->pid, ADD_MS, added, job);
}

static void cleared(void *user, const struct cni_answer *answer)
{
    struct job *job = user;

    job->cni_call = NULL;
    if (answer->did_well)
        make(job);
    else
        fail(job, answer->text);
}

// A process id may by now be another's; its control group names the container it belongs to.
static bool is_process_of(struct arena *arena, int32_t pid, struct str container)
{
    BUF_AUTO struct buf text = BUF_INIT;

    return pid > 0 &&
           file_read(arena_printf(arena, "/proc/%d/cgroup", (int)pid), PROC_MAX, &text) == 0 &&
           memmem(text.ptr + text.start, buf_len(&text), container.ptr, container.len) != NULL;
}

static const struct str *unknown_group(const struct hostnet *hostnet,
                                       const struct host_network_wish *wish)
{
    for (size_t i = 0; i < wish->security_groups.n; i++) {
        if (groups_find(&hostnet->groups, wish->security_groups.at[i]) == NULL)
            return &wish->security_groups.at[i];
    }
    return NULL;
}

static void begin_up(struct job *job)
{
    const struct host_network_wish *wish = job->wish;
    const struct str *unknown = unknown_group(job->hostnet, wish);

    if (unknown != NULL)
        fail(job,
             str_fmt(&job->arena, "The security group '%.*s' does not exist", STR_ARGS(*unknown)));
    else if (!is_process_of(&job->arena, wish->pid, wish->container))
        fail(job, STR("the pause container's process is gone"));
    else if (cni_has_note(job->hostnet->cni, wish->task)) // what an addition had made when it died
        job->cni_call =
            cni_remove(job->hostnet->cni, wish->task, wish->pid, REMOVE_MS, cleared, job);
    else
        make(job);
}

static void removed(void *user, const struct cni_answer *answer)
{
    struct job *job = user;

    job->cni_call = NULL;
    if (!answer->did_well) {
        fail(job, answer->text);
        return;
    }
    drop_member(find_member(job->hostnet, job->wish->task));
    put_plan(job->hostnet);
    rules_apply(job->hostnet->config.rules, NULL, NULL); // nobody waits for a rule less
    finish(job);
}

static void begin_down(struct job *job)
{
    const struct host_network_wish *wish = job->wish;
    bool lives = is_process_of(&job->arena, wish->pid, wish->container);

    job->cni_call =
        cni_remove(job->hostnet->cni, wish->task, lives ? wish->pid : 0, REMOVE_MS, removed, job);
}

void hostnet_call(struct hostnet *hostnet, const struct host_call *call, hostnet_answer_fn *fn,
                  void *user)
{
    struct job *job = mem_zalloc(sizeof *job);

    job->hostnet = hostnet;
    job->token = call->token;
    job->kind = call->kind;
    job->wish = shape_copy(&job->arena, &host_network_wish_shape, call->network);
    job->fn = fn;
    job->user = user;
    loop_job_init(&job->finish, finish, job);
    list_push_back(&hostnet->jobs, &job->in_hostnet);
    if (call->kind == HOST_CALL_KIND_NETWORK_UP)
        begin_up(job);
    else
        begin_down(job);
}

void hostnet_cancel(struct hostnet *hostnet, int64_t token)
{
    LIST_EACH_SAFE (&hostnet->jobs, it) {
        struct job *job = LIST_ENTRY(it, struct job, in_hostnet);

        if (job->token == token)
            job_free(job);
    }
}

// ---- groups

static bool read_groups(struct hostnet *hostnet, struct str *out_why)
{
    const char *path = hostnet->config.config->groups_file;
    struct arena *arena = mem_zalloc(sizeof *arena);
    struct groups groups = {0};
    struct str detail = STR_NONE;

    if (path != NULL && groups_read(path, arena, &groups, &detail) != 0) {
        *out_why = str_fmt(&hostnet->arena, "%s: %.*s", path, STR_ARGS(detail));
        arena_deinit(arena);
        mem_free(arena);
        return false;
    }
    if (hostnet->groups_arena != NULL)
        arena_deinit(hostnet->groups_arena);
    mem_free(hostnet->groups_arena);
    hostnet->groups_arena = arena;
    hostnet->groups = groups;
    return true;
}

void hostnet_reload(struct hostnet *hostnet)
{
    struct str why = STR_NONE;

    if (!read_groups(hostnet, &why)) {
        LOG_ERROR("agent.groups_refused", LOG_STR("reason", why));
        return;
    }
    LOG_INFO("agent.groups_read", LOG_INT("groups", (int64_t)hostnet->groups.n));
    put_plan(hostnet);
    rules_apply(hostnet->config.rules, NULL, NULL);
}

// ---- beginning

static void left_over_removed(void *user, const struct cni_answer *answer)
{
    (void)user;
    if (!answer->did_well)
        LOG_WARN("agent.network_left", LOG_STR("reason", answer->text));
}

static bool is_known(const struct engine_network_list *known, struct str id)
{
    for (size_t i = 0; i < known->n; i++) {
        if (str_eq(known->at[i].task, id))
            return true;
    }
    return false;
}

void hostnet_begin(struct hostnet *hostnet, const struct engine_network_list *known)
{
    struct arena scratch = ARENA_INIT;
    struct str_list notes = cni_notes(hostnet->cni, &scratch);

    for (size_t i = 0; i < notes.n; i++) {
        if (is_known(known, notes.at[i]))
            continue;
        LOG_WARN("agent.network_found", LOG_STR("task", notes.at[i]));
        cni_remove(hostnet->cni, notes.at[i], 0, REMOVE_MS, left_over_removed, hostnet);
    }
    for (size_t i = 0; i < known->n; i++) {
        if (known->at[i].network != NULL)
            add_member(hostnet, known->at[i].task, known->at[i].network->address,
                       known->at[i].groups);
    }
    put_plan(hostnet);
    rules_apply(hostnet->config.rules, NULL, NULL);
    arena_deinit(&scratch);
}

static void tell_ready(struct hostnet *hostnet, struct str why)
{
    hostnet_ready_fn *ready = hostnet->ready;

    hostnet->ready = NULL;
    ready(hostnet->user, why);
}

static void refuse(void *user)
{
    struct hostnet *hostnet = user;

    tell_ready(hostnet, hostnet->why_not);
}

// The rules of an earlier agent are replaced only when the engine has said what runs
// (hostnet_begin); that nft works at all is found out with a table of another name.
static void tried(void *user, const struct command_result *result)
{
    struct hostnet *hostnet = user;

    hostnet->admitting = NULL;
    tell_ready(hostnet, command_did_well(result)
                            ? STR_NONE
                            : str_fmt(&hostnet->arena, "nftables cannot be used: %.*s",
                                      STR_ARGS(str_trim(str_take(result->err, 200)))));
    if (command_did_well(result))
        hostnet_admit(hostnet);
}

static bool read_list(struct hostnet *hostnet, struct str *out_list, struct str *out_why)
{
    const struct agent_config *config = hostnet->config.config;
    BUF_AUTO struct buf text = BUF_INIT;
    int rc;

    if (config->cni_file == NULL) {
        *out_list = cni_bridge_list(&hostnet->arena, config->network_bridge, config->network_pool,
                                    config->network_gateway,
                                    str_fmt(&hostnet->arena, "%s/cni", config->data_dir));
        return true;
    }
    rc = file_read(config->cni_file, LIST_MAX, &text);
    if (rc != 0) {
        *out_why =
            str_fmt(&hostnet->arena, "cannot read %s: %s", config->cni_file, strerrordesc_np(-rc));
        return false;
    }
    *out_list = str_copy(&hostnet->arena, buf_str(&text));
    return true;
}

static bool open_parts(struct hostnet *hostnet, struct str *out_why)
{
    const struct agent_config *config = hostnet->config.config;
    struct cni_config cni = {
        .loop = hostnet->config.loop,
        .plugins = config->cni_plugins,
        .folder = arena_printf(&hostnet->arena, "%s/cni", config->data_dir),
    };
    const char *argv[] = {"nft", "-f", "-", NULL};
    struct command_spec trial = {
        .argv = argv,
        .input = STR("add table ip gantry-trial\ndelete table ip gantry-trial\n"),
        .output_max = PROC_MAX,
        .patience_ms = ADMIT_MS,
    };

    *out_why = STR("only root can make networks");
    if (geteuid() != 0 || !read_list(hostnet, &cni.list, out_why))
        return false;
    hostnet->cni = cni_open(&cni, &hostnet->arena, out_why);
    if (hostnet->cni == NULL || !read_groups(hostnet, out_why))
        return false;
    *out_why = STR("the kernel does not let packets be forwarded");
    if (!set_kernel("/proc/sys/net/ipv4/ip_forward"))
        return false;
    *out_why = STR("nft is not installed");
    return command_start(hostnet->config.loop, &trial, tried, hostnet, &hostnet->admitting) == 0;
}

struct hostnet *hostnet_open(const struct hostnet_config *config, hostnet_ready_fn *ready,
                             void *user)
{
    struct hostnet *hostnet = mem_zalloc(sizeof *hostnet);

    hostnet->config = *config;
    hostnet->ready = ready;
    hostnet->user = user;
    list_init(&hostnet->members);
    list_init(&hostnet->jobs);
    loop_job_init(&hostnet->refuse, refuse, hostnet);
    if (!open_parts(hostnet, &hostnet->why_not)) {
        hostnet->admitting = NULL;
        loop_defer(config->loop, &hostnet->refuse);
    }
    return hostnet;
}

void hostnet_close(struct hostnet *hostnet)
{
    if (hostnet == NULL)
        return;
    loop_job_cancel(&hostnet->refuse);
    command_cancel(hostnet->admitting);
    LIST_EACH_SAFE (&hostnet->jobs, it)
        job_free(LIST_ENTRY(it, struct job, in_hostnet));
    LIST_EACH_SAFE (&hostnet->members, it)
        drop_member(LIST_ENTRY(it, struct member, in_hostnet));
    cni_close(hostnet->cni);
    if (hostnet->groups_arena != NULL)
        arena_deinit(hostnet->groups_arena);
    mem_free(hostnet->groups_arena);
    mem_free(hostnet->tasks);
    arena_deinit(&hostnet->arena);
    mem_free(hostnet);
}
