// `gantry server` as a process: signals in, exit status out.
//
// The signals that matter are blocked in every thread and waited for in this one, so that nothing
// ever runs inside a handler.

#include <signal.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/log.h"
#include "io/entropy.h"
#include "io/process.h"
#include "server/server.h"

static sigset_t block_signals(void)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    return signals;
}

static void serve_until_told(struct server *server, const sigset_t *signals)
{
    int signo = 0;

    while (sigwait(signals, &signo) == 0 && signo == SIGHUP)
        server_reload(server);
    LOG_INFO("server.stopping", LOG_CSTR("signal", signo == SIGTERM ? "SIGTERM" : "SIGINT"));
}

int server_run(const struct server_options *options)
{
    struct arena arena = ARENA_INIT;
    struct str detail = STR_NONE;
    struct server *server = NULL;
    sigset_t signals = block_signals();
    int outcome;

    signal(SIGPIPE, SIG_IGN);
    process_raise_descriptors(); // every agent has two connections
    hash_seed(entropy_u64());
    outcome = server_start(options, &arena, &detail, &server);
    if (outcome != 0) {
        fprintf(stderr, "gantry server: %.*s\n", STR_ARGS(detail));
    } else {
        serve_until_told(server, &signals);
        server_stop(server);
    }
    arena_deinit(&arena);
    return outcome == SERVER_E_OPTIONS ? 2 : outcome != 0 ? 1 : 0;
}
