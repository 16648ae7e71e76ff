// The container engine of this machine: the one that answers, or one of our own under the data
// folder.

#ifndef CLI_DOCKER_HOST_H
#define CLI_DOCKER_HOST_H

#include "cli/command.h"

#define DOCKER_HOST_USUAL "/var/run/docker.sock"

// The engine's socket: --docker-socket, DOCKER_HOST (unix:// only), the file `docker-socket` that
// `gantry up` leaves in the data folder, DOCKER_HOST_USUAL. NULL: DOCKER_HOST is not a unix
// socket.
const char *docker_host_socket(const struct cli_values *values);

// Where our own engine listens.
const char *docker_host_own_socket(const struct cli_values *values);

bool docker_host_answers(const char *socket);

// Makes what dockerd needs and returns the arguments to start it with, NULL-terminated; NULL when
// this cannot be done (a line on standard error says why).
const char *const *docker_host_own_argv(const struct cli_values *values);

#endif
