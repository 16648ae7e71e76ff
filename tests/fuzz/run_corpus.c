// Runs a fuzz target over files, so that what was once found stays fixed: run_corpus DIR...
// An empty folder is a failure: it would test nothing.

#include <dirent.h>
#include <errno.h>

#include "base/assert.h"
#include "base/buf.h"
#include "fuzz.h"

static bool run_file(const char *folder, const char *name)
{
    BUF_AUTO struct buf data = BUF_INIT;
    char path[4096];
    FILE *file;
    size_t len;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "rb");
    if (file == NULL) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return false;
    }
    while ((len = fread(buf_reserve(&data, 4096), 1, 4096, file)) > 0)
        buf_grew(&data, len);
    fclose(file);
    fprintf(stderr, "%s\n", path); // the last one named is the one that failed
    LLVMFuzzerTestOneInput((const uint8_t *)buf_str(&data).ptr, buf_len(&data));
    return true;
}

static bool run_folder(const char *folder)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    bool good = true;
    size_t n = 0;

    if (dir == NULL) {
        fprintf(stderr, "%s: %s\n", folder, strerror(errno));
        return false;
    }
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        good = run_file(folder, entry->d_name) && good;
        n++;
    }
    closedir(dir);
    if (n == 0)
        fprintf(stderr, "%s: no inputs\n", folder);
    return good && n > 0;
}

int main(int argc, char **argv)
{
    bool good = argc > 1;

    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    for (int i = 1; i < argc; i++)
        good = run_folder(argv[i]) && good;
    return good ? 0 : 1;
}
