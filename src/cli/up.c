// gantry up: one machine. A server and an agent as child processes, started again when they fail,
// with a Docker Engine of our own when none answers.
//
// The parent does nothing but watch: what must be right is in the children, and a crash of one is a
// line in the log and a restart. The private Docker Engine runs in a session of its own and
// outlives us, so that running tasks never depend on this process; the next start finds it by its
// socket.
//
// Until everything has answered once, nothing is started again: a server or an engine that ends by
// itself has said why, and would say it again. A start that fails leaves nothing behind, the engine
// included.
//
// Refused: a second `gantry up` on one data folder (up.lock), an address that is taken.

#include <signal.h>
#include <unistd.h>

#include "agent/agent.h"
#include "base/arena.h"
#include "base/log.h"
#include "cli/agent_options.h"
#include "cli/detach.h"
#include "cli/docker_host.h"
#include "cli/server_options.h"
#include "client/client.h"
#include "client/http.h"
#include "io/clock.h"
#include "io/file.h"
#include "io/loop.h"
#include "io/process.h"
#include "io/socket.h"

enum {
    RESTART_FIRST_MS = 500,
    RESTART_MAX_MS = 30 * 1000,
    STEADY_MS = 60 * 1000,
    READY_MS = 60 * 1000,
    STOP_MS = 30 * 1000, // then children are killed
    ASK_MS = 2000,
    ARGV_MAX = 32
};

static const struct cli_option options[] = {
    {.name = "docker-socket",
     .value = "PATH",
     .help = "the Docker Engine (default: the one that answers)"},
    {.name = "detach", .letter = 'd', .help = "return once everything answers; log to DATA/up.log"},
    {.name = "print-data", .help = "print the data folder and do nothing else"},
    CLI_OPTIONS_TASK_NETWORKS,
    CLI_OPTIONS_SERVER,
    {0},
};

#define LAST_NOTE "up.pid" // the others are there when it is

struct up;

struct child {
    struct up *up;
    const char *name;
    const char *const *argv;
    bool own_session;
    struct process *process;
    struct loop_timer again;
    int64_t pause_ms;
    int64_t started_ms;
};

struct up {
    const struct cli_values *values;
    struct loop *loop;
    struct child docker;
    struct child server;
    struct child agent;
    struct loop_timer readiness;
    struct loop_timer patience;
    int64_t give_up_ms;
    const char *socket;
    struct str endpoint;
    bool announced; // everything has answered
    bool stopping;
    int status;
};

static void child_start(void *user);

static bool is_running(const struct child *child)
{
    return child->process != NULL;
}

// The engine goes on without us, unless it was for a start that failed.
static bool stops_with_us(const struct child *child)
{
    return is_running(child) && (child != &child->up->docker || !child->up->announced);
}

static void stop_if_nothing_runs(struct up *up)
{
    if (up->stopping && !stops_with_us(&up->server) && !stops_with_us(&up->agent) &&
        !stops_with_us(&up->docker))
        loop_stop(up->loop);
}

// The agent says by its status that starting it again is pointless, and so does a usage error.
static bool is_final(const struct child *child, struct process_end end)
{
    if (end.signal == 0 && (end.exit_code == EXIT_USAGE || end.exit_code == AGENT_EXIT_TERMINAL))
        return true;
    return !child->up->announced && child != &child->up->agent;
}

static void child_signal(struct child *child, int signo)
{
    int rc = stops_with_us(child) ? process_kill(child->process, signo) : 0;

    if (rc != 0)
        LOG_WARN("up.cannot_stop", LOG_CSTR("child", child->name),
                 LOG_CSTR("reason", strerrordesc_np(-rc)));
}

static void signal_all(struct up *up, int signo)
{
    child_signal(&up->agent, signo);
    child_signal(&up->server, signo);
    child_signal(&up->docker, signo);
}

static void lose_patience(void *user)
{
    LOG_WARN("up.killing", LOG_INT("after_ms", STOP_MS));
    signal_all(user, SIGKILL);
}

static void stop_all(struct up *up)
{
    up->stopping = true;
    loop_timer_stop(&up->server.again);
    loop_timer_stop(&up->agent.again);
    loop_timer_stop(&up->docker.again);
    loop_timer_stop(&up->readiness);
    if (!loop_timer_is_running(&up->patience))
        loop_timer_start(&up->patience, STOP_MS);
    signal_all(up, SIGTERM);
    stop_if_nothing_runs(up);
}

// Stops everything for a reason, which is the one line that says why this command failed.
static void give_up(struct up *up, struct str why)
{
    up->status = cli_fail(up->values, EXIT_FAILED, "%.*s", STR_ARGS(why));
    stop_all(up);
}

static void child_ended(void *user, struct process_end end)
{
    struct child *child = user;
    struct up *up = child->up;
    bool was_steady = clock_monotonic_ms() - child->started_ms >= STEADY_MS;

    process_free(child->process);
    child->process = NULL;
    if (up->stopping) {
        stop_if_nothing_runs(up);
        return;
    }
    if (is_final(child, end)) {
        give_up(up, str_fmt(up->values->arena, "%s ended with %s %d; what it wrote says why",
                            child->name, end.signal != 0 ? "signal" : "status",
                            end.signal != 0 ? end.signal : end.exit_code));
        return;
    }
    LOG_WARN("up.child_ended", LOG_CSTR("child", child->name), LOG_INT("exit", end.exit_code),
             LOG_INT("signal", end.signal));
    if (was_steady)
        child->pause_ms = RESTART_FIRST_MS;
    loop_timer_start(&child->again, child->pause_ms);
    child->pause_ms = child->pause_ms * 2 < RESTART_MAX_MS ? child->pause_ms * 2 : RESTART_MAX_MS;
}

static void child_start(void *user)
{
    struct child *child = user;
    struct process_spec spec = {
        .argv = child->argv,
        .stdin_fd = -1,
        .stdout_fd = STDOUT_FILENO,
        .stderr_fd = STDERR_FILENO,
        .own_session = child->own_session,
    };
    int rc;

    child->started_ms = clock_monotonic_ms();
    rc = process_spawn(child->up->loop, &spec, child_ended, child, &child->process);
    if (rc == 0)
        return;
    child->process = NULL;
    give_up(child->up, str_fmt(child->up->values->arena, "cannot start %s: %s", child->name,
                               strerrordesc_np(-rc)));
}

static void child_init(struct up *up, struct child *child, const char *name,
                       const char *const *argv)
{
    *child = (struct child){.up = up, .name = name, .argv = argv, .pause_ms = RESTART_FIRST_MS};
    loop_timer_init(&child->again, up->loop, child_start, child);
}

static const char *own_path(struct arena *arena)
{
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path);

    return n > 0 ? str_cstr(arena, str_span(path, (size_t)n)) : "gantry";
}

// Adds the flags among `names` that were set, by whatever way.
static size_t pass_on(const struct up *up, const char *const *names, const char **argv, size_t n)
{
    for (; *names != NULL; names++) {
        const char *value = cli_value(up->values, *names);
        if (value != NULL)
            argv[n++] = arena_printf(up->values->arena, "--%s=%s", *names, value);
    }
    return n;
}

static const char *const server_flags[] = {"listen",
                                           "region",
                                           "account",
                                           "auth",
                                           "tls-cert",
                                           "tls-key",
                                           "log-level",
                                           "log-format",
                                           "stopped-task-retention",
                                           "stopped-tasks-kept",
                                           "max-connections",
                                           "scaling",
                                           "lifecycle-hooks",
                                           "alarms",
                                           "roles",
                                           "events-kept",
                                           "events-retention",
                                           "events-webhook",
                                           "usage-tasks",
                                           "metrics-tasks",
                                           "exec-idle",
                                           "store",
                                           NULL};

static const char *const agent_flags[] = {"awsvpc-pool",
                                          "awsvpc-bridge",
                                          "awsvpc-gateway",
                                          "awsvpc-direct",
                                          "awsvpc-dns",
                                          "awsvpc-no-masquerade",
                                          "cni-config",
                                          "cni-plugins",
                                          "security-groups",
                                          "fargate",
                                          NULL};

static const char *const *server_argv(struct up *up)
{
    const char **argv = arena_array(up->values->arena, const char *, ARGV_MAX);
    size_t n = 0;

    argv[n++] = own_path(up->values->arena);
    argv[n++] = "server";
    argv[n++] = arena_printf(up->values->arena, "--data=%s", cli_data_dir(up->values));
    pass_on(up, server_flags, argv, n);
    return argv;
}

static const char *const *agent_argv(struct up *up)
{
    struct arena *arena = up->values->arena;
    const char **argv = arena_array(arena, const char *, ARGV_MAX);
    size_t n = 0;

    argv[n++] = own_path(arena);
    argv[n++] = "agent";
    argv[n++] = arena_printf(arena, "--data=%s", cli_data_dir(up->values));
    argv[n++] = arena_printf(arena, "--endpoint=%.*s", STR_ARGS(up->endpoint));
    argv[n++] = arena_printf(arena, "--region=%s", cli_value(up->values, "region"));
    argv[n++] = arena_printf(arena, "--docker-socket=%s", up->socket);
    argv[n++] = arena_printf(arena, "--credentials=%s/credentials", cli_data_dir(up->values));
    argv[n++] = arena_printf(arena, "--log-level=%s", cli_value(up->values, "log-level"));
    argv[n++] = arena_printf(arena, "--log-format=%s", cli_value(up->values, "log-format"));
    if (cli_value(up->values, "tls-cert") != NULL)
        argv[n++] = "--insecure"; // it is our own certificate, on our own machine
    pass_on(up, agent_flags, argv, n);
    return argv;
}

// A host of FARGATE is in no list; that an agent is connected is all that can be seen.
static bool agent_is_there(struct up *up)
{
    static const char gauge[] = "\ngantry_agents_connected{channel=\"acs\"} ";
    struct arena scratch = ARENA_INIT;
    struct client_http_request request = {.method = "GET", .timeout_ms = ASK_MS, .insecure = true};
    struct client_http_reply reply = {0};
    const char *found = NULL;
    struct str why;
    bool yes;

    request.url = arena_printf(&scratch, "%.*s/metrics", STR_ARGS(up->endpoint));
    if (client_http(&scratch, &request, &reply, &why) == 0 && reply.status == 200)
        found = strstr(str_cstr(&scratch, reply.body), gauge);
    yes = found != NULL && found[sizeof gauge - 1] != '0';
    arena_deinit(&scratch);
    return yes;
}

static bool server_is_healthy(struct up *up)
{
    struct arena scratch = ARENA_INIT;
    struct client_http_request request = {.method = "GET", .timeout_ms = ASK_MS, .insecure = true};
    struct client_http_reply reply = {0};
    struct str why;
    bool yes;

    request.url = arena_printf(&scratch, "%.*s/healthz", STR_ARGS(up->endpoint));
    yes = client_http(&scratch, &request, &reply, &why) == 0 && reply.status == 200;
    arena_deinit(&scratch);
    return yes;
}

// Whether the agent is connected to the cluster `default`. The keys are the server's own, not those
// that the environment may hold for another; without authentication there are none.
static bool instance_is_there(struct up *up)
{
    struct client_options how = {
        .endpoint = up->endpoint,
        .region = cli_text(up->values, "region"),
        .insecure = true,
        .attempts = 1,
        .timeout_ms = ASK_MS,
    };
    struct arena scratch = ARENA_INIT;
    struct ecs_list_container_instances_request in = {0};
    struct ecs_list_container_instances_response out = {0};
    struct client_error error;
    struct client *client;
    bool yes;

    credentials_of_server(&scratch, cli_data_dir(up->values), &how.credentials);
    client = client_new(&how);
    SET(&in, filter, STR("agentConnected == true"));
    yes = client_call(client, &scratch, ECS_OPERATION_LIST_CONTAINER_INSTANCES, &in, &out,
                      &error) == 0 &&
          out.container_instance_arns.n > 0;
    client_free(client);
    arena_deinit(&scratch);
    return yes;
}

static const char *note_path(const struct up *up, const char *name)
{
    return arena_printf(up->values->arena, "%s/%s", cli_data_dir(up->values), name);
}

// Where the other commands find the server and the engine.
static bool write_note(struct up *up, const char *name, struct str text)
{
    const char *path = note_path(up, name);
    struct str line = str_fmt(up->values->arena, "%.*s\n", STR_ARGS(text));
    int rc = file_write_atomic(path, line, 0600);

    if (rc != 0)
        give_up(up, str_fmt(up->values->arena, "cannot write %s: %s", path, strerrordesc_np(-rc)));
    return rc == 0;
}

static void announce(const struct up *up)
{
    printf("Gantry is up: %.*s, cluster \"default\", data in %s\n", STR_ARGS(up->endpoint),
           cli_data_dir(up->values));
    printf("In another shell:  eval \"$(gantry env --data %s)\"  then  aws ecs list-clusters\n",
           cli_data_dir(up->values));
    fflush(stdout);
}

// Step by step: the engine answers, then the server, then the agent's instance is connected.
static bool is_ready(struct up *up)
{
    if (is_running(&up->docker) && !docker_host_answers(up->socket))
        return false;
    if (!is_running(&up->server) && !loop_timer_is_running(&up->server.again))
        child_start(&up->server);
    if (!server_is_healthy(up))
        return false;
    if (!is_running(&up->agent) && !loop_timer_is_running(&up->agent.again))
        child_start(&up->agent);
    return cli_value(up->values, "fargate") != NULL ? agent_is_there(up) : instance_is_there(up);
}

static void check_readiness(void *user)
{
    struct up *up = user;

    if (is_ready(up)) {
        up->announced = write_note(up, "docker-socket", str_of(up->socket)) &&
                        write_note(up, "endpoint", up->endpoint) &&
                        write_note(up, LAST_NOTE, str_fmt(up->values->arena, "%d", getpid()));
        if (up->announced)
            announce(up);
        return;
    }
    if (up->stopping)
        return;
    loop_timer_start(&up->readiness, 100);
    if (clock_monotonic_ms() > up->give_up_ms)
        give_up(up,
                str_fmt(up->values->arena, "not everything answered within %d s", READY_MS / 1000));
}

static void on_signal(void *user, int signo)
{
    (void)signo;
    stop_all(user);
}

// The engine that answers, or one of our own, which is started. False: said why.
static bool choose_docker(struct up *up)
{
    const char *const *argv;

    up->socket = docker_host_socket(up->values);
    if (up->socket == NULL)
        return cli_refuse(up->values, "DOCKER_HOST is not a unix:// socket; unset it, or name one "
                                      "with --docker-socket");
    if (docker_host_answers(up->socket))
        return true;
    if (cli_value(up->values, "docker-socket") != NULL)
        return cli_refuse(up->values, "no Docker Engine answers at %s", up->socket);
    up->socket = DOCKER_HOST_USUAL;
    if (docker_host_answers(up->socket))
        return true;
    up->socket = docker_host_own_socket(up->values);
    if (docker_host_answers(up->socket))
        return true;
    argv = docker_host_own_argv(up->values);
    if (argv == NULL)
        return false;
    child_init(up, &up->docker, "dockerd", argv);
    up->docker.own_session = true;
    child_start(&up->docker);
    return !up->stopping;
}

// Asked before anything is started: a server that is already there would pass for ours.
static bool address_is_free(struct up *up)
{
    struct socket_address address;
    struct str host;
    uint16_t port;
    int fd = -1;
    int rc = -EINVAL;

    if (socket_split(cli_text(up->values, "listen"), &host, &port) &&
        socket_address_ip(host, port, &address))
        rc = socket_listen(&address, 1, &fd);
    fd_close(&fd);
    return rc == 0 ||
           cli_refuse(up->values, "cannot listen on %s: %s%s", cli_value(up->values, "listen"),
                      strerrordesc_np(-rc),
                      rc == -EADDRINUSE ? "; stop what listens there, or choose with --listen"
                                        : "");
}

static bool lock_folder(const struct cli_values *values, int *out_fd)
{
    const char *folder = cli_data_dir(values);
    int rc = file_make_folders(folder);

    if (rc == 0)
        rc = file_lock(arena_printf(values->arena, "%s/up.lock", folder), out_fd);
    if (rc == -EWOULDBLOCK)
        return cli_refuse(values, "another 'gantry up' is using the data folder %s", folder);
    return rc == 0 ||
           cli_refuse(values, "cannot use the data folder %s: %s", folder, strerrordesc_np(-rc));
}

static void watch(struct up *up)
{
    child_init(up, &up->server, "server", server_argv(up));
    child_init(up, &up->agent, "agent", agent_argv(up));
    up->give_up_ms = clock_monotonic_ms() + READY_MS;
    loop_timer_start(&up->readiness, 0);
    loop_run(up->loop);
}

// By nohup(1), say: a terminal that goes is then no reason to stop.
static bool hang_up_is_ignored(void)
{
    struct sigaction action;

    return sigaction(SIGHUP, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

static int serve(struct up *up)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    enum { SIGNALS_N = sizeof signals / sizeof *signals };
    struct loop_signal watches[SIGNALS_N] = {0};

    if (loop_open(&up->loop) != 0)
        return cli_fail(up->values, EXIT_FAILED, "no event loop");
    for (size_t i = 0; i < SIGNALS_N; i++) {
        if (signals[i] == SIGHUP && hang_up_is_ignored())
            continue;
        if (loop_signal_init(&watches[i], up->loop, signals[i], on_signal, up) != 0)
            return cli_fail(up->values, EXIT_FAILED, "signals cannot be waited for");
    }
    loop_timer_init(&up->readiness, up->loop, check_readiness, up);
    loop_timer_init(&up->patience, up->loop, lose_patience, up);
    if (choose_docker(up))
        watch(up);
    else
        up->status = EXIT_FAILED;
    loop_timer_stop(&up->patience);
    process_free(up->docker.process); // goes on by itself
    for (size_t i = 0; i < SIGNALS_N; i++)
        loop_signal_deinit(&watches[i]);
    loop_close(up->loop);
    return up->status;
}

// The endpoint clients use: a wildcard address is reached through loopback. Empty: the port is not
// known beforehand.
static struct str endpoint_of(const struct cli_values *values)
{
    struct str host;
    uint16_t port;

    if (!socket_split(cli_text(values, "listen"), &host, &port) || port == 0)
        return STR_NONE;
    if (str_eq(host, STR("0.0.0.0")) || str_eq(host, STR("::")))
        host = STR("127.0.0.1");
    return str_fmt(values->arena, str_has_char(host, ':') ? "%s://[%.*s]:%u" : "%s://%.*s:%u",
                   cli_value(values, "tls-cert") != NULL ? "https" : "http", STR_ARGS(host), port);
}

// It says so itself, when everything has answered.
static bool detached_is_up(void *user)
{
    return file_exists(note_path(user, LAST_NOTE));
}

// The same command without --detach, whatever the environment or the configuration says of it.
static int detach(struct up *up)
{
    struct arena *arena = up->values->arena;
    const char *const *server = server_argv(up);
    const char **argv = arena_array(arena, const char *, 2 * ARGV_MAX);
    struct detach_spec spec = {
        .argv = argv,
        .log = arena_printf(arena, "%s/up.log", cli_data_dir(up->values)),
        .patience_ms = READY_MS + STOP_MS, // the child loses its own first, and says why
        .is_up = detached_is_up,
        .user = up,
    };
    size_t n = 0;
    int status;

    for (; server[n] != NULL; n++)
        argv[n] = server[n];
    argv[1] = "up";
    n = pass_on(up, agent_flags, argv, n);
    argv[n++] = "--detach=false";
    if (cli_value(up->values, "docker-socket") != NULL)
        argv[n++] =
            arena_printf(arena, "--docker-socket=%s", cli_value(up->values, "docker-socket"));
    status = detach_run(up->values, &spec);
    if (status == EXIT_DONE)
        announce(up);
    return status;
}

static int run(const struct cli_values *values)
{
    struct up up = {.values = values, .endpoint = endpoint_of(values), .status = EXIT_DONE};
    struct server_options checked;
    FD_AUTO int lock = -1;

    if (cli_switch(values, "print-data")) {
        puts(cli_data_dir(values));
        return EXIT_DONE;
    }
    if (!cli_configure_log(values) || !cli_server_options(values, &checked))
        return EXIT_USAGE;
    if (up.endpoint.len == 0)
        return cli_fail(values, EXIT_USAGE, "--listen needs a port of its own");
    if (!lock_folder(values, &lock) || !address_is_free(&up))
        return EXIT_FAILED;
    if (cli_switch(values, "detach")) {
        if (file_remove(note_path(&up, LAST_NOTE)) != 0) // an earlier one's
            return cli_fail(values, EXIT_FAILED, "cannot remove %s", note_path(&up, LAST_NOTE));
        fd_close(&lock);
        return detach(&up);
    }
    setenv(CLI_SUPERVISOR, arena_printf(values->arena, "%d", getpid()), 1);
    return serve(&up);
}

const struct cli_command cli_up = {
    .name = "up",
    .summary = "run everything on this machine: server, agent, and Docker if none answers",
    .details =
        "Starts a control plane and an agent that joins its cluster \"default\", and starts them\n"
        "again when they fail. Uses the Docker Engine that answers; when none does (and it runs "
        "as\n"
        "root) it starts a private one under DATA/docker, which goes on after this command ends, "
        "as\n"
        "running tasks do. SIGTERM or Ctrl-C stops server and agent.",
    .options = options,
    .run = run,
};
