// The fake runtime's volumes.

#include "runtime/fake_internal.h"

#include "base/arena.h"

static struct volume *find_volume(const struct fake *fake, struct str name)
{
    for (struct volume *volume = fake->volumes; volume != NULL; volume = volume->next) {
        if (!volume->removed && str_eq(volume->name, name))
            return volume;
    }
    return NULL;
}

bool fake_has_volume(const struct fake *fake, struct str name)
{
    return find_volume(fake, name) != NULL;
}

size_t fake_volumes(const struct fake *fake)
{
    size_t n = 0;

    for (struct volume *volume = fake->volumes; volume != NULL; volume = volume->next)
        n += volume->removed ? 0 : 1;
    return n;
}

size_t fake_volumes_named(const struct fake *fake, struct str head)
{
    size_t n = 0;

    for (struct volume *volume = fake->volumes; volume != NULL; volume = volume->next)
        n += !volume->removed && str_starts(volume->name, head);
    return n;
}

static struct volume *add_volume(struct fake *fake, struct str name)
{
    struct volume *volume = arena_new(&fake->arena, struct volume);

    volume->name = str_copy(&fake->arena, name);
    volume->next = fake->volumes;
    fake->volumes = volume;
    return volume;
}

void fake_add_volume(struct fake *fake, const char *name)
{
    add_volume(fake, str_of(name));
}

void fake_do_on_volume(struct fake *fake, const struct thing *thing)
{
    const struct host_call *call = thing->call;
    bool creating = call->kind == HOST_CALL_KIND_CREATE_VOLUME;
    struct str name = creating ? call->volume->name : call->volume_name;
    struct volume *volume = find_volume(fake, name);
    struct docker_volume found = {0};
    struct host_result result = {0};

    if (volume == NULL && !creating) {
        fake_answer_error(thing, HOST_ERROR_CLASS_NOT_FOUND,
                          STR("Error response from daemon: no such volume"));
        return;
    }
    if (volume == NULL) {
        volume = add_volume(fake, name);
        volume->made = call->volume;
    }
    if (call->kind == HOST_CALL_KIND_REMOVE_VOLUME)
        volume->removed = true;
    SET(&found, name, volume->name);
    if (volume->made != NULL) {
        SET(&found, labels, volume->made->labels);
        SET(&found, options, volume->made->driver_opts);
    }
    SET(&result, volume, &found);
    fake_answer(thing, &result);
}
