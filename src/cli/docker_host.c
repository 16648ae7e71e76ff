// See docker_host.h. A private dockerd gets a bridge of its own name: two engines must not share
// docker0.

#include "cli/docker_host.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "io/file.h"

enum { ANSWER_WAIT_S = 5, SOCKET_PATH_MAX = 100 };

static const char bridge_name[] = "gantry0";
static const char bridge_address[] = "10.213.0.1/16";

const char *docker_host_own_socket(const struct cli_values *values)
{
    return arena_printf(values->arena, "%s/docker/docker.sock", cli_data_dir(values));
}

static const char *noted_socket(const struct cli_values *values)
{
    BUF_AUTO struct buf text = BUF_INIT;
    const char *path = arena_printf(values->arena, "%s/docker-socket", cli_data_dir(values));

    if (file_read(path, 4096, &text) != 0)
        return NULL;
    return str_cstr(values->arena, str_trim(buf_str(&text)));
}

const char *docker_host_socket(const struct cli_values *values)
{
    const char *given = cli_value(values, "docker-socket");
    const char *host = getenv("DOCKER_HOST");
    const char *noted;

    if (given != NULL)
        return given;
    if (host != NULL && host[0] != '\0')
        return str_starts(str_of(host), STR("unix://")) ? host + strlen("unix://") : NULL;
    noted = noted_socket(values);
    return noted != NULL ? noted : DOCKER_HOST_USUAL;
}

static bool asks_and_hears(int fd)
{
    static const char question[] = "GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n";
    char answer[16] = {0};

    if (send(fd, question, sizeof question - 1, MSG_NOSIGNAL) != (ssize_t)(sizeof question - 1))
        return false;
    return recv(fd, answer, sizeof answer - 1, MSG_WAITALL) > 12 &&
           memcmp(answer + 8, " 200", 4) == 0;
}

bool docker_host_answers(const char *socket_path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval patience = {.tv_sec = ANSWER_WAIT_S};
    int fd;
    bool yes;

    if (strlen(socket_path) >= sizeof address.sun_path)
        return false;
    memcpy(address.sun_path, socket_path, strlen(socket_path));
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    yes = connect(fd, (struct sockaddr *)&address, sizeof address) == 0 && asks_and_hears(fd);
    fd_close(&fd);
    return yes;
}

// Runs a program to its end; true when it exited 0.
static bool run_to_end(const char *const *argv)
{
    pid_t child = fork();
    int status;

    if (child < 0)
        return false;
    if (child == 0) {
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool make_bridge(void)
{
    const char *const add[] = {"ip", "link", "add", bridge_name, "type", "bridge", NULL};
    const char *const address[] = {"ip", "addr", "add", bridge_address, "dev", bridge_name, NULL};
    const char *const up[] = {"ip", "link", "set", bridge_name, "up", NULL};

    if (file_exists("/sys/class/net/gantry0"))
        return true;
    return run_to_end(add) && run_to_end(address) && run_to_end(up);
}

static bool in_path(struct arena *arena, const char *program)
{
    struct str rest = str_of(getenv("PATH"));
    struct str folder;

    while (rest.len > 0) {
        str_cut(rest, ':', &folder, &rest);
        if (access(arena_printf(arena, "%.*s/%s", STR_ARGS(folder), program), X_OK) == 0)
            return true;
    }
    return false;
}

const char *const *docker_host_own_argv(const struct cli_values *values)
{
    struct arena *arena = values->arena;
    const char *folder = arena_printf(arena, "%s/docker", cli_data_dir(values));
    const char *socket_path = docker_host_own_socket(values);
    const char **argv = arena_array(arena, const char *, 16);
    size_t n = 0;

    if (!in_path(arena, "dockerd")) {
        cli_refuse(values, "no Docker Engine answers and dockerd is not installed; install it "
                           "(Debian: apt-get install docker.io) and start again");
        return NULL;
    }
    if (geteuid() != 0) {
        cli_refuse(values,
                   "no Docker Engine answers and only root can start one; start Docker, or run "
                   "this as root");
        return NULL;
    }
    if (strlen(socket_path) > SOCKET_PATH_MAX) {
        cli_refuse(values, "%s is too long for a socket's path; choose a shorter --data",
                   socket_path);
        return NULL;
    }
    if (file_make_folders(folder) != 0 || !make_bridge()) {
        cli_refuse(values, "cannot prepare a Docker Engine of our own (folder %s, bridge %s)",
                   folder, bridge_name);
        return NULL;
    }
    argv[n++] = "dockerd";
    argv[n++] = arena_printf(arena, "--data-root=%s/data", folder);
    argv[n++] = arena_printf(arena, "--exec-root=%s/exec", folder);
    argv[n++] = arena_printf(arena, "--pidfile=%s/dockerd.pid", folder);
    argv[n++] = arena_printf(arena, "--host=unix://%s", socket_path);
    argv[n++] = arena_printf(arena, "--bridge=%s", bridge_name);
    argv[n++] = "--live-restore";
    argv[n++] = "--log-level=warn";
    return argv;
}
