// The agent as a process: settings, signals, the data folder, one loop; what happens on it is
// life.c's. SIGTERM is heard at any point of the start-up, which never blocks.

#include "agent/agent.h"

#include "agent/config_unused.h"

#include <signal.h>

#include "agent/keeper.h"
#include "agent/life.h"
#include "base/arena.h"
#include "base/log.h"
#include "io/file.h"
#include "io/loop.h"
#include "io/process.h"
#include "store/sqlite.h"

enum { LEAVE_MS = 3000 };

struct agent {
    struct arena arena; // as long as the agent
    struct agent_config config;
    struct loop *loop;
    struct loop_signal terminate;
    struct loop_signal interrupt;
    struct loop_signal hang_up;
    struct store *store;
    struct life *life;
    int status;
    struct loop_timer patience; // with what is taken back at the end
    bool is_leaving;
};

static void stop(void *user, int status)
{
    struct agent *agent = user;

    agent->status = status;
    loop_stop(agent->loop);
}

static void left(void *user)
{
    stop(user, AGENT_EXIT_DONE);
}

static void on_signal(void *user, int signo)
{
    struct agent *agent = user;

    LOG_INFO("agent.stopping", LOG_INT("signal", signo));
    if (!agent->is_leaving && agent->life != NULL && life_leave(agent->life, left, agent)) {
        agent->is_leaving = true;
        loop_timer_start(&agent->patience, LEAVE_MS);
        return;
    }
    stop(agent, AGENT_EXIT_DONE);
}

static void on_hang_up(void *user, int signo)
{
    struct agent *agent = user;

    (void)signo;
    if (agent->life != NULL)
        life_reload(agent->life);
}

static bool open_store(struct agent *agent)
{
    const char *path = arena_printf(&agent->arena, "%s/agent.db", agent->config.data_dir);
    struct str detail = STR_NONE;
    int rc = store_open_sqlite(path, &life_schema, &agent->arena, &detail, &agent->store);

    if (rc == 0)
        return true;
    LOG_ERROR("agent.store", LOG_CSTR("path", path), LOG_CSTR("reason", store_outcome_text(rc)),
              LOG_STR("detail", detail));
    return false;
}

// Docker wants the absolute path of what it mounts.
static void place_metadata(struct agent *agent)
{
    char *path = agent->config.metadata_files ? realpath(agent->config.data_dir, NULL) : NULL;

    if (path != NULL)
        agent->config.engine.metadata_dir = str_fmt(&agent->arena, "%s/metadata", path);
    free(path);
}

static int start(struct agent *agent)
{
    struct life_config config = {
        .loop = agent->loop,
        .config = &agent->config,
        .driver = &runtime_docker,
        .host = &keeper_host,
        .ended = stop,
        .user = agent,
    };
    int rc = file_make_folders(agent->config.data_dir);

    if (rc != 0) {
        LOG_ERROR("agent.data", LOG_CSTR("path", agent->config.data_dir),
                  LOG_CSTR("reason", strerrordesc_np(-rc)));
        return AGENT_EXIT_FAILED;
    }
    agent->config.data_dir = file_whole_path(&agent->arena, agent->config.data_dir);
    agent->config.engine.data_dir = str_of(agent->config.data_dir);
    if (!open_store(agent))
        return AGENT_EXIT_FAILED;
    place_metadata(agent);
    config.store = agent->store;
    return life_start(&config, &agent->life);
}

static void finish(struct agent *agent)
{
    loop_timer_stop(&agent->patience);
    life_free(agent->life);
    store_close(agent->store);
    loop_signal_deinit(&agent->terminate);
    loop_signal_deinit(&agent->interrupt);
    loop_signal_deinit(&agent->hang_up);
}

static const char *environment_value(const char *name)
{
    return getenv(name);
}

int agent_run(const struct agent_options *options)
{
    struct agent agent = {0};
    struct str why = STR_NONE;

    if (config_load(&agent.arena, options, environment_value, &agent.config, &why) != 0) {
        fprintf(stderr, "gantry agent: %.*s\n", STR_ARGS(why));
        arena_deinit(&agent.arena);
        return AGENT_EXIT_USAGE;
    }
    process_raise_descriptors(); // what containers may open here must leave some for the engine
    for (size_t i = 0; i < agent.config.unused_n; i++)
        LOG_INFO("agent.setting_unused", LOG_CSTR("name", agent.config.unused[i]->name),
                 LOG_CSTR("reason", agent.config.unused[i]->why));
    if (loop_open(&agent.loop) != 0 ||
        loop_signal_init(&agent.terminate, agent.loop, SIGTERM, on_signal, &agent) != 0 ||
        loop_signal_init(&agent.interrupt, agent.loop, SIGINT, on_signal, &agent) != 0 ||
        loop_signal_init(&agent.hang_up, agent.loop, SIGHUP, on_hang_up, &agent) != 0) {
        fprintf(stderr, "gantry agent: no event loop\n");
        return AGENT_EXIT_FAILED;
    }
    loop_timer_init(&agent.patience, agent.loop, left, &agent);
    agent.status = start(&agent);
    if (agent.status == AGENT_EXIT_DONE)
        loop_run(agent.loop);
    finish(&agent);
    loop_close(agent.loop);
    arena_deinit(&agent.arena);
    return agent.status;
}
