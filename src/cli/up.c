// gantry up: one machine. A server and an agent as child processes, started again when they fail,
// with a Docker Engine of our own when none answers.
//
// The parent does nothing but watch: what must be right is in the children, and a crash of one is a
// line in the log and a restart. The private Docker Engine runs in a session of its own and
// outlives us, so that running tasks never depend on this process; the next start finds it by its
// socket.

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "agent/agent.h"
#include "base/arena.h"
#include "base/log.h"
#include "cli/connect.h"
#include "cli/docker_host.h"
#include "cli/server_options.h"
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
    READY_MS = 60 * 1000
};

static const struct cli_option options[] = {
    {.name = "docker-socket",
     .value = "PATH",
     .help = "the Docker Engine (default: the one that answers)"},
    {.name = "detach", .letter = 'd', .help = "return once everything answers; log to DATA/up.log"},
    {.name = "print-data", .help = "print the data folder and do nothing else"},
    CLI_OPTIONS_SERVER,
    {0},
};

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
    int64_t give_up_ms;
    const char *socket;
    struct str endpoint;
    bool stopping;
    int status;
};

static void child_start(void *user);

static bool is_running(const struct child *child)
{
    return child->process != NULL;
}

static void stop_if_nothing_runs(struct up *up)
{
    if (up->stopping && !is_running(&up->server) && !is_running(&up->agent))
        loop_stop(up->loop);
}

// The agent says by its status that starting it again is pointless, and so does a usage error.
static bool is_final(struct process_end end)
{
    return end.signal == 0 && (end.exit_code == EXIT_USAGE || end.exit_code == AGENT_EXIT_TERMINAL);
}

static void child_terminate(struct child *child)
{
    int rc = is_running(child) ? process_kill(child->process, SIGTERM) : 0;

    if (rc != 0)
        LOG_WARN("up.cannot_stop", LOG_CSTR("child", child->name),
                 LOG_CSTR("reason", strerrordesc_np(-rc)));
}

static void stop_all(struct up *up)
{
    up->stopping = true;
    loop_timer_stop(&up->server.again);
    loop_timer_stop(&up->agent.again);
    loop_timer_stop(&up->docker.again);
    loop_timer_stop(&up->readiness);
    child_terminate(&up->agent);
    child_terminate(&up->server);
    stop_if_nothing_runs(up);
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
    LOG_WARN("up.child_ended", LOG_CSTR("child", child->name), LOG_INT("exit", end.exit_code),
             LOG_INT("signal", end.signal));
    if (is_final(end)) {
        up->status = EXIT_FAILED;
        stop_all(up);
        return;
    }
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
    LOG_ERROR("up.cannot_start", LOG_CSTR("child", child->name),
              LOG_CSTR("reason", strerrordesc_np(-rc)));
    child->up->status = EXIT_FAILED;
    stop_all(child->up);
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

// Passes on every server flag that was set, by whatever way.
static const char *const *server_argv(struct up *up)
{
    static const char *const passed[] = {"listen",
                                         "region",
                                         "account",
                                         "auth",
                                         "tls-cert",
                                         "tls-key",
                                         "log-level",
                                         "log-format",
                                         "stopped-task-retention",
                                         "max-connections",
                                         "store"};
    const char **argv = arena_array(up->values->arena, const char *, 32);
    size_t n = 0;

    argv[n++] = own_path(up->values->arena);
    argv[n++] = "server";
    argv[n++] = arena_printf(up->values->arena, "--data=%s", cli_data_dir(up->values));
    for (size_t i = 0; i < sizeof passed / sizeof *passed; i++) {
        const char *value = cli_value(up->values, passed[i]);
        if (value != NULL)
            argv[n++] = arena_printf(up->values->arena, "--%s=%s", passed[i], value);
    }
    return argv;
}

static const char *const *agent_argv(struct up *up)
{
    struct arena *arena = up->values->arena;
    const char **argv = arena_array(arena, const char *, 16);
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
    return argv;
}

static bool server_is_healthy(struct up *up)
{
    struct arena scratch = ARENA_INIT;
    struct client_http_request request = {.method = "GET", .timeout_ms = 2000, .insecure = true};
    struct client_http_reply reply = {0};
    struct str why;
    bool yes;

    request.url = arena_printf(&scratch, "%.*s/healthz", STR_ARGS(up->endpoint));
    yes = client_http(&scratch, &request, &reply, &why) == 0 && reply.status == 200;
    arena_deinit(&scratch);
    return yes;
}

// `gantry up` makes the cluster `default` and waits for the agent to be connected to it.
static bool instance_is_there(struct up *up)
{
    struct cli_connection connection = {
        .endpoint = up->endpoint, .region = cli_text(up->values, "region"), .insecure = true};
    struct arena scratch = ARENA_INIT;
    struct ecs_list_container_instances_request in = {0};
    struct ecs_list_container_instances_response out = {0};
    struct client_error error;
    struct client *client;
    bool yes;

    if (credentials_find(&scratch, cli_data_dir(up->values), &connection.credentials) != 0) {
        arena_deinit(&scratch);
        return false;
    }
    client = cli_connect(&connection);
    SET(&in, filter, STR("agentConnected == true"));
    yes = client_call(client, &scratch, ECS_OPERATION_LIST_CONTAINER_INSTANCES, &in, &out,
                      &error) == 0 &&
          out.container_instance_arns.n > 0;
    client_free(client);
    arena_deinit(&scratch);
    return yes;
}

static void announce(struct up *up)
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
    return instance_is_there(up);
}

static void check_readiness(void *user)
{
    struct up *up = user;

    if (is_ready(up)) {
        announce(up);
        return;
    }
    if (up->stopping)
        return;
    loop_timer_start(&up->readiness, 100);
    if (clock_monotonic_ms() > up->give_up_ms) {
        LOG_ERROR("up.not_ready", LOG_INT("after_ms", READY_MS));
        up->status = EXIT_FAILED;
        stop_all(up);
    }
}

static void on_signal(void *user, int signo)
{
    (void)signo;
    stop_all(user);
}

static bool choose_docker(struct up *up)
{
    const char *socket = docker_host_socket(up->values);
    const char *const *argv;

    up->socket = socket;
    if (socket != NULL && docker_host_answers(socket))
        return true;
    if (cli_value(up->values, "docker-socket") != NULL)
        return cli_refuse(up->values, "no Docker Engine answers at %s", socket);
    up->socket = docker_host_own_socket(up->values);
    if (docker_host_answers(up->socket))
        return true;
    argv = docker_host_own_argv(up->values);
    if (argv == NULL)
        return false;
    child_init(up, &up->docker, "dockerd", argv);
    up->docker.own_session = true;
    child_start(&up->docker);
    return true;
}

static bool write_note(struct up *up, const char *name, struct str text)
{
    const char *path = arena_printf(up->values->arena, "%s/%s", cli_data_dir(up->values), name);
    struct str line = str_fmt(up->values->arena, "%.*s\n", STR_ARGS(text));
    int rc = file_write_atomic(path, line, 0600);

    return rc == 0 || cli_refuse(up->values, "cannot write %s: %s", path, strerrordesc_np(-rc));
}

static int serve(struct up *up)
{
    struct loop_signal terminate = {0};
    struct loop_signal interrupt = {0};

    if (loop_open(&up->loop) != 0 ||
        loop_signal_init(&terminate, up->loop, SIGTERM, on_signal, up) != 0 ||
        loop_signal_init(&interrupt, up->loop, SIGINT, on_signal, up) != 0)
        return cli_fail(up->values, EXIT_FAILED, "no event loop");
    loop_timer_init(&up->readiness, up->loop, check_readiness, up);
    if (choose_docker(up) && write_note(up, "docker-socket", str_of(up->socket)) &&
        write_note(up, "endpoint", up->endpoint)) {
        child_init(up, &up->server, "server", server_argv(up));
        child_init(up, &up->agent, "agent", agent_argv(up));
        up->give_up_ms = clock_monotonic_ms() + READY_MS;
        loop_timer_start(&up->readiness, 0);
        loop_run(up->loop);
    } else {
        up->status = EXIT_FAILED;
    }
    if (is_running(&up->docker))
        process_free(up->docker.process); // goes on by itself
    loop_signal_deinit(&terminate);
    loop_signal_deinit(&interrupt);
    loop_close(up->loop);
    return up->status;
}

// The endpoint clients use: a wildcard address is reached through loopback.
static struct str endpoint_of(const struct cli_values *values)
{
    struct str host;
    uint16_t port;

    if (!socket_split(cli_text(values, "listen"), &host, &port))
        return STR_NONE;
    if (str_eq(host, STR("0.0.0.0")) || str_eq(host, STR("::")))
        host = STR("127.0.0.1");
    return str_fmt(values->arena, str_has_char(host, ':') ? "%s://[%.*s]:%u" : "%s://%.*s:%u",
                   cli_value(values, "tls-cert") != NULL ? "https" : "http", STR_ARGS(host), port);
}

struct detached {
    struct loop *loop;
    struct process *process;
    bool ended;
};

static void detached_ended(void *user, struct process_end end)
{
    struct detached *watch = user;

    (void)end;
    watch->ended = true;
}

static bool detached_start(struct up *up, struct detached *watch, const char *const *argv,
                           const char *log)
{
    struct process_spec spec = {.argv = argv, .stdin_fd = -1, .own_session = true};
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    int rc;

    if (fd < 0)
        return cli_refuse(up->values, "cannot write %s: %s", log, strerrordesc_np(errno));
    spec.stdout_fd = fd;
    spec.stderr_fd = fd;
    rc = loop_open(&watch->loop);
    if (rc == 0)
        rc = process_spawn(watch->loop, &spec, detached_ended, watch, &watch->process);
    fd_close(&fd);
    return rc == 0 || cli_refuse(up->values, "cannot start: %s", strerrordesc_np(-rc));
}

// The same command without --detach, in a session of its own, watched until it answers or ends.
static int detach(struct up *up)
{
    const char *log = arena_printf(up->values->arena, "%s/up.log", cli_data_dir(up->values));
    const char *const *server = server_argv(up);
    const char **argv = arena_array(up->values->arena, const char *, 40);
    int64_t give_up_ms = clock_monotonic_ms() + READY_MS;
    struct detached watch = {.loop = NULL};
    size_t n = 0;

    while (server[n] != NULL) {
        argv[n] = server[n];
        n++;
    }
    argv[1] = "up";
    if (cli_value(up->values, "docker-socket") != NULL)
        argv[n++] = arena_printf(up->values->arena, "--docker-socket=%s",
                                 cli_value(up->values, "docker-socket"));
    if (!detached_start(up, &watch, argv, log))
        return EXIT_FAILED;
    while (!watch.ended && !instance_is_there(up) && clock_monotonic_ms() < give_up_ms)
        loop_run_once(watch.loop, 200);
    process_free(watch.process);
    loop_close(watch.loop);
    if (watch.ended || !instance_is_there(up))
        return cli_fail(up->values, EXIT_FAILED, "it did not come up; %s says why", log);
    announce(up);
    return EXIT_DONE;
}

static int run(const struct cli_values *values)
{
    struct up up = {.values = values, .endpoint = endpoint_of(values), .status = EXIT_DONE};
    struct server_options checked;
    int rc;

    if (cli_switch(values, "print-data")) {
        puts(cli_data_dir(values));
        return EXIT_DONE;
    }
    if (!cli_configure_log(values) || !cli_server_options(values, &checked))
        return EXIT_USAGE;
    if (up.endpoint.len == 0)
        return cli_fail(values, EXIT_USAGE, "--listen is HOST:PORT");
    rc = file_make_folders(cli_data_dir(values));
    if (rc != 0)
        return cli_fail(values, EXIT_FAILED, "cannot make %s: %s", cli_data_dir(values),
                        strerrordesc_np(-rc));
    if (cli_switch(values, "detach"))
        return detach(&up);
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
