// gantry: a self-hosted Amazon ECS. This file is the table of subcommands; each lives in src/cli.

#include <stdio.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/mem.h"
#include "cli/command.h"
#include "io/entropy.h"

static const struct cli_command *const commands[] = {
    &cli_up,   &cli_server, &cli_agent, &cli_ecs,    &cli_ps,
    &cli_logs, &cli_exec,   &cli_top,   &cli_events, &cli_env,
};

static void print_overview(FILE *out)
{
    fprintf(out, "usage: gantry COMMAND [FLAG...] [ARGUMENT...]\n\n"
                 "Amazon ECS for machines you own.\n\n");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        fprintf(out, "  %-8s %s\n", commands[i]->name, commands[i]->summary);
    fprintf(out, "\n'gantry COMMAND --help' explains a command; the manual is gantry(1).\n"
                 "To begin: 'gantry up', then in another shell 'eval \"$(gantry env)\"' and use "
                 "the AWS CLI.\n");
}

static int run(const struct cli_command *command, int argc, char *const *argv)
{
    struct arena arena = ARENA_INIT;
    struct cli_values values;
    bool help;
    int status = EXIT_USAGE;

    if (cli_parse(command, argc, argv, &arena, &values, &help))
        status = command->run(&values);
    else if (help)
        status = EXIT_DONE;
    if (help)
        cli_print_help(command);
    arena_deinit(&arena);
    return status;
}

int main(int argc, char **argv)
{
    struct str name = argc > 1 ? str_of(argv[1]) : STR_NONE;

    mem_setup();
    hash_seed(entropy_u64());
    if (str_eq(name, STR("--version")) || str_eq(name, STR("version"))) {
        printf("gantry %s\n", GANTRY_VERSION);
        return EXIT_DONE;
    }
    if (str_eq(name, STR("--help")) || str_eq(name, STR("-h")) || str_eq(name, STR("help"))) {
        print_overview(stdout);
        return EXIT_DONE;
    }
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (str_eq(name, str_of(commands[i]->name)))
            return run(commands[i], argc - 1, argv + 1);
    }
    if (argc > 1)
        fprintf(stderr, "gantry: no command '%s'\n\n", argv[1]);
    print_overview(stderr);
    return EXIT_USAGE;
}
