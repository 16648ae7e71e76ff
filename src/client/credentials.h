// Access keys as every AWS tool finds them: the environment, then an INI file of profiles. Gantry's
// own credentials file, made at the server's first start, has the same form.

#ifndef CLIENT_CREDENTIALS_H
#define CLIENT_CREDENTIALS_H

#include "base/error.h"
#include "base/str.h"

struct arena;

struct credentials {
    struct str key_id;
    struct str secret;
    struct str token; // empty: none
};

// One profile out of the text of such a file. False: no such profile, or not both keys in it.
bool credentials_parse(struct str text, struct str profile, struct credentials *out);

// The same out of a file; texts live in the arena. False also when the file cannot be read.
bool credentials_read(struct arena *arena, const char *path, struct str profile,
                      struct credentials *out);

// The keys a server keeps in its data folder, whatever the environment says.
bool credentials_of_server(struct arena *arena, const char *data_dir, struct credentials *out);

enum credentials_outcome { CREDENTIALS_E_NONE = 1 };

// AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; then `<data_dir>/credentials`; then the file of
// AWS_SHARED_CREDENTIALS_FILE or ~/.aws/credentials with AWS_PROFILE. Texts live in the arena.
int credentials_find(struct arena *arena, const char *data_dir, struct credentials *out) MUST_CHECK;

#endif
