// See gpu.h. The few calls are declared here as the driver's documentation has them, so that
// building needs none of its headers. The library is let go when the answers are there.

#include "host/gpu.h"

#include <dlfcn.h>

#include "base/arena.h"

enum { NVML_OK = 0, UUID_ROOM = 96, VERSION_ROOM = 80, DEVICES_MAX = 64 };

struct nvml_device;

struct nvml {
    int (*init)(void);
    int (*shutdown)(void);
    int (*count)(unsigned *out);
    int (*handle)(unsigned index, struct nvml_device **out);
    int (*uuid)(struct nvml_device *device, char *out, unsigned room);
    int (*driver)(char *out, unsigned room);
};

static bool load(void *library, struct nvml *nvml)
{
    const struct {
        const char *name;
        void *slot;
    } calls[] = {
        {"nvmlInit_v2", &nvml->init},
        {"nvmlShutdown", &nvml->shutdown},
        {"nvmlDeviceGetCount_v2", &nvml->count},
        {"nvmlDeviceGetHandleByIndex_v2", &nvml->handle},
        {"nvmlDeviceGetUUID", &nvml->uuid},
        {"nvmlSystemGetDriverVersion", &nvml->driver},
    };

    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        void *found = dlsym(library, calls[i].name);

        if (found == NULL)
            return false;
        memcpy(calls[i].slot, &found, sizeof found); // the way POSIX has for a function's address
    }
    return true;
}

static bool read_all(const struct nvml *nvml, struct arena *arena, struct gpu_list *out)
{
    char text[UUID_ROOM] = {0};
    unsigned n = 0;

    if (nvml->driver(text, VERSION_ROOM) != NVML_OK || nvml->count(&n) != NVML_OK)
        return false;
    out->driver = str_copy(arena, str_of(text));
    if (n > DEVICES_MAX)
        n = DEVICES_MAX;
    out->ids.at = arena_array(arena, struct str, n);
    for (unsigned i = 0; i < n; i++) {
        struct nvml_device *device = NULL;

        if (nvml->handle(i, &device) != NVML_OK || nvml->uuid(device, text, UUID_ROOM) != NVML_OK)
            return false;
        out->ids.at[out->ids.n++] = str_copy(arena, str_of(text));
    }
    return true;
}

int gpu_find(const char *library, struct arena *arena, struct gpu_list *out, struct str *out_why)
{
    void *handle = dlopen(library != NULL ? library : "libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
    struct nvml nvml;
    struct gpu_list found = {0};
    int result = GPU_E_NONE;

    if (handle == NULL) {
        *out_why = str_copy(arena, str_of(dlerror()));
        return GPU_E_NONE;
    }
    *out_why = STR("the driver's library lacks a call");
    if (load(handle, &nvml)) {
        *out_why = STR("the driver does not answer");
        if (nvml.init() == NVML_OK) {
            if (read_all(&nvml, arena, &found) && found.ids.n > 0) {
                *out = found;
                result = 0;
            }
            nvml.shutdown();
        }
    }
    dlclose(handle);
    return result;
}
