// A driver's library for the test of gpu.c: two devices, or, where the environment says so, none
// that answers.

#include <stdlib.h>
#include <string.h>

#define CALL __attribute__((visibility("default"))) int

CALL nvmlInit_v2(void);
CALL nvmlShutdown(void);
CALL nvmlDeviceGetCount_v2(unsigned *out);
CALL nvmlDeviceGetHandleByIndex_v2(unsigned index, void **out);
CALL nvmlDeviceGetUUID(void *device, char *out, unsigned room);
CALL nvmlSystemGetDriverVersion(char *out, unsigned room);

static int devices[2];

int nvmlInit_v2(void)
{
    return getenv("FAKE_NVML_BROKEN") != NULL ? 9 : 0;
}

int nvmlShutdown(void)
{
    return 0;
}

int nvmlDeviceGetCount_v2(unsigned *out)
{
    *out = 2;
    return 0;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **out)
{
    *out = &devices[index];
    return 0;
}

int nvmlDeviceGetUUID(void *device, char *out, unsigned room)
{
    if (room < 16)
        return 7;
    memcpy(out, device == &devices[0] ? "GPU-aaaa" : "GPU-bbbb", 9);
    return 0;
}

int nvmlSystemGetDriverVersion(char *out, unsigned room)
{
    if (room < 16)
        return 7;
    memcpy(out, "535.129.03", 11);
    return 0;
}
