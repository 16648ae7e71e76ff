// Input: an object as Docker sends it; tried as each of its structures.

#include "api/docker.h"
#include "fuzz.h"
#include "wire/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < DOCKER_SHAPES_N; i++)
        fuzz_shape(docker_shapes[i], str_span((const char *)data, size), &codec_docker);
    return 0;
}
