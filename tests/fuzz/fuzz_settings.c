// Input: a line with the word agent, keys or server, then the text of a file: ecs.config, an AWS
// credentials file as clients read it, or the same as the server reads it. The file is never on
// disk: meson links the target with file_read and file_exists replaced by those below.

#include "fuzz_settings.h"
#include "agent/config.h"
#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"
#include "fuzz.h"

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
    else
        try_agent(&arena);
    arena_reset(&arena);
    return 0;
}
