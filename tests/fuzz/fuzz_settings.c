// Input: a line with the word agent, keys, server, groups or cni, then the text of a file:
// ecs.config, an AWS credentials file as clients read it, the same as the server reads it, security
// groups, or what CNI plugins are given and give. The file is never on
// disk: meson links the target with file_read and file_exists replaced by those below.

#include "fuzz_settings.h"
#include "agent/config.h"
#include "api/cni.h"
#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"
#include "fuzz.h"
#include "host/cni_text.h"
#include "host/nft.h"
#include "wire/codec.h"

static struct str contents;

int __wrap_file_read(const char *path, size_t limit, struct buf *out);
bool __wrap_file_exists(const char *path);

int __wrap_file_read(const char *path, size_t limit, struct buf *out)
{
    (void)path;
    if (contents.len > limit)
        return -EFBIG;
    buf_reserve(out, 1);
    buf_add_str(out, contents);
    return 0;
}

bool __wrap_file_exists(const char *path)
{
    (void)path;
    return true;
}

static const char *no_environment(const char *name)
{
    (void)name;
    return NULL;
}

static void check_agent(const struct agent_config *config)
{
    const struct engine_settings *engine = &config->engine;

    ASSERT(engine->port_first >= 1 && engine->port_first <= engine->port_last);
    ASSERT(engine->port_last <= UINT16_MAX);
    ASSERT(engine->stop_timeout_ms >= 1000);
    ASSERT(config->reserved_memory_mib >= 0);
    ASSERT(config->reserved_tcp.n == engine->reserved_tcp.n);
    for (size_t i = 0; i < engine->reserved_tcp.n; i++)
        ASSERT(engine->reserved_tcp.at[i] >= 1 && engine->reserved_tcp.at[i] <= UINT16_MAX);
    ASSERT(engine->cluster.len > 0 && engine->region.len > 0);
    ASSERT(config->data_dir != NULL);
}

static void try_agent(struct arena *arena)
{
    struct agent_options options = {0};
    struct agent_config config;
    struct str why = STR_NONE;

    if (config_load(arena, &options, no_environment, &config, &why) == 0)
        check_agent(&config);
    else
        ASSERT(why.len > 0);
}

// Every group on one task; what names no other side or no ports is no rule.
static void check_groups(struct arena *arena, const struct groups *groups)
{
    BUF_AUTO struct buf rules = BUF_INIT;
    struct nft_task task = {.address = STR("10.0.0.1")};
    struct nft_plan plan = {.tasks = &task, .tasks_n = 1, .groups = groups};

    task.groups.at = arena_array(arena, struct str, groups->n);
    for (size_t i = 0; i < groups->n; i++) {
        const struct group_rules *ingress = &groups->at[i].ingress;

        task.groups.at[task.groups.n++] = groups->at[i].id;
        for (size_t k = 0; k < ingress->n; k++) {
            ASSERT((ingress->at[k].cidr.len > 0) != (ingress->at[k].group.len > 0));
            ASSERT(ingress->at[k].port_first <= ingress->at[k].port_last);
        }
    }
    nft_write(&rules, &plan);
    ASSERT(buf_len(&rules) > 0);
}

static void try_groups(struct arena *arena)
{
    struct groups groups = {0};
    struct str why = STR_NONE;

    if (groups_parse(contents, arena, &groups, &why) == 0)
        check_groups(arena, &groups);
    else
        ASSERT(why.len > 0);
}

// What a plugin is given is its own part, whatever the list looks like.
static void try_cni(struct arena *arena)
{
    struct host_network network;
    struct cni_chain chain;
    struct str host_end;
    struct str why;

    if (cni_chain_result(arena, contents, &network, &host_end))
        ASSERT(network.address.len > 0);
    (void)cni_chain_failure(arena, STR("bridge"), contents, STR_NONE);
    if (!cni_chain_read(arena, contents, &chain, &why))
        return;
    ASSERT(chain.n > 0 && chain.n <= CNI_CHAIN_MAX);
    for (size_t i = 0; i < chain.n; i++) {
        struct str text = cni_chain_input(arena, &chain, i, STR("{}"));
        struct cni_plugin plugin = {0};
        struct codec_report report = {0};

        if (codec_decode(arena, &cni_plugin_shape, text, &codec_peer, &plugin, &report) == 0)
            ASSERT(str_eq(plugin.type, chain.links[i].type));
        else // a member that the list has, too
            ASSERT_SAY(report.path.len > 0 || report.message.len > 0, "%.*s", STR_ARGS(text));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena arena;
    struct str word;

    contents = fuzz_text(data, size);
    word = fuzz_line(&contents);
    if (str_eq(word, STR("keys")))
        fuzz_settings_client(contents);
    else if (str_eq(word, STR("server")))
        fuzz_settings_server(&arena);
    else if (str_eq(word, STR("groups")))
        try_groups(&arena);
    else if (str_eq(word, STR("cni")))
        try_cni(&arena);
    else
        try_agent(&arena);
    arena_reset(&arena);
    return 0;
}
