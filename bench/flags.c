// See flags.h. A table ends with an entry that has no name.

#include "bench/flags.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

_Noreturn void flags_fail(const struct flag *flags, const char *usage, const char *program)
{
    fprintf(stderr, "usage: %s %s\n", program, usage);
    for (; flags->name != NULL; flags++)
        fprintf(stderr, "  %-16s %s\n", flags->name, flags->help);
    exit(2);
}

static const struct flag *find(const struct flag *flags, const char *name)
{
    for (; flags->name != NULL; flags++) {
        if (strcmp(flags->name, name) == 0)
            return flags;
    }
    return NULL;
}

int flags_parse(int argc, char **argv, const struct flag *flags, const char *usage)
{
    int words = 1;

    for (int i = 1; i < argc; i++) {
        const struct flag *flag;

        if (strncmp(argv[i], "--", 2) != 0) {
            argv[words++] = argv[i];
            continue;
        }
        flag = find(flags, argv[i]);
        if (flag == NULL || ++i == argc)
            flags_fail(flags, usage, argv[0]);
        if (flag->text != NULL)
            *flag->text = argv[i];
        else if (!str_to_i64(str_of(argv[i]), flag->number))
            flags_fail(flags, usage, argv[0]);
    }
    return words;
}
