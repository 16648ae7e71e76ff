// The halves of fuzz_settings.c that read credentials: a file each, because the client's reader and
// the server's have the same names.

#ifndef FUZZ_FUZZ_SETTINGS_H
#define FUZZ_FUZZ_SETTINGS_H

#include "base/str.h"

struct arena;

void fuzz_settings_client(struct str text);
void fuzz_settings_server(struct arena *arena); // reads the file of fuzz_settings.c

#endif
